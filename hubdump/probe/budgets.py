"""Which budgets there are: what is left of the general one before and after requests of another kind."""

from __future__ import annotations

from itertools import pairwise

from hubdump.probe.asking import Asker, Seen
from hubdump.probe.findings import Findings
from hubdump.probe.lists import Sample

# HubSpot's window, and a second for its own counters.
EMPTY_S = 11.0
_REQUESTS = 3


async def ask(asker: Asker, findings: Findings, sample: Sample, to: str | None) -> None:
    """Questions to the budgets; the answers hold only while nothing else uses this app's token."""
    await asker.rest(EMPTY_S)
    before = await asker.list(sample.type, limit=1)
    _tier(findings, before)
    if before.remaining is None:
        for name in ("association-budget", "search-budget", "remaining-jumps"):
            findings.leave(name, "the answers do not say what remains")
        return
    left = [before]
    if to:
        for _ in range(_REQUESTS):
            await asker.associations(sample.type, to, [{"id": id_} for id_ in sample.ids[:1]])
        left.append(await asker.list(sample.type, limit=1))
        _compare(findings, "association-budget", left[-2], left[-1])
    for _ in range(_REQUESTS):
        await asker.search(sample.type, limit=1)
    left.append(await asker.list(sample.type, limit=1))
    _compare(findings, "search-budget", left[-2], left[-1])
    remaining = [seen.remaining or 0 for seen in left]
    jumps = any(later >= earlier for earlier, later in pairwise(remaining))
    findings.choose("remaining-jumps", jumps, "yes", "no", "what remains, read within seconds")


def _compare(findings: Findings, name: str, before: Seen, after: Seen) -> None:
    fell = (before.remaining or 0) - (after.remaining or 0)
    if fell in {1, _REQUESTS + 1}:
        seen = f"{_REQUESTS} requests took {fell - 1} from the general budget"
        findings.choose(name, fell == 1, "separate", "shared", seen)
    else:
        findings.leave(name, f"what remains fell by {fell}: another app or another counter is at work")


def _tier(findings: Findings, seen: Seen) -> None:
    for name, header in (("general", "max"), ("daily", "daily")):
        text = seen.headers.get(f"x-hubspot-ratelimit-{header}", "")
        if text.isdecimal() and int(text):
            findings.tier[name] = int(text)
