"""Ctrl-C, SIGTERM and SIGHUP: the first lets the pages under way come home, the second ends at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

from hubdump.errors import HubdumpError, Interrupted, Stopped
from hubdump.events import Emit, Noted
from hubdump.extract.sending import Transport
from hubdump.model import Request, Response, Secret

T = TypeVar("T")

# What lets a process end, and what we answer with; Windows knows no SIGHUP.
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# A service manager kills after 90 s, an impatient user asks twice.
DRAIN_S = 10.0
_KEPT = "Everything committed is kept."
_AGAIN = "Run the same command again: it continues where it stopped."


class Stop:
    """What ends a run from outside. While its requests are under way a signal drains them; at any other
    moment it raises Interrupted or Stopped where the main thread stands.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._number = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[Any] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._gate: _Gate | None = None

    def gate(self, inner: Transport) -> Transport:
        """The same transport, which sends nothing more once we are told to stop."""
        self._gate = _Gate(inner)
        return self._gate

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end; Interrupted or Stopped when told to, with everything committed kept."""

        async def main() -> T:
            self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
            try:
                return await work
            finally:
                self._loop = None

        try:
            done = asyncio.run(main())
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise self._error() from None
        if self._number:
            raise self._error()
        return done

    def signalled(self, number: int, _: FrameType | None) -> None:
        """What a signal does; called by Python in the main thread."""
        first, self._number = not self._number, number
        if self._loop is None:
            raise self._error()
        self._loop.call_soon_threadsafe(self._drain_first if first else self._cancel)

    def _drain_first(self) -> None:
        self._emit(Noted("Stopping once the pages under way are here.", "Ask once more to stop at once."))
        self._draining = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        if self._gate:
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    await self._gate.shut()
        self._cancel()

    def _cancel(self) -> None:
        if self._main:
            self._main.cancel()

    def _error(self) -> HubdumpError:
        if self._number in {0, signal.SIGINT}:
            return Interrupted(f"Interrupted. {_KEPT}", _AGAIN)
        return Stopped(f"Told to stop ({signal.Signals(self._number).name}). {_KEPT}", _AGAIN)


@contextmanager
def heard(emit: Emit) -> Iterator[Stop]:
    """Hear the signals while the context lasts; those that our user wants ignored (nohup) stay ignored."""
    stop = Stop(emit)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop.signalled) for number in heeded}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Gate:
    """A transport that can be shut: what is under way comes to its end, nothing more is sent."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self._under_way = 0
        self._shut = False
        self._idle = asyncio.Event()

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        if self._shut:
            await asyncio.Event().wait()  # for ever: whoever shut the gate cancels what waits here
        self._under_way += 1
        try:
            return await self._inner.send(request, token)
        finally:
            self._under_way -= 1
            if self._shut and not self._under_way:
                self._idle.set()

    async def shut(self) -> None:
        """Let nothing more through, and return when nothing is under way: what came is committed by then."""
        self._shut = True
        if self._under_way:
            await self._idle.wait()
