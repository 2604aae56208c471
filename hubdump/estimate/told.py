"""How an estimate is told: a table for people, an object for machines (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from hubdump.estimate.calls import Calls, seconds, sum_of
from hubdump.estimate.estimate import Estimate
from hubdump.estimate.types import Foreseen
from hubdump.extract.plan import Linking

SCHEMA = 1
CHARS_MAX = 100
CHOICES = tuple(choice.value for choice in (Linking.CHANGED, Linking.ALL, Linking.NEVER))
_TITLES = ("records", "general", "associations", "search")


def lines(told: Estimate) -> Iterator[str]:
    """The table, the sum, what it means for time and quota, and what could not be counted."""
    filled = [one for one in told.types if one.items]
    empty = [one for one in told.types if not one.items]
    rows = [(one.name, f"{one.items:,}", one.calls) for one in filled]
    if empty:
        rows.append((f"{len(empty)} without records", "0", _all(empty)))
    if told.around:
        rows.append(("around the records", "", _all(told.around)))
    rows.append(("opening the portal", "", told.opening))
    rows.append(("all", f"{sum(one.items for one in filled):,}", told.calls))
    yield from _table(rows)
    yield ""
    by_budget = ", ".join(f"{name} {number:,}" for name, number in told.calls.by_budget().items())
    yield f"{told.calls.all:,} requests ({by_budget}), {_time(told.seconds)}{_quota(told)}"
    yield from _choices(told)
    for text in told.unsure:
        yield from wrap(f"not sure: {text}", CHARS_MAX, subsequent_indent="  ")
    if told.absent:
        yield from wrap(f"not in this portal: {', '.join(told.absent)}", CHARS_MAX, subsequent_indent="  ")
    yield f"To say so took {told.own.all:,} requests. Nothing was read, and the dump is as it was."


def advice(told: Estimate, command: str) -> str:
    """What to type next; `command` is that of the run."""
    left = told.limits.left
    if left is not None and told.calls.all > left:
        reserve = told.limits.reserve
        beside = f", beside the {reserve:,} that are left to others" if reserve else ""
        return (
            f"hint: That is more than the {left:,} that HubSpot answers today{beside}: a run would stop with 75, "
            "and the next one continues it. Narrow it with --only, or run it tomorrow."
        )
    return f"next: {command}"


def as_json(told: Estimate) -> dict[str, Any]:
    """One object, documented in docs/dump-format.md."""
    limits = told.limits
    return {
        "type": "plan",
        "schema": SCHEMA,
        "portal": told.portal,
        "requests": told.calls.by_budget(),
        "seconds": round(told.seconds, 1),
        "daily": {"quota": limits.daily, "left": limits.left, "share": told.share},
        "types": {one.name: _row(one) for one in told.types},
        "around": {one.name: _row(one) for one in told.around},
        "opening": told.opening.by_budget(),
        "choices": {name: told.choice(name).associations for name in CHOICES},
        "unsure": told.unsure,
        "not_in_portal": dict(told.absent),
        "limits": {
            "in_10_s": dict(limits.each),
            "number": limits.number,
            "answer_s": round(limits.answer_s, 3),
        },
        "own": told.own.by_budget(),
    }


def _choices(told: Estimate) -> Iterator[str]:
    """What --associations would make of it, where there is a choice."""
    if told.choice(Linking.ALL) != told.choice(Linking.CHANGED):
        named = (
            f"{name} {told.choice(name).associations:,} requests"
            f" ({_time(seconds(told.choice(name), told.limits.each, told.limits.number))})"
            for name in CHOICES
        )
        yield f"--associations: {', '.join(named)}"


def _row(one: Foreseen) -> dict[str, Any]:
    steps = {step: calls.all for step, calls in one.steps.items()}
    return {"items": one.items, "requests": one.calls.by_budget(), "steps": steps}


def _all(some: Sequence[Foreseen]) -> Calls:
    return sum_of(one.calls for one in some)


def _table(rows: Sequence[tuple[str, str, Calls]]) -> Iterator[str]:
    cells: list[tuple[str, ...]] = [("type", *_TITLES)]
    for name, items, calls in rows:
        cells.append((name, items, *(f"{n:,}" for n in (calls.general, calls.associations, calls.search))))
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    for name, *numbers in cells:
        right = (number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *right))


def _time(took_s: float) -> str:
    minutes = round(took_s / 60)
    if took_s < 90:
        return f"about {max(1, round(took_s))} s"
    return f"about {minutes} minutes" if minutes < 90 else f"about {took_s / 3600:.1f} hours"


def _quota(told: Estimate) -> str:
    if told.share is None or told.limits.daily is None:
        return "; HubSpot names no quota for the day"
    left = "" if told.limits.left is None else f", of which {told.limits.left:,} are left"
    return f", {told.share:.1%} of the day's {told.limits.daily:,}{left}"
