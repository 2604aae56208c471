"""Writes the items of collections: each page with the cursor it leads to, in one transaction of the store's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubdump.around import ItemsRead, LeftOut
from hubdump.model import Response
from hubdump.store.bodies import packed
from hubdump.store.database import disk_errors

_UPSERT = """
INSERT INTO items (collection, parent, key, page, position, archived, seen) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (collection, parent, key) DO UPDATE SET page = excluded.page, position = excluded.position,
    archived = excluded.archived, seen = excluded.seen, gone = 0
"""
# What only grows stays where it was first read: a later run shows some of it again, as it was.
_APPEND = """
INSERT INTO items (collection, parent, key, page, position, archived, seen) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (collection, parent, key) DO UPDATE SET seen = excluded.seen
"""
_NOT_SHOWN = """
collection = ?1 AND NOT gone AND seen < (SELECT passes FROM collections WHERE number = ?1)
AND parent NOT IN (SELECT parent FROM left_out WHERE collection = ?1)
"""
# Of what only grows, whose items are known, and as of when.
_WHOLE = "INSERT OR REPLACE INTO parents_read SELECT ?, ?, began_us FROM collections WHERE number = ?"
_UNREFERENCED = """
DELETE FROM item_pages WHERE collection = ?1 AND number NOT IN (SELECT page FROM items WHERE collection = ?1)
"""

_MARK = "SELECT passes, began_us, cursor, complete, fresh_us, unread FROM collections WHERE name = ?"
_FIELDS = "SELECT name FROM item_fields WHERE collection = ? ORDER BY position"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a collection is complete; instants in microseconds of server time (UTC).

    The present pass began at `began_us`; `cursor` is where it stands. `unread` says why nobody may read it here.
    """

    passes: int = 0
    began_us: int = 0
    cursor: str = ""
    complete: int = 0
    fresh_us: int | None = None
    unread: str = ""

    @property
    def content(self) -> str:
        """The same only as long as the collection holds the same; '' while a pass is under way, which changes it."""
        return f"{self.passes} {self.fresh_us}" if self.complete else ""


def mark_of(db: sqlite3.Connection, name: str) -> Mark:
    """How far a collection is complete."""
    row = db.execute(_MARK, (name,)).fetchone()
    return Mark(*row) if row else Mark()


