"""How far each type is complete, and what else the store keeps of itself: read alike by its writer and its readers."""

from __future__ import annotations

import json
import sqlite3

from hubdump.model import Bookmark

UNCERTAIN = "uncertain:"  # with the name of a type: what is kept of its properties
DEFINED = "defined:"  # with the name of a type: when all of them were asked for
_BOOKMARKS = "SELECT name, round, since_us, seen_us, complete, fresh_us, proved_us FROM types"


def bookmark_of(db: sqlite3.Connection, type_: str) -> Bookmark:
    """How far a type is complete."""
    row = db.execute(f"{_BOOKMARKS} WHERE name = ?", (type_,)).fetchone()
    return _bookmark(*row) if row else Bookmark(type_)


def bookmarks_of(db: sqlite3.Connection) -> dict[str, Bookmark]:
    """How far each type is complete of which anything is known."""
    return {row[0]: _bookmark(*row) for row in db.execute(_BOOKMARKS)}


def _bookmark(
    type_: str,
    round_: int,
    since_us: int,
    seen_us: int,
    complete: int,
    fresh_us: int | None,
    proved_us: int | None,
) -> Bookmark:
    return Bookmark(type_, round_, since_us, seen_us, bool(complete), fresh_us, proved_us)


def meta_of(db: sqlite3.Connection, key: str) -> str:
    """What is kept under a key, '' where nothing is."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else ""


def uncertain_of(db: sqlite3.Connection, type_: str) -> frozenset[str]:
    """The properties of a type whose values may not come with its records."""
    return frozenset(json.loads(meta_of(db, UNCERTAIN + type_) or "[]"))
