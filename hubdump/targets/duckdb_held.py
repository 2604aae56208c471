"""Holds the DuckDB file against the store: every column of every table, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import msgspec

from hubdump.model import ObjectType
from hubdump.store.reader import Reader
from hubdump.targets import DUCKDB, loaded
from hubdump.targets.compared import Content, Contents, Differences, compare
from hubdump.targets.filling import BOUNDED, read_back
from hubdump.targets.meant import meant
from hubdump.targets.table import Table
from hubdump.targets.tables import tables
from hubdump.targets.written import HARD_DELETE


def differences(dump: Path, types: Sequence[ObjectType]) -> dict[str, Differences]:
    """What differs, by table."""
    path = dump / DUCKDB
    if not path.exists():
        return {DUCKDB: Differences(unreadable="there is no such file")}
    reader = Reader(dump / "store.sqlite")
    try:
        with duckdb.connect(path, read_only=True, config=BOUNDED) as db:
            # By its own word: what the next load is to make of it is the store's.
            hard_delete = loaded.hard_deleted(db)
            if hard_delete is None:
                hard_delete = bool(reader.meta(HARD_DELETE + DUCKDB))
            listed = tables(reader, types, hard_delete=hard_delete)
            return {f"{DUCKDB} {table.name}": _of_table(db, table) for table in listed}
    except duckdb.Error as error:
        return {DUCKDB: _unreadable(error)}
    finally:
        reader.close()


def _of_table(db: duckdb.DuckDBPyConnection, table: Table) -> Differences:
    return _compared(lambda: _expected(table), lambda: _found(db, table))


def _compared(expected: Contents, found: Contents) -> Differences:
    try:
        return compare(expected, found)
    except duckdb.Error as error:
        return _unreadable(error)


def _unreadable(error: duckdb.Error) -> Differences:
    return Differences(unreadable=str(error).strip().splitlines()[0])


def _expected(table: Table) -> Iterator[Content]:
    """What the store has, by Python's own understanding of it."""
    kinds = [column.kind for column in table.columns]
    for row in table.texts():
        yield _content(table, tuple(map(meant, kinds, row)))


def _found(db: duckdb.DuckDBPyConnection, table: Table) -> Iterator[Content]:
    return (_content(table, row) for row in read_back(db, table))


def _content(table: Table, row: tuple[str | None, ...]) -> Content:
    return table.called(row), msgspec.json.encode(row)
