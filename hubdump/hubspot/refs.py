"""What one answer holds: its records indexed and checked, the ids its errors name, its next cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zlib import crc32

from msgspec import Raw

from hubdump import marks, strict
from hubdump.errors import BeliefRefuted, Incomplete
from hubdump.hubspot import wire
from hubdump.model import ObjectType, RecordRef, Response

TYPED = "an endpoint returns records of its own type only"
MOVES = "cursors move on"

Page = tuple[Response, list[RecordRef]]


def record_refs(type_: ObjectType, results: Sequence[Raw]) -> tuple[list[RecordRef], dict[int, str]]:
    """Index the records of one answer; and what stands among them and is none, with what is wrong with it.

    That goes by the id it claims, or by a number below 0 of its own where that is no id. Raises BeliefRefuted
    naming what does not hold.
    """
    refs: list[RecordRef] = []
    strange: dict[int, str] = {}
    for position, raw in enumerate(results):
        try:
            head = wire.head(raw)
            id_ = wire.record_id(head.id)
        except (*strict.UNREADABLE, Incomplete) as error:
            marks.hit("no record")
            strange |= _strange(raw, error)
            continue
        _check_head(type_, id_, head)
        refs.append(RecordRef(id_, position, wire.instant_us(head.updatedAt), head.archived))
    return refs, strange


def ids_of(
    problems: Iterable[wire.Problem], key: str, *, category: str | None = None, subcategory: str | None = None
) -> set[int]:
    """The ids that errors of one kind name under a key of their context."""
    return {
        known
        for problem in problems
        if category in {None, problem.category} and subcategory in {None, problem.subCategory}
        for id_ in problem.context.get(key, [])
        if (known := wire.number(id_)) is not None
    }


def next_after(paging: wire.Paging | None) -> str:
    """The cursor of the next page, '' where there is none; the link beside it is never followed."""
    return paging.next.after if paging and paging.next else ""


def _strange(raw: Raw, error: Exception) -> dict[int, str]:
    claimed = wire.claimed_id(raw)
    try:
        number = wire.record_id(claimed or "")
    except Incomplete:
        number = -1 - crc32(raw)
    return {number: f"what came as a record ({f'id {claimed!r}' if claimed else 'no id'}) is none: {error}"}


def _check_head(type_: ObjectType, id_: int, head: wire.Head) -> None:
    properties = head.properties
    if properties.hs_object_id is not None and str(properties.hs_object_id) != str(id_):
        raise BeliefRefuted(TYPED, f"{type_.name} {id_} calls itself {properties.hs_object_id}")
    if type_.engagement and properties.hs_engagement_type not in {None, "", type_.engagement}:
        raise BeliefRefuted(TYPED, f"{type_.name} {id_} is a {properties.hs_engagement_type}")
