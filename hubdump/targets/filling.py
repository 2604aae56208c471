"""Tables of a DuckDB database, made and filled - texts are staged as they are, and become values column by column - and
read back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hubdump.errors import Incomplete
from hubdump.hubspot.schema import Kind
from hubdump.targets import casts
from hubdump.targets.sql import quoted, text
from hubdump.targets.table import Column, Row, Table
from hubdump.targets.written import Unfit

# Within these, 200,000 records of 40 columns take less than 300 MB for the whole process.
MEMORY_MB = 192
BOUNDED: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": f"{MEMORY_MB}MB",
    "threads": "1",
    "preserve_insertion_order": "false",
}
_ROWS = 500
# In one transaction: with one for each, writing them ahead takes longer than the table.
_COMMENTS = 50
CHUNK_BYTES = 24 * 1024 * 1024
# What is NULL only where the text was empty or none.
_ALWAYS = {Kind.VERBATIM, Kind.TEXT, Kind.LIST}


@dataclass(frozen=True, slots=True)
class Texts:
    """How many texts of a column were staged, how many of them were not plain, and how many say more than their value
    does.
    """

    there: int = 0
    odd: int = 0
    cut: int = 0

    def __add__(self, more: Texts) -> Texts:
        return Texts(self.there + more.there, self.odd + more.odd, self.cut + more.cut)

    def __sub__(self, less: Texts) -> Texts:
        return Texts(self.there - less.there, self.odd - less.odd, self.cut - less.cut)


def connected() -> duckdb.DuckDBPyConnection:
    """A database in bounded memory, to which files are attached."""
    db = duckdb.connect(":memory:", config=BOUNDED)
    db.execute("SET TimeZone = 'UTC'")
    return db


def fill(db: duckdb.DuckDBPyConnection, scratch: Path, table: Table) -> list[Unfit]:
    """Make and fill a table; Incomplete unless it then holds every row of the store, once."""
    return unfit(db, table, filled_anew(db, scratch, table))


def filled_anew(db: duckdb.DuckDBPyConnection, scratch: Path, table: Table) -> dict[Column, Texts]:
    """The same; the texts of each column that may be no values."""
    _create(db, table)
    texts = pour(db, scratch, table, table.rows())
    once(db, table)
    return texts


def _create(db: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make an empty table, with the labels of its properties as comments.

    Of a table, DuckDB keeps a copy for each comment until its transaction ends: 700 MB for 1,500 of them in one.
    """
    listed = ", ".join(f"{quoted(c.name)} {casts.CASTS[c.kind].type}" for c in table.columns)
    db.execute(f"CREATE TABLE {quoted(table.name)} ({listed})")
    labels = [(c.name, c.property.label) for c in table.columns if c.property and c.property.label]
    for at in range(0, len(labels), _COMMENTS):
        db.execute("BEGIN")
        for name, label in labels[at : at + _COMMENTS]:
            db.execute(f"COMMENT ON COLUMN {quoted(table.name)}.{quoted(name)} IS {text(label)}")
        db.execute("COMMIT")


def pour(
    db: duckdb.DuckDBPyConnection, scratch: Path, table: Table, lines: Iterator[bytes]
) -> dict[Column, Texts]:
    """Put rows into a table; the texts of each column that may be no values."""
    texts = dict.fromkeys(doubtful(table), Texts())
    for found in _staged(db, scratch, table, lines):
        values = ", ".join(
            casts.value(c.kind, quoted(c.name), plain=c in found and not found[c].odd) for c in table.columns
        )
        db.execute(f"INSERT INTO {quoted(table.name)} SELECT {values} FROM staged")  # noqa: S608 - quoted
        texts = {c: texts[c] + found[c] for c in texts}
    return texts


def counted(
    db: duckdb.DuckDBPyConnection, scratch: Path, table: Table, lines: Iterator[bytes]
) -> dict[Column, Texts]:
    """The same of rows that are put nowhere."""
    texts = dict.fromkeys(doubtful(table), Texts())
    for found in _staged(db, scratch, table, lines):
        texts = {c: texts[c] + found[c] for c in texts}
    return texts


def doubtful(table: Table) -> list[Column]:
    """Columns that may be NULL where a text was, or say less."""
    return [column for column in table.columns if column.kind not in _ALWAYS]


def _staged(
    db: duckdb.DuckDBPyConnection, scratch: Path, table: Table, lines: Iterator[bytes]
) -> Iterator[dict[Column, Texts]]:
    """Stage rows, as many at a time as fit; what is staged of each column that may be no value."""
    for _ in staged(db, scratch, table, lines):
        yield _counted(db, doubtful(table))


