"""Walks over a collection, against a server that is fed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hubdump.around import Collection, ItemsRead, Paging, Parents, SeenItem, Since
from hubdump.errors import Poison, RequestRefused, ScopeMissing
from hubdump.hubspot.collecting import collect
from hubdump.hubspot.item_requests import Window
from hubdump.model import Answer, Refuted, Request, Response

LIST = Collection("things", "account", ("things", "", "list"), (), ("v3",), paging=Paging.AFTER, sizes=(5, 2))
Server = Callable[[Request[Any]], Any]


@dataclass
class Walked:
    """What a walk asked for, brought, and left out; `cursors` are those it could be continued from."""

    asked: list[Request[Any]] = field(default_factory=list)
    seen: dict[tuple[str, str], bool] = field(default_factory=dict)
    cursors: list[str] = field(default_factory=list)
    left_out: dict[str, bool] = field(default_factory=dict)
    refuted: list[str] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        return sorted(key for _, key in self.seen)


def walk(
    row: Collection,
    server: Server,
    window: Window = Window(0, 10_000),  # noqa: B008 - frozen
    parents: Sequence[tuple[str, str]] = (),
    cursor: str = "",
    into: Walked | None = None,
) -> Walked:
    """Drive a walk to its end, or to the first cursor that `into` has none of."""
    found = into or Walked()
    flow = collect(row, window, cursor)
    try:
        step: Any = next(flow)
        while True:
            reply: Any = None
            match step:
                case Request():
                    found.asked.append(step)
                    try:
                        content = server(step)
                    except (Poison, RequestRefused, ScopeMissing) as error:
                        step = flow.throw(error)
                        continue
                    body = json.dumps(content).encode()
                    reply = Answer(msgspec.json.decode(body, type=step.expects), Response(200, {}, body))
                case Parents(after, count):
                    reply = [one for one in parents if _order(one[0]) > _order(after)][:count]
                case Since():
                    reply = window.since_ms
                case SeenItem(parent, key):
                    reply = (parent, key) in found.seen
                case Refuted(belief, _):
                    found.refuted.append(belief)
                case ItemsRead():
                    found.seen |= {(ref.parent, ref.key): ref.archived for ref in step.refs}
                    found.left_out |= {one.parent: one.failed for one in step.left_out}
                    found.cursors.append(step.cursor)
            step = flow.send(reply)
    except StopIteration:
        return found


def _order(parent: str) -> Any:
    return int(parent) if parent.isdecimal() else -1


def query(request: Request[Any]) -> dict[str, str]:
    return dict(request.query)


def item(id_: int, **more: Any) -> dict[str, Any]:
    return {"id": str(id_), **more}
