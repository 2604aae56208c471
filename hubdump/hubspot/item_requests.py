"""The requests for items of collections, built from a collection's row, and the shape of a complete answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw

from hubdump.around import Collection, Paging, Sent
from hubdump.hubspot.endpoints import route
from hubdump.hubspot.wire import Paging as Cursors
from hubdump.model import Budget, Request


@dataclass(frozen=True, slots=True)
class Window:
    """What a pass reads of a collection that only grows: from `since_ms` (0: all) to `until_ms`.

    Where items have parents, each of these has a `since_ms` of its own.
    """

    since_ms: int = 0
    until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """One page: of which parent, from where, how many items, archived ones or the others."""

    version: str
    parent: str = ""
    after: str = ""
    size: int = 0
    archived: bool = False
    inputs: Sequence[str] = ()


def page(row: Collection, wanted: Wanted, window: Window) -> Request[Any]:
    """The request for one page of a collection."""
    root, family, rest = row.path
    path = route(root, family, wanted.version, rest.replace("{parent}", quote(wanted.parent, safe="")))
    query = list(row.query)
    body: dict[str, Any] = {}
    if row.archived:
        query.append(("archived", str(wanted.archived).lower()))
    if row.window:
        query += [("startTimestamp", str(window.since_ms))] if window.since_ms else []
        query.append(("endTimestamp", str(window.until_ms)))
    if row.sent is Sent.INPUTS:
        body = {"inputs": list(wanted.inputs)}
    elif row.sent is Sent.BODY:
        body = {
            row.size: wanted.size,
            "offset": int(wanted.after) if wanted.after.isdecimal() else wanted.after or 0,
        }
    elif row.paging is not Paging.NONE:
        query.append((row.size, str(wanted.size)))
        if wanted.after:
            query.append((_CURSOR[row.paging], wanted.after))
    return Request(
        "GET" if row.sent is Sent.QUERY else "POST",
        path,
        route(
            root,
            family,
            wanted.version,
            rest.replace("{parent}", "{id}" if row.parent != "type" else wanted.parent),
        ),
        Budget.GENERAL,
        _shape(row),
        tuple(query),
        msgspec.json.encode(body) if body else None,
    )


_CURSOR = {Paging.AFTER: "after", Paging.OFFSET: "offset", Paging.ID: "idGte"}


@cache
def _shape(row: Collection) -> type[Any]:
    """What a complete answer has to have: its items, and what leads to the next page."""
    if not row.items:
        return msgspec.defstruct(f"{row.name}_item", [(name, Raw) for name in row.key])
    fields: list[Any] = [(row.items[0], list[Raw])]
    if row.paging is Paging.OFFSET:
        fields += [("hasMore", bool), ("offset", str | int, "")]
    fields.append(("paging", Cursors | None, None))
    return msgspec.defstruct(f"{row.name}_page", fields)


def next_after(row: Collection, content: Any, last: str) -> str:
    """The cursor of the page behind an answer, '' where there is none; `last` is the key of its last item."""
    if not row.items or row.paging is Paging.NONE:
        return ""
    if row.paging is Paging.OFFSET:
        return str(content.offset) if content.hasMore else ""
    after = content.paging.next.after if content.paging and content.paging.next else ""
    return last if after and row.paging is Paging.ID else str(after)
