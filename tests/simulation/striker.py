"""Strikes one fault in one phase of an extraction: it sits between the core and the network, and knows a phase by
its requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import answers
from hubdump.sandbox.in_process import START_S
from tests.simulation import seam
from tests.simulation.disk import STORE, Killed
from tests.simulation.loop import SECOND_NS
from tests.simulation.network import Network
from tests.simulation.seam import HeldType
from tests.simulation.world import World

PHASES = {
    "Di": "discover: account details, what there is, and definitions",
    "Sw": "sweep",
    "As": "associations",
    "Ar": "archived",
    "Ca": "catch-up",
    "Re": "re-sweep: all ids are compared, what differs is read",
    "Ve": "verify: all ids are compared with HubSpot's after the run",
}
LIST_RECORDS, SEARCH_RECORDS = 2, 2
# Cursors that no portal gave: a strike leads to them, and in its first process they are known.
MADE_UP = ("made-up-1", "made-up-2")
# What a 207 says of an input that fails by a strike.
NOT_NOW = "not now"
# The edge waits for a server so long; a client of ours a little longer.
TIMEOUT_S = 120.0

# The fault that is to strike a request when it arrives, and the phase of the work that sends it: lists of one type are
# read at once.
FAULT, PHASE = ContextVar("fault", default=""), ContextVar("phase", default="")

# Makes another answer of the one that came; None where there is nothing in it to strike.
Spoil = Callable[[Request[Any], Response], Response | None]


@dataclass(frozen=True, slots=True)
class Strike:
    """One form of a fault. It strikes as many requests of its phase as `times` says for a seed (0: all of the first
    process), of those that hold `part` in their path.

    `kind` is the sandbox's own fault; `spoil` changes what came; `lost` is a connection 'refused', or an answer that
    does not come: HubSpot did its work 'after' or 'before' that; `killed` ends the process: 'at' a request, with its
    'answer', or so many statements later. `alive` lets things happen in the portal at each request.
    """

    name: str
    kind: str = ""
    spoil: Spoil | None = None
    lost: str = ""
    killed: str = ""
    alive: bool = False
    jump_s: float = 0.0
    asleep_s: float = 0.0
    times: tuple[int, ...] = (1,)
    part: str = ""


class Striker:
    """A network with one strike in one phase; `hits` counts what was struck, `ids` the records that were taken out
    of an answer, `early` what came again before its time, `left` is what the first process left behind.

    Pages are short, so that a dozen records are several: HubSpot may give fewer than it was asked for. At the
    beginning of a phase a few things happen, so that there is something to be read in each.
    """

    def __init__(self, strike: Strike, phase: str, seed: int) -> None:
        self.strike, self.phase = strike, phase
        self._most = strike.times[seed % len(strike.times)]
        self.hits = 0
        self.process = 0
        self.verifying = 0
        self.ids: set[int] = set()
        self.seen: list[str] = []
        self.early: list[str] = []
        self.left: dict[str, HeldType] = {}
        self._struck: set[Request[Any]] = set()
        self._answered: set[Request[Any]] = set()
        self._world: World | None = None
        self._inner: Network | None = None
        self._struck_s: dict[str, float] = {}

    def through(self, inner: Network) -> Striker:
        """A new process, with its own connections."""
        self._inner, self.process = inner, self.process + 1
        assert self._world
        if self.process == 2 or self.verifying:
            self._world.core.world.faults.asked.clear()
            self.left = seam.read_back(self._world._folder / STORE, self._world.scenario.types)
        return self

    @property
    def unanswered(self) -> list[str]:
        """What was struck and never sent so that it was answered."""
        return [request.path for request in self._struck - self._answered]

    @property
    def _is_first(self) -> bool:
        """Whether this is the process that is struck: the first extraction, or the first verify."""
        return (self.verifying or self.process) == 1

    def attach(self, world: World) -> None:
        """The world it strikes in, with a few records archived and edited just before the run."""
        self._world = world
        arrived, now_ms = world.arrived, world.now_ms

        def struck(request: answers.Request) -> answers.Response:
            if fault := FAULT.get():
                world.core.world.faults.ask([(fault, request.path)])
            return arrived(request)

        world.arrived = struck  # type: ignore[method-assign]  # of this world alone
        world.life.withdraw(3, now_ms - 600_000, now_ms - 400_000)
        self._edit(4, now_ms - 300_000)

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        """What the core is answered."""
        assert self._world
        assert self._inner
        phase = self._entered(request)
        self._patient(request)
        strike, first = self.strike, self._is_first
        asked = _known(_short(request)) if first else _short(request)
        struck = first and phase == self.phase and strike.part in request.path
        if not struck or (self._most and self.hits >= self._most):
            response = await self._inner.send(asked, token)
            self._answered.add(request)
            return response
        self._struck.add(request)
        if strike.alive:
            self._world.life.happen(2, self._world.now_ms - 1, self._world.now_ms)
        if strike.jump_s or strike.asleep_s:
            self._world.clock._wall_s += strike.jump_s
            self._world.loop._selector.now_ns += int(strike.asleep_s * SECOND_NS)
            self.hits += 1
        if strike.killed:
            await self._kill(asked, token)
        if strike.lost:
            await self._lose(asked, token)
        FAULT.set(strike.kind)
        if strike.kind:
            self.hits += strike.spoil is None
        try:
            response = await self._inner.send(asked, token)
        finally:
            FAULT.set("")
        if strike.spoil is None:
            self.hits += strike.alive
            return response
        spoiled = strike.spoil(request, response)
        if spoiled is None:
            return response
        self.hits += 1
        self.ids |= _ids(response) - _ids(spoiled) | _failed(spoiled)
        self._promise(request, spoiled)
        return spoiled

    async def _kill(self, asked: Request[Any], token: Secret | None) -> None:
        assert self._world
        assert self._inner
        self.hits += 1
        fuse = self._world.fuse
        if self.strike.killed.isdecimal():
            fuse.kind, fuse.left = "statement", int(self.strike.killed)
            return
        if self.strike.killed == "answer":
            await self._inner.send(asked, token)
        fuse._die()
        raise Killed(self.strike.name)

    async def _lose(self, asked: Request[Any], token: Secret | None) -> None:
        assert self._inner
        self.hits += 1
        if self.strike.lost == "refused":
            raise NoAnswer("no connection to sandbox.invalid (Connection refused)")
        if self.strike.lost == "after":
            await self._inner.send(asked, token)
        await asyncio.sleep(TIMEOUT_S)
        raise NoAnswer(f"no complete answer within {TIMEOUT_S:.0f} s")

    def _promise(self, request: Request[Any], response: Response) -> None:
        """When a struck request may come again, where the answer says so."""
        assert self._world
        said = response.headers.get("retry-after", "")
        if said.isdecimal():
            self._struck_s[request.path] = self._world.loop.time() + int(said)
        elif said.endswith("GMT"):
            self._struck_s[request.path] = parsedate_to_datetime(said).timestamp() - START_S

    def _patient(self, request: Request[Any]) -> None:
        assert self._world
        until_s = self._struck_s.pop(request.path, 0.0)
        if self._is_first and self._world.loop.time() < until_s:
            self.early.append(f"{request.path} came {until_s - self._world.loop.time():.1f} s early")

    def _entered(self, request: Request[Any]) -> str:
        """The phase a request belongs to; batch reads belong to the list or search before them."""
        assert self._world
        phase = phase_of(request) or PHASE.get() or (self.seen or [""])[-1]
        PHASE.set(phase)
        if self.verifying:
            phase = "Ve"
        if phase not in self.seen and self._is_first:
            self._happen(phase)
        if phase not in {"", "As"}:
            self.seen.append(phase)
        return phase

    def _happen(self, phase: str) -> None:
        """What changed since the phase before: so that each has records to read by their ids."""
        assert self._world
        now_ms = self._world.now_ms
        if phase in {"Ar", "Re", "Ve"}:
            self._world.life.withdraw(1, now_ms - 3, now_ms - 3)
        if phase in {"Re", "Ve"}:
            self._edit(3, now_ms - 3)

    def _edit(self, count: int, at_ms: int) -> None:
        """Change records of the type that is read, one after the other."""
        assert self._world
        (name,) = self._world.scenario.types
        for place in range(count):
            self._world.life._edit(self._world.core.world.portal.shelves[name], at_ms + place)


def phase_of(request: Request[Any]) -> str:
    """The phase that a request tells by itself; '' for a batch read, and for the renewal of a token."""
    asked = dict(request.query)
    about = ("/account-info", "/crm/properties", "/crm/limits", "/crm-object-schemas", "/crm/object-library")
    if request.path.startswith(about) or request.path.endswith("/labels"):
        return "Di"
    if "/crm/associations" in request.path:
        return "As"
    if request.path.endswith("/search"):
        return "Ca"
    if request.path.endswith("/batch/read") or request.form:
        return ""
    if asked.get("archived") == "true":
        return "Ar"
    return "Sw" if asked["properties"].count(",") > 1 else "Re"


def _short(request: Request[Any]) -> Request[Any]:
    """The same request for fewer records a page."""
    if request.path.endswith("/search"):
        body = msgspec.json.decode(request.body or b"{}")
        body["limit"] = min(body["limit"], SEARCH_RECORDS)
        return replace(request, body=msgspec.json.encode(body))
    query = tuple(
        (name, str(min(int(value), LIST_RECORDS)) if name == "limit" else value)
        for name, value in request.query
    )
    return replace(request, query=query)


def _known(request: Request[Any]) -> Request[Any]:
    """The same request for associations without the cursors that a strike made up."""
    if "/crm/associations" not in request.path or request.body is None:
        return request
    body = msgspec.json.decode(request.body or b"{}")
    made_up = [one for one in body["inputs"] if one.get("after") in MADE_UP]
    for one in made_up:
        del one["after"]
    return replace(request, body=msgspec.json.encode(body)) if made_up else request


def _ids(response: Response) -> set[int]:
    """The records that an answer has results of."""
    try:
        results = msgspec.json.decode(response.body)["results"]
        return {int(one["from"]["id"] if "from" in one else one["id"]) for one in results}
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return set()


def _failed(response: Response) -> set[int]:
    """The inputs that an answer to a batch names as failed for now."""
    try:
        errors = msgspec.json.decode(response.body)["errors"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return set()
    named = [one["context"].values() for one in errors if one.get("message") == NOT_NOW]
    return {int(id_) for ids in named for some in ids for id_ in some}
