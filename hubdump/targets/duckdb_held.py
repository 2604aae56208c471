"""Holds the DuckDB file against the store: every column of every record, and every association."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from msgspec import Raw, Struct

from hubdump.model import ObjectType, State
from hubdump.store.reader import Reader, StoredRecord
from hubdump.targets import DUCKDB, columns
from hubdump.targets.compared import Content, Contents, Differences, compare
from hubdump.targets.duckdb_file import ASSOCIATIONS, HISTORY, MEMORY, PAST, past_row

_ROWS = 500
_NULL = Raw(b"null")
_HEAD = ("id", "archived", "_deleted", "_merged_into", "created_at", "updated_at", "archived_at", "_raw")
_LINKS = ("from_type", "from_id", "to_type", "to_id", "category", "type_id", "label")


class _Stored(Struct):
    properties: dict[str, Raw]
    createdAt: Raw = _NULL  # noqa: N815 - HubSpot's name
    updatedAt: Raw = _NULL  # noqa: N815 - HubSpot's name
    archivedAt: Raw = _NULL  # noqa: N815 - HubSpot's name


class _Texts(Struct):
    properties: dict[str, str | None]
    createdAt: str | None = None  # noqa: N815 - HubSpot's name
    updatedAt: str | None = None  # noqa: N815 - HubSpot's name
    archivedAt: str | None = None  # noqa: N815 - HubSpot's name


_STORED = msgspec.json.Decoder(_Stored)
_TEXTS = msgspec.json.Decoder(_Texts)


def differences(dump: Path, types: Sequence[ObjectType]) -> dict[str, Differences]:
    """What differs, by table."""
    path = dump / DUCKDB
    if not path.exists():
        return {DUCKDB: Differences(unreadable="there is no such file")}
    reader = Reader(dump / "store.sqlite")
    try:
        config: dict[str, Any] = {"memory_limit": MEMORY, "threads": "1", "preserve_insertion_order": "false"}
        with duckdb.connect(path, read_only=True, config=config) as db:
            found = {f"{DUCKDB} {type_.name}": _of_type(db, reader, type_) for type_ in types}
            links = _compared(lambda: _expected_links(reader, types), lambda: _found_links(db))
            found[f"{DUCKDB} {ASSOCIATIONS}"] = links
            if reader.histories.asked():
                past = _compared(lambda: _expected_past(reader, types), lambda: _found_past(db))
                found[f"{DUCKDB} {HISTORY}"] = past
            return found
    except duckdb.Error as error:
        return {DUCKDB: _unreadable(error)}
    finally:
        reader.close()


def _of_type(db: duckdb.DuckDBPyConnection, reader: Reader, type_: ObjectType) -> Differences:
    named = columns.of(reader, type_.name)
    return _compared(lambda: _expected(reader, type_, tuple(named)), lambda: _found(db, type_, named))


def _compared(expected: Contents, found: Contents) -> Differences:
    try:
        return compare(expected, found)
    except duckdb.Error as error:
        return _unreadable(error)


def _unreadable(error: duckdb.Error) -> Differences:
    return Differences(unreadable=str(error).strip().splitlines()[0])


def _expected(reader: Reader, type_: ObjectType, names: Sequence[str]) -> Iterator[Content]:
    for page in reader.pages(type_.name, *State):
        for record in page:
            yield _record(type_.name, _row(record, names))


def _row(record: StoredRecord, names: Sequence[str]) -> tuple[Any, ...]:
    stored = _texts(record.raw)
    return (
        str(record.id),
        record.state is State.ARCHIVED,
        record.state in {State.GONE, State.MERGED},
        None if record.merged_into is None else str(record.merged_into),
        stored.createdAt,
        stored.updatedAt,
        stored.archivedAt,
        bytes(record.raw).decode(),
        *map(stored.properties.get, names),
    )


def _texts(raw: Raw) -> _Texts:
    """A record whose values are text or null; what HubSpot sent as anything else is its JSON."""
    try:
        return _TEXTS.decode(raw)
    except msgspec.ValidationError:
        stored = _STORED.decode(raw)
    texts = {name: _text(value) for name, value in stored.properties.items()}
    return _Texts(texts, _text(stored.createdAt), _text(stored.updatedAt), _text(stored.archivedAt))


def _text(value: Raw) -> str | None:
    found = msgspec.json.decode(value)
    return found if found is None or isinstance(found, str) else bytes(value).decode()


def _found(db: duckdb.DuckDBPyConnection, type_: ObjectType, named: Mapping[str, str]) -> Iterator[Content]:
    for row in _rows(db, type_.name, (*_HEAD, *named.values())):
        yield _record(type_.name, row)


def _expected_links(reader: Reader, types: Sequence[ObjectType]) -> Iterator[Content]:
    for type_ in types:
        for to, link in reader.associations(type_.name):
            from_id, to_id = str(link.from_id), str(link.to_id)
            yield _link((type_.name, from_id, to, to_id, link.category, link.type_id, link.label))


def _found_links(db: duckdb.DuckDBPyConnection) -> Iterator[Content]:
    return map(_link, _rows(db, ASSOCIATIONS, _LINKS))


def _expected_past(reader: Reader, types: Sequence[ObjectType]) -> Iterator[Content]:
    for type_ in types:
        for value in reader.histories.values(type_.name):
            yield _past(past_row(type_, value))


def _found_past(db: duckdb.DuckDBPyConnection) -> Iterator[Content]:
    return map(_past, _rows(db, HISTORY, PAST))


def _rows(db: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, a few hundred at a time."""
    listed = ", ".join(map(_quoted, names))
    result = db.cursor().execute(f"SELECT {listed} FROM {_quoted(table)}")  # noqa: S608 - quoted
    while rows := result.fetchmany(_ROWS):
        yield from rows


def _record(type_: str, row: tuple[Any, ...]) -> Content:
    return f"{type_} {row[0]}", msgspec.json.encode(row)


def _link(row: tuple[Any, ...]) -> Content:
    from_, from_id, to, to_id, category, type_id, _ = row
    return f"{from_} {from_id} to {to} {to_id} ({category} {type_id})", msgspec.json.encode(row)


def _past(row: tuple[Any, ...]) -> Content:
    type_, id_, property_, _, timestamp, source, source_id, *_ = row
    return f"{type_} {id_} {property_} {timestamp} ({source} {source_id})", msgspec.json.encode(row)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
