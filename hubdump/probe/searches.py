"""What search does: its pages, its order, its limits, and how stale it is."""

from __future__ import annotations

from typing import Any

from hubdump.probe.asking import Asker, Seen
from hubdump.probe.findings import Findings
from hubdump.probe.lists import Sample

_BY_ID = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
_PAGES = 4


async def ask(asker: Asker, findings: Findings, sample: Sample) -> dict[str, int]:
    """Questions to the search of one type; what was seen of staleness: rows, and how many were gone or older."""
    first = await asker.search(sample.type, limit=200, sorts=_BY_ID, properties=[])
    if first.status == 400:
        first = await asker.search(sample.type, limit=100, sorts=_BY_ID, properties=[])
    if first.body is None:
        findings.leave("search-max", f"search answered {first.status}")
        return {}
    _headers(findings, first)
    _pages(findings, first)
    await _compare(asker, findings, sample, first)
    await _limits(asker, findings, sample)
    await _body(asker, findings, sample)
    await _empty_pages(asker, findings, sample)
    return await _staleness(asker, sample)


async def contacts(asker: Asker, findings: Findings) -> None:
    """Whether contacts have the modified time that all other types have."""
    has = [{"propertyName": "hs_lastmodifieddate", "operator": "HAS_PROPERTY"}]
    found, every = (
        await asker.search("contacts", limit=1, filters=has),
        await asker.search("contacts", limit=1),
    )
    if _total(every):
        findings.choose(
            "contacts-hs-lastmodified",
            _total(found) == 0,
            "empty",
            "filled",
            "a search of contacts that have it",
        )


def _headers(findings: Findings, seen: Seen) -> None:
    for name, part in (("burst-headers-on-search", "max"), ("daily-headers-on-search", "daily-remaining")):
        there = f"x-hubspot-ratelimit-{part}" in seen.headers
        findings.choose(name, there, "yes", "no", "the headers of a search")


def _pages(findings: Findings, first: Seen) -> None:
    total = _total(first)
    if first.next and first.results:
        findings.say("search-max", len(first.results), "records of a page that is not the last")
    else:
        findings.leave("search-max", "no type has more than 200 records")
    if total > 10_000:
        findings.say("search-total", "whole", "a total above 10,000")
    elif total == 10_000:
        findings.say("search-total", "capped", "a total of exactly 10,000")
    else:
        findings.leave("search-total", "no type has 10,000 records")


async def _compare(asker: Asker, findings: Findings, sample: Sample, first: Seen) -> None:
    """How ids are compared: as a number every id is above 9, as a text hardly any."""
    ids = [str(record["id"]) for record in first.results]
    numeric, textual = (ids == sorted(ids, key=key) for key in (int, str))
    if numeric == textual:
        findings.leave("search-order", "the ids found have one length, or no order that has a name")
    else:
        findings.choose(
            "search-order", numeric, "number", "text", f"the first {len(ids)} ids of a sorted search"
        )
    above = [{"propertyName": "hs_object_id", "operator": "GT", "value": "9"}]
    seen = await asker.search(sample.type, limit=1, filters=above)
    if seen.body is not None and _total(first) > 0:
        findings.choose(
            "search-filter", 2 * _total(seen) > _total(first), "number", "text", "how many ids are above 9"
        )


async def _limits(asker: Asker, findings: Findings, sample: Sample) -> None:
    beyond = await asker.search(sample.type, limit=200, after="9900")
    if beyond.status == 400:
        specific = "10,000" in beyond.text or "10000" in beyond.text
        findings.choose("refusal-texts", specific, "specific", "generic", "what a search beyond 10,000 says")
    modified = "lastmodifieddate" if sample.type == "contacts" else "hs_lastmodifieddate"
    since = [{"propertyName": modified, "operator": "GTE", "value": "0"}]
    epoch = await asker.search(sample.type, limit=1, filters=since, expects_500=True)
    if epoch.status in {200, 500}:
        findings.choose(
            "search-at-epoch", epoch.status == 500, "500", "found", f"a search since 0: {epoch.status}"
        )


async def _body(asker: Asker, findings: Findings, sample: Sample) -> None:
    long = await asker.search(sample.type, limit=1, properties=["x" * 50] * 80)
    if long.status in {200, 400}:
        findings.choose(
            "search-body", long.status == 200, "query", "whole", f"a body of 4,000 characters: {long.status}"
        )


async def _empty_pages(asker: Asker, findings: Findings, sample: Sample) -> None:
    seen = empty = 0
    after: dict[str, Any] = {}
    while seen < _PAGES:
        page = await asker.search(sample.type, limit=10, sorts=_BY_ID, properties=[], **after)
        seen += 1
        empty += bool(page.next and not page.results)
        if not page.next:
            break
        after = {"after": page.next}
    if empty:
        findings.say(
            "search-empty-pages", max(2, round(seen / empty)), f"{empty} of {seen} pages, more following"
        )
    else:
        findings.leave("search-empty-pages", f"none of {seen} pages was empty")


async def _staleness(asker: Asker, sample: Sample) -> dict[str, int]:
    """The records search says were changed last, against what a read by id says."""
    modified = "lastmodifieddate" if sample.type == "contacts" else "hs_lastmodifieddate"
    last = [{"propertyName": modified, "direction": "DESCENDING"}]
    found = await asker.search(sample.type, limit=20, sorts=last, properties=[])
    if not found.results:
        return {}
    read = await asker.batch(sample.type, [str(record["id"]) for record in found.results])
    now: dict[str, Any] = {str(record["id"]): record.get("updatedAt") for record in read.results}
    older = sum(str(r["id"]) in now and now[str(r["id"])] != r.get("updatedAt") for r in found.results)
    gone = sum(str(r["id"]) not in now for r in found.results)
    return {"rows": len(found.results), "gone": gone, "older": older}


def _total(seen: Seen) -> int:
    return int((seen.body or {}).get("total", 0))
