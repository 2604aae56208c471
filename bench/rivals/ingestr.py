"""ingestr in Python: contacts by searches, their associations 100 records a call, into a DuckDB file."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from bench.rivals.peers import CACHE, SINCE, Command, Found, Job, Rival
from bench.rivals.portal import TO, TOKEN

# Read by its own DuckDB, so that file and library are of one version.
LOOK = """
import duckdb, json, sys
with duckdb.connect("contacts.duckdb", read_only=True) as db:
    rows = db.execute("SELECT * FROM main.contacts")
    names = [one[0] for one in rows.description]
    while row := rows.fetchone():
        print(json.dumps(dict(zip(names, row)), default=str))
"""


def ready(rival: Rival, _: Job) -> Command:
    """Nothing has to be written first. A search from 1970 on, its default, is answered by 500 (docs/beliefs.md)."""
    to = ("--dest-uri", "duckdb:///contacts.duckdb", "--dest-table", "main.contacts")
    source = ("--source-uri", f"hubspot://?api_key={TOKEN}", "--source-table", "contacts")
    return (
        rival.bin / "ingestr",
        "ingest",
        *source,
        *to,
        "--yes",
        "--progress",
        "log",
        "--interval-start",
        SINCE,
    )


def read(job: Job) -> Found:
    """Its table of contacts, where there is one; a column of ids for each other type."""
    found = Found()
    for row in _rows(job):
        found.record(str(row["hs_object_id"]), row.get(job.last))
        for type_ in TO:
            tied = json.loads(row.get(type_) or "[]")
            found.links.update((str(row["hs_object_id"]), type_, one[f"{type_}_id"]) for one in tied)
    return found


def _rows(job: Job) -> Iterator[dict[str, Any]]:
    python = CACHE / "ingestr" / "bin" / "python"
    looked = (python, "-c", LOOK)
    told = subprocess.run(looked, cwd=job.folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    # Its DuckDB tells of its progress on the same stream where a table is large.
    yield from (json.loads(line) for line in told.stdout.split("\n") if line.startswith("{"))
