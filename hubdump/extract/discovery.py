"""Finds out which object types a portal has: its custom objects, and which of the object library are switched on."""

from __future__ import annotations

from collections.abc import Sequence

from hubdump import around
from hubdump.catalog import STANDARD, Catalogue
from hubdump.errors import ABSENT, Incomplete, Poison, RequestRefused, ScopeMissing, UsageError
from hubdump.events import Emit, Noted
from hubdump.extract import drifting
from hubdump.extract.exchange import Exchange
from hubdump.hubspot.endpoints import Endpoints
from hubdump.model import CUSTOM, ObjectType
from hubdump.store.store import Store

CUSTOM_OBJECTS = "custom objects"  # what cannot be read where HubSpot does not say which there are
SWITCHED_OFF = "switched off in the object library"
NOT_LISTED = "HubSpot does not list it any more"
UNKNOWN = "HubSpot does not know it here, or refuses it and names no scope"


async def selected(
    exchange: Exchange, api: Endpoints, store: Store, emit: Emit, only: Sequence[str], exclude: Sequence[str]
) -> tuple[ObjectType, ...]:
    """The types that `--only` and `--exclude` leave of those this portal has; what it does not have is kept as such."""
    if _nothing_but_collections(only):
        return ()
    only, exclude = _of_types(only), _of_types(exclude)
    if only and CUSTOM not in only and all(map(STANDARD.knows, (*only, *exclude))):
        types = STANDARD.selected(only, exclude)
    else:
        if CUSTOM not in exclude:
            await _discover(exchange, api, store, emit)
        types = store.discovered.catalogue().selected(only, exclude)
    await _ask_library(exchange, api, store, types)
    absent = {unread.what for unread in store.discovered.unread() if unread.why in {SWITCHED_OFF, NOT_LISTED}}
    return tuple(type_ for type_ in types if type_.name not in absent)


async def is_unlisted(
    exchange: Exchange, api: Endpoints, store: Store, emit: Emit, type_: ObjectType
) -> bool:
    """Whether a custom object is not among those of the portal any more; asked anew, and kept."""
    await _discover(exchange, api, store, emit)
    return any(one.what == type_.name and one.why == NOT_LISTED for one in store.discovered.unread())


def lacking(store: Store, only: Sequence[str], exclude: Sequence[str]) -> dict[str, Incomplete]:
    """Custom objects, where they are selected and the token may not even ask which there are."""
    if (only and CUSTOM not in only) or CUSTOM in exclude:
        return {}
    return {
        one.what: ScopeMissing("the list of custom objects", one.scopes, (CUSTOM,))
        for one in store.discovered.unread()
        if one.what == CUSTOM_OBJECTS and not one.absent
    }


async def usage(exchange: Exchange, api: Endpoints) -> dict[str, int]:
    """How many records HubSpot counts of each type, by type id; nothing where it does not say."""
    try:
        return (await exchange.ask(api.usage())).content.by_type_id()
    except (RequestRefused, ScopeMissing, Poison):
        return {}


def known(store: Store, only: Sequence[str], exclude: Sequence[str]) -> tuple[ObjectType, ...]:
    """What is selected as far as can be told before HubSpot is asked."""
    if _nothing_but_collections(only):
        return ()
    try:
        return store.discovered.catalogue().selected(_of_types(only), _of_types(exclude))
    except UsageError:
        return ()  # a custom object that is still to be discovered


def named(catalogue: Catalogue, words: Sequence[str]) -> frozenset[str]:
    """The names of the types that words of `--exclude` stand for."""
    return frozenset(name for word in _of_types(words) for name in catalogue.named(word))


def _of_types(words: Sequence[str]) -> tuple[str, ...]:
    """The words that may name types or groups of them."""
    return around.others(words, STANDARD.knows)


def _nothing_but_collections(only: Sequence[str]) -> bool:
    return bool(only) and not _of_types(only)


async def _discover(exchange: Exchange, api: Endpoints, store: Store, emit: Emit) -> None:
    try:
        schemas = (await exchange.ask(api.schemas())).content.results
    except ScopeMissing as error:
        store.discovered.set_unread(CUSTOM_OBJECTS, error.message, error.scopes)
        emit(Noted(f"Custom objects are not looked for: {error.message}", error.hint))
        return
    except RequestRefused as error:
        store.discovered.set_unread(CUSTOM_OBJECTS, error.message, absent=error.status in ABSENT)
        return
    store.discovered.set_read(CUSTOM_OBJECTS)
    before = _customs(store)
    ordered = sorted(schemas, key=lambda one: (len(one.objectTypeId), one.objectTypeId))
    store.discovered.keep(
        (
            ObjectType("", one.objectTypeId, one.name or one.objectTypeId, qualified=one.fullyQualifiedName),
            one.labels.plural or one.labels.singular or one.name,
        )
        for one in ordered
    )
    listed = {one.objectTypeId for one in schemas}
    for type_ in store.discovered.catalogue().types:
        if type_.group == CUSTOM:
            _mark(store, type_, NOT_LISTED, there=type_.type_id in listed)
    if told := drifting.of_items(CUSTOM_OBJECTS, before, _customs(store)):
        emit(Noted(told))


def _customs(store: Store) -> set[str]:
    """The custom objects that HubSpot has, as far as is known."""
    absent = store.discovered.absent()
    return {
        type_.name
        for type_ in store.discovered.catalogue().types
        if type_.group == CUSTOM and type_.name not in absent
    }


async def _ask_library(exchange: Exchange, api: Endpoints, store: Store, types: Sequence[ObjectType]) -> None:
    """Keep which of the types are switched off; where HubSpot does not say, their lists will."""
    of_library = [type_ for type_ in types if type_.library]
    if not of_library:
        return
    try:
        enabled = (await exchange.ask(api.library())).content.enablementByObjectTypeId
    except (RequestRefused, ScopeMissing, Poison):
        enabled = {}
    for type_ in of_library:
        _mark(store, type_, SWITCHED_OFF, there=enabled.get(type_.type_id, True))


def _mark(store: Store, type_: ObjectType, why: str, *, there: bool) -> None:
    """Keep whether a type is there; nothing is written where that is known."""
    told = {unread.what: unread.why for unread in store.discovered.unread()}.get(type_.name)
    if there and told == why:
        store.discovered.set_read(type_.name)
    elif not there and told != why:
        store.discovered.set_unread(type_.name, why, absent=True)
