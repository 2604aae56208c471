"""The sandbox on a socket: the only file of it that speaks HTTP."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from collections.abc import Callable

from aiohttp import web

from hubdump.sandbox.answers import Refused, Request, Response, refusal
from hubdump.sandbox.config import SandboxConfig, SandboxError
from hubdump.sandbox.core import Core

HOST = "127.0.0.1"
# A page in a browser may lead a name of its own here (DNS rebinding): what it asks names that name.
_NAMES = frozenset({HOST, "localhost"})
BODY_BYTES_MAX = 8 * 1024 * 1024
# The edge answers long URLs itself; the library's own limit lies below HubSpot's.
LINE_BYTES_MAX = 1024 * 1024


def serve(
    config: SandboxConfig, port: int, on_ready: Callable[[int], None], *, stop_on_stdin_eof: bool = False
) -> None:
    """Serve a portal on 127.0.0.1 until SIGINT or SIGTERM (or the end of stdin, where asked).

    `on_ready` gets the port once it accepts. SandboxError when the config or the port cannot be had.
    """
    asyncio.run(_serve(Core(config), port, on_ready, stop_on_stdin_eof=stop_on_stdin_eof))


async def listen(core: Core, port: int) -> web.ServerRunner:
    """Serve on the running loop until the runner's `cleanup`; SandboxError when the port cannot be had."""
    server = web.Server(
        _Handler(core), access_log=None, max_line_size=LINE_BYTES_MAX, max_field_size=LINE_BYTES_MAX
    )
    runner = web.ServerRunner(server, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
    except (OSError, OverflowError) as error:
        await runner.cleanup()
        reason = error.strerror if isinstance(error, OSError) else error
        raise SandboxError(f"port {port} of {HOST} cannot be had: {reason}") from error
    return runner


def port_of(runner: web.ServerRunner) -> int:
    """The port a runner accepts on."""
    return int(runner.addresses[0][1])


async def _serve(core: Core, port: int, on_ready: Callable[[int], None], *, stop_on_stdin_eof: bool) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    runner = await listen(core, port)
    gc.freeze()  # what is there now stays: it need not be looked through while requests are answered
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt instead
            break
    if stop_on_stdin_eof:
        threading.Thread(target=_watch_stdin, args=(loop, stopped), daemon=True).start()
    on_ready(port_of(runner))
    await stopped.wait()
    await runner.cleanup()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    # Not by way of sys.stdin: its lock, held by this thread, would abort the interpreter at its end.
    while os.read(0, 4096):
        continue
    loop.call_soon_threadsafe(stopped.set)


class _Handler:
    """Hands each request to the core as it arrives, and its answer back when it is due."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        arrived_s = time.monotonic()
        if request.host.partition(":")[0] not in _NAMES:
            return _whole(
                refusal(Refused(421, f"Ask for {HOST}, not for another host", "MISDIRECTED_REQUEST"), "")
            )
        body = await _read(request)
        if body is None:
            return _whole(refusal(Refused(413, "Request Entity Too Large", "REQUEST_TOO_LARGE"), ""))
        url = request.rel_url
        asked = Request(
            request.method,
            url.raw_path,
            tuple(url.query.items()),
            {name.lower(): value for name, value in request.headers.items()},
            body,
            len(request.path_qs),
            raw_query=url.raw_query_string,
        )
        answer = self._core.handle(asked, arrived_s, time.time())
        if answer.delay_s:
            await asyncio.sleep(max(0.0, arrived_s + answer.delay_s - time.monotonic()))
        if answer.breakage == "reset":
            _break(request)
        elif answer.breakage == "cut":
            return await _cut(request, answer)
        return _whole(answer)


async def _read(request: web.BaseRequest) -> bytes | None:
    """The body of a request; None where it is larger than anybody's."""
    if not request.body_exists:
        return b""
    body = bytearray()
    async for part in request.content.iter_chunked(65536):
        body += part
        if len(body) > BODY_BYTES_MAX:
            return None
    return bytes(body)


def _whole(answer: Response) -> web.Response:
    """An answer that goes out in one write, head and body."""
    return web.Response(body=answer.body, status=answer.status, headers=answer.headers)


async def _cut(request: web.BaseRequest, answer: Response) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    _break(request)
    return response


def _break(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
