"""The network between the core and the portal: it takes its time, breaks, and spoils what it carries."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import Any, Protocol

import msgspec

from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import answers
from tests.simulation.disk import Fuse
from tests.simulation.scenario import Scenario


class Portal(Protocol):
    """Where requests arrive; `fuse` is that of the process that sends them, `given` the cursors it gave, by path."""

    scenario: Scenario
    fuse: Fuse
    given: set[tuple[str, str]]

    @property
    def is_quiet(self) -> bool: ...

    def arrived(self, request: answers.Request) -> answers.Response: ...


class Network:
    """Carries requests into the portal: each takes its time both ways, and while they travel life goes on."""

    def __init__(self, world: Portal) -> None:
        self._world = world
        self._dice = Random(f"network {world.scenario.seed}")

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        world = self._world
        world.fuse.tick("request")
        await asyncio.sleep(self._travel_s())
        world.fuse.tick("arrival")
        request, unknown = self._entered(request)
        response = world.arrived(_asked(request, token, gzip=world.scenario.gzip))
        await asyncio.sleep(response.delay_s + self._travel_s())
        world.fuse.tick("answer")
        if response.breakage:
            said = token.reveal() if token and world.scenario.echo else ""
            raise NoAnswer(f"the connection broke ({response.breakage}) {said}")
        named = {name.lower(): value for name, value in response.headers.items()}
        body = response.body if "content-encoding" in named else self._spoiled(request, response, token)
        if world.scenario.unknown and response.status == 200 and request.method == "GET":
            body = b'{"results":[]}' if unknown else body
            after = (_content(body).get("paging") or {}).get("next", {}).get("after", "")
            world.given.add((request.path, after))
        return Response(response.status, named, body, named.get("content-encoding", ""))

    def _entered(self, request: Request[Any]) -> tuple[Request[Any], bool]:
        """What a list that cannot be entered anywhere makes of a request; whether nothing comes of it."""
        after = dict(request.query).get("after", "")
        entered = bool(after) and (request.path, after) not in self._world.given
        # Other lists know no ids to be entered at: of those whose cursors count, any number is one.
        if not entered or not self._world.scenario.unknown or self._world.scenario.beliefs:
            return request, False
        if self._world.scenario.unknown == "empty":
            return request, True
        return replace(request, query=tuple(one for one in request.query if one[0] != "after")), False

    def _spoiled(self, request: Request[Any], response: answers.Response, token: Secret | None) -> bytes:
        """What becomes of a body on its way: tokens echoed in errors, results left out, bytes that are no UTF-8."""
        scenario, body = self._world.scenario, response.body
        if token and scenario.echo and response.status >= 500:
            return body + f"<p>authorization: Bearer {token.reveal()}</p>".encode()
        if response.status not in {200, 207}:
            return body
        if self._dice.random() < scenario.dropped and request.path.endswith("/batch/read"):
            body = self._less_one(body)
        if self._dice.random() < scenario.repeated and not self._world.is_quiet:
            body = _repeated(request, body)
        if (
            self._dice.random() < scenario.strange
            and not self._world.is_quiet
            and "/objects/" in request.path
        ):
            body = body.replace(
                b'"results":[', b'"results":[{"nobody":1}' + b","[: body.count(b'"results":[{')], 1
            )
        if self._dice.random() < scenario.garbled:
            body = body.replace(b"https://app.hubspot", b"https://app.\xffhubspot", 1)
        return body

    def _less_one(self, body: bytes) -> bytes:
        """An answer to a batch that leaves one input out and says nothing of it."""
        content = _content(body)
        if content["results"]:
            del content["results"][self._dice.randrange(len(content["results"]))]
        return msgspec.json.encode(content)

    def _travel_s(self) -> float:
        low, high = self._world.scenario.latency_ms
        return self._dice.randint(low, high) / 2000


def _content(body: bytes) -> dict[str, Any]:
    """What an answer says; no results where it is spoiled already."""
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {"results": []}
    return content if isinstance(content, dict) else {"results": []}


def _repeated(request: Request[Any], body: bytes) -> bytes:
    """A page whose next one is itself: of a list, or of the associations of one record."""
    content, asked = _content(body), dict(request.query).get("after")
    if asked and "paging" in content:
        content["paging"]["next"]["after"] = asked
        return msgspec.json.encode(content)
    inputs = msgspec.json.decode(request.body).get("inputs", []) if request.body and not request.form else []
    afters = {one["id"]: one["after"] for one in inputs if "after" in one}
    for one in content.get("results", []):
        if "paging" in one and one["from"]["id"] in afters:
            one["paging"]["next"]["after"] = afters[one["from"]["id"]]
    return msgspec.json.encode(content) if afters else body


def _asked(request: Request[Any], token: Secret | None, *, gzip: bool) -> answers.Request:
    headers = {"host": "sandbox.invalid"}
    if token:
        headers["authorization"] = f"Bearer {token.reveal()}"
    if gzip:
        headers["accept-encoding"] = "gzip"
    if request.body is not None:
        kind = "application/x-www-form-urlencoded" if request.form else "application/json"
        headers["content-type"] = kind
    raw = "&".join(f"{name}={value}" for name, value in request.query)
    chars = len(request.path) + len(raw) + 1
    return answers.Request(
        request.method, request.path, request.query, headers, request.body or b"", chars, raw_query=raw
    )
