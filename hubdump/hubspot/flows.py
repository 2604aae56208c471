"""How to read a type: generators that yield what they need and are sent what came (no I/O).

A flow yields a Request and is sent its Answer; it yields a question and is sent what the store says; it yields
a Commit and goes on only after that page and its cursor are on disk together. Whoever drives a flow can
therefore stop anywhere and start it again from the last cursor.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hubdump import marks
from hubdump.errors import RequestRefused
from hubdump.hubspot.batches import Batch, Hydrated, ids_in
from hubdump.hubspot.endpoints import BATCH_RECORDS, Endpoints, fits_url
from hubdump.hubspot.histories import histories
from hubdump.hubspot.linking import associations
from hubdump.hubspot.listing import Listing
from hubdump.hubspot.refs import Page
from hubdump.hubspot.searching import FilterGroups, Search
from hubdump.model import (
    Effect,
    Flow,
    Known,
    Met,
    ObjectType,
    Otherwise,
    Quarantined,
    RecordRef,
    RecordsRead,
    Settled,
    State,
    Unseen,
    Version,
)

__all__ = [
    "ID_ONLY",
    "FilterGroups",
    "associations",
    "changed_since",
    "changes",
    "histories",
    "identify",
    "reread",
    "search_matches",
    "settle",
    "sweep",
]

ID_ONLY = ("hs_object_id",)


def sweep(api: Endpoints, type_: ObjectType, properties: Sequence[str], cursor: str) -> Flow:
    """Every active record of a type by list."""
    listing = _Wide(Batch(api, type_, properties), cursor)
    while not listing.done:
        before = listing.cursor
        found = yield from listing.next_page()
        yield from _commit(found, before, listing.cursor, done=listing.done)


def archived(api: Endpoints, type_: ObjectType, properties: Sequence[str], cursor: str) -> Flow:
    """Every archived record of a type by list; one that the store has as active is looked for there first."""
    listing = _Wide(Batch(api, type_, properties, archived=True), cursor)
    while not listing.done:
        before = listing.cursor
        found = yield from listing.next_page()
        ids = [ref.id for _, refs in found.pages for ref in refs]
        known: Mapping[int, Version] = yield Known(ids)
        active = [id_ for id_ in ids if id_ in known and known[id_].state is State.ACTIVE]
        there = yield from Batch(api, type_, properties).read(active)
        alive = {ref.id for _, refs in there.pages for ref in refs}
        if alive:
            marks.hit("archived but there")
        found.pages = [(answer, [ref for ref in refs if ref.id not in alive]) for answer, refs in found.pages]
        found.pages += there.pages
        yield from _commit(found, before, listing.cursor, done=listing.done)


def changes(
    api: Endpoints, type_: ObjectType, since_us: int, settled_us: int, properties: Sequence[str], cursor: str
) -> Flow:
    """Every record modified since an instant by search; `cursor` is the last id that was read.

    What the store has at that very version is not read again, unless it is of `settled_us` or later: another change
    may bear the same time, and have been made since it was read.
    """
    search = Search(api, type_, changed_since(type_, since_us), ID_ONLY, int(cursor or 0))
    while not search.done:
        before = str(search.last)
        response, refs = yield from search.next_page()
        known: Mapping[int, Version] = yield Known(ids_in(refs))
        new = [ref.id for ref in refs if _differs(ref, known.get(ref.id)) or _is_since(ref, settled_us)]
        found = yield from Batch(api, type_, properties).read(new)
        found.pages = found.pages or [(response, [])]
        yield from _commit(found, before, str(search.last), done=search.done)


def changed_since(type_: ObjectType, since_us: int) -> FilterGroups:
    """What a search is to ask for to find every record modified since an instant."""
    # Search compares whole milliseconds; rounding down reads too much rather than too little.
    return [[{"propertyName": type_.modified, "operator": "GTE", "value": str(since_us // 1000)}]]


def identify(
    api: Endpoints, type_: ObjectType, properties: Sequence[str], calculated: Sequence[str], cursor: str
) -> Flow:
    """List the ids and versions of a type again, and read what differs from the store: the proof of a type.

    New values of `calculated` properties move no version: they are listed too, and compared.
    """
    listing = _Wide(Batch(api, type_, (*ID_ONLY, type_.modified, *calculated)), cursor)
    while not listing.done:
        before = listing.cursor
        page = yield from listing.next_page()
        differing = yield from _differing(page, calculated)
        found = yield from Batch(api, type_, properties).read(sorted(differing))
        yield from _commit_pages(found.pages, before)
        # What differs and is not there by its id is left for `settle`, which looks into it.
        same = [ref.id for _, refs in page.pages for ref in refs if ref.id not in differing]
        unreadable = page.unreadable | found.unreadable
        yield Settled(listing.cursor, listing.done, same, unreadable=unreadable)


def _differing(page: Hydrated, calculated: Sequence[str]) -> Generator[Effect, Any, set[int]]:
    """The ids of a page that the store lacks, has at an older version or as not active, or with other values."""
    known: Mapping[int, Version] = yield Known([ref.id for _, refs in page.pages for ref in refs])
    differing: set[int] = set()
    for response, refs in page.pages:
        differing |= {ref.id for ref in refs if _differs(ref, known.get(ref.id))}
        left = [ref for ref in refs if ref.id not in differing]
        if calculated and left and (others := (yield Otherwise(response, left, calculated))):
            marks.hit("recalculated")
            differing |= set(others)
    return differing


def settle(api: Endpoints, type_: ObjectType, properties: Sequence[str], cursor: str) -> Flow:
    """What became of the records that the last pass did not list: archived, merged, gone, or there after all."""
    return _looked_into(api, type_, properties, cursor, Unseen)


def reread(api: Endpoints, type_: ObjectType, properties: Sequence[str], cursor: str) -> Flow:
    """Try again to read the records that HubSpot failed to give so far."""
    return _looked_into(api, type_, properties, cursor, Quarantined)


def _looked_into(
    api: Endpoints,
    type_: ObjectType,
    properties: Sequence[str],
    cursor: str,
    which: type[Unseen] | type[Quarantined],
) -> Flow:
    """Read the records that a question names by id, archived or not, and tell what became of the others."""
    after = int(cursor or 0)
    while True:
        ids: list[int] = yield which(after, BATCH_RECORDS)
        if not ids:
            yield Settled(str(after), done=True)
            return
        batch = Batch(api, type_, properties, doubtful=which is Quarantined)
        found = yield from replace(batch, archived=True).read(ids)
        active = yield from batch.read(sorted(found.gone | found.merged.keys()))
        # One that was archived or restored between two of these reads was in neither.
        found.add((yield from replace(batch, archived=True).read(sorted(active.gone))))
        left = active.gone - {ref.id for _, refs in found.pages for ref in refs} - found.unreadable.keys()
        last = yield from batch.read(sorted(left))
        active.add(last)
        gone = last.gone
        yield from _commit_pages([*found.pages, *active.pages], str(after))
        removed = dict.fromkeys(gone, None) | active.merged
        if any(refs for _, refs in active.pages):
            marks.hit("unlisted but there")
        if removed:
            marks.hit("removed since")
        after = ids[-1]
        yield Settled(str(after), False, (), removed, found.unreadable | active.unreadable)


def search_matches(
    api: Endpoints, type_: ObjectType, filter_groups: FilterGroups, properties: Sequence[str], cursor: str
) -> Flow:
    """Every match of a search once, past the cap of 10,000: each page a fresh query above the last id."""
    search = Search(api, type_, filter_groups, properties, int(cursor or 0))
    while not search.done:
        response, refs = yield from search.next_page()
        yield RecordsRead(response, refs, str(search.last), search.done)


def _differs(ref: RecordRef, known: Version | None) -> bool:
    """Whether the store lacks a listed record, has it at an older version, or as one that is not active."""
    if known is None or known.state is not State.ACTIVE:
        return True
    return ref.updated_us is not None and (known.updated_us is None or ref.updated_us > known.updated_us)


def _is_since(ref: RecordRef, since_us: int) -> bool:
    return ref.updated_us is None or ref.updated_us >= since_us


class _Wide:
    """A list with all properties; where they are too many for a URL, ids are listed and the records read by id."""

    def __init__(self, batch: Batch, cursor: str) -> None:
        self._batch, self._ids_only = batch, not fits_url(batch.properties)
        properties = ID_ONLY if self._ids_only else batch.properties
        self._listing = Listing(batch.api, batch.type, properties, cursor, archived=batch.archived)

    @property
    def done(self) -> bool:
        return self._listing.done

    @property
    def cursor(self) -> str:
        return self._listing.cursor

    def next_page(self) -> Generator[Effect, Any, Hydrated]:
        """The records of one page, and those of it that cannot be read."""
        try:
            page = yield from self._listing.next_page()
        except RequestRefused as error:
            if error.status != 414 or self._ids_only:
                raise
            self._ids_only, self._listing.properties = True, ID_ONLY
            page = yield from self._listing.next_page()
        if page.refs and not self._listing.done:
            met = yield Met(ids_in(page.refs), self._listing.after)
            self._listing.done = bool(met)
        found = Hydrated([(page.response, page.refs)] if page.response else [], unreadable=page.unreadable)
        if self._ids_only and page.refs:
            found = yield from self._batch.read(ids_in(page.refs))
            found.unreadable |= page.unreadable
        return found


def _commit(found: Hydrated, before: str, after: str, *, done: bool) -> Generator[Effect, Any, None]:
    """Hand over the responses of one step; only the last one moves the cursor."""
    if found.unreadable or not found.pages:
        yield from _commit_pages(found.pages, before)
        yield Settled(after, done, unreadable=found.unreadable)
        return
    yield from _commit_pages(found.pages[:-1], before)
    yield RecordsRead(*found.pages[-1], after, done)


def _commit_pages(pages: Sequence[Page], cursor: str) -> Generator[Effect, Any, None]:
    for response, refs in pages:
        if refs:
            yield RecordsRead(response, refs, cursor, done=False)
