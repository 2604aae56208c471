"""Whether two texts of a property mean the same value, where one of them went through somebody else's types."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from hubdump.hubspot.schema import Kind, Property
from hubdump.targets.meant import meant

_BOOLS = {"yes": "true", "no": "false", "1": "true", "0": "false"}
_COMPUTED = frozenset("=+-@")
_MINUTE_US = 60_000_000
# Zones are whole quarters of an hour from each other, and at most so far apart.
_QUARTER_US, _ZONES_US = 15 * _MINUTE_US, 14 * 60 * _MINUTE_US
_TO_THE_MINUTE = len("2026-01-31 23:59")


def same(property_: Property, ours: str | None, theirs: Any) -> bool:
    """Whether what somebody else has of a property is HubSpot's: exactly, or as far as their form of it says."""
    there = _text(theirs)
    if (ours or "") == there:
        return True
    if not (ours and there):
        return False
    meaning = there if property_.kind is Kind.LIST else _value(property_, there)
    one, other = meant(property_.kind, ours), meant(property_.kind, meaning)
    if one is not None and one == other:
        return True
    if property_.kind is Kind.LIST:
        return _parts(ours) == {_value(property_, part) for part in _parts(there)}
    return _SOFT.get(property_.kind, _texts)(ours, meaning)


def _text(theirs: Any) -> str:
    if theirs is None:
        return ""
    if isinstance(theirs, bool):
        return str(theirs).lower()
    if isinstance(theirs, list):
        return ";".join(map(_text, theirs))
    return theirs if isinstance(theirs, str) else json.dumps(theirs)


def _texts(ours: str, theirs: str) -> bool:
    """But for line ends, spaces at both ends, and what keeps a spreadsheet from computing a text."""
    one, other = (text.replace("\r\n", "\n").strip() for text in (ours, theirs))
    return one == other or (one[:1] in _COMPUTED and "'" + one == other)


def _parts(text: str) -> set[str]:
    return {part.strip() for part in text.split(";")} - {""}


def _value(property_: Property, told: str) -> str:
    """The option's value of a text that may be its label."""
    values, labels = _options(property_.options)
    return told if told in values else labels.get(told, told)


@lru_cache(1000)
def _options(options: tuple[tuple[str, str], ...]) -> tuple[frozenset[str], Mapping[str, str]]:
    return frozenset(value for value, _ in options), {label: value for value, label in options}


def _numbers(ours: str, theirs: str) -> bool:
    """Many tools keep numbers as doubles."""
    try:
        return float(ours) == float(theirs.replace(",", ""))
    except ValueError:
        return False


def _bools(ours: str, theirs: str) -> bool:
    return _BOOLS.get(theirs.casefold(), theirs.casefold()) == ours.casefold()


def _dates(ours: str, theirs: str) -> bool:
    """Midnight of a day is that day."""
    one, rest = meant(Kind.DATE, ours), theirs[10:].strip("TZ +0:.")
    return one is not None and one == theirs[:10] and not rest


def _instants(ours: str, theirs: str) -> bool:
    """HubSpot's exports tell an instant by the minute, in the zone of whoever asked."""
    one, told = meant(Kind.INSTANT, ours), theirs.strip()
    try:
        there = datetime.fromisoformat(told)
    except ValueError:
        return False
    if one is None:
        return False
    unit_us = _MINUTE_US if len(told) == _TO_THE_MINUTE else 1_000_000
    seen_us = int(one) - int(one) % unit_us
    apart_us = round(there.replace(tzinfo=there.tzinfo or UTC).timestamp()) * 1_000_000 - seen_us
    return apart_us == 0 or (
        there.tzinfo is None and abs(apart_us) <= _ZONES_US and apart_us % _QUARTER_US == 0
    )


def _jsons(ours: str, theirs: str) -> bool:
    try:
        return bool(json.loads(ours) == json.loads(theirs))
    except ValueError:
        return False


_SOFT: dict[Kind, Callable[[str, str], bool]] = {
    Kind.NUMBER: _numbers,
    Kind.INTEGER: _numbers,
    Kind.BOOL: _bools,
    Kind.DATE: _dates,
    Kind.INSTANT: _instants,
    Kind.JSON: _jsons,
}
