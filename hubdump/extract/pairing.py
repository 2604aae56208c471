"""Decides from which side the associations of each pair of types are read, by what HubSpot says there can be."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from hubdump import marks
from hubdump.errors import ABSENT, GONE, RequestRefused, ScopeMissing
from hubdump.events import Emit, Noted
from hubdump.extract import plan
from hubdump.extract.exchange import Exchange
from hubdump.extract.linkable import Linkable
from hubdump.extract.plan import Sides
from hubdump.extract.taken import Standing, Taken
from hubdump.extract.together import all_of
from hubdump.hubspot.endpoints import LIST_LADDER, Endpoints
from hubdump.model import Budget, ObjectType, WalkKey
from hubdump.store.links import Links
from hubdump.store.pairs import Side

LEADS_TO = "associations to "  # what cannot be read, of types that nobody asked for


class Pairing:
    """The pairs of one run: of the types that are due, with each other and with all others.

    Whoever reads the records tells when it is known whether a type has any, about how many, and when they are all read.
    `both`: each pair is read from both sides, and compared.
    """

    def __init__(
        self, api: Endpoints, exchange: Exchange, store: Standing, taken: Taken, emit: Emit, *, both: bool
    ) -> None:
        self._api, self._exchange, self._store, self._taken = api, exchange, store, taken
        self._emit, self._both = emit, both
        self._types = sorted(taken.types, key=lambda one: (one.name not in taken.due, not one.engagement))
        self._place = {type_.name: place for place, type_ in enumerate(self._types)}
        self._filled: dict[str, bool] = {}
        self._failed: set[str] = set()
        known, led_to = store.asked.known(), store.pairs.led_to()
        there = [one for one in self._types if one.name in known or taken.counted.get(one.type_id)]
        many = len(there) > plan.PAIRED_MAX
        self._linkable = Linkable(api, exchange, store.pairs, self._may_be_unread, many=many)
        self._known: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._swept: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._read: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._decided: set[tuple[str, str]] = set()
        self._doubtful: set[frozenset[str]] = set()
        self._helping: set[WalkKey] = set()
        self._compared: list[tuple[ObjectType, ObjectType]] = []
        for type_ in self._types:
            if type_.name not in taken.due:
                self.tell(type_, filled=type_.name in known | led_to or self._may_have_any(type_))
                self.tell_swept(type_)
                self._read[type_.name].set()
            elif type_.name in known or taken.counted.get(type_.type_id):
                self.tell(type_, filled=True)

    @property
    def types(self) -> Sequence[ObjectType]:
        """All types that the portal has."""
        return self._types

    @property
    def asked(self) -> Counter[Budget]:
        """How often HubSpot was asked which association types there are."""
        return self._linkable.sent

    def tell(self, type_: ObjectType, *, filled: bool) -> None:
        """Whether a type has records is known."""
        self._filled[type_.name] = filled
        self._known[type_.name].set()

    def tell_swept(self, type_: ObjectType) -> None:
        """About as many records of a type are in the store as this run finds."""
        self._swept[type_.name].set()

    def tell_read(self, type_: ObjectType, *, failed: bool = False) -> None:
        """No more records of a type come in this run."""
        if failed:
            self._failed.add(type_.name)
        if not self._known[type_.name].is_set():
            self.tell(type_, filled=self._store.asked.knows(type_.name))
        self.tell_swept(type_)
        self._read[type_.name].set()

    async def is_read(self, type_: str) -> None:
        """Wait until no more records of a type come in this run."""
        await self._read[type_].wait()

    async def walks_of(self, type_: ObjectType) -> tuple[WalkKey, ...]:
        """The associations that are read from the side of a type, once enough is known of all the others."""
        await all_of(self._decide(type_, other) for other in self._types)
        keys = [await self.walk(type_, other) for other in self._types]
        return tuple(key for key in keys if key)

    async def walk(self, type_: ObjectType, other: ObjectType) -> WalkKey | None:
        """The associations of a type to another, once enough is known of both; None where they are not read."""
        await self._decide(type_, other)
        is_read = self._filled[other.name] and self._store.pairs.side(type_.name, other.name) is Side.READ
        return WalkKey(type_.name, other.name) if is_read else None

    async def doubted(self, key: WalkKey) -> WalkKey | None:
        """The other side of a pair, where the one that was read may not show all: it shows nothing, and the pair may be
        stored from the other side only; or some of its records could not be read, and what leads to them can be.
        """
        to, pairs, other = key.purpose, self._store.pairs, WalkKey(key.purpose, key.type)
        is_empty = {key.type, to} in self._doubtful and not pairs.has_any(key.type, to)
        is_read = pairs.side(to, key.type) is Side.READ and other not in self._helping
        if is_read or not (is_empty or self._has_gaps(key)):
            return None
        await self._read[to].wait()
        return None if to in self._failed else other

    def shows_back(self, key: WalkKey) -> bool:
        """Whether HubSpot shows from the other side of a pair, too, what this one shows: what is tied to a record."""
        pairs, to = self._store.pairs, key.purpose
        if pairs.is_blind(to, key.type) or pairs.is_differing(key.type, to):
            return False
        ends = (self._types[self._place[name]] for name in (key.type, to))
        # Of an engagement's HubSpot's own association types there is a counterpart, and it was not asked for them.
        own = any(end.engagement for end in ends) and plan.are_hubspots(plan.kinds(pairs.kinds(key.type, to)))
        return own or pairs.kinds(to, key.type) != ()

    def _has_gaps(self, key: WalkKey) -> bool:
        """Whether a side that is read has records that could not be, and the other side has records of this run."""
        others = {*self._taken.due, *self._taken.kept} - {key.type}
        return key.purpose in others and self._store.asked.has_gaps(key.type)

    def settle(self, key: WalkKey) -> bool:
        """Whether a doubted pair is stored from its other side only: then that is the one to be read. Where records of
        this side could not be read, both are.
        """
        pairs, to, other = self._store.pairs, key.purpose, WalkKey(key.purpose, key.type)
        if not pairs.has_any(to, key.type):
            return False
        marks.hit("other side read")
        pairs.set_blind(key.type, to, blind=True)
        pairs.choose(to, key.type, read=True)
        if self._has_gaps(key):
            self._helping.add(other)
            return False
        self._helping.discard(other)
        pairs.choose(key.type, to, read=False)
        return True

    async def gives_up(self, key: WalkKey, error: RequestRefused | ScopeMissing) -> bool:
        """Whether it is no error of a type that HubSpot refuses to say what leads to another: it is one of that other
        type, which fails by itself, or nobody wants that one: then it is kept as unread, and told once.
        """
        await self._read[key.purpose].wait()
        if key.purpose in self._failed:
            self._store.pairs.choose(key.type, key.purpose, read=False)
            return True
        scopes = error.scopes if isinstance(error, ScopeMissing) else ()
        hidden = isinstance(error, ScopeMissing) or error.status in ABSENT
        to = self._types[self._place[key.purpose]]
        if not (hidden and self._may_be_unread(to)) and not await self._has_gone(to, error):
            return False
        marks.hit("pair not read")
        what = LEADS_TO + key.purpose
        known = {one.what for one in self._store.discovered.unread()}
        if what not in known and key.purpose not in self._taken.without:
            self._emit(Noted(f"What leads to {key.purpose} is not read: {error.message}", error.hint))
        self._store.discovered.set_unread(what, error.message, scopes)
        self._store.pairs.choose(key.type, key.purpose, read=False)
        return True

    async def _has_gone(self, type_: ObjectType, error: RequestRefused | ScopeMissing) -> bool:
        """Whether a type that was there is not any more: HubSpot refuses its list, as it does what leads to it."""
        if not isinstance(error, RequestRefused) or error.status not in GONE:
            return False
        try:
            await self._exchange.ask(self._api.list(type_, ("hs_object_id",), "", limit=LIST_LADDER[-1]))
        except RequestRefused as refused:
            marks.hit("type gone")
            return refused.status in GONE
        return False

    def leave(self, key: WalkKey) -> None:
        """This side of a pair was read: what was once read from the other one goes, unless this one needs its help."""
        self._unmark(key.purpose)
        pairs, back = self._store.pairs, WalkKey(key.purpose, key.type)
        if back in self._helping and not self._has_gaps(key):
            self._helping.remove(back)
            pairs.choose(back.type, back.purpose, read=False)
        if pairs.side(back.type, back.purpose) is Side.LEFT:
            pairs.forget(back.type, back.purpose)

    def compare(self, failed: Collection[str]) -> None:
        """Go back to one side of each pair that shows the same from both; the others are read from both."""
        pairs, links = self._store.pairs, Links(self._store.path)
        try:
            for one, other in self._compared:
                if {one.name, other.name} & set(failed):
                    continue
                ends = (one.name, other.name), (other.name, one.name)
                differs = any(next(links.one_sided(*side), None) for side in ends)
                pairs.set_differing(one.name, other.name, differs=differs)
                for side in () if differs else ends:
                    pairs.set_blind(*side, blind=False)
                if differs:
                    told = "show other associations each: both are read from now on."
                    self._emit(Noted(f"{one.name} and {other.name} {told}"))
                elif not other.engagement:
                    self._go_back(one, other)
        finally:
            links.close()

    def _may_have_any(self, type_: ObjectType) -> bool:
        """Whether a type that is not due and not known has records, by HubSpot's count; where HubSpot does not count,
        one that was never read may have some.
        """
        return self._taken.counted.get(type_.type_id, int(type_.name in self._taken.new)) > 0

    def _go_back(self, one: ObjectType, other: ObjectType) -> None:
        """Read one side of a pair from now on, unless some of its records could not be read."""
        first = self._is_first(one, other)
        kept, left = (one, other) if first else (other, one)
        if not self._store.asked.has_gaps(kept.name):
            self._choose(one, other, first=first, second=not first)
            self._store.pairs.forget(left.name, kept.name)

    def _unmark(self, type_: str) -> None:
        """HubSpot says what leads to a type, whatever it did before."""
        if LEADS_TO + type_ in {one.what for one in self._store.discovered.unread()}:
            self._store.discovered.set_read(LEADS_TO + type_)

    def _may_be_unread(self, type_: ObjectType) -> bool:
        """Whether the user does without a type, or nobody asked for it and it is none of those that all others are
        associated with.
        """
        taken = self._taken
        return type_.name in taken.without or not ({type_.name} & {*taken.due, *taken.kept} or type_.central)

    async def _decide(self, type_: ObjectType, partner: ObjectType) -> None:
        one, other = sorted((type_, partner), key=lambda of: self._place[of.name])
        pair = one.name, other.name
        async with self._locks[pair]:
            if pair in self._decided:
                return
            for end in pair:
                await self._known[end].wait()
            # HubSpot has no association types among engagements; a proof looks for them all the same.
            apart = one.engagement and other.engagement and not self._both
            if self._filled[one.name] and self._filled[other.name]:
                if not apart:
                    await self._choose_sides(one, other)
            else:
                self._let_go(one, other)
            self._decided.add(pair)

    def _let_go(self, one: ObjectType, other: ObjectType) -> None:
        """Neither side is read any more: one of them has no record, whatever HubSpot counted in the run before."""
        if not {one.name, other.name} & self._failed:
            self._choose(one, other, first=False, second=False)

    async def _choose_sides(self, one: ObjectType, other: ObjectType) -> None:
        if one == other:
            self._store.pairs.choose(one.name, one.name, read=await self._linkable.kinds(one, one) != ())
        elif other.name not in self._taken.due:
            await self._choose_own(one, other)
        else:
            sides = await self._sides(one, other)
            if sides is Sides.EITHER:
                await self._choose_either(one, other)
                return
            first, second = sides in {Sides.FIRST, Sides.BOTH}, sides in {Sides.SECOND, Sides.BOTH}
            self._choose(one, other, first=first, second=second)
            if sides is Sides.NONE:
                self.leave(WalkKey(one.name, other.name))
                self.leave(WalkKey(other.name, one.name))

    async def _choose_own(self, one: ObjectType, other: ObjectType) -> None:
        """The other is not read in this run, and what was read from it may be old: the side that is read shows what
        there is, unless the run that this one continues read the other one just now, and it showed all.
        """
        there = await self._linkable.kinds(one, other)
        if there == ():
            self._unmark(other.name)
        pairs, enough = self._store.pairs, False
        is_read = pairs.side(other.name, one.name) is Side.READ
        if other.name in self._taken.kept:
            alike = plan.kinds(pairs.kinds(other.name, one.name)) == there
            shows = pairs.has_any(other.name, one.name) and not self._store.asked.has_gaps(other.name)
            enough = is_read and alike and shows
            if not (one.engagement or other.engagement):
                self._doubtful.add(frozenset((one.name, other.name)))
        self._choose(one, other, first=there != () and not enough, second=is_read)

    async def _sides(self, one: ObjectType, other: ObjectType) -> Sides:
        there = await self._linkable.kinds(one, other)
        if one.engagement and not other.engagement and plan.are_hubspots(there) and not self._both:
            return Sides.FIRST  # by HubSpot's own tables there is a counterpart to each from the other side
        return plan.sides(there, await self._linkable.kinds(other, one))

    async def _choose_either(self, one: ObjectType, other: ObjectType) -> None:
        """The side that was read so far; else the one that needs fewer calls. An engagement's own is always read."""
        pairs = self._store.pairs
        if self._both:
            self._compared.append((one, other))
        if self._both or pairs.is_differing(one.name, other.name) or other.engagement:
            self._choose(one, other, first=True, second=True)
            return
        if not one.engagement:
            self._doubtful.add(frozenset((one.name, other.name)))
            there, back = pairs.side(one.name, other.name), pairs.side(other.name, one.name)
            if (there is Side.READ) != (back is Side.READ):
                return
            for type_ in (one, other):
                if type_.type_id not in self._taken.counted:
                    await self._swept[type_.name].wait()
        first = self._is_first(one, other)
        self._choose(one, other, first=first, second=not first)

    def _is_first(self, one: ObjectType, other: ObjectType) -> bool:
        counts = [self._count(type_) for type_ in (one, other)]
        return plan.is_cheaper(one, other, counts[0], counts[1])

    def _count(self, type_: ObjectType) -> int:
        """About how many records a type has."""
        return self._taken.counted.get(type_.type_id) or self._store.asked.records(type_.name)

    def _choose(self, one: ObjectType, other: ObjectType, *, first: bool, second: bool) -> None:
        self._store.pairs.choose(one.name, other.name, read=first)
        self._store.pairs.choose(other.name, one.name, read=second)
