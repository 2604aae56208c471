"""One Excel workbook of all tables: a sheet for each; numbers, dates, instants and booleans as such, all else text.

What Excel cannot hold is parted, never cut off: rows among sheets (`calls`, `calls 2`), a long text into its cell and
the sheet `_continued`. The sheet `_sheets` says which table is where. `_raw` is left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.worksheet import Worksheet

from hubdump.hubspot.schema import Kind
from hubdump.targets.csv_files import CHARS_MAX, ROWS_MAX, written
from hubdump.targets.exports import Job, Made
from hubdump.targets.meant import meant
from hubdump.targets.table import Row, Table
from hubdump.targets.xlsx_read import found, keys

SHEETS = "_sheets"
CONTINUED = "_continued"
_NAME_MAX = 31
_DIGITS_MAX = 15
# Excel's first day, before which it counts wrong, and its day 0.
_FIRST = date(1900, 3, 1).toordinal()
_ZERO = date(1899, 12, 30).toordinal()
_EPOCH = date(1970, 1, 1).toordinal()
_DAY_US = 86_400_000_000
_FORMATS = {Kind.DATE: "yyyy-mm-dd", Kind.INSTANT: "yyyy-mm-dd hh:mm:ss.000"}
_TEXTS = {Kind.VERBATIM, Kind.TEXT, Kind.LIST, Kind.JSON}

__all__ = ["expected", "found", "keys", "make"]


class _Sheet(Worksheet):  # type: ignore[misc]  # XlsxWriter bears no types
    """A sheet in which a text that reads `<r>...</r>` is a text, not XML to be believed."""

    def _xml_rich_inline_string(self, string: str, attributes: Any = ()) -> None:
        self._xml_inline_string(string, preserve=True, attributes=attributes)


@dataclass(slots=True)
class _Book:
    """A workbook under way: the cells' formats by kind, the names of its sheets, and what was parted."""

    book: Any
    formats: dict[Kind, Any]
    names: set[str] = field(default_factory=set)
    continued: Any = None
    parts: int = 0
    sheets: list[tuple[str, str, int]] = field(default_factory=list)

    def sheet(self, name: str) -> Any:
        """A new sheet called so, as far as Excel allows."""
        free, number = name[:_NAME_MAX], 1
        while free.casefold() in {*self.names, "history"}:
            number += 1
            free = f"{name[: _NAME_MAX - len(f' {number}')]} {number}"
        self.names.add(free.casefold())
        made = self.book.add_worksheet(free, worksheet_class=_Sheet)
        made.freeze_panes(1, 0)
        return made


def make(job: Job) -> Made:
    """Write one table after the other."""
    with _workbook(job.path_of(""), job.scratch / ".xlsx.new") as book:
        _fill(book, job.tables)
    return Made(told=list(_told(book)))


def write(path: Path, table: Table) -> int:
    """Write a workbook of one table, which is what is seen first; its rows."""
    with _workbook(path, path.with_name(f"{path.name}.parts")) as book:
        listing = _fill(book, [table])
        first, *more = (book.book.get_worksheet_by_name(sheet) for _, sheet, _ in book.sheets)
        first.activate()
        if not (more or book.parts):
            first.set_first_sheet()
            listing.hide()
            book.continued.hide()
    return sum(rows for _, _, rows in book.sheets)


def _fill(book: _Book, tables: Sequence[Table]) -> Any:
    """Fill it; the sheet that says which table is where."""
    listing = book.sheet(SHEETS)
    book.continued = book.sheet(CONTINUED)
    _row(book, book.continued, 0, ("sheet", "row", "column", "part", "text"))
    for table in tables:
        _table(book, table)
    _row(book, listing, 0, ("table", "sheet", "rows"))
    for number, (table_name, sheet, rows) in enumerate(book.sheets, 1):
        _row(book, listing, number, (table_name, sheet, str(rows)))
    return listing


def _told(book: _Book) -> Iterator[str]:
    split = {table for table, _, _ in book.sheets if sum(name == table for name, _, _ in book.sheets) > 1}
    if split:
        yield f"Parted among sheets, since Excel holds {ROWS_MAX:,} rows in one: {', '.join(sorted(split))}."
    if book.parts:
        yield f"Texts of more than {CHARS_MAX:,} characters go on in the sheet {CONTINUED}: {book.parts:,} parts."


