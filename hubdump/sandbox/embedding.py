"""The sandbox inside another program: a context manager that serves a portal on a free port."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypedDict, Unpack

import msgspec

from hubdump.sandbox.answers import Request, Response
from hubdump.sandbox.config import SandboxConfig, SandboxError, Tier
from hubdump.sandbox.core import Core

_JSON = "application/json"


class Options(TypedDict, total=False):
    """What a portal can be started with; the command line's flags of the same names say more.

    `latency` is milliseconds or a text as for --latency; `beliefs` names and values, or 'name=value' texts;
    `limits` wins over the `tier`'s.
    """

    seed: int
    token: str
    tokens: Sequence[str]
    latency: float | str
    faults: str
    tier: str
    beliefs: Mapping[str, str | int] | Sequence[str]
    limits: Tier
    overload: bool
    life: str
    without: Sequence[str]


def config_of(portal: str, options: Options) -> SandboxConfig:
    """The config of these options; no faults unless asked for. SandboxError when they cannot be."""
    beliefs = options.get("beliefs", ())
    texts = (
        [f"{name}={value}" for name, value in beliefs.items()] if isinstance(beliefs, Mapping) else beliefs
    )
    defaults = SandboxConfig()
    return SandboxConfig(
        portal=portal,
        seed=options.get("seed", defaults.seed),
        token=options.get("token", defaults.token),
        faults=options.get("faults", "none"),
        tier=options.get("tier", defaults.tier),
        beliefs=tuple(texts),
        tokens=tuple(options.get("tokens", ())),
        latency=str(options.get("latency", "")),
        overload=options.get("overload", True),
        limits=options.get("limits"),
        life=options.get("life", ""),
        without=tuple(options.get("without", ())),
    )


@dataclass(frozen=True, slots=True)
class Emulated:
    """A portal that answers: `url` and `token` are for the client, the rest is for its test."""

    url: str
    token: str
    ask: Callable[[Request], Response]

    def truth(
        self,
        *types: str,
        items: Sequence[str] = (),
        definitions: Sequence[str] = (),
        history: Sequence[str] = (),
        files: bool = False,
    ) -> dict[str, Any]:
        """All ids by type, live and archived, all associations and all keys of items, as they are now.

        Of `items` (owners, forms...) the bodies too, of `definitions` and `history` (names of types) those, with
        `files` the size and MD5 of each file, hidden ones too.
        """
        asked = {"types": types, "items": items, "definitions": definitions, "history": history}
        query = (*((name, ",".join(names)) for name, names in asked.items()), ("files", "1" if files else ""))
        found: dict[str, Any] = self._control("GET", "truth", query=query)
        return found

    def requests(self) -> list[dict[str, Any]]:
        """The requests so far: path, template, budget, status, fault, when they arrived."""
        found: list[dict[str, Any]] = self._control("GET", "requests")["requests"]
        return found

    def strike(self, kind: str, path: str = "") -> None:
        """Let the next request whose path holds `path` meet a fault."""
        self._control("POST", "faults", {"next": [{"kind": kind, "path": path}]})

    def calm(self) -> None:
        """No more faults."""
        self._control("DELETE", "faults")

    def drift(self, *deeds: str) -> None:
        """Let a property, a custom object, a type or a scope come, change or go; ValueError where it cannot."""
        self._control("POST", "drift", {"deeds": list(deeds)})

    def change_tier(self, tier: str) -> None:
        """Let the limits of another tier hold from the next request on; ValueError where there is no such tier."""
        self._control("POST", "tier", {"tier": tier})

    def restore(self, type_: str, id_: str) -> None:
        """Bring an archived record back; HubSpot has no route for it."""
        self._control("POST", "restore", {"type": type_, "id": id_})

    def advance(self, seconds: float) -> None:
        """Move the portal's clock ahead: budgets fill up, tokens expire, the day ends."""
        self._control("POST", "clock", {"advance_s": seconds})

    def edit(self, method: str, path: str, body: object) -> Any:
        """Write to the portal without limits, faults or log; what HubSpot would have answered."""
        edits = [{"method": method, "path": path, "body": body}]
        return self._control("POST", "edits", {"edits": edits})["results"][0]["body"]

    def edit_item(self, do: str, collection: str, parent: str = "", key: str = "", **body: Any) -> Any:
        """Create, change, archive, restore or remove an item of a collection: its key, and what it is then."""
        edit = {"do": do, "collection": collection, "parent": parent, "key": key, "body": body}
        return self._control("POST", "items", {"edits": [edit]})["results"][0]

    def reset(self) -> None:
        """A fresh portal of the same seed, an empty log, full budgets."""
        self._control("POST", "reset")

    def _control(
        self, method: str, name: str, body: object = None, query: tuple[tuple[str, str], ...] = ()
    ) -> Any:
        content = b"" if body is None else msgspec.json.encode(body)
        asked = Request(method, f"/_sandbox/{name}", query, {"content-type": _JSON}, content)
        answer = self.ask(asked)
        said = msgspec.json.decode(answer.body)
        if answer.status != 200:
            raise ValueError(said["message"])
        return said


class Sandbox:
    """`with Sandbox("seven", seed=3) as portal:` serves a portal on 127.0.0.1, in a thread of its own.

    SandboxError, at the latest on entering, when what is asked for cannot be.
    """

    def __init__(self, portal: str = "script", *, port: int = 0, **options: Unpack[Options]) -> None:
        self._config, self._port = config_of(portal, options), port
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Emulated:
        core = Core(self._config)
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(core)), name="sandbox", daemon=True)
        thread.start()
        loop, _, port = self._ready.result()
        self._thread = thread

        def ask(request: Request) -> Response:
            return asyncio.run_coroutine_threadsafe(_handled(core, request), loop).result()

        return Emulated(f"http://127.0.0.1:{port}", self._config.first_token, ask)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            loop, stopped, _ = self._ready.result()
            loop.call_soon_threadsafe(stopped.set)
            self._thread.join()

    async def _serve(self, core: Core) -> None:
        # The HTTP library is loaded only by who serves.
        from hubdump.sandbox import server

        try:
            runner = await server.listen(core, self._port)
        except SandboxError as error:
            self._ready.set_exception(error)
            return
        stopped = asyncio.Event()
        self._ready.set_result((asyncio.get_running_loop(), stopped, server.port_of(runner)))
        await stopped.wait()
        await runner.cleanup()


async def _handled(core: Core, request: Request) -> Response:
    return core.handle(request, time.monotonic(), time.time())