def staged(
    db: duckdb.DuckDBPyConnection, scratch: Path, table: Table, lines: Iterator[bytes]
) -> Iterator[None]:
    """Put rows into the table `staged`, as many at a time as fit."""
    for longest in _files(scratch, lines):
        _stage(db, scratch, table.columns, longest)
        yield


def read_back(db: duckdb.DuckDBPyConnection, table: Table, source: str = "") -> Iterator[Row]:
    """The rows of a table, or of another source of its columns, every value as its canonical text."""
    listed = ", ".join(casts.back(column.kind, quoted(column.name)) for column in table.columns)
    result = db.cursor().execute(f"SELECT {listed} FROM {source or quoted(table.name)}")  # noqa: S608 - quoted
    while rows := result.fetchmany(_ROWS):
        yield from rows


def _stage(db: duckdb.DuckDBPyConnection, scratch: Path, columns: Sequence[Column], longest: int) -> None:
    """Read a file of rows, every value as its text."""
    nested = ", ".join(f"{quoted(c.key)} VARCHAR" for c in columns if c.key)
    wanted = [f"{text(c.name)}: 'VARCHAR'" for c in columns if not c.key]
    wanted += [f"properties: {text(f'STRUCT({nested})')}"] if nested else []
    texts = ", ".join(
        f"{f'properties.{quoted(c.key)}' if c.key else quoted(c.name)} AS {quoted(c.name)}" for c in columns
    )
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE staged AS SELECT {texts} FROM read_json({text(str(scratch))},"  # noqa: S608 - quoted
        f" format = 'newline_delimited', columns = {{{', '.join(wanted)}}},"
        f" maximum_object_size = {max(longest + 1, 2**20)})"
    )


def _counted(db: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> dict[Column, Texts]:
    """What is staged of each column. Most columns of a portal are empty, and each thing asked costs DuckDB planning."""
    there = _asked(db, {c: f"count(nullif({quoted(c.name)}, ''))" for c in columns})
    odd = _asked(db, {c: _count(casts.odd(c.kind, quoted(c.name))) for c in columns if there[c]})
    cut = _asked(db, {c: _count(casts.cut(c.kind, quoted(c.name))) for c, count in odd.items() if count})
    return {c: Texts(there[c], odd.get(c, 0), cut.get(c, 0)) for c in columns}


def _count(where: str) -> str:
    return f"count(*) FILTER ({where})"


def _asked(db: duckdb.DuckDBPyConnection, asked: dict[Column, str]) -> dict[Column, int]:
    row = _row(db, f"SELECT {', '.join(asked.values())} FROM staged") if asked else ()  # noqa: S608 - quoted
    return dict(zip(asked, row, strict=True))


def unfit(db: duckdb.DuckDBPyConnection, table: Table, texts: dict[Column, Texts]) -> list[Unfit]:
    """Columns that hold fewer values than there were texts, or values that say less than they."""
    asked = {column: staged for column, staged in texts.items() if staged.there}
    if not asked:
        return []
    counts = ", ".join(f"count({quoted(column.name)})" for column in asked)
    values = _row(db, f"SELECT {counts} FROM {quoted(table.name)}")  # noqa: S608 - quoted
    found = [
        Unfit(table.name, column.name, column.kind.value, staged.there - count, staged.cut)
        for (column, staged), count in zip(asked.items(), values, strict=True)
    ]
    return [one for one in found if one.as_null or one.cut]


def once(db: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Incomplete unless a table holds every row of the store, once."""
    doubles = f"count(*) - count(DISTINCT {quoted(table.key)})" if table.key else "0"
    row = _row(db, f"SELECT count(*), {doubles} FROM {quoted(table.name)}")  # noqa: S608 - quoted
    if row != (table.count(), 0):
        raise Incomplete(
            f"{table.name} would hold {row[0]} rows, {row[1]} of them twice, and the store has {table.count()}. "
            "Nothing was replaced."
        )


def _row(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    (row,) = db.execute(sql).fetchall()
    return row


def _files(scratch: Path, lines: Iterator[bytes]) -> Iterator[int]:
    """Write lines into the same file, as many as fit, and yield the length of the longest for each filling."""
    line = next(lines, None)
    while line is not None:
        size = longest = 0
        with scratch.open("wb") as file:
            while line is not None and size < CHUNK_BYTES:
                file.write(line)
                file.write(b"\n")
                size += len(line)
                longest = max(longest, len(line))
                line = next(lines, None)
        yield longest
