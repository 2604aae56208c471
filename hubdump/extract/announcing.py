"""What the token may not read is remembered, so that a user who left it out hears when it can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubdump import around
from hubdump.around import Collection
from hubdump.catalog import Catalogue
from hubdump.errors import Incomplete, RequestRefused, ScopeMissing
from hubdump.events import Emit, Noted
from hubdump.extract import discovery
from hubdump.extract.exchange import Exchange
from hubdump.hubspot.endpoints import Endpoints
from hubdump.hubspot.flows import ID_ONLY
from hubdump.hubspot.item_requests import Wanted, Window, page
from hubdump.model import CUSTOM, Request, Unread
from hubdump.store.store import Store


def remember(store: Store, failed: Mapping[str, Incomplete], read: Iterable[str]) -> None:
    """Keep which types and collections the token may not read, and forget those that it `read`.

    What hangs on one that is kept goes with it.
    """
    hanging = {row.name for row in around.COLLECTIONS if row.parent in failed}
    for name, error in failed.items():
        if isinstance(error, ScopeMissing) and not error.of and name not in hanging:
            store.discovered.set_unread(name, error.message, error.scopes)
    for name in _lacking(store) & (set(read) - failed.keys()):
        store.discovered.set_read(name)


def tell_sensitive(store: Store, emit: Emit, found: Mapping[str, Incomplete | None]) -> None:
    """Keep which kinds of properties cannot be read, and why; say once that it is so, and once that it is not any more.

    A portal without such properties lacks nothing.
    """
    before = {one.what: one for one in store.discovered.unread()}
    for what, error in found.items():
        known = before.get(what)
        if error is None:
            if known:
                store.discovered.set_read(what)
            if known and not known.absent:
                emit(Noted(f"The {what} can be read now."))
            continue
        scopes = error.scopes if isinstance(error, ScopeMissing) else ()
        absent = isinstance(error, RequestRefused)
        row = Unread(what, error.message, scopes, absent)
        if row != known:
            store.discovered.set_unread(*row[:3], absent=absent)
        if not (absent or known):
            emit(Noted(f"The {what} are left out. {error.message}"))


@dataclass(frozen=True, slots=True)
class Left:
    """Something that is left out: what `exclude` calls it, what is kept of it, and requests one of which reads it."""

    word: str
    what: str
    tries: Sequence[Request[Any]]


async def announce(
    exchange: Exchange, api: Endpoints, store: Store, emit: Emit, exclude: Sequence[str]
) -> None:
    """Of what is left out and could not be read, say once what can be read now; a request for each of them."""
    for left in lacking_and_left_out(api, store, exclude):
        if await _is_readable(exchange, left):
            store.discovered.set_read(left.what)
            emit(Noted(f"{left.what} can be read now: take {left.word} out of exclude to have it read."))


def lacking_and_left_out(api: Endpoints, store: Store, exclude: Sequence[str]) -> list[Left]:
    """What is asked for once more: left out, and not readable so far."""
    lacking = _lacking(store)
    return [left for left in _left_out(api, store.discovered.catalogue(), exclude) if left.what in lacking]


def _lacking(store: Store) -> set[str]:
    return {one.what for one in store.discovered.unread() if not one.absent}


def _left_out(api: Endpoints, catalogue: Catalogue, exclude: Sequence[str]) -> Iterator[Left]:
    names = discovery.named(catalogue, exclude)
    for type_ in catalogue.types:
        if type_.name in names:
            yield Left(type_.name, type_.name, [api.list(type_, ID_ONLY, "")])
    if CUSTOM in exclude:
        yield Left(CUSTOM, discovery.CUSTOM_OBJECTS, [api.schemas()])
    for row in around.COLLECTIONS:
        if not row.parent and {row.name, row.group} & set(exclude):
            yield Left(row.name, row.name, list(_first_pages(row)))


def _first_pages(row: Collection) -> Iterator[Request[Any]]:
    """The smallest page of a collection, in each of its versions."""
    for version in row.versions:
        yield page(row, Wanted(version, size=row.sizes[-1]), Window())


async def _is_readable(exchange: Exchange, left: Left) -> bool:
    for request in left.tries:
        try:
            await exchange.ask(request)
        except Incomplete:
            continue
        return True
    return False
