"""The measurement of bench/at_limit.py on a virtual clock: what waits costs no time, what computes takes none.

So it stands beside the real one where the machine is busy, and does not replace it: no process starts, no socket, and
nothing is loaded into targets. One extraction of a new portal, by the engine and the pacing that a run has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from math import log
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.at_limit import LIMITS, bound_s, fullest, sizes
from hubdump.extract.bearer import ServiceKey
from hubdump.extract.comparing import Comparing
from hubdump.extract.plan import Wishes
from hubdump.hubspot.in_flight import IN_FLIGHT_MAX
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import InProcess
from tests.simulation import seam
from tests.simulation.loop import VirtualClock, VirtualLoop, run

TITLES = (
    "latency", "budgets", "proof", "bound s", "virtual s", "of the bound", "requests", "429", "5xx",
    "most in a window", "real s",
)  # fmt: skip
# What has its 99th percentile at ten times its median.
SPREAD = log(10) / 2.326


class Network:
    """Carries requests into a sandbox; each arrives at once, and is answered after its time."""

    def __init__(self, loop: VirtualLoop, sandbox: InProcess, latency: str) -> None:
        self.log: list[dict[str, Any]] = []
        self._loop, self._sandbox, self._latency = loop, sandbox, latency
        self._start_s, self._dice = sandbox.now_s, random.Random(7)  # noqa: S311 - no secret

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        self._sandbox.now_s = self._start_s + self._loop.time()
        assert token
        answer = self._sandbox.request(
            request.method,
            request.path,
            params=dict(request.query),
            json=json.loads(request.body) if request.body else None,
            headers={"authorization": f"Bearer {token.reveal()}"},
        )
        self.log.append(
            {"arrived_s": self._loop.time(), "budget": request.budget.value, "status": answer.status}
        )
        await asyncio.sleep(self._answer_s())
        return Response(
            answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body
        )

    def _answer_s(self) -> float:
        if self._latency == "slow":
            return self._dice.lognormvariate(log(0.3), SPREAD)
        return float(self._latency) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--one-holds", type=float, help="share of all records that are contacts")
    parser.add_argument(
        "--latency", action="append", help="ms, or slow: a median of 300 ms with 3 s at p99; both"
    )
    parser.add_argument("--budgets", choices=("separate", "shared"), action="append")
    parser.add_argument("--proof", choices=("with", "without"), action="append")
    parser.add_argument("--overload", choices=("on", "off"), default="off")
    parser.add_argument("--number", type=int, help="as HUBSPOT_MAX_REQUESTS_PER_10S; default auto")
    wanted = parser.parse_args()
    _say(f"| {' | '.join(TITLES)} |")
    _say("|" + "---|" * len(TITLES))
    for latency in wanted.latency or ["100", "slow"]:
        for budgets in wanted.budgets or ["separate", "shared"]:
            for proof in wanted.proof or ["with", "without"]:
                _say(_row(wanted, latency, budgets, proof))


def _row(wanted: argparse.Namespace, latency: str, budgets: str, proof: str) -> str:
    began = time.monotonic()
    virtual_s, came = _extracted(wanted, latency, budgets, proof)
    least_s = bound_s(Counter(one["budget"] for one in came), shared=budgets == "shared")
    statuses = Counter(one["status"] for one in came)
    cells = [
        latency,
        budgets,
        proof,
        f"{least_s:.1f}",
        f"{virtual_s:.1f}",
        f"{virtual_s / least_s:.3f}",
        ", ".join(f"{number:,} {name}" for name, number in Counter(one["budget"] for one in came).items()),
        str(statuses[429]),
        str(sum(number for status, number in statuses.items() if status >= 500)),
        ", ".join(f"{fullest(came, name)} {name}" for name in LIMITS),
        f"{time.monotonic() - began:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _extracted(
    wanted: argparse.Namespace, latency: str, budgets: str, proof: str
) -> tuple[float, list[dict[str, Any]]]:
    """Virtual seconds of one extraction, and what it asked for."""
    counts = sizes(wanted.records, wanted.one_holds)
    portal = ",".join(["narrow", *(f"{name}={size}" for name, size in counts.items())])
    sandbox = InProcess(
        portal,
        faults="none",
        overload=wanted.overload == "on",
        beliefs=[f"{of}-budget={budgets}" for of in ("association", "search")],
    )
    loop = VirtualLoop()
    network = Network(loop, sandbox, latency)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if proof == "without":
            archived_only = Comparing._list_archived  # noqa: SLF001 - what is left of it
            stack.enter_context(patch.object(Comparing, "_compare_ids", archived_only))
        key = ServiceKey(Secret(sandbox.portal.token))
        order = seam.Order(
            Path(folder) / "store.sqlite", tuple(counts), key, wanted.number, IN_FLIGHT_MAX, 3600.0, Wishes()
        )
        clock = VirtualClock(loop, time.time())
        done = run(loop, seam.extraction(order, network, clock, lambda _: None, random.Random(3).random))  # noqa: S311 - jitter
        assert done.failed == {}, done.failed
        took_s = loop.time()
        loop.close()
    return took_s, network.log


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
