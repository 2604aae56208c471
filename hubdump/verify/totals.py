"""Level totals: what HubSpot counts, and a sample; cheap, and blind to one lost and one too many in a month."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Any

from hubdump.errors import RequestRefused, ScopeMissing
from hubdump.hubspot.endpoints import BATCH_RECORDS
from hubdump.model import Bookmark, ObjectType, State
from hubdump.store.reader import Reader
from hubdump.verify import content
from hubdump.verify.findings import Finding, named, unchecked, wrong
from hubdump.verify.judging import ACCUSED, Kind
from hubdump.verify.listed import Listed
from hubdump.verify.portal import Portal
from hubdump.verify.records import Judged, Suspect, judge

SAMPLE = 300
# A search may never count further (belief search-total).
CAP = 10_000
_HINT = "hubdump verify --level ids names them"


async def usage(portal: Portal, dump: Path, types: Sequence[ObjectType]) -> list[Finding]:
    """HubSpot's own counts; told, not accused: what they count is not documented."""
    try:
        answer = await portal.exchange.ask(portal.api.usage())
    except (RequestRefused, ScopeMissing) as error:
        return [Finding("usage", "portal", f"HubSpot does not tell its own counts ({error.message})")]
    counted = answer.content.by_type_id()
    reader = Reader(dump / "store.sqlite")
    try:
        return [_usage(reader, type_, counted[type_.type_id]) for type_ in types if type_.type_id in counted]
    finally:
        reader.close()


def _usage(reader: Reader, type_: ObjectType, counted: int) -> Finding:
    active, archived = reader.count(type_.name), reader.count(type_.name, State.ARCHIVED)
    said = {active + archived: "as many as here with archived ones", active: "as many as are active here"}
    told = said.get(counted, f"here {active:,}, and {archived:,} archived")
    return Finding("usage", type_.name, f"{counted:,} by HubSpot's limits, {told}")


async def counts(portal: Portal, dump: Path, type_: ObjectType) -> list[Finding]:
    """What search counts; by month of creation where it is not what is here."""
    reader = Reader(dump / "store.sqlite")
    try:
        mark = reader.bookmark(type_.name)
        if mark.fresh_us is None:
            return [wrong("totals", type_.name, "never read whole: hubdump run")]
        seen = {state.id for state in reader.states(type_.name)} if reader.quarantined(type_.name) else set()
        unread = {q.id for q in reader.quarantined(type_.name) if q.purpose == "record"} - seen
        here = reader.count(type_.name) + len(unread)
        there = await _total(portal, type_, [])
        told = f"{there:,} counted by search, {here:,} here"
        if there == here:
            return [Finding("totals", type_.name, told)]
        since = await _total(portal, type_, [_filter(type_.modified, "GTE", _since_ms(mark))])
        if abs(there - here) <= since and there < CAP:
            return [Finding("totals", type_.name, f"{told}; {since:,} changed since the run")]
        months = _Months(portal, type_, _by_month(reader, type_))
        return await months.findings(told)
    finally:
        reader.close()


def _by_month(reader: Reader, type_: ObjectType) -> Counter[int]:
    """How many active records were created in each month, counted from the year 0."""
    found: Counter[int] = Counter()
    for page in reader.pages(type_.name):
        for record in page:
            created_us = content.created_us(record.raw, type_.created)
            if created_us is not None:
                day = datetime.fromtimestamp(created_us / 1_000_000, UTC)
                found[day.year * 12 + day.month - 1] += 1
    return found


