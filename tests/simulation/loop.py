"""An event loop on virtual time: what waits, waits for nothing; what would leave the process is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
SECOND_NS = 1_000_000_000
# A timer must lie behind the clock when it is called, whatever its float was rounded to.
TICK_NS = 1_000


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: whoever waits would wait for ever."""


class _Timers:
    """What the loop takes for its selector: no sockets, and the wait for the next timer is a jump."""

    def __init__(self) -> None:
        self.now_ns = 0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nothing is ready, and no timer is set")
        if timeout > 0:
            self.now_ns += int(timeout * SECOND_NS) + TICK_NS
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's own loop and its first-in-first-out queue, over timers alone. Interleavings come from latencies."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Timers()

    @property
    def now_ns(self) -> int:
        return self._selector.now_ns

    def time(self) -> float:
        return self._selector.now_ns / SECOND_NS

    def run_in_executor(self, *_: Any) -> NoReturn:  # type: ignore[override]  # it never returns
        raise RuntimeError("no threads on virtual time: their order is nobody's seed")

    async def getaddrinfo(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("no names are looked up on virtual time")

    def _process_events(self, event_list: list[Any]) -> None:
        assert not event_list

    def _write_to_self(self) -> None:
        raise RuntimeError("no other thread may wake this loop")


class VirtualClock:
    """The clock of the core, on such a loop; its wall clock is `ahead_s` before the true one at `start_s`."""

    def __init__(self, loop: VirtualLoop, start_s: float, ahead_s: float = 0.0) -> None:
        self._loop, self._wall_s = loop, start_s + ahead_s

    def now_ns(self) -> int:
        return self._loop.now_ns

    def wall_s(self) -> float:
        return self._wall_s + self._loop.now_ns / SECOND_NS

    async def sleep(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)


def run(loop: VirtualLoop, work: Coroutine[Any, Any, T]) -> T:
    """Drive `work` to its end on a loop that may have driven other work before; nothing of it goes on."""
    try:
        return loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
