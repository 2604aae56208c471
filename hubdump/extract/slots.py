"""Lets so many requests be under way as `InFlight` says at the time; the others wait in order."""

from __future__ import annotations

import asyncio
from collections import deque

from hubdump.hubspot.in_flight import InFlight


class Slots:
    """A semaphore whose number changes."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._held = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a slot; `free` gives it back."""
        while self._held >= self._in_flight.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()  # another's turn, should this one have come already
                raise
        self._held += 1

    @property
    def room(self) -> int:
        """How many more requests may be under way now."""
        return self._in_flight.limit - self._held

    def free(self) -> None:
        self._held -= 1
        self._wake()

    def _wake(self) -> None:
        room = self.room
        while room > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1
