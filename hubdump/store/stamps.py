"""Stamps: a number for each record that is another one where what a target has of it is, told by the index alone.

A target that kept them finds what changed without reading a page. They are of this store only: pages and labels
have its numbers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from hubdump.store.database import disk_errors

# (record's id, stamp), ascending by id
Stamps = Iterator[tuple[int, int]]

# A page's number could come again once its last record has left it; its checksum would not.
_RECORDS = """
SELECT id, page, page || ' ' || position || ' ' || state || ' ' || coalesce(merged_into, '') FROM records
WHERE type = ? ORDER BY id
"""
_ASSOCIATIONS = """
SELECT from_id, group_concat(to_type || ' ' || to_id || ' ' || label) FROM associations WHERE from_type = ?
GROUP BY from_id ORDER BY from_id
"""
# Past values only ever come, so that their number alone would do.
_HISTORIES = """
SELECT id, count(*) || ' ' || sum(digest & 4294967295) FROM histories WHERE type = ?1 AND (NOT ?2 OR EXISTS (
    SELECT 1 FROM records WHERE records.type = ?1 AND records.id = histories.id AND state = 0))
GROUP BY id ORDER BY id
"""


class Stamped:
    """The stamps of a store, by type."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path, self._db = path, db

    def records(self, type_: str) -> Stamps:
        """Of every record, whatever became of it: where its bytes lie, and what it is."""
        with disk_errors(self.path):
            number = self._number(type_)
            crcs = dict(self._db.execute("SELECT number, crc FROM pages WHERE type = ?", (number,)))
            for id_, page, told in self._db.execute(_RECORDS, (number,)):
                yield id_, _stamp(f"{told} {crcs.get(page)}")

    def associations(self, type_: str) -> Stamps:
        """Of every record that has associations: all of these."""
        with disk_errors(self.path):
            for id_, told in self._db.execute(_ASSOCIATIONS, (self._number(type_),)):
                yield id_, _stamp(told)

    def histories(self, type_: str, *, active: bool) -> Stamps:
        """Of every record, or every `active` one, that has past values: all of these."""
        with disk_errors(self.path):
            for id_, told in self._db.execute(_HISTORIES, (self._number(type_), active)):
                yield id_, _stamp(told)

    def _number(self, type_: str) -> int:
        row = self._db.execute("SELECT number FROM types WHERE name = ?", (type_,)).fetchone()
        return int(row[0]) if row else 0


def _stamp(told: str) -> int:
    return int.from_bytes(blake2b(told.encode(), digest_size=8).digest(), "big", signed=True)
