"""What association batches do: their order, their pages, their limits, their numbers."""

from __future__ import annotations

from typing import Any

from hubdump.probe.asking import Asker, Seen, cursor
from hubdump.probe.findings import Findings
from hubdump.probe.lists import Sample

INPUTS = 1000


async def ask(asker: Asker, findings: Findings, found: list[Sample]) -> tuple[Sample, str] | None:
    """Questions to associations; the sample and the other type that had any, None when none had."""
    for sample in found[:3]:
        to = "companies" if sample.type == "contacts" else "contacts"
        seen = await asker.associations(sample.type, to, [{"id": id_} for id_ in sample.ids])
        if seen.results:
            _answer(findings, sample, seen)
            await _pages(asker, findings, sample, to, seen.results)
            await _inputs(asker, findings, sample.type, to)
            return sample, to
    for name in ("association-order", "association-page", "association-inputs", "dated-to-object-id"):
        findings.leave(name, "no association was found")
    return None


def _answer(findings: Findings, sample: Sample, seen: Seen) -> None:
    given = [str(result["from"]["id"]) for result in seen.results]
    asked = [id_ for id_ in sample.ids if id_ in set(given)]
    if len(given) >= 5:
        findings.choose("association-order", given == asked, "aligned", "shuffled", f"{len(given)} results")
    else:
        findings.leave("association-order", "fewer than five records have associations")
    text = all(isinstance(to["toObjectId"], str) for result in seen.results for to in result["to"])
    findings.choose("dated-to-object-id", text, "text", "number", "toObjectId in 2026-09")
    if (seen.body or {}).get("errors"):
        findings.say("dated-partial-status", seen.status, "a batch in which some inputs have no association")
    burst = "x-hubspot-ratelimit-max" in seen.headers
    findings.choose("headers-on-associations", burst, "yes", "no", "the headers of an association batch")


async def _pages(
    asker: Asker, findings: Findings, sample: Sample, to: str, results: list[dict[str, Any]]
) -> None:
    paged = [result for result in results if cursor(result)]
    if not paged:
        most = max(len(result["to"]) for result in results)
        findings.leave("association-page", f"no record has more than its first page; the most was {most}")
        findings.leave("v3-associations-after", "no record has a second page")
        return
    findings.say(
        "association-page", max(len(result["to"]) for result in paged), "targets of a page that goes on"
    )
    one = [{"id": str(paged[0]["from"]["id"])}]
    first = await asker.associations(sample.type, to, one, "v3")
    after = next((cursor(result) for result in first.results), "")
    if not after:
        findings.leave("v3-associations-after", f"v3 gave no second page ({first.status})")
        return
    again = await asker.associations(sample.type, to, [{**one[0], "after": after}], "v3")
    same = [r.get("to") for r in again.results] == [r.get("to") for r in first.results]
    findings.choose("v3-associations-after", same, "ignored", "followed", "the second page of v3")


async def _inputs(asker: Asker, findings: Findings, from_: str, to: str) -> None:
    """The most inputs, by ids that are nobody's."""
    for count in (INPUTS + 1, INPUTS, 100):
        seen = await asker.associations(from_, to, [{"id": str(number)} for number in range(1, count + 1)])
        if seen.body is not None:
            break
    else:
        findings.leave("association-inputs", "not even 100 inputs were taken")
        return
    if count > INPUTS:
        findings.leave("association-inputs", f"{count} inputs were taken")
    else:
        findings.say("association-inputs", count, f"{count} inputs were taken, more were refused")
