"""Where the walks of one list stand: the first one from its beginning, others each from a record on.

Where the range of one ends is not kept: it ends where it meets what another one was shown.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hubdump.model import Met, WalkKey
from hubdump.store.database import disk_errors

_FROM = " from "
# Those of one list: its own purpose, and that with the first id of a range.
OF_LIST = f"type = ?1 AND (purpose = ?2 OR substr(purpose, 1, length(?2) + {len(_FROM)}) = ?2 || '{_FROM}')"


class Standing(NamedTuple):
    """The cursor of a walk's next page, and whether it is done."""

    cursor: str
    done: bool


def part(key: WalkKey, start: int) -> WalkKey:
    """The walk of a list from a record on."""
    return WalkKey(key.type, f"{key.purpose}{_FROM}{start}")


def whole(key: WalkKey) -> tuple[WalkKey, int]:
    """The list that a walk reads, and the record from which on it does (0: its beginning)."""
    purpose, _, start = key.purpose.partition(_FROM)
    return WalkKey(key.type, purpose), int(start or 0)


class Walks:
    """Questions about the walks of lists."""

    def __init__(self, path: Path, db: sqlite3.Connection, types: Mapping[str, int]) -> None:
        self._path, self._db, self._types = path, db, types

    def of(self, key: WalkKey) -> dict[int, Standing]:
        """All walks of a list, by the record from which on they read, ascending."""
        sql = f"SELECT purpose, cursor, done FROM walks WHERE {OF_LIST}"  # noqa: S608 - our own words
        with disk_errors(self._path):
            rows = self._db.execute(sql, (self._types.get(key.type, 0), key.purpose)).fetchall()
        found = {
            whole(WalkKey(key.type, purpose))[1]: Standing(cursor, bool(done))
            for purpose, cursor, done in rows
        }
        return dict(sorted(found.items()))

    def met(self, key: WalkKey, page: Met) -> bool:
        """Whether a page of a walk reaches what the present pass was shown by the next one, so that nothing lies
        between.
        """
        listed, own = whole(key)
        start = next((start for start in self.of(listed) if start > own), None)
        if start is None:
            return False
        sql = (
            "SELECT EXISTS (SELECT 1 FROM records JOIN types ON number = type WHERE type = ?1 AND seen = passes"
            " AND id IN (SELECT value FROM json_each(?2)))"
        )
        beyond = json.dumps([id_ for id_ in page.ids if id_ >= start])
        with disk_errors(self._path):
            shown = self._db.execute(sql, (self._types.get(key.type, 0), beyond)).fetchone()[0]
        return page.after == str(start) or bool(shown)
