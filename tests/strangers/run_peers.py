"""`make strangers`: every stranger against the sandbox, and what came of it, written into docs/sandbox.md."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.conftest import ROOT, Served, User
from tests.strangers import report, truths
from tests.strangers.conftest import PORTAL, logged
from tests.strangers.peers import CACHE, PEERS, Failed, Peer

LOGS = CACHE / "logs"


def main() -> int:
    """Run them all; 1 when one of them is not content."""
    shutil.rmtree(LOGS, ignore_errors=True)
    os.environ["STRANGERS_LOGS"] = str(LOGS)
    _install_node()
    rows = [*_tests(), *(_peer(peer) for peer in PEERS)]
    described = _ourselves()
    told = report.table(("stranger", "version", "exercised", "result"), rows)
    report.write("strangers", told)
    report.write("routes", report.table(("route", "who calls it"), report.routes(LOGS, described)))
    sys.stdout.write(f"{told}\n")
    return 0 if all(row[3].startswith("content") for row in rows) else 1


def _install_node() -> None:
    folder = Path(os.environ.setdefault("STRANGERS_NODE", str(CACHE / "node")))
    if shutil.which("npm") and not (folder / "node_modules" / "@hubspot").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(report.NODE, folder)
        quiet = ("--silent", "--no-package-lock", "--no-audit", "--no-fund")
        subprocess.run(["npm", "install", *quiet, "--prefix", folder], check=True)


def _tests() -> list[report.Row]:
    results = CACHE / "results.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", f"--junitxml={results}", "tests/strangers"]
    subprocess.run(command, cwd=ROOT, check=False)
    return report.official(results)


def _peer(peer: Peer) -> report.Row:
    began_s = time.monotonic()
    try:
        peer.install()
        with logged(peer.package, "--portal", PORTAL, "--seed", "11") as served, _folder() as folder:
            wrong, number = _compared(peer.run(peer, served.url, Path(folder)), served)
    except (Failed, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{peer.package}: {error}\n")
        wrong, number = ["it did not come to its end"], 0
    sys.stderr.write(f"{peer.package} took {time.monotonic() - began_s:.0f} s\n")
    good = f"content ({number} ids equal the truth)"
    return peer.package, peer.version, peer.exercised, "; ".join(wrong) or good


def _compared(found: dict[str, list[str]], served: Served) -> tuple[list[str], int]:
    wrong = []
    for name, ids in found.items():
        true = truths.live(served, name.split()[0])
        if sorted(ids, key=int) != true:
            lost, strange = len(set(true) - set(ids)), len(set(ids) - set(true))
            wrong.append(f"{name}: {len(ids)} for {len(true)}, {lost} lost, {strange} strange")
    return wrong, sum(map(len, found.values()))


def _ourselves() -> set[str]:
    """Our own extractor reads a portal, for the table of routes; gives all routes there are."""
    with logged("hubdump", "--portal", PORTAL, "--seed", "11") as served, _folder() as folder:
        User(Path(folder)).at(served).types("run")
        with urllib.request.urlopen(f"{served.url}/openapi.json") as answer:
            return report.described(json.load(answer))


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="strangers-")


if __name__ == "__main__":
    raise SystemExit(main())
