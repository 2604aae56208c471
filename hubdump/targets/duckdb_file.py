"""A DuckDB file: a table for each type with a text column for each property, and all associations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import msgspec
from msgspec import Raw, Struct

from hubdump.clock import instant_text
from hubdump.errors import DiskFailure, HubdumpError, Incomplete
from hubdump.model import ObjectType, PastValue, State
from hubdump.store.database import disk_errors
from hubdump.store.reader import Reader, StoredRecord
from hubdump.targets import DUCKDB, columns
from hubdump.targets.written import Written, put_in_place

# A file of DuckDB 2.0's own storage cannot be opened by 1.4; this one can, and unlike v1.2.0 it writes its
# checkpoint within the memory limit (200,000 records of 60 columns: 310 MB for the whole process).
STORAGE = "v1.3.0"
MEMORY = "240MB"
CHUNK_BYTES = 24 * 1024 * 1024
ASSOCIATIONS = "associations"
HISTORY = "property_history"
_HEAD = ("id", "created_at", "updated_at", "archived", "archived_at")
_TAIL = ("_deleted", "_merged_into", "_extracted_at", "_raw")
_LINKS = ("from_type", "from_id", "to_type", "to_id", "category", "type_id", "label")
PAST = (
    "type", "id", "property", "value", "timestamp",
    "source_type", "source_id", "source_label", "updated_by_user_id",
)  # fmt: skip
_TYPED = {"archived": "BOOLEAN", "_deleted": "BOOLEAN", "type_id": "BIGINT"}
_NULL = Raw(b"null")


class _Record(Struct):
    id: str | int
    properties: dict[str, Raw]
    createdAt: Raw = _NULL  # noqa: N815 - HubSpot's name
    updatedAt: Raw = _NULL  # noqa: N815 - HubSpot's name
    archived: bool = False
    archivedAt: Raw = _NULL  # noqa: N815 - HubSpot's name


_RECORD = msgspec.json.Decoder(_Record)


def write(dump: Path, types: Sequence[ObjectType]) -> list[Written]:
    """Build the file beside the present one and put it in its place; run it in a process of its own."""
    path, beside, rows = dump / DUCKDB, dump / f".{DUCKDB}.new", dump / ".rows.ndjson.new"
    reader = Reader(dump / "store.sqlite")
    leftovers = (beside, beside.with_name(beside.name + ".wal"), rows)
    with disk_errors(path):
        try:
            for old in leftovers:
                old.unlink(missing_ok=True)
            records = _build(beside, rows, reader, types)
            _place(beside, path)
        finally:
            reader.close()
            for old in leftovers:
                old.unlink(missing_ok=True)
        return [Written(DUCKDB, records, mended=reader.mended)]


def count(dump: Path, type_: str) -> int | None:
    """Records in the table of a type, negative where one is there twice, None where none can be read."""
    if not (dump / DUCKDB).exists():
        return None
    try:
        with duckdb.connect(dump / DUCKDB, read_only=True) as db:
            row = db.execute(
                f"SELECT count(*), count(DISTINCT id) FROM {_quoted(type_)} WHERE NOT (_deleted OR archived)"  # noqa: S608 - quoted
            ).fetchone()
    except duckdb.Error:  # no table, or no DuckDB file any more
        return None
    assert row is not None
    return int(row[0]) if row[0] == row[1] else -int(row[0])


def _build(path: Path, rows: Path, reader: Reader, types: Sequence[ObjectType]) -> int:
    """Fill a new database; Incomplete unless it then holds each record of the store once."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "threads": "1",
        "preserve_insertion_order": "false",
    }
    try:
        with duckdb.connect(":memory:", config=settings) as db:
            db.execute(f"SET temp_directory = {_text(str(path.with_name('.spill.new')))}")
            db.execute(f"ATTACH {_text(str(path))} AS dump (STORAGE_VERSION {_text(STORAGE)})")
            db.execute("USE dump")
            records = sum(_fill(db, rows, reader, type_) for type_ in types)
            _load(db, rows, ASSOCIATIONS, _LINKS, _links(reader, types))
            if reader.histories.asked():
                _load(db, rows, HISTORY, PAST, _past_values(reader, types))
                _whole(db, sum(reader.histories.count(type_.name) for type_ in types))
            db.execute("CHECKPOINT dump")
            return records
    except duckdb.Error as error:
        said = str(error).partition("\n")[0]
        # What the disk did in a checkpoint, DuckDB calls fatal.
        if isinstance(error, duckdb.IOException | duckdb.FatalException):
            raise DiskFailure(
                f"DuckDB could not write {path.parent / DUCKDB}: {said}. The extraction is safe in the store.",
                "Make room, then: hubdump load",
            ) from error
        raise HubdumpError(
            f"DuckDB could not build {DUCKDB}: {said}. The extraction is safe in the store.",
            "Try again: hubdump load",
        ) from error


