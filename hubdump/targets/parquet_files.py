"""A Parquet file for each table, with the types of its columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb

from hubdump.targets.duckdb_file import building, cleared
from hubdump.targets.exports import Job, Made, Unreadable
from hubdump.targets.filling import BOUNDED, fill, read_back
from hubdump.targets.meant import meant
from hubdump.targets.sql import quoted, text
from hubdump.targets.table import Row, Table
from hubdump.targets.tables import unparsed
from hubdump.targets.written import Unfit

# DuckDB, which writes a group when either is reached, and readers hold a group in memory.
_OPTIONS = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480, ROW_GROUP_SIZE_BYTES '32MB'"


def make(job: Job) -> Made:
    """Fill one table after the other in a database of their own, and copy it from there."""
    database, rows = job.scratch / ".parquet.duckdb.new", job.scratch / ".rows.ndjson.new"
    unfit: list[Unfit] = []
    with cleared(database, rows), building(database, "the Parquet files", job.tables) as db:
        for table in job.tables:
            unfit += fill(db, rows, table)
            _copy(db, table, job.path_of(table.name))
        table = unparsed(unfit)
        fill(db, rows, table)
        _copy(db, table, job.path_of(table.name))
    return Made(unfit)


def _copy(db: duckdb.DuckDBPyConnection, table: Table, path: Path) -> None:
    db.execute(f"COPY {quoted(table.name)} TO {text(str(path))} ({_OPTIONS})")
    db.execute(f"DROP TABLE {quoted(table.name)}")


def keys(path: Path, table: Table, at: int) -> Iterator[str | None]:
    """One column of a file."""
    return (row[0] for row in found(path, replace(table, columns=(table.columns[at],))))


def found(path: Path, table: Table) -> Iterator[Row]:
    """The rows of a file, every value as its canonical text."""
    try:
        with duckdb.connect(config=BOUNDED) as db:
            yield from read_back(db, table, f"read_parquet({text(str(path))})")
    except duckdb.Error as error:
        raise Unreadable(str(error).partition("\n")[0]) from error


def expected(table: Table) -> Iterator[Row]:
    """What the store has, by Python's own understanding of it."""
    kinds = [column.kind for column in table.columns]
    return (tuple(map(meant, kinds, row)) for row in table.texts())
