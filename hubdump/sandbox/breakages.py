"""What a struck request gets: the bodies of HubSpot's errors, of its edge, and what is no answer at all."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import msgspec

from hubdump.sandbox.answers import HTML, JSON, Refused, Request, Response, refusal, too_long
from hubdump.sandbox.apps import App, expired, forbidden
from hubdump.sandbox.limits import DAILY, GENERAL, SEARCH, Limits
from hubdump.sandbox.routes import Route

SLOW_S = 3.0
BOMB_BYTES = 256 * 1024 * 1024
MOVE_RETRY_AFTER_S = 3600
_REASONS = {
    502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out",
    520: "Web server is returning an unknown error", 521: "Web server is down", 522: "Connection timed out",
    523: "Origin is unreachable", 524: "A timeout occurred", 525: "SSL handshake failed",
    526: "Invalid SSL certificate",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Struck:
    """A request that a fault has struck; `real` makes the answer it would have had."""

    request: Request
    app: App
    route: Route
    id_: str
    wall_s: float
    limits: Limits
    real: Callable[[], Response]
    short_edge: bool = False
    empty_414: bool = False


def answer(kind: str, struck: Struck) -> Response:
    """What it gets instead."""
    if kind in _ANSWERS:
        return _ANSWERS[kind](struck)
    return edge(int(kind), short=struck.short_edge)


def broken(id_: str) -> Response:
    """HubSpot's 500."""
    return refusal(Refused(500, "internal error", "INTERNAL_ERROR"), id_)


def edge(status: int, *, short: bool) -> Response:
    """What the edge says for a server that does not answer: a page, or Cloudflare's short text."""
    if short:
        return Response(
            status, f"error code: {status}".encode(), {"Content-Type": "text/plain; charset=UTF-8"}
        )
    return Response(status, _page(f"{status} {_REASONS[status]}"), {"Content-Type": HTML})


def is_poisoned(body: bytes, poisons: Iterable[str]) -> bool:
    """Whether one of these records is in an answer, as a result or inside one."""
    return any(f'"id":"{id_}"'.encode() in body for id_ in poisons)


@cache
def bomb() -> bytes:
    """White space without end, as gzip makes it small."""
    block = gzip.compress(b" " * (16 * 1024 * 1024), 9, mtime=0)
    return block * (BOMB_BYTES // (16 * 1024 * 1024))


def _page(title: str) -> bytes:
    head = f"<head><title>{title}</title></head>"
    return f"<html>\n{head}\n<body><center><h1>{title}</h1></center>\n</body></html>".encode()


def _refused(status: int, message: str, category: str) -> Callable[[Struck], Response]:
    return lambda struck: refusal(Refused(status, message, category), struck.id_)


def _limited(budget: str = "") -> Callable[[Struck], Response]:
    return lambda struck: struck.limits.refuse(struck.app, budget or struck.route.budget, struck.id_)


def _moving(struck: Struck) -> Response:
    found = refusal(Refused(477, "This account is moving to another data centre", "MIGRATION"), struck.id_)
    found.headers["Retry-After"] = str(MOVE_RETRY_AFTER_S)
    return found


def _instead(body: bytes, type_: str = JSON) -> Callable[[Struck], Response]:
    return lambda _: Response(200, body, {"Content-Type": type_})


def _unpacking(_: Struck) -> Response:
    return Response(200, bomb(), {"Content-Type": JSON, "Content-Encoding": "gzip"})


def _slow(struck: Struck) -> Response:
    found = struck.real()
    found.delay_s += SLOW_S
    return found


def _breaking(how: str) -> Callable[[Struck], Response]:
    def spoil(struck: Struck) -> Response:
        found = struck.real()
        found.breakage = how
        return found

    return spoil


def _repeating(struck: Struck) -> Response:
    found = struck.real()
    _repeat(found, struck.request)
    return found


def _repeat(found: Response, request: Request) -> None:
    """Let the answer point to itself: by the cursor that was asked for, or else by its own first one."""
    content = msgspec.json.decode(found.body) if found.status == 200 else None
    if not isinstance(content, dict) or "paging" not in content:
        return
    asked = next((value for name, value in request.query if name == "after"), None)
    if asked is None and request.body:
        body = msgspec.json.decode(request.body)
        asked = str(body["after"]) if isinstance(body, dict) and body.get("after") else None
    content["paging"]["next"]["after"] = asked or "0"
    found.body = msgspec.json.encode(content)


_ANSWERS: dict[str, Callable[[Struck], Response]] = {
    "401": lambda struck: refusal(expired(struck.wall_s, struck.wall_s), struck.id_),
    "403": lambda struck: refusal(forbidden(struck.route.scopes, struck.route.template), struck.id_),
    "414": lambda struck: too_long(struck.empty_414),
    "423": _refused(423, "The resource is locked; try again later", "LOCKED"),
    "429": _limited(),
    "429-general": _limited(GENERAL),
    "429-search": _limited(SEARCH),
    "429-daily": _limited(DAILY),
    "477": _moving,
    "500": lambda struck: broken(struck.id_),
    "empty": _instead(b""),
    "garbage": _instead(b'{"results":[{"id":"1","prope\xff\x00'),
    "html": _instead(_page("HubSpot"), HTML),
    "slow": _slow,
    "cut": _breaking("cut"),
    "reset": _breaking("reset"),
    "bomb": _unpacking,
    "repeat": _repeating,
}
