"""Builds an export beside its place, and holds one against the store; run it in a process of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from hubdump.errors import Incomplete
from hubdump.model import ObjectType
from hubdump.store.database import disk_errors
from hubdump.store.reader import Reader
from hubdump.targets.compared import Content, Differences, compare
from hubdump.targets.export import FORMATS, Built, Export
from hubdump.targets.labels import labelled
from hubdump.targets.table import Row, Table
from hubdump.targets.tables import UNPARSED, strange, tables
from hubdump.targets.written import Unfit, beside, on_disk


class Unreadable(Exception):
    """A file is not as hubdump writes it; the text says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a format wrote: texts that became no value, and what else a person should know."""

    unfit: Sequence[Unfit] = ()
    told: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What a format is to write: each table where `path_of` says; in `scratch` may be what it needs meanwhile."""

    tables: Sequence[Table]
    path_of: Callable[[str], Path]
    scratch: Path


def build(dump: Path, export: Export, types: Sequence[ObjectType]) -> Built:
    """Write every table beside its place, each row once; Incomplete, or another error, and nothing is left there."""
    module = import_module(FORMATS[export.format].module)
    reader = Reader(dump / "store.sqlite")
    try:
        listed = _tables(reader, export, types)
        with disk_errors(dump / export.place), _cleared(dump, export, listed) as files:
            job = Job(listed, lambda table: beside(dump / export.file_of(table)), dump)
            made: Made = module.make(job)
            mended = reader.mended + reader.items.mended
            for table in listed:
                _check_once(module, job.path_of(table.name), table)
            marks = {path: on_disk(beside(dump / path)) for path in files if beside(dump / path).exists()}
        takes = getattr(module, "takes", lambda _: True)
        records = sum(reader.count(type_.name) for type_ in types if takes(type_))
        return Built(marks, records, mended, tuple(made.unfit), strange(listed), tuple(made.told))
    finally:
        reader.close()


def _tables(reader: Reader, export: Export, types: Sequence[ObjectType]) -> list[Table]:
    module = import_module(FORMATS[export.format].module)
    own = getattr(module, "tables", None)
    listed: list[Table] = own(reader, types) if own else tables(reader, types, hard_delete=export.hard_delete)
    return list(map(labelled, listed)) if export.labels else listed


@contextmanager
def _cleared(dump: Path, export: Export, listed: Sequence[Table]) -> Iterator[list[str]]:
    """The files of an export; what stands beside their places is removed before, and after an error."""
    files = list(dict.fromkeys(export.file_of(name) for name in (*(t.name for t in listed), UNPARSED)))

    def clear() -> None:
        for path in files:
            beside(dump / path).unlink(missing_ok=True)

    for path in files:
        (dump / path).parent.mkdir(parents=True, exist_ok=True)
    clear()
    with ExitStack() as unless_whole:
        unless_whole.callback(clear)
        yield files
        unless_whole.pop_all()


def _check_once(module: Any, path: Path, table: Table) -> None:
    """Incomplete unless a file has every row of the store, once, as it is read back."""
    at = next((n for n, column in enumerate(table.columns) if column.name == table.key), None)
    keys = _keys(module, path, table, at or 0)
    rows, twice = _counted(keys) if at is not None else (sum(1 for _ in keys), 0)
    if (rows, twice) != (table.count(), 0):
        raise Incomplete(
            f"{table.name} would hold {rows} rows, {twice} of them twice, and the store has {table.count()}. "
            "Nothing was replaced."
        )


def _counted(keys: Iterator[str | None]) -> tuple[int, int]:
    """How many there are, and how many of them were there before."""
    with closing(sqlite3.connect("")) as db:
        db.execute("CREATE TABLE keys (key TEXT)")
        db.executemany("INSERT INTO keys VALUES (?)", ((key,) for key in keys))
        rows, distinct = db.execute("SELECT count(*), count(DISTINCT key) FROM keys").fetchone()
    return rows, rows - distinct


def _keys(module: Any, path: Path, table: Table, at: int) -> Iterator[str | None]:
    """One column of every row of a file, as it is read back."""
    own = getattr(module, "keys", None)
    return own(path, table, at) if own else (row[at] for row in module.found(path, table))


def differences(dump: Path, export: Export, types: Sequence[ObjectType]) -> dict[str, Differences]:
    """What differs, by table, as `place table`."""
    module = import_module(FORMATS[export.format].module)
    reader = Reader(dump / "store.sqlite")
    try:
        return {
            f"{export.name} {table.name}": _of_table(module, dump / export.file_of(table.name), table)
            for table in _tables(reader, export, types)
        }
    finally:
        reader.close()


def _of_table(module: Any, path: Path, table: Table) -> Differences:
    if not path.exists():
        return Differences(unreadable="there is no such file")
    try:
        return compare(
            lambda: _content(table, module.expected(table)),
            lambda: _content(table, module.found(path, table)),
        )
    except Unreadable as error:
        return Differences(unreadable=str(error))


def _content(table: Table, rows: Iterator[Row]) -> Iterator[Content]:
    return ((table.called(row), msgspec.json.encode(row)) for row in rows)
