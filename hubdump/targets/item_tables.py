"""The tables of what is around the records: one for each collection, and what stands within their items.

All that an item has is a column of text: a field that is no single text stands there as its JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec import Raw

from hubdump.around import Collection, fields_of
from hubdump.hubspot.schema import Kind
from hubdump.store.item_reader import ItemReader
from hubdump.store.reader import Reader
from hubdump.targets.table import RAW, Column, Encoded, Table

ARCHIVED, DELETED = "archived", "_deleted"
_ITEM = ("id", "parent", ARCHIVED, DELETED)
_OF_TYPE = "object_type"
_KINDS = {ARCHIVED: Kind.BOOL, DELETED: Kind.BOOL}


class Row(NamedTuple):
    """What a row is made of: our own words, and the bytes whose fields are columns."""

    own: Mapping[str, str]
    raw: Raw


Rows = Callable[[], Iterator[Row]]


def tables(reader: Reader, *, gone: bool) -> Iterator[Table]:
    """Every table: of the collections that were read whole, with items that are gone or not, and of the definitions
    of properties.
    """
    items = reader.items
    for row in items.whole():
        skipped = {"id", ARCHIVED} if row.key == ("id",) else {ARCHIVED}
        yield _table(row.name, _ITEM, items.fields(row), partial(_items, items, row, gone=gone), skipped)
        for field, name in row.inline:
            within = _Within(row, field, items, gone=gone)
            yield _table(name, within.own, _fields(within.rows()), within.rows)
    definitions = _Definitions(reader)
    own = (_OF_TYPE, ARCHIVED)
    yield _table("properties", own, _fields(definitions.rows()), definitions.rows, {ARCHIVED})
    yield _table(
        "property_options", (_OF_TYPE, "property"), _fields(definitions.options()), definitions.options
    )


def _items(items: ItemReader, row: Collection, *, gone: bool) -> Iterator[Row]:
    for item in items.items(row, gone=gone):
        own: dict[str, str] = {
            "id": item.key,
            "parent": item.parent,
            ARCHIVED: _text(item.archived),
            DELETED: _text(item.gone),
        }
        yield Row(own, item.raw)


class _Within:
    """What stands in a field of a collection's items, as rows of its own: stages of pipelines, teams of owners."""

    def __init__(self, row: Collection, field: str, items: ItemReader, *, gone: bool) -> None:
        self._row, self._field, self._items, self._gone = row, field, items, gone
        self._whose = f"{row.name.removesuffix('s')}_id"
        self.own = ("parent", self._whose, DELETED)

    def rows(self) -> Iterator[Row]:
        for item in self._items.items(self._row, gone=self._gone):
            own: dict[str, str] = {"parent": item.parent, self._whose: item.key, DELETED: _text(item.gone)}
            for inner in _list(fields_of(item.raw).get(self._field)):
                yield Row(own, inner)


class _Definitions:
    """The definitions of the properties of all types, and their options."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def rows(self) -> Iterator[Row]:
        for type_ in self._reader.types():
            for _, definition in self._reader.definitions(type_):
                archived = bytes(fields_of(Raw(definition)).get(ARCHIVED, Raw(b"false"))) == b"true"
                yield Row({_OF_TYPE: type_, ARCHIVED: _text(archived)}, Raw(definition))

    def options(self) -> Iterator[Row]:
        for type_ in self._reader.types():
            for name, definition in self._reader.definitions(type_):
                for option in _list(fields_of(Raw(definition)).get("options")):
                    yield Row({_OF_TYPE: type_, "property": name}, option)


def _list(value: Raw | None) -> list[Raw]:
    return msgspec.json.decode(value, type=list[Raw]) if value and bytes(value).startswith(b"[") else []


def _fields(rows: Iterable[Row]) -> list[str]:
    """The fields of all rows, in the order they are met."""
    return list(dict.fromkeys(name for row in rows for name in fields_of(row.raw)))


def _table(
    name: str, own: Sequence[str], fields: Sequence[str], rows: Rows, skipped: Iterable[str] = ()
) -> Table:
    """Own words first; a field whose column is taken, whatever the case, gets a suffix made of its name."""
    columns: dict[str, str] = {}
    taken = {*(word.casefold() for word in own), RAW}
    for field in (field for field in fields if field not in skipped):
        column, chars = field, 4
        while column.casefold() in taken:
            column = f"{field}_x{hashlib.sha256(field.encode()).hexdigest()[:chars]}"
            chars += 1
        taken.add(column.casefold())
        columns[column] = field
    return Table(
        name,
        (
            *(Column(word, _KINDS.get(word, Kind.VERBATIM)) for word in own),
            *map(Column, columns),
            Column(RAW),
        ),
        Encoded(lambda: (_values(columns, row) for row in rows())),
        lambda: sum(1 for _ in rows()),
        called=lambda row: f"{name} {' '.join(map(str, row[:3]))}",
    )


def _values(columns: Mapping[str, str], row: Row) -> dict[str, str | None]:
    """What stands in each column."""
    fields = fields_of(row.raw)
    found = {column: _as_text(fields.get(field)) for column, field in columns.items()}
    return {**row.own, **found, RAW: bytes(row.raw).decode()}


def _text(truth: bool) -> str:
    return "true" if truth else "false"


def _as_text(value: Raw | None) -> str | None:
    """A text as it is, null and nothing as nothing, anything else as its JSON."""
    if value is None or bytes(value) == b"null":
        return None
    data = bytes(value)
    return str(msgspec.json.decode(data)) if data.startswith(b'"') else data.decode()
