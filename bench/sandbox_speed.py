"""Measures the sandbox: list pages of 100 records x 40 properties a second, paired with a bare server.

The bare server sends the same bytes without making them, on the same core, in turns with the sandbox, so
that what the machine does besides strikes both: the ratio is what can be compared between machines. Pages a
second of the sandbox's own CPU time are what it would do on a core of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

TOKEN = "pat-na1-sandbox"  # noqa: S105 - the sandbox's own
RECORDS, PROPERTIES, CONNECTIONS = 1_000_000, 40, 4
PAGE_BYTES_MIN = 5_000  # as gzip; fewer are no hundred records
UNLIMITED = {"tier": {"general": 1_000_000, "associations": 1_000_000, "daily": None}}


def main() -> int:
    """Measure in turns, and say pages a second, megabytes, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.bare:
        asyncio.run(_serve_bare(asked.bare.read_bytes()))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        beliefs, page = Path(folder) / "beliefs.json", Path(folder) / "page"
        beliefs.write_text(json.dumps(UNLIMITED), "utf-8")
        portal = ["--portal", f"contacts={asked.records}", "--faults", "none", "--overload", "off"]
        command = [sys.executable, "-m", "hubdump.sandbox", "--json", *portal, "--beliefs", str(beliefs)]
        with _started(command) as (sandbox, process):
            names, starts = _look(sandbox, asked.records)
            page.write_bytes(_answer(sandbox, names, starts[0]))
            with _started([sys.executable, __file__, "--bare", str(page)]) as (bare, _):
                _report(asked, (sandbox, process), bare, names, starts, page)
    return 0


def _report(
    asked: argparse.Namespace,
    sandbox: tuple[str, psutil.Process],
    bare: str,
    names: str,
    starts: range,
    page: Path,
) -> None:
    own, others = [], []
    url, process = sandbox
    used_s, pages = sum(process.cpu_times()[:2]), 0.0
    for _ in range(asked.turns):
        own.append(_pages_a_second(url, names, starts, asked.seconds))
        pages += own[-1] * asked.seconds
        others.append(_pages_a_second(bare, names, starts, asked.seconds))
    ratio = statistics.median(b / s for s, b in zip(own, others, strict=True))
    said = {
        "records": asked.records,
        "page_bytes": page.stat().st_size,
        "pages_a_second": round(statistics.median(own)),
        "pages_a_second_of_its_cpu": round(pages / (sum(process.cpu_times()[:2]) - used_s)),
        "bare_pages_a_second": round(statistics.median(others)),
        "bare_to_sandbox": round(ratio, 1),
        "runs": [[round(s), round(b)] for s, b in zip(own, others, strict=True)],
    }
    sys.stdout.write(json.dumps(said) + "\n")


@contextmanager
def _started(command: list[str]) -> Iterator[tuple[str, psutil.Process]]:
    """A server of its own on one core, where the system can pin it: its URL and its process."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own programs
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
        try:
            yield str(url), psutil.Process(process.pid)
        finally:
            process.terminate()


def _look(url: str, records: int) -> tuple[str, range]:
    """The first 40 properties of contacts, and ids at which pages of the portal's first half begin."""
    named = _json(f"{url}/crm/v3/properties/contacts")["results"]
    page = _json(f"{url}/crm/v3/objects/contacts?limit=100")
    first, after = int(page["results"][0]["id"]), int(page["paging"]["next"]["after"])
    names = ",".join(p["name"] for p in named[:PROPERTIES])
    return names, range(first, first + (after - first) * records // 250, after - first)


def _json(url: str) -> Any:
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})  # noqa: S310 - ours
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def _request(names: str, after: int) -> bytes:
    path = f"/crm/v3/objects/contacts?limit=100&after={after}&properties={names}"
    heads = f"Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nAccept-Encoding: gzip"
    return f"GET {path} HTTP/1.1\r\n{heads}\r\n\r\n".encode()


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((str(parts.hostname), int(parts.port or 80)))


def _answer(url: str, names: str, after: int) -> bytes:
    with _connected(url) as to:
        to.sendall(_request(names, after))
        return _received(to)


def _received(from_: socket.socket) -> bytes:
    """One response, head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += from_.recv(1 << 18)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    while len(body) < length:
        body += from_.recv(1 << 18)
    return head + b"\r\n\r\n" + body


def _pages_a_second(url: str, names: str, starts: range, seconds: float) -> float:
    counts = [0] * CONNECTIONS
    began = time.perf_counter()

    def work(number: int) -> None:
        with _connected(url) as to:
            place = number * len(starts) // CONNECTIONS
            while time.perf_counter() - began < seconds:
                to.sendall(_request(names, starts[place % len(starts)]))
                page = _received(to)
                if not page.startswith(b"HTTP/1.1 200") or len(page) < PAGE_BYTES_MIN:
                    raise RuntimeError(f"no full page: {page[:100]!r}")
                counts[number] += 1
                place += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


class _Bare(asyncio.Protocol):
    """Answers whatever is asked with the same bytes."""

    def __init__(self, page: bytes) -> None:
        self._page = page
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(self._page * data.count(b"\r\n\r\n"))


async def _serve_bare(page: bytes) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Bare(page), "127.0.0.1", 0)
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}) + "\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    raise SystemExit(main())
