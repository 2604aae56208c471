"""Budgets that are not what was believed: one at HubSpot, shared with others, counted in other ways."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from hubdump import marks
from hubdump.catalog import STANDARD
from hubdump.errors import HubdumpError, Stopped
from hubdump.events import Noted
from hubdump.extract.bearer import Bearer, ServiceKey
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.hubspot.endpoints import LADDER, Endpoints
from hubdump.hubspot.pacing import Budgets
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import InProcess
from hubdump.sandbox.config import Tier
from tests.simulation.loop import VirtualClock, VirtualLoop, run

API, CALLS = Endpoints(LADDER[0]), STANDARD.by_name("calls")
LISTS = API.list(CALLS, ["hs_object_id"], "")
PAIRS = API.associations(CALLS, STANDARD.by_name("contacts"), [(47_000_000_001, "")])
SEARCHES = API.search(CALLS, [], ["hs_object_id"])
ALL: Sequence[Request[Any]] = (LISTS, PAIRS, SEARCHES)
GENERAL_MAX, ASSOCIATIONS_MAX, SEARCH_MAX = 190, 150, 5


class Portal:
    """A sandbox on virtual time; what hubdump sent, and what came: (second, request, status)."""

    def __init__(
        self,
        *beliefs: str,
        number: int | None = None,
        overload: bool = False,
        travel_s: tuple[float, float] = (0.01, 0.15),
        budgets: Budgets | None = None,
        remaining: bool = True,
        **more: Any,
    ) -> None:
        self.loop = VirtualLoop()
        self.sandbox = InProcess("tiny", faults="none", overload=overload, beliefs=beliefs, **more)
        self.start_s = self.sandbox.now_s
        self.clock = VirtualClock(self.loop, self.start_s)
        self.came: list[tuple[float, Request[Any], int]] = []
        self.noted: list[str] = []
        self._remaining = remaining
        self._dice, self._travel_s = random.Random(5), travel_s
        self.exchange = Exchange(Means(
            self, Bearer(ServiceKey(Secret(self.sandbox.portal.token)), self.clock),
            budgets or Budgets(number), self.clock,
            lambda event: self.noted.append(event.text) if isinstance(event, Noted) else None,
            chance=random.Random(6).random,
        ), Patience())  # fmt: skip

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        assert token
        await asyncio.sleep(self._dice.uniform(*self._travel_s))
        came = self._asked(request, token.reveal())
        self.came.append((self.loop.time(), request, came.status))
        await asyncio.sleep(self._dice.uniform(*self._travel_s))
        return came

    def _asked(self, request: Request[Any], token: str) -> Response:
        self.sandbox.now_s = self.start_s + self.loop.time()
        answer = self.sandbox.request(
            request.method, request.path, params=dict(request.query),
            json=json.loads(request.body) if request.body else None, headers={"authorization": f"Bearer {token}"},
        )  # fmt: skip
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if not self._remaining:
            headers.pop("x-hubspot-ratelimit-remaining", None)
        return Response(answer.status, headers, answer.body)

    async def _walk(self, request: Request[Any], until_s: float) -> None:
        while self.loop.time() < until_s:
            await self.exchange.ask(request)

    async def _other_app(self, each_s: float, from_s: float, to_s: float, token: str) -> None:
        await asyncio.sleep(from_s)
        while self.loop.time() < to_s:
            self._asked(LISTS, token)
            await asyncio.sleep(each_s)

    def busy(self, until_s: float, *others: Any, asked: Sequence[Request[Any]] = ALL) -> list[Any]:
        """Ten walks of each request until a second."""

        async def main() -> list[Any]:
            await self.exchange.ask(API.account())
            walks = [self._walk(one, until_s) for one in asked for _ in range(10)]
            return await asyncio.gather(*walks, *others, return_exceptions=True)

        try:
            ends = run(self.loop, main())
        finally:
            self.loop.close()
        for end in ends:
            if end is not None and not isinstance(end, HubdumpError):
                raise end
        return ends

    def statuses(self, from_s: float, to_s: float) -> Counter[int]:
        """How often each status came; 207 is a 200 of a batch."""
        return Counter(
            200 if status == 207 else status for at_s, _, status in self.came if from_s <= at_s < to_s
        )

    def fullest(self, request: Request[Any] | None = None) -> int:
        """The most requests that arrived in any rolling 10 s."""
        at = [at_s for at_s, one, _ in self.came if request is None or one is request]
        return max(sum(1 for other in at[i:] if other < one + 10) for i, one in enumerate(at))


def test_budgets_apart_are_all_used_and_nothing_is_refused() -> None:
    portal = Portal()
    portal.busy(60)
    assert portal.statuses(0, 60).keys() == {200}
    assert portal.noted == []
    assert portal.statuses(20, 60)[200] / 4 >= 0.95 * 0.95 * (
        GENERAL_MAX + ASSOCIATIONS_MAX + 10 * 0.8 * SEARCH_MAX
    )


@pytest.mark.parametrize(
    "way",
    [
        "window=sliding",
        pytest.param("window=exact", marks=pytest.mark.prove),
        pytest.param("window=fixed", marks=pytest.mark.prove),
        "refusals-fill-window=yes",
        pytest.param("remaining-jumps=yes", marks=pytest.mark.prove),
        "retry-after-on-429=yes",
    ],
)
@pytest.mark.parametrize("shared", ["association-budget=shared", "search-budget=shared"])
def test_budgets_that_are_one_at_hubspot_are_counted_as_one(shared: str, way: str) -> None:
    portal = Portal(shared, way)
    with marks.heard() as heard:
        portal.busy(70)
    assert heard["budgets merged"] == 1
    (noted, *_) = portal.noted
    assert f"requests for {'associations' if 'assoc' in shared else 'search'} in the general budget" in noted
    after = portal.statuses(30, 70)
    assert after[429] <= 0.002 * after[200], after
    # Associations have nothing beside the general budget then, searches leave theirs to it.
    apart = 0 if "assoc" in shared else ASSOCIATIONS_MAX
    assert after[200] / 4 >= 0.85 * (GENERAL_MAX + apart)


def test_all_at_once_are_counted_as_one() -> None:
    portal = Portal("association-budget=shared", "search-budget=shared")
    portal.busy(80)
    after = portal.statuses(40, 80)
    assert after[429] <= 0.002 * after[200], (after, portal.noted)
    assert after[200] / 4 >= 0.85 * GENERAL_MAX


@pytest.mark.prove
def test_another_app_is_yielded_to_where_hubspot_does_not_say_what_remains_and_the_rate_recovers() -> None:
    portal = Portal(remaining=False)
    with marks.heard() as heard:
        portal.busy(420, portal._other_app(0.1, 20, 120, portal.sandbox.portal.token), asked=[LISTS, PAIRS])
    assert heard["budget yielded"] >= 1
    assert heard["budgets merged"] == 0, portal.noted
    assert len(portal.noted) == 1
    assert "general" in portal.noted[0]
    assert "another app" in portal.noted[0]
    during = portal.statuses(50, 120)
    assert during[429] <= 0.01 * during[200], during
    lists = Counter(int(at_s // 10) for at_s, one, status in portal.came if one is LISTS and status == 200)
    assert min(lists[tens] for tens in range(5, 11)) >= 60
    assert min(lists[tens] for tens in range(38, 41)) >= 0.9 * 0.95 * GENERAL_MAX


@pytest.mark.parametrize(
    "beliefs", [[], ["association-budget=shared"], ["search-budget=shared", "window=fixed"]]
)
def test_the_users_number_is_kept_in_every_window_whatever_hubspot_does(beliefs: list[str]) -> None:
    portal = Portal(*beliefs, number=50)
    portal.busy(60, portal._other_app(0.07, 5, 50, portal.sandbox.portal.token))
    assert portal.fullest() <= 50
    assert portal.statuses(0, 60)[200] > 150


def test_the_daily_limit_that_others_use_up_stops_with_everything_kept_and_when_to_come_back() -> None:
    portal = Portal(tokens=("pat-one", "pat-two"), limits=Tier(100, 100, daily=2000))
    ends = portal.busy(600, portal._other_app(0.1, 1, 400, "pat-two"))
    stopped = next(end for end in ends if isinstance(end, Stopped))
    assert "daily limit" in stopped.message
    assert "Everything committed is kept" in stopped.message
    assert "midnight in the account's time zone" in stopped.hint
