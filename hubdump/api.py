"""The Python API: what the old script's users call, over the same exchange as `hubdump run`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from hubdump import settings
from hubdump.access import access_of
from hubdump.catalog import STANDARD
from hubdump.clock import SystemClock
from hubdump.events import Emit
from hubdump.extract.bearer import Credentials
from hubdump.extract.stream import pages
from hubdump.hubspot import flows
from hubdump.hubspot.body import decoded
from hubdump.hubspot.endpoints import Endpoints
from hubdump.session import reached


class _Results(Struct):
    results: list[Raw]


def extract_with_search_filter(
    object_type: str,
    properties: Sequence[str],
    filter_groups: Sequence[Mapping[str, Any]] | None = None,
    *,
    credentials: Credentials | None = None,
    base_url: str | None = None,
    max_requests_per_10s: int | str | None = None,
    emit: Emit = lambda _: None,
) -> list[dict[str, Any]]:
    """Every record of a type that matches a search, once each, in the order of ids, past 10,000 matches.

    `filter_groups` are HubSpot's: a list of {"filters": [{"propertyName", "operator", "value"}, ...]}, or
    None for all records. Credentials and limits are those of the settings unless given. Errors are
    retried as in a run; HubdumpError when the answer cannot be had whole, never a part of it.
    """
    chosen = settings.load(HUBSPOT_BASE_URL=base_url, HUBSPOT_MAX_REQUESTS_PER_10S=max_requests_per_10s)
    groups = [group["filters"] for group in filter_groups or []]
    access = access_of(chosen, credentials)

    async def search() -> list[dict[str, Any]]:
        clock = SystemClock()
        async with reached(access, access.budgets(), clock, emit) as exchange:
            flow = flows.search_matches(Endpoints(), STANDARD.searched(object_type), groups, properties, "")
            found: list[dict[str, Any]] = []
            async for page in pages(exchange, clock, flow):
                results = msgspec.json.decode(decoded(page.response), type=_Results).results
                found += [msgspec.json.decode(results[record.position]) for record in page.records]
            return found

    return asyncio.run(search())
