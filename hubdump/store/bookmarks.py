"""How far each type is complete, and what else the store keeps of itself: read alike by its writer and its readers."""

from __future__ import annotations

import sqlite3

from hubdump.model import Bookmark


def bookmark_of(db: sqlite3.Connection, type_: str) -> Bookmark:
    """How far a type is complete."""
    sql = "SELECT round, since_us, seen_us, complete, fresh_us, proved_us FROM types WHERE name = ?"
    row = db.execute(sql, (type_,)).fetchone()
    if row is None:
        return Bookmark(type_)
    round_, since_us, seen_us, complete, fresh_us, proved_us = row
    return Bookmark(type_, round_, since_us, seen_us, bool(complete), fresh_us, proved_us)


def meta_of(db: sqlite3.Connection, key: str) -> str:
    """What is kept under a key, '' where nothing is."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else ""
