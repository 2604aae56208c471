"""What stands between a user and a complete run: token, scopes, limits, disk, targets; and the probe."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hubdump import around, settings
from hubdump.around import Collection
from hubdump.catalog import STANDARD
from hubdump.clock import Clock
from hubdump.errors import ABSENT, Exit, RequestRefused, ScopeMissing
from hubdump.events import Emit
from hubdump.extract.exchange import Exchange
from hubdump.hubspot.endpoints import Endpoints
from hubdump.hubspot.item_requests import Wanted, Window, page
from hubdump.hubspot.pacing import Budgets
from hubdump.model import ObjectType
from hubdump.probe import probing
from hubdump.session import Access, preflight, reached

# What a first dump of a small portal takes; a larger one says so itself when the disk is full.
FREE_BYTES_MIN = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `hint` says what to do where it is not good."""

    what: str
    text: str
    good: bool = True
    hint: str = ""


def examine(access: Access, dump: Path, clock: Clock, emit: Emit) -> list[Finding]:
    """Look at everything; the findings in the order in which a run would meet them.

    Raises TokenRefused when the token opens nothing, Stopped when HubSpot does not answer.
    """

    async def look() -> list[Finding]:
        budgets = access.budgets()
        async with reached(access, budgets, clock, emit) as exchange:
            return [finding async for finding in _portal(exchange, budgets)]

    return [*asyncio.run(look()), *_disk(dump), *_targets(), *_secrets(dump)]


def status_of(findings: list[Finding]) -> Exit:
    """0 when nothing stands in the way, else 3."""
    return Exit.COMPLETE if all(finding.good for finding in findings) else Exit.INCOMPLETE


def probe(access: Access, to: Path, clock: Clock, emit: Emit) -> dict[str, Any]:
    """Learn how this HubSpot behaves and write it to a file; what was written."""

    async def ask() -> dict[str, Any]:
        async with reached(access, access.budgets(), clock, emit) as exchange:
            return await probing.probe(exchange, clock)

    found = asyncio.run(ask())
    probing.write(to, found)
    return found


async def _portal(exchange: Exchange, budgets: Budgets) -> AsyncIterator[Finding]:
    account, api = await preflight(exchange)
    yield Finding("token", f"it opens portal {account.portalId} (API {api.versions.objects})")
    for type_ in STANDARD.types:
        yield await _scope(exchange, api, type_)
    for row in around.COLLECTIONS:
        if not row.parent:  # those of something need its scopes, and its ids
            yield await _collection(exchange, row)
    left = "unknown" if budgets.daily_remaining is None else f"{budgets.daily_remaining:,}"
    yield Finding("limits", f"{budgets.general_max} requests in 10 s, {left} left today")


async def _scope(exchange: Exchange, api: Endpoints, type_: ObjectType) -> Finding:
    try:
        await exchange.ask(api.list(type_, (), ""))
    except ScopeMissing as error:
        return Finding(type_.name, error.message, good=False, hint=error.hint)
    except RequestRefused as error:
        if error.status in ABSENT and type_.library:
            return Finding(type_.name, "not switched on in this portal's object library")
        if error.status in ABSENT and not type_.everywhere:
            return Finding(type_.name, "not in this portal")
        return Finding(type_.name, error.message, good=False, hint=f"Leave it out: --exclude {type_.name}")
    return Finding(type_.name, "can be read")


async def _collection(exchange: Exchange, row: Collection) -> Finding:
    """What one short page says, by the first version of the API that has any."""
    window = Window(until_ms=exchange.server_time_us() // 1000)
    try:
        for version in row.versions:
            try:
                await exchange.ask(page(row, Wanted(version, size=row.sizes[-1]), window))
            except RequestRefused as error:
                if error.status != 404 or version == row.versions[-1]:
                    raise
            else:
                break
    except ScopeMissing as error:
        return Finding(row.name, error.message, good=False, hint=error.hint)
    except RequestRefused as error:
        if error.status in ABSENT and not row.everywhere:
            return Finding(row.name, "not in this portal")
        return Finding(row.name, error.message, good=False, hint=f"Leave it out: --exclude {row.name}")
    return Finding(row.name, "can be read")


def _disk(dump: Path) -> Iterator[Finding]:
    there = next(folder for folder in (dump, *dump.absolute().parents) if folder.exists())
    if not os.access(there, os.W_OK):
        yield Finding(
            "disk", f"{there} cannot be written", good=False, hint=f"Give yourself rights to {there}."
        )
        return
    free = shutil.disk_usage(there).free
    enough = free >= FREE_BYTES_MIN
    hint = "" if enough else "Free some, or name another folder with --dump."
    yield Finding("disk", f"{free / 1e9:,.1f} GB free for {dump}", good=enough, hint=hint)


def _targets() -> Iterator[Finding]:
    there = find_spec("duckdb") is not None
    yield Finding("targets", "json, duckdb" if there else "DuckDB is not installed", good=there)


def _secrets(dump: Path) -> Iterator[Finding]:
    for loose in settings.loose_files(dump):
        yield Finding(loose.path, "others on this machine can read it", good=False, hint=loose.command)
