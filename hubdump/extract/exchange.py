"""One request -> one trusted answer: sent again until it comes, unless HubSpot is out for too long."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from hubdump import marks
from hubdump.clock import SECOND_NS, instant_text
from hubdump.errors import Incomplete, Poison
from hubdump.events import RetryScheduled
from hubdump.extract.endings import raise_what_is_final, too_long, too_often
from hubdump.extract.sending import Means, Sender
from hubdump.hubspot.outages import Part
from hubdump.hubspot.retry import Failure, Meaning, wait_s
from hubdump.model import Answer, Request, Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request is tried again: for `give_up_after_s`, or `failures_max` times where set."""

    give_up_after_s: float = 3600.0
    failures_max: int | None = None


@dataclass(slots=True)
class _Tries:
    """What came of one request so far: `alone` are failures that a broken record may explain."""

    failures: int = 0
    alone: int = 0
    began_ns: int = 0
    failed_ns: int = 0
    token_refused: bool = False


class Exchange:
    """All requests of a run pass here.

    Raises what ends the run (TokenRefused, Stopped, HubdumpError), and RequestRefused, ScopeMissing or
    Poison for what ends one request.
    """

    def __init__(self, means: Means, patience: Patience) -> None:
        self.retries = 0
        self._sender = Sender(means)
        self._outages = self._sender.outages
        self._bearer, self._clock, self._emit, self._chance = (
            means.bearer,
            means.clock,
            means.emit,
            means.chance,
        )
        self._patience = patience
        self._probes: defaultdict[Part, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ask(self, request: Request[T]) -> Answer[T]:
        """The answer to `request`, however often it must be sent; see the class for what it raises."""
        tries = _Tries()
        while True:
            token = None if request.form else await self._bearer.token(self.ask)
            part = self._outages.out(request)
            if part is None:
                outcome = await self._sender.send(request, token)
            else:
                outcome = await self._probe(part, request, token)
            if isinstance(outcome, Answer):
                return outcome
            if outcome is None or self._is_renewed(outcome, token, tries):
                continue
            raise_what_is_final(outcome, request)
            pause_s = await self._next_try_s(request, token, outcome, tries, part)
            await self._clock.sleep(pause_s)

    async def once(self, request: Request[T]) -> Answer[T] | Failure:
        """What one sending brings, when the budgets allow it; nothing is tried again, nothing raised."""
        while True:
            token = None if request.form else await self._bearer.token(self.ask)
            outcome = await self._sender.send(request, token, probing=True)
            if outcome is not None:
                return outcome

    def idles(self) -> bool:
        """Whether HubSpot's general budget and the slots have room for more than those who ask now."""
        return self._sender.idles()

    def expect(self, requests: Mapping[str, int]) -> None:
        """About so many requests of the general budget are before each of these types: short ones go first."""
        self._sender.left.expect(requests)

    def server_time_us(self) -> int:
        """HubSpot's clock, as last seen; Incomplete when no answer bore a Date."""
        if self._sender.server_us is None:
            raise Incomplete(
                "No answer of HubSpot's bore a Date: what is fresh cannot be told from what is not."
            )
        return self._sender.server_us

    def not_before(self, us: int) -> None:
        """Whatever HubSpot's clock says: this run is after `us`. It tells whole seconds, and two runs share one."""
        self._sender.server_us = max(self._sender.server_us or 0, us)

    async def _probe(
        self, part: Part, request: Request[T], token: Secret | None
    ) -> Answer[T] | Failure | None:
        """Wait in turn with all that an outage holds back, and ask once, for all of them.

        None when HubSpot answers another request, so that this one may be sent, or the token ended while it waited.
        """
        async with self._probes[part]:
            if self._outages.out(request) != part:
                return None
            await self._clock.sleep(self._outages.wait_ns(part, self._clock.now_ns()) / SECOND_NS)
            probe = self._outages.probe(part, request, self._clock.now_ns(), self._chance())
            # MAX_RETRIES counts the failures of a request itself.
            if probe is request or self._patience.failures_max is not None:
                return await self._sender.send(request, token, probing=True)
            outcome = await self._sender.send(probe, token, probing=True)
            return outcome if isinstance(outcome, Failure) and outcome.meaning is Meaning.RETRY else None

    def _is_renewed(self, outcome: Failure, token: Secret | None, tries: _Tries) -> bool:
        """Whether another token may do where this one was refused, once for each request."""
        if outcome.meaning is not Meaning.TOKEN_REFUSED or not token or tries.token_refused:
            return False
        tries.token_refused = True
        return self._bearer.refused(token)

    async def _next_try_s(
        self, request: Request[Any], token: Secret | None, outcome: Failure, tries: _Tries, part: Part | None
    ) -> float:
        """Seconds until the request may be sent again; Stopped or Poison when it is not to be."""
        now_ns = self._clock.now_ns()
        if not tries.failures:
            tries.began_ns = tries.failed_ns = now_ns
        last_ns, tries.failed_ns = tries.failed_ns, now_ns
        tries.failures += 1
        self.retries += 1
        most = self._patience.failures_max
        if most is not None and tries.failures >= most:
            raise too_often(request, outcome, tries.failures, most)
        if part is not None:
            tries.began_ns = min(tries.began_ns, self._outages.since_ns(part, now_ns))
        if part is not None and self._outages.is_certain(part):
            return self._in_turn_s(part, request, outcome, tries)
        tries.alone += outcome.tells_of_a_record and not request.form
        if 0 < request.failures_max <= tries.alone and await self._others_succeed(request, token, last_ns):
            marks.hit("poison found")
            raise Poison(outcome.status, request.template, outcome.text)
        if part is not None:
            return self._in_turn_s(part, request, outcome, tries)
        pause_s = wait_s(tries.failures, self._chance(), outcome.retry_after_s)
        self._tell_or_stop(request, outcome, tries, pause_s)
        return pause_s

    def _in_turn_s(self, part: Part, request: Request[Any], outcome: Failure, tries: _Tries) -> float:
        """No seconds: in an outage a request waits for its turn to probe. Stopped once patience has ended."""
        wait_ns = self._outages.wait_ns(part, self._clock.now_ns())
        self._tell_or_stop(request, outcome, tries, wait_ns / SECOND_NS)
        return 0.0

    async def _others_succeed(self, request: Request[Any], token: Secret | None, since_ns: int) -> bool:
        """Whether HubSpot answers others like this request: known since then, or else asked of a witness."""
        if self._outages.answered_since(request, since_ns):
            return True
        witness = self._outages.witness(request)
        if witness is None:
            return False
        marks.hit("witness asked")
        outcome = await self._sender.send(witness, token, probing=True)
        return isinstance(outcome, Answer) or (outcome is not None and outcome.meaning is not Meaning.RETRY)

    def _tell_or_stop(self, request: Request[Any], outcome: Failure, tries: _Tries, pause_s: float) -> None:
        """Stopped once patience has ended, else an event that says when the next try is."""
        spent_s = (self._clock.now_ns() - tries.began_ns) / SECOND_NS
        left_s, now_s = self._patience.give_up_after_s - spent_s, self._clock.wall_s()
        if pause_s > left_s:
            raise too_long(request, outcome, spent_s, pause_s, now_s)
        self._emit(
            RetryScheduled(
                request.template,
                outcome.status,
                outcome.text,
                tries.failures,
                pause_s,
                instant_text(int(now_s * 1_000_000)),
                instant_text(int((now_s + left_s) * 1_000_000)),
                outcome.correlation_id,
            )
        )
