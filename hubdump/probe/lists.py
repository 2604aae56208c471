"""What lists do: their order, their cursor, their pages, and how they write instants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hubdump.catalog import STANDARD
from hubdump.probe.asking import Asker, cursor
from hubdump.probe.findings import Findings

TYPES = ("contacts", "companies", "deals", "calls", "emails", "meetings", "notes", "tasks")
# The documented most of a page, and what some of its relatives have.
LIMITS = (100, 50)
_MANY = 40
_FRACTION = re.compile(r"\d\d:\d\d:\d\d(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Sample:
    """The first page of a type; `next` is the cursor of its second, '' where there is none."""

    type: str
    records: list[dict[str, Any]]
    next: str

    @property
    def ids(self) -> list[str]:
        return [str(record["id"]) for record in self.records]


async def samples(asker: Asker, findings: Findings, usage: Mapping[str, int]) -> list[Sample]:
    """The first page of each type that can be read; those with the most records first, by HubSpot's counts."""
    found, limit = [], LIMITS[0]
    for type_ in TYPES:
        seen = await asker.list(type_, limit=limit)
        if seen.status == 400 and limit != LIMITS[-1]:
            limit = LIMITS[-1]
            seen = await asker.list(type_, limit=limit)
        if seen.status == 200:
            found.append(Sample(type_, seen.results, seen.next))
        elif type_ == "emails" and seen.status == 403:
            findings.say("emails-without-scope", "refused", "a list of emails was answered with 403")
    return sorted(
        found,
        key=lambda s: (bool(s.next), usage.get(STANDARD.by_name(s.type).type_id, 0), len(s.records)),
        reverse=True,
    )


async def ask(asker: Asker, findings: Findings, sample: Sample) -> None:
    """Questions to the list of one type, of which `sample` is the first page."""
    for name in ("list-max", "list-cursor", "list-after", "list-after-any-id"):
        findings.leave(name, "no type has more than one page of 100")
    _order(findings, sample)
    seen = await asker.list(sample.type, limit=101)
    if seen.status in {200, 400}:
        findings.choose("list-over-max", seen.status == 400, "refused", "capped", f"limit=101: {seen.status}")
    if sample.next and len(sample.records) > 4:
        findings.say("list-max", len(sample.records), "records of a page that is not the last, limit=100")
        await _cursor(asker, findings, sample)


def instants(findings: Findings, found: list[Sample]) -> None:
    """How instants are written, from all samples."""
    texts = [
        str(record[key])
        for s in found
        for record in s.records
        for key in ("createdAt", "updatedAt")
        if key in record
    ]
    if not texts:
        findings.leave("dates", "no record was seen")
        return
    iso = [match for text in texts if (match := _FRACTION.search(text))]
    findings.choose("dates", bool(iso), "iso", "epoch-ms", f"{len(texts)} instants")
    _digits(findings, [match[1] or "" for match in iso], len(texts))


def _digits(findings: Findings, fractions: list[str], count: int) -> None:
    """Written as short as can be, a fraction ends in three zeros never; written with a fixed length, it may."""
    digits = {len(fraction) for fraction in fractions}
    if len(digits) > 1:
        findings.say("fraction-digits", "varies", f"digits seen: {sorted(digits)}")
    elif digits and ((digits == {0} and count >= _MANY) or any(f.endswith("000") for f in fractions)):
        findings.say("fraction-digits", digits.pop(), f"in each of {count} instants")
    else:
        findings.leave("fraction-digits", f"{count} instants do not tell fixed from shortest")


def _order(findings: Findings, sample: Sample) -> None:
    ids = sample.ids
    numeric, textual = (ids == sorted(ids, key=key) for key in (int, str))
    if numeric == textual:
        why = "ids have one length, or one order" if numeric else "ids are in no order that has a name"
        findings.leave("list-order", why)
    else:
        findings.choose("list-order", numeric, "id", "text", f"the first {len(ids)} ids of a list")
    made = [str(record.get("createdAt", "")) for record in sample.records]
    if len(made) < 20:
        findings.leave("new-ids", "no type has 20 records")
    elif numeric:
        ascending = sum(a <= b for a, b in pairwise(made)) >= 0.98 * (len(made) - 1)
        findings.choose("new-ids", ascending, "ascending", "anywhere", "order of createdAt along the ids")


async def _cursor(asker: Asker, findings: Findings, sample: Sample) -> None:
    """What `after` means: by pages that begin in the middle of the sample."""
    ids = sample.ids
    if not sample.next.isdecimal():
        findings.say("list-after", "opaque", "the cursor is no number")
        return
    middle = len(ids) // 2
    inside = await asker.list(sample.type, limit=2, after=ids[middle])
    begins = [str(record["id"]) for record in inside.results[:1]]
    findings.choose(
        "list-after", begins == [ids[middle]], "next-id", "position", "a page after the id of a record"
    )
    if begins != [ids[middle]]:
        findings.leave("list-cursor", "the cursor is no id")
        return
    await _any_id(asker, findings, sample)
    second = await asker.list(sample.type, limit=2, after=sample.next)
    first = str(second.results[0]["id"]) if second.results else ""
    plus_one = int(sample.next) == int(ids[-1]) + 1
    if plus_one == (first == sample.next):
        findings.leave("list-cursor", "the next record's id is the last one's and one")
    else:
        findings.choose(
            "list-cursor", plus_one, "last-plus-one", "next-record", "the cursor against its page"
        )


async def _any_id(asker: Asker, findings: Findings, sample: Sample) -> None:
    ids = sorted(map(int, sample.ids))
    # The id after the last one of a page may be a cursor that was handed out: further on it is none.
    gap = next(((a, b) for a, b in pairwise(ids) if b - a > 2), None)
    if gap is None:
        findings.leave("list-after-any-id", "there is no gap between the ids of the first page")
        return
    seen = await asker.list(sample.type, limit=2, after=gap[0] + 2)
    holds = [str(record["id"]) for record in seen.results[:1]] == [str(gap[1])]
    findings.choose(
        "list-after-any-id", holds, "yes", "no", f"a page after an id that is none: {seen.status}"
    )


async def inline(asker: Asker, findings: Findings, sample: Sample, to: str) -> None:
    """How many associations a list writes into a record."""
    seen = await asker.list(sample.type, limit=100, associations=to)
    blocks = [block for r in seen.results for block in (r.get("associations") or {}).values()]
    cut = [len(block["results"]) for block in blocks if cursor(block)]
    most = max((len(block["results"]) for block in blocks), default=0)
    if cut:
        findings.say("inline-associations-max", max(cut), "entries of a record's associations that go on")
    else:
        findings.leave(
            "inline-associations-max", f"no record has more than its first page; the most was {most}"
        )
