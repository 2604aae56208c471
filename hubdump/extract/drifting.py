"""Says what a portal defines otherwise than the last run found: properties, custom objects, pipelines (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec
from msgspec import Struct

# Of what is new or gone so many are named.
NAMED_MAX = 5


class _Defined(Struct):
    type: str | None = None
    archived: bool | None = False


def of_properties(type_: str, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """One line on the properties of a type, by their definitions then and now; '' where nothing is to be told."""
    told = "; ".join(_changes(_decoded(before), _decoded(after)))
    return f"Properties of {type_} are defined otherwise: {told}." if before and told else ""


def of_items(what: str, before: Collection[str], after: Collection[str]) -> str:
    """One line on items by what they are called then and now; '' where nothing is to be told."""
    new, gone = set(after) - set(before), set(before) - set(after)
    told = "; ".join(_part(word, names) for word, names in (("new", new), ("gone", gone)) if names)
    return f"There are other {what}: {told}." if before and told else ""


def _changes(before: Mapping[str, _Defined], after: Mapping[str, _Defined]) -> Iterator[str]:
    both = before.keys() & after.keys()
    parts = {
        "new": after.keys() - before.keys(),
        "gone": before.keys() - after.keys(),
        "archived": {name for name in both if after[name].archived and not before[name].archived},
        "back from the archive": {
            name for name in both if before[name].archived and not after[name].archived
        },
    }
    yield from (_part(word, names) for word, names in parts.items() if names)
    for name in sorted(both):
        if before[name].type != after[name].type:
            yield f"{name} is {after[name].type} and was {before[name].type}"


def _part(word: str, names: Collection[str]) -> str:
    more = f" and {len(names) - NAMED_MAX:,} more" if len(names) > NAMED_MAX else ""
    return f"{word} {', '.join(sorted(names)[:NAMED_MAX])}{more}"


def _decoded(definitions: Mapping[str, bytes]) -> dict[str, _Defined]:
    """What is known of each; nothing of a definition that cannot be read."""
    found = {}
    for name, definition in definitions.items():
        try:
            found[name] = msgspec.json.decode(definition, type=_Defined)
        except msgspec.DecodeError:
            found[name] = _Defined()
    return found
