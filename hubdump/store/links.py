"""What the store's associations say of each other: both sides of a pair, ends that are no records; by SQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hubdump.model import State
from hubdump.store.database import disk_errors, open_for_reading

_ENDS = """
SELECT to_type, records.state, count(*) FROM associations
LEFT JOIN records ON records.type = to_type AND records.id = to_id
WHERE from_type = ?1 GROUP BY to_type, records.state
"""
# Of what HubSpot did not answer for, or does not have as an active record any more, the other side was not read.
_ONE_SIDED = """
SELECT DISTINCT there.from_id, there.to_id FROM associations there
JOIN records ON records.type = ?2 AND records.id = there.to_id AND records.state = 0
WHERE there.from_type = ?1 AND there.to_type = ?2
AND NOT EXISTS (SELECT 1 FROM associations back WHERE back.from_type = ?2 AND back.from_id = there.to_id
    AND back.to_type = ?1 AND back.to_id = there.from_id)
AND NOT EXISTS (SELECT 1 FROM failures WHERE type = ?2 AND id = there.to_id)
"""
_STRAY = """
SELECT DISTINCT from_id FROM associations WHERE from_type = ?1
AND NOT EXISTS (SELECT 1 FROM records WHERE type = ?1 AND id = from_id AND state = 0)
"""
_NEVER_SEEN = """
SELECT DISTINCT to_id FROM associations WHERE from_type = ?1 AND to_type = ?2
AND NOT EXISTS (SELECT 1 FROM records WHERE type = ?2 AND id = to_id)
"""


class Ends(NamedTuple):
    """How many associations lead from one type to records of another in one state; None: never seen there."""

    to: str
    state: State | None
    number: int


class Links:
    """A view of the store's associations that cannot write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = open_for_reading(path)
        with disk_errors(path):
            self._types: dict[str, int] = dict(self._db.execute("SELECT name, number FROM types"))
        self._names = {number: name for name, number in self._types.items()}

    def close(self) -> None:
        self._db.close()

    def ends(self, from_: str) -> list[Ends]:
        """What the associations of a type lead to."""
        return [
            Ends(self._names[to], None if state is None else State(state), number)
            for to, state, number in self._rows(_ENDS, from_)
        ]

    def one_sided(self, from_: str, to: str) -> Iterator[tuple[int, int]]:
        """Pairs of records that are associated seen from the first, and not seen from the second."""
        yield from self._rows(_ONE_SIDED, from_, to)

    def number(self, from_: str, to: str) -> int:
        """How many pairs of records are associated, seen from the first type."""
        sql = "SELECT DISTINCT from_id, to_id FROM associations WHERE from_type = ? AND to_type = ?"
        return int(next(self._rows(f"SELECT count(*) FROM ({sql})", from_, to))[0])  # noqa: S608 - our own words

    def stray(self, from_: str) -> Iterator[int]:
        """Records of a type that have associations here and are not active here."""
        return (id_ for (id_,) in self._rows(_STRAY, from_))

    def never_seen(self, from_: str, to: str) -> Iterator[int]:
        """What the associations of a type lead to that no read of the other type ever showed."""
        return (id_ for (id_,) in self._rows(_NEVER_SEEN, from_, to))

    def active_ids(self, type_: str, after: int, last: int, count: int) -> list[int]:
        """Up to `count` ids of active records of a type, ascending, above `after` and up to `last`."""
        sql = "SELECT id FROM records WHERE type = ? AND id > ? AND id <= ? AND state = 0 ORDER BY id LIMIT ?"
        with disk_errors(self.path):
            rows = self._db.execute(sql, (self._types.get(type_, 0), after, last, count))
            return [id_ for (id_,) in rows]

    def on_pages(self, pages: list[int]) -> Iterator[tuple[str, int]]:
        """The records that lie on some pages, as (type, id)."""
        for page in pages:
            with disk_errors(self.path):
                of_page = "SELECT type FROM pages WHERE number = ?1"
                sql = f"SELECT type, id FROM records WHERE type = ({of_page}) AND page = ?1"  # noqa: S608 - our own words
                for number, id_ in self._db.execute(sql, (page,)):
                    yield self._names[number], id_

    def _rows(self, sql: str, *types: str) -> Iterator[Any]:
        with disk_errors(self.path):
            yield from self._db.execute(sql, tuple(self._types.get(type_, 0) for type_ in types))
