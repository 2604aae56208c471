"""A table's rows as Arrow, some thousands at a time, in types that every destination of dlt has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from hubdump.hubspot.schema import Kind
from hubdump.targets import casts
from hubdump.targets.filling import connected, staged
from hubdump.targets.sql import quoted
from hubdump.targets.table import Column, Table

_TYPES = {
    Kind.NUMBER: pa.decimal128(38, 10),
    Kind.INTEGER: pa.int64(),
    Kind.BOOL: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.INSTANT: pa.timestamp("us", "UTC"),
}
# Not every database holds U+0000.
_TEXT = "replace({x}, chr(0), chr(65533))"


def batches(
    table: Table, lines: Iterator[bytes], names: Mapping[str, str], scratch: Path
) -> Iterator[pa.Table]:
    """Rows, with the name of each column; one batch without rows where there are none.

    What is no value of its column's kind is null. A list is the JSON of its texts, JSON is text.
    """
    schema = pa.schema(
        pa.field(names[c.name], _TYPES.get(c.kind, pa.string()), nullable=c.name != table.key)
        for c in table.columns
    )
    empty = True
    with connected() as db:
        for _ in staged(db, scratch, table, lines):
            plain = _plain(db, table)
            listed = ", ".join(
                f"{_value(column, plain=column in plain)} AS {quoted(names[column.name])}"
                for column in table.columns
            )
            yield db.sql(f"SELECT {listed} FROM staged").to_arrow_table().cast(schema)  # noqa: S608 - quoted
            empty = False
    if empty:
        yield schema.empty_table()


def _plain(db: duckdb.DuckDBPyConnection, table: Table) -> set[Column]:
    """The columns of which DuckDB's own cast understands exactly what is staged: planning ours takes longer."""
    doubtful = [column for column in table.columns if casts.CASTS[column.kind].plain]
    if not doubtful:
        return set()
    asked = ", ".join(f"bool_or({casts.odd(column.kind, quoted(column.name))})" for column in doubtful)
    (odd,) = db.execute(f"SELECT {asked} FROM staged").fetchall()  # noqa: S608 - quoted
    return {column for column, is_odd in zip(doubtful, odd, strict=True) if not is_odd}


def _value(column: Column, *, plain: bool) -> str:
    """SQL for the values of a column."""
    name = quoted(column.name)
    if column.kind not in {Kind.VERBATIM, Kind.TEXT, Kind.LIST, Kind.JSON}:
        return casts.value(column.kind, name, plain=plain)
    found = casts.value(column.kind, _TEXT.replace("{x}", name))
    if column.kind is Kind.LIST:
        found = f"to_json({found})"
    return f"({found})::VARCHAR"
