"""Reads a workbook that xlsx_files.py wrote, from its XML: by other means than it was written, a row at a time."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET
from zipfile import BadZipFile, ZipFile

from hubdump.hubspot.schema import Kind
from hubdump.targets.csv_files import CHARS_MAX, written
from hubdump.targets.exports import Unreadable
from hubdump.targets.meant import meant
from hubdump.targets.table import Column, Row, Table

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_DAY_ZERO = date(1899, 12, 30)
_EPOCH_DAYS = (date(1970, 1, 1) - _DAY_ZERO).days
# A cell as it stands in the file: its type ('n' number, 'b' boolean, 's' text), and its text.
Cell = tuple[str, str]


def found(path: Path, table: Table) -> Iterator[Row]:
    """The rows of a table: what is a value to Excel by its meaning, a text as it is, an empty cell as None."""
    return _found(path, table, len(written(table)))


def keys(path: Path, table: Table, at: int) -> Iterator[str | None]:
    """One column of them."""
    return (row[at] for row in _found(path, table, at + 1))


def _found(path: Path, table: Table, most: int) -> Iterator[Row]:
    """The rows, and of each the first so many columns."""
    try:
        with ZipFile(path) as book, closing(sqlite3.connect("")) as db:
            files = dict(_sheets(book))
            _keep_parts(db, book, files)
            for name, sheet, rows in _texts(book, files["_sheets"]):
                if name == table.name:
                    of_sheet = _rows(book, files[sheet], most)
                    yield from _of_sheet(db, sheet, of_sheet, written(table)[:most], int(rows))
    except (BadZipFile, ET.ParseError, KeyError, ValueError, IndexError) as error:
        raise Unreadable(f"it is no workbook as hubdump writes it ({error})") from error


def _of_sheet(
    db: sqlite3.Connection, sheet: str, rows: Iterator[dict[int, Cell]], columns: Sequence[Column], count: int
) -> Iterator[Row]:
    head = next(rows, {})
    if [head.get(n, ("s", ""))[1] for n in range(len(columns))] != [column.name for column in columns]:
        raise Unreadable("it has other columns than hubdump wrote")
    kinds = [column.kind for column in columns]
    last = 1
    for last, cells in enumerate(rows, 2):
        for n, (type_, text) in cells.items():
            if len(text) >= CHARS_MAX // 2:
                cells[n] = (type_, text + _more(db, sheet, last, n))
        yield tuple(_canonical(kind, cells.get(n)) for n, kind in enumerate(kinds))
    if last != count + 1:
        raise Unreadable(f"its sheet {sheet} has {last - 1} rows, not {count}")


def _canonical(kind: Kind, cell: Cell | None) -> str | None:
    if cell is None:
        return None
    type_, text = cell
    if type_ == "s":
        return text
    if type_ == "b":
        return "true" if text == "1" else "false"
    if kind is Kind.DATE:
        return (_DAY_ZERO + timedelta(days=int(text))).isoformat()
    if kind is Kind.INSTANT:
        ms = round((float(text) - _EPOCH_DAYS) * 86_400_000)
        return str(ms * 1000)
    return meant(kind, f"{float(text):.15g}")


def _keep_parts(db: sqlite3.Connection, book: ZipFile, files: dict[str, str]) -> None:
    """Where long texts go on, to be looked up by the cell that they belong to."""
    db.execute(
        "CREATE TABLE parts (sheet, row, col, part, text, PRIMARY KEY (sheet, row, col, part)) WITHOUT ROWID"
    )
    rows = _texts(book, files["_continued"])
    db.executemany(
        "INSERT INTO parts VALUES (?, ?, ?, ?, ?)", ((s, int(r), int(c), int(p), t) for s, r, c, p, t in rows)
    )


def _more(db: sqlite3.Connection, sheet: str, row: int, column: int) -> str:
    sql = "SELECT text FROM parts WHERE sheet = ? AND row = ? AND col = ? ORDER BY part"
    return "".join(text for (text,) in db.execute(sql, (sheet, row, column + 1)))


def _texts(book: ZipFile, file: str) -> Iterator[tuple[str, ...]]:
    """The rows of a sheet below its head, of which every cell is a text."""
    rows = _rows(book, file)
    width = len(next(rows))
    return (tuple(cells[n][1] for n in range(width)) for cells in rows)


def _sheets(book: ZipFile) -> Iterator[tuple[str, str]]:
    """(name, file in the workbook) of each sheet."""
    related = {one.get("Id"): one.get("Target", "") for one in _xml(book, "xl/_rels/workbook.xml.rels")}
    for sheet in _xml(book, "xl/workbook.xml").iter(f"{_MAIN}sheet"):
        yield sheet.get("name", ""), f"xl/{related[sheet.get(_RELATED)]}"


def _xml(book: ZipFile, file: str) -> ET.Element:
    return ET.fromstring(book.read(file))  # noqa: S314 - our own file


def _rows(book: ZipFile, file: str, most: int | None = None) -> Iterator[dict[int, Cell]]:
    """The cells of each row by column, or the first so many; one without cells is not in the file, and comes empty."""
    at = 0
    with book.open(file) as stream:
        within: list[ET.Element] = []
        for event, element in ET.iterparse(stream, ("start", "end")):  # noqa: S314 - as above
            if event == "start":
                within.append(element)
                continue
            within.pop()
            if element.tag == f"{_MAIN}row":
                number = int(element.get("r", 0))
                yield from ({} for _ in range(at + 1, number))
                at = number
                yield dict(map(_cell, element[:most]))
                within[-1].remove(element)  # memory stays flat


def _cell(cell: ET.Element) -> tuple[int, Cell]:
    column = 0
    for letter in cell.get("r", "").rstrip("0123456789"):
        column = column * 26 + ord(letter) - 64
    type_ = cell.get("t", "n")
    if type_ == "inlineStr":
        text = "".join(cell.itertext())
        return column - 1, ("s", _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))
    return column - 1, (type_, cell.findtext(f"{_MAIN}v", ""))
