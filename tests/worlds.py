"""What tests drive the core with: a clock that jumps, and a HubSpot that answers from a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from hubdump.catalog import STANDARD, Catalogue
from hubdump.errors import Incomplete
from hubdump.events import Emit
from hubdump.extract import discovery
from hubdump.extract.bearer import Bearer, Credentials, ServiceKey
from hubdump.extract.engine import Engine
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.plan import Wishes
from hubdump.extract.sending import Means, Transport
from hubdump.hubspot.pacing import Budgets
from hubdump.hubspot.retry import NoAnswer
from hubdump.model import ObjectType, Request, Response, Secret, State
from hubdump.sandbox import InProcess
from hubdump.session import preflight
from hubdump.store.reader import Reader
from hubdump.store.store import Store

ENGAGEMENTS = STANDARD.groups["engagements"]
CRM = ("contacts", "companies", "deals", "tickets")
ALL = (*ENGAGEMENTS, *CRM)
DATE = "Tue, 24 Nov 2026 10:00:00 GMT"
DATE_US = 1_795_514_400_000_000


class JumpingClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.ns = 0
        self.slept: list[float] = []

    def now_ns(self) -> int:
        return self.ns

    def wall_s(self) -> float:
        return 1_700_000_000 + self.ns / 1e9

    async def sleep(self, wait_s: float) -> None:
        self.slept.append(wait_s)
        self.ns += int(wait_s * 1e9)
        await asyncio.sleep(0)


class Emulated:
    """A transport into a sandbox in this process, on the clock of the one who asks."""

    def __init__(self, sandbox: InProcess, clock: JumpingClock) -> None:
        self.sandbox, self._clock, self._start_s = sandbox, clock, clock.wall_s()
        clock.ns += int((sandbox.now_s - self._start_s) * 1e9)

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        self.sandbox.now_s = self._clock.wall_s()
        headers = {"authorization": f"Bearer {token.reveal()}"} if token else {}
        text = (request.body or b"").decode()
        sent: dict[str, Any] = (
            {"form": dict(parse_qsl(text))} if request.form else {"json": json.loads(text or "null")}
        )
        try:
            came = self.sandbox.request(
                request.method, request.path, params=dict(request.query), headers=headers, **sent
            )
        except ConnectionResetError as error:
            raise NoAnswer(str(error)) from error
        self._clock.ns += int((self.sandbox.now_s - self._clock.wall_s()) * 1e9)
        named = {name.lower(): value for name, value in came.headers.items()}
        return Response(came.status, named, came.body, named.get("content-encoding", ""))


class Refusing(Emulated):
    """A portal that answers some paths with an error of its own."""

    def __init__(self, sandbox: InProcess, clock: JumpingClock, part: str, status: int, body: Any) -> None:
        super().__init__(sandbox, clock)
        self._part, self._status, self._body = part, status, body

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        if self._part in request.path:
            return Response(self._status, {}, json.dumps(self._body).encode())
        return await super().send(request, token)


Reply = Response | NoAnswer | Callable[[Request[Any]], Response]


class Script:
    """A transport that gives the replies of a list in order, then the last one for ever."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.sent: list[tuple[Request[Any], Secret | None]] = []

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        self.sent.append((request, token))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, NoAnswer):
            raise reply
        return reply if isinstance(reply, Response) else reply(request)


def answer(content: Any, status: int = 200, date: str = DATE, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"date": date, **named}, json.dumps(content).encode())


def record(id_: int, updated: str = "2026-01-01T00:00:00Z", **properties: str | None) -> dict[str, Any]:
    return {
        "id": str(id_),
        "properties": {"hs_object_id": str(id_), **properties},
        "createdAt": "2025-01-01T00:00:00Z",
        "updatedAt": updated,
        "archived": False,
    }


def page(ids: Sequence[int], after: str = "", **more: Any) -> dict[str, Any]:
    paging = {"paging": {"next": {"after": after}}} if after else {}
    return {"results": [record(id_) for id_ in ids], **paging, **more}


async def no_file(_type: ObjectType) -> None:
    """Nothing is written when a type is complete."""


