"""The section on rivals of docs/benchmarks.md, from what the runs left: who is in it, tables, growth, aims."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from bench.rivals.measured import Home, Result
from bench.rivals.peers import ROOT
from bench.rivals.scenarios import CALM, SCENARIOS, START, WIDE, Scenario
from bench.rivals.table import ALL, NOT_IN, OURS, RIVALS

DOCS = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- rivals:begin -->", "<!-- rivals:end -->"
HEAD = (
    "who", "runs, exit", "wall s", "bound s", "CPU s (least, most)", "MB", "requests", "429, 5xx", "first table s",
    "records right / lost / twice", "tied pairs right / lost / twice",
)  # fmt: skip
GROWTH = ("who", "contacts", "wall s", "bound s", "CPU s", "ms of CPU a contact", "MB", "requests")
Results = Sequence[Result]


def write(results: Results, absent: dict[str, str], note: str = "", docs: Path = DOCS) -> None:
    """Put the section between its two comments; the rest of the page stays as it is."""
    before, found, rest = docs.read_text("utf-8").partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"{docs.name} lacks {BEGIN} or {END}")
    lines = "\n".join(section(results, absent, note))
    docs.write_text(f"{before}{BEGIN}\n\n{lines}\n\n{END}{after}", "utf-8")


def section(results: Results, absent: dict[str, str], note: str = "") -> Iterator[str]:
    """Its lines: who is not in it comes first, then a note on this measurement, where there is one."""
    yield "Not in it:"
    yield ""
    yield from (f"- {who}: {why}" for who, why in (NOT_IN | absent).items())
    yield from ("", note, "") if note else ("",)
    ran = [one for one in RIVALS if any(result.who == one.name for result in results)]
    yield from _table(
        ("who", "version", "what comes, and what is to be said of it"),
        ((one.name, f"{one.package} {one.version}".strip(), one.makes) for one in (OURS, *ran)),
    )
    size = max((one.records for one in _of(results, CALM) if one.turn), default=0)
    for scenario in SCENARIOS:
        rows = [one for one in _of(results, scenario) if one.records == (scenario.records or size)]
        if rows:
            yield from ("", f"### {scenario.name}: {scenario.tells}", "", *_table(HEAD, _rows(rows)))
    grown = _growth(results)
    if grown:
        yield from ("", "### How each grows: 40 properties, no faults", "", *_table(GROWTH, grown))
    yield from ("", "### The aims", "", *_aims(results))


def _of(results: Results, scenario: Scenario) -> list[Result]:
    return [one for one in results if one.scenario == scenario.name]


def _rows(results: Results) -> Iterator[tuple[str, ...]]:
    for rival in ALL:
        own = [one for one in results if one.who == rival.name]
        if own:
            yield (
                rival.name,
                f"{len(own)}, {_joined(str(one.status) for one in own)}",
                _middle(own, lambda one: one.wall_s),
                _middle(own, lambda one: one.bound_s),
                f"{_middle(own, lambda one: one.cpu_s)} ({_span(own)})",
                f"{max(one.memory_mb for one in own):.0f}",
                _joined(str(one.asked) for one in own),
                f"{max(one.too_many for one in own)}, {max(one.overloaded for one in own)}",
                _first(own),
                _joined(_told(one.came) for one in own),
                _joined(_told(one.tied) for one in own),
            )


def _joined(texts: Iterable[str]) -> str:
    """What all runs say; where they differ, each thing once."""
    return "; ".join(dict.fromkeys(texts))


def _told(home: Home) -> str:
    return f"{home.right:,} / {home.lost:,} / {home.twice:,}"


def _middle(results: Results, of: Callable[[Result], float]) -> str:
    return f"{statistics.median(map(of, results)):.1f}"


def _span(results: Results) -> str:
    values = [one.cpu_s for one in results]
    return f"{min(values):.1f}, {max(values):.1f}"


def _first(results: Results) -> str:
    there = [one.table_s for one in results if one.table_s is not None]
    return f"{statistics.median(there):.1f}" if there else "never"


def _growth(results: Results) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for rival in ALL:
        own = [one for one in _of(results, CALM) if one.who == rival.name]
        for size in sorted({one.records for one in own}):
            of = [one for one in own if one.records == size]
            slope = _slope_ms(own, size)
            rows.append(
                (
                    rival.name, f"{size:,}", _middle(of, lambda one: one.wall_s), _middle(of, lambda one: one.bound_s),
                    _middle(of, lambda one: one.cpu_s), f"{slope:.2f}" if slope is not None else "",
                    f"{max(one.memory_mb for one in of):.0f}", _joined(f"{one.asked:,}" for one in of),
                )
            )  # fmt: skip
    return rows


def _slope_ms(results: Results, size: int) -> float | None:
    """Milliseconds of CPU for each contact beyond START, so that the start of the program does not count."""
    starts = [one.cpu_s for one in results if one.records == START]
    there = [one.cpu_s for one in results if one.records == size]
    if size <= START or not starts or not there:
        return None
    return 1000 * (statistics.median(there) - statistics.median(starts)) / (size - START)


def _aims(results: Results) -> Iterator[str]:
    """Each aim with what was found, in words that say whether it is met."""
    yield "A contact's CPU is the slope from a portal of ten to the largest that rivals ran on, without the start."
    yield ""
    for scenario in (CALM, WIDE):
        yield from _lean(_of(results, scenario), scenario)
    for size in sorted({one.records for one in results if one.scenario == CALM.name and one.records > START}):
        yield from _asked(_of(results, CALM), size)


def _lean(results: Results, scenario: Scenario) -> Iterator[str]:
    largest = max((one.records for one in results if one.who != OURS.name), default=0)
    found = {
        rival.name: slope
        for rival in ALL
        if (slope := _slope_ms([one for one in results if one.who == rival.name], largest)) is not None
    }
    ours = found.pop(OURS.name, None)
    if ours is not None and found:
        least = min(found, key=lambda name: found[name])
        yield (
            f"- CPU of a contact at {scenario.properties} properties, at most a third of the leanest that brings "
            f"associations: **{_met(ours, found[least], 1 / 3)}**, {ours:.2f} ms to {found[least]:.2f} of {least} "
            f"at {largest:,} contacts."
        )


def _asked(results: Results, size: int) -> Iterator[str]:
    asked = {
        rival.name: of[0].asked
        for rival in ALL
        if (
            of := [one for one in results if one.who == rival.name and one.records == size and not one.status]
        )
    }
    ours = asked.pop(OURS.name, None)
    whole = {
        name: asked[name] for name in asked if next(one for one in RIVALS if one.name == name).to == OURS.to
    }
    for what, those in (("of both pairs of types", whole), ("of one pair", asked)):
        if ours is not None and those:
            least = min(those, key=lambda name: those[name])
            yield (
                f"- Requests for {size:,} contacts, at most half of the best with associations {what}: "
                f"**{_met(ours, those[least], 0.5)}**, {ours} to {those[least]} of {least}."
            )


def _met(ours: float, theirs: float, most: float) -> str:
    return f"{'met' if ours <= most * theirs else 'missed'}, {ours / theirs:.2f} of it"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for each in (head, ("---",) * len(head), *rows):
        yield re.sub(r" +", " ", f"| {' | '.join(each)} |")
