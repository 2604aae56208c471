"""A DuckDB file of all tables at another place than in the dump, for whoever keeps several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb

from hubdump.targets import easy
from hubdump.targets.duckdb_file import building, cleared
from hubdump.targets.exports import Job, Made, Unreadable
from hubdump.targets.filling import BOUNDED, fill, read_back
from hubdump.targets.parquet_files import expected
from hubdump.targets.table import Row, Table
from hubdump.targets.tables import unparsed

__all__ = ["expected", "found", "make"]


def make(job: Job) -> Made:
    """Fill one table after the other, as in the file of the dump."""
    path, rows = job.path_of(""), job.scratch / ".rows.ndjson.new"
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)  # of one that was killed
    with cleared(rows), building(path, "the DuckDB file", job.tables) as db:
        unfit = [one for table in job.tables for one in fill(db, rows, table)]
        fill(db, rows, unparsed(unfit))
        easy.add(db, job.tables)
    return Made(unfit)


def keys(path: Path, table: Table, at: int) -> Iterator[str | None]:
    """One column of a table."""
    return (row[0] for row in found(path, replace(table, columns=(table.columns[at],))))


def found(path: Path, table: Table) -> Iterator[Row]:
    """The rows of a table, every value as its canonical text."""
    try:
        with duckdb.connect(str(path), read_only=True, config=BOUNDED) as db:
            yield from read_back(db, table)
    except duckdb.Error as error:
        raise Unreadable(str(error).partition("\n")[0]) from error
