"""A CSV file for each table (RFC 4180), for spreadsheets: texts as HubSpot sent them, none of which is computed.

Texts stand in quotes and numbers do not, so that a program may tell them apart. `_raw` is left out: what it says of
properties stands in their columns.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from hubdump.hubspot.schema import Kind
from hubdump.targets.exports import Job, Made, Unreadable
from hubdump.targets.table import RAW, Column, Row, Table

# Excel takes a CSV for UTF-8 by this mark only.
BOM = "\ufeff"
# What makes a spreadsheet compute a cell, in the wide forms of East Asian keyboards too; a `'` keeps it from that.
# Where a text begins so behind `'`s of its own it gets one more, so that one can be taken away from every such text.
COMPUTED = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_FIRST, _QUOTE = f"'{COMPUTED}", '"'
_GUARDED = re.compile(f"'*{COMPUTED}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NUMBERS, _MOMENTS = {Kind.NUMBER, Kind.INTEGER}, {Kind.DATE, Kind.INSTANT}
# Excel's; of characters, in UTF-16.
ROWS_MAX = 1_048_576
CHARS_MAX = 32_767


def make(job: Job) -> Made:
    """Write one table after the other; what Excel would not show whole is told."""
    told = []
    for table in job.tables:
        with job.path_of(table.name).open("wb") as file:
            rows, long = _write(file, table)
        if rows >= ROWS_MAX:
            told.append(
                f"{table.name}.csv has {rows:,} rows; Excel shows {ROWS_MAX - 1:,}. Other programs read all."
            )
        if long:
            told.append(
                f"{table.name}.csv has {long:,} texts of more than {CHARS_MAX:,} characters, which Excel parts among "
                "cells. Other programs read them whole."
            )
    return Made(told=told)


def _write(file: BinaryIO, table: Table) -> tuple[int, int]:
    """Write a table; how many rows it has, and how many texts that are too long for Excel."""
    columns = written(table)
    cells = [_cell(column.kind) for column in columns]
    file.write((BOM + ",".join(_text(column.name) for column in columns) + "\r\n").encode())
    rows = long = 0
    for row in table.texts():
        line = ",".join(["" if text is None else cell(text) for cell, text in zip(cells, row, strict=False)])
        file.write(f"{line}\r\n".encode())
        rows += 1
        if len(line) * 2 > CHARS_MAX:
            long += sum(too_long(text) for text in row[: len(columns)] if text)
    return rows, long


def written(table: Table) -> list[Column]:
    """The columns of a table that stand in a file; `_raw`, where there is one, is the last."""
    return [column for column in table.columns if column.name != RAW]


def too_long(text: str) -> bool:
    """Whether a text has more characters than Excel holds in a cell."""
    return len(text) * 2 > CHARS_MAX and len(text.encode("utf-16-le")) > 2 * CHARS_MAX


def _text(text: str) -> str:
    guard = "'" if text[:1] in _FIRST and _GUARDED.match(text) else ""
    return f'"{guard}{text.replace(_QUOTE, _QUOTE * 2)}"' if guard or _QUOTE in text else f'"{text}"'


def _cell(kind: Kind) -> Callable[[str], str]:
    """How a text of a column is written."""
    return _number if kind in _NUMBERS else _moment if kind in _MOMENTS else _text


def _moment(text: str) -> str:
    return _text(text) if text[4:5] == "-" else _number(text)  # `2026-...` is no number


def _number(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else _text(text)


def found(path: Path, table: Table) -> Iterator[Row]:
    """The rows of a file as Python's own csv reads them, the guards taken away; no text is an empty one."""
    return (tuple(_unguarded(cell) or None for cell in row) for row in _read(path, table))


def keys(path: Path, table: Table, at: int) -> Iterator[str | None]:
    """One column of it."""
    return (_unguarded(row[at]) or None for row in _read(path, table))


def _read(path: Path, table: Table) -> Iterator[list[str]]:
    names = [column.name for column in written(table)]
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            if list(map(_unguarded, next(rows, []))) != names:
                raise Unreadable("it has other columns than hubdump wrote")
            for row in rows:
                if len(row) != len(names):
                    raise Unreadable(f"a row has {len(row)} cells, not {len(names)}")
                yield row
    except (csv.Error, UnicodeDecodeError) as error:
        raise Unreadable(f"it is no CSV as hubdump writes it ({error})") from error


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell) else cell


def expected(table: Table) -> Iterator[Row]:
    """What the store has, as `found` reads it."""
    count = len(written(table))
    return (tuple(text or None for text in row[:count]) for row in table.texts())
