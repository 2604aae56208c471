"""Level full: every association of a type read again and held against the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from hubdump.hubspot import flows
from hubdump.hubspot.rereading import Piece
from hubdump.model import Association, AssociationsRead, ObjectType, Question, StoredIds
from hubdump.store.links import Links
from hubdump.store.reader import Reader
from hubdump.targets.compared import Content, compare
from hubdump.verify.findings import Finding, named, unchecked, wrong
from hubdump.verify.portal import Portal

_SCHEMA = """
CREATE TABLE links (other TEXT, from_id INTEGER, to_id INTEGER, category TEXT, type_id INTEGER, label TEXT,
    PRIMARY KEY (other, from_id, to_id, category, type_id)) WITHOUT ROWID;
BEGIN
"""
_SINCE = "(edits of associations bear no date: made since the run, or lost; hubdump run --associations all reads all)"


async def check(
    portal: Portal, dump: Path, type_: ObjectType, piece: Piece, moved: Mapping[str, Collection[int]]
) -> list[Finding]:
    """What differs, but for associations of records that are not as they were: those `moved`, by type."""
    reader, links = Reader(dump / "store.sqlite"), Links(dump / "store.sqlite")
    try:
        with closing(sqlite3.connect("", isolation_level=None)) as db:
            db.executescript(_SCHEMA)
            failed: list[str] = []
            catalogue = reader.catalogue()
            for to in (to for from_, to in reader.pairs() if from_ == type_.name):
                failed += await _read(portal, links, db, type_, catalogue.by_name(to), piece)
            found = compare(
                lambda: _contents(type_.name, _rows(db), piece, moved),
                lambda: _contents(type_.name, reader.associations(type_.name), piece, moved),
            )
    finally:
        reader.close()
        links.close()
    findings = (
        [unchecked("associations", type_.name, f"HubSpot fails to give {named(failed)}")] if failed else []
    )
    for told, names in (
        (f"missing here {_SINCE}", found.missing),
        (f"only here {_SINCE}", found.more),
        ("with another label here", found.changed),
    ):
        if names:
            findings.append(wrong("associations", type_.name, told, names))
    text = f"{found.compared:,} associations at HubSpot, the same here"
    return findings or [Finding("associations", type_.name, text)]


async def _read(
    portal: Portal, links: Links, db: sqlite3.Connection, type_: ObjectType, to: ObjectType, piece: Piece
) -> list[str]:
    """Read the associations of stored records to one other type; those that HubSpot fails to give."""

    def stored(question: Question) -> list[int]:
        assert isinstance(question, StoredIds)
        after = max(question.after, piece.low - 1)
        return links.active_ids(type_.name, after, piece.high - 1, question.count)

    failed: list[str] = []
    async for step in portal.steps(flows.associations(portal.api, type_, to, ""), stored):
        if isinstance(step, AssociationsRead):
            failed += [f"{id_} to {to.name}" for id_ in step.failed]
            db.executemany(
                "INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (to.name, row.from_id, row.to_id, row.category, row.type_id, row.label)
                    for row in step.rows
                ),
            )
    return failed


def _rows(db: sqlite3.Connection) -> Iterator[tuple[str, Association]]:
    for to, *rest in db.execute("SELECT * FROM links"):
        yield to, Association(*rest)


def _contents(
    type_: str, rows: Iterable[tuple[str, Association]], piece: Piece, moved: Mapping[str, Collection[int]]
) -> Iterator[Content]:
    for to, row in rows:
        as_they_were = row.from_id not in moved[type_] and row.to_id not in moved.get(to, ())
        if piece.holds(row.from_id) and as_they_were:
            name = f"{type_} {row.from_id} to {to} {row.to_id} ({row.category} {row.type_id})"
            yield name, f"{name}\0{row.label}".encode()
