"""A DuckDB file of all tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from hubdump.errors import DiskFailure, HubdumpError, Incomplete
from hubdump.model import ObjectType
from hubdump.store.database import disk_errors
from hubdump.store.reader import Reader
from hubdump.targets import DUCKDB, easy
from hubdump.targets.filled import filled
from hubdump.targets.filling import connected, fill, quoted, text, unparsed
from hubdump.targets.tables import strange, tables
from hubdump.targets.written import HARD_DELETE, Written, beside, put_in_place

# A file of DuckDB 2.0's own storage cannot be opened by 1.4; this one can, and unlike v1.2.0 it writes its
# checkpoint within the memory limit.
STORAGE = "v1.3.0"


def write(dump: Path, types: Sequence[ObjectType]) -> list[Written]:
    """Build the file beside the present one and put it in its place; run it in a process of its own."""
    path, rows = dump / DUCKDB, dump / ".rows.ndjson.new"
    new = beside(path)
    reader = Reader(dump / "store.sqlite")
    with disk_errors(path), cleared(new, rows):
        try:
            records = sum(reader.count(type_.name) for type_ in types)
            listed = tables(reader, types, hard_delete=bool(reader.meta(HARD_DELETE + DUCKDB)))
            with building(new, str(path)) as db:
                unfit = [found for table in listed for found in fill(db, rows, table)]
                fill(db, rows, unparsed(unfit))
                easy.add(db, listed)
                borne = filled(db, listed)
            _place(new, path)
        finally:
            reader.close()
        mended = reader.mended + reader.items.mended
        return [Written(DUCKDB, records, "", mended, tuple(unfit), strange(listed), borne)]


def counts(dump: Path, types: Sequence[ObjectType]) -> dict[str, int | None]:
    """Records in the table of each type, negative where one is there twice, None where none can be read."""
    try:
        with duckdb.connect(f"{dump / DUCKDB}", read_only=True) as db:
            return {type_.name: _count(db, type_.name) for type_ in types}
    except duckdb.Error:  # no file, or no DuckDB file any more
        return {type_.name: None for type_ in types}


def _count(db: duckdb.DuckDBPyConnection, table: str) -> int | None:
    try:
        row = db.execute(
            f"SELECT count(*), count(DISTINCT id) FROM {quoted(table)} WHERE NOT (_deleted OR archived)"  # noqa: S608 - quoted
        ).fetchone()
    except duckdb.Error:  # no such table, or it cannot be read
        return None
    assert row is not None
    return int(row[0]) if row[0] == row[1] else -int(row[0])


@contextmanager
def building(path: Path, told: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new database while it is filled, in bounded memory; whole and on disk on leaving. `told` is what it is for."""
    try:
        with connected() as db:
            db.execute(f"SET temp_directory = {text(str(path.with_name('.spill.new')))}")
            db.execute(f"ATTACH {text(str(path))} AS dump (STORAGE_VERSION {text(STORAGE)})")
            db.execute("USE dump")
            yield db
            db.execute("CHECKPOINT dump")
    except duckdb.Error as error:
        said = str(error).partition("\n")[0]
        # What the disk did in a checkpoint, DuckDB calls fatal; in a commit, that of a transaction.
        if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.TransactionException):
            raise DiskFailure(
                f"DuckDB could not write {told}: {said}. The extraction is safe in the store.",
                "Make room, then: hubdump load",
            ) from error
        raise HubdumpError(
            f"DuckDB could not build {told}: {said}. The extraction is safe in the store.",
            "Try again: hubdump load",
        ) from error


@contextmanager
def cleared(*files: Path) -> Iterator[None]:
    """What is needed only while something is built is not there before, and not after it."""
    leftovers = [one for file in files for one in (file, file.with_name(f"{file.name}.wal"))]
    for old in leftovers:
        old.unlink(missing_ok=True)
    try:
        yield
    finally:
        for old in leftovers:
            old.unlink(missing_ok=True)


def _place(new: Path, path: Path) -> None:
    try:
        put_in_place(new, path)
    except PermissionError as error:
        raise Incomplete(
            f"{path} is open in another program, and was not replaced. The extraction is safe in the store.",
            "Close that program, then: hubdump load",
        ) from error
