"""Property histories: of which record which were read, and every past value once, whatever HubSpot forgets later."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

from hubdump.model import Due, HistoriesRead, PastValue
from hubdump.store.database import HISTORY, disk_errors

# What was read at an older version is due; what HubSpot failed to give is asked for again in the next round.
_DUE = """
SELECT records.id, iif(history_reads.updated_us >= records.updated_us, names, NULL) AS whole
FROM records LEFT JOIN history_reads USING (type, id)
WHERE records.type = ?1 AND records.id > ?2 AND state = 0
AND (whole IS NULL OR whole NOT IN (SELECT value FROM json_each(?4)))
AND NOT EXISTS (SELECT 1 FROM failures WHERE type = ?1 AND failures.id = records.id AND purpose = ?5)
ORDER BY records.id LIMIT ?3
"""
_APPEND = "INSERT INTO histories VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_VALUES = """
SELECT digest, id, property, at_us, timestamp, value, source_type, source_id, source_label, updated_by_user_id, more
FROM histories WHERE type = (SELECT number FROM types WHERE name = ?)
"""
_OF_ACTIVE = """
AND EXISTS (
    SELECT 1 FROM records WHERE records.type = histories.type AND records.id = histories.id AND state = 0)
"""


_READ = """
SELECT id, names, history_reads.updated_us, history_reads.seen_us FROM history_reads JOIN records USING (type, id)
WHERE history_reads.type = ?1 AND id > ?2 AND id <= ?3 AND state = 0 ORDER BY id LIMIT ?4
"""
_HERE = "SELECT 1 FROM histories WHERE type = ? AND id = ? AND property = ? AND at_us = ? AND digest = ?"
_OF_SOME = "AND id IN (SELECT value FROM json_each(?))"


class Mark(NamedTuple):
    """Of which properties a record's history is whole, as of which version, read in a round of which `seen_us`."""

    names: frozenset[str]
    updated_us: int | None
    seen_us: int


class Histories:
    """The histories of a store; `append` belongs into a transaction of whoever holds the writing connection."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path, self._db = path, db

    def due(self, type_: str, after: int, count: int, names: Sequence[str]) -> Due:
        """Up to `count` active records above `after` of which the history of some of these properties is missing."""
        with disk_errors(self.path):
            sets, wanted = self._sets(), frozenset(names)
            whole = json.dumps([number for number, read in sets.items() if wanted <= read])
            rows = self._db.execute(_DUE, (self._number(type_), after, count, whole, HISTORY)).fetchall()
        missing = {name for _, number in rows for name in wanted - sets.get(number, frozenset())}
        return Due([id_ for id_, _ in rows], [name for name in names if name in missing])

    def append(self, type_: int, page: HistoriesRead) -> None:
        """Keep values that are not there yet, and that the history of their records is read."""
        added = self._db.executemany(_APPEND, (_row(type_, value) for value in page.values)).rowcount
        self._db.execute("UPDATE types SET past_values = past_values + ? WHERE number = ?", (added, type_))
        sets = self._sets()
        for id_, updated_us in page.read.items():
            before = self._db.execute(
                "SELECT names FROM history_reads WHERE type = ? AND id = ? AND updated_us = ?",
                (type_, id_, updated_us),
            ).fetchone()
            read = frozenset(page.names) | (sets[before[0]] if before else frozenset())
            self._db.execute(
                "INSERT OR REPLACE INTO history_reads"
                " SELECT ?1, ?2, ?3, ?4, seen_us FROM types WHERE number = ?1",
                (type_, id_, self._set(sets, read), updated_us),
            )

    def read(self, type_: str, after: int, last: int, count: int) -> dict[int, Mark]:
        """Up to `count` active records of which histories were read, above `after` and up to `last`, ascending."""
        with disk_errors(self.path):
            sets = self._sets()
            rows = self._db.execute(_READ, (self._number(type_), after, last, count))
            return {id_: Mark(sets[names], updated_us, seen_us) for id_, names, updated_us, seen_us in rows}

    def lacking(self, type_: str, values: Iterable[PastValue]) -> list[PastValue]:
        """Those of some past values of a type that are not here."""
        with disk_errors(self.path):
            number = self._number(type_)
            return [
                value for value in values if not self._db.execute(_HERE, _row(number, value)[:5]).fetchone()
            ]

    def count(self, type_: str, *, active: bool = False) -> int:
        """How many past values of a type are kept, or of its active records only."""
        if active:
            return sum(1 for _ in self.values(type_, active=True))
        with disk_errors(self.path):
            row = self._db.execute("SELECT past_values FROM types WHERE name = ?", (type_,)).fetchone()
        return int(row[0]) if row else 0

    def values(
        self, type_: str, *, active: bool = False, ids: Sequence[int] | None = None
    ) -> Iterator[PastValue]:
        """Every past value of a type, or of its active records only, or of some ids, by record, property and time."""
        sql = _VALUES + (_OF_ACTIVE if active else "") + (_OF_SOME if ids is not None else "")
        asked = (type_,) if ids is None else (type_, json.dumps(list(ids)))
        with disk_errors(self.path):
            for _, *row in self._db.execute(sql, asked):
                yield PastValue(*row)

    def damaged(self, type_: str) -> Iterator[PastValue]:
        """Past values that are not what was written."""
        with disk_errors(self.path):
            for digest, *row in self._db.execute(_VALUES, (type_,)):
                if digest != _digest(value := PastValue(*row)):
                    yield value

    def asked(self) -> bool:
        """Whether any history was ever read."""
        with disk_errors(self.path):
            return bool(self._db.execute("SELECT EXISTS (SELECT 1 FROM history_reads)").fetchone()[0])

    def _number(self, type_: str) -> int:
        row = self._db.execute("SELECT number FROM types WHERE name = ?", (type_,)).fetchone()
        return int(row[0]) if row else 0

    def _sets(self) -> dict[int, frozenset[str]]:
        rows = self._db.execute("SELECT number, names FROM history_names")
        return {number: frozenset(json.loads(names)) for number, names in rows}

    def _set(self, sets: dict[int, frozenset[str]], names: frozenset[str]) -> int:
        """The number of a set of properties; a new one where there is none."""
        for known, same in sets.items():
            if same == names:
                return known
        number = self._db.execute(
            "INSERT INTO history_names (names) VALUES (?)", (json.dumps(sorted(names)),)
        ).lastrowid
        assert number is not None
        sets[number] = names
        return number


def _row(type_: int, value: PastValue) -> tuple[int | str | None, ...]:
    id_, property_, at_us, *rest = value
    return type_, id_, property_, at_us, _digest(value), *rest


def _digest(value: PastValue) -> int:
    """What tells values of one property and one instant apart: what it was set to, and by what."""
    told = [value.timestamp if not value.at_us else "", value.value, value.source_type, value.source_id]
    return int.from_bytes(blake2b(msgspec.json.encode(told), digest_size=8).digest(), "big", signed=True)
