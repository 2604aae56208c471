"""Erases records from the store as if they had never been read: their bytes, their past, what leads to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from hubdump.model import State
from hubdump.store.bodies import records_in, unpacked
from hubdump.store.database import disk_errors
from hubdump.store.packing import Packing
from hubdump.store.records import drop_pages

_MERGED = """
WITH RECURSIVE them (id) AS (
    SELECT value FROM json_each(?2)
    UNION SELECT records.id FROM records JOIN them ON records.type = ?1 AND records.merged_into = them.id)
SELECT records.id, state FROM records JOIN them ON records.type = ?1 AND records.id = them.id ORDER BY records.id
"""
# Where a record stands: the table, its type and its id in it. What the first four lose is told.
_PLACES = (
    ("records", "type", "id"),
    ("histories", "type", "id"),
    ("associations", "from_type", "from_id"),
    ("associations", "to_type", "to_id"),
    ("history_reads", "type", "id"),
    ("failures", "type", "id"),
    ("removals", "type", "id"),
    ("superseded", "type", "id"),
    ("links_due", "type", "id"),
    ("links_seen", "from_type", "from_id"),
    ("links_seen", "to_type", "to_id"),
    ("association_changes", "from_type", "from_id"),
    ("association_changes", "to_type", "to_id"),
)


class Erased(NamedTuple):
    """How much of one type was erased."""

    records: int
    past_values: int
    associations: int


class _Named(Struct):
    id: str | int | None = None


_NAMED = msgspec.json.Decoder(_Named)


class Erasing:
    """Asks and tells the one writing connection."""

    def __init__(
        self,
        path: Path,
        db: sqlite3.Connection,
        types: Mapping[str, int],
        transaction: Callable[[], AbstractContextManager[None]],
        packing: Packing,
    ) -> None:
        self.path, self._db, self._types, self._transaction = path, db, types, transaction
        self._packing = packing

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
            pages = self._db.execute("SELECT number FROM pages WHERE type = ?", (number,)).fetchall()
            self._packing.rewrite(number, [page for (page,) in pages if self._bears(page, ids)])
        return erased

    def _deleted(self, table: str, type_column: str, id_column: str, number: int, ids: str) -> int:
        sql = (
            f"DELETE FROM {table} WHERE {type_column} = ? AND {id_column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own words
        )
        return self._db.execute(sql, (number, ids)).rowcount

    def _bears(self, number: int, ids: Collection[int]) -> bool:
        """Whether a page holds any version of some records."""
        row = self._db.execute("SELECT encoding, crc, body FROM pages WHERE number = ?", (number,)).fetchone()
        text = unpacked(row, f"Page {number} of {self.path}").text
        return any(_id_of(raw) in ids for raw in records_in(text))


def _id_of(raw: Raw) -> int:
    """The id that something on a page bears; 0 where it is no record."""
    try:
        text = str(_NAMED.decode(raw).id)
    except msgspec.DecodeError:
        return 0
    return int(text) if text.isdecimal() else 0
