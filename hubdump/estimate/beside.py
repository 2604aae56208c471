"""Foresees what is around the records: the first pages of each collection are looked at as a run would read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from hubdump import strict
from hubdump.around import EMAILS, TYPE, Collection, ItemsRead, SeenItem, items_of
from hubdump.catalog import Catalogue
from hubdump.errors import Incomplete
from hubdump.estimate.calls import Calls, pages
from hubdump.estimate.types import Foreseen
from hubdump.extract import around
from hubdump.extract.driving import drive
from hubdump.extract.exchange import Exchange
from hubdump.hubspot.body import decoded
from hubdump.hubspot.collecting import INPUTS, Step, collect
from hubdump.hubspot.endpoints import Endpoints
from hubdump.model import ObjectType, Request
from hubdump.store.store import Store

# So many requests of a collection are sent to see how long it is.
LOOKS_MAX = 4
CONTACTS, LISTS, MEMBERS = "contacts", "lists", "list_memberships"


class _List(Struct, rename={"more": "additionalProperties"}):
    class More(Struct, frozen=True):
        hs_list_size: str = "0"

    more: More = More()


class _Enough(Exception):
    """As many requests were sent as a plan may send for one collection."""


@dataclass(slots=True)
class _Look:
    """What the first requests of a collection showed: keys of its items, members of each where it is the lists."""

    requests: int = 0
    keys: set[str] = field(default_factory=set)
    members: list[int] = field(default_factory=list)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Beside:
    """Foresees collections: `held` is what the dump holds, `types` are those foreseen to be whole when a run comes to
    the collections, `filled` the names of those whose properties are known then.
    """

    api: Endpoints
    exchange: Exchange
    held: Store
    catalogue: Catalogue
    types: Sequence[ObjectType]
    filled: frozenset[str]
    looks: dict[str, _Look] = field(default_factory=dict)

    async def foresee(self, row: Collection) -> Foreseen:
        """What a pass over a collection takes; the collection it hangs on is foreseen before."""
        try:
            if row.parent == TYPE:
                return _told(row, sum(self._may_have(type_, row) for type_ in self.types))
            if row.parent == EMAILS:
                return _told(row, pages(await self._addressed(), INPUTS))
            if row.parent:
                return self._hanging(row)
            return await self._looked_at(row)
        except Incomplete as error:
            return replace(_told(row, 1), unsure=(f"{row.name}: {error.message}",))

    def _may_have(self, type_: ObjectType, row: Collection) -> bool:
        return around.may_have(type_, row, defined=type_.name in self.filled)

    async def _addressed(self) -> int:
        """How many contacts have an email."""
        contacts = next((type_ for type_ in self.types if type_.name == CONTACTS), None)
        if contacts is None:
            return 0
        has = {"propertyName": "email", "operator": "HAS_PROPERTY"}
        return (await self.exchange.ask(self.api.search(contacts, [[has]], (), limit=1))).content.total

    async def _looked_at(self, row: Collection) -> Foreseen:
        """A collection without parents, by its first pages; of a longer one by what the dump holds."""
        look = self.looks[row.name] = _Look()
        mark = self.held.items.mark(row.name)
        now_us = self.exchange.server_time_us()
        passed = around.window(row, replace(mark, began_us=now_us))
        try:
            await drive(collect(row, passed, ""), partial(self._perform, row, look))
        except _Enough:
            look.whole = False
        if look.whole:
            return _told(row, look.requests, len(look.keys))
        there = self.held.items.totals(row.name)[0] if not row.instant else 0
        needed = max(LOOKS_MAX + 1, pages(there, row.sizes[0]))
        unsure = (
            () if there else (f"{row.name}: more than {len(look.keys):,}; HubSpot does not say how many",)
        )
        return _told(row, needed, max(there, len(look.keys)), unsure)

    def _hanging(self, row: Collection) -> Foreseen:
        """A collection that hangs on another one: a request for each of its items, where they are few."""
        look = self.looks.get(row.parent, _Look())
        if row.name == MEMBERS and look.members:
            number = sum(max(1, pages(members, row.sizes[0])) for members in look.members)
        else:
            number = max(len(look.keys), self.held.items.totals(row.parent)[0])
        first = row.instant and self.held.items.mark(row.name).fresh_us is None
        unsure = [f"{row.name}: one page for each of {row.parent} is taken, some have more"] if first else []
        if not look.whole:
            unsure.append(f"{row.name}: those of the first {len(look.keys):,} {row.parent} only")
        return _told(row, number, unsure=tuple(unsure))

    async def _perform(self, row: Collection, look: _Look, step: Step) -> Any:
        match step:
            case Request():
                if look.requests == LOOKS_MAX:
                    raise _Enough
                look.requests += 1
                return await self.exchange.ask(step)
            case SeenItem(_, key):
                return key in look.keys
            case ItemsRead(response=response, refs=refs):
                look.keys.update(ref.key for ref in refs)
                if row.name == LISTS and response:
                    look.members += map(_members, items_of(row, strict.whole(decoded(response)).text))
        return None


def _members(item: msgspec.Raw) -> int:
    """How many members a list says it has; 0 where it says nothing of the kind."""
    try:
        size = msgspec.json.decode(item, type=_List).more.hs_list_size
    except msgspec.DecodeError:
        return 0
    return int(size) if size.isdecimal() else 0


def _told(row: Collection, requests: int, items: int = 0, unsure: tuple[str, ...] = ()) -> Foreseen:
    steps: Mapping[str, Calls] = {"items": Calls(requests)} if requests else {}
    return Foreseen(row.name, items, steps, requests, unsure)
