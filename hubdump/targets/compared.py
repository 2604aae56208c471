"""Holds what a target has against the store, record by record and association by association, in flat memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from hashlib import blake2b

from msgspec import Struct

# A record or an association: what to call it, and all there is to it.
Content = tuple[str, bytes]
Contents = Callable[[], Iterable[Content]]
_WHOLE = 2**128


class Differences(Struct, frozen=True):
    """Names of what is there otherwise than in the store; `unreadable` says why nothing could be compared."""

    compared: int = 0
    missing: list[str] = []
    more: list[str] = []
    changed: list[str] = []
    twice: list[str] = []
    unreadable: str = ""

    @property
    def none(self) -> bool:
        return not (self.unreadable or any(names for _, names in self.kinds))

    @property
    def kinds(self) -> tuple[tuple[str, list[str]], ...]:
        """Each kind of difference as people say it, with the names."""
        return (
            ("missing", self.missing),
            ("not in the store", self.more),
            ("otherwise than in the store", self.changed),
            ("more than once", self.twice),
        )


def compare(expected: Contents, found: Contents) -> Differences:
    """What differs between two sides, in any order; both are walked again where their sums do."""
    wanted, there = _sum(expected()), _sum(found())
    return Differences(wanted[0]) if wanted == there else _named(expected(), found())


def _sum(contents: Iterable[Content]) -> tuple[int, int]:
    """How many, and the sum of their hashes: the same in any order, another where one is missing, changed or double."""
    count = total = 0
    for _, content in contents:
        count += 1
        total += int.from_bytes(_digest(content), "big")
    return count, total % _WHOLE


def _named(expected: Iterable[Content], found: Iterable[Content]) -> Differences:
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute("CREATE TABLE contents (name TEXT NOT NULL, found INTEGER NOT NULL, digest BLOB NOT NULL)")
        db.execute("BEGIN")
        for side, contents in enumerate((expected, found)):
            rows = ((name, side, _digest(content)) for name, content in contents)
            db.executemany("INSERT INTO contents VALUES (?, ?, ?)", rows)
        (compared,) = db.execute("SELECT count(*) FROM contents WHERE NOT found").fetchone()
        differences = Differences(compared)
        for name, wanted, there in db.execute(
            "SELECT name, count(*) FILTER (WHERE NOT found), count(*) FILTER (WHERE found) FROM contents"
            " GROUP BY name HAVING count(*) <> 2 OR sum(found) <> 1 OR min(digest) <> max(digest) ORDER BY name"
        ):
            _kind(differences, wanted, there).append(name)
        return differences


def _kind(differences: Differences, wanted: int, there: int) -> list[str]:
    if not there:
        return differences.missing
    if not wanted:
        return differences.more
    return differences.twice if there > 1 else differences.changed


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
