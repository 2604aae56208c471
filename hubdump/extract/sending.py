"""Sends one request once: in turn, within the budgets, decoded completely or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar

from hubdump.clock import SECOND_NS, Clock
from hubdump.errors import Stopped
from hubdump.events import Emit, Noted
from hubdump.extract.bearer import Bearer
from hubdump.extract.reading import nothing, read
from hubdump.extract.slots import Slots
from hubdump.extract.turns import OF_TYPE, Left, Turns
from hubdump.hubspot.in_flight import IN_FLIGHT_MAX, InFlight
from hubdump.hubspot.outages import Outages
from hubdump.hubspot.pacing import Budgets
from hubdump.hubspot.retry import Failure, Meaning, NoAnswer, wait_s
from hubdump.model import Answer, Budget, Request, Response, Secret

T = TypeVar("T")


class Transport(Protocol):
    """Sends one request and returns what came; NoAnswer when nothing came whole."""

    async def send(self, request: Request[Any], token: Secret | None) -> Response: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What requests are sent with. `chance` spreads waits over [0, 1); `touch` is called before each request leaves."""

    transport: Transport
    bearer: Bearer
    budgets: Budgets
    clock: Clock
    emit: Emit
    chance: Callable[[], float]
    touch: Callable[[], None] = lambda: None


class Sender:
    """Learns from all that comes how much HubSpot bears and whether it is out. `left` says whose turn is next.

    `server_us` is the latest Date HubSpot sent, in microseconds (UTC).
    """

    def __init__(self, means: Means) -> None:
        self.outages = Outages()
        self.server_us: int | None = None
        self._transport, self._bearer, self._budgets = means.transport, means.bearer, means.budgets
        self._clock, self._emit, self._chance, self._touch = (
            means.clock,
            means.emit,
            means.chance,
            means.touch,
        )
        self._in_flight = InFlight(IN_FLIGHT_MAX)
        self._slots = Slots(self._in_flight)
        self.left = Left()
        self._turns = {budget: Turns(self.left) for budget in Budget}
        self._noted: set[str] = set()

    async def send(
        self, request: Request[T], token: Secret | None, *, probing: bool = False
    ) -> Answer[T] | Failure | None:
        """The answer, or what kind of failure it was; None when an outage began or its token ended before its turn.

        What is `probing` goes out in an outage, too.
        """
        if not await self._turn(request, token, probing=probing):
            return None
        if request.budget is Budget.GENERAL:
            self.left.sent(OF_TYPE.get())
        sent_ns = self._clock.now_ns()
        used = self._budgets.used(request.budget, sent_ns)
        outcome: Answer[T] | Failure
        try:
            self._touch()
            response = await self._transport.send(request, token)
        except NoAnswer as error:
            outcome, mended = nothing(str(error), self._bearer.secrets(token)), 0
        else:
            self._learn(request, response, used)
            outcome, mended = read(request, response, self._bearer.secrets(token), self._clock.wall_s())
        finally:
            self._budgets.answered(request.budget, self._clock.now_ns())
            self._slots.free()
        if mended:
            self._emit(
                Noted(
                    f"{mended} values of {request.template} are no JSON: read as text, kept as they came in the store."
                )
            )
        self._account(request, outcome, sent_ns, probing=probing)
        return outcome

    def idles(self) -> bool:
        """Whether a list's next page could leave now, and another request beside it, and none waits for its turn."""
        waits = self._turns[Budget.GENERAL].locked()
        room = self._budgets.has_room(Budget.GENERAL, self._clock.now_ns())
        return room and self._slots.room > 1 and not waits

    async def _turn(self, request: Request[Any], token: Secret | None, *, probing: bool) -> bool:
        """Wait for a turn, a slot and the budget, and take them; False when it may not be sent any more."""
        async with self._turns[request.budget]:
            while True:
                await self._slots.take()
                held = not probing and self.outages.out(request) is not None
                if held or not self._bearer.good(token):
                    self._slots.free()
                    return False
                if self._budgets.reserved(request.budget):
                    self._slots.free()
                    raise self._reserved()
                wait_ns = self._budgets.take(request.budget, self._clock.now_ns())
                if not wait_ns:
                    return True
                self._slots.free()
                await self._clock.sleep(wait_ns / SECOND_NS)

    def _reserved(self) -> Stopped:
        return Stopped(
            f"What HubSpot still answers today is left to others: {self._budgets.reserve:,} requests "
            "(--daily-reserve). Everything committed is kept.",
            "It starts anew at midnight in the account's time zone: run the same command again after that.",
        )

    def _learn(self, request: Request[Any], response: Response, used: int) -> None:
        now_ns = self._clock.now_ns()
        self._note(self._budgets.learn(response.headers, request.budget, now_ns, used))
        self._in_flight.rate_s = self._budgets.rate_s()
        try:
            sent = parsedate_to_datetime(response.headers.get("date", ""))
        except ValueError:
            return
        sent_s = int(sent.replace(tzinfo=sent.tzinfo or UTC).timestamp())
        self.server_us = max(self.server_us or 0, sent_s * 1_000_000)

    def _account(
        self, request: Request[Any], outcome: Answer[Any] | Failure, sent_ns: int, *, probing: bool
    ) -> None:
        now_ns = self._clock.now_ns()
        if isinstance(outcome, Answer) or outcome.meaning is not Meaning.RETRY:
            self._in_flight.answered(now_ns - sent_ns, now_ns)
            if self.outages.answered(request, now_ns, whole=isinstance(outcome, Answer)):
                self._in_flight.restart()
                self._budgets.restore()
        elif outcome.status == 429:
            pause_s = wait_s(1, self._chance(), outcome.retry_after_s)
            until_ns = now_ns + int(pause_s * SECOND_NS)
            self._note(self._budgets.refused(request.budget, now_ns, until_ns, outcome.policy))
        else:
            self.outages.failed(request, now_ns)
            if not probing:
                self._in_flight.failed(now_ns)
                self._budgets.failed(request.budget, now_ns)

    def _note(self, concluded: str) -> None:
        if concluded and concluded not in self._noted:
            self._noted.add(concluded)
            self._emit(Noted(concluded))
