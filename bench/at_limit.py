"""Measures how near to HubSpot's limits a first run comes: its seconds over the least that the limits allow.

The least (the bound): of each budget its requests, as the sandbox counted them, over HubSpot's own rate (19 a second,
15 of associations, 5 searches), and of those the most; nothing is taken off for the burst with which a window begins.
Where budgets are shared, they are one. `read` ends when the last request arrives, `all` with the
process, its targets loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.serving import served

TOKEN = "pat-na1-sandbox"  # noqa: S105 - the sandbox's own
# Of the sandbox's tier `pro`: requests, and seconds in which they may come.
LIMITS = {"general": (190, 10), "associations": (150, 10), "search": (5, 1)}
# Mean and deviation in ms of what has its median at 300 ms, and its 99th percentile at 3 s.
SLOW = "lognormal:490:632"
MIXED = {"contacts": 0.4, "companies": 0.2, "deals": 0.15, "calls": 0.15, "tickets": 0.1}
WITHOUT_PROOF = """
import sys
from hubdump.extract.comparing import Comparing
Comparing._compare_ids = Comparing._list_archived
from hubdump.cli import app
app(sys.argv[1:])
"""
OTHERS_QUERY = "properties=others"  # by which the log tells the other client's requests


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one run: its seconds, the sandbox's log of it, those that were not hubdump's."""

    read_s: float
    all_s: float
    cpu_s: float
    log: Sequence[dict[str, Any]]
    others: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--one-holds", type=float, help="share of all records that are contacts")
    parser.add_argument("--latency", action="append", help=f"as the sandbox's; default 100, and {SLOW}")
    parser.add_argument("--budgets", choices=("separate", "shared"), action="append")
    parser.add_argument("--proof", choices=("with", "without"), action="append")
    parser.add_argument("--overload", choices=("on", "off"), default="off")
    parser.add_argument(
        "--rate", action="append", help="auto (the default), or a number in 10 s; again for more"
    )
    parser.add_argument(
        "--other", type=float, default=0.0, help="requests a second of another client of the same app"
    )
    wanted = parser.parse_args()
    _say("| latency | budgets | proof | rate | bound s | read s | read / bound | all s | CPU s | requests | 429 | 5xx |"
         " most in a window |")  # fmt: skip
    _say("|" + "---|" * 13)
    for latency in wanted.latency or ["100", SLOW]:
        for budgets in wanted.budgets or ["separate", "shared"]:
            for proof in wanted.proof or ["with", "without"]:
                for rate in wanted.rate or ["auto"]:
                    measured = _measured(wanted, latency, budgets, proof, rate)
                    _say(_row((latency, budgets, proof, rate), measured, shared=budgets == "shared"))


def _measured(wanted: argparse.Namespace, latency: str, budgets: str, proof: str, rate: str) -> Measured:
    """One first run of a new portal into a new dump."""
    counts = sizes(wanted.records, wanted.one_holds)
    portal = ",".join(["narrow", *(f"{name}={size}" for name, size in counts.items())])
    beliefs = [f"{of}-budget={budgets}" for of in ("association", "search")]
    with (
        tempfile.TemporaryDirectory() as folder,
        _served(portal, latency, wanted.overload, beliefs) as url,
        _other_client(url, wanted.other),
    ):
        before = _children_cpu_s()
        began_s = time.monotonic()  # the sandbox's own clock: it is on this machine
        _run(url, Path(folder) / "data", list(counts), rate, proof)
        took, cpu_s = time.monotonic() - began_s, _children_cpu_s() - before
        log = _json(f"{url}/_sandbox/requests")["requests"]
    ours = [one for one in log if OTHERS_QUERY not in one["query"]]
    return Measured(ours[-1]["arrived_s"] - began_s, took, cpu_s, ours, len(log) - len(ours))


def sizes(records: int, one_holds: float | None) -> dict[str, int]:
    """How many records there are of each type."""
    if one_holds is None:
        return {name: round(records * share) for name, share in MIXED.items()}
    rest = (1 - one_holds) / (len(MIXED) - 1)
    return {name: round(records * (one_holds if name == "contacts" else rest)) for name in MIXED}


def _row(named: Sequence[str], measured: Measured, *, shared: bool) -> str:
    log = measured.log
    least_s = bound_s(Counter(one["budget"] for one in log), shared=shared)
    statuses = Counter(one["status"] for one in log)
    failed = sum(number for status, number in statuses.items() if status >= 500)
    cells = [
        f"{least_s:.1f}",
        f"{measured.read_s:.1f}",
        f"{measured.read_s / least_s:.3f}",
        f"{measured.all_s:.1f}",
        f"{measured.cpu_s:.1f}",
        ", ".join(f"{number:,} {name}" for name, number in Counter(one["budget"] for one in log).items()),
        str(statuses[429]),
        str(failed),
        ", ".join(f"{fullest(log, name)} {name}" for name in LIMITS),
    ]
    return f"| {' | '.join([*named, *cells])} |"


def bound_s(requests: Counter[str], *, shared: bool) -> float:
    if shared:
        requests = Counter(general=requests.total(), search=requests["search"])
    return max(requests[name] * span_s / most for name, (most, span_s) in LIMITS.items())


def fullest(log: Sequence[dict[str, Any]], budget: str) -> int:
    """The most requests that came within the span of a budget's limit, to the instant."""
    at = sorted(one["arrived_s"] for one in log if one["budget"] == budget)
    most = first = 0
    for last, at_s in enumerate(at):
        while at[first] <= at_s - LIMITS[budget][1]:
            first += 1
        most = max(most, last - first + 1)
    return most


def _run(url: str, dump: Path, types: Sequence[str], rate: str, proof: str) -> None:
    environment = os.environ | {
        "HUBSPOT_BASE_URL": url,
        "HUBSPOT_ACCESS_TOKEN": TOKEN,
        "HUBSPOT_MAX_REQUESTS_PER_10S": rate,
    }
    program = ["-m", "hubdump"] if proof == "with" else ["-c", WITHOUT_PROOF]
    only = [word for name in types for word in ("--only", name)]
    command = [sys.executable, *program, "run", "--dump", str(dump), "--to", "json", "-q", *only]
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)  # noqa: S603 - our own program


@contextmanager
def _served(portal: str, latency: str, overload: str, beliefs: Sequence[str]) -> Iterator[str]:
    flags = [
        "--portal",
        portal,
        "--tier",
        "pro",
        "--latency",
        latency,
        "--overload",
        overload,
        "--faults",
        "none",
    ]
    for belief in beliefs:
        flags += ["--belief", belief]
    with served(*flags) as url:
        yield url


@contextmanager
def _other_client(url: str, each_second: float) -> Iterator[None]:
    """Somebody else's client with the same token, who asks so often, whatever is answered."""
    if not each_second:
        yield
        return
    ended = threading.Event()

    def ask() -> None:
        headers = {"authorization": f"Bearer {TOKEN}"}
        asked = urllib.request.Request(f"{url}/crm/v3/objects/contacts?{OTHERS_QUERY}", headers=headers)  # noqa: S310 - our own sandbox
        try:
            urllib.request.urlopen(asked).close()  # noqa: S310 - our own sandbox
        except urllib.error.HTTPError as error:
            error.close()

    def go_on() -> None:
        while not ended.wait(1 / each_second):
            threading.Thread(target=ask, daemon=True).start()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _children_cpu_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _json(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own sandbox
        return json.load(answer)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
