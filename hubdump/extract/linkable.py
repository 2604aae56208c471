"""Asks HubSpot which association types there can be from one type to another, once a week."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from hubdump import marks
from hubdump.catalog import STANDARD
from hubdump.errors import ABSENT, Poison, RequestRefused, ScopeMissing
from hubdump.extract import plan
from hubdump.extract.exchange import Exchange
from hubdump.extract.plan import Kinds
from hubdump.extract.turns import at_once
from hubdump.hubspot.endpoints import Endpoints
from hubdump.model import Budget, ObjectType
from hubdump.store.pairs import AssociationType, Pairs


class Linkable:
    """What HubSpot names, kept in the store. With `many` types it is not asked for pairs that the schemas of both
    leave out: to ask for each pair takes as many requests as types by types.
    """

    def __init__(
        self,
        api: Endpoints,
        exchange: Exchange,
        pairs: Pairs,
        may_be_unread: Callable[[ObjectType], bool],
        *,
        many: bool,
    ) -> None:
        self._api, self._exchange, self._pairs = api, exchange, pairs
        self._may_be_unread, self._many = may_be_unread, many
        self._reading: dict[str, asyncio.Event] = {}
        self._named: dict[str, frozenset[str] | None] = {}
        # Of these questions, by budget.
        self.sent: Counter[Budget] = Counter()

    async def kinds(self, from_: ObjectType, to: ObjectType) -> Kinds | None:
        """The association types from one type to another; None: HubSpot does not say, and there may be any."""
        with at_once():  # both types wait for it, and for what their schemas say others do
            return await self._kinds(from_, to)

    async def _kinds(self, from_: ObjectType, to: ObjectType) -> Kinds | None:
        now_us = self._exchange.server_time_us()
        if self._pairs.asked_us(from_.name, to.name) <= now_us - plan.LABELS_KEPT_US:
            try:
                found = [] if await self._is_ruled_out(from_, to) else await self._ask(from_, to)
            except RequestRefused as error:
                if error.status in ABSENT and self._may_be_unread(to):
                    return ()
                marks.hit("labels not told")
                return None
            except (ScopeMissing, Poison):
                marks.hit("labels not told")
                return None
            self._pairs.keep_kinds(found, from_.name, to.name, now_us)
        return plan.kinds(self._pairs.kinds(from_.name, to.name))

    async def _ask(self, from_: ObjectType, to: ObjectType) -> list[AssociationType]:
        request = self._api.association_types(from_, to)
        self.sent[request.budget] += 1
        answer = await self._exchange.ask(request)
        named = {(one.category, one.typeId): one.label for one in answer.content.results}
        return [AssociationType(from_.name, to.name, *kind, label) for kind, label in named.items()]

    async def _is_ruled_out(self, one: ObjectType, other: ObjectType) -> bool:
        """Whether neither of two types names the other in its schema, where schemas say such things: contacts can be
        associated in every portal. Of a type that nobody asked for the schema is not asked for.
        """
        if not (self._many and await self._named_by(STANDARD.by_name("contacts"))):
            return False
        there = await self._named_by(one)
        back = frozenset[str]() if self._may_be_unread(other) else await self._named_by(other)
        return not (there is None or back is None or other.type_id in there or one.type_id in back)

    async def _named_by(self, type_: ObjectType) -> frozenset[str] | None:
        """The ids of the types that a type can be associated with by its schema; None where it is not shown."""
        while type_.name not in self._named:
            if reading := self._reading.get(type_.name):
                await reading.wait()  # all go on at once: a lock would let a thousand pairs pass one by one
                continue
            self._reading[type_.name] = came = asyncio.Event()
            try:
                self._named[type_.name] = await self._read(type_)
            finally:
                del self._reading[type_.name]
                came.set()
        return self._named[type_.name]

    async def _read(self, type_: ObjectType) -> frozenset[str] | None:
        request = self._api.schema(type_)
        self.sent[request.budget] += 1
        try:
            links = (await self._exchange.ask(request)).content.associations
        except (RequestRefused, ScopeMissing, Poison):
            return None
        return frozenset(
            one.fromObjectTypeId if one.toObjectTypeId == type_.type_id else one.toObjectTypeId
            for one in links
        )
