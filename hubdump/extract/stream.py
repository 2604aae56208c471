"""Drives a flow that commits nothing, handing over its steps one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from hubdump.clock import Clock
from hubdump.errors import Incomplete, Poison, RequestRefused
from hubdump.extract.exchange import Exchange
from hubdump.model import (
    AssociationsRead,
    Commit,
    Effect,
    Flow,
    HistoriesDue,
    HistoriesRead,
    Known,
    Quarantined,
    Question,
    RecordsRead,
    Refuted,
    Request,
    Settled,
    StoredIds,
    Unseen,
    Wait,
)


def _no_store(question: Question) -> Any:
    raise TypeError(f"{type(question).__name__} needs a store")


async def steps(
    exchange: Exchange,
    clock: Clock,
    flow: Flow,
    answered: Callable[[Question], Any] = _no_store,
    refuted: Callable[[Refuted], None] = lambda _: None,
) -> AsyncIterator[Commit]:
    """All that a flow hands over, each before the next is asked for; `answered` is what the store says."""
    try:
        effect: Effect = next(flow)
        while True:
            reply = None
            try:
                match effect:
                    case Request():
                        reply = await exchange.ask(effect)
                    case Wait(seconds):
                        await clock.sleep(seconds)
                    case Refuted():
                        refuted(effect)
                    case RecordsRead() | Settled() | AssociationsRead() | HistoriesRead():
                        yield effect
                    case StoredIds() | Known() | Unseen() | Quarantined() | HistoriesDue():
                        reply = answered(effect)
            except (RequestRefused, Poison) as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(reply)
    except StopIteration:
        return


async def pages(exchange: Exchange, clock: Clock, flow: Flow) -> AsyncIterator[RecordsRead]:
    """The pages of records a flow hands over; Incomplete where HubSpot fails to give one of them."""
    async for step in steps(exchange, clock, flow):
        if isinstance(step, Settled) and step.unreadable:
            raise Incomplete(f"HubSpot fails to give the records {', '.join(map(str, step.unreadable))}.")
        if isinstance(step, RecordsRead):
            yield step
