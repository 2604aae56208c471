"""CSV and JSON lines of a hostile portal: every text as HubSpot sent it, none computed, read by strangers."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from hubdump.store.reader import Reader
from hubdump.targets import csv_files, exports, jsonl_files
from hubdump.targets.compared import Differences
from hubdump.targets.export import Export
from hubdump.targets.tables import tables
from tests import hostile
from tests.tampering import Home

csv.field_size_limit(sys.maxsize)
TEXTS = ("csv", "jsonl")


@pytest.fixture(scope="module")
def made(hostile_home: Home) -> Home:
    hostile_home.export(*TEXTS)
    return hostile_home


@pytest.fixture
def came(made: Home, tmp_path: Path) -> Home:
    """A copy to do harm to."""
    return Home(Path(shutil.copytree(made.folder, tmp_path / "dump")), {}, [])


def differing(came: Home, format_: str) -> dict[str, Differences]:
    found = exports.differences(came.folder, Export(format_, format_), came.types())
    assert sum(one.compared for one in found.values()) > len(hostile.BAD)
    return {what.split()[1]: one for what, one in found.items() if not one.none}


Rows = list[dict[str, Any]]


def by_csv(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def by_duckdb(path: Path) -> Rows:
    how = {
        ".csv": "read_csv(?, all_varchar = true, max_line_size = 100000000, header = true, strict_mode = true)",
        ".jsonl": "read_json(?, format = 'newline_delimited', maximum_object_size = 100000000)",
    }  # fmt: skip
    with duckdb.connect() as db:
        result = db.execute(f"SELECT * FROM {how[path.suffix]}", [str(path)])
        return [dict(zip([c[0] for c in result.description], row, strict=True)) for row in result.fetchall()]


def by_polars(path: Path) -> Rows:
    """Polars leaves the quotes in the names of columns doubled: it is told them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file))
    return pl.read_csv(path, infer_schema=False, new_columns=names).to_dicts()


READERS: dict[str, Callable[[Path], Rows]] = {
    "csv by csv": by_csv,
    "csv by duckdb": by_duckdb,
    "csv by polars": by_polars,
    "csv by pandas": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records"),
    "jsonl by json": lambda path: [json.loads(line) for line in path.read_text("utf-8").split("\n") if line],
    "jsonl by polars": lambda path: pl.read_ndjson(path, infer_schema_length=None).to_dicts(),
    "jsonl by duckdb": by_duckdb,
}


def texts(made: Home, table: str) -> dict[str, dict[str, str | None]]:
    """The texts of the properties of each record, by HubSpot's JSON of it."""
    reader = Reader(made.folder / "store.sqlite")
    try:
        pages = [record for page in reader.pages(table) for record in page]
    finally:
        reader.close()
    raws = {str(r.id): json.loads(bytes(r.raw), parse_int=str, parse_float=str)["properties"] for r in pages}
    assert len(raws) > 1
    return {id_: {name: as_text(value) for name, value in raw.items()} for id_, raw in raws.items()}


def as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def columns(made: Home, table: str) -> dict[str, str]:
    with sqlite3.connect(made.folder / "store.sqlite") as db:
        (told,) = db.execute("SELECT value FROM meta WHERE key = ?", (f"columns:{table}",)).fetchone()
    return dict(json.loads(told))


@pytest.mark.parametrize("table", ["calls", "notes"])
@pytest.mark.parametrize("how", READERS)
def test_strangers_read_every_text_as_hubspot_sent_it(how: str, table: str, made: Home) -> None:
    format_, named = how.split(" by ", maxsplit=1)[0], columns(made, table)
    found = {row["id"]: row for row in READERS[how](made.folder / format_ / f"{table}.{format_}")}
    names = hostile.TYPED if table == "calls" else hostile.NAMES
    for id_, of_record in texts(made, table).items():
        for name in names:
            text, cell = of_record.get(name), found[id_][named[name]]
            if format_ == "jsonl":
                assert cell == text
            elif text:
                assert cell in {text, f"'{text}"}
            else:
                assert not cell


@pytest.mark.parametrize("format_", TEXTS)
def test_every_value_is_held_against_the_store_without_a_difference(format_: str, made: Home) -> None:
    assert differing(made, format_) == {}


