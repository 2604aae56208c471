"""A DuckDB file of all tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import msgspec
from msgspec import Struct

from hubdump.errors import DiskFailure, HubdumpError, Incomplete
from hubdump.model import ObjectType
from hubdump.store.database import disk_errors
from hubdump.store.reader import Reader
from hubdump.targets import DUCKDB, loaded, views
from hubdump.targets.filled import filled
from hubdump.targets.filling import MEMORY_MB, connected, fill, filled_anew, unfit
from hubdump.targets.refreshing import Refresh
from hubdump.targets.sql import quoted, text
from hubdump.targets.table import Table
from hubdump.targets.tables import strange, tables, unparsed
from hubdump.targets.written import (
    HARD_DELETE,
    LOADED,
    MENDED,
    Counts,
    Filled,
    Unfit,
    Written,
    beside,
    copied,
    on_disk,
    put_in_place,
)

# A file of DuckDB 2.0's own storage cannot be opened by 1.4; this one can, and unlike v1.2.0 it writes its
# checkpoint within the memory limit.
STORAGE = "v1.3.0"
# A checkpoint holds a block for about every second column of a table, and the rows of the group that it adds to, of
# all columns: with DuckDB's own 256 KiB and 122,880 rows, some hundred filled columns take all the memory there is.
_WIDE = 100
_BLOCK_BYTES, _ROW_GROUP = 65_536, 2_048
# Of more columns than so many it needs more memory for each: 2,000 that are all filled do not fit into 240 MB.
_WIDEST, _MORE_MB = 1_000, 0.2
# So DuckDB says that its memory limit does not do, in whatever kind of error.
_NO_MEMORY = ("could not allocate block", "failed to allocate data of size")
# A file that was brought up to date so often that it is so many times as large as when it was built is built anew.
_GROWN_MAX = 2


class _Known(Struct):
    """What the store keeps of the file, so that the next load may go on from it: its SHA-256, and how large it was when
    it was last built whole.
    """

    mark: str
    whole_bytes: int


def write(dump: Path, types: Sequence[ObjectType]) -> list[Written]:
    """Bring a copy of the file up to date, or build it anew, beside it, and put that in its place; run it in a process
    of its own.
    """
    reader = Reader(dump / "store.sqlite")
    try:
        with disk_errors(dump / DUCKDB):
            views.check(dump / DUCKDB, reader)
            load = _Load(dump / DUCKDB, reader, types)
            return [_refreshed(load) or load.built()]
    finally:
        reader.close()


def _refreshed(load: _Load) -> Written | None:
    """What was brought up to date; None where that is not possible, or failed: building anew is, and says why."""
    try:
        return load.refreshed()
    except DiskFailure:
        raise
    except HubdumpError as error:
        return replace(load.built(), told=f"{DUCKDB} is built anew, not brought up to date: {error.message}")


class _Load:
    """One load of the file."""

    def __init__(self, path: Path, reader: Reader, types: Sequence[ObjectType]) -> None:
        self._path, self._reader, self._types = path, reader, types
        self._new, self._rows = beside(path), path.with_name(".rows.ndjson.new")
        hard_delete = bool(reader.meta(HARD_DELETE + DUCKDB))
        self._listed = tables(reader, types, hard_delete=hard_delete)
        self._about = loaded.about(self._listed, hard_delete=hard_delete)

    def built(self) -> Written:
        """The file, built anew from all that is in the store."""
        with cleared(self._new, self._rows):
            with building(self._new, str(self._path), self._listed) as db:
                texts = {table.name: filled_anew(db, self._rows, table) for table in self._listed}
                unfits = [one for table in self._listed for one in unfit(db, table, texts[table.name])]
                fill(db, self._rows, unparsed(unfits))
                loaded.keep(db, self._rows, self._listed, texts, self._about)
                views.add(db, self._reader, self._listed)
                borne = filled(db, self._listed)
            return self._placed(unfits, borne, self._new.stat().st_size)

    def refreshed(self) -> Written | None:
        """The file, brought up to date by what changed; None where it is not as it was left, or too much changed."""
        known = self._known()
        if known is None:
            return None
        with cleared(self._new, self._rows):
            if copied(self._path, self._new) != known.mark:
                raise Incomplete("It was changed since the last load, or that was cut short.")
            with building(self._new, str(self._path), self._listed) as db:
                if not loaded.is_about(db, self._about):
                    return None
                refresh = Refresh(db, self._rows, self._reader, self._types, self._listed)
                stale = refresh.stale()
                if stale is None:
                    return None
                unfits = refresh.write(stale)
                borne = filled(db, self._listed)
            return None if self._reader.mended else self._placed(unfits, borne, known.whole_bytes)

    def _known(self) -> _Known | None:
        """What is known of the present file; None where it is not to be gone on from.

        What was deleted leaves gaps; and how many values are mended, only reading every page tells.
        """
        told, path = self._reader.meta(LOADED + DUCKDB), self._path
        if not told or self._reader.meta(MENDED + DUCKDB) or path.with_name(f"{path.name}.wal").exists():
            return None
        known = msgspec.json.decode(told, type=_Known)
        return known if path.is_file() and path.stat().st_size <= _GROWN_MAX * known.whole_bytes else None

    def _placed(self, unfits: Sequence[Unfit], borne: Filled, whole_bytes: int) -> Written:
        reader = self._reader
        known = _Known(on_disk(self._new), whole_bytes)
        _place(self._new, self._path)
        return Written(
            DUCKDB,
            sum(reader.count(type_.name) for type_ in self._types),
            mended=reader.mended + reader.items.mended,
            unfit=tuple(unfits),
            strange=strange(self._listed),
            filled=borne,
            loaded=msgspec.json.encode(known).decode(),
        )


def counts(dump: Path, types: Sequence[ObjectType]) -> Counts:
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
def building(path: Path, told: str, listed: Sequence[Table] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database while it is filled with these tables, in bounded memory; whole and on disk on leaving. `told` is what
    it is for.
    """
    try:
        with connected() as db:
            db.execute(f"SET temp_directory = {text(str(path.with_name('.spill.new')))}")
            if (columns := _widest(listed)) > _WIDEST:
                db.execute(f"SET memory_limit = '{MEMORY_MB + _MORE_MB * (columns - _WIDEST):.0f}MB'")
            db.execute(f"ATTACH {text(str(path))} AS dump ({_options(path, listed)})")
            db.execute("USE dump")
            yield db
            db.execute("CHECKPOINT dump")
    except duckdb.Error as error:
        said = str(error).partition("\n")[0]
        if any(words in said for words in _NO_MEMORY):
            raise HubdumpError(
                f"DuckDB needs more memory for {told} than hubdump lets it take ({said}). The extraction is safe in "
                "the store.",
                "Formats that need none: hubdump load jsonl:out csv:out",
            ) from error
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


def _options(path: Path, listed: Sequence[Table]) -> str:
    """How DuckDB is to lay out a file; a file that is there keeps its size of blocks."""
    options = {"STORAGE_VERSION": text(STORAGE)}
    if _widest(listed) > _WIDE:
        options["ROW_GROUP_SIZE"] = str(_ROW_GROUP)
        options |= {} if path.exists() else {"BLOCK_SIZE": str(_BLOCK_BYTES)}
    return ", ".join(f"{name} {value}" for name, value in options.items())


def _widest(listed: Sequence[Table]) -> int:
    return max((len(table.columns) for table in listed), default=0)


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
