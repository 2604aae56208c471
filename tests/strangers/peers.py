"""Two connectors nobody here wrote, each in a venv of its own: how to install them, start them and read them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, TOKEN

CACHE = Path(os.environ.get("STRANGERS_CACHE", ROOT / ".strangers"))
REDIRECT = Path(__file__).parent / "redirect"
# The types that are compared with the truth, by the names of the tap's streams.
TYPES = (
    "contacts", "companies", "deals", "tickets", "calls", "emails", "meetings", "notes", "tasks", "communications",
    "postal_mail", "leads", "products", "line_items", "quotes", "feedback_submissions", "goal_targets",
)  # fmt: skip
SINCE = "2006-06-01T00:00:00Z"
Ids = dict[str, list[str]]


class Failed(Exception):
    """A stranger did not come to its end; the text holds the last it said."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One connector: its package, what it exercises, and how it is run (sandbox's URL, folder) -> ids by type."""

    name: str
    package: str
    version: str
    exercised: str
    run: Callable[[Peer, str, Path], Ids]

    @property
    def bin(self) -> Path:
        return CACHE / self.name / "bin"

    def install(self) -> None:
        """Have it in its venv, in exactly this version; the venv is kept."""
        mark = CACHE / self.name / f"{self.package}-{self.version}"
        if not mark.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", CACHE / self.name], check=True)
            wanted = f"{self.package}=={self.version}"
            subprocess.run([self.bin / "python", "-m", "pip", "--quiet", "install", wanted], check=True)
            mark.touch()

    def call(self, program: str, *arguments: str | Path, url: str) -> Iterator[dict[str, Any]]:
        """Run a program of it to its end, led to the sandbox; gives its lines of JSON."""
        told = self.said(program, *arguments, url=url)
        return (json.loads(line) for line in told.splitlines() if line.startswith("{"))

    def said(self, program: str, *arguments: str | Path, url: str) -> str:
        """As `call`; gives all it wrote."""
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REDIRECT),
            "SANDBOX_URL": url,
            "DO_NOT_TRACK": "1",
        }
        command = [self.bin / program, *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode:
            raise Failed(f"{program} {' '.join(map(str, arguments))}: {(done.stdout + done.stderr)[-3000:]}")
        return done.stdout


# The only stream of the tap that the sandbox has nothing of: marketing.
TAP_LEAVES = ("email_subscriptions",)


def run_tap(peer: Peer, url: str, folder: Path) -> Ids:
    """Meltano's tap, all but one of its streams: once by lists and once, with a start date, by searches."""
    found: Ids = {}
    for name, settings in (("lists", {}), ("searches", {"start_date": SINCE})):
        config, catalog = folder / f"{name}.config.json", folder / f"{name}.catalog.json"
        linked: dict[str, Any] = {"associations": {"contacts": ["companies"]}}
        config.write_text(json.dumps(linked | {"access_token": TOKEN} | settings))
        told = json.loads(peer.said("tap-hubspot", "--config", config, "--discover", url=url))
        for stream in told["streams"]:
            for entry in stream["metadata"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] not in TAP_LEAVES
        catalog.write_text(json.dumps(told))
        lines = peer.call("tap-hubspot", "--config", config, "--catalog", catalog, url=url)
        ids: Ids = {}
        for line in lines:
            if line["type"] == "RECORD" and line["stream"] in TYPES:
                ids.setdefault(line["stream"], []).append(line["record"]["id"])
        found |= {f"{type_} by {name}": ids.get(type_, []) for type_ in TYPES}
    return found


AIRBYTE_STREAMS = {
    "contacts": "contacts", "companies": "companies", "deals": "deals", "tickets": "tickets",
    "engagements_calls": "calls", "engagements_emails": "emails", "engagements_meetings": "meetings",
    "engagements_notes": "notes", "engagements_tasks": "tasks",
}  # fmt: skip
AIRBYTE_MORE = ("owners", "deal_pipelines", "ticket_pipelines", "contact_lists")


def run_airbyte(peer: Peer, url: str, folder: Path) -> Ids:
    """Airbyte's source: check, discover, all records by lists, and again by searches from an old state on."""
    config = folder / "config.json"
    credentials = {"credentials_title": "Private App Credentials", "access_token": TOKEN}
    config.write_text(json.dumps({"credentials": credentials, "start_date": SINCE}))
    told = list(peer.call("source-hubspot", "check", "--config", config, url=url))
    if not any(line.get("connectionStatus", {}).get("status") == "SUCCEEDED" for line in told):
        raise Failed(f"check: {told[-1]}")
    lines = peer.call("source-hubspot", "discover", "--config", config, url=url)
    streams = next(line["catalog"]["streams"] for line in lines if line["type"] == "CATALOG")
    lists = [stream for stream in streams if stream["name"] in {*AIRBYTE_STREAMS, *AIRBYTE_MORE}]
    searches = [stream for stream in streams if stream["name"] in AIRBYTE_STREAMS]
    state = folder / "state.json"
    state.write_text(json.dumps([_since(name) for name in AIRBYTE_STREAMS]))
    found: Ids = {}
    for how, chosen, mode, more in (
        ("lists", lists, "full_refresh", ()),
        ("searches", searches, "incremental", ("--state", state)),
    ):
        catalog = folder / f"{how}.json"
        written = {"sync_mode": mode, "destination_sync_mode": "overwrite"}
        catalog.write_text(json.dumps({"streams": [{"stream": stream, **written} for stream in chosen]}))
        asked = ("read", "--config", config, "--catalog", catalog, *more)
        found |= _read(peer.call("source-hubspot", *asked, url=url), how)
    return found


def _since(stream: str) -> dict[str, Any]:
    known = {"stream_descriptor": {"name": stream}, "stream_state": {"updatedAt": SINCE}}
    return {"type": "STREAM", "stream": known}


def _read(lines: Iterator[dict[str, Any]], how: str) -> Ids:
    found: Ids = {f"{type_} by {how}": [] for type_ in AIRBYTE_STREAMS.values()}
    for line in lines:
        if line["type"] == "RECORD" and line["record"]["stream"] in AIRBYTE_STREAMS:
            type_ = AIRBYTE_STREAMS[line["record"]["stream"]]
            found[f"{type_} by {how}"].append(str(line["record"]["data"]["id"]))
    return found


PEERS = (
    Peer(
        "meltano", "meltano-tap-hubspot", "0.10.1",
        "17 types by lists and again by searches, properties, owners, pipelines, associations", run_tap,
    ),
    Peer(
        "airbyte", "airbyte-source-hubspot", "5.7.0",
        "check, discover, 9 types by lists and again by searches, associations, owners, pipelines, lists",
        run_airbyte,
    ),
)  # fmt: skip
