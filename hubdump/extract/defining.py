"""Asks which properties a type has, archived and sensitive ones too, and which of them can be read.

HubSpot answers for each kind of them apart. Their definitions do not say whether their values may be read: a short
list that names them does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec
from msgspec import Raw, Struct

from hubdump.errors import Incomplete, Poison, RequestRefused, ScopeMissing
from hubdump.extract.exchange import Exchange
from hubdump.hubspot import wire
from hubdump.hubspot.endpoints import LIST_LADDER, Endpoints
from hubdump.hubspot.wire import PropertyDefinition
from hubdump.model import ObjectType, Request

LEVELS = ("sensitive", "highly_sensitive")
# Of the properties to be tried, so many names are a URL of any HubSpot's.
TRIED_MAX = 50
NOTHING: Mapping[str, bytes] = MappingProxyType({})


@dataclass(slots=True)
class Defined:
    """The properties of a type that can be asked for by name: (name, HubSpot's JSON), in HubSpot's order.

    The values of `uncertain` ones may not come: of archived ones, and of those the token seems not to see. `unread`
    says which kinds of sensitive ones cannot be read; `asked` how many requests it took.
    """

    all: dict[str, bytes] = field(default_factory=dict)
    uncertain: set[str] = field(default_factory=set)
    unread: dict[str, Incomplete] = field(default_factory=dict)
    asked: int = 0


class _Values(Struct):
    properties: dict[str, Raw]


class Defining:
    """Finds out which properties types have; how HubSpot takes the names of archived ones is tried on one type."""

    def __init__(self, api: Endpoints, exchange: Exchange) -> None:
        self._api, self._exchange = api, exchange
        self._lock = asyncio.Lock()
        self._archived_refused: bool | None = None

    async def of(self, type_: ObjectType, before: Mapping[str, bytes] = NOTHING) -> Defined:
        """All properties of a type; `before` are the definitions that are known of it."""
        return await self._completed(await self._plain(type_), type_, before)

    async def changed(self, type_: ObjectType, before: Mapping[str, bytes]) -> Defined | None:
        """The same; None where those that are neither archived nor sensitive are as `before`, and sensitive values come
        as they did: one request, and one for each sensitivity that there is.
        """
        found = await self._plain(type_)
        same = found.all == {name: raw for name, raw in before.items() if _is_plain(raw)}
        if same and await self._come_still(found, type_, before):
            return None
        return await self._completed(found, type_, before)

    def foreseen(self, type_: ObjectType, known: Iterable[bytes], unread: Collection[str]) -> int:
        """How many requests it takes to ask again of a type of which these definitions are `known`, and of which these
        levels are `unread`; nothing is asked.
        """
        decoded = [_decoded(definition) for definition in known]
        levels = {one.dataSensitivity for one in decoded} | set(unread)
        tries = any(one.archived and one.dataSensitivity not in LEVELS for one in decoded)
        tries &= self._archived_refused is None
        if tries:
            self._archived_refused = False
        of_levels = sum(3 if level in levels else 1 for level, _ in _levels(type_))
        return 2 + tries + of_levels

    async def _plain(self, type_: ObjectType) -> Defined:
        """Those that are neither archived nor sensitive."""
        found = Defined()
        found.all = await self._ask(found, self._api.properties(type_), type_)
        if not found.all:
            raise Incomplete(f"HubSpot names no property of {type_.name}: its records would come back empty.")
        return found

    async def _completed(self, found: Defined, type_: ObjectType, before: Mapping[str, bytes]) -> Defined:
        await self._add_archived(found, type_)
        await self._add_sensitive(found, type_, {sensitivity(definition) for definition in before.values()})
        return found

    async def _add_archived(self, found: Defined, type_: ObjectType) -> None:
        listed = await self._ask(found, self._api.properties(type_, archived=True), type_)
        archived = {name: definition for name, definition in listed.items() if name not in found.all}
        if archived and not await self._are_refused(found, type_, archived):
            _add(found, archived, uncertain=archived)

    async def _are_refused(self, found: Defined, type_: ObjectType, archived: Collection[str]) -> bool:
        """Whether HubSpot refuses a request that names archived properties; asked once."""
        async with self._lock:
            if self._archived_refused is None:
                try:
                    await self._came(found, type_, archived)
                except (RequestRefused, ScopeMissing):
                    self._archived_refused = True
                else:
                    self._archived_refused = False
            return self._archived_refused

    async def _add_sensitive(self, found: Defined, type_: ObjectType, known: Collection[str]) -> None:
        for level, scope in _levels(type_):
            try:
                await self._add_level(found, type_, (level, scope), known)
            except ScopeMissing as error:
                found.unread[level] = ScopeMissing(error.template, error.scopes or (scope,))
            except RequestRefused as error:
                found.unread[level] = error

    async def _add_level(
        self, found: Defined, type_: ObjectType, of: tuple[str, str], known: Collection[str]
    ) -> None:
        """The properties of one sensitivity; archived ones only where there are, or were, others of it."""
        level, scope = of
        active = await self._ask(found, self._api.properties(type_, sensitivity=level), type_)
        if not (active or level in known):
            return
        request = self._api.properties(type_, archived=True, sensitivity=level)
        archived = await self._ask(found, request, type_)
        if not (active or archived):
            return
        came = await self._came(found, type_, active or archived)
        _add(found, active, uncertain=() if came else active)
        if not self._archived_refused:
            _add(found, archived, uncertain=archived)
        if active and not came:
            raise ScopeMissing(f"values of {type_.name}", (scope,))

    async def _come_still(self, found: Defined, type_: ObjectType, before: Mapping[str, bytes]) -> bool:
        """Whether sensitive values come as they did: who lost the scope is refused, or given records without them."""
        for names in guarded(before).values():
            try:
                if not await self._came(found, type_, names):
                    return False
            except (RequestRefused, ScopeMissing):
                return False
        return True

    async def _came(self, found: Defined, type_: ObjectType, names: Collection[str]) -> bool:
        """Whether records bear any of these properties that are asked for by name; so too where there is no record."""
        tried = list(names)[:TRIED_MAX]
        found.asked += 1
        try:
            page = await self._exchange.ask(self._api.list(type_, tried, "", limit=LIST_LADDER[-1]))
        except Poison:
            return False
        records = [_properties(raw) for raw in page.content.results]
        return not records or any(name in record for record in records for name in tried)

    async def _ask(
        self, found: Defined, request: Request[wire.PropertyList], type_: ObjectType
    ) -> dict[str, bytes]:
        found.asked += 1
        answer = await self._exchange.ask(request)
        try:
            return {_decoded(raw).name: bytes(raw) for raw in answer.content.results}
        except msgspec.DecodeError as error:
            raise Incomplete(f"A property definition of {type_.name} cannot be read: {error}") from error


def sensitivity(definition: bytes) -> str:
    """Which one a property has by its definition; '' where that does not say."""
    try:
        return _decoded(definition).dataSensitivity or ""
    except msgspec.DecodeError:
        return ""


def guarded(definitions: Mapping[str, bytes]) -> dict[str, list[str]]:
    """The properties whose values need a scope of their own, which may be gone by now, by their sensitivity."""
    found: dict[str, list[str]] = {}
    for name, definition in definitions.items():
        if (level := sensitivity(definition)) in LEVELS:
            found.setdefault(level, []).append(name)
    return found


def calculated(definitions: Mapping[str, bytes]) -> list[str]:
    """The properties that HubSpot computes: new values of theirs move no record's modified time."""
    return [name for name, definition in definitions.items() if _is_calculated(definition)]


def late(found: Defined, certain: Collection[str], since_us: int) -> list[str]:
    """The properties whose values stored records lack: they can be read now, were not among the `certain` ones, and
    are older than the changes that are looked for since `since_us`. What HubSpot calculates moves no record.
    """
    new = found.all.keys() - found.uncertain - set(certain)
    return sorted(name for name in new if not _is_younger(_decoded(found.all[name]), since_us))


def told(type_: ObjectType, unread: Mapping[str, Incomplete]) -> dict[str, Incomplete | None]:
    """What to call the kinds of sensitive properties of a type, and why they cannot be read; None: they can."""
    return {called(type_, level): unread.get(level) for level, _ in _levels(type_)}


def called(type_: ObjectType, level: str) -> str:
    """What to call the properties of a type that are of a sensitivity."""
    return f"{level.replace('_', ' ')} properties of {type_.name}"


def _levels(type_: ObjectType) -> Iterator[tuple[str, str]]:
    """The sensitivities that properties of a type can have, and the scope that their values need."""
    levels = zip(LEVELS, (type_.sensitive, type_.highly_sensitive), strict=True)
    return ((level, scope) for level, scope in levels if scope)


def _is_plain(definition: bytes) -> bool:
    """Whether HubSpot names a property where neither archived nor sensitive ones are asked for."""
    try:
        one = _decoded(definition)
    except msgspec.DecodeError:
        return False
    return not one.archived and one.dataSensitivity not in LEVELS


def _is_calculated(definition: bytes) -> bool:
    try:
        return bool(_decoded(definition).calculated)
    except msgspec.DecodeError:
        return False


def _is_younger(definition: PropertyDefinition, since_us: int) -> bool:
    created_us = wire.instant_us(definition.createdAt)
    return created_us is not None and created_us >= since_us and not definition.calculated


def _add(found: Defined, definitions: Mapping[str, bytes], *, uncertain: Iterable[str]) -> None:
    """A name that is there already stays what it is."""
    found.uncertain |= set(uncertain) - found.all.keys()
    found.all |= {name: raw for name, raw in definitions.items() if name not in found.all}


def _decoded(definition: bytes | Raw) -> PropertyDefinition:
    return msgspec.json.decode(definition, type=PropertyDefinition)


def _properties(record: Raw) -> Mapping[str, Raw]:
    """What a record bears; nothing where it is none."""
    try:
        return msgspec.json.decode(record, type=_Values).properties
    except msgspec.DecodeError:
        return {}
