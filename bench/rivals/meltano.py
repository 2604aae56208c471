"""Meltano's tap: contacts, and a stream of their associations with each other type."""

from __future__ import annotations

import json

from bench.rivals.peers import Command, Found, Job, Rival
from bench.rivals.portal import TO, TOKEN
from bench.rivals.singer import records

TIES = {f"contacts_{type_}_associations": type_ for type_ in TO}


def ready(rival: Rival, job: Job) -> Command:
    """Its catalog with every property of the streams selected."""
    settings = {"access_token": TOKEN, "associations": {"contacts": TO}}
    (job.folder / "config.json").write_text(json.dumps(settings), "utf-8")
    tap = (rival.bin / "tap-hubspot", "--config", "config.json")
    catalog = json.loads(rival.said(job, *tap, "--discover"))
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = stream["tap_stream_id"] in {"contacts", *TIES}
    (job.folder / "catalog.json").write_text(json.dumps(catalog), "utf-8")
    return (*tap, "--catalog", "catalog.json")


def read(job: Job) -> Found:
    """The lines of all streams."""
    found = Found()
    for record in records(job, "contacts"):
        found.record(str(record["id"]), record["properties"].get(job.last))
    for stream, type_ in TIES.items():
        found.links.update((str(one["from_id"]), type_, str(one["to_id"])) for one in records(job, stream))
    return found
