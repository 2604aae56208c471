"""JSON -> its shape: which paths there are and what kinds of values, never the values (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# Below these the keys are a portal's own names.
_OPEN = frozenset(
    {"properties", "propertiesWithHistory", "associations", "context", "enablementByObjectTypeId"}
)
# These hold words of HubSpot's own, which its clients compare.
_WORDS = frozenset({"status", "category", "subCategory", "policyName", "errorType"})
_WORD = re.compile(r"[A-Za-z][A-Za-z_.]{0,60}\Z")
_KINDS = (
    ("empty", re.compile(r"\Z")),
    ("digits", re.compile(r"-?\d+\Z")),
    ("decimal", re.compile(r"-?\d*\.\d+\Z")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d\Z")),
    ("instant", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)\Z")),
)
_IDS = (
    (re.compile(r"\d+\Z"), "{id}"),
    (re.compile(r"2-\d+\Z"), "{custom}"),
    (re.compile(r"p\d+_.*\Z", re.DOTALL), "{custom}"),
)

Shape = dict[str, list[str]]


def of(content: Any) -> Shape:
    """Path -> the kinds of values found there, both sorted: {"results[].id": ["digits"], ...}."""
    found: dict[str, set[str]] = {}
    for path, kind in _walk("", "", content):
        found.setdefault(path, set()).add(kind)
    return {path: sorted(kinds) for path, kinds in sorted(found.items())}


def template(path: str) -> str:
    """A path without ids and without names of custom objects."""
    return "/".join(_segment(segment) for segment in path.split("/"))


def merged(shapes: Iterator[Mapping[str, list[str]]]) -> dict[str, set[str]]:
    """All kinds that any of the shapes has, by path."""
    found: dict[str, set[str]] = {}
    for shape in shapes:
        for path, kinds in shape.items():
            found.setdefault(path, set()).update(kinds)
    return found


def _walk(path: str, key: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            yield path, "object"
            for name, inner in value.items():
                shown = "*" if key in _OPEN else str(name)
                yield from _walk(f"{path}.{shown}" if path else shown, str(name), inner)
        case list():
            yield path, "list"
            for inner in value:
                yield from _walk(f"{path}[]", "", inner)
        case _:
            yield path, _kind(key, value)


def _kind(key: str, value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str() if key in _WORDS and _WORD.match(value):
            return f"={value}"
        case str():
            return next((kind for kind, form in _KINDS if form.match(value)), "text")
        case _:
            raise TypeError(f"{type(value).__name__} is not JSON")


def _segment(text: str) -> str:
    return next((shown for form, shown in _IDS if form.match(text)), text)
