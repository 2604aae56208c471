"""Drives a generator that yields what it needs and is sent what came, whatever its steps are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from hubdump.errors import Poison, RequestRefused, ScopeMissing

S = TypeVar("S")


async def drive(flow: Generator[S, Any, None], perform: Callable[[S], Awaitable[Any]]) -> None:
    """To its end; what HubSpot refuses for good is thrown into it, so that it may go on without."""
    try:
        step = next(flow)
        while True:
            try:
                reply = await perform(step)
            except (RequestRefused, ScopeMissing, Poison) as error:
                step = flow.throw(error)
            else:
                step = flow.send(reply)
                del reply  # what came may be large, and is not to be there beside what comes next
    except StopIteration:
        return
