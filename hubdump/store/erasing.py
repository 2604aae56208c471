"""Erases records from the store as if they had never been read: their bytes, their past, what leads to them."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from hubdump.model import State
from hubdump.store.bodies import unpacked
from hubdump.store.database import disk_errors
from hubdump.store.records import drop_pages

_MERGED = """
WITH RECURSIVE them (id) AS (
    SELECT value FROM json_each(?2)
    UNION SELECT records.id FROM records JOIN them ON records.type = ?1 AND records.merged_into = them.id)
SELECT records.id, state FROM records JOIN them ON records.type = ?1 AND records.id = them.id ORDER BY records.id
"""
# Where a record stands: the table, its type and its id in it.
_PLACES = (
    ("records", "type", "id"),
    ("superseded", "type", "id"),
    ("histories", "type", "id"),
    ("associations", "from_type", "from_id"),
    ("associations", "to_type", "to_id"),
    ("history_reads", "type", "id"),
    ("failures", "type", "id"),
    ("removals", "type", "id"),
)


class Erased(NamedTuple):
    """How much of one type was erased."""

    records: int
    past_values: int
    associations: int


class _Page(Struct):
    results: list[Raw]


class _Named(Struct):
    id: str | int | None = None


_PAGE, _NAMED = msgspec.json.Decoder(_Page), msgspec.json.Decoder(_Named)


class Erasing:
    """Asks and tells the one writing connection."""

    def __init__(
        self,
        path: Path,
        db: sqlite3.Connection,
        types: Mapping[str, int],
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.path, self._db, self._types, self._transaction = path, db, types, transaction

    def with_merged(self, type_: str, ids: Sequence[int]) -> dict[int, State]:
        """Those of some records that the store knows, and all that were merged into them, with their states."""
        with disk_errors(self.path):
            rows = self._db.execute(_MERGED, (self._types.get(type_, 0), json.dumps(list(ids))))
            return {id_: State(state) for id_, state in rows}

    def erase(self, type_: str, ids: Collection[int]) -> Erased:
        """Erase records from every page, whatever the version, and from every table, in one transaction."""
        number, these = self._types.get(type_, 0), json.dumps(sorted(ids))
        with self._transaction():
            counts = [self._deleted(*place, number, these) for place in _PLACES]
            erased = Erased(counts[0], counts[1], counts[2] + counts[3])
            sql = "UPDATE types SET past_values = past_values - ? WHERE number = ?"
            self._db.execute(sql, (erased.past_values, number))
            drop_pages(self._db, number)
            for (page,) in self._db.execute("SELECT number FROM pages WHERE type = ?", (number,)).fetchall():
                self._rewrite(page, ids)
        return erased

    def vacuum(self) -> None:
        """Write the file anew, so that nothing of what was deleted is left in it."""
        with disk_errors(self.path):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _deleted(self, table: str, type_column: str, id_column: str, number: int, ids: str) -> int:
        sql = (
            f"DELETE FROM {table} WHERE {type_column} = ? AND {id_column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own words
        )
        return self._db.execute(sql, (number, ids)).rowcount

    def _rewrite(self, number: int, ids: Collection[int]) -> None:
        """Leave nothing of some records on a page; where the others lie on it stays."""
        row = self._db.execute("SELECT encoding, crc, body FROM pages WHERE number = ?", (number,)).fetchone()
        before = after = unpacked(row, f"Page {number} of {self.path}").text
        for raw in _PAGE.decode(before).results:
            if _id_of(raw) in ids:
                after = after.replace(bytes(raw), b"{}")
        if after != before:
            body = zlib.compress(after, 6)
            self._db.execute(
                "UPDATE pages SET encoding = 'zlib', crc = ?, body = ? WHERE number = ?",
                (zlib.crc32(body), body, number),
            )


def _id_of(raw: Raw) -> int:
    """The id that something on a page bears; 0 where it is no record."""
    try:
        text = str(_NAMED.decode(raw).id)
    except msgspec.DecodeError:
        return 0
    return int(text) if text.isdecimal() else 0
