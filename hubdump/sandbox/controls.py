"""What stands under /_sandbox/ and is not HubSpot's: truth, log, clock, faults, edits, beliefs, limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec

from hubdump.sandbox import collected
from hubdump.sandbox.answers import Refused, Request, Response, object_of, ok
from hubdump.sandbox.calls import Query
from hubdump.sandbox.changes import Changes
from hubdump.sandbox.config import SandboxError, tier_of
from hubdump.sandbox.limits import midnight
from hubdump.sandbox.log import requests, summary
from hubdump.sandbox.objects import locate
from hubdump.sandbox.truth import definitions, history, truth
from hubdump.sandbox.world import World

ADVANCE_S_MAX = 10 * 366 * 86_400


def answer(world: World, request: Request, wall_s: float) -> Response:
    """Answer a request to one of them; Refused when it cannot be done as asked."""
    control = CONTROLS.get(f"{request.method} {request.path.split('/', 2)[2]}")
    if control is None:
        there_is = {name: about for name, (about, _) in CONTROLS.items()} | {"POST reset": RESET}
        return ok({"message": "there is nothing of the sandbox here", "there is": there_is}, 404)
    return control[1](world, request, wall_s)


def _truth(world: World, request: Request, _: float) -> Response:
    query = Query(request)
    items, defined, told = (query.many(name) or [] for name in ("items", "definitions", "history"))
    types = query.many("types") or [*defined, *told]
    more = collected.truth(world.router.answerers, items) if items or not types else {}
    if query.one("files") == "1":
        more["files"] = world.router.answerers.files.sums()
    more |= definitions(world.portal, defined) | history(world.portal, told)
    return Response(200, b"".join(truth(world.portal, types, more)), {"Content-Type": "application/json"})


def _requests(world: World, request: Request, _: float) -> Response:
    query = Query(request)
    if query.one("summary") == "1":
        return ok(summary(world.log))
    return ok(requests(world.log, windows=query.one("windows") == "1"))


def _told_clock(world: World, _: Request, wall_s: float) -> Response:
    return ok(_clock(world, wall_s))


def _moved_clock(world: World, request: Request, wall_s: float) -> Response:
    return ok(_clock(world, wall_s + _advance(world, object_of(request))))


def _told_faults(world: World, _request: Request, _wall_s: float) -> Response:
    return ok(world.faults.as_json())


def _asked_faults(world: World, request: Request, _: float) -> Response:
    _ask(world, object_of(request))
    return ok(world.faults.as_json())


def _no_faults(world: World, _request: Request, _wall_s: float) -> Response:
    world.faults.clear()
    return ok(world.faults.as_json())


def _edited(world: World, request: Request, wall_s: float) -> Response:
    return ok({"results": [_edit(world, edit, wall_s) for edit in _edits(object_of(request))]})


def _restored(world: World, request: Request, wall_s: float) -> Response:
    """Archived records live again, as by a person: HubSpot has no route for it."""
    body = object_of(request)
    kind, id_ = world.portal.kind(str(body.get("type"))), str(body.get("id"))
    shelf = world.portal.shelves[kind.name] if kind else None
    found = locate(shelf, id_) if shelf else None
    if shelf is None or found is None or shelf.is_live(found):
        raise Refused(404, "there is no such archived record")
    Changes(world.portal).restore(shelf, found, int(wall_s * 1000))
    return ok({"restored": str(found)})


def _edited_items(world: World, request: Request, wall_s: float) -> Response:
    edits = object_of(request).get("edits")
    if not isinstance(edits, list) or not all(isinstance(edit, dict) for edit in edits):
        raise Refused(400, 'edits must be a list of objects: {"do": ..., "collection": ..., "key": ...}')
    now_ms, lag_ms = int(wall_s * 1000), 1000 * world.beliefs.number("events-lag-s")
    return ok({"results": [collected.edit(world.items, edit, now_ms, lag_ms) for edit in edits]})


def _drifted(world: World, request: Request, wall_s: float) -> Response:
    deeds = object_of(request).get("deeds")
    if not isinstance(deeds, list) or not all(isinstance(deed, str) for deed in deeds):
        raise Refused(400, 'deeds must be a list of texts: ["property-archived:contacts:jobtitle"]')
    for deed in deeds:
        try:
            world.drift.do(deed, int(wall_s * 1000))
        except SandboxError as error:
            raise Refused(400, str(error)) from None
    return ok({"done": deeds})


def _changed_tier(world: World, request: Request, _: float) -> Response:
    name = object_of(request).get("tier")
    try:
        tier = tier_of(name)
    except SandboxError as error:
        raise Refused(400, str(error)) from None
    world.limits.change(tier)
    return ok({"tier": name, "limits": asdict(tier)})


def _told_beliefs(world: World, _request: Request, _wall_s: float) -> Response:
    return ok({"beliefs": world.beliefs.as_dict()})


def _clock(world: World, wall_s: float) -> dict[str, Any]:
    zone = world.limits.day.zone
    resets = midnight(wall_s, zone).isoformat(timespec="seconds")
    return {"wall_s": wall_s, "offset_s": world.offset_s, "budgets_reset_at": resets}


def _advance(world: World, body: dict[str, Any]) -> float:
    seconds = body.get("advance_s")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= ADVANCE_S_MAX:
        raise Refused(400, f"advance_s must be a number from 0 to {ADVANCE_S_MAX}")
    world.offset_s += seconds
    return seconds


def _ask(world: World, body: dict[str, Any]) -> None:
    wanted = body.get("next")
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise Refused(400, 'next must be a list of objects: {"kind": ..., "path": ...}')
    try:
        world.faults.ask([(str(one.get("kind")), str(one.get("path", ""))) for one in wanted])
    except SandboxError as error:
        raise Refused(400, str(error)) from None


def _edits(body: dict[str, Any]) -> list[dict[str, Any]]:
    edits = body.get("edits")
    if not isinstance(edits, list) or not all(
        isinstance(edit, dict) and isinstance(edit.get("method"), str) and isinstance(edit.get("path"), str)
        for edit in edits
    ):
        raise Refused(400, 'edits must be a list of objects: {"method": ..., "path": ..., "body": ...}')
    return edits


def _edit(world: World, edit: dict[str, Any], wall_s: float) -> dict[str, Any]:
    """One write by HubSpot's own routes: its status, and what it answered."""
    body = msgspec.json.encode(edit["body"]) if "body" in edit else b""
    request = Request(edit["method"], edit["path"], headers={"content-type": "application/json"}, body=body)
    try:
        response = world.router.route(request, "http://127.0.0.1", int(wall_s * 1000)).answer()
    except Refused as error:
        return {"status": error.status, "body": {"message": str(error)} | error.fields}
    return {"status": response.status, "body": msgspec.json.decode(response.body) if response.body else None}


