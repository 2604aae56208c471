"""The history of properties: what a record's values were, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.moments import iso
from hubdump.sandbox.numbers import mix
from hubdump.sandbox.records import Shelf, Times, Version

API = "INTEGRATION"


def histories(
    shelf: Shelf, id_: int, names: Sequence[str], beliefs: Beliefs
) -> dict[str, list[dict[str, Any]]]:
    """The newest versions of each of these properties that is defined; empty lists where one was never set."""
    most = beliefs.number("history-max")
    found = full(shelf, id_, names, beliefs)
    return {name: versions[:most] if most else versions for name, versions in found.items()}


def full(shelf: Shelf, id_: int, names: Iterable[str], beliefs: Beliefs) -> dict[str, list[dict[str, Any]]]:
    """All that there ever was of them."""
    archived = beliefs["archived-values"] == "come"
    known = [name for name in names if name in shelf.definitions]
    known = [name for name in known if archived or not shelf.definitions[name].archived]
    filled = beliefs["contacts-hs-lastmodified"] == "filled"
    modified = {shelf.kind.modified, *(["hs_lastmodifieddate"] if filled else [])}
    return {
        name: [_written(version) for version in _versions(shelf, id_, name, is_modified=name in modified)]
        for name in known
    }


def _versions(shelf: Shelf, id_: int, name: str, *, is_modified: bool) -> list[Version]:
    """Newest first: what was written, then what the seed has."""
    entry = shelf.entries.get(id_)
    written = entry.history.get(name, []) if entry is not None else []
    index = shelf.numbers.index(id_)
    times = shelf.times(id_)
    if times is None:
        return []
    if name == "hs_object_id":
        return [(times.created_ms, str(id_), "CRM_UI")]
    if is_modified:
        return [(times.updated_ms, iso(times.updated_ms), "CALCULATED")]
    if name == shelf.kind.created and index is None:
        return [(times.created_ms, iso(times.created_ms), API)]
    base = _base(shelf, index, name) if index is not None else []
    return written[::-1] + base


def _base(shelf: Shelf, index: int, name: str) -> list[Version]:
    """One to three versions, the newest with the value that the seed has."""
    numbers = shelf.numbers
    times = Times(numbers.created_ms(index), numbers.updated_ms(index), 0)
    value = iso(times.created_ms) if name == shelf.kind.created else shelf.base_value(index, name)
    chance = mix(numbers.hash(index) ^ len(name))
    definition = shelf.definitions[name]
    never = definition.unique is None and not any(definition.pool)
    if value is None and (chance % 4 or never):
        return []
    source = "CALCULATED" if definition.calculated else ("CRM_UI", API, "CRM_UI", "IMPORT")[chance >> 8 & 3]
    if definition.unique or name == shelf.kind.created:
        return [(times.created_ms, value, source)]
    span = times.updated_ms - times.created_ms
    count = 1 + (chance >> 16) % 3
    older = [definition.pool[(chance >> (20 + 6 * back)) & 63] or "" for back in range(count - 1)]
    values = [value or "", *older]
    return [(times.updated_ms - span * back // count, text, source) for back, text in enumerate(values)]


def _written(version: Version) -> dict[str, Any]:
    """One version as HubSpot writes it (recorded shape: the source's id and user are not always there)."""
    ms, value, source = version
    found: dict[str, Any] = {"value": value or "", "timestamp": iso(ms), "sourceType": source}
    if source == "CRM_UI":
        found |= {"sourceId": "userId:441", "updatedByUserId": 441}
    elif source == "CALCULATED":
        found["sourceId"] = "RollupProperties"
    elif source == API:
        found |= {"sourceId": "19083857", "sourceLabel": "sandbox"}
    return found
