"""What HubSpot lists of a type, kept in a temporary file until it is compared: in any order, memory stays flat."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from hubdump.model import State
from hubdump.store.reader import StoredState

_SCHEMA = """
CREATE TABLE listed (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, updated_us INTEGER, digest BLOB);
BEGIN
"""


class Item(NamedTuple):
    """One record as it was listed; `digest` of its values where they were read."""

    id: int
    state: State
    updated_us: int | None
    digest: bytes | None = None


class Listed:
    """Records as they were listed; what is listed as active and then as archived too is active, as in a run."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, items: Iterable[Item]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO listed VALUES (?, ?, ?, ?)", items)

    def number(self, state: State) -> int:
        (number,) = self._db.execute("SELECT count(*) FROM listed WHERE state = ?", (state,)).fetchone()
        return int(number)

    def ascending(self) -> Iterator[Item]:
        rows = self._db.execute("SELECT id, state, updated_us FROM listed ORDER BY id")
        return (Item(id_, State(state), updated_us) for id_, state, updated_us in rows)

    def of(self, ids: Sequence[int]) -> dict[int, Item]:
        """What was listed of some ids."""
        sql = "SELECT * FROM listed WHERE id IN (SELECT value FROM json_each(?))"
        rows = self._db.execute(sql, (json.dumps(list(ids)),))
        return {id_: Item(id_, State(state), updated_us, digest) for id_, state, updated_us, digest in rows}


def differing(there: Iterator[Item], here: Iterator[StoredState]) -> Iterator[tuple[int, StoredState | None]]:
    """What is not of the same state and version on both sides, of two sequences that ascend: (id, what is here).

    What is gone here is as good as not here.
    """
    ours, theirs = next(here, None), next(there, None)
    while ours or theirs:
        if ours is None or (theirs and theirs.id < ours.id):
            assert theirs is not None
            yield theirs.id, None
            theirs = next(there, None)
        elif theirs is None or ours.id < theirs.id:
            if ours.state in {State.ACTIVE, State.ARCHIVED}:
                yield ours.id, ours
            ours = next(here, None)
        else:
            if (ours.state, ours.updated_us) != (theirs.state, theirs.updated_us):
                yield ours.id, ours
            ours, theirs = next(here, None), next(there, None)
