"""`hubdump.open`: the tables of a dump as Arrow, pandas and Polars, and SQL over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import hubdump
from hubdump.errors import DiskFailure, UsageError, installing
from hubdump.opened import Dump, _needed
from tests.conftest import ALL, User, started


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A dump, and what is so at its portal."""
    with ExitStack() as stack:
        served = started(stack, "--portal", "narrow,calls=7,contacts=5,companies=3", "--faults", "none")
        user = User(tmp_path_factory.mktemp("made")).at(served)
        told = user.types("run", "--only", "calls", "--only", "contacts")
        assert told.status == 0, told.err
        yield user.dump, served.truth(ALL)


@pytest.fixture
def dump(made: tuple[Path, dict[str, Any]]) -> Iterator[Dump]:
    with hubdump.open(made[0]) as found:
        yield found


def test_each_table_comes_as_arrow_pandas_polars_and_rows_with_the_same_records(
    dump: Dump, made: tuple[Path, dict[str, Any]]
) -> None:
    live = sorted(made[1]["live"]["calls"])
    assert len(live) == 7
    calls = dump.calls.active()
    assert sorted(calls.arrow().column("id").to_pylist()) == live
    assert sorted(calls.df()["id"]) == live
    assert sorted(calls.pl()["id"]) == live
    assert sorted(row["id"] for row in calls.rows()) == live
    assert "property_hs_call_title" in calls.columns
    assert repr(calls).startswith("<calls: 7 rows")


def test_sql_spans_tables_and_takes_parameters(dump: Dump, made: tuple[Path, dict[str, Any]]) -> None:
    id_ = min(made[1]["live"]["contacts"])
    (row,) = dump.sql("SELECT id, created_at FROM contacts WHERE id = ?", id_).rows()
    assert row["id"] == id_
    links = dump.sql("SELECT count(*) AS n FROM associations WHERE from_type = 'calls'").rows()[0]["n"]
    assert links == len([row for row in made[1]["associations"] if row[0] == "calls"]) > 0


def test_a_dump_says_what_it_has_and_since_when(dump: Dump) -> None:
    assert {"calls", "contacts", "associations"} <= set(dump.tables)
    assert {"calls", "sql"} <= set(dir(dump))
    assert dump["calls"].name == "calls"
    assert dump.manifest["types"]["calls"]["proved_at"]
    with pytest.raises(KeyError, match=r"has no table 'deals'; it has .*associations, calls"):
        dump["deals"]
    with pytest.raises(AttributeError, match="has no table 'deals'"):
        _ = dump.deals


def test_an_open_dump_stays_as_it_was_while_its_file_is_replaced(
    made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "hubdump.duckdb").write_bytes((made[0] / "hubdump.duckdb").read_bytes())
    with hubdump.open(str(tmp_path)) as found:
        assert len(found.calls) >= 7
        (tmp_path / "new").write_bytes(b"")
        (tmp_path / "new").replace(tmp_path / "hubdump.duckdb")
        assert len(found.contacts) >= 5


def test_what_cannot_be_opened_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no .*hubdump\.duckdb") as none:
        hubdump.open(tmp_path)
    assert "hubdump load --to duckdb" in none.value.hint
    (tmp_path / "hubdump.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(DiskFailure, match="cannot be read"):
        hubdump.open(tmp_path)
    with pytest.raises(UsageError, match="not_a_library is not installed") as missing:
        _needed("duckdb", "not_a_library")
    assert missing.value.hint == installing("not_a_library")


def test_what_a_query_says_is_an_excel_file_whose_values_are_values(dump: Dump, tmp_path: Path) -> None:
    sql = (
        "SELECT '=1+1' AS text, 1.50::DECIMAL(38,10) AS number, 7 AS count, true AS yes, DATE '2026-01-02' AS day,"
        " TIMESTAMPTZ '2026-01-02 03:04:05.25Z' AS at, date_trunc('month', DATE '2026-02-03') AS month,"
        " ['a', 'b'] AS several, NULL AS nothing, '00123' AS id"
    )
    path = dump.sql(sql).excel(tmp_path / "asked.xlsx")
    book = openpyxl.load_workbook(path)
    assert [(sheet.title, sheet.sheet_state) for sheet in book.worksheets] == [
        ("_sheets", "hidden"), ("_continued", "hidden"), ("query", "visible"),
    ]  # fmt: skip
    heads, values = (list(row) for row in book.active.iter_rows(values_only=True))
    assert heads == ["text", "number", "count", "yes", "day", "at", "month", "several", "nothing", "id"]
    assert values == [
        "=1+1", 1.5, 7, True, *map(datetime.fromisoformat, ("2026-01-02", "2026-01-02T03:04:05.250", "2026-02-01")),
        "a; b", None, "00123",
    ]  # fmt: skip
    assert book.active["A2"].data_type == "s"
    assert list(tmp_path.iterdir()) == [path]


def test_an_excel_file_of_a_table_has_its_rows_and_goes_on_where_a_text_is_too_long(
    dump: Dump, tmp_path: Path
) -> None:
    path = dump.calls.excel(str(tmp_path / "calls.xlsx"))
    assert openpyxl.load_workbook(path)["calls"].max_row == len(dump.calls) + 1
    long = dump.sql("SELECT repeat('x', 40000) AS text").excel(path)
    book = openpyxl.load_workbook(long)
    assert [sheet.sheet_state for sheet in book.worksheets] == ["visible"] * 3
    assert book.active.title == "query"
    assert len(book.active["A2"].value) + len(book["_continued"]["E2"].value) == 40_000
    with pytest.raises(UsageError, match=r"does not end in \.xlsx"):
        dump.calls.excel(tmp_path / "calls.csv")


def test_what_is_printed_of_a_query_is_its_first_rows(dump: Dump) -> None:
    assert "seven" in str(dump.sql("SELECT 'seven' AS number"))
