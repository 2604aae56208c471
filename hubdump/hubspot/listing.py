"""Walks one list page by page, and checks on each that no record can lie between two of them.

HubSpot documents that `after` is the id of the next record (using-object-apis guide), not that ids ascend. Where
ids ascend as texts, the walk goes on by the cursors as given. Where `after` counts records, a removal shifts every
page behind it: then each page is asked for from the last record of the one before, and further back if need be.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from msgspec import Struct, json, structs

from hubdump import marks
from hubdump.errors import BeliefRefuted, Poison, RequestRefused
from hubdump.hubspot import wire
from hubdump.hubspot.endpoints import LIST_LADDER, Endpoints
from hubdump.hubspot.refs import MOVES, next_after, record_refs
from hubdump.model import FAILURES_MAX, Answer, Effect, ObjectType, RecordRef, Refuted, Response

ORDER = "lists and searches are ordered by id, ascending"
KEYSET = "lists page by id: what is removed shifts no page"
# A narrowed request need not fail so often: that something in it fails for ever is known.
TRIES = 2
# Ids of 12 digits were recorded: a cursor this far behind them names no record, and is still taken for one.
_ID_MAX = 10**17


class Spot(Struct, frozen=True, omit_defaults=True):
    """Where a list walk stands: the cursor of its next page, the last id, how many records it saw, and what it
    found out of the list: that ids ascend as texts, that cursors count records.
    """

    after: str = ""
    last: int = 0
    count: int = 0
    textual: bool = False
    counting: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """One step of a list walk: records, and ids that cannot be read with what HubSpot says of them."""

    response: Response | None = None
    refs: list[RecordRef] = field(default_factory=list)
    unreadable: dict[int, str] = field(default_factory=dict)


class Listing:
    """A walk over the active or archived records of a type; `cursor` is where it can be continued."""

    def __init__(
        self,
        api: Endpoints,
        type_: ObjectType,
        properties: Sequence[str],
        cursor: str,
        *,
        archived: bool = False,
    ) -> None:
        self.properties = properties
        self.done = False
        self._api, self._type, self._archived = api, type_, archived
        self._spot = spot_of(cursor)
        self._limits = list(LIST_LADDER)
        self._limit = LIST_LADDER[0]
        # The cursors of empty pages since the last record: real ones may follow each other, but not in a circle.
        self._empty: set[str] = set()

    @property
    def cursor(self) -> str:
        return json.encode(self._spot).decode()

    @property
    def after(self) -> str:
        """HubSpot's cursor of the next page."""
        return self._spot.after

    def next_page(self) -> Generator[Effect, Any, Listed]:
        """Read one page; RequestRefused and Poison where HubSpot refuses it or fails for ever."""
        try:
            answer = yield from self._ask(self._spot.after, self._limit)
        except Poison as error:
            return (yield from self._narrowed(error))
        self._limit = min(self._limit * 2, self._limits[0])
        if self._spot.counting:
            answer = yield from self._stepped_back(answer)
        return (yield from self._taken(answer))

    def _taken(self, answer: Answer[wire.ListPage]) -> Generator[Effect, Any, Listed]:
        """Check a page and move behind it."""
        refs, strange = record_refs(self._type, answer.content.results)
        yield from self._check_order([ref.id for ref in refs])
        after, spot = next_after(answer.content.paging), self._spot
        if after and after in {spot.after, *self._empty} and not spot.counting:
            marks.hit("repeated cursor")
            raise BeliefRefuted(MOVES, f"the list of {self._type.name} gave the cursor {after[:40]} twice")
        fresh = [ref for ref in refs if self._key(ref.id) > self._key(spot.last)]
        self._empty = set() if fresh else {*self._empty, after}
        last, count = fresh[-1].id if fresh else spot.last, spot.count + len(fresh) + len(strange)
        counting = spot.counting or (not spot.last and after == str(count))
        if counting and not spot.counting:
            marks.hit("counting cursor")
            yield Refuted(KEYSET, f"the cursor of {self._type.name} counts records ({after})")
        if counting and after:
            # From the last record of this page on: it shows whether anything before it was removed meanwhile.
            after = str(self._start() + max(1, len(refs) + len(strange) - 1))
        self._spot = structs.replace(self._spot, after=after, last=last, count=count, counting=counting)
        self.done = not after
        return Listed(answer.response, fresh, strange)

    def _stepped_back(self, answer: Answer[wire.ListPage]) -> Generator[Effect, Any, Answer[wire.ListPage]]:
        """Ask from further back until a page begins at or before the last record, so that none lies between."""
        back = 1
        while self._start() > 0 and self._begins_late(answer):
            marks.hit("boundary repair")
            self._spot = structs.replace(self._spot, after=str(max(0, self._start() - back)))
            back *= 2
            answer = yield from self._ask(self._spot.after, self._limit)
        return answer

    def _begins_late(self, answer: Answer[wire.ListPage]) -> bool:
        refs, _ = record_refs(self._type, answer.content.results)
        return not refs or self._key(refs[0].id) > self._key(self._spot.last)

    def _narrowed(self, error: Poison) -> Generator[Effect, Any, Listed]:
        """Read what can be read of a page that fails for ever, by fewer records at a time."""
        marks.hit("poison bisect")
        spot = self._spot
        start = wire.number(spot.after) or 0
        if spot.textual or spot.counting or (spot.after and not start):
            raise error  # without ids for cursors nothing can be left out
        while self._limit > 1:
            self._limit //= 2
            try:
                # That the first record alone fails has to be as sure as may be.
                tries = TRIES if self._limit > 1 else FAILURES_MAX
                answer = yield from self._ask(spot.after, self._limit, tries)
            except Poison:
                continue
            return (yield from self._taken(answer))
        beyond = yield from self._beyond(start)
        self._limit = self._limits[0]
        if beyond is None:
            marks.hit("all of it fails")
            return (yield from self._taken((yield from self._ask(spot.after, self._limit, 0))))
        if not (yield from self._is_there(beyond - 1)):
            # It went meanwhile, or the ids of this list do not ascend as numbers: then it cannot be told what fails.
            return (yield from self._taken((yield from self._ask(spot.after, self._limit))))
        self._spot = Spot(str(beyond), beyond - 1, spot.count + 1)
        # Between two that cannot be read others may lie: a list of one says nothing of those.
        return Listed(
            unreadable={beyond - 1: f"{error.text} (nothing was read of ids {start} to {beyond - 1})"}
        )

    def _beyond(self, start: int) -> Generator[Effect, Any, int | None]:
        """The least id from which on a list of one record succeeds; the one below it is what cannot be read.

        From `start` on it fails, that is sure. None where it does so for every id.
        """
        low, step = start, 1
        while not (yield from self._succeeds(low + step, TRIES)):
            low, step = low + step, step * 2
            if low + step >= _ID_MAX:
                return None
        high = low + step
        while True:
            while high - low > 1:
                middle = (low + high) // 2
                if (yield from self._succeeds(middle, TRIES)):
                    high = middle
                else:
                    low = middle
            # A passing error may have looked like the record's own: what is left out must fail as any request may.
            if high - 1 == start or not (yield from self._succeeds(high - 1, FAILURES_MAX)):
                return high
            low, high = start, high - 1

    def _is_there(self, id_: int) -> Generator[Effect, Any, bool]:
        """Whether HubSpot knows a record of this id, or fails on it as well."""
        request = self._api.batch_read(self._type, ("hs_object_id",), [id_], archived=self._archived)
        try:
            answer: Answer[wire.BatchPage] = yield replace(request, narrowed=True)
        except Poison:
            return True
        return bool(answer.content.results)

    def _succeeds(self, start: int, failures_max: int) -> Generator[Effect, Any, bool]:
        try:
            yield from self._ask(str(start), 1, failures_max)
        except Poison:
            return False
        return True

    def _ask(
        self, after: str, limit: int, failures_max: int = FAILURES_MAX
    ) -> Generator[Effect, Any, Answer[wire.ListPage]]:
        """Ask for a page; where HubSpot refuses so many records, for fewer from then on."""
        while True:
            request = self._api.list(self._type, self.properties, after, archived=self._archived, limit=limit)
            try:
                narrowed = limit < self._limits[0]
                answer: Answer[wire.ListPage] = yield replace(
                    request, failures_max=failures_max, narrowed=narrowed
                )
            except RequestRefused as error:
                if error.status != 400 or len(self._limits) == 1 or limit != self._limits[0]:
                    raise
                marks.hit("smaller page")
                self._limits.pop(0)
                self._limit = limit = self._limits[0]
                continue
            return answer

    def _check_order(self, ids: Sequence[int]) -> Generator[Effect, Any, None]:
        """Ids ascend, as numbers or else as texts; a page of a counting cursor may begin with known ones."""
        known = [self._spot.last] if self._spot.last and not self._spot.counting else []
        ids = [*known, *ids]
        if ascend(ids, self._key):
            return
        early = next(b for a, b in pairwise(ids) if self._key(b) <= self._key(a))
        told = f"{self._type.name} {early} came after a later one"
        if self._spot.textual or not ascend(ids, str):
            raise BeliefRefuted(ORDER, told)
        marks.hit("serial fallback")
        self._spot = structs.replace(self._spot, textual=True)
        yield Refuted(ORDER, f"{told}: they ascend as texts")

    def _key(self, id_: int) -> Any:
        """What ids are ordered by in this list."""
        return (str(id_) if id_ else "") if self._spot.textual else id_

    def _start(self) -> int:
        """How many records lie before the page of a counting cursor."""
        return int(self._spot.after or 0) if self._spot.counting else 0


def entry(id_: int) -> str:
    """The cursor of a walk that begins with an id which no page gave: where HubSpot takes it as one, at that record."""
    return json.encode(Spot(str(id_), id_ - 1)).decode()


def spot_of(cursor: str) -> Spot:
    """Where the walk of a cursor stands."""
    return json.decode(cursor, type=Spot) if cursor else Spot()


def ascend(ids: Sequence[int], key: Callable[[int], Any] = int) -> bool:
    """Whether ids are in their order, each once."""
    return all(key(a) < key(b) for a, b in pairwise(ids))
