"""Opens a portal for a dump: the limits kept over runs, the preflight, and whose dump this is."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hubdump.clock import Clock
from hubdump.errors import Incomplete, RequestRefused, ScopeMissing, TokenRefused, UsageError, is_forbidden
from hubdump.events import Emit, Noted
from hubdump.extract.bearer import Bearer, Credentials
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means, Transport
from hubdump.hubspot import wire
from hubdump.hubspot.endpoints import LADDER, Endpoints
from hubdump.hubspot.in_flight import IN_FLIGHT_MAX
from hubdump.hubspot.pacing import SHARE, Budgets
from hubdump.record.recorder import Recorder
from hubdump.store.as_of import AS_OF
from hubdump.store.store import Store

# HubSpot's longest window, and the second that may lie between our last sign of life and our last request.
WINDOW_S = 11.0


@dataclass(frozen=True, slots=True)
class Access:
    """How HubSpot is reached: `number` bounds all requests in any 10 s (None: its budgets alone).

    `record` is a folder for the shapes of all answers, `share` what of HubSpot's own limits is taken, `daily_reserve`
    how many of the day's requests are left to others.
    """

    base_url: str
    credentials: Credentials
    number: int | None
    patience: Patience
    record: Path | None = None
    share: float = SHARE
    daily_reserve: int = 0

    def budgets(self) -> Budgets:
        """HubSpot's budgets, as far as they may be used."""
        return Budgets(self.number, self.share, self.daily_reserve)

    @property
    def rate(self) -> str:
        """The number as its user wrote it."""
        return str(self.number or "auto")


@dataclass(frozen=True, slots=True)
class Session:
    """A portal that is open: `exchange` sends the requests that `api` builds."""

    portal: int
    api: Endpoints
    exchange: Exchange


Through = Callable[[Transport], Transport]


@asynccontextmanager
async def reached(
    access: Access,
    budgets: Budgets,
    clock: Clock,
    emit: Emit,
    touch: Callable[[], None] = lambda: None,
    through: Through = lambda inner: inner,
) -> AsyncIterator[Exchange]:
    """A way to HubSpot, before anything is known of the portal behind it."""
    from hubdump.hubspot.client import Client  # its library takes longer to load than a status takes to tell

    async with Client(access.base_url, IN_FLIGHT_MAX) as client:
        means = Means(
            through(Recorder(client, access.record) if access.record else client),
            Bearer(access.credentials, clock),
            budgets,
            clock,
            emit,
            random.random,
            touch,
        )
        yield Exchange(means, access.patience)


@asynccontextmanager
async def opened(
    access: Access,
    budgets: Budgets,
    store: Store,
    clock: Clock,
    emit: Emit,
    through: Through = lambda inner: inner,
) -> AsyncIterator[Session]:
    """Open the portal of a dump, its transport seen through `through`; UsageError when the dump is another's, or as of
    a run.
    """
    _refuse_past(store)
    await wait_out_the_last_run(store, clock, emit)

    def touch() -> None:
        now_s = clock.wall_s()
        if abs(now_s - _active_s(store)) >= 1:
            store.set_meta("active_s", repr(now_s))

    async with reached(access, budgets, clock, emit, touch, through) as exchange:
        account, api = await preflight(exchange)
        store.bind_portal(account.portalId)
        yield Session(account.portalId, api, exchange)


async def preflight(exchange: Exchange) -> tuple[wire.Account, Endpoints]:
    """Which portal the token opens, and by which API version it answers."""
    for versions in LADDER:
        api = Endpoints(versions)
        try:
            return (await exchange.ask(api.account())).content, api
        except (RequestRefused, ScopeMissing) as error:
            if is_forbidden(error):
                raise TokenRefused(error.message, error.hint) from error
            if isinstance(error, RequestRefused) and error.status != 404:
                raise
    raise Incomplete(
        "HubSpot knows none of the API versions that this hubdump does.", "Install a newer hubdump."
    )


async def wait_out_the_last_run(store: Store, clock: Clock, emit: Emit) -> None:
    """No window of HubSpot's may hold our requests and too many of the last run's."""
    wait_s = min(_active_s(store) + WINDOW_S - clock.wall_s(), WINDOW_S)
    if wait_s > 0:
        emit(Noted(f"Waiting {wait_s:.0f} s: HubSpot still counts the requests of the last run."))
        await clock.sleep(wait_s)


def _refuse_past(store: Store) -> None:
    if run := store.meta(AS_OF):
        raise UsageError(
            f"{store.path.parent} is what run {run} left, and stays so. Nothing was changed.",
            f"The dump that goes on: hubdump run --dump {store.path.parent.parent.parent}",
        )


def _active_s(store: Store) -> float:
    return float(store.meta("active_s") or 0)