@contextmanager
def _workbook(path: Path, scratch: Path) -> Iterator[_Book]:
    """A workbook, whole on leaving; its sheets grow in `scratch`."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    options = {"constant_memory": True, "tmpdir": str(scratch), "use_zip64": True}
    made = xlsxwriter.Workbook(str(path), options)
    try:
        made.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - the same bytes at any time
        yield _Book(made, {kind: made.add_format({"num_format": text}) for kind, text in _FORMATS.items()})
        made.close()
    except FileCreateError as error:
        raise OSError(str(error)) from error
    finally:
        made.fileclosed = True  # it is not closed once more when it is forgotten
        shutil.rmtree(scratch, ignore_errors=True)


def _table(book: _Book, table: Table) -> None:
    """Write a table into as many sheets as it needs."""
    columns = written(table)
    names = [column.name for column in columns]
    sheet, at = _begun(book, table.name, names), 0
    for row in table.texts():
        if at == ROWS_MAX - 1:
            book.sheets.append((table.name, sheet.get_name(), at))
            sheet, at = _begun(book, table.name, names), 0
        at += 1
        for number, (column, text) in enumerate(zip(columns, row, strict=False)):
            if text:
                _cell(book, sheet, (at, number), column.kind, text)
    book.sheets.append((table.name, sheet.get_name(), at))


def _begun(book: _Book, name: str, names: Sequence[str]) -> Any:
    sheet = book.sheet(name)
    _row(book, sheet, 0, names)
    return sheet


def _row(book: _Book, sheet: Any, at: int, texts: Sequence[str]) -> None:
    for number, text in enumerate(texts):
        _cell(book, sheet, (at, number), Kind.VERBATIM, text)


def _cell(book: _Book, sheet: Any, at: tuple[int, int], kind: Kind, text: str) -> None:
    value = _value(kind, text)
    if isinstance(value, bool):
        sheet.write_boolean(*at, value)
    elif isinstance(value, float):
        sheet.write_number(*at, value, book.formats.get(kind))
    else:
        _text(book, sheet, at, text)


def _text(book: _Book, sheet: Any, at: tuple[int, int], text: str) -> None:
    """A text in a cell, and what is too much for one in others of the sheet `_continued`."""
    first, *more = parts(text)
    sheet.write_string(*at, first)
    for number, part in enumerate(more, 2):
        book.parts += 1
        named = (sheet.get_name(), str(at[0] + 1), str(at[1] + 1), str(number), part)
        for column, cell in enumerate(named):
            book.continued.write_string(book.parts, column, cell)


def parts(text: str) -> list[str]:
    """A text in pieces that Excel holds, counted in UTF-16; no character is parted."""
    found, most = [], CHARS_MAX if max(text) <= "\uffff" else CHARS_MAX // 2
    while len(text) > most:
        found.append(text[:most])
        text = text[most:]
    return [*found, text]


def _value(kind: Kind, text: str) -> bool | float | None:
    """What Excel holds of a text exactly; None where it is a text to it."""
    value = None if kind in _TEXTS else meant(kind, text)
    if value is None:
        return None
    if kind is Kind.BOOL:
        return value == "true"
    if kind in {Kind.NUMBER, Kind.INTEGER}:
        digits = value.replace(".", "").lstrip("-0")
        exact = len(digits.rstrip("0") if "." in value else digits) <= _DIGITS_MAX
        return float(value) if exact else None
    if kind is Kind.DATE:
        day = date.fromisoformat(value).toordinal()
        return float(day - _ZERO) if day >= _FIRST else None
    us = int(value) + (_EPOCH - _ZERO) * _DAY_US
    return us / _DAY_US if us % 1000 == 0 and us >= (_FIRST - _ZERO) * _DAY_US else None


def expected(table: Table) -> Iterator[Row]:
    """What the store has, as `found` reads it: what is a value to Excel by its meaning, all else as it is."""
    kinds = [column.kind for column in written(table)]
    for row in table.texts():
        yield tuple(_canonical(kind, text) for kind, text in zip(kinds, row, strict=False))


def _canonical(kind: Kind, text: str | None) -> str | None:
    if not text:
        return None
    return text if _value(kind, text) is None else meant(kind, text)