def exchange_with(
    sandbox: InProcess,
    clock: JumpingClock,
    emit: Emit,
    through: Callable[[JumpingClock], Transport] | None = None,
    credentials: Credentials | None = None,
) -> Exchange:
    """What asks a sandbox in this process, by way of `through` where that is given."""
    transport = through(clock) if through else Emulated(sandbox, clock)
    bearer = Bearer(credentials or ServiceKey(Secret(sandbox.portal.token)), clock)
    means = Means(transport, bearer, Budgets(None), clock, emit, chance=lambda: 0.5)
    return Exchange(means, Patience())


def extracted(
    sandbox: InProcess,
    folder: Path,
    types: Sequence[str] = ALL,
    emit: Emit = lambda _: None,
    wishes: Wishes = Wishes(),  # noqa: B008 - frozen
    *,
    to_its_end: bool = True,
    through: Callable[[JumpingClock], Transport] | None = None,
    credentials: Credentials | None = None,
    invented: tuple[ObjectType, ...] = (),
) -> dict[str, Incomplete]:
    """A run over types of a sandbox in this process, into folder/store.sqlite; what failed. No time of ours passes.

    `invented` types stand in the catalogue beside those of the portal, and are read too.
    """
    clock = JumpingClock()
    store = Store(folder / "store.sqlite")
    store.runs.begin(f"from {sandbox.now_s}", int(sandbox.now_s * 1e6))
    exchange = exchange_with(sandbox, clock, emit, through, credentials)

    async def read() -> dict[str, Incomplete]:
        _, api = await preflight(exchange)
        chosen = await discovery.selected(exchange, api, store, emit, types, ())
        catalogue = Catalogue((*store.discovered.catalogue().types, *invented))
        engine = Engine(api, exchange, store, clock, emit, wishes, catalogue)
        failed = await engine.extract([*chosen, *invented], no_file)
        if to_its_end:
            store.end_run()
        return failed

    try:
        return asyncio.run(read())
    finally:
        store.close()


def stored(folder: Path, types: Sequence[str] = ALL) -> tuple[dict[str, list[str]], list[tuple[Any, ...]]]:
    """What a store holds, in the form of the sandbox's truth: ids by type, and associations."""
    reader = Reader(folder / "store.sqlite")
    try:
        ids = {
            f"{name}{shown}": sorted(str(r.id) for page in reader.pages(name, state) for r in page)
            for name in types
            for shown, state in (("", State.ACTIVE), (" archived", State.ARCHIVED))
        }
        rows = [
            (name, str(a.from_id), to, str(a.to_id), a.category, a.type_id, a.label)
            for name in types
            for to, a in reader.associations(name)
        ]
        return ids, sorted(rows, key=repr)
    finally:
        reader.close()


def true_of(
    sandbox: InProcess, types: Sequence[str] = ALL
) -> tuple[dict[str, list[str]], list[tuple[Any, ...]]]:
    """What the sandbox says is true, in the same form, from the sides that hubdump reads it from."""
    truth = sandbox.portal.truth()
    ids = {name: sorted(truth["live"][name]) for name in types}
    ids |= {f"{name} archived": sorted(truth["archived"][name]) for name in types}
    return ids, sorted(read_rows(truth, types), key=repr)


def read_rows(truth: dict[str, Any], types: Sequence[str] = ALL) -> list[tuple[Any, ...]]:
    """Of all associations those from the side they are to be read from when all of `types` are: of a pair that is
    stored both ways an engagement's own, else that with fewer calls, else the one that comes first in the catalogue.
    """
    place = {type_.name: place for place, type_ in enumerate(STANDARD.types)}
    pairs = {(row[0], row[2]) for row in truth["associations"]}

    def rank(name: str) -> tuple[Any, ...]:
        calls = -(-len(truth["live"][name]) // 1000)
        return name not in ENGAGEMENTS, 0 if name in ENGAGEMENTS else calls, place.get(name, 99), name

    def read(from_: str, to: str) -> bool:
        if from_ not in types or (to not in types and to not in place):  # no custom object was looked for
            return False
        stored_back = (to, from_) in pairs and to in types
        return not stored_back or rank(from_) <= rank(to)

    return [tuple(row) for row in truth["associations"] if read(row[0], row[2])]