@dataclass(frozen=True, slots=True)
class _Months:
    """Looks for the months in which search counts other than the store; asks for the fewest it can."""

    portal: Portal
    type: ObjectType
    here: Counter[int]

    async def findings(self, told: str) -> list[Finding]:
        first, last = min(self.here, default=0), max(self.here, default=0)
        # The first piece has no beginning, the last has no end: nothing lies outside.
        found = await self._differing(first - 1, last + 2, first - 1, last + 2) if self.here else []
        unsure = [text for text, capped in found if capped]
        sure = [text for text, capped in found if not capped]
        findings = []
        if unsure:
            text = f"search counts no further than {CAP:,} in {named(unsure)}: {_HINT}"
            findings.append(unchecked("totals", self.type.name, text))
        if sure or not found:
            where = f"; by month of creation: {'; '.join(sure)}" if sure else ""
            text = f"{told}{where} ({_HINT}; deleted since the run, or wrong)"
            findings.append(wrong("totals", self.type.name, text))
        return findings

    async def _differing(self, low: int, high: int, least: int, most: int) -> list[tuple[str, bool]]:
        """Months from `low` on and below `high` whose counts differ; at `least` and `most` there is no bound."""
        filters = [] if low == least else [_filter(self.type.created, "GTE", _month_ms(low))]
        filters += [] if high == most else [_filter(self.type.created, "LT", _month_ms(high))]
        filters = filters or [{"propertyName": self.type.created, "operator": "HAS_PROPERTY"}]
        there, here = await _total(self.portal, self.type, filters), self._sum(low, high)
        if there == here:
            return []
        if high - low == 1:
            return [(f"{_named_month(low, least, most)} {there:,}, here {here:,}", there >= CAP)]
        middle = (low + high) // 2
        below = await self._differing(low, middle, least, most)
        return below + await self._differing(middle, high, least, most)

    def _sum(self, low: int, high: int) -> int:
        return sum(number for month, number in self.here.items() if low <= month < high)


async def sample(portal: Portal, dump: Path, type_: ObjectType, seed: int) -> list[Finding]:
    """Read some records again by their ids and hold all their values against the store."""
    reader = Reader(dump / "store.sqlite")
    try:
        mark, active = reader.bookmark(type_.name), reader.count(type_.name)
        if mark.fresh_us is None or not active:
            return []
        chance = random.Random(f"{seed}:{type_.name}")  # noqa: S311 - a sample that its seed can draw again
        places = set(chance.sample(range(active), min(SAMPLE, active)))
        states = (state for state in reader.states(type_.name) if state.state is State.ACTIVE)
        drawn = [state for place, state in zip(count(), states, strict=False) if place in places]
        judged, properties = Judged(), reader.certain_names(type_.name)
        remaining = iter(drawn)
        with Listed() as nothing:
            while batch := list(islice(remaining, BATCH_RECORDS)):
                raws = {one.id: one.raw for one in reader.some(type_.name, [state.id for state in batch])}
                found = await portal.look_up(type_, properties, [state.id for state in batch])
                suspects = [Suspect(state.id, state, raws[state.id]) for state in batch]
                judge(suspects, found, nothing, mark.fresh_us, judged, frozenset(properties))
        return _sampled(type_, judged, len(drawn), active, seed)
    finally:
        reader.close()


def _sampled(type_: ObjectType, judged: Judged, drawn: int, active: int, seed: int) -> list[Finding]:
    findings = [
        wrong("sample", type_.name, f"{kind} (seed {seed})", names)
        for kind in ACCUSED
        if (names := judged.names.get(kind))
    ]
    if judged.of(Kind.UNREADABLE):
        text = f"HubSpot fails to give {named(judged.names[Kind.UNREADABLE])}"
        findings.append(unchecked("sample", type_.name, text))
    if findings:
        return findings
    told = f"{drawn:,} of {active:,} read again with all values, the same here (seed {seed})"
    since = judged.of(Kind.SINCE)
    return [Finding("sample", type_.name, f"{told}; {since:,} changed since the run" if since else told)]


async def _total(portal: Portal, type_: ObjectType, filters: Sequence[Mapping[str, Any]]) -> int:
    """How many records search counts."""
    request = portal.api.search(type_, [list(filters)], (), limit=1)
    return (await portal.exchange.ask(request)).content.total


def _filter(name: str, operator: str, value: int) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _since_ms(mark: Bookmark) -> int:
    assert mark.fresh_us is not None
    return mark.fresh_us // 1000


def _month_ms(month: int) -> int:
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)


def _named_month(month: int, least: int, most: int) -> str:
    name = f"{month // 12:04}-{month % 12 + 1:02}"
    if month == least:
        return f"{name} and before"
    return f"{name} and after" if month == most - 1 else name
