"""Reads the associations of a run: of each side of a pair all, or those of what changed since its last reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from hubdump import marks
from hubdump.catalog import Catalogue
from hubdump.errors import Incomplete, RequestRefused, ScopeMissing
from hubdump.extract import plan
from hubdump.extract.exchange import Exchange
from hubdump.extract.pairing import Pairing
from hubdump.extract.plan import Linking, Wishes
from hubdump.extract.together import all_of
from hubdump.hubspot import flows, linking
from hubdump.hubspot.endpoints import Endpoints
from hubdump.model import Flow, ObjectType, Reach, WalkKey
from hubdump.store.store import Store

Walk = Callable[[WalkKey, Callable[[str], Flow]], Awaitable[None]]
Refute = Callable[[str, str], None]


class Associating:
    """The walks of one run's pairs; `walk` drives each from where it stands, `refute` tells a belief that failed."""

    def __init__(
        self,
        api: Endpoints,
        exchange: Exchange,
        store: Store,
        pairing: Pairing,
        wishes: Wishes,
        catalogue: Catalogue,
        walk: Walk,
        refute: Refute,
    ) -> None:
        self._api, self._exchange, self._store = api, exchange, store
        self._pairing, self._wishes, self._catalogue = pairing, wishes, catalogue
        self._walk, self._refute = walk, refute
        self._failed: dict[WalkKey, Incomplete] = {}
        # The walks that began in this process; those of an earlier one do not know what was committed since.
        self._own: set[WalkKey] = set()

    async def ahead(self, type_: ObjectType) -> None:
        """All associations of a type, of pairs that are read whole, while its last records are looked for: of what is
        committed meanwhile `read` reads them again. It also tells what fails here.
        """
        if self._wishes.associations is not Linking.NEVER:
            await all_of(self._pair_ahead(type_, to) for to in self._pairing.types)

    async def read(self, type_: ObjectType) -> None:
        """The associations of a type; those that need scopes are told together, when the others are read."""
        if self._wishes.associations is Linking.NEVER:
            return
        lacking: list[ScopeMissing] = []
        await all_of(self._pair(key, lacking) for key in await self._pairing.walks_of(type_))
        if lacking:
            scopes = dict.fromkeys(scope for error in lacking for scope in error.scopes)
            raise ScopeMissing(lacking[0].template, tuple(scopes), tuple(to for e in lacking for to in e.of))

    async def _pair_ahead(self, type_: ObjectType, to: ObjectType) -> None:
        key = await self._pairing.walk(type_, to)
        if key is None or not self._begun_whole(key):
            return
        try:
            await self._walk(key, lambda cursor: flows.associations(self._api, type_, to, cursor, ahead=True))
        except Incomplete as error:
            self._failed[key] = error

    def _begun_whole(self, key: WalkKey) -> bool:
        """Whether a walk reads all of a pair; one that is due begins."""
        if self._store.begun(key):
            cursor, done = self._store.walk(key)
            return not done and linking.reach_of(cursor) is Reach.WHOLE
        whole = self._is_whole(key)
        if whole:
            self._begin_at(key, linking.first(whole=True))
        return whole

    async def _pair(self, key: WalkKey, lacking: list[ScopeMissing]) -> None:
        """Read the associations of one type to another; where there are none, look from the other side."""
        try:
            await self._link(key)
        except (RequestRefused, ScopeMissing) as error:
            if await self._pairing.gives_up(key, error):
                return
            if not isinstance(error, ScopeMissing):
                raise
            lacking.append(ScopeMissing(error.template, error.scopes, (key.purpose,)))
            return
        if other := await self._pairing.doubted(key):
            await self._link(other, sure=False)
            if self._pairing.settle(key):
                told = f"those of {key.type} and {key.purpose} are found from {other.type} only"
                self._refute(linking.SIDED, told)
        self._pairing.leave(key)

    async def _link(self, key: WalkKey, *, sure: bool = True) -> None:
        """One walk, from where it stands; `sure` unless it is not known whether the other side shows anything."""
        if key in self._failed:
            raise self._failed.pop(key)
        if not self._store.begun(key):
            await self._begin(key, sure=sure)
        from_, to = self._catalogue.by_name(key.type), self._catalogue.by_name(key.purpose)
        start = partial(flows.associations, self._api, from_, to)
        await self._walk(key, start)
        if key not in self._own and await self._begun_behind(key, sure=sure):
            await self._walk(key, start)

    async def _begun_behind(self, key: WalkKey, *, sure: bool) -> bool:
        """Begin a walk of an earlier process once more, where more of its types was committed since. All that were read
        whole show what is new of the other type by themselves.
        """
        await self._pairing.is_read(key.purpose)
        was_whole = linking.reach_of(self._store.walk(key)[0]) is Reach.LATE
        found = self._store.associations.behind(key.type, key.purpose, new_ones=not was_whole)
        if not any(found):
            return False
        marks.hit("associations behind")
        is_seen = sure and self._pairing.shows_back(key)
        self._own.add(key)
        self._store.begin_behind(key, linking.first(whole=bool(found.others) and not is_seen), found)
        return True

    async def _begin(self, key: WalkKey, *, sure: bool) -> None:
        """Decide whether all are read. Else what changed of the other type has to be in the store: what that is tied to
        is read too, as far as it can be seen from there; where it cannot, all are.
        """
        whole, known = self._is_whole(key), self._store.associations
        if not whole:
            await self._pairing.is_read(key.purpose)
            is_seen = sure and self._pairing.shows_back(key)
            others = known.changed(key.type, key.purpose, key.purpose, plan.OVERLAP_LINKS_US)
            whole = bool(others) and not is_seen
        self._begin_at(key, linking.first(whole=whole))

    def _is_whole(self, key: WalkKey) -> bool:
        """Whether all associations of a pair are to be read, whatever changed."""
        whole_us = self._store.associations.last_read(key.type, key.purpose).whole_us
        return plan.is_read_whole(whole_us, self._wishes, self._exchange.server_time_us())

    def _begin_at(self, key: WalkKey, cursor: str) -> None:
        now_us = self._exchange.server_time_us()
        self._own.add(key)
        self._store.begin_associations(key, cursor, now_us, plan.OVERLAP_LINKS_US)
