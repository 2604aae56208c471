"""Tokens of an OAuth app: none is sent after its end, however long a run lasts and a request waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubdump.catalog import STANDARD
from hubdump.extract.bearer import Bearer, OAuthApp
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.hubspot.endpoints import LADDER, Endpoints
from hubdump.hubspot.pacing import Budgets
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import InProcess
from tests.worlds import Emulated, JumpingClock, answer, extracted, page, stored, true_of

PAUSE_S = 345
RENEWING_S = 110
APP = OAuthApp("sandbox-client", Secret("sandbox-secret"), Secret("sandbox-refresh"))
TYPES = ("notes", "contacts")
GOOD_S = 1800


class Portal:
    """A HubSpot whose tokens are good for half an hour by a clock, and that is down from the first token on."""

    def __init__(self, clock: JumpingClock, *first: Response, down_s: int = 0) -> None:
        self._clock, self._first, self._down_ns = clock, list(first), down_s * 10**9
        self._ends_ns: dict[str, int] = {}
        self.statuses: Counter[int] = Counter()

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        came = self._answer(request, token)
        self.statuses[came.status] += 1
        for _ in range(100):  # the others have their tokens by then, and wait for a slot
            await asyncio.sleep(0)
        return came

    def _answer(self, request: Request[Any], token: Secret | None) -> Response:
        if token and self._clock.ns >= self._ends_ns[token.reveal()]:
            return answer({"message": "expired", "category": "EXPIRED_AUTHENTICATION"}, 401)
        if self._ends_ns and self._clock.ns < self._down_ns:
            return answer({"message": "down"}, 503)
        if request.form:
            name = f"token-{len(self._ends_ns)}"
            self._ends_ns[name] = self._clock.ns + GOOD_S * 10**9
            return answer({"access_token": name, "expires_in": GOOD_S})
        return self._first.pop(0) if self._first else answer(page([7]))


@dataclass(frozen=True, slots=True)
class Slow:
    """A transport after whose answers minutes pass: on a machine that has more to do."""

    inner: Emulated
    clock: JumpingClock

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        came = await self.inner.send(request, token)
        self.clock.ns += (RENEWING_S if request.form else PAUSE_S) * 10**9
        return came


def asked(portal: Portal, clock: JumpingClock, number: int) -> list[int]:
    """How many records each of so many requests at once brought."""
    exchange = Exchange(Means(
        portal, Bearer(APP, clock), Budgets(None), clock, lambda _: None,
        chance=lambda: 0.5,
    ), Patience(7200))  # fmt: skip
    request = Endpoints(LADDER[0]).list(STANDARD.by_name("calls"), ["x"], "")

    async def all_() -> list[int]:
        answers = await asyncio.gather(*(exchange.ask(request) for _ in range(number)))
        return [len(one.content.results) for one in answers]

    return asyncio.run(all_())


def test_what_waits_for_its_budget_beyond_the_end_of_its_token_goes_with_another() -> None:
    clock = JumpingClock()
    told = {"message": "limit", "policyName": "TEN_SECONDLY_ROLLING"}
    portal = Portal(clock, answer(told, 429, retry_after=str(GOOD_S + 100)))
    assert asked(portal, clock, 60) == [1] * 60
    assert clock.ns > GOOD_S * 10**9
    assert portal.statuses.keys() == {200, 429}


def test_what_waits_for_the_end_of_an_outage_goes_with_a_token_that_is_good_then() -> None:
    clock = JumpingClock()
    portal = Portal(clock, down_s=2 * GOOD_S)
    assert asked(portal, clock, 60) == [1] * 60
    assert clock.ns > GOOD_S * 10**9
    assert portal.statuses.keys() == {200, 503}


def test_a_run_over_several_ends_of_tokens_is_whole_and_never_refused(tmp_path: Path) -> None:
    sandbox = InProcess("narrow,notes=250,contacts=130", faults="none", overload=False, tier="oauth")

    def slow(clock: JumpingClock) -> Slow:
        return Slow(Emulated(sandbox, clock), clock)

    began_s = sandbox.now_s
    assert extracted(sandbox, tmp_path, TYPES, credentials=APP, through=slow) == {}
    assert stored(tmp_path, TYPES) == true_of(sandbox, TYPES)
    assert sandbox.now_s - began_s > 4 * GOOD_S
    log = sandbox.portal.requests()
    assert len([one for one in log if one["path"].startswith("/oauth/")]) > 4
    assert {one["status"] for one in log} <= {200, 207}
