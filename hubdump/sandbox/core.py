"""The sandbox without sockets: a request and the time go in, a response comes out."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, replace
from email.utils import formatdate

from hubdump.sandbox import breakages, controls, file_bytes, oauth, openapi, overload
from hubdump.sandbox.answers import Refused, Request, Response, ok, refusal, too_long
from hubdump.sandbox.apps import EMAIL_CONTENT, App, forbidden, missing
from hubdump.sandbox.config import SandboxConfig
from hubdump.sandbox.limits import NONE
from hubdump.sandbox.log import Arrival
from hubdump.sandbox.routes import Route
from hubdump.sandbox.world import World

GZIP_FROM_BYTES = 500
OURS = "/_sandbox/"
OPENAPI = "/openapi.json"


@dataclass(frozen=True, slots=True)
class Instant:
    """When a request arrived: on a clock that never goes back, and in the world, as seconds."""

    now_s: float
    wall_s: float


class Core:
    """One portal behind HubSpot's limits, faults and log. SandboxError when the config cannot be."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.world = World(config)

    def handle(self, request: Request, now_s: float, wall_s: float) -> Response:
        """Answer a request that arrived at `now_s` of any clock that never goes back, and `wall_s` of the world's.

        The answer's `delay_s` is how long after its arrival it is due, all told.
        """
        world = self.world
        at = Instant(now_s + world.offset_s, wall_s + world.offset_s)
        world.wall_s = at.wall_s
        world.life.advance(int(at.wall_s * 1000))
        if request.path.startswith(OURS):
            return _compressed(request, self._ours(request, at))
        if request.path == OPENAPI:
            return _compressed(request, ok(openapi.document()))
        world.sent += 1
        arrival = Arrival(world.sent, at.now_s, request.method, request.path, NONE)
        arrival.query, arrival.body_crc = request.raw_query, zlib.crc32(request.body)
        world.log.append(arrival)
        id_ = _correlation_id(self.config.seed, world.sent)
        response = self._answer(request, arrival, id_, at)
        arrival.status = response.status
        response.delay_s += world.latency.next_s()
        response.headers |= {
            "Date": formatdate(at.wall_s + world.beliefs.number("date-skew-s"), usegmt=True),
            "X-HubSpot-Correlation-Id": id_,
            "Server": "cloudflare",
            "CF-Ray": f"{id_[:8]}{id_[-8:]}-FRA",
        }
        return _compressed(request, response)

    def _ours(self, request: Request, at: Instant) -> Response:
        try:
            if request.method == "POST" and request.path == f"{OURS}reset":
                self.world = World(self.config)
                return ok({"reset": True})
            return controls.answer(self.world, request, at.wall_s)
        except Refused as error:
            return refusal(error, "")

    def _answer(self, request: Request, arrival: Arrival, id_: str, at: Instant) -> Response:
        world = self.world
        if request.url_chars > world.beliefs.number("url-chars-max"):
            return too_long(world.beliefs["body-of-414"] == "empty")
        if oauth.PATH.fullmatch(request.path):
            arrival.template = "/oauth/{version}/token"
            return world.oauth.answer(request, at.wall_s)
        if request.path.startswith(file_bytes.PATH):
            arrival.template = file_bytes.TEMPLATE
            return self._downloaded(request, arrival, id_, at)
        try:
            app = world.apps.of(request, at.wall_s)
            arrival.app = app.number
            request, route = self._routed(request, app, at)
        except Refused as error:
            return refusal(error, id_)
        arrival.budget, arrival.template = route.budget, route.template
        call = _Call(world, request, app, route, arrival, id_, at)
        response = call.answer()
        # The edge knows nothing of budgets, and speaks no JSON.
        if not response.headers.get("Content-Type", "").startswith("text/"):
            response.headers |= world.limits.headers(app, route.budget, at.now_s)
        return response

    def _downloaded(self, request: Request, arrival: Arrival, id_: str, at: Instant) -> Response:
        """The bytes of a file, past budgets and tokens, not past faults."""
        world, app = self.world, App(0)
        files, beliefs = world.router.answerers.files, world.beliefs
        route = Route(NONE, lambda: files.download(request, int(at.wall_s * 1000)), template=arrival.template)
        same = (arrival.path, arrival.query, arrival.body_crc)
        kind = world.faults.of(arrival.ordinal, arrival.path, at.now_s, sheltered=False, same=same)
        arrival.fault = kind
        if not kind:
            return route.answer()
        struck = breakages.Struck(
            request, app, route, id_, at.wall_s, world.limits, route.answer, beliefs["edge-bodies"] == "text",
            beliefs["body-of-414"] == "empty",
        )  # fmt: skip
        return breakages.answer(kind, struck)

    def _routed(self, request: Request, app: App, at: Instant) -> tuple[Request, Route]:
        """The request, marked with what its app may read where that is not all, and where it leads."""
        host, now_ms = request.headers.get("host", ""), int(at.wall_s * 1000)
        base = f"http://{host if host.isascii() and host else '127.0.0.1'}"
        if app.scopes is not None and self.world.beliefs["scopes"] == "enforced":
            request = replace(request, scopes=app.scopes)
        route = self.world.router.route(request, base, now_ms)
        redacting = self.world.beliefs["emails-without-scope"] == "redacted"
        if redacting and EMAIL_CONTENT in missing(app, route.scopes):
            request = replace(request, redact_emails=True)
            route = self.world.router.route(request, base, now_ms)
        return request, route


