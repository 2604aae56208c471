"""The rows of records as they are committed: the newest version wins, and is of the run that first saw it."""

from __future__ import annotations

import json
import sqlite3

from hubdump.model import RecordsRead, State
from hubdump.store.bodies import packed
from hubdump.store.runs import Runs

_UPSERT = """
INSERT INTO records (type, id, page, position, updated_us, state, seen, run, first_run)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
ON CONFLICT (type, id) DO UPDATE SET
    page = iif({newer}, excluded.page, page), position = iif({newer}, excluded.position, position),
    state = iif({newer}, excluded.state, state), merged_into = iif({newer}, NULL, merged_into),
    updated_us = iif({newer}, excluded.updated_us, updated_us), run = iif({newer}, excluded.run, run),
    seen = excluded.seen
""".format(newer="excluded.updated_us IS NULL OR updated_us IS NULL OR excluded.updated_us >= updated_us")
_REMOVE = """
UPDATE records SET state = ?1, merged_into = ?2, run = ?3
WHERE type = ?4 AND id = ?5 AND (state <> ?1 OR merged_into IS NOT ?2)
"""
_UNREFERENCED = """
DELETE FROM pages WHERE type = ?1 AND number NOT IN (
    SELECT page FROM records WHERE type = ?1 UNION ALL SELECT page FROM superseded WHERE type = ?1)
"""


def put(db: sqlite3.Connection, runs: Runs, type_: int, pass_: int, read: RecordsRead) -> None:
    """A page and its records; `pass_` is the list that showed them."""
    of = runs.of(type_, read)
    sql = "INSERT INTO pages (type, encoding, crc, body) VALUES (?, ?, ?, ?)"
    page = db.execute(sql, (type_, *packed(read.response))).lastrowid
    db.executemany(
        _UPSERT,
        (
            (type_, ref.id, page, ref.position, ref.updated_us, int(ref.archived), pass_, run)
            for ref in read.records
            for run in (of.get(ref.id, runs.number),)
        ),
    )
    sql = "DELETE FROM removals WHERE type = ? AND id IN (SELECT value FROM json_each(?))"
    db.execute(sql, (type_, json.dumps([ref.id for ref in read.records])))


def remove(db: sqlite3.Connection, runs: Runs, type_: int) -> list[int]:
    """Apply the removals of a round; the ids of all that were to be removed."""
    rows = db.execute("SELECT id, merged_into FROM removals WHERE type = ?", (type_,)).fetchall()
    db.executemany(
        _REMOVE,
        ((State.GONE if into is None else State.MERGED, into, runs.number, type_, id_) for id_, into in rows),
    )
    db.execute("DELETE FROM removals WHERE type = ?", (type_,))
    return [id_ for id_, _ in rows]


def drop_pages(db: sqlite3.Connection, type_: int) -> None:
    """Drop the pages of a type that no record refers to, nor a version of one that is kept."""
    db.execute(_UNREFERENCED, (type_,))