RESET = "a fresh portal, an empty log, full budgets, the same seed"
CONTROLS: dict[str, tuple[str, Callable[[World, Request, float], Response]]] = {
    "GET truth": (
        "all ids, associations, keys of items as they are now (types=, items=, definitions=, history=a,b, files=1)",
        _truth,
    ),
    "GET requests": ("the log (windows=1: the fullest ones; summary=1: by route instead)", _requests),
    "GET clock": ("the sandbox's time, and how far it was moved", _told_clock),
    "POST clock": ('move it ahead: {"advance_s": 60}', _moved_clock),
    "GET faults": ("the faults that are still to come", _told_faults),
    "POST faults": (
        'strike the next requests: {"next": [{"kind": "502", "path": "/search"}]}',
        _asked_faults,
    ),
    "DELETE faults": ("no more faults", _no_faults),
    "POST edits": ('write without limits or faults: {"edits": [{"method", "path", "body"}]}', _edited),
    "POST items": (
        'create, change, archive, restore, remove: {"edits": [{"do", "collection", "parent", "key", "body"}]}',
        _edited_items,
    ),
    "POST restore": ('bring an archived record back: {"type": "contacts", "id": "1"}', _restored),
    "POST drift": ('properties, custom objects, types, scopes: {"deeds": ["type-gone:leads"]}', _drifted),
    "POST tier": ('limits of another tier from the next request on: {"tier": "free"}', _changed_tier),
    "GET beliefs": ("every belief as it stands", _told_beliefs),
}
