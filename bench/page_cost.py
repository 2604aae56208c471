"""Measures the CPU of one page of 100 contacts x 40 properties, from the socket to the committed store, beside a fetch.

A whole `hubdump.run` reads a portal in a process of its own; what the process used is looked at whenever a page is
committed, so neither its start nor the sandbox counts. The fetch is the same pages by the HTTP library alone, their
bytes read and thrown away, in turns with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

import aiohttp

import hubdump
from bench.rivals.portal import TOKEN, served
from bench.rivals.scenarios import CALM, Scenario
from hubdump.events import Event, PageCommitted

PAGE, WARM = 100, 10  # records of a page; the first pages, which load and compile what the others use
# Requests of a run that commit a page: what its purpose is called in an event, and what it is.
PURPOSES = {"sweep": "a page of records", "identify": "a page of ids, compared"}


def main() -> int:
    """Measure in turns, and say milliseconds a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=6000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--properties", type=int, default=CALM.properties)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--fetch", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        return _say(_run(asked.run))
    if asked.fetch:
        return _say(asyncio.run(_fetch(asked.fetch)))
    found: defaultdict[str, list[float]] = defaultdict(list)
    with served(Scenario("", "", asked.properties, latency_ms=0), asked.records) as portal:
        for _ in range(asked.turns):
            for kind in ("--run", "--fetch"):
                portal.tell("clock", {"advance_s": 60})  # no budget is half used when a turn begins
                for name, took_ms in _of_a_process(kind, portal.url).items():
                    found[name].append(took_ms)
    for name, values in found.items():
        sys.stdout.write(
            f"{name}: {statistics.median(values):.2f} ms ({min(values):.2f}, {max(values):.2f})\n"
        )
    return 0


def _of_a_process(kind: str, url: str) -> dict[str, float]:
    environment = os.environ | {"HUBSPOT_BASE_URL": url, "HUBSPOT_MAX_REQUESTS_PER_10S": "auto"}
    command = [sys.executable, "-m", "bench.page_cost", kind, url]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def _say(found: dict[str, float]) -> int:
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def _run(_: str) -> dict[str, float]:
    """Read all contacts; milliseconds of CPU a page, by what it is."""
    used_s: defaultdict[str, list[float]] = defaultdict(list)

    def see(event: Event) -> None:
        if isinstance(event, PageCommitted):
            used_s[event.purpose].append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        ended = hubdump.run(
            Path(folder) / "data",
            only=["contacts"],
            to=["json"],
            associations="never",
            token=TOKEN,
            on_event=see,
        )
    if ended.exit:
        raise SystemExit(f"the run ended with {ended.exit}: {ended.verdict}")
    return {told: _slope_ms(used_s[name]) for name, told in PURPOSES.items() if len(used_s[name]) > WARM}


def _slope_ms(used_s: list[float]) -> float:
    return 1000 * (used_s[-1] - used_s[WARM]) / (len(used_s) - 1 - WARM)


async def _fetch(url: str) -> dict[str, float]:
    """The same pages by the library alone, one after the other; milliseconds of CPU a page."""
    ids = _json(f"{url}/_sandbox/truth?types=contacts")["live"]["contacts"]
    named = _json(f"{url}/crm/properties/2026-09/contacts")["results"]
    names = ",".join(one["name"] for one in named)
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "gzip"}
    used_s = []
    async with aiohttp.ClientSession(headers=headers, auto_decompress=False) as session:
        for after in sorted(map(int, ids))[::PAGE]:
            query = {"limit": str(PAGE), "properties": names, "after": str(after)}
            async with session.get(f"{url}/crm/objects/2026-09/contacts", params=query) as answer:
                await answer.read()
                if answer.status != 200:
                    raise SystemExit(f"the fetch was answered by {answer.status}")
            used_s.append(time.process_time())
    return {"a bare fetch of it": _slope_ms(used_s)}


def _json(url: str) -> Any:
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})  # noqa: S310 - our own sandbox
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - our own sandbox
        return json.load(answer)


if __name__ == "__main__":
    raise SystemExit(main())
