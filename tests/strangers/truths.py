"""What the ground truth of a sandbox says, in the forms that strangers' answers are compared in."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.conftest import Served

# One association as (category, type id, label): what HubSpot tells of it beside the ids.
Kind = tuple[str, int, str | None]


def live(served: Served, type_: str) -> list[str]:
    """The ids of a type's live records, ascending; never none."""
    return _ids(served, type_, "live")


def archived(served: Served, type_: str) -> list[str]:
    """The ids of a type's archived records, ascending; never none."""
    return _ids(served, type_, "archived")


def links(served: Served, from_: str, to: str) -> dict[str, dict[str, set[Kind]]]:
    """Each record's associations to another type, with all kinds of each; never none."""
    found: dict[str, dict[str, set[Kind]]] = {}
    for name, id_, other_name, other, category, type_id, label in _truth(served, from_)["associations"]:
        if (name, other_name) == (from_, to):
            found.setdefault(id_, {}).setdefault(other, set()).add((category, type_id, label))
    assert found, f"a portal without associations of {from_} and {to} proves nothing"
    return found


def counted(found: dict[str, dict[str, set[Kind]]]) -> Counter[tuple[str, str]]:
    """How many kinds each pair of records has: as often an inline association names it."""
    return Counter({(id_, other): len(kinds) for id_, to in found.items() for other, kinds in to.items()})


def _ids(served: Served, type_: str, which: str) -> list[str]:
    found = _truth(served, type_)
    [name] = found["types"]  # a type asked for by its id is told by its name
    ids: list[str] = found[which][name]
    assert ids, f"a portal without {which} {type_} proves nothing"
    assert len(set(ids)) == len(ids)
    return sorted(ids, key=int)


def _truth(served: Served, type_: str) -> dict[str, Any]:
    found: dict[str, Any] = served.ask(f"truth?types={type_}")
    return found


def items(served: Served, collection: str, parent: str = "") -> dict[str, Any]:
    """The items of a collection by their keys, archived ones too; never none."""
    found: dict[str, Any] = served.ask(f"truth?types=tasks&items={collection}")["bodies"][collection][parent]
    assert found, f"a portal without {collection} proves nothing"
    return found
