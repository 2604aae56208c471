"""Makes a table in a DuckDB database and fills it: texts are staged as they are, and become values column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import msgspec

from hubdump.errors import Incomplete
from hubdump.hubspot.schema import Kind
from hubdump.targets import casts
from hubdump.targets.tables import UNPARSED, Column, Table
from hubdump.targets.written import Unfit

# Within these, 200,000 records of 60 columns take 310 MB for the whole process.
MEMORY = "240MB"
CHUNK_BYTES = 24 * 1024 * 1024
# What is NULL only where the text was empty or none.
_ALWAYS = {Kind.VERBATIM, Kind.TEXT, Kind.LIST}


def connected() -> duckdb.DuckDBPyConnection:
    """A database in bounded memory, to which files are attached."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "threads": "1",
        "preserve_insertion_order": "false",
    }
    db = duckdb.connect(":memory:", config=settings)
    db.execute("SET TimeZone = 'UTC'")
    return db


def fill(db: duckdb.DuckDBPyConnection, scratch: Path, table: Table) -> list[Unfit]:
    """Make and fill a table; Incomplete unless it then holds every row of the store, once."""
    listed = ", ".join(f"{quoted(c.name)} {casts.CASTS[c.kind].type}" for c in table.columns)
    db.execute("BEGIN")  # a transaction for each comment would take longer than the table
    db.execute(f"CREATE TABLE {quoted(table.name)} ({listed})")
    for c in table.columns:
        if c.property and c.property.label:
            label = text(c.property.label)
            db.execute(f"COMMENT ON COLUMN {quoted(table.name)}.{quoted(c.name)} IS {label}")
    db.execute("COMMIT")
    texts = dict.fromkeys((c for c in table.columns if c.kind not in _ALWAYS), (0, 0))
    for longest in _files(scratch, table.rows()):
        _stage(db, scratch, table.columns, longest)
        rare = _with_rare(db, table.columns)
        values = ", ".join(casts.value(c.kind, quoted(c.name), usual=c not in rare) for c in table.columns)
        db.execute(f"INSERT INTO {quoted(table.name)} SELECT {values} FROM staged")  # noqa: S608 - quoted
        found = zip(texts, _counted(db, list(texts), rare), strict=True)
        texts = {c: (texts[c][0] + more[0], texts[c][1] + more[1]) for c, more in found}
    _once(db, table)
    return _unfit(db, table, texts)


def unparsed(unfit: Sequence[Unfit]) -> Table:
    """The table that says of which columns some texts could not become values."""
    kinds = {"as_null": Kind.INTEGER, "cut": Kind.INTEGER}
    rows = [{name: str(value) for name, value in zip(Unfit._fields, row, strict=True)} for row in unfit]
    columns = tuple(Column(name, kinds.get(name, Kind.VERBATIM)) for name in Unfit._fields)
    return Table(UNPARSED, columns, lambda: map(msgspec.json.encode, rows), lambda: len(rows))


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


def _with_rare(db: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> set[Column]:
    """The columns in which some staged text is a rare one of its kind."""
    asked = {column: told for column in columns if (told := casts.rare(column.kind, quoted(column.name)))}
    if not asked:
        return set()
    counts = ", ".join(f"count(*) FILTER ({told})" for told in asked.values())
    found = _row(db, f"SELECT {counts} FROM staged")  # noqa: S608 - quoted
    return {column for column, count in zip(asked, found, strict=True) if count}


def _counted(
    db: duckdb.DuckDBPyConnection, columns: Sequence[Column], rare: set[Column]
) -> list[tuple[int, int]]:
    """Of each column, how many texts are staged, and how many will lose something."""
    asked = []
    for column in columns:
        name = quoted(column.name)
        cut = casts.cut(column.kind, name, usual=column not in rare)
        asked += [f"count(nullif({name}, ''))", f"count(*) FILTER ({cut})" if cut else "0"]
    row = _row(db, f"SELECT {', '.join(asked)} FROM staged") if asked else ()  # noqa: S608 - quoted
    return list(zip(row[::2], row[1::2], strict=True))


def _unfit(db: duckdb.DuckDBPyConnection, table: Table, texts: dict[Column, tuple[int, int]]) -> list[Unfit]:
    """Columns that hold fewer values than there were texts, or values that say less than they."""
    if not texts:
        return []
    counts = ", ".join(f"count({quoted(column.name)})" for column in texts)
    values = _row(db, f"SELECT {counts} FROM {quoted(table.name)}")  # noqa: S608 - quoted
    found = [
        Unfit(table.name, column.name, column.kind.value, there - count, cut)
        for (column, (there, cut)), count in zip(texts.items(), values, strict=True)
    ]
    return [one for one in found if one.as_null or one.cut]


def _once(db: duckdb.DuckDBPyConnection, table: Table) -> None:
    doubles = f"count(*) - count(DISTINCT {quoted(table.key)})" if table.key else "0"
    row = _row(db, f"SELECT count(*), {doubles} FROM {quoted(table.name)}")  # noqa: S608 - quoted
    if row != (table.count(), 0):
        raise Incomplete(
            f"{table.name} would hold {row[0]} rows, {row[1]} of them twice, and the store has {table.count()}. "
            "Nothing was replaced."
        )


def _row(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    row = db.execute(sql).fetchone()
    assert row is not None
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


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
