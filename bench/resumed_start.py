"""Measures how long a run takes to begin on a dump that was cut short, beside an empty one.

The store is as after a kill: no seal speaks for it, so its structure is read whole. From the start of the run to the
event that says which types it will read; nothing is read after that. Each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import hubdump
from bench.load_speed import fill
from bench.rivals.portal import TOKEN, served
from bench.rivals.scenarios import CALM
from hubdump.events import Event, RunStarted
from hubdump.store.store import Store

MILLION = 1_000_000
PROPERTIES = 40


class _Begun(BaseException):
    """Ends the run where it has begun."""


def main() -> int:
    """Measure in turns, and say seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--begin", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.begin:
        return _begin(asked.begin)
    with tempfile.TemporaryDirectory() as name, served(CALM, 10) as portal:
        spent: dict[int, list[tuple[float, float]]] = {0: [], asked.records: []}
        for records in spent:
            _store(Path(name, str(records)), records, portal.number())
        for _ in range(asked.turns):
            for records, took in spent.items():
                took.append(_of_a_process(portal.url, Path(name, str(records))))
    wall, cpu = ([statistics.median(took[part] for took in spent[n]) for n in spent] for part in (0, 1))
    for what, (empty, full) in (("of the wall", wall), ("of CPU", cpu)):
        each = (full - empty) * MILLION / asked.records
        sys.stdout.write(
            f"{what}: {empty:.2f} s empty, {full:.2f} s with {asked.records:,}; {each:.2f} s a million\n"
        )
    return 0


def _store(dump: Path, records: int, portal: int) -> None:
    dump.mkdir()
    with closing(Store(dump / "store.sqlite")) as store:
        if records:
            fill(store, records, PROPERTIES, portal)


def _of_a_process(url: str, dump: Path) -> tuple[float, float]:
    with closing(Store(dump / "store.sqlite")) as store:
        store.set_meta(
            "active_s", "0"
        )  # else the next run waits until HubSpot's window of this one has passed
    environment = os.environ | {"HUBSPOT_BASE_URL": url}
    command = [sys.executable, "-m", "bench.resumed_start", "--begin", str(dump)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
    wall_s, cpu_s = json.loads(told.stdout.splitlines()[-1])
    return wall_s, cpu_s


def _begin(dump: Path) -> int:
    """Begin a run, and say what that took: seconds of the wall and of CPU, without loading the modules."""
    from hubdump import called, session  # noqa: F401 - loaded before the clock starts

    began_s, used_s = time.monotonic(), time.process_time()

    def see(event: Event) -> None:
        if isinstance(event, RunStarted):
            sys.stdout.write(json.dumps([time.monotonic() - began_s, time.process_time() - used_s]) + "\n")
            raise _Begun

    try:
        hubdump.run(dump, only=["deals"], token=TOKEN, on_event=see)
    except _Begun:
        return 0
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
