"""What was found, as lines for people and as objects for programs (docs/dump-format.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubdump.clock import instant_text
from hubdump.diff.differing import UNEXPLAINED, Difference, Kind, Tally

SCHEMA = 1
NAMED_MAX = 10
_TEXTS = {
    Kind.LACKS: "only here, though made before that",
    Kind.CREATED_SINCE: "only here, made since",
    Kind.UNKNOWN: "only there, never seen here",
    Kind.NEWER: "only there, made after the last run here",
    Kind.ARCHIVED: "only there, archived here",
    Kind.GONE: "only there, gone here",
    Kind.MERGED: "only there, merged into another one here",
    Kind.TWICE: "there more than once",
    Kind.DIFFERS: "not the same, though neither is newer",
    Kind.CHANGED_SINCE: "changed since",
    Kind.CHANGED_THERE: "newer there: changed after the last run here",
    Kind.COMPUTED: "other in what HubSpot itself sets, which moves no date",
    Kind.NAMELESS: "there without an id",
}


@dataclass(slots=True)
class Kept:
    """The first differences of each kind, by type, for people to look at."""

    ids: dict[tuple[str, Kind], list[str]] = field(default_factory=dict)

    def keep(self, difference: Difference) -> None:
        ids = self.ids.setdefault((difference.type, difference.kind), [])
        if len(ids) < NAMED_MAX and difference.id:
            ids.append(difference.id)


def lines(tallies: Sequence[Tally], kept: Kept) -> Iterator[str]:
    """What was found, a paragraph a table, and the verdict."""
    for tally in tallies:
        yield (
            f"{tally.type}: {tally.here:,} here, {tally.there:,} there"
            f" ({tally.table}, as of {instant_text(tally.as_of_us)}: {tally.by})"
        )
        for kind in (kind for kind in Kind if tally.found[kind]):
            ids = kept.ids.get((tally.type, kind), [])
            more = ", ..." if tally.found[kind] > len(ids) > 0 else ""
            mark = "DIFFERS" if kind in UNEXPLAINED else "       "
            yield f"  {mark}  {_TEXTS[kind]}: {tally.found[kind]:,}{': ' if ids else ''}{', '.join(ids)}{more}"
        if tally.properties:
            most = [f"{name} ({count:,})" for name, count in tally.properties.most_common(NAMED_MAX)]
            yield f"           in: {', '.join(most)}{', ...' if len(tally.properties) > NAMED_MAX else ''}"
        if tally.unknown:
            named = [f"{column} ({why})" for column, why in sorted(tally.unknown.items())]
            more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
            yield f"           not compared: {', '.join(named[:NAMED_MAX])}{more}"
    yield verdict(tallies)


def verdict(tallies: Sequence[Tally]) -> str:
    """How it ended, in a line."""
    other = [tally.type for tally in tallies if not tally.same]
    if other:
        return f"NOT the same: {', '.join(other)}. What is marked DIFFERS is not explained by time."
    return "The same, but for what time explains."


def as_json(difference: Difference) -> dict[str, Any]:
    """One difference."""
    return {
        "type": "difference",
        "of": difference.type,
        "id": difference.id,
        "kind": difference.kind.value,
        "properties": list(difference.properties),
    }


def summary(tallies: Sequence[Tally], status: int) -> dict[str, Any]:
    """The last line of --json."""
    return {
        "type": "summary",
        "schema": SCHEMA,
        "exit": status,
        "verdict": verdict(tallies),
        "tables": [
            {
                "type": tally.type,
                "table": tally.table,
                "as_of": instant_text(tally.as_of_us),
                "as_of_by": tally.by,
                "here": tally.here,
                "there": tally.there,
                "found": {kind.value: tally.found[kind] for kind in Kind if tally.found[kind]},
                "properties": dict(tally.properties),
                "not_compared": tally.unknown,
            }
            for tally in tallies
        ],
    }
