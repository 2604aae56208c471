"""Measures a whole first run of a large portal without limits: where its seconds go, and what memory it takes.

The portal is contacts, companies, deals and calls, served by a process of its own without limits, latency or faults.
Each process of the run is looked at every fifth of a second: the first reads, with all proofs, and those that it starts
load the targets.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.at_limit import TOKEN
from bench.serving import served

LOOK_S = 0.2
# As in a portal whose people work with it: more deals and calls than whom they are about.
SHARES = {"contacts": 0.2, "companies": 0.1, "deals": 0.35, "calls": 0.35}
# So much is none; what no answer tells of associations, hubdump takes for the least that HubSpot has.
BOUNDLESS = {
    "tier": {"general": 10**9, "associations": 10**8, "daily": None, "associations_daily": None},
    "beliefs": {"headers-on-associations": "yes"},
}


@dataclass(slots=True)
class Seen:
    """What one process took, as far as it was seen: seconds of CPU, megabytes at the most."""

    cpu_s: float = 0.0
    megabytes: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--to", action="append", help="as hubdump's; default json and duckdb")
    asked = parser.parse_args()
    portal = ",".join(
        ["narrow", *(f"{name}={round(asked.records * share)}" for name, share in SHARES.items())]
    )
    with tempfile.TemporaryDirectory() as folder:
        beliefs, dump = Path(folder) / "beliefs.json", Path(folder) / "data"
        beliefs.write_text(json.dumps(BOUNDLESS), "utf-8")
        with served(
            "--portal", portal, "--beliefs", str(beliefs), "--overload", "off", "--faults", "none"
        ) as url:
            lines = _measured(url, dump, asked.to or ["json", "duckdb"])
        _verified(dump)
    _say("\n".join(lines))


def _measured(url: str, dump: Path, to: list[str]) -> list[str]:
    """What a run takes, in lines."""
    (sandbox,) = psutil.Process().children()
    began_s = time.monotonic()
    first, others = _run(url, dump, to)
    took_s = time.monotonic() - began_s
    with urllib.request.urlopen(f"{url}/_sandbox/requests") as answer:  # noqa: S310 - our own sandbox
        log = json.load(answer)["requests"]
    read_s = log[-1]["arrived_s"] - began_s
    ours, theirs = (
        f"{one.cpu_s:.0f} s of CPU, {one.megabytes:.0f} MB at the most" for one in (first, others)
    )
    size_mb = sum(path.stat().st_size for path in dump.rglob("*") if path.is_file()) / 1e6
    return [
        f"{len(log):,} requests; {took_s:.0f} s by the wall, of which {read_s:.0f} s until the last request",
        f"reads: {ours}; loads: {theirs}; the sandbox {sum(sandbox.cpu_times()[:2]):.0f} s of CPU",
        f"the dump: {size_mb:,.0f} MB",
    ]


def _run(url: str, dump: Path, to: list[str]) -> tuple[Seen, Seen]:
    """A run; what its first process took, and what those it started took, of whose megabytes the most."""
    told = [word for target in to for word in ("--to", target)]
    only = [word for name in SHARES for word in ("--only", name)]
    command = [sys.executable, "-m", "hubdump", "run", "--dump", str(dump), "--quiet", *only, *told]
    environment = os.environ | {
        "HUBSPOT_BASE_URL": url,
        "HUBSPOT_ACCESS_TOKEN": TOKEN,
        "HUBSPOT_MAX_REQUESTS_PER_10S": "auto",
    }
    seen: dict[int, Seen] = {}
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - our own program
        while process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(process.pid)
                for one in (root, *root.children(recursive=True)):
                    _look(one, seen.setdefault(one.pid, Seen()))
            time.sleep(LOOK_S)
    if process.returncode:
        raise SystemExit(f"the run ended with {process.returncode}")
    first = seen.pop(process.pid)
    most = max((one.megabytes for one in seen.values()), default=0.0)
    return first, Seen(sum(one.cpu_s for one in seen.values()), most)


def _look(process: psutil.Process, seen: Seen) -> None:
    seen.cpu_s = sum(process.cpu_times()[:2])
    seen.megabytes = max(seen.megabytes, process.memory_info().rss / 2**20)


def _verified(dump: Path) -> None:
    began_s = time.monotonic()
    command = [sys.executable, "-m", "hubdump", "verify", "--level", "local", "--quiet", "--dump", str(dump)]
    subprocess.run(command, check=True)  # noqa: S603 - our own program
    _say(f"verified in {time.monotonic() - began_s:.0f} s")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
