"""Writes associations by difference, and knows of which records those of a pair are to be read again.

What a page says replaces what is there: rows that are the same stay untouched; each that comes or goes is a row of
`association_changes` with the run that saw it (`added` 1 or 0), in the same transaction. Not so what the first whole
reading of a side finds - that is what later ones are compared with - nor what goes because a pair is read from its
other side from now on. What comes and goes within one run is no change.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from hubdump.model import Association, AssociationsRead, DueLinks, Reach
from hubdump.store.database import HISTORY, RECORD, disk_errors
from hubdump.store.questions import Questions
from hubdump.store.runs import Runs

# To which record of which type, and under which label.
_Row = tuple[int, int, int, int, int]
_Changed = list[tuple[int, bool]]

# What changed of a type, and whether it is active still, as far as is known: what is removed at the end of its round
# waits in `removals`. What is not active counts from the run of the last reading on: that may have come before it.
_CHANGED = """
SELECT id, state = 0 AND id NOT IN (SELECT id FROM removals WHERE type = ?1) FROM records WHERE type = ?1
AND (run > ?2 OR updated_us >= ?3 OR state <> 0 AND run = ?2 OR id IN (SELECT id FROM removals WHERE type = ?1))
"""
# The same, of what a later run committed than that which noted what changed; of records new to it, only up to a run.
_BEHIND = """
SELECT id, state = 0 AND id NOT IN (SELECT id FROM removals WHERE type = ?1) FROM records WHERE type = ?1
AND (run > ?2 AND first_run <= ?3 OR id IN (SELECT id FROM removals WHERE type = ?1))
"""
_NOTE_DUE = "INSERT OR IGNORE INTO links_due VALUES (?, ?, ?, ?)"
# `links_due.back`, by what a walk asks for: its own records, those of the other type, its own that came meanwhile.
_BACK = {Reach.CHANGED: 0, Reach.BACK: 1, Reach.LATE: 2}
_NOTE_LATE = f"""
INSERT OR IGNORE INTO links_due SELECT ?1, other.number, {_BACK[Reach.LATE]}, records.id
FROM walks CROSS JOIN types other ON other.name = purpose CROSS JOIN records
WHERE walks.type = ?1 AND records.type = ?1 AND state = 0 AND id IN (SELECT value FROM json_each(?2))
"""  # noqa: S608 - our own number
_LATE_ARE_DUE = f"""
UPDATE OR REPLACE links_due SET back = 0 WHERE type = ? AND other = ? AND back = {_BACK[Reach.LATE]}
"""  # noqa: S608 - our own number
_DUE_FAILED = """
INSERT OR IGNORE INTO links_due SELECT ?1, ?2, 0, id FROM failures WHERE type = ?1 AND purpose = ?3 AND id > 0
"""
_FORGET_FAILED = f"""
DELETE FROM failures WHERE type = ?1 AND purpose NOT IN ('{RECORD}', '{HISTORY}') AND purpose NOT IN (
    SELECT to_type FROM pairs JOIN types ON name = from_type WHERE number = ?1
    AND (read = 1 OR read = 0 AND whole_us > 0) AND to_type NOT IN (SELECT what FROM unread WHERE absent))
