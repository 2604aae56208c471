"""An Excel workbook of a hostile portal: every value exact, nothing computed, nothing cut off, read by strangers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils.escape import unescape

from hubdump.errors import UsageError, installing
from hubdump.hubspot.schema import Kind
from hubdump.targets import exports, xlsx_files
from hubdump.targets.export import Export, wanted
from hubdump.targets.exports import Job, Unreadable
from hubdump.targets.meant import meant
from hubdump.targets.table import Column, Table
from hubdump.targets.xlsx_read import found
from tests import hostile
from tests.tampering import Home
from tests.test_labelled import table
from tests.test_text_exports import columns, texts

BOOK = Export("xlsx", "book.xlsx")


@pytest.fixture(scope="module")
def made(hostile_home: Home) -> Home:
    hostile_home.export(f"xlsx:{hostile_home.folder / BOOK.place}")
    return hostile_home


def test_every_value_is_held_against_the_store_without_a_difference(made: Home) -> None:
    differing = exports.differences(made.folder, BOOK, made.types())
    assert {what: one for what, one in differing.items() if not one.none} == {}
    assert sum(one.compared for one in differing.values()) > len(hostile.BAD)


def by_openpyxl(path: Path, sheet: str) -> list[dict[str, Any]]:
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        head, *rows = book[sheet].iter_rows(values_only=True)
        return [dict(zip(map(str, head), row, strict=True)) for row in rows]
    finally:
        book.close()


def as_excel_has_it(kind: Kind, text: str | None) -> set[Any]:
    """What may stand in a cell for a text: itself, or exactly what it means."""
    if not text:
        return {None}
    value = meant(kind, text)
    if value is None or kind in {Kind.TEXT, Kind.LIST, Kind.JSON}:
        return {text}
    return {text, value}


def canonical(kind: Kind, cell: Any) -> Any:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        return meant(kind, f"{cell:.15g}")
    if isinstance(cell, datetime):
        us = round(cell.replace(tzinfo=UTC).timestamp() * 1000) * 1000
        return str(us) if kind is Kind.INSTANT else cell.date().isoformat()
    return cell if cell is None else unescape(cell)


def test_openpyxl_reads_what_every_text_means_or_the_text(made: Home) -> None:
    named, cells = columns(made, "calls"), 0
    rows = {row["id"]: row for row in by_openpyxl(made.folder / BOOK.place, "calls")}
    for id_, of_record in texts(made, "calls").items():
        for name in hostile.TYPED:
            kind, text = hostile.kind_of(name), of_record.get(name)
            cell = canonical(kind, rows[id_][named[name]])
            if text and len(text) > 32_767:
                text = text[:32_767]
            assert cell in as_excel_has_it(kind, text), (name, text)
            cells += cell is not None
    assert cells > 500


def test_pandas_finds_every_record_once_and_every_bad_name(made: Home) -> None:
    frame = pd.read_excel(made.folder / BOOK.place, sheet_name="notes", dtype=str)
    frame = frame[frame["archived"] == "False"]
    assert sorted(frame["id"]) == sorted(texts(made, "notes"))
    for name in hostile.NAMES:
        assert set(frame[columns(made, "notes")[name]]) == {f"value of {name}"}


VALUES: dict[tuple[Kind, str], Any] = {
    (Kind.NUMBER, "-12.50"): -12.5, (Kind.NUMBER, "1.5E7"): 15_000_000, (Kind.NUMBER, "0.1234567890"): 0.123456789,
    (Kind.NUMBER, "9007199254740993"): "9007199254740993", (Kind.NUMBER, "1e400"): "1e400",
    (Kind.BOOL, "TRUE"): True, (Kind.BOOL, "yes"): "yes",
    (Kind.DATE, "2026-02-28"): datetime.fromisoformat("2026-02-28"), (Kind.DATE, "1900-02-28"): "1900-02-28",
    (Kind.DATE, "0001-01-01"): "0001-01-01",
    (Kind.INSTANT, "2026-01-02T13:30:00.123+01:30"): datetime.fromisoformat("2026-01-02T12:00:00.123"),
    (Kind.INSTANT, "2026-01-02T12:00:00.123456Z"): "2026-01-02T12:00:00.123456Z",
    (Kind.VERBATIM, "007"): "007", (Kind.TEXT, "=1+1"): "=1+1", (Kind.TEXT, "{=1}"): "{=1}",
    (Kind.TEXT, "<r>&</r>"): "<r>&</r>", (Kind.TEXT, "<r><t>x</t></r>"): "<r><t>x</t></r>",
    (Kind.TEXT, "http://a.invalid"): "http://a.invalid", (Kind.TEXT, " a\r\n_x0041_\0"): " a\r\n_x0041_\0",
}  # fmt: skip


def job(path: Path, *tables: Table) -> Job:
    return Job(tables, lambda _: path, path.parent)


def test_a_cell_is_what_excel_can_hold_exactly_and_else_the_text(tmp_path: Path) -> None:
    made = table(tuple(Column(f"c{n}", kind, key=f"c{n}") for n, (kind, _) in enumerate(VALUES)),
                 {f"c{n}": text for n, (_, text) in enumerate(VALUES)})  # fmt: skip
    path = tmp_path / "book.xlsx"
    xlsx_files.make(job(path, made))
    (row,) = by_openpyxl(path, "things")
    cells = [unescape(cell) if isinstance(cell, str) else cell for cell in row.values()][1:]
    assert cells == list(VALUES.values())
    assert list(found(path, made)) == list(xlsx_files.expected(made))
    with ZipFile(path) as book:
        assert not any(b"<f>" in book.read(name) for name in book.namelist())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["book.xlsx"]
    before = path.read_bytes()
    xlsx_files.make(job(path, made))
    assert path.read_bytes() == before, "the same content, and other bytes"


@pytest.mark.parametrize("text", ["x" * 70_000, "\u00e9" * 32_768, "\U0001f600" * 20_000, "x" * 32_767])
def test_a_long_text_goes_on_in_another_sheet_and_that_is_told(text: str, tmp_path: Path) -> None:
    made = table((Column("long", key="long"),), {"long": "short"}, {"long": text})
    path = tmp_path / "book.xlsx"
    told = xlsx_files.make(job(path, made)).told
    cell = by_openpyxl(path, "things")[1]["long"]
    more = by_openpyxl(path, "_continued")
    assert cell + "".join(row["text"] for row in more) == text
    assert {(row["sheet"], row["row"], row["column"]) for row in more} <= {("things", "3", "2")}
    assert all(len(part.encode("utf-16-le")) <= 2 * 32_767 for part in (cell, *(row["text"] for row in more)))
    assert bool(more) == bool(told) == (text != "x" * 32_767)
    assert [row[1] for row in found(path, made)] == ["short", text]


def test_too_many_rows_go_on_in_another_sheet_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_files, "ROWS_MAX", 4)
    made = table((Column("n", key="n"),), *({"n": str(n)} for n in range(7)))
    path = tmp_path / "book.xlsx"
    (told,) = xlsx_files.make(job(path, made)).told
    assert told.endswith("rows in one: things.")
    assert [len(by_openpyxl(path, name)) for name in ("things", "things 2", "things 3")] == [3, 3, 1]
    assert [row[1] for row in found(path, made)] == [str(n) for n in range(7)]


def test_sheets_have_names_that_excel_allows(tmp_path: Path) -> None:
    path, names = tmp_path / "book.xlsx", ["a" * 40, "A" * 31 + "b", "history", "_sheets"]
    made = [Table(name, (Column("id"),), lambda: iter([b'{"id":"1"}']), lambda: 1, "id") for name in names]
    xlsx_files.make(job(path, *made))
    assert openpyxl.load_workbook(path).sheetnames == [
        "_sheets",
        "_continued",
        "a" * 31,
        "A" * 29 + " 2",
        "history 2",
        "_sheets 2",
    ]
    assert [list(found(path, one)) for one in made] == [[("1",)]] * 4


def test_a_book_that_is_harmed_is_told(tmp_path: Path) -> None:
    path, one = tmp_path / "book.xlsx", table((Column("n", Kind.NUMBER, key="n"),), {"n": "1"}, {"n": "2"})
    xlsx_files.make(job(path, one))
    harms: dict[str, Callable[[bytes], bytes]] = {
        "other columns": lambda xml: xml.replace(b"<t>n</t>", b"<t>m</t>"),
        "has 1 rows, not 2": lambda xml: re.sub(b'<row r="3".*?</row>', b"", xml),
        "no workbook": lambda xml: xml[:-20],
    }
    for said, harm in harms.items():
        harmed = tmp_path / "harmed.xlsx"
        with ZipFile(path) as book, ZipFile(harmed, "w") as other:
            for name in book.namelist():
                content = book.read(name)
                other.writestr(name, harm(content) if name == "xl/worksheets/sheet3.xml" else content)
        with pytest.raises(Unreadable, match=said):
            list(found(harmed, one))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Unreadable, match="no workbook"):
        list(found(path, one))


def test_without_its_library_or_its_suffix_an_export_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted(["xlsx"], {}, Path("data")).exports == (Export("xlsx", "hubdump.xlsx"),)
    with pytest.raises(UsageError, match=r"does not end in \.xlsx"):
        wanted(["xlsx:out/book"], {}, Path("data"))
    monkeypatch.setattr("hubdump.targets.export.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs xlsxwriter") as none:
        wanted(["xlsx"], {}, Path("data"))
    assert none.value.hint == installing("xlsxwriter")
    assert none.value.hint.endswith("python -m pip install xlsxwriter")
