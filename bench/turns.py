"""When the first types are complete, and when all are: with turns in order of coming, and by what is left of each type.

On virtual time, so that seconds are HubSpot's limits and latency, and nothing of this machine:
`venv/bin/python -m bench.turns --portal crm --latency 0.1`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from hubdump.extract import discovery, turns
from hubdump.extract.bearer import Bearer, ServiceKey
from hubdump.extract.engine import Engine
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.hubspot.pacing import Budgets
from hubdump.model import ObjectType, Request, Response, Secret
from hubdump.sandbox import InProcess
from hubdump.session import preflight
from hubdump.store.store import Store
from tests.simulation.loop import VirtualClock, VirtualLoop, run


class Distant:
    """A transport into a sandbox in this process that is `latency_s` away."""

    def __init__(self, sandbox: InProcess, clock: VirtualClock, latency_s: float) -> None:
        self._sandbox, self._clock, self._latency_s = sandbox, clock, latency_s

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        await asyncio.sleep(self._latency_s / 2)
        self._sandbox.now_s = self._clock.wall_s()
        headers = {"authorization": f"Bearer {token.reveal()}"} if token else {}
        body = json.loads((request.body or b"null").decode())
        came = self._sandbox.request(
            request.method, request.path, params=dict(request.query), headers=headers, json=body
        )
        await asyncio.sleep(self._latency_s / 2)
        named = {name.lower(): value for name, value in came.headers.items()}
        return Response(came.status, named, came.body, named.get("content-encoding", ""))


def completed(portal: str, latency_s: float) -> dict[str, float]:
    """Read a portal into a new store: after how many seconds each type was complete."""
    sandbox = InProcess(portal, faults="none", overload=False)
    loop, found = VirtualLoop(), dict[str, float]()
    clock = VirtualClock(loop, sandbox.now_s)
    bearer = Bearer(ServiceKey(Secret(sandbox.portal.token)), clock)
    transport = Distant(sandbox, clock, latency_s)
    means = Means(transport, bearer, Budgets(None), clock, lambda _: None, chance=lambda: 0.5)
    exchange = Exchange(means, Patience())

    async def complete(type_: ObjectType) -> None:
        found[type_.name] = loop.time()

    async def read(store: Store) -> None:
        _, api = await preflight(exchange)
        chosen = await discovery.selected(exchange, api, store, means.emit, (), ())
        engine = Engine(api, exchange, store, clock, means.emit, catalogue=store.discovered.catalogue())
        if failed := await engine.extract(chosen, complete):
            raise next(iter(failed.values()))

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.sqlite")
        store.runs.begin("bench", int(sandbox.now_s * 1e6))
        run(loop, read(store))
        store.close()
    return found


def main() -> int:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portal", default="crm")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds")
    chosen = parser.parse_args()
    for told, expect in (("by what is left", turns.Left.expect), ("in order of coming", lambda *_: None)):
        turns.Left.expect = expect
        ends = sorted(completed(chosen.portal, chosen.latency).values())
        print(  # noqa: T201 - a command says what it found
            f"{told}: the first of {len(ends)} types after {ends[0]:.1f} s, half of them after "
            f"{ends[len(ends) // 2]:.1f} s, all after {ends[-1]:.1f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