"""  # noqa: S608 - our own words
_DUE_TIED = """
INSERT OR IGNORE INTO links_due SELECT DISTINCT ?1, ?2, 0, from_id FROM associations
WHERE from_type = ?1 AND to_type = ?2 AND to_id IN (SELECT value FROM json_each(?3))
"""
_DUE = """
SELECT id FROM links_due JOIN records USING (type, id)
WHERE type = ? AND other = ? AND back = ? AND id > ? AND state = 0 ORDER BY id LIMIT ?
"""
_SOME = "from_type = ?1 AND to_type = ?2 AND from_id IN (SELECT value FROM json_each(?3))"
_OF_SOME = f"SELECT * FROM associations WHERE {_SOME}"  # noqa: S608 - our own words
_NOT_SEEN = f"{_OF_SOME} EXCEPT {_OF_SOME.replace('associations', 'links_seen')}"
_FORGET_SEEN = f"DELETE FROM links_seen WHERE {_SOME}"  # noqa: S608 - our own words
# Records whose associations are compared at once: each may have thousands.
_TOGETHER = 100
# The types to which associations of one were read whole at least once.
_BASED = """
SELECT there.number FROM pairs JOIN types here ON here.name = from_type JOIN types there ON there.name = to_type
WHERE here.number = ? AND whole_us > 0
"""
_THIS = "from_type = ? AND from_id = ? AND to_type = ? AND to_id = ? AND label = ?"


class LastRead(NamedTuple):
    """How far a side of a pair was read (microseconds of server time; 0: never): `whole_us` is when its last whole
    reading began, `noted_us` when what had changed up to `run` was noted as due.
    """

    whole_us: int = 0
    noted_us: int = 0
    run: int = 0


class Behind(NamedTuple):
    """What a walk of an earlier run does not know: records of its own type and of the other, and if each is active."""

    own: _Changed
    others: _Changed


def last_read_of(db: sqlite3.Connection, from_: str, to: str) -> LastRead:
    """How far a side of a pair was read."""
    sql = "SELECT whole_us, noted_us, run FROM pairs WHERE from_type = ? AND to_type = ?"
    row = db.execute(sql, (from_, to)).fetchone()
    return LastRead(*row) if row else LastRead()


def whole_of(db: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """When the last whole reading of each side of a pair that is read, (from, to), began (microseconds; 0: never); of a
    type without a record nothing is.
    """
    sql = (
        "SELECT from_type, to_type, whole_us FROM pairs JOIN types ON name = from_type WHERE read = 1"
        " AND EXISTS (SELECT 1 FROM records WHERE type = number) ORDER BY from_type, to_type"
    )
    return {(from_, to): whole_us for from_, to, whole_us in db.execute(sql)}


class Associations:
    """Asks and tells the one writing connection; what writes is part of its caller's transaction."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, types: Mapping[str, int], runs: Runs, asked: Questions
    ) -> None:
        self.path, self._db, self._types, self._runs, self._asked = path, db, types, runs, asked

    def last_read(self, from_: str, to: str) -> LastRead:
        """How far a side of a pair was read."""
        with disk_errors(self.path):
            return last_read_of(self._db, from_, to)

    def whole_us(self, types: Collection[str]) -> int | None:
        """Since when all associations from and to some types have been read whole (microseconds; 0: some never were);
        None where none are read.
        """
        with disk_errors(self.path):
            sides = whole_of(self._db)
        return min((us for side, us in sides.items() if set(side) & set(types)), default=None)

    def due(self, from_: str, to: str, asked: DueLinks) -> list[int]:
        """Up to `count` ids of active records that are due of a side, ascending, above `after`."""
        ends = (to, from_) if asked.reach is Reach.BACK else (from_, to)
        with disk_errors(self.path):
            numbers = (self._types.get(end, 0) for end in ends)
            rows = self._db.execute(_DUE, (*numbers, _BACK[asked.reach], asked.after, asked.count))
            return [id_ for (id_,) in rows]

    def changed(self, from_: str, to: str, type_: str, overlap_us: int) -> int:
        """How many active records of one of its types changed since a side was last read."""
        with disk_errors(self.path):
            changed = self._changed(self.last_read(from_, to), self._types.get(type_, 0), overlap_us)
        return sum(active for _, active in changed)

    def behind(self, from_: str, to: str, *, new_ones: bool) -> Behind:
        """What a later run committed of either type, or found removed, than that which noted what changed; of the other
        type's records that are new to the store only where `new_ones` count.
        """
        last, number, other = self.last_read(from_, to), self._types.get(from_, 0), self._types.get(to, 0)
        known_by = self._runs.number if new_ones else last.run
        with disk_errors(self.path):
            own = self._db.execute(_BEHIND, (number, last.run, self._runs.number)).fetchall()
            return Behind(own, self._db.execute(_BEHIND, (other, last.run, known_by)).fetchall())

    def note_due(self, from_: str, to: str, now_us: int, overlap_us: int) -> None:
        """Note what changed since the last time, of both types: what the other type's changed records are tied to by
        the store is to be read again, and they are to be looked at. So are those that failed to be read.

        Edits of associations may come after the change that is seen of a record, so that one which changed within
        `overlap_us` before the last time is due once more. Of a side that was never read whole all is read.
        """
        last, number, other = self.last_read(from_, to), self._types[from_], self._types[to]
        self._db.execute(_LATE_ARE_DUE, (number, other))  # of a walk that was not continued
        if last.whole_us:
            self._note(number, other, *(self._changed(last, type_, overlap_us) for type_ in (number, other)))
            self._db.execute(_DUE_FAILED, (number, other, to))
        self._db.execute("DELETE FROM failures WHERE type = ? AND purpose = ?", (number, to))
        self._db.execute(
            "INSERT INTO pairs (from_type, to_type, noted_us, run) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (from_type, to_type) DO UPDATE SET noted_us = excluded.noted_us, run = excluded.run",
            (from_, to, now_us, self._runs.number),
        )

    def note_behind(self, from_: str, to: str, found: Behind) -> None:
        """Note what came too late for a walk of an earlier run that the present one went on with."""
        number, other = self._types[from_], self._types[to]
        self._db.execute(_LATE_ARE_DUE, (number, other))
        self._note(number, other, found.own, found.others)
        sql = "UPDATE pairs SET run = ? WHERE from_type = ? AND to_type = ?"
        self._db.execute(sql, (self._runs.number, from_, to))

    def note_late(self, type_: int, ids: Iterable[int]) -> None:
        """Note records of a type that were just committed: the walks of this round may have read their associations as
        of an older version.
        """
        self._db.execute(_NOTE_LATE, (type_, json.dumps(list(ids))))

    def begin_round(self, type_: str) -> None:
        """Another round of a type begins: what the present run has noted already does not hold all that changes. What
        failed stays on record until its side of a pair is read again, or not read any more.
        """
        sql = "UPDATE pairs SET run = ?1 - 1 WHERE run = ?1 AND ?2 IN (from_type, to_type)"
        self._db.execute(sql, (self._runs.number, type_))
        self._db.execute(_FORGET_FAILED, (self._types[type_],))

    def apply(self, from_: str, to: str, page: AssociationsRead) -> None:
        """Put one page of a walk on disk: rows as they are seen from `from_`, or `back` from the other type, which
        only says what is to be read.
        """
        number, other = self._types[from_], self._types[to]
        if page.reach is Reach.BACK:
            self._db.executemany(_NOTE_DUE, {(number, other, 0, row.to_id) for row in page.rows})
            return
        # A record that was removed since they were asked for has none.
        removed = self._asked.removed(from_, {row.from_id for row in page.rows})
        present = replace(page, rows=[row for row in page.rows if row.from_id not in removed])
        self._replace(number, other, present, logged=bool(self.last_read(from_, to).whole_us))
        self._db.executemany(
            "INSERT INTO failures VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            ((number, id_, to, reason) for id_, reason in page.failed.items()),
        )
        if page.reach is Reach.LATE:  # what failed before was read now
            sql = "DELETE FROM failures WHERE type = ? AND id = ? AND purpose = ?"
            self._db.executemany(sql, ((number, id_, to) for id_ in page.fresh))
        if page.done:
            done = "DELETE FROM links_due WHERE type = ? AND other = ? AND back = ?"
            self._db.executemany(done, ((number, other, 0), (other, number, 1), (number, other, 2)))
        if page.done and page.reach is Reach.LATE:
            sql = "UPDATE pairs SET whole_us = noted_us WHERE from_type = ? AND to_type = ?"
            self._db.execute(sql, (from_, to))

    def unlink(self, type_: int, ids: Sequence[int]) -> None:
        """Records that are not active have no associations that could be read."""
        based = {to for (to,) in self._db.execute(_BASED, (type_,))}
        sql = "SELECT * FROM associations WHERE from_type = ? AND from_id IN (SELECT value FROM json_each(?))"
        for some in _batches(ids):
            gone = sorted(self._db.execute(sql, (type_, json.dumps(some))))
            self._change((), [row for row in gone if row[2] in based], logged=True)
            self._change((), [row for row in gone if row[2] not in based], logged=False)

    def _note(self, number: int, other: int, own: _Changed, others: _Changed) -> None:
        """Note what changed of both types of a side as due."""
        self._db.executemany(_NOTE_DUE, ((number, other, 0, id_) for id_, active in own if active))
        self._db.executemany(_NOTE_DUE, ((other, number, 1, id_) for id_, active in others if active))
        if others:
            self._db.execute(_DUE_TIED, (number, other, json.dumps([id_ for id_, _ in others])))

    def _changed(self, last: LastRead, type_: int, overlap_us: int) -> _Changed:
        """The records of a type that changed since a side was read so far, and whether they are active."""
        return self._db.execute(_CHANGED, (type_, last.run, last.noted_us - overlap_us)).fetchall()

    def _replace(self, from_: int, to: int, page: AssociationsRead, *, logged: bool) -> None:
        """Make what the store has of the records of a page what the page says of them."""
        kinds: dict[tuple[str, int, str | None], int] = {}
        told = {id_: list(rows) for id_, rows in groupby(sorted(page.rows, key=_from_id), _from_id)}
        single = set(page.fresh) - set(page.more)
        self._db.execute(_FORGET_SEEN, (from_, to, json.dumps([*page.fresh])))
        for some in _batches(sorted(single | told.keys())):
            now = {
                (from_, id_, to, row.to_id, self._label(row, kinds))
                for id_ in some
                for row in told.get(id_, ())
            }
            there = set(self._db.execute(_OF_SOME, (from_, to, json.dumps(some))))
            # Of a record that has several pages, what none of them shows goes when the last one is there.
            gone = (row for row in there - now if row[1] in single)
            self._change(sorted(now - there), sorted(gone), logged=logged)
            parts = (row for row in now if row[1] not in single)
            self._db.executemany("INSERT OR IGNORE INTO links_seen VALUES (?, ?, ?, ?, ?)", parts)
        last = (from_, to, json.dumps([*page.last]))
        self._change((), sorted(self._db.execute(_NOT_SEEN, last)), logged=logged)
        self._db.execute(_FORGET_SEEN, last)

    def _change(self, added: Iterable[_Row], gone: Iterable[_Row], *, logged: bool) -> None:
        self._db.executemany("INSERT INTO associations VALUES (?, ?, ?, ?, ?)", added)
        self._db.executemany(f"DELETE FROM associations WHERE {_THIS}", gone)  # noqa: S608 - our own words
        if logged:
            for rows, is_added in ((added, 1), (gone, 0)):
                for row in rows:
                    self._log(row, is_added)

    def _log(self, row: _Row, added: int) -> None:
        """Keep that a row came or went; one that does both in one run did neither."""
        run = self._runs.number
        sql = f"DELETE FROM association_changes WHERE run = ? AND {_THIS} AND added <> ?"  # noqa: S608 - our own words
        if not self._db.execute(sql, (run, *row, added)).rowcount:
            self._db.execute(
                "INSERT OR IGNORE INTO association_changes VALUES (?, ?, ?, ?, ?, ?, ?)", (run, *row, added)
            )

    def _label(self, link: Association, kinds: dict[tuple[str, int, str | None], int]) -> int:
        """The number under which the store knows what an association means."""
        key = (link.category, link.type_id, link.label)
        if key not in kinds:
            kinds[key] = label_number(self._db, link)
        return kinds[key]


def label_number(db: sqlite3.Connection, link: Association) -> int:
    """The number under which the store knows what an association means; a new one where it does not yet."""
    key = (link.category, link.type_id, link.label)
    found = db.execute(
        "SELECT number FROM labels WHERE category = ? AND type_id = ? AND label IS ?", key
    ).fetchone()
    if found:
        return int(found[0])
    number = db.execute("INSERT INTO labels (category, type_id, label) VALUES (?, ?, ?)", key).lastrowid
    assert number is not None
    return number


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[at : at + _TOGETHER] for at in range(0, len(ids), _TOGETHER))


_from_id: Callable[[Association], int] = attrgetter("from_id")
