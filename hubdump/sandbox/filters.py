"""What a search's body asks for: filters, their operators, and how values compare."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hubdump.sandbox.answers import Refused

GROUPS_MAX, FILTERS_MAX, FILTERS_ALL_MAX = 5, 6, 18
_ISO = re.compile(r"\d{4}-\d\d-\d\dT")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_RANGES = {"EQ", "GT", "GTE", "LT", "LTE", "BETWEEN"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: the property, the operator, and its operands as they were sent."""

    name: str
    operator: str
    operands: tuple[object, ...]

    def test(self, *, number: bool = True) -> Callable[[object], bool]:
        """Whether a value passes; ids may compare as text (`number` False)."""
        compare = _OPERATORS[self.operator]
        wanted = [comparable(value, number=number) for value in self.operands]
        return lambda value: compare(comparable(value, number=number), wanted)

    def bounds(self) -> tuple[int, int] | None:
        """The whole numbers (ids, milliseconds) that pass, as first and last; None where that is no range."""
        if self.operator not in _RANGES:
            return None
        numbers = [comparable(value, number=True) for value in self.operands]
        if not all(isinstance(one, int) for one in numbers):
            return None
        low, high = numbers[0], numbers[-1]
        first, last = {
            "EQ": (low, low), "GT": (low + 1, _TOP), "GTE": (low, _TOP), "LT": (0, low - 1), "LTE": (0, low),
            "BETWEEN": (low, high),
        }[self.operator]  # fmt: skip
        return max(0, first), min(_TOP, last)


_TOP = 1 << 62


def groups_of(body: dict[str, Any]) -> list[list[Filter]]:
    """The groups of filters of a search, of which one must pass; Refused where they are too many, or none at all."""
    groups = [
        _listed(group.get("filters"), "filters")
        for group in _listed(body.get("filterGroups"), "filterGroups")
    ]
    if body.get("filters"):
        groups.append(_listed(body["filters"], "filters"))
    many = len(groups) > GROUPS_MAX or any(len(group) > FILTERS_MAX for group in groups)
    if many or sum(map(len, groups)) > FILTERS_ALL_MAX:
        raise Refused(
            400,
            f"Too many filters: at most {GROUPS_MAX} groups, {FILTERS_MAX} in a group, {FILTERS_ALL_MAX} in all",
        )
    return [[_filter(one) for one in group] for group in groups if group]


def sort_of(body: dict[str, Any]) -> tuple[str, bool]:
    """The property to sort by ('' for the order of creation), and whether descending."""
    sorts = body.get("sorts") or []
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise Refused(400, "Invalid input: only one sort is supported")
    if not sorts:
        return "", False
    rule = sorts[0]
    if isinstance(rule, str):
        return rule.removeprefix("-"), rule.startswith("-")
    if not isinstance(rule, dict) or not isinstance(rule.get("propertyName"), str):
        raise Refused(400, "Invalid input JSON: a sort needs a propertyName")
    direction = rule.get("direction") or "ASCENDING"
    if direction not in {"ASCENDING", "DESCENDING"}:
        raise Refused(400, f"Invalid input JSON: direction '{direction}' is neither ASCENDING nor DESCENDING")
    return rule["propertyName"], direction == "DESCENDING"


def comparable(value: object, *, number: bool) -> Any:
    """Numbers and instants (as milliseconds) compare as numbers, everything else as text without case."""
    if value is None or (isinstance(value, int) and number and not isinstance(value, bool)):
        return value
    text = str(value)
    if number and _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    if number and _ISO.match(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text.casefold()
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        # Finer than a millisecond is cut off, as the index does (seen by another connector).
        return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000 + 1e-6)
    return text.casefold()


def _listed(value: object, name: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Refused(400, f"Invalid input JSON: {name} must be a list of objects")
    return value


def _filter(one: dict[str, Any]) -> Filter:
    name, operator = one.get("propertyName"), one.get("operator")
    if not isinstance(name, str) or not name:
        raise Refused(400, "Invalid input JSON: a filter needs a propertyName")
    if not isinstance(operator, str) or operator not in _OPERATORS:
        raise Refused(400, f"Invalid input: operator '{operator}' is not one of {', '.join(_OPERATORS)}")
    return Filter(name, operator, _operands(one, operator))


def _operands(one: dict[str, Any], operator: str) -> tuple[object, ...]:
    if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        return ()
    if operator in {"IN", "NOT_IN"}:
        values = one.get("values")
        if not isinstance(values, list) or not values:
            raise Refused(400, f"Invalid input: operator {operator} needs values")
        found = values
    elif operator == "BETWEEN":
        found = [one.get("value"), one.get("highValue")]
    else:
        found = [one.get("value")]
    if any(isinstance(value, list | dict) or value is None for value in found):
        raise Refused(400, f"Invalid input: operator {operator} needs a value")
    return tuple(found)


def _ordered(value: Any, wanted: Any, test: Callable[[Any, Any], bool]) -> bool:
    same = isinstance(value, str) == isinstance(wanted, str)
    return value is not None and same and test(value, wanted)


def _has_token(value: object, wanted: Sequence[object]) -> bool:
    """A word of the value, or with a * at either end a part of one."""
    token = str(wanted[0])
    pattern = re.escape(token).replace(r"\*", r"\w*")
    return value is not None and re.search(rf"(?<!\w){pattern}(?!\w)", str(value)) is not None


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda value, wanted: value == wanted[0],
    "NEQ": lambda value, wanted: value is not None and value != wanted[0],
    "LT": lambda value, wanted: _ordered(value, wanted[0], lambda a, b: a < b),
    "LTE": lambda value, wanted: _ordered(value, wanted[0], lambda a, b: a <= b),
    "GT": lambda value, wanted: _ordered(value, wanted[0], lambda a, b: a > b),
    "GTE": lambda value, wanted: _ordered(value, wanted[0], lambda a, b: a >= b),
    "BETWEEN": lambda value, wanted: (
        _ordered(value, wanted[0], lambda a, b: a >= b) and _ordered(value, wanted[1], lambda a, b: a <= b)
    ),
    "IN": lambda value, wanted: value in wanted,
    "NOT_IN": lambda value, wanted: value is not None and value not in wanted,
    "HAS_PROPERTY": lambda value, _: value is not None,
    "NOT_HAS_PROPERTY": lambda value, _: value is None,
    "CONTAINS_TOKEN": _has_token,
    "NOT_CONTAINS_TOKEN": lambda value, wanted: value is not None and not _has_token(value, wanted),
}
