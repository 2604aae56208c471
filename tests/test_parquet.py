"""Parquet: every value of a hostile portal with its type, as readers of other people's making read it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubdump.hubspot.schema import Kind
from hubdump.targets import exports
from hubdump.targets.compared import Differences
from hubdump.targets.export import Export
from hubdump.targets.meant import meant
from tests import hostile
from tests.tampering import Home
from tests.test_typed import in_canonical_form

PARQUET = Export("parquet", "parquet")
ARROW = {
    Kind.TEXT: pa.string(), Kind.NUMBER: pa.decimal128(38, 10), Kind.BOOL: pa.bool_(), Kind.DATE: pa.date32(),
    Kind.INSTANT: pa.timestamp("us", "UTC"),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(hostile_home: Home) -> Home:
    hostile_home.export("parquet")
    return hostile_home


@pytest.fixture
def came(made: Home, tmp_path: Path) -> Home:
    """A copy to do harm to."""
    return Home(Path(shutil.copytree(made.folder, tmp_path / "dump")), {}, [])


def differing(came: Home) -> dict[str, Differences]:
    found = exports.differences(came.folder, PARQUET, came.types())
    assert sum(one.compared for one in found.values()) > len(hostile.BAD)
    return {file: one for file, one in found.items() if not one.none}


def test_every_value_is_told_from_its_raw_without_a_difference(made: Home) -> None:
    assert differing(made) == {}
    rows = pq.read_table(made.folder / "parquet/calls.parquet").to_pylist()
    rows = [row for row in rows if not row["archived"]]
    assert len(rows) == len(hostile.BAD)
    for row in rows:
        raw = json.loads(row["_raw"], parse_int=str, parse_float=str)["properties"]
        for name in hostile.TYPED:
            text = raw.get(name)
            text = text if text is None or isinstance(text, str) else json.dumps(text, separators=(",", ":"))
            kind = hostile.kind_of(name)
            assert in_canonical_form(kind, row[f"property_{name}"]) == meant(kind, text)


def test_each_type_of_property_has_its_type_in_the_file(made: Home) -> None:
    schema = pq.read_schema(made.folder / "parquet/calls.parquet")
    found = {name: schema.field(f"property_{name}").type for name in hostile.TYPED}
    assert found.pop("bad_list").value_type == pa.string()
    assert found.pop("bad_json") in (pa.string(), pa.json_())
    assert found == {name: ARROW[hostile.kind_of(name)] for name in found}
    assert schema.field("id").type == pa.string()


def asked(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as db:
        return db.execute(sql).fetchall()


READERS: dict[str, Callable[[Path], list[str]]] = {
    "pyarrow": lambda path: pq.read_table(path).column("id").to_pylist(),
    "polars": lambda path: pl.read_parquet(path)["id"].to_list(),
    "pandas": lambda path: list(pd.read_parquet(path)["id"]),
    "duckdb": lambda path: [id_ for (id_,) in asked(f"SELECT id FROM '{path}'")],
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("table", ["calls", "notes", "meetings"])
def test_strangers_find_every_record_once(reader: str, table: str, made: Home) -> None:
    ids = READERS[reader](made.folder / f"parquet/{table}.parquet")
    assert sorted(ids) == sorted(ids_in_the_store(made, table))


def ids_in_the_store(made: Home, table: str) -> list[str]:
    with sqlite3.connect(made.folder / "store.sqlite") as db:
        sql = "SELECT id FROM records WHERE type = (SELECT number FROM types WHERE name = ?)"
        found = [str(id_) for (id_,) in db.execute(sql, (table,))]
    assert found
    return found


def test_every_bad_name_has_its_column(made: Home) -> None:
    columns = asked(f"SELECT property, \"column\" FROM '{made.folder}/parquet/_columns.parquet'")
    rows = pl.read_parquet(made.folder / "parquet/notes.parquet").filter(~pl.col("archived")).to_dicts()
    assert len(rows) == 2
    for name in hostile.NAMES:
        (column,) = [column for property_, column in columns if property_ == name]
        assert {row[column] for row in rows} == {f"value of {name}"}


def test_every_harm_to_a_file_is_named(came: Home) -> None:
    harms = {
        "calls": [
            ("changed", "UPDATE t SET property_bad_number = 7 WHERE id = (SELECT min(id) FROM t)"),
            ("changed", "UPDATE t SET property_bad_list = ['7'] WHERE id = (SELECT max(id) FROM t)"),
        ],
        "notes": [
            ("missing", "DELETE FROM t WHERE id = (SELECT min(id) FROM t)"),
            ("twice", "INSERT INTO t SELECT * FROM t WHERE id = (SELECT max(id) FROM t)"),
        ],
        "_columns": [("more", "UPDATE t SET property = '7' WHERE property = 'bad_number'")],
        "meetings": [("unreadable", "ALTER TABLE t DROP archived_at")],
    }
    for table, of_table in harms.items():
        path = came.folder / f"parquet/{table}.parquet"
        with duckdb.connect() as db:
            db.execute(f"CREATE TABLE t AS SELECT * FROM '{path}'")
            for _, sql in of_table:
                db.execute(sql)
            db.execute(f"COPY t TO '{path}'")
    found = differing(came)
    assert set(found) == {f"parquet:parquet {table}" for table in harms}
    for table, of_table in harms.items():
        for kind in {kind for kind, _ in of_table}:
            told = getattr(found[f"parquet:parquet {table}"], kind)
            assert (kind == "unreadable" and told) or len(told) == [k for k, _ in of_table].count(kind), (
                table,
                kind,
            )


def test_a_file_that_is_none_any_more_is_told(came: Home) -> None:
    (came.folder / "parquet/calls.parquet").write_bytes(b"nonsense" * 100)
    (came.folder / "parquet/notes.parquet").unlink()
    (came.folder / "parquet/meetings.parquet").unlink()
    (came.folder / "parquet/meetings.parquet").mkdir()
    found = differing(came)
    assert {what.split()[1] for what, one in found.items() if one.unreadable} == {
        "calls",
        "notes",
        "meetings",
    }
    assert len(found) == 3
