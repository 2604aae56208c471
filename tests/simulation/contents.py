"""Compares contents of records, where meanwhile the properties of their type may have become others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from tests.simulation.seam import HeldRecord, HeldType
from tests.simulation.truth import ACTIVE, Moment, Truth

# How a reader shows the byte that a garbled answer had in the middle.
GARBLED = b"\\\\xff"


def version_of(moments: list[Moment], one: HeldRecord, *, redefined: bool) -> Moment | None:
    """The latest moment at which a record read as it is held: where properties were `redefined`, in those that both
    have; the order of properties is nobody's promise.
    """
    same = next((moment for moment in reversed(moments) if moment.content == one.content), None)
    if same is not None:
        return same
    held = _decoded(one.content.replace(GARBLED, b""))
    alike = _are_alike if redefined else _are_equal
    return next((m for m in reversed(moments) if m.content and alike(_decoded(m.content), held)), None)


def are_alike(one: Moment, other: Moment) -> bool:
    """Whether a record was the same at two moments, but for which properties there were."""
    return _are_alike(_decoded(one.content), _decoded(other.content))


def lacking(
    name: str, held: HeldType, versions: Mapping[int, Moment | None], truth: Truth, span: tuple[int, int]
) -> Iterator[str]:
    """What a dump does not know of the properties that a type had all the time, or does not have of their values."""
    defined = truth.defined(name, *span)
    if held.records:
        yield from (f"{name} {one}" for one in sorted(defined - held.defined))
    if not truth.is_redefined(name):
        return
    names = {property_ for property_, _ in defined}
    for one in held.records:
        there = versions[one.id]
        if one.state == ACTIVE and there and not held.is_named(one.id):
            known = _decoded(one.content.replace(GARBLED, b""))["properties"]
            values = _decoded(there.content)["properties"]
            missing = [key for key in names - known.keys() if values.get(key) is not None]
            yield from (f"{name} {one.id} {key}" for key in missing)


@lru_cache(4096)
def _decoded(content: bytes) -> Any:
    return msgspec.json.decode(content)


def _are_equal(there: Any, held: Any) -> bool:
    return bool(there == held)


def _are_alike(there: Any, held: Any) -> bool:
    """Whether two contents are the same but for properties that only one of them has."""
    values, others = there["properties"], held["properties"]
    rest = {key: value for key, value in there.items() if key != "properties"}
    return all(others.get(key, values[key]) == values[key] for key in values) and rest == {
        key: value for key, value in held.items() if key != "properties"
    }
