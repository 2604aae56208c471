"""Which run a record's present version is of: a run is a number in the store, and a name under runs/."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from hubdump.model import RecordsRead
from hubdump.store import contents

# The run since whose end versions are kept, in `meta`; the schema's trigger knows it too.
SINCE = "versions_since"
# Likewise, the run since whose end all changes of associations are known; of how many runs they are kept.
LINKS_SINCE, LINKS_RUNS = "links_since", 100
# What was committed before the store knew of runs, and by whoever is none.
BEFORE = 0
_BEGIN = """
INSERT INTO runs (name, began_us) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET ended_us = NULL RETURNING number
"""
_STORED = """
SELECT page, position, id, run, updated_us, state FROM records
WHERE type = ?1 AND run <> ?2 AND id IN (SELECT value FROM json_each(?3)) ORDER BY page
"""


class _Content(Struct):
    """What makes a version of a record another one, besides its time: none is the same as no property."""

    properties: dict[str, Any] = {}
    archivedAt: str | None = None  # noqa: N815 - HubSpot's word

    def said(self) -> tuple[dict[str, Any], str | None]:
        return {name: value for name, value in self.properties.items() if value is not None}, self.archivedAt


_CONTENT = msgspec.json.Decoder(_Content)


class Runs:
    """Asks and tells the one writing connection; `number` is the present run, once it has begun."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.path, self._db, self._transaction = path, db, transaction
        self.number = BEFORE

    def begin(self, name: str, began_us: int, *, keep: bool | None = None) -> int:
        """From now on all that is committed is of this run; how many kept versions it forgot.

        `keep` versions that later ones supersede from now on, for ever; not any more, and forget those kept; or, if it
        is None, as the run before did.
        """
        with self._transaction():
            self.number = int(self._db.execute(_BEGIN, (name, began_us)).fetchone()[0])
            if keep:
                self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (SINCE, str(self.number - 1)))
            elif keep is not None:
                self._db.execute("DELETE FROM meta WHERE key = ?", (SINCE,))
                return self._db.execute("DELETE FROM superseded").rowcount
        return 0

    def end(self, ended_us: int) -> None:
        """Keep when the present run came to its end; one that was cut short has none.

        Where versions are not kept, only the last runs' changes of associations are.
        """
        oldest = self.number - LINKS_RUNS
        with self._transaction():
            self._db.execute("UPDATE runs SET ended_us = ? WHERE number = ?", (ended_us, self.number))
            if oldest > 0 and not self._db.execute("SELECT 1 FROM meta WHERE key = ?", (SINCE,)).fetchone():
                self._db.execute("DELETE FROM association_changes WHERE run <= ?", (oldest,))
                self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (LINKS_SINCE, str(oldest)))

    def of(self, type_: int, read: RecordsRead) -> dict[int, int]:
        """The run of those records of a page that the store has at the very version just read, by id.

        All others are of the present one.
        """
        refs = {ref.id: ref for ref in read.records}
        rows = self._db.execute(_STORED, (type_, self.number, json.dumps(list(refs)))).fetchall()
        known = [row[:4] for row in rows if row[4:] == (refs[row[2]].updated_us, refs[row[2]].archived)]
        if not known:
            return {}
        now = contents.of(read.response)
        stored = contents.stored(self._db, self.path, known)
        return {id_: run for (_, _, id_, run), raw in stored if _same(raw, now[refs[id_].position])}


def _same(one: Raw, other: Raw) -> bool:
    if bytes(one) == bytes(other):
        return True
    try:
        return _CONTENT.decode(one).said() == _CONTENT.decode(other).said()
    except msgspec.DecodeError:  # nothing that we know the properties of
        return False
