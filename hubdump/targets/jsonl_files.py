"""A file of JSON lines for each table: an object a row, its values the texts that HubSpot sent, or null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from hubdump.targets.exports import Job, Made, Unreadable
from hubdump.targets.table import Row, Table

_ENCODER = msgspec.json.Encoder()
# At once: a row at a time is a call of the system for each.
_ROWS, _READ_BYTES = 100, 2**18


def make(job: Job) -> Made:
    """Write one table after the other, some rows at a time."""
    for table in job.tables:
        names = [column.name for column in table.columns]
        rows = (dict(zip(names, row, strict=True)) for row in table.texts())
        with job.path_of(table.name).open("wb") as file:
            while some := list(islice(rows, _ROWS)):
                file.write(_ENCODER.encode_lines(some))
    return Made()


def found(path: Path, table: Table) -> Iterator[Row]:
    """The rows of a file, as Python's own json reads them."""
    names = [column.name for column in table.columns]
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                row = json.loads(line)
                if list(row) != names:
                    raise Unreadable("a line has other names than hubdump wrote")
                yield tuple(row.values())
    except ValueError as error:
        raise Unreadable(f"it is not of JSON lines ({error})") from error


def keys(path: Path, table: Table, at: int) -> Iterator[str | None]:
    """One column of every row of a file, each line read to its end."""
    only = msgspec.defstruct("Only", [("key", str | None)], rename={"key": table.columns[at].name})
    decoder = msgspec.json.Decoder(only)
    try:
        with path.open("rb", buffering=_READ_BYTES) as file:
            for line in file:
                yield decoder.decode(line).key  # type: ignore[attr-defined]  # it was made with this field
    except msgspec.DecodeError as error:
        raise Unreadable(f"it is not of JSON lines ({error})") from error


def expected(table: Table) -> Iterator[Row]:
    """What the store has, as it is there."""
    return table.texts()
