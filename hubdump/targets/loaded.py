"""The schema `_hubdump` of a DuckDB file: what it knows of its own rows, so that the next load writes what changed.

`stamps` are those of the records whose rows are there (store/stamps.py), `texts` how many texts each column was made
of, `about` what has to be the same for a row to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import msgspec
from msgspec import Raw

from hubdump.store.stamps import Stamps
from hubdump.targets.filling import Texts
from hubdump.targets.sql import quoted, text
from hubdump.targets.table import Column, Part, Table
from hubdump.version import __version__

# To be raised where the same version of hubdump would write another row.
FORMAT = 1
_BATCH = 10_000
_MADE = (
    "CREATE SCHEMA _hubdump",
    "CREATE TABLE _hubdump.about (told VARCHAR)",
    'CREATE TABLE _hubdump.stamps ("table" VARCHAR, type VARCHAR, number BIGINT, stamp BIGINT)',
    'CREATE TABLE _hubdump.texts ("table" VARCHAR, "column" VARCHAR, there BIGINT, cut BIGINT)',
)


def about(listed: Sequence[Table], *, hard_delete: bool) -> str:
    """All that rows depend on besides the records themselves."""
    shapes = [
        (
            table.name,
            [(c.name, c.kind.value, c.key, c.property.label if c.property else "") for c in table.columns],
            [part.type for part in table.parts],
        )
        for table in listed
        if table.parts
    ]
    told = (FORMAT, __version__, duckdb.__version__, hard_delete, shapes)
    return msgspec.json.encode(told).decode()


def keep(
    db: duckdb.DuckDBPyConnection,
    scratch: Path,
    listed: Sequence[Table],
    texts: Mapping[str, Mapping[Column, Texts]],
    told: str,
) -> None:
    """Make the schema in a file whose tables are filled."""
    db.execute("BEGIN")
    for sql in _MADE:
        db.execute(sql)
    db.execute("INSERT INTO _hubdump.about VALUES (?)", [told])
    for table in listed:
        keep_texts(db, table, texts[table.name] if table.parts else {})
        for part in table.parts:
            with scratch.open("w", encoding="ascii") as file:
                file.writelines(f"{number},{stamp}\n" for number, stamp in part.stamps())
            db.execute(
                f"INSERT INTO _hubdump.stamps SELECT {_names(table, part)}, number, stamp"  # noqa: S608 - quoted
                f" FROM read_csv({text(str(scratch))}, header = false, auto_detect = false,"
                " columns = {number: 'BIGINT', stamp: 'BIGINT'})"
            )
    db.execute("COMMIT")


def hard_deleted(db: duckdb.DuckDBPyConnection) -> bool | None:
    """Whether a file that is kept was made without rows of what is not there any more; None where it does not say."""
    try:
        ((told,),) = db.execute("SELECT told FROM _hubdump.about").fetchall()
        return bool(msgspec.json.decode(told, type=tuple[int, str, str, bool, Raw])[3])
    except (duckdb.CatalogException, msgspec.DecodeError, ValueError):
        return None


def is_about(db: duckdb.DuckDBPyConnection, told: str) -> bool:
    """Whether a file is kept, and about the same."""
    there = db.execute(
        "SELECT 1 FROM duckdb_schemas() WHERE schema_name = '_hubdump' AND NOT internal"
    ).fetchone()
    return bool(there) and db.execute("SELECT told FROM _hubdump.about").fetchall() == [(told,)]


def stamps(db: duckdb.DuckDBPyConnection, table: Table, part: Part) -> Stamps:
    """The stamps of a part as they were loaded."""
    found = (
        db.cursor()
        .execute("USE dump")
        .execute(
            f"SELECT number, stamp FROM _hubdump.stamps WHERE {_is(table, part)} ORDER BY number"  # noqa: S608 - quoted
        )
    )
    while rows := found.fetchmany(_BATCH):
        yield from rows


def number_of_stamps(db: duckdb.DuckDBPyConnection) -> int:
    """How many there are, of all parts."""
    row = db.execute("SELECT count(*) FROM _hubdump.stamps").fetchone()
    assert row is not None
    return int(row[0])


def restamp(db: duckdb.DuckDBPyConnection, table: Table, part: Part) -> None:
    """Put the stamps of the table `stale` in the place of those of its numbers; none where there is none any more."""
    db.execute(
        f"DELETE FROM _hubdump.stamps WHERE {_is(table, part)} AND number IN (SELECT number FROM stale)"  # noqa: S608 - quoted
    )
    db.execute(
        f"INSERT INTO _hubdump.stamps SELECT {_names(table, part)}, number, stamp FROM stale WHERE stamp IS NOT NULL"  # noqa: S608 - quoted
    )


def texts(db: duckdb.DuckDBPyConnection, table: Table) -> dict[Column, Texts]:
    """The texts of each column that may be no values, as they were loaded."""
    columns = {column.name: column for column in table.columns}
    sql = f'SELECT "column", there, cut FROM _hubdump.texts WHERE "table" = {text(table.name)}'  # noqa: S608 - quoted
    return {columns[name]: Texts(there, 0, cut) for name, there, cut in db.execute(sql).fetchall()}


def keep_texts(db: duckdb.DuckDBPyConnection, table: Table, of_columns: Mapping[Column, Texts]) -> None:
    """Keep them anew."""
    db.execute('DELETE FROM _hubdump.texts WHERE "table" = ?', [table.name])
    db.execute(
        "INSERT INTO _hubdump.texts SELECT $1, unnest($2::VARCHAR[]), unnest($3::BIGINT[]), unnest($4::BIGINT[])",
        [
            table.name,
            [column.name for column in of_columns],
            [of_column.there for of_column in of_columns.values()],
            [of_column.cut for of_column in of_columns.values()],
        ],
    )


def _is(table: Table, part: Part) -> str:
    return f'"table" = {text(table.name)} AND type = {text(part.type)}'


def _names(table: Table, part: Part) -> str:
    return f"{text(table.name)}, {text(part.type)}"


def rows_of(part: Part) -> str:
    """SQL that is true of the rows of a part whose numbers are in the table `stale`."""
    of = f"{quoted(part.of)} = {text(part.type)} AND " if part.of else ""
    return f"{of}{quoted(part.column)} IN (SELECT number::VARCHAR FROM stale)"  # noqa: S608 - quoted
