"""Holds a database that somebody names against the store, where it was loaded since that last changed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from hubdump.model import ObjectType
from hubdump.store.reader import Reader
from hubdump.targets import child
from hubdump.targets.database import Database
from hubdump.targets.written import HELD, Contents
from hubdump.verify.findings import Finding, unchecked
from hubdump.verify.local import contents, differing


def check(dump: Path, types: Sequence[ObjectType], databases: Sequence[Database]) -> Iterator[Finding]:
    """Each holds every record and association of the store, once, and nothing else."""
    reader = Reader(dump / "store.sqlite")
    try:
        now = contents(reader, types)
        held = {one.url: reader.meta(HELD + one.url) for one in databases}
    finally:
        reader.close()
    for one in databases:
        again = f"hubdump load --dump {shlex.quote(str(dump))} {shlex.quote(one.url)}"
        if not held[one.url]:
            yield unchecked("targets", one.url, f"this dump was never loaded into it: {again}")
        elif msgspec.json.decode(held[one.url], type=Contents) != now:
            yield unchecked("targets", one.url, f"is older than the dump, and was not compared: {again}")
        else:
            yield from _compared(dump, one, list(now[0]))


def _compared(dump: Path, one: Database, names: Sequence[str]) -> Iterator[Finding]:
    found = child.compare_database(one, dump, names)
    for table, differences in found.items():
        yield from differing(f"{one.url} {table}", differences)
    if all(differences.none for differences in found.values()):
        rows = sum(differences.compared for differences in found.values())
        yield Finding(
            "targets",
            one.url,
            f"{rows:,} rows of {len(found)} tables, each once, every value as in the store",
        )
