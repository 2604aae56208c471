"""Now and sleep: the only source of time for what waits; tests and the simulation bring their own."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

SECOND_NS = 1_000_000_000


class Clock(Protocol):
    """A clock that the engine waits by."""

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary start; never goes back."""
        ...

    def wall_s(self) -> float:
        """Seconds since 1970 (UTC); may jump, never used to decide what is complete."""
        ...

    async def sleep(self, wait_s: float) -> None:
        """Return after `wait_s` seconds."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def wall_s(self) -> float:
        return time.time()

    async def sleep(self, wait_s: float) -> None:
        import asyncio  # processes that load targets tell instants, and do not wait

        await asyncio.sleep(wait_s)


def instant_text(us: int) -> str:
    """ISO text of microseconds since 1970 (UTC), whole seconds."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
