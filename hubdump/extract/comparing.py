"""Holds what the store has of a type against HubSpot: by its count, and where that is due or differs by all ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from hubdump import marks
from hubdump.errors import Poison, RequestRefused
from hubdump.extract import defining, plan
from hubdump.extract.exchange import Exchange
from hubdump.extract.plan import Wishes
from hubdump.extract.ranging import Ranging
from hubdump.extract.together import all_of
from hubdump.hubspot import flows
from hubdump.hubspot.endpoints import SEARCH_TOTAL_MAX, Endpoints
from hubdump.model import Bookmark, Flow, ObjectType, WalkKey
from hubdump.store.store import Store

Walk = Callable[[WalkKey, Callable[[str], Flow]], Awaitable[None]]
Properties = tuple[str, ...]


class Count(NamedTuple):
    """How many active records HubSpot counts, up to an id."""

    last: int
    there: int


class Comparing:
    """Finds what was archived or removed, which no search for changes shows. `walk` drives a flow of a type."""

    def __init__(
        self,
        api: Endpoints,
        exchange: Exchange,
        store: Store,
        wishes: Wishes,
        walk: Walk,
        ranging: Ranging,
    ) -> None:
        self._api, self._exchange, self._store, self._wishes = api, exchange, store, wishes
        self._walk, self._ranging = walk, ranging

    async def counted(self, type_: ObjectType, mark: Bookmark) -> Count | None:
        """What HubSpot counts before the search for changes begins; None where it does not, where a type is compared
        whole anyway, and where that search has begun: what it showed then may have changed by now.
        """
        searched, done = self._store.walk(WalkKey(type_.name, plan.CATCH_UP))
        return None if searched or done or self._is_due(type_, mark) else await self._count(type_)

    async def of(
        self, type_: ObjectType, mark: Bookmark, properties: Properties, count: Count | None, *, needed: bool
    ) -> bool:
        """Compare a type as far as it has to be; whether all its ids were, and it is proved.

        Where HubSpot counted as many records as the store has, nothing was archived or removed. Else the archived ones
        are listed, and where those are not all that differs, or a proof is `needed` or due, all ids.
        """
        if not needed and count and count.there == self._here(type_, count.last):
            return False
        # One pass shows what is archived and, where the ids are compared, what is active.
        self._store.begin(WalkKey(type_.name, plan.ARCHIVED), lists=True)
        if not (needed or self._is_due(type_, mark)):
            await self._list_archived(type_, properties)
            now = await self._count(type_)
            # A search may count no further.
            if now and now.there == min(self._here(type_, now.last), SEARCH_TOTAL_MAX):
                return False
            marks.hit("counts differ")
        await self._compare_ids(type_, properties)
        return True

    async def _compare_ids(self, type_: ObjectType, properties: Properties) -> None:
        """List what is archived, unless that is done, and all ids beside it; look into what neither of them shows."""
        self._store.begin(WalkKey(type_.name, plan.IDENTIFY))
        await all_of([self._list_archived(type_, properties), self._list_ids(type_, properties)])
        await self._walk(
            WalkKey(type_.name, plan.SETTLE), lambda at: flows.settle(self._api, type_, properties, at)
        )

    async def _list_archived(self, type_: ObjectType, properties: Properties) -> None:
        await self._ranging.read(
            type_, plan.ARCHIVED, lambda at: flows.archived(self._api, type_, properties, at), 0
        )

    async def _list_ids(self, type_: ObjectType, properties: Properties) -> None:
        calculated = self._calculated(type_)
        await self._ranging.read(
            type_,
            plan.IDENTIFY,
            lambda at: flows.identify(self._api, type_, properties, calculated, at),
            self._store.asked.records(type_.name),
            known=True,
        )

    def _calculated(self, type_: ObjectType) -> list[str]:
        """The properties to be compared that HubSpot computes; none where all values were read so late in this round
        that they are as of its end.
        """
        mark = self._store.bookmark(type_.name)
        swept = self._store.begun(WalkKey(type_.name, plan.SWEEP))
        if swept and mark.since_us >= plan.fresh_us(mark.seen_us):
            return []
        return defining.calculated(self._store.definitions(type_.name))

    def _is_due(self, type_: ObjectType, mark: Bookmark) -> bool:
        """Whether all ids are to be compared, whatever counts say: a proof is due, or has begun."""
        begun = self._store.begun(WalkKey(type_.name, plan.IDENTIFY))
        return begun or plan.proof_due(mark, self._wishes, self._exchange.server_time_us())

    def _here(self, type_: ObjectType, last: int) -> int:
        """How many active records the store knows of, up to an id."""
        return self._store.asked.records_up_to(type_.name, last) + self._store.asked.unread(type_.name, last)

    async def _count(self, type_: ObjectType) -> Count | None:
        """How many records there are up to the last one that the store knows of: new ones would stand in for others;
        None where HubSpot does not count.
        """
        last = self._store.asked.last(type_.name)
        up_to = [{"propertyName": "hs_object_id", "operator": "LTE", "value": str(last)}]
        try:
            answer = await self._exchange.ask(self._api.search(type_, [up_to], (), limit=1))
        except (Poison, RequestRefused):
            return None
        return Count(last, answer.content.total)
