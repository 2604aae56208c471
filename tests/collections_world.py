"""Runs over the collections of a sandbox in this process, and what its truth says of them, in one form."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hubdump.around import COLLECTIONS, Collection
from hubdump.errors import Incomplete
from hubdump.events import Emit
from hubdump.extract import discovery
from hubdump.extract.around import Around
from hubdump.extract.engine import Engine
from hubdump.extract.plan import Wishes
from hubdump.extract.sending import Transport
from hubdump.sandbox import InProcess
from hubdump.session import preflight
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from tests.worlds import CRM, JumpingClock, exchange_with, no_file

# What hubdump calls otherwise than HubSpot does, and so than the sandbox.
TRUE_NAMES = {"account_users": "users"}
# Its parents at HubSpot are nobody's, here the contacts that were asked for.
OWN_PARENTS = {"subscription_statuses"}

Bodies = dict[tuple[str, str], Any]


def collected(
    sandbox: InProcess,
    folder: Path,
    rows: Sequence[Collection] = COLLECTIONS,
    emit: Emit = lambda _: None,
    wishes: Wishes = Wishes(),  # noqa: B008 - frozen
    *,
    types: Sequence[str] = CRM,
    to_its_end: bool = True,
    through: Callable[[JumpingClock], Transport] | None = None,
    named: Sequence[str] = (),
) -> dict[str, Incomplete]:
    """A run over some types and collections of a sandbox in this process; what failed. No time of ours passes."""
    sandbox.advance(1)  # no two runs begin in one second
    clock = JumpingClock()
    store = Store(folder / "store.sqlite")
    exchange = exchange_with(sandbox, clock, emit, through)

    async def read() -> dict[str, Incomplete]:
        _, api = await preflight(exchange)
        chosen = await discovery.selected(exchange, api, store, emit, types, ()) if types else ()
        catalogue = store.discovered.catalogue()
        engine = Engine(api, exchange, store, clock, emit, wishes, catalogue)
        failed = await engine.extract(chosen, no_file)
        failed |= await Around(exchange, store, clock, emit, catalogue, wishes).extract(rows, named)
        if to_its_end:
            store.end_run()
        return failed

    try:
        return asyncio.run(read())
    finally:
        store.close()


def held(folder: Path, row: Collection) -> Bodies:
    """What a store holds of a collection: each item that is there by its parent and key."""
    reader = Reader(folder / "store.sqlite")
    try:
        found = [item for item in reader.items.items(row) if not item.gone]
    finally:
        reader.close()
    by_key = {(_parent(row, item.parent), item.key): msgspec.json.decode(item.raw) for item in found}
    assert len(by_key) == len(found), "an item is there twice"
    return by_key


def _parent(row: Collection, parent: str) -> str:
    return "" if row.name in OWN_PARENTS else parent


def bodies(told: dict[str, Any], row: Collection) -> Bodies:
    """What truth says of a collection, in the same form."""
    of = told["bodies"][TRUE_NAMES.get(row.name, row.name)]
    return {(parent, key): body for parent, items in of.items() for key, body in items.items()}


def true_of(sandbox: InProcess, row: Collection) -> Bodies:
    """What the sandbox says is true of a collection."""
    return bodies(sandbox.portal.truth(items=[TRUE_NAMES.get(row.name, row.name)]), row)
