"""hubdump itself: a first run of contacts, with its proof, all their associations, into JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from bench.rivals.peers import ROOT, Command, Found, Job, Rival


def ready(_: Rival, __: Job) -> Command:
    """Nothing has to be written first."""
    flags = ("--only", "contacts", "--to", "jsonl:tables", "--quiet")
    return (sys.executable, "-m", "hubdump", "run", *flags)


def read(job: Job) -> Found:
    """The tables of contacts and of associations; archived contacts, which only hubdump reads, are not compared."""
    found = Found()
    for row in _rows(job, "contacts"):
        if row["archived"] == "false":
            found.record(row["id"], row[f"property_{job.last}"])
    for row in _rows(job, "associations"):
        if row["from_type"] == "contacts" and row["from_id"] in found.ids:
            found.links[row["from_id"], row["to_type"], row["to_id"]] += 1
    return found


def _rows(job: Job, table: str) -> Iterator[dict[str, Any]]:
    file = job.folder / "tables" / f"{table}.jsonl"
    if file.exists():
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


ENV = {"PYTHONPATH": str(ROOT), "HUBSPOT_MAX_REQUESTS_PER_10S": "auto"}
