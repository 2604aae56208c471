"""Airbyte's source: contacts by lists, with the companies that a list names inline."""

from __future__ import annotations

import json

from bench.rivals.peers import SINCE, Command, Found, Job, NotThere, Rival
from bench.rivals.portal import TO, TOKEN


def ready(rival: Rival, job: Job) -> Command:
    """Its catalog of contacts, read whole."""
    credentials = {"credentials_title": "Private App Credentials", "access_token": TOKEN}
    settings = {"credentials": credentials, "start_date": SINCE}
    (job.folder / "config.json").write_text(json.dumps(settings), "utf-8")
    told = rival.said(job, rival.bin / "source-hubspot", "discover", "--config", "config.json")
    streams = [
        stream
        for line in told.splitlines()
        if line.startswith('{"type":"CATALOG"')
        for stream in json.loads(line)["catalog"]["streams"]
        if stream["name"] == "contacts"
    ]
    if not streams:
        raise NotThere("its discovery finds no contacts")
    chosen = {"stream": streams[0], "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    (job.folder / "catalog.json").write_text(json.dumps({"streams": [chosen]}), "utf-8")
    return (rival.bin / "source-hubspot", "read", "--config", "config.json", "--catalog", "catalog.json")


def read(job: Job) -> Found:
    """Its lines of records; an id of a company for each association type."""
    found = Found()
    with (job.folder / "out").open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith('{"type":"RECORD"') and line.endswith("}\n"):
                record = json.loads(line)["record"]["data"]
                found.record(str(record["id"]), record["properties"].get(job.last))
                for type_ in TO:
                    found.links.update((str(record["id"]), type_, str(to)) for to in record.get(type_) or ())
    return found
