"""What happened between two runs, as lines for people and as objects for programs (docs/dump-format.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hubdump.clock import instant_text
from hubdump.diff.between import Became, Between, Told
from hubdump.printable import clean
from hubdump.store.past import Run

SCHEMA = 1
NAMED_MAX = 10
VALUE_CHARS_MAX = 40
# They move with every change, and say nothing of it.
_DATES = {"hs_lastmodifieddate", "lastmodifieddate"}


@dataclass(slots=True)
class Kept:
    """The first differences of each kind, by type, for people to look at."""

    some: dict[tuple[str, Became], list[Told]] = field(default_factory=dict)

    def keep(self, told: Told) -> None:
        some = self.some.setdefault((told.type, told.became), [])
        if len(some) < NAMED_MAX:
            some.append(told)


def lines(found: Between, kept: Kept) -> Iterator[str]:
    """The table of what happened to each type, then some of each."""
    yield f"From the end of run {found.since.told} to {f'that of {found.until.told}' if found.until else 'now'}"
    yield from found.notes
    counts = {type_: of for type_, of in found.counts.items() if of.total()}
    if not counts:
        yield "Nothing is other than it was."
        return
    columns = [became for became in Became if any(of[became] for of in counts.values())]
    rows = [["type", *(became.value for became in columns)]]
    rows += [[type_, *(f"{of[became]:,}" for became in columns)] for type_, of in counts.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *cells in rows:
        told = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join([first.ljust(widths[0]), *told])
    for type_, became in ((type_, became) for type_ in counts for became in Became):
        some = kept.some.get((type_, became), [])
        more = counts[type_][became] - len(some)
        if not some:
            continue
        yield f"{type_} {became.value}:"
        yield from (f"  {clean(_line(told))}" for told in some)
        if more:
            yield f"  and {more:,} more (--json has all)"


def _line(told: Told) -> str:
    if told.link:
        label = f" ({told.link.label})" if told.link.label else ""
        return f"{told.id} - {told.to} {told.link.to_id}{label}"
    if told.merged_into:
        return f"{told.id} into {told.merged_into}"
    shown = {name: pair for name, pair in told.properties.items() if name not in _DATES} or told.properties
    values = (f"{name}: {_value(old)} -> {_value(new)}" for name, (old, new) in shown.items())
    return f"{told.id}{'  ' if shown else ''}{', '.join(values)}"


def _value(value: str | None) -> str:
    text = "nothing" if value is None else repr(str(value))
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[: VALUE_CHARS_MAX - 3]}..."


def as_json(told: Told) -> dict[str, Any]:
    """One difference."""
    found: dict[str, Any] = {
        "type": "change",
        "of": told.type,
        "id": str(told.id),
        "became": told.became.value,
    }
    if link := told.link:
        found |= {"to": told.to, "to_id": str(link.to_id)}
        return found | {"category": link.category, "type_id": link.type_id, "label": link.label}
    found |= {"properties": {name: {"old": old, "new": new} for name, (old, new) in told.properties.items()}}
    found |= {} if told.known else {"before": "unknown"}
    return found | ({"merged_into": str(told.merged_into)} if told.merged_into else {})


def summary(found: Between) -> dict[str, Any]:
    """The last line of --json."""
    return {
        "type": "summary",
        "schema": SCHEMA,
        "exit": 0,
        "since": _run(found.since),
        "until": _run(found.until) if found.until else None,
        "notes": found.notes,
        "types": {
            type_: {became.value: number for became, number in of.items()}
            for type_, of in found.counts.items()
            if of.total()
        },
    }


def _run(run: Run) -> dict[str, str | None]:
    ended = instant_text(run.ended_us) if run.ended_us else None
    return {"run": run.name, "began": instant_text(run.began_us), "ended": ended}
