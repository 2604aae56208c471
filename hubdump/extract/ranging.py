"""Reads one list by several walks at once: where the budget idles, another one begins in the middle of what is left.

It begins with a page that is asked for by an id which no page gave, and is a range of its own only once that page came
and holds what it must: nothing rests on what HubSpot takes such an id for. Each walk goes on until it is shown what the
next one was shown, or to the list's end: whatever order a list has, nothing of it lies between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from hubdump import marks
from hubdump.errors import BeliefRefuted, Poison, RequestRefused
from hubdump.extract import splitting
from hubdump.extract.driving import drive
from hubdump.extract.exchange import Exchange
from hubdump.extract.splitting import Range
from hubdump.extract.together import together
from hubdump.hubspot.batches import ids_in
from hubdump.hubspot.endpoints import LIST_LADDER
from hubdump.hubspot.listing import ascend, entry, spot_of
from hubdump.hubspot.refs import record_refs
from hubdump.model import Answer, Effect, Flow, Met, ObjectType, RecordsRead, Settled, WalkKey
from hubdump.store.store import Store
from hubdump.store.walks import Standing, part

ENTERED = "a list can be entered at any id"

Start = Callable[[str], Flow]


class _Useless(Exception):
    """A page that is no range of its own: what it shows is read by another walk anyway."""


class Ranging:
    """Reads the lists of one run: `perform` does what a flow of a walk asks for, `refute` tells a failed belief."""

    def __init__(
        self,
        store: Store,
        exchange: Exchange,
        perform: Callable[[WalkKey, Effect], Awaitable[Any]],
        refute: Callable[[str, str], None],
    ) -> None:
        self._store, self._exchange = store, exchange
        self._perform, self._refute = perform, refute

    async def read(
        self, type_: ObjectType, purpose: str, start: Start, records: int, *, known: bool = False
    ) -> None:
        """Read a list from where its walks stand in the store to its end; `records` are expected (0: not known), and
        the store has them, where they are `known`.

        Where a walk from its middle ends in what no list may do, it is read anew by one from its beginning.
        """
        key = WalkKey(type_.name, purpose)
        reading = _Reading(
            self._store, self._exchange, self._perform, self._refute, type_, key, start, records, known=known
        )
        try:
            await reading.whole()
        except (BeliefRefuted, RequestRefused) as error:
            # The cursor may be what is wrong: every later run would come by the same error.
            self._store.begin(key, anew=True)
            if not reading.broken or ENTERED in self._store.refuted():
                raise
            marks.hit("ranges given up")
            self._refute(ENTERED, error.message)
            await self.read(type_, purpose, start, records, known=known)


class _Reading:
    """One list while it is read; `broken` when a walk from its middle came to no good end."""

    def __init__(
        self,
        store: Store,
        exchange: Exchange,
        perform: Callable[[WalkKey, Effect], Awaitable[Any]],
        refute: Callable[[str, str], None],
        type_: ObjectType,
        key: WalkKey,
        start: Start,
        records: int,
        *,
        known: bool,
    ) -> None:
        self.broken = False
        self._store, self._exchange = store, exchange
        self._perform, self._refute = perform, refute
        self._type, self._key, self._start, self._records = type_, key, start, records
        self._ranges: list[Range] = []
        self._ceiling: int | None = None
        self._each = max(records // splitting.KNOWN_MAX, LIST_LADDER[0] // 2)
        self._known = store.asked.apart(key.type, self._each) if known else []
        self._misses = 0

    async def whole(self) -> None:
        """Every walk to its end, those that are begun meanwhile too."""
        for start, (cursor, done) in (self._store.walks.of(self._key) or {0: Standing("", False)}).items():
            key = part(self._key, start) if start else self._key
            spot = spot_of(cursor)
            self._ranges.append(Range(start, start, key, spot, spot.last, done=done))
        async with together() as begin:
            self._begin = begin
            for one in list(self._ranges):
                if not one.done:
                    begin(self._walk(one))

    async def _walk(self, one: Range) -> None:
        cursor = self._store.walk(one.key)[0] if one.key else ""
        await self._driven(one, cursor, self._stepped)

    async def _driven(self, one: Range, cursor: str, step: Callable[[Range, Effect], Awaitable[Any]]) -> None:
        try:
            await drive(self._start(cursor), partial(step, one))
        except (BeliefRefuted, RequestRefused) as error:
            of_list = isinstance(error, BeliefRefuted) or error.status == 400
            self.broken = self.broken or (of_list and bool(one.start))
            raise

    async def _stepped(self, one: Range, effect: Effect) -> Any:
        """Do what a walk asks for; whenever it has moved on is the time for another one."""
        assert one.key
        reply = await self._perform(one.key, effect)
        if isinstance(effect, Met):
            one.last = max(one.last, *effect.ids)
            if reply:
                marks.hit("ranges met")
        elif isinstance(effect, RecordsRead | Settled):
            one.moved(spot_of(effect.cursor))
            one.done = effect.done
            self._split()
        return reply

    def _split(self) -> None:
        """Begin other walks, each in the middle of the longest rest, where that costs next to nothing and helps."""
        while self._may_split() and (middle := self._middle()) is not None:
            one = Range(middle, middle)
            self._ranges.append(one)
            self._begin(self._enter(one))

    def _may_split(self) -> bool:
        entering = sum(one.key is None for one in self._ranges)
        spent = len(self._ranges) - 1 + self._misses
        most = splitting.splits_max(self._expected, LIST_LADDER[0])
        if spent >= most or self._misses >= splitting.MISSES_MAX or entering >= splitting.AT_ONCE:
            return False
        return self._exchange.idles() and ENTERED not in self._store.refuted()

    def _middle(self) -> int | None:
        page = LIST_LADDER[0]
        if self._known:
            return splitting.middle_known(self._ranges, self._known, self._each, page)
        return splitting.middle(self._ranges, self._expected - self._seen, page, self._ceiling)

    @property
    def _seen(self) -> int:
        return sum(one.spot.count for one in self._ranges)

    @property
    def _expected(self) -> int:
        """A list that nobody counted is believed to be half read."""
        return self._records or 2 * self._seen

    async def _enter(self, one: Range) -> None:
        """Walk on from an id that no page gave, if what comes first is a range of its own."""
        try:
            await self._driven(one, entry(one.start), self._entering)
        except _Useless:
            self._ranges.remove(one)
            self._misses += 1
        except RequestRefused as error:
            if one.key or error.status != 400:
                raise
            marks.hit("entry refused")
            self._ranges.remove(one)
            self._refute(ENTERED, f"the list of {self._type.name} refused after={one.start}")

    async def _entering(self, one: Range, effect: Effect) -> Any:
        if one.key:
            return await self._stepped(one, effect)
        try:
            reply = await self._perform(self._key, effect)
        except Poison:
            raise _Useless from None  # the walk that comes by it finds out which record it is
        if isinstance(reply, Answer):
            refs, _ = record_refs(self._type, reply.content.results)
            self._judge(one, ids_in(refs))
            one.start = refs[0].id
            one.key = part(self._key, one.start)
            marks.hit("range begun")
        return reply

    def _judge(self, one: Range, ids: list[int]) -> None:
        """_Useless where a page that begins with no given cursor is not what lies from there on, or known already."""
        others = [other for other in self._ranges if other.key]
        if not ids:
            self._ceiling = one.floor
            known = max(max(other.start, other.last) for other in others)
            if known >= one.floor:
                self._entry_refuted(one, f"gave nothing, although {known} lies beyond it")
            marks.hit("nothing beyond")
            raise _Useless
        if ids[0] < one.floor or not ascend(ids):
            self._entry_refuted(one, f"began with {ids[0]}")
            raise _Useless
        below = max((other for other in others if other.start <= ids[0]), key=lambda other: other.start)
        if below.done or ids[0] <= below.last:
            raise _Useless

    def _entry_refuted(self, one: Range, seen: str) -> None:
        marks.hit("entry refuted")
        self._refute(ENTERED, f"the list of {self._type.name} after={one.floor} {seen}")