def _fill(db: duckdb.DuckDBPyConnection, rows: Path, reader: Reader, type_: ObjectType) -> int:
    """Make and fill the table of one type; its records."""
    named = columns.of(reader, type_.name)
    table = dict.fromkeys((*_HEAD, *named.values(), *_TAIL))
    _load(db, rows, type_.name, tuple(table), _records(reader, type_, named))
    return _once(db, type_.name, reader.count(type_.name))


def _load(
    db: duckdb.DuckDBPyConnection, rows: Path, table: str, names: Sequence[str], lines: Iterator[bytes]
) -> None:
    """Create a table and fill it from JSON lines, a file of bounded size at a time."""
    types = {name: _TYPED.get(name, "VARCHAR") for name in names}
    listed = ", ".join(f"{_quoted(name)} {kind}" for name, kind in types.items())
    db.execute(f"CREATE TABLE {_quoted(table)} ({listed})")
    wanted = "{" + ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in types.items()) + "}"
    for longest in _files(rows, lines):
        db.execute(
            f"INSERT INTO {_quoted(table)} SELECT * FROM read_json({_text(str(rows))},"  # noqa: S608 - quoted
            f" format = 'newline_delimited', columns = {wanted}, maximum_object_size = {max(longest + 1, 2**20)})"
        )


def _files(rows: Path, lines: Iterator[bytes]) -> Iterator[int]:
    """Write lines into the same file, as many as fit, and yield the length of the longest for each filling."""
    line = next(lines, None)
    while line is not None:
        size = longest = 0
        with rows.open("wb") as file:
            while line is not None and size < CHUNK_BYTES:
                file.write(line)
                file.write(b"\n")
                size += len(line)
                longest = max(longest, len(line))
                line = next(lines, None)
        yield longest


def _records(reader: Reader, type_: ObjectType, named: dict[str, str]) -> Iterator[bytes]:
    extracted = instant_text(reader.bookmark(type_.name).seen_us)
    for page in reader.pages(type_.name, *State):
        for stored in page:
            yield msgspec.json.encode(_row(stored, named, extracted))


def _row(stored: StoredRecord, named: dict[str, str], extracted: str) -> dict[str, object]:
    record = _RECORD.decode(stored.raw)
    row: dict[str, object] = {
        "id": str(record.id),
        "created_at": _as_text(record.createdAt),
        "updated_at": _as_text(record.updatedAt),
        "archived": stored.state is State.ARCHIVED,
        "archived_at": _as_text(record.archivedAt),
        "_deleted": stored.state in {State.GONE, State.MERGED},
        "_merged_into": None if stored.merged_into is None else str(stored.merged_into),
        "_extracted_at": extracted,
        "_raw": bytes(stored.raw).decode(),
    }
    for name, value in record.properties.items():
        if column := named.get(name):
            row[column] = _as_text(value)
    return row


def _as_text(value: Raw) -> Raw | str:
    """A property's value is text or null; anything else is kept as its JSON."""
    data = bytes(value)
    return value if data.startswith(b'"') or data == b"null" else data.decode()


def _links(reader: Reader, types: Sequence[ObjectType]) -> Iterator[bytes]:
    for type_ in types:
        for to, link in reader.associations(type_.name):
            values = (
                type_.name,
                str(link.from_id),
                to,
                str(link.to_id),
                link.category,
                link.type_id,
                link.label,
            )
            yield msgspec.json.encode(dict(zip(_LINKS, values, strict=True)))


def _past_values(reader: Reader, types: Sequence[ObjectType]) -> Iterator[bytes]:
    for type_ in types:
        for value in reader.histories.values(type_.name):
            yield msgspec.json.encode(dict(zip(PAST, past_row(type_, value), strict=True)))


def past_row(type_: ObjectType, past: PastValue) -> tuple[str | None, ...]:
    """A past value as a row of its table."""
    return (
        type_.name, str(past.id), past.property, past.value, past.timestamp,
        past.source_type, past.source_id, past.source_label, past.updated_by_user_id,
    )  # fmt: skip


def _whole(db: duckdb.DuckDBPyConnection, expected: int) -> None:
    row = db.execute(f"SELECT count(*) FROM {HISTORY}").fetchone()  # noqa: S608 - our own word
    if row != (expected,):
        raise Incomplete(
            f"{DUCKDB} holds {row} of {HISTORY}, the store {expected}; the file was not replaced."
        )


def _once(db: duckdb.DuckDBPyConnection, table: str, expected: int) -> int:
    row = db.execute(
        f"SELECT count(*) FILTER (NOT (_deleted OR archived)), count(*) - count(DISTINCT id) FROM {_quoted(table)}"  # noqa: S608 - quoted
    ).fetchone()
    if row != (expected, 0):
        raise Incomplete(f"{DUCKDB} holds {row} of {table}, the store {expected}; the file was not replaced.")
    return expected


def _place(beside: Path, path: Path) -> None:
    try:
        put_in_place(beside, path)
    except PermissionError as error:
        raise Incomplete(
            f"{path} is open in another program, and was not replaced. The extraction is safe in the store.",
            "Close that program, then: hubdump load",
        ) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
