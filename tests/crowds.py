"""Many walkers on one exchange and on virtual time, before a HubSpot that fails as a test says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hubdump.errors import HubdumpError
from hubdump.extract.bearer import Bearer, ServiceKey
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.hubspot.pacing import Budgets
from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Budget, Request, Response, Secret
from tests.simulation.loop import VirtualClock, VirtualLoop, run
from tests.worlds import answer

LATENCY_S = 0.2
ACCOUNT = Request(
    "GET", "/account-info/2026-09/details", "/account-info/2026-09/details", Budget.GENERAL, dict
)
TYPES = ("calls", "emails", "meetings", "notes", "tasks")


def lists(name: str, number: int = 0, **more: Any) -> Request[Any]:
    path = f"/crm/objects/2026-09/{name}"
    return Request("GET", path, path, Budget.GENERAL, dict, (("after", str(number)),), **more)


def batch(name: str, number: int = 0, **more: Any) -> Request[Any]:
    path = f"/crm/objects/2026-09/{name}/batch/read"
    return Request("POST", path, path, Budget.GENERAL, dict, body=str(number).encode(), **more)


def pairs(name: str, number: int = 0) -> Request[Any]:
    path = f"/crm/associations/2026-09/{name}/contacts/batch/read"
    return Request("POST", path, path, Budget.ASSOCIATIONS, dict, body=str(number).encode())


def searches(name: str, number: int = 0) -> Request[Any]:
    path = f"/crm/objects/2026-09/{name}/search"
    return Request("POST", path, path, Budget.SEARCH, dict, body=str(number).encode())


Fault = Callable[[Request[Any], float], Response | NoAnswer | None]
BROKEN = answer({"message": "internal", "category": "INTERNAL_ERROR"}, 500)


class Crowd:
    """Walkers, and what arrived: (second, request, answered)."""

    def __init__(
        self, fault: Fault = lambda _request, _at_s: None, *, seed: int = 1, **patience: Any
    ) -> None:
        self.loop = VirtualLoop()
        self.start_s = 1_795_000_000.0
        self.clock = VirtualClock(self.loop, self.start_s)
        self.told: list[Any] = []
        self.arrived: list[tuple[float, Request[Any], bool]] = []
        self.under_way = self.most_under_way = 0
        self._fault = fault
        self.exchange = Exchange(Means(
            self, Bearer(ServiceKey(Secret("pat-crowd")), self.clock), Budgets(None), self.clock, self.told.append,
            chance=random.Random(seed).random,
        ), Patience(**patience))  # fmt: skip

    @property
    def now_s(self) -> float:
        return self.clock.now_ns() / 1e9

    async def send(self, request: Request[Any], _token: Secret | None) -> Response:
        fault = self._fault(request, self.now_s)
        self.arrived.append((self.now_s, request, fault is None))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(LATENCY_S)
        self.under_way -= 1
        if isinstance(fault, NoAnswer):
            raise fault
        return fault or answer(
            {}, x_hubspot_ratelimit_max="190", x_hubspot_ratelimit_interval_milliseconds="10000"
        )

    async def walk(self, asked: Callable[[str, int], Request[Any]], name: str, until_s: float) -> list[int]:
        """Ask for one page after the other until a second; the numbers of the pages that came."""
        came: list[int] = []
        while self.now_s < until_s:
            number = len(came) + 1
            await self.exchange.ask(asked(name, number))
            came.append(number)
        return came

    def run(self, *works: Awaitable[Any]) -> list[Any]:
        """All at once, after the account details; their results, or the error of HubSpot's each ended with."""

        async def main() -> list[Any]:
            await self.exchange.ask(ACCOUNT)
            return await asyncio.gather(*(_ending(work) for work in works))

        try:
            return run(self.loop, main())
        finally:
            self.loop.close()

    def failed(self, since_s: float = 0.0) -> int:
        """Requests that failed, of those that arrived after a second."""
        return sum(not fine for at_s, _, fine in self.arrived if at_s > since_s)

    def answered(self, from_s: float, to_s: float, budgets: Sequence[Budget] = tuple(Budget)) -> int:
        return sum(fine and r.budget in budgets and from_s <= at_s < to_s for at_s, r, fine in self.arrived)


async def _ending(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except HubdumpError as error:
        return error