class Items:
    """The collections of a store, for the one who writes it."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.path, self._db, self._transaction = path, db, transaction

    def mark(self, name: str) -> Mark:
        """How far a collection is complete."""
        with disk_errors(self.path):
            return mark_of(self._db, name)

    def begin(self, name: str, now_us: int) -> Mark:
        """Begin a pass; what is there stays, and what could not be read is to be asked for again."""
        with self._transaction():
            self._know(name)
            self._db.execute(
                "UPDATE collections SET passes = passes + 1, began_us = ?, cursor = '', complete = 0, unread = ''"
                " WHERE name = ?",
                (now_us, name),
            )
            self._db.execute("DELETE FROM left_out WHERE collection = ?", (self._number(name),))
        return self.mark(name)

    def commit(self, name: str, read: ItemsRead, active_s: float, *, growing: bool = False) -> None:
        """Put one answer and its cursor on disk together; `active_s` is the wall clock."""
        with self._transaction():
            number = self._number(name)
            if read.refs:
                self._keep(number, read, _APPEND if growing else _UPSERT)
            known = {field for (field,) in self._db.execute(_FIELDS, (number,))}
            new = [field for field in read.fields if field not in known]
            self._db.executemany(
                "INSERT INTO item_fields VALUES (?, ?, ?)",
                ((number, field, len(known) + place) for place, field in enumerate(new)),
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO left_out VALUES (?, ?, ?, ?)",
                ((number, one.parent, one.reason, one.failed) for one in read.left_out),
            )
            if growing and read.whole:
                self._db.execute(_WHOLE, (number, read.whole, number))
            self._db.execute("UPDATE collections SET cursor = ? WHERE number = ?", (read.cursor, number))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('active_s', ?)", (repr(active_s),))

    def finish(self, name: str, fresh_us: int, *, growing: bool) -> None:
        """A pass is whole: what it did not show is gone, unless the collection only grows."""
        with self._transaction():
            number = self._number(name)
            if not growing:
                self._db.execute(f"UPDATE items SET gone = 1 WHERE {_NOT_SHOWN}", (number,))  # noqa: S608 - our own words
            self._db.execute(_UNREFERENCED, (number,))
            self._db.execute(
                "UPDATE collections SET complete = 1, fresh_us = ? WHERE number = ?", (fresh_us, number)
            )

    def set_unread(self, name: str, why: str) -> None:
        """HubSpot lets nobody read a collection here; what was read of it stays."""
        with self._transaction():
            self._know(name)
            self._db.execute("UPDATE collections SET unread = ?, cursor = '' WHERE name = ?", (why, name))

    def begin_anew(self, name: str) -> None:
        """Let a pass begin at its start again: where it stood is not to be relied on."""
        with self._transaction():
            self._db.execute("UPDATE collections SET cursor = '' WHERE name = ?", (name,))

    def read_us(self, name: str, parent: str) -> int:
        """When the last pass began that read a parent of a growing collection to its end; 0: none did."""
        sql = (
            "SELECT parents_read.began_us FROM parents_read JOIN collections ON number = collection"
            " WHERE name = ? AND parent = ?"
        )
        rows = self._rows(sql, name, parent)
        return int(rows[0][0]) if rows else 0

    def seen(self, name: str, parent: str, key: str) -> bool:
        """Whether the present pass showed an item."""
        sql = (
            "SELECT 1 FROM items JOIN collections ON number = collection"
            " WHERE name = ? AND parent = ? AND key = ? AND seen = passes"
        )
        return bool(self._rows(sql, name, parent, key))

    def totals(self, name: str) -> tuple[int, int, int]:
        """How many items of a collection are there, how many of them are archived, and how many are gone."""
        sql = (
            "SELECT count(*) FILTER (WHERE NOT gone), count(*) FILTER (WHERE archived AND NOT gone),"
            " count(*) FILTER (WHERE gone) FROM items JOIN collections ON number = collection WHERE name = ?"
        )
        found: tuple[int, int, int] = self._rows(sql, name)[0]
        return found

    def left_out(self, name: str) -> list[LeftOut]:
        """The parents whose items could not be read, and why."""
        sql = (
            "SELECT parent, reason, failed FROM left_out JOIN collections ON number = collection"
            " WHERE name = ? ORDER BY parent"
        )
        return [LeftOut(parent, reason, bool(failed)) for parent, reason, failed in self._rows(sql, name)]

    def not_shown(self, name: str) -> tuple[int, int]:
        """How many items the present pass did not show, and how many were there."""
        sql = f"SELECT count(*) FILTER (WHERE {_NOT_SHOWN}), count(*) FROM items WHERE collection = ?1 AND NOT gone"  # noqa: S608 - our own words
        return tuple(self._rows(sql, self._number(name))[0])

    def parents(self, name: str) -> list[str]:
        """The parents whose items are stored."""
        sql = "SELECT DISTINCT parent FROM items JOIN collections ON number = collection WHERE name = ?"
        return [parent for (parent,) in self._rows(sql, name)]

    def keys(self, name: str, after: str, count: int) -> list[str]:
        """Up to `count` keys of the items of a collection that are there, ascending, behind `after`."""
        sql = (
            "SELECT DISTINCT key FROM items JOIN collections ON number = collection"
            " WHERE name = ? AND key > ? AND NOT gone ORDER BY key LIMIT ?"
        )
        return [key for (key,) in self._rows(sql, name, after, count)]

    def _rows(self, sql: str, *values: object) -> list[Any]:
        with disk_errors(self.path):
            return self._db.execute(sql, values).fetchall()

    def _number(self, name: str) -> int:
        return int(self._rows("SELECT number FROM collections WHERE name = ?", name)[0][0])

    def _know(self, name: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO collections (name) VALUES (?)", (name,))

    def _keep(self, collection: int, read: ItemsRead, sql: str) -> None:
        """An answer's body, and where its items lie in it."""
        assert read.response is not None
        page = self._keep_page(collection, read.response)
        (passes,) = self._db.execute(
            "SELECT passes FROM collections WHERE number = ?", (collection,)
        ).fetchone()
        self._db.executemany(
            sql, ((collection, r.parent, r.key, page, r.position, r.archived, passes) for r in read.refs)
        )

    def _keep_page(self, collection: int, response: Response) -> int:
        page = self._db.execute(
            "INSERT INTO item_pages (collection, encoding, crc, body) VALUES (?, ?, ?, ?)",
            (collection, *packed(response)),
        ).lastrowid
        assert page is not None
        return page
