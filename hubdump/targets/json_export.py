"""The JSON files of the old script at another place than in the dump, of any size: they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hubdump.model import ObjectType
from hubdump.store.reader import Reader
from hubdump.targets import json_files
from hubdump.targets.exports import Job, Made, Unreadable
from hubdump.targets.table import Column, Row, Table


def tables(reader: Reader, types: Sequence[ObjectType]) -> list[Table]:
    """The arrays: one of each type of engagements, one of them all; a row is an element."""
    engagements = list(filter(takes, types))
    files = {Path(json_files.path_of(type_)).stem: [type_] for type_ in engagements}
    return [
        _array(reader, name, of) for name, of in (files | {Path(json_files.ALL).stem: engagements}).items()
    ]


def takes(type_: ObjectType) -> bool:
    """Whether a type is among those that the script read."""
    return bool(type_.engagement)


def _array(reader: Reader, name: str, types: Sequence[ObjectType]) -> Table:
    rows: Callable[[], Iterator[bytes]] = lambda: json_files.elements(reader, types)  # noqa: E731 - as in tables.py
    return Table(
        name,
        (Column("element"),),
        rows,
        lambda: sum(reader.count(type_.name) for type_ in types),
        called=lambda row: (row[0] or "").partition(',"properties"')[0],
    )


def make(job: Job) -> Made:
    """Write one array after the other."""
    for table in job.tables:
        with job.path_of(table.name).open("wb") as file:
            json_files.write_array(file, table.rows())
    return Made()


def found(path: Path, _: Table) -> Iterator[Row]:
    """The elements of an array."""
    try:
        with path.open("rb") as file:
            for element in json_files.read_array(file):
                yield (element.decode("utf-8", "replace"),)
    except ValueError as error:
        raise Unreadable(f"it is {error}") from error


def expected(table: Table) -> Iterator[Row]:
    """What the store has."""
    return ((element.decode(),) for element in table.rows())
