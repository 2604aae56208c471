"""Reads records by id, a hundred at a time, and tells what became of those that do not come."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hubdump import marks
from hubdump.errors import Poison
from hubdump.hubspot import wire
from hubdump.hubspot.endpoints import BATCH_RECORDS, HISTORY_RECORDS, Endpoints
from hubdump.hubspot.refs import Page, ids_of, record_refs
from hubdump.model import FAILURES_MAX, Answer, Effect, ObjectType, RecordRef, Wait

ROUNDS_MAX = 6
ROUND_WAIT_S = 2.0
TRIES = 2
# So many ids that fail one and all are no records of their own errors.
ALONE_MAX = 3


@dataclass(slots=True)
class Hydrated:
    """What batch reads found of some ids: pages of records; ids that are not there, those that were merged into
    another record, and those that HubSpot fails to give, with what it says.
    """

    pages: list[Page] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    merged: dict[int, int] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)

    def add(self, other: Hydrated) -> None:
        self.pages += other.pages
        self.gone |= other.gone
        self.merged |= other.merged
        self.unreadable |= other.unreadable


@dataclass(frozen=True, slots=True)
class Batch:
    """Which records of a type are read: their properties, and whether archived or active ones.

    Of `histories` all values are read. `doubtful` ones failed before: that all of them fail again says nothing of
    HubSpot.
    """

    api: Endpoints
    type: ObjectType
    properties: Sequence[str]
    archived: bool = False
    doubtful: bool = False
    histories: Sequence[str] = ()

    def read(self, ids: Sequence[int]) -> Generator[Effect, Any, Hydrated]:
        """Read any number of ids."""
        found, most = Hydrated(), HISTORY_RECORDS if self.histories else BATCH_RECORDS
        for start in range(0, len(ids), most):
            found.add((yield from self._read(ids[start : start + most])))
        return found

    def _read(
        self, ids: Sequence[int], failures_max: int = FAILURES_MAX, *, narrowed: bool = False
    ) -> Generator[Effect, Any, Hydrated]:
        """Read a batch, again where HubSpot leaves some of it unanswered, by halves where it fails for ever."""
        found, open_ids = Hydrated(), set(ids)
        for round_ in range(1, ROUNDS_MAX + 1):
            asked = sorted(open_ids)
            request = self.api.batch_read(
                self.type, self.properties, asked, archived=self.archived, histories=self.histories
            )
            try:
                answer: Answer[wire.BatchPage] = yield replace(
                    request, failures_max=failures_max, narrowed=narrowed
                )
            except Poison as error:
                halved = yield from self._halved(asked, error)
                whole = failures_max == FAILURES_MAX and len(asked) > ALONE_MAX and not self.doubtful
                if whole and halved.unreadable.keys() >= set(asked):
                    marks.hit("all of it fails")
                    failures_max = 0
                    continue
                found.add(halved)
                return found
            refs, strange = record_refs(self.type, answer.content.results)
            found.unreadable |= {id_: strange[id_] for id_ in open_ids & strange.keys()}
            open_ids -= strange.keys()
            found.pages.append((answer.response, [ref for ref in refs if ref.id in open_ids]))
            gone = ids_of(answer.content.errors, "ids", category="OBJECT_NOT_FOUND") & open_ids
            found.gone |= gone
            others = [ref for ref in refs if ref.id not in open_ids]
            open_ids -= gone | {ref.id for ref in refs}
            if open_ids and others:
                found.add((yield from self._led_elsewhere(asked, sorted(open_ids), others)))
                return found
            if not open_ids:
                return found
            marks.hit("207 retry")
            yield Wait(ROUND_WAIT_S * 2 ** (round_ - 1))
        found.unreadable |= dict.fromkeys(
            open_ids, "HubSpot names it, but does not answer for it by batch read"
        )
        return found

    def _halved(self, ids: Sequence[int], error: Poison) -> Generator[Effect, Any, Hydrated]:
        marks.hit("poison bisect")
        if len(ids) == 1:
            return Hydrated(unreadable={ids[0]: error.text})
        middle, found = len(ids) // 2, Hydrated()
        for half in (ids[:middle], ids[middle:]):
            found.add((yield from self._read(half, TRIES if len(half) > 1 else FAILURES_MAX, narrowed=True)))
        return found

    def _led_elsewhere(
        self, asked: Sequence[int], left: Sequence[int], others: Sequence[RecordRef]
    ) -> Generator[Effect, Any, Hydrated]:
        """Records nobody asked for came: the ids that are left were merged into them; one by one says which."""
        if len(asked) == 1:
            marks.hit("merged away")
            return Hydrated(merged={asked[0]: others[0].id})
        found = Hydrated()
        for id_ in left:
            found.add((yield from self._read([id_])))
        return found


def ids_in(refs: Iterable[RecordRef]) -> list[int]:
    """The ids of some records, in their order."""
    return [ref.id for ref in refs]
