"""What the store says to a flow and to the engine: questions that change nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hubdump.model import Otherwise, Quarantine, State, Totals, Version
from hubdump.store import contents
from hubdump.store.database import FAILURES, RECORD, disk_errors

NO_END = 2**63 - 1
_STATES = tuple(State)  # by their numbers; asking the class for each takes six times as long


class Questions:
    """Asks the one writing connection, so that it sees what was just committed."""

    def __init__(self, path: Path, db: sqlite3.Connection, types: Mapping[str, int]) -> None:
        self.path, self._db, self._types = path, db, types

    def ids(self, type_: str, after: int, count: int) -> list[int]:
        """Up to `count` ids of active records of a type, ascending, above `after`."""
        return self._ids(
            "SELECT id FROM records WHERE type = ?1 AND id > ?2 AND state = 0", type_, after, count
        )

    def unseen(self, type_: str, after: int, count: int) -> list[int]:
        """Up to `count` ids of active or archived records that the latest pass did not show, above `after`."""
        sql = (
            "SELECT id FROM records WHERE type = ?1 AND id > ?2 AND state IN (0, 1)"
            " AND seen < (SELECT passes FROM types WHERE number = ?1)"
        )
        return self._ids(sql, type_, after, count)

    def quarantined(self, type_: str, after: int, count: int) -> list[int]:
        """Up to `count` ids of records that could not be read, ascending, above `after`."""
        sql = f"SELECT id FROM failures WHERE type = ?1 AND id > ?2 AND purpose = '{RECORD}'"  # noqa: S608 - our own word
        return self._ids(sql, type_, after, count)

    def removed(self, type_: str, ids: Iterable[int]) -> set[int]:
        """Those of some records that are there, and not active."""
        sql = (
            "SELECT id FROM records WHERE type = ? AND state <> 0 AND id IN (SELECT value FROM json_each(?))"
        )
        with disk_errors(self.path):
            rows = self._db.execute(sql, (self._types.get(type_, 0), json.dumps(list(ids))))
            return {id_ for (id_,) in rows}

    def next_run_us(self, now_us: int) -> int:
        """When a run that begins now does: after the instants up to which the earlier ones looked for changes."""
        sql = "SELECT max(us) FROM (SELECT seen_us us FROM types UNION ALL SELECT began_us FROM collections)"
        with disk_errors(self.path):
            return max(now_us, (self._db.execute(sql).fetchone()[0] or 0) + 1)

    def failures(self, type_: str) -> list[Quarantine]:
        """What could not be read of a type's records, and of their associations."""
        with disk_errors(self.path):
            return [Quarantine(*row) for row in self._db.execute(FAILURES, (self._types.get(type_, 0),))]

    def versions(self, type_: str, ids: Sequence[int]) -> dict[int, Version]:
        """What is stored of those of some ids that are."""
        sql = (
            "SELECT id, updated_us, state FROM records"
            " WHERE type = ? AND id IN (SELECT value FROM json_each(?))"
        )
        with disk_errors(self.path):
            rows = self._db.execute(sql, (self._types.get(type_, 0), json.dumps(list(ids))))
            return {id_: Version(updated_us, _STATES[state]) for id_, updated_us, state in rows}

    def otherwise(self, type_: str, asked: Otherwise) -> list[int]:
        """The ids of those records of an answer that are stored with other values of some properties."""
        return contents.otherwise(self._db, self.path, self._types.get(type_, 0), asked)

    def removals(self, type_: str) -> int:
        """How many active records of a type the present round would remove."""
        sql = (
            "SELECT count(*) FROM removals JOIN records USING (type, id) WHERE type = ? AND records.state = 0"
        )
        with disk_errors(self.path):
            return int(self._db.execute(sql, (self._types.get(type_, 0),)).fetchone()[0])

    def unread(self, type_: str, last: int = NO_END) -> int:
        """How many records, up to an id, could not be read, and were never before."""
        sql = (
            "SELECT count(*) FROM failures WHERE type = ?1 AND purpose = ?2 AND id <= ?3"
            " AND id NOT IN (SELECT id FROM records WHERE type = ?1)"
        )
        with disk_errors(self.path):
            return int(self._db.execute(sql, (self._types.get(type_, 0), RECORD, last)).fetchone()[0])

    def has_gaps(self, type_: str) -> bool:
        """Whether a record could not be read of which no active one is there: its associations are not read either."""
        sql = (
            "SELECT EXISTS (SELECT 1 FROM failures WHERE type = ?1 AND purpose = ?2"
            " AND id NOT IN (SELECT id FROM records WHERE type = ?1 AND state = 0))"
        )
        with disk_errors(self.path):
            return bool(self._db.execute(sql, (self._types.get(type_, 0), RECORD)).fetchone()[0])

    def records(self, type_: str, state: State = State.ACTIVE) -> int:
        """How many records of a type the store holds in one state."""
        with disk_errors(self.path):
            sql = "SELECT count(*) FROM records WHERE type = ? AND state = ?"
            return int(self._db.execute(sql, (self._types.get(type_, 0), state)).fetchone()[0])

    def last(self, type_: str) -> int:
        """The highest id of an active record, or of one that could not be read; 0 where there is none."""
        sql = (
            "SELECT max(id) FROM (SELECT max(id) id FROM records WHERE type = ?1 AND state = 0"
            " UNION ALL SELECT max(id) FROM failures WHERE type = ?1 AND purpose = ?2)"
        )
        with disk_errors(self.path):
            found = self._db.execute(sql, (self._types.get(type_, 0), RECORD)).fetchone()[0]
        return max(0, found or 0)

    def apart(self, type_: str, each: int) -> list[int]:
        """Ids of active records, ascending, of which the first and any two have `each` records between them."""
        sql = "SELECT id FROM records WHERE type = ? AND state = 0 AND id > ? ORDER BY id LIMIT 1 OFFSET ?"
        found, number = [0], self._types.get(type_, 0)
        with disk_errors(self.path):
            while row := self._db.execute(sql, (number, found[-1], each)).fetchone():
                found.append(row[0])
        return found[1:]

    def records_up_to(self, type_: str, last: int) -> int:
        """How many active records of a type the store holds, up to an id."""
        with disk_errors(self.path):
            sql = "SELECT count(*) FROM records WHERE type = ? AND id <= ? AND state = 0"
            return int(self._db.execute(sql, (self._types.get(type_, 0), last)).fetchone()[0])

    def knows(self, type_: str) -> bool:
        """Whether the store has a record of a type, whatever became of it, or one that could not be read."""
        number = (self._types.get(type_, 0),)
        with disk_errors(self.path):
            sql = "SELECT EXISTS (SELECT 1 FROM {} WHERE type = ?)"
            return any(self._db.execute(sql.format(t), number).fetchone()[0] for t in ("records", "failures"))

    def known(self) -> frozenset[str]:
        """The types of which the store `knows` anything, by one question."""
        some = "EXISTS (SELECT 1 FROM {} WHERE type = number)"
        sql = f"SELECT name FROM types WHERE {some.format('records')} OR {some.format('failures')}"  # noqa: S608 - our own words
        with disk_errors(self.path):
            return frozenset(name for (name,) in self._db.execute(sql))

    def totals(self, type_: str) -> Totals:
        """What the store holds of one type; every association is looked at."""
        number = self._types.get(type_, 0)

        def count(sql: str) -> int:
            return int(self._db.execute(sql, (number,)).fetchone()[0])

        with disk_errors(self.path):
            return Totals(
                self.records(type_),
                count("SELECT count(*) FROM records WHERE type = ? AND state = 1"),
                count("SELECT count(*) FROM associations WHERE from_type = ?"),
                count(
                    "SELECT count(*) FROM records WHERE type = ?1 AND state = 0 AND NOT EXISTS"
                    " (SELECT 1 FROM associations WHERE from_type = ?1 AND from_id = id)"
                ),
                count("SELECT count(DISTINCT id) FROM failures WHERE type = ?"),
            )

    def _ids(self, sql: str, type_: str, after: int, count: int) -> list[int]:
        with disk_errors(self.path):
            rows = self._db.execute(f"{sql} ORDER BY id LIMIT ?3", (self._types.get(type_, 0), after, count))
            return [id_ for (id_,) in rows]
