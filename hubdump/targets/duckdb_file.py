"""A DuckDB file of all tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from hubdump.errors import DiskFailure, HubdumpError, Incomplete
from hubdump.model import ObjectType
from hubdump.store.database import disk_errors
from hubdump.store.reader import Reader
from hubdump.targets import DUCKDB
from hubdump.targets.filling import connected, fill, fill_unparsed, quoted, text
from hubdump.targets.tables import Table, strange, tables
from hubdump.targets.written import Unfit, Written, put_in_place

# A file of DuckDB 2.0's own storage cannot be opened by 1.4; this one can, and unlike v1.2.0 it writes its
# checkpoint within the memory limit.
STORAGE = "v1.3.0"


def write(dump: Path, types: Sequence[ObjectType]) -> list[Written]:
    """Build the file beside the present one and put it in its place; run it in a process of its own."""
    path, beside, rows = dump / DUCKDB, dump / f".{DUCKDB}.new", dump / ".rows.ndjson.new"
    reader = Reader(dump / "store.sqlite")
    leftovers = (beside, beside.with_name(beside.name + ".wal"), rows)
    with disk_errors(path):
        try:
            for old in leftovers:
                old.unlink(missing_ok=True)
            records = sum(reader.count(type_.name) for type_ in types)
            listed = tables(reader, types)
            unfit = _build(beside, rows, listed)
            _place(beside, path)
        finally:
            reader.close()
            for old in leftovers:
                old.unlink(missing_ok=True)
        return [Written(DUCKDB, records, "", reader.mended, tuple(unfit), strange(listed))]


def count(dump: Path, type_: ObjectType) -> int | None:
    """Records in the table of a type, negative where one is there twice, None where none can be read."""
    if not (dump / DUCKDB).exists():
        return None
    try:
        with duckdb.connect(dump / DUCKDB, read_only=True) as db:
            row = db.execute(
                f"SELECT count(*), count(DISTINCT id) FROM {quoted(type_.name)} WHERE NOT (_deleted OR archived)"  # noqa: S608 - quoted
            ).fetchone()
    except duckdb.Error:  # no table, or no DuckDB file any more
        return None
    assert row is not None
    return int(row[0]) if row[0] == row[1] else -int(row[0])


def _build(path: Path, rows: Path, listed: Sequence[Table]) -> list[Unfit]:
    """Fill a new database; Incomplete unless it then holds each row of the store once."""
    try:
        with connected() as db:
            db.execute(f"SET temp_directory = {text(str(path.with_name('.spill.new')))}")
            db.execute(f"ATTACH {text(str(path))} AS dump (STORAGE_VERSION {text(STORAGE)})")
            db.execute("USE dump")
            unfit = [found for table in listed for found in fill(db, rows, table)]
            fill_unparsed(db, rows, unfit)
            db.execute("CHECKPOINT dump")
            return unfit
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


def _place(beside: Path, path: Path) -> None:
    try:
        put_in_place(beside, path)
    except PermissionError as error:
        raise Incomplete(
            f"{path} is open in another program, and was not replaced. The extraction is safe in the store.",
            "Close that program, then: hubdump load",
        ) from error
