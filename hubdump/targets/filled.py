"""How many records of each type bear each property: what a report says of a DuckDB file while it is built."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from hubdump.targets.sql import quoted
from hubdump.targets.table import Table
from hubdump.targets.written import Filled


def filled(db: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> Filled:
    """By type: its active records, and how many of them have a value of each property; an empty text is none."""
    return {table.name: _of(db, table) for table in tables if table.type}


def _of(db: duckdb.DuckDBPyConnection, table: Table) -> tuple[int, dict[str, int]]:
    properties = [column for column in table.columns if column.key]
    counts = ", ".join(["count(*)", *(f"count({quoted(column.name)})" for column in properties)])
    where = "NOT (_deleted OR archived)"
    row = db.execute(f"SELECT {counts} FROM {quoted(table.name)} WHERE {where}").fetchone()  # noqa: S608 - quoted
    assert row is not None
    return row[0], dict(zip((column.key for column in properties), row[1:], strict=True))
