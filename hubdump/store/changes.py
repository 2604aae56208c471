"""What came to differ in the store from one run's end to another's, or to now: of records, and of associations."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from msgspec import Raw

from hubdump.model import Association, State
from hubdump.store.database import disk_errors

# After every run.
NOW = 1 << 62
# Versions that came after the run ?2 and were there at the end of ?3, each with the one of the end of ?2.
_CHANGED = """
SELECT now.id, now.page, now.position, now.state, now.merged_into, now.first_run > ?2,
    past.page, past.position, past.state, past.merged_into
FROM (
    SELECT type, id, page, position, state, merged_into, run, first_run FROM records WHERE type = ?1
    UNION ALL SELECT kept.type, kept.id, kept.page, kept.position, kept.state, kept.merged_into, kept.run, first_run
    FROM superseded AS kept JOIN records USING (type, id) WHERE kept.type = ?1 AND kept.until > ?3
) AS now
LEFT JOIN superseded AS past
    ON past.type = now.type AND past.id = now.id AND past.run <= ?2 AND past.until > ?2
WHERE now.run > ?2 AND now.run <= ?3 ORDER BY now.page, now.position
"""
# What came and went between them is no difference.
_LINKS = """
SELECT from_id, to_type, to_id, category, type_id, labels.label, sum(2 * added - 1) AS more FROM association_changes
JOIN labels ON labels.number = association_changes.label
WHERE from_type = ?1 AND run > ?2 AND run <= ?3
GROUP BY from_id, to_type, to_id, association_changes.label HAVING more <> 0 ORDER BY from_id, to_type, to_id, type_id
"""


class Version(NamedTuple):
    """A record as it was at one time."""

    raw: Raw
    state: State
    merged_into: int | None


class Change(NamedTuple):
    """A record that is not what it was: `new` if it was not there before; else it is not known what it was, where
    `before` is None.
    """

    id: int
    new: bool
    before: Version | None
    after: Version


class Changes:
    """A view of the store that cannot write; `results` reads a page."""

    def __init__(
        self,
        path: Path,
        db: sqlite3.Connection,
        types: Mapping[str, int],
        results: Callable[[int], Sequence[Raw]],
    ) -> None:
        self.path, self._db, self._types = path, db, types
        self._names = {number: name for name, number in types.items()}
        self._results = lru_cache(64)(results)

    def records(self, type_: str, since: int, until: int) -> Iterator[Change]:
        """The records of a type that differ between the ends of two runs, by their numbers."""
        with disk_errors(self.path):
            rows = self._db.execute(_CHANGED, (self._types.get(type_, 0), since, until))
            for id_, page, at, state, into, new, *past in rows:
                before = None if past[0] is None else self._version(*past)
                yield Change(id_, bool(new), before, self._version(page, at, state, into))

    def associations(self, type_: str, since: int, until: int) -> Iterator[tuple[str, Association, bool]]:
        """(other type, association, whether it came: else it went) of those that differ, seen from a type's side."""
        with disk_errors(self.path):
            rows = self._db.execute(_LINKS, (self._types.get(type_, 0), since, until))
            for from_id, to_type, to_id, category, type_id, label, more in rows:
                yield self._names[to_type], Association(from_id, to_id, category, type_id, label), more > 0

    def _version(self, page: int, position: int, state: int, into: int | None) -> Version:
        return Version(self._results(page)[position], State(state), into)
