"""Whose request is next where several wait for one budget: short types end early, and the longest is no tail.

The type of which least is left goes first, so that its files are there soon; now and then it is the one of which most
is left: its pages may follow one another, and would else be read alone at the end.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

# The type for which the present task asks; '' for what belongs to none, of which nothing is left.
OF_TYPE: ContextVar[str] = ContextVar("OF_TYPE", default="")
# Of so many turns one is the longest type's: with fewer all is read later (bench/turns.py).
LONGEST_EVERY = 3


@contextmanager
def at_once() -> Iterator[None]:
    """What is asked for within is of no type: others wait for it."""
    before = OF_TYPE.set("")
    try:
        yield
    finally:
        OF_TYPE.reset(before)


class Left:
    """How many requests each type is expected to need still; nothing where nobody knows."""

    def __init__(self) -> None:
        self._left: Counter[str] = Counter()

    def expect(self, requests: Mapping[str, int]) -> None:
        self._left.update(requests)

    def of(self, type_: str) -> int:
        return max(0, self._left[type_])

    def sent(self, type_: str) -> None:
        self._left[type_] -= 1


class Turns:
    """A lock that is handed on by what is left of the types that wait for it; in order of coming among equals."""

    def __init__(self, left: Left) -> None:
        self._left, self._held, self._handed = left, False, 0
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    def locked(self) -> bool:
        return self._held

    async def __aenter__(self) -> None:
        if not self._held:
            self._held = True
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((OF_TYPE.get(), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._hand_on()  # it had come already
            raise

    async def __aexit__(self, *_: object) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        self._waiting = [one for one in self._waiting if not one[1].done()]
        self._held = bool(self._waiting)
        if self._held:
            self._next().set_result(None)

    def _next(self) -> asyncio.Future[None]:
        """Whose turn it is, of those that wait."""
        self._handed += 1
        sign = -1 if self._handed % LONGEST_EVERY == 0 else 1
        return min(self._waiting, key=lambda one: sign * self._left.of(one[0]))[1]
