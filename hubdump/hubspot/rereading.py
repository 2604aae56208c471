"""How to read again what a dump holds, to hold it against HubSpot: flows that leave the store as it is (no I/O)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from hubdump.errors import Incomplete, RequestRefused
from hubdump.hubspot.batches import Batch, Hydrated, ids_in
from hubdump.hubspot.endpoints import Endpoints, fits_url
from hubdump.hubspot.listing import Listed, Listing, entry, spot_of
from hubdump.model import Effect, Flow, ObjectType, RecordsRead, Settled

ID_ONLY = ("hs_object_id",)
NO_END = 2**63


class Piece(NamedTuple):
    """The ids from `low` on and below `high`. `boundary` is a stored id behind which texts and numbers are ordered
    otherwise (0: nowhere among the stored ones).
    """

    low: int = 0
    high: int = NO_END
    boundary: int = 0

    def holds(self, id_: int) -> bool:
        return self.low <= id_ < self.high


def listed(
    api: Endpoints, type_: ObjectType, properties: Sequence[str], piece: Piece, *, archived: bool
) -> Flow:
    """The active or archived records of a piece of a type, by list; by batch read where the URL is too short.

    Where a list is not ordered by number it is walked whole, and what is not of the piece left out.
    """
    wide = not fits_url(properties)
    numeric = yield from _numeric(api, type_, piece)
    listing = Listing(
        api, type_, ID_ONLY if wide else properties, _at(piece.low, numeric=numeric), archived=archived
    )
    while not listing.done:
        try:
            page = yield from listing.next_page()
        except RequestRefused as error:
            if error.status != 414 or wide:
                raise
            wide, listing.properties = True, ID_ONLY
            continue
        yield from _handed_over(Batch(api, type_, properties, archived), page, piece, wide=wide)
        spot = spot_of(listing.cursor)
        if numeric and spot.textual:
            raise Incomplete(f"The list of {type_.name} is ordered in two ways: leave out --subset.")
        if numeric and spot.last >= piece.high:
            return


def _numeric(api: Endpoints, type_: ObjectType, piece: Piece) -> Generator[Effect, Any, bool]:
    """Whether the list of a type can be entered at any id: its cursors are ids, and ids ascend as numbers."""
    if piece == Piece():
        return False  # it is walked whole anyway
    first = Listing(api, type_, ID_ONLY, "")
    yield from first.next_page()
    spot = spot_of(first.cursor)
    by_id = spot.after.isdecimal() and int(spot.after) > spot.last
    if not by_id or spot.textual or spot.counting:
        return False
    behind = Listing(api, type_, ID_ONLY, _at(piece.boundary or piece.low, numeric=True))
    try:
        page = yield from behind.next_page()
    except RequestRefused:
        return False  # a cursor has to be one that was given
    texts = [str(id_) for id_ in ids_in(page.refs)]
    return not piece.boundary or any(a > b for a, b in pairwise(texts))


def _at(id_: int, *, numeric: bool) -> str:
    """The cursor of a list that begins with an id, '' where it can only be had from its beginning."""
    return entry(id_) if numeric and id_ else ""


def looked_up(api: Endpoints, type_: ObjectType, properties: Sequence[str], ids: Sequence[int]) -> Flow:
    """What HubSpot has under some ids, archived or not; the last step tells of those that are no records there."""
    active = yield from Batch(api, type_, properties).read(ids)
    left = sorted(active.gone | active.merged.keys())
    archived = yield from Batch(api, type_, properties, archived=True).read(left)
    for found in (active, archived):
        yield from _pages(found)
    removed = {id_: active.merged.get(id_) for id_ in archived.gone | archived.merged.keys()}
    yield Settled("", True, removed=removed, unreadable=active.unreadable | archived.unreadable)


def _handed_over(batch: Batch, page: Listed, piece: Piece, *, wide: bool) -> Generator[Effect, Any, None]:
    refs = [ref for ref in page.refs if piece.holds(ref.id)]
    found = Hydrated([(page.response, refs)] if page.response else [])
    if wide and refs:
        found = yield from batch.read(ids_in(refs))
    yield from _pages(found)
    unreadable = {id_: why for id_, why in page.unreadable.items() if piece.holds(id_)} | found.unreadable
    if unreadable:
        yield Settled("", False, unreadable=unreadable)


def _pages(found: Hydrated) -> Generator[Effect, Any, None]:
    for response, refs in found.pages:
        if refs:
            yield RecordsRead(response, refs, "", done=False)