@dataclass(frozen=True, slots=True)
class _Call:
    """One request that has found its route, on its way past faults, limits and scopes to the portal."""

    world: World
    request: Request
    app: App
    route: Route
    arrival: Arrival
    id_: str
    at: Instant

    def answer(self) -> Response:
        """What the portal says, or whatever stands in its way."""
        world, beliefs = self.world, self.world.beliefs
        arrival = self.arrival
        kind = world.faults.of(
            arrival.ordinal, arrival.path, self.at.now_s, sheltered=self.route.sheltered,
            same=(arrival.path, arrival.query, arrival.body_crc),
        )  # fmt: skip
        arrival.fault = kind
        if not kind:
            return self._real()
        struck = breakages.Struck(
            self.request, self.app, self.route, self.id_, self.at.wall_s,
            world.limits, self._real, beliefs["edge-bodies"] == "text", beliefs["body-of-414"] == "empty",
        )  # fmt: skip
        return breakages.answer(kind, struck)

    def _real(self) -> Response:
        over = self.world.limits.admit(self.app, self.route.budget, self.at.now_s, self.at.wall_s, self.id_)
        if over:
            return over
        load = self.world.limits.load(self.app, self.route.budget, self.at.now_s)
        strained = self.world.config.overload and not self.route.sheltered
        if strained and overload.fails(self.world.config.seed, self.arrival.ordinal, load):
            self.arrival.fault = "overload"
            return breakages.edge(502, short=self.world.beliefs["edge-bodies"] == "text")
        response = self._allowed()
        response.delay_s += overload.delay_s(load) if strained else 0.0
        if self.world.faults.poisons and breakages.is_poisoned(response.body, self.world.faults.poisons):
            self.arrival.fault = "poison"
            return breakages.broken(self.id_)
        return response

    def _allowed(self) -> Response:
        try:
            absent = self.world.availability.refusal(self.route)
            if absent:
                raise absent
            lacking = self._lacking()
            if lacking:
                raise forbidden(lacking, self.route.template)
            return self.route.answer()
        except Refused as error:
            return refusal(error, self.id_)

    def _lacking(self) -> list[str]:
        beliefs, needed = self.world.beliefs, self.route.scopes
        lacking = missing(self.app, needed)
        if beliefs["scopes"] == "ignored":
            return []
        if self.request.redact_emails:
            lacking.remove(EMAIL_CONTENT)
        of_associations = "associations" in self.route.template and beliefs["association-scopes"] == "either"
        return [] if of_associations and len(lacking) < len(needed) else lacking


def _correlation_id(seed: int, ordinal: int) -> str:
    id_ = hashlib.blake2b(f"{seed}:{ordinal}".encode(), digest_size=16).hexdigest()
    return f"{id_[:8]}-{id_[8:12]}-{id_[12:16]}-{id_[16:20]}-{id_[20:]}"


def _compressed(request: Request, response: Response) -> Response:
    asked = "gzip" in request.headers.get("accept-encoding", "")
    texts = response.headers.get("Content-Type", "").startswith(("text/html", "application/json"))
    plain = texts and "Content-Encoding" not in response.headers
    if asked and plain and len(response.body) >= GZIP_FROM_BYTES:
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        response.body = packer.compress(response.body) + packer.flush()
        response.headers["Content-Encoding"] = "gzip"
    return response
