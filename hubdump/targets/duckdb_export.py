"""A DuckDB file of all tables at another place than in the dump, for whoever keeps several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from hubdump.targets import casts, easy
from hubdump.targets.duckdb_file import building, cleared
from hubdump.targets.exports import Job, Made, Unreadable
from hubdump.targets.filling import MEMORY, fill, quoted, unparsed
from hubdump.targets.parquet_files import expected
from hubdump.targets.table import Row, Table

_ROWS = 500

__all__ = ["expected", "found", "make"]


def make(job: Job) -> Made:
    """Fill one table after the other, as in the file of the dump."""
    path, rows = job.path_of(""), job.scratch / ".rows.ndjson.new"
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)  # of one that was killed
    with cleared(rows), building(path, "the DuckDB file") as db:
        unfit = [one for table in job.tables for one in fill(db, rows, table)]
        fill(db, rows, unparsed(unfit))
        easy.add(db, job.tables)
    return Made(unfit)


def found(path: Path, table: Table) -> Iterator[Row]:
    """The rows of a table, every value as its canonical text."""
    listed = ", ".join(casts.back(column.kind, quoted(column.name)) for column in table.columns)
    config: dict[str, str | bool | int | float | list[str]] = {"memory_limit": MEMORY, "threads": "1"}
    try:
        with duckdb.connect(str(path), read_only=True, config=config) as db:
            result = db.execute(f"SELECT {listed} FROM {quoted(table.name)}")  # noqa: S608 - quoted
            while read := result.fetchmany(_ROWS):
                yield from read
    except duckdb.Error as error:
        raise Unreadable(str(error).partition("\n")[0]) from error