def test_no_cell_of_a_csv_begins_as_what_a_spreadsheet_computes_unless_it_is_a_number(made: Home) -> None:
    computed, number = (
        re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"),
        re.compile(r"[+-][0-9.]+([eE][+-]?[0-9]+)?"),
    )
    rows = by_csv(made.folder / "csv/calls.csv") + by_csv(made.folder / "csv/notes.csv")
    found = [cell for row in rows for cell in row.values() if computed.match(cell)]
    assert [cell for cell in found if not number.fullmatch(cell)] == []
    assert "-62135596800000" in found
    shown = {row["property_bad_string"] for row in rows if "property_bad_string" in row}
    assert {
        '\'=HYPERLINK("http://a.invalid","b")', "'@SUM(1)", "'\t=1", "'\r=1", "'-1+1", "'\uff1d1", "'+33 1 23 45 67 89",
        "'-62135596800000", "01234",
    } <= shown  # fmt: skip


@pytest.mark.parametrize(
    ("text", "as_text", "as_number"),
    [
        ("abc", '"abc"', '"abc"'), ("", '""', '""'), ("-5", '"\'-5"', "-5"), ("+1.5E7", '"\'+1.5E7"', "+1.5E7"),
        ("-1+1", '"\'-1+1"', '"\'-1+1"'), ('a"b', '"a""b"', '"a""b"'), ("=1", '"\'=1"', '"\'=1"'), ("12", '"12"', "12"),
        ("'=1", "\"''=1\"", "\"''=1\""), ("'s", '"\'s"', '"\'s"'), ("-", '"\'-"', '"\'-"'), ("1\n", '"1\n"', '"1\n"'),
        ("\u0661", '"\u0661"', '"\u0661"'), (".", '"."', '"."'),
    ],
)  # fmt: skip
def test_a_cell_is_quoted_guarded_or_a_number(text: str, as_text: str, as_number: str) -> None:
    assert csv_files._text(text) == as_text
    assert csv_files._number(text) == as_number
    assert csv_files._unguarded(next(csv.reader([as_text], strict=True))[0]) == text.rstrip(
        "\n"
    ) + "\n" * text.count("\n")


def test_a_csv_is_utf_8_with_a_mark_and_its_lines_end_as_the_standard_says(made: Home) -> None:
    data = (made.folder / "csv/_columns.csv").read_bytes()
    assert data.startswith(b'\xef\xbb\xbf"table","column",')
    assert data.endswith(b'"\r\n')
    assert data.count(b"\n") == data.count(b"\r\n") > len(hostile.NAMES)
    assert b"_raw" not in (made.folder / "csv/calls.csv").read_bytes().split(b"\r\n")[0]


def test_what_excel_would_not_show_whole_is_told(made: Home) -> None:
    long = sum(len(text or "") > 32_767 for of in texts(made, "calls").values() for text in of.values())
    (told,) = [note for note in made.notes if "parts among cells" in note]
    assert told.startswith(f"calls.csv has {long:,} texts of more than 32,767 characters")
    assert [csv_files.too_long(text) for text in ("x" * 32_767, "x" * 32_768, "\U0001f600" * 16_384)] == [
        False, True, True,
    ]  # fmt: skip


def changed(text: str) -> str:
    return re.sub("01234", "01235", text, count=1)


def removed(text: str) -> str:
    return "\n".join(text.split("\n")[:-2]) + "\n"


def doubled(text: str) -> str:
    return text + text.split("\n")[-2] + "\n"


def cut(text: str) -> str:
    return text[:-9]


@pytest.mark.parametrize(
    ("harm", "table", "kind"),
    [
        (changed, "calls", "changed"), (removed, "_columns", "missing"), (doubled, "_columns", "twice"),
        (cut, "_columns", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("format_", TEXTS)
def test_every_harm_to_a_text_file_is_named(
    format_: str, harm: Callable[[str], str], table: str, kind: str, came: Home
) -> None:
    path = came.folder / format_ / f"{table}.{format_}"
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    assert harm(text) != text
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(harm(text))
    found = held(came, format_, table)
    assert getattr(found, kind) if kind else found.unreadable


def held(came: Home, format_: str, name: str) -> Differences:
    """One table of an export, held against the store."""
    module = {"csv": csv_files, "jsonl": jsonl_files}[format_]
    reader = Reader(came.folder / "store.sqlite")
    try:
        (table,) = (table for table in tables(reader, came.types()) if table.name == name)
        return exports._of_table(module, came.folder / format_ / f"{name}.{format_}", table)
    finally:
        reader.close()
