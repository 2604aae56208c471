"""Counts what a run costs of a portal of which little changed, beside the least possible, and how much memory it takes.

The least: the definitions of each type, HubSpot's count and a search for changes of 200 a page, a batch read of 100
changed records, and 1,000 changed records a call for each side of a pair whose associations are read.
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
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.serving import served

TOKEN = "pat-na1-sandbox"  # noqa: S105 - the sandbox's own
UNLIMITED = {"tier": {"general": 1_000_000, "associations": 1_000_000, "daily": None}}
EDITS = 500  # of one request


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=0.001, help="of which so many change")
    wanted = parser.parse_args()
    changed = round(wanted.records * wanted.share)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        portal = f"narrow,contacts={wanted.records},companies=1000"
        with _served(folder, portal, UNLIMITED) as url:
            _run(url, folder, "--to", "json")
            _tell(url, "clock", {"advance_s": 2 * 3600})
            _run(url, folder, "--to", "json")  # what was read in the first run's own hour
            _tell(url, "clock", {"advance_s": 2 * 3600})
            for what, edits in (("nothing changed", 0), (f"{changed:,} contacts changed", changed)):
                _edit(url, edits)
                _tell(url, "clock", {"advance_s": 2 * 3600})
                before = len(_requests(url))
                took, memory = _run(url, folder, "--to", "json", "--associations", "changed")
                asked = Counter(_kind(one) for one in _requests(url)[before:])
                _told(what, edits, asked, took, memory)


def _told(what: str, changed: int, asked: Mapping[str, int], took: float, memory: int) -> None:
    least = {
        "definitions": 2,
        "counts and searches": 4 + max(0, -(-changed // 200) - 1),
        "batch reads": -(-changed // 100),
        "associations": -(-changed // 1000),
    }
    sys.stdout.write(f"{what}: {took:.1f} s, {memory // 1024} MB\n")
    for kind in (*least, "others"):
        sys.stdout.write(f"  {kind}: {asked.get(kind, 0)}, least {least.get(kind, '-')}\n")


def _kind(request: Mapping[str, Any]) -> str:
    path = request["path"]
    if "/properties/" in path:
        return "definitions"
    if path.endswith("/search"):
        return "counts and searches"
    if "/associations/" in path and path.endswith("/batch/read"):
        return "associations"
    return "batch reads" if path.endswith("/batch/read") else "others"


def _run(url: str, folder: Path, *flags: str) -> tuple[float, int]:
    """A run of contacts and companies: its seconds, and the most memory that it held (kilobytes)."""
    environment = os.environ | {
        "HUBSPOT_BASE_URL": url,
        "HUBSPOT_ACCESS_TOKEN": TOKEN,
        "HUBSPOT_MAX_REQUESTS_PER_10S": "auto",
    }
    command = [sys.executable, "-m", "hubdump", "run", "--dump", str(folder / "data"), "-q"]
    only = ["--only", "contacts", "--only", "companies"]
    began, most = time.monotonic(), 0
    with subprocess.Popen([*command, *only, *flags], env=environment, stdout=sys.stderr) as process:  # noqa: S603 - our own program
        while process.poll() is None:
            most = max(most, _held(process.pid))
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"hubdump run ended with {process.returncode}")
    return time.monotonic() - began, most


def _held(pid: int) -> int:
    """The most memory that a process held so far (kilobytes); 0 where it has ended. Its parent's is not in it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) if "VmHWM:" in status else 0


def _edit(url: str, count: int) -> None:
    """So many contacts get another name."""
    if not count:
        return
    ids = _json(f"{url}/_sandbox/truth?types=contacts")["live"]["contacts"]
    step = max(1, len(ids) // count)
    edits = [
        {
            "method": "PATCH",
            "path": f"/crm/v3/objects/contacts/{id_}",
            "body": {"properties": {"firstname": "New"}},
        }
        for id_ in ids[::step][:count]
    ]
    for at in range(0, len(edits), EDITS):
        _tell(url, "edits", {"edits": edits[at : at + EDITS]})


@contextmanager
def _served(folder: Path, portal: str, beliefs: object) -> Iterator[str]:
    file = folder / "beliefs.json"
    file.write_text(json.dumps(beliefs), "utf-8")
    flags = ["--portal", portal, "--faults", "none", "--overload", "off", "--beliefs", str(file)]
    with served(*flags) as url:
        yield url


def _requests(url: str) -> list[dict[str, Any]]:
    log = _json(f"{url}/_sandbox/requests")
    return log["requests"] if isinstance(log, dict) else log


def _json(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own sandbox
        return json.load(answer)


def _tell(url: str, what: str, content: object) -> None:
    headers = {"content-type": "application/json"}
    asked = urllib.request.Request(f"{url}/_sandbox/{what}", json.dumps(content).encode(), headers)  # noqa: S310 - our own sandbox
    urllib.request.urlopen(asked).close()  # noqa: S310 - our own sandbox


if __name__ == "__main__":
    main()
