"""Levels ids and full: every record of a type once more, held against the store. This is the proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from msgspec import Raw

from hubdump.extract import plan
from hubdump.hubspot import wire
from hubdump.hubspot.endpoints import BATCH_RECORDS
from hubdump.hubspot.rereading import ID_ONLY, NO_END, Piece, listed
from hubdump.model import Bookmark, ObjectType, RecordsRead, Settled, State
from hubdump.store.reader import Reader, StoredState
from hubdump.verify import content
from hubdump.verify.findings import Finding, named, unchecked, wrong
from hubdump.verify.judging import ACCUSED, Kind, kind_of
from hubdump.verify.listed import Item, Listed, differing
from hubdump.verify.portal import Portal, Present

Names = frozenset[str]
_SHELVES = (State.ACTIVE, State.ARCHIVED)


@dataclass(slots=True)
class Proof:
    """What was found of one type, and the instant at which the store is now proved to have held exactly what
    HubSpot did (microseconds; None: it did not, or not all was compared).

    `moved` are records that are not at HubSpot as they are here.
    """

    findings: list[Finding] = field(default_factory=list)
    proved_us: int | None = None
    moved: set[int] = field(default_factory=set)


class Suspect(NamedTuple):
    """A record that a list shows otherwise than the store: what the store has, its bytes too where they differ."""

    id: int
    here: StoredState | None
    raw: Raw | None = None


@dataclass(slots=True)
class Judged:
    """Suspects by what they are, with their names; `moved` are those that are not the same any more."""

    names: dict[Kind, list[str]] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)

    def add(self, kind: Kind, id_: int, told: str = "") -> None:
        self.names.setdefault(kind, []).append(told or str(id_))
        if kind not in {Kind.SAME, Kind.OTHER}:
            self.moved.add(id_)

    def of(self, *kinds: Kind) -> int:
        return sum(len(self.names.get(kind, ())) for kind in kinds)


def piece(dump: Path, type_: ObjectType, number: int, of: int) -> Piece:
    """The `number`th of `of` pieces of a type: as many stored records in each; all others are in the first or last."""
    if of == 1:
        return Piece()
    reader = Reader(dump / "store.sqlite")
    try:
        count = sum(1 for _ in reader.states(type_.name))
        cuts, boundary, before = (count * (number - 1) // of, count * number // of), 0, 0
        bounds = dict.fromkeys(cuts, NO_END)
        for place, state in enumerate(reader.states(type_.name)):
            if place in bounds:
                bounds[place] = state.id
            if not boundary and before and str(before) > str(state.id):
                boundary = before
            before = state.id
    finally:
        reader.close()
    low = 0 if number == 1 else bounds[cuts[0]]
    return Piece(low, NO_END if number == of else bounds[cuts[1]], boundary)


async def compare(portal: Portal, dump: Path, type_: ObjectType, piece: Piece, *, full: bool) -> Proof:
    """List a type again, active and archived, and look into all that is not as in the store."""
    began_us = plan.fresh_us(portal.exchange.server_time_us())
    reader = Reader(dump / "store.sqlite")
    try:
        mark = reader.bookmark(type_.name)
        if mark.fresh_us is None:
            return Proof([wrong("ids", type_.name, "never read whole: hubdump run")])
        # The values of the others may be there once and not again.
        properties = reader.certain_names(type_.name) if full else [*ID_ONLY, type_.modified]
        with Listed() as there:
            judged = Judged()
            await _list(portal, type_, properties, piece, there, judged, full=full)
            names = frozenset(properties)
            for batch in _batches(_suspects(reader, there, type_, piece, names if full else None)):
                found = await portal.look_up(type_, properties, [suspect.id for suspect in batch])
                judge(batch, found, there, mark.fresh_us, judged, names)
            return _proof(reader, type_, mark, there, judged, began_us, whole=piece == Piece())
    finally:
        reader.close()


async def _list(
    portal: Portal,
    type_: ObjectType,
    properties: Sequence[str],
    piece: Piece,
    there: Listed,
    judged: Judged,
    *,
    full: bool,
) -> None:
    names = frozenset(properties)
    for state in _SHELVES:
        flow = listed(portal.api, type_, properties, piece, archived=state is State.ARCHIVED)
        async for step in portal.steps(flow):
            if isinstance(step, RecordsRead):
                there.add(
                    Item(ref.id, state, ref.updated_us, content.digest(raw, names) if full else None)
                    for ref, raw in content.records(step)
                )
            elif isinstance(step, Settled):
                for id_ in step.unreadable:
                    judged.add(Kind.UNREADABLE, id_)


def _suspects(
    reader: Reader, there: Listed, type_: ObjectType, piece: Piece, names: Names | None
) -> Iterator[Suspect]:
    """What is not as in the store: by version, and where `names` are given, by the values of those properties."""
    here = (state for state in reader.states(type_.name) if piece.holds(state.id))
    by_version = (Suspect(*one) for one in differing(there.ascending(), here))
    return by_version if names is None else chain(by_version, _by_content(reader, there, type_, names))


def _by_content(reader: Reader, there: Listed, type_: ObjectType, names: Names) -> Iterator[Suspect]:
    """Records of the same state and version with other values."""
    for page in reader.pages(type_.name, *_SHELVES):
        items = there.of([record.id for record in page])
        for record in page:
            item = items.get(record.id)
            if not item or item.digest == content.digest(record.raw, names):
                continue
            updated_us = wire.instant_us(wire.head(record.raw).updatedAt)
            if (record.state, updated_us) == (item.state, item.updated_us):
                yield Suspect(record.id, StoredState(record.id, record.state, updated_us, None), record.raw)


def _batches(suspects: Iterable[Suspect]) -> Iterator[list[Suspect]]:
    remaining = iter(suspects)
    while batch := list(islice(remaining, BATCH_RECORDS)):
        yield batch


def judge(
    batch: Sequence[Suspect],
    found: Mapping[int, Present | str],
    there: Listed,
    fresh_us: int,
    judged: Judged,
    asked: Names,
) -> None:
    """Sort suspects by what HubSpot has under their ids now; their values by the properties that were `asked` for."""
    winners = [one.into for one in found.values() if isinstance(one, Present) and one.into is not None]
    moved_us = {item.id: item.updated_us or 0 for item in there.of(winners).values()}
    for suspect in batch:
        now = found[suspect.id]
        kind = kind_of(now, suspect.here, fresh_us, moved_us)
        if suspect.raw and kind is Kind.SAME and isinstance(now, Present) and now.raw:
            names = content.differing(suspect.raw, now.raw, asked)
            if names:
                judged.add(Kind.OTHER, suspect.id, f"{suspect.id} ({', '.join(names)})")
                continue
        judged.add(kind, suspect.id)


def _proof(
    reader: Reader,
    type_: ObjectType,
    mark: Bookmark,
    there: Listed,
    judged: Judged,
    began_us: int,
    *,
    whole: bool,
) -> Proof:
    assert mark.fresh_us is not None
    proof = Proof(moved=judged.moved)
    for kind in ACCUSED:
        if names := judged.names.get(kind):
            proof.findings.append(wrong("ids", type_.name, kind, names))
    known = {str(one.id) for one in reader.quarantined(type_.name)}
    unread = [name for name in judged.names.get(Kind.UNREADABLE, []) if name not in known]
    if unread:
        proof.findings.append(unchecked("ids", type_.name, f"HubSpot fails to give {named(unread)}"))
    if not proof.findings:
        proof.findings.append(Finding("ids", type_.name, _told(there, judged)))
        if whole and not judged.of(Kind.UNREADABLE):
            newest = mark.fresh_us if judged.of(Kind.SINCE) else began_us
            proof.proved_us = max(newest, mark.fresh_us, mark.proved_us or 0)
    return proof


def _told(there: Listed, judged: Judged) -> str:
    parts = [f"{there.number(State.ACTIVE):,} ids at HubSpot"]
    if archived := there.number(State.ARCHIVED):
        parts[0] += f" and {archived:,} archived"
    parts.append("all in the store, none more")
    parts += [f"{judged.of(kind):,} {kind}" for kind in (Kind.SINCE, Kind.PURGED) if judged.of(kind)]
    return "; ".join(parts)
