"""An Excel workbook of what a query says: a sheet as those of an export are, and what is too much for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hubdump.hubspot.schema import Kind
from hubdump.store.database import disk_errors
from hubdump.targets import xlsx_files
from hubdump.targets.sql import quoted
from hubdump.targets.table import Column, Table
from hubdump.targets.written import beside, put_in_place

if TYPE_CHECKING:
    import duckdb

# DuckDB's types, by their first letters -> kind, and the text of a value; all others are texts to Excel.
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "DOUBLE", "FLOAT")
_TOLD = {
    "BOOL": (Kind.BOOL, "{x}::VARCHAR"),
    "DATE": (Kind.DATE, "{x}::VARCHAR"),
    "TIMESTAMP WITH": (Kind.INSTANT, "strftime({x} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"),
    "TIMESTAMP": (Kind.INSTANT, "strftime({x}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')"),
    **{f"{sign}{name}": (Kind.NUMBER, "{x}::VARCHAR") for sign in ("", "U") for name in _NUMBERS},
}


def write(path: Path, name: str, relation: duckdb.DuckDBPyRelation) -> int:
    """Write a workbook over `path`, whole or not at all; its rows."""
    told = [_told(str(type_)) for type_ in relation.types]
    texts = [
        sql.replace("{x}", quoted(column)) for column, (_, sql) in zip(relation.columns, told, strict=True)
    ]
    columns = tuple(Column(column, kind) for column, (kind, _) in zip(relation.columns, told, strict=True))

    def rows() -> Iterator[bytes]:
        for row in relation.project(", ".join(texts)).fetchall():
            yield msgspec.json.encode(dict(zip(relation.columns, row, strict=True)))

    with disk_errors(path):
        rows_there = xlsx_files.write(beside(path), Table(name, columns, rows, lambda: 0))
        put_in_place(beside(path), path)
    return rows_there


def _told(type_: str) -> tuple[Kind, str]:
    if type_.endswith("[]"):
        return Kind.VERBATIM, "array_to_string({x}, '; ')"
    return next(
        (told for begin, told in _TOLD.items() if type_.startswith(begin)), (Kind.VERBATIM, "{x}::VARCHAR")
    )
