"""A table's rows as Arrow of somebody's own columns: those of the table by name, and `properties`, the rest as JSON.

Made row by row without a database or a file, where arrow_batches.py gives every column in its own type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec
import pyarrow as pa

from hubdump.errors import UsageError
from hubdump.hubspot.schema import Kind
from hubdump.targets.meant import meant
from hubdump.targets.table import RAW, Column, Table

PORTAL, PROPERTIES = "portal", "properties"
# A batch ends behind the row with which it has so many bytes, or so many rows.
BYTES_MAX, ROWS_MAX = 8 * 1024 * 1024, 4000
_TYPES: tuple[tuple[Callable[[pa.DataType], bool], Kind], ...] = (
    (pa.types.is_string, Kind.TEXT),
    (pa.types.is_int64, Kind.INTEGER),
    (pa.types.is_float64, Kind.NUMBER),
    (pa.decimal128(38, 10).equals, Kind.NUMBER),
    (pa.types.is_boolean, Kind.BOOL),
    (pa.types.is_date32, Kind.DATE),
    (lambda type_: pa.types.is_timestamp(type_) and type_.unit == "us", Kind.INSTANT),
)


def check(schema: pa.Schema) -> None:
    """UsageError where no text can become what a column is to hold."""
    for field in schema:
        if _kind(field.type) is None:
            raise UsageError(
                f"{field.name} cannot be {field.type}.",
                "string, bigint, double, decimal(38,10), boolean, date and timestamp can.",
            )


def batches(portal: str, table: Table, lines: Iterator[bytes], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows, in the order of `lines`. A column that the table does not have is null, and so is what is no value of its
    type; of what is text the text is given, as HubSpot has it.
    """
    row_of = _Row.of(table, schema)
    for chunk in _chunks(lines):
        texts = [row_of.texts(portal, msgspec.json.decode(line)) for line in chunk]
        columns = [
            _array(column, field.type) for column, field in zip(zip(*texts, strict=True), schema, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _chunks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    taken = rows = 0

    def number(line: bytes) -> int:
        nonlocal taken, rows
        now = taken // BYTES_MAX + rows // ROWS_MAX
        taken, rows = taken + len(line), rows + 1
        return now

    for _, chunk in groupby(lines, number):
        yield list(chunk)


@dataclass(frozen=True, slots=True)
class _Row:
    """How the canonical texts of a schema are found in a row: a column of the table and what its text becomes, or a
    name that is none of its columns. `names` are the properties by their keys within a row, `rest` the columns that
    nobody asks for by name.
    """

    wanted: tuple[tuple[Column, Kind] | str, ...]
    names: dict[str, str]
    rest: tuple[str, ...]
    of_records: bool

    @staticmethod
    def of(table: Table, schema: pa.Schema) -> _Row:
        there = {column.name: column for column in table.columns}
        own = [name for name in schema.names if name not in {PORTAL, PROPERTIES} and name in there]
        wanted = (
            (there[f.name], _kind_of(there[f.name], f.type)) if f.name in own else f.name for f in schema
        )
        names = {column.key: column.property.name for column in table.columns if column.property}
        rest = tuple(name for name in there if name not in {*own, RAW})
        return _Row(tuple(wanted), names, rest, table.type is not None)

    def texts(self, portal: str, row: dict[str, Any]) -> list[str | None]:
        found: list[str | None] = []
        for wish in self.wanted:
            if isinstance(wish, tuple):
                column, kind = wish
                found.append(
                    meant(kind, (row["properties"] if column.key else row).get(column.key or column.name))
                )
            elif wish == PORTAL:
                found.append(portal)
            else:
                found.append(self._properties(row) if wish == PROPERTIES else None)
        return found

    def _properties(self, row: dict[str, Any]) -> str:
        """What a row has besides, as JSON: of a record its properties, of any other its columns."""
        texts = row["properties"] if self.of_records else {name: row.get(name) for name in self.rest}
        told = {self.names.get(key, key): text for key, text in texts.items() if text is not None}
        return msgspec.json.encode(told).decode()


def _kind(type_: pa.DataType) -> Kind | None:
    return next((kind for is_one, kind in _TYPES if is_one(type_)), None)


def _kind_of(column: Column, type_: pa.DataType) -> Kind:
    kind = _kind(type_) or Kind.VERBATIM
    return Kind.VERBATIM if kind is Kind.TEXT and column.kind is Kind.VERBATIM else kind


def _array(texts: tuple[str | None, ...], type_: pa.DataType) -> pa.Array:
    """The canonical texts of one column as its values."""
    found = pa.array(texts, pa.string())
    return (found.cast(pa.int64()) if pa.types.is_timestamp(type_) else found).cast(type_)
