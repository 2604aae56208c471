"""The probe in reading order, and the file it writes: types, orders, sizes and times; no value, no name, no id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from hubdump.catalog import STANDARD
from hubdump.clock import Clock, instant_text
from hubdump.errors import TokenRefused
from hubdump.extract.exchange import Exchange
from hubdump.probe import budgets, links, lists, others, searches
from hubdump.probe.asking import Asker, Spent
from hubdump.probe.findings import Findings
from hubdump.store.database import disk_errors
from hubdump.version import __version__

SCHEMA = 1
# What a reader cannot see, whatever it asks.
UNSEEN = {
    "association-edits-move-modified": "only a write would show it",
    "association-scopes": "only tokens with fewer scopes would show it",
    "scopes": "only tokens with fewer scopes would show it",
    "edge-bodies": "only an outage would show it",
    "history-max": "only a property changed very often would show it",
    "lists-count-over-max": "not asked: hubdump asks for no more lists than are documented",
    "list-lag-s": "only a write would show it",
    "merge-id": "only a merge would show it",
    "one-way-pairs": "not asked: it would take a request for each pair of types",
    "refusals-fill-window": "only going over the limit would show it",
    "retry-after-on-429": "only going over the limit would show it",
    "search-lag-s": "only a write would show it; see `staleness`",
    "sensitive-without-scope": "only tokens with fewer scopes would show it",
    "window": "only going to the limit would show it",
}


async def probe(exchange: Exchange, clock: Clock) -> dict[str, Any]:
    """Ask everything; the content of `probe.json`. TokenRefused when the token opens nothing."""
    asker, findings = Asker(exchange, clock), Findings(open=dict(UNSEEN))
    seen: dict[str, Any] = {}
    try:
        await _ask_all(asker, findings, clock, seen)
    except Spent:
        seen["cut_short"] = "the probe had no request left"
    return {
        "schema": SCHEMA,
        "hubdump": __version__,
        "at": instant_text(int(clock.wall_s() * 1_000_000)),
        "requests": asker.sent,
        "beliefs": dict(sorted(findings.beliefs.items())),
        "seen": dict(sorted(findings.seen.items())),
        "open": dict(sorted(findings.open.items())),
        **({"tier": findings.tier} if findings.tier else {}),
        **seen,
        "headers": {path: sorted(names) for path, names in sorted(asker.headers.items())},
        "timings_ms": asker.timings_ms(),
    }


def write(path: Path, found: dict[str, Any]) -> None:
    """Write `probe.json`; DiskFailure when that cannot be done."""
    with disk_errors(path):
        path.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


async def _ask_all(asker: Asker, findings: Findings, clock: Clock, seen: dict[str, Any]) -> None:
    account = await others.account(asker, findings, clock)
    if account.status in {401, 403}:
        raise TokenRefused(
            f"HubSpot does not accept the token ({account.status}: {account.text}).",
            "Set HUBSPOT_ACCESS_TOKEN in .env or the environment, and run again.",
        )
    usage = await others.usage(asker)
    found = await lists.samples(asker, findings, usage)
    lists.instants(findings, found)
    seen["versions"] = await others.access(asker, findings)
    if found and found[0].records:
        longest = found[0]
        await lists.ask(asker, findings, longest)
        linked = await links.ask(asker, findings, [sample for sample in found if sample.records])
        seen["staleness"] = await searches.ask(asker, findings, longest)
        await others.batches(asker, findings, longest)
        await budgets.ask(asker, findings, *(linked or (longest, None)))
        await searches.contacts(asker, findings)
        # Its archived records fit a page, most likely.
        counted = next((sample for sample in found if not sample.next), longest)
        await others.counts(asker, findings, counted, usage.get(STANDARD.by_name(counted.type).type_id))
        if linked:
            await lists.inline(asker, findings, *linked)
    await others.edge(asker, findings)
