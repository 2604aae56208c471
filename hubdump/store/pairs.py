"""Which pairs of types have associations, by HubSpot's own word, and from which side they are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from hubdump.store.database import disk_errors

_READ = "SELECT from_type, to_type FROM pairs WHERE read = 1 ORDER BY from_type, to_type"
_KINDS = (
    "SELECT from_type, to_type, category, type_id, label FROM association_types"
    " ORDER BY from_type, to_type, category, type_id"
)
_UPSERT = (
    "INSERT INTO pairs (from_type, to_type, {0}) VALUES (?, ?, ?)"
    " ON CONFLICT (from_type, to_type) DO UPDATE SET {0} = excluded.{0}"
)
_FORGET = (
    "DELETE FROM associations WHERE from_type = ? AND to_type = ?",
    "DELETE FROM links_seen WHERE from_type = ? AND to_type = ?",
    "DELETE FROM links_due WHERE type = ? AND other = ? AND back <> 1",
    "DELETE FROM links_due WHERE other = ? AND type = ? AND back = 1",
)


class Side(IntEnum):
    """Whether associations are read from one side of a pair; LEFT: not any more, and what was read is still there."""

    UNREAD = 0
    READ = 1
    LEFT = 2


class AssociationType(NamedTuple):
    """One kind of association that a portal knows from one type to another."""

    from_type: str
    to_type: str
    category: str
    type_id: int
    label: str | None


def read_pairs(db: sqlite3.Connection) -> tuple[tuple[str, str], ...]:
    """The (from, to) whose associations are read."""
    return tuple(db.execute(_READ))


def association_types_of(db: sqlite3.Connection) -> Iterable[AssociationType]:
    """What HubSpot last said of the kinds of associations there are."""
    return (AssociationType(*row) for row in db.execute(_KINDS))


class Pairs:
    """Asks and tells the one writing connection."""

    def __init__(
        self,
        path: Path,
        db: sqlite3.Connection,
        types: dict[str, int],
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.path, self._db, self._types, self._transaction = path, db, types, transaction

    def asked_us(self, from_: str, to: str) -> int:
        """When HubSpot was asked for the association types of a pair (microseconds; 0: never)."""
        return self._of(from_, to, "asked_us")

    def kinds(self, from_: str, to: str) -> tuple[AssociationType, ...]:
        """The association types of a pair that HubSpot named when it was asked."""
        with disk_errors(self.path):
            sql = "SELECT * FROM association_types WHERE from_type = ? AND to_type = ? ORDER BY category, type_id"
            return tuple(AssociationType(*row) for row in self._db.execute(sql, (from_, to)))

    def keep_kinds(self, found: Sequence[AssociationType], from_: str, to: str, asked_us: int) -> None:
        """Keep what HubSpot says of a pair now."""
        with self._transaction():
            self._db.execute("DELETE FROM association_types WHERE from_type = ? AND to_type = ?", (from_, to))
            self._db.executemany("INSERT INTO association_types VALUES (?, ?, ?, ?, ?)", found)
            self._set(from_, to, "asked_us", asked_us)

    def side(self, from_: str, to: str) -> Side:
        """Whether the associations of a pair are read from one side."""
        return Side(self._of(from_, to, "read"))

    def take_over(self, other: Pairs) -> None:
        """Know what another store knows of its pairs; nothing may be kept here yet."""
        with disk_errors(other.path):
            pairs = other._db.execute(
                "SELECT from_type, to_type, asked_us, read, differs, blind FROM pairs"
            ).fetchall()
            kinds = other._db.execute(_KINDS).fetchall()
        with self._transaction():
            columns = "from_type, to_type, asked_us, read, differs, blind"
            self._db.executemany(f"INSERT INTO pairs ({columns}) VALUES (?, ?, ?, ?, ?, ?)", pairs)  # noqa: S608 - our own words
            self._db.executemany("INSERT INTO association_types VALUES (?, ?, ?, ?, ?)", kinds)

    def led_to(self) -> frozenset[str]:
        """The types to which associations are read from any other."""
        with disk_errors(self.path):
            return frozenset(to for _, to in read_pairs(self._db))

    def choose(self, from_: str, to: str, *, read: bool) -> None:
        """Keep whether a side is read; what was read from one that is not any more stays until `forget`."""
        side = self.side(from_, to)
        wanted = Side.READ if read else Side.LEFT if side is Side.READ else side
        if wanted is not side:
            with self._transaction():
                self._set(from_, to, "read", wanted)

    def is_differing(self, one: str, other: str) -> bool:
        """Whether both sides of a pair were compared, and did not show the same."""
        return bool(self._of(min(one, other), max(one, other), "differs"))

    def is_blind(self, from_: str, to: str) -> bool:
        """Whether one side of a pair showed nothing where the other one showed some."""
        return bool(self._of(from_, to, "blind"))

    def set_blind(self, from_: str, to: str, *, blind: bool) -> None:
        """Keep whether a side shows nothing of what the other one does."""
        if blind != self.is_blind(from_, to):
            with self._transaction():
                self._set(from_, to, "blind", blind)

    def set_differing(self, one: str, other: str, *, differs: bool) -> None:
        """Keep whether both sides of a pair show the same."""
        if differs != self.is_differing(one, other):
            with self._transaction():
                self._set(min(one, other), max(one, other), "differs", differs)

    def has_any(self, from_: str, to: str) -> bool:
        """Whether any association was read from this side."""
        with disk_errors(self.path):
            sql = "SELECT EXISTS (SELECT 1 FROM associations WHERE from_type = ? AND to_type = ?)"
            return bool(self._db.execute(sql, self._numbers(from_, to)).fetchone()[0])

    def count(self, from_: str, to: str) -> int:
        """How many associations were read from this side; each is looked at."""
        with disk_errors(self.path):
            sql = "SELECT count(*) FROM associations WHERE from_type = ? AND to_type = ?"
            return int(self._db.execute(sql, self._numbers(from_, to)).fetchone()[0])

    def forget(self, from_: str, to: str) -> None:
        """Nothing of a side that is not read any more stays, once the other side was read."""
        with self._transaction():
            numbers = self._numbers(from_, to)
            for sql in _FORGET:
                self._db.execute(sql, numbers)
            self._db.execute("DELETE FROM failures WHERE type = ? AND purpose = ?", (numbers[0], to))
            for column in ("read", "whole_us", "noted_us", "run"):
                self._set(from_, to, column, 0)

    def _of(self, from_: str, to: str, column: str) -> int:
        """What is kept of a pair in one column of numbers; 0 where it was never met."""
        with disk_errors(self.path):
            sql = f"SELECT {column} FROM pairs WHERE from_type = ? AND to_type = ?"  # noqa: S608 - our own word
            row = self._db.execute(sql, (from_, to)).fetchone()
        return int(row[0]) if row else 0

    def _set(self, from_: str, to: str, column: str, number: int) -> None:
        self._db.execute(_UPSERT.format(column), (from_, to, int(number)))

    def _numbers(self, from_: str, to: str) -> tuple[int, int]:
        return self._types.get(from_, 0), self._types.get(to, 0)
