"""The shape of a JSON answer: which keys it has, and values of which types; and how two of them differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# Maps whose keys are data, not structure.
OPEN = {"properties", "propertiesWithHistory"}
TRIMMED = "…"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
Shape = dict[str, set[str]]


def shape(content: Any) -> Shape:
    """Path -> the types found there; items of a list share a path, as do the values of an open map."""
    found: Shape = {}
    for path, kind in _walk(content, ""):
        found.setdefault(path, set()).add(kind)
    return found


def differences(recorded: Any, answered: Any) -> dict[str, str]:
    """What differs by path: keys that one of them lacks, and types that one of them never has."""
    ours, theirs = shape(answered), shape(recorded)
    found = {path: "we lack it" for path in theirs.keys() - ours.keys() if _parent(path) in ours}
    found |= {path: "only we have it" for path in ours.keys() - theirs.keys() if _parent(path) in theirs}
    for path in ours.keys() & theirs.keys():
        more, less = ours[path] - theirs[path], theirs[path] - ours[path]
        if more or less:
            found[path] = f"recorded {_told(theirs[path])}, ours {_told(ours[path])}"
    return dict(sorted(found.items()))


def _walk(content: Any, path: str) -> Iterator[tuple[str, str]]:
    match content:
        case dict():
            yield path, "object"
            last = path.rpartition(".")[2]
            for name, held in content.items():
                if name != TRIMMED:
                    yield from _walk(held, f"{path}.{'*' if last in OPEN else name}")
        case list():
            yield path, "list"
            for item in content:
                yield from _walk(item, f"{path}[]")
        case _:
            yield path, _scalar(content, is_value=path.endswith(".*"))


def _scalar(content: Any, *, is_value: bool) -> str:
    if isinstance(content, str):
        return "instant" if _INSTANT.fullmatch(content) and not is_value else "text"
    return {type(None): "null", bool: "boolean"}.get(type(content), "number")


def _parent(path: str) -> str:
    return path[:-2] if path.endswith("[]") else path.rpartition(".")[0]


def _told(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))
