"""Singer's tap: contacts with the deals that a list names inline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bench.rivals.peers import SINCE, Command, Found, Job, Rival
from bench.rivals.portal import TOKEN

# Its `--discover` asks for older routes of other types, which the sandbox does not have; this is its part for contacts.
DISCOVER = """
import json, sys, tap_hubspot as tap
tap.CONFIG.update(json.load(open("config.json")))
one = next(one for one in tap.STREAMS if one.tap_stream_id == "contacts")
schema, found = tap.load_discovered_schema(one)
for entry in found:
    # Each property once: at the top, not in `properties` as well.
    entry["metadata"]["selected"] = list(entry["breadcrumb"]) != ["properties", "properties"]
stream = {"stream": "contacts", "tap_stream_id": "contacts", "schema": schema, "metadata": found}
json.dump({"streams": [stream]}, open("catalog.json", "w"))
"""


def ready(rival: Rival, job: Job) -> Command:
    """Its catalog with every property selected, once."""
    settings = {"api_key": TOKEN, "start_date": SINCE, "select_fields_by_default": "true"}
    (job.folder / "config.json").write_text(json.dumps(settings), "utf-8")
    rival.said(job, rival.bin / "python", "-c", DISCOVER)
    return (rival.bin / "tap-hubspot", "--config", "config.json", "--properties", "catalog.json")


def read(job: Job) -> Found:
    """Its lines of records, each with what it is tied to; one entry for each association type."""
    found = Found()
    for record in records(job, "contacts"):
        found.record(str(record["id"]), record.get(f"property_{job.last}"))
        for type_, tied in (record.get("associations") or {}).items():
            found.links.update(
                (str(record["id"]), type_, str(one["id"])) for one in (tied or {}).get("results") or ()
            )
    return found


def records(job: Job, stream: str) -> Iterator[dict[str, Any]]:
    """The records of one stream, from messages as Singer has them."""
    with (job.folder / "out").open(encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line) if line.startswith("{") and line.endswith("}\n") else {}
            if message.get("type") == "RECORD" and message["stream"] == stream:
                yield message["record"]
