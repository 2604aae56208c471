"""`--layout`: what it makes of odd input, when its views are there, and what it never drops."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hubdump import load
from hubdump.catalog import STANDARD
from hubdump.errors import Incomplete, UsageError
from hubdump.events import Event, Noted
from hubdump.hubspot.schema import Kind
from hubdump.targets import asked_for, child, duckdb_file
from hubdump.targets.layouts import LAYOUTS, checked
from hubdump.targets.layouts.rendering import TYPES, sql
from hubdump.targets.layouts.shelf import Shelf, Source
from hubdump.targets.layouts.view import Select, View
from tests.conftest import ROOT, User
from tests.filled_store import TYPES as FILLED
from tests.filled_store import Life

Load = Callable[..., list[str]]
VIEWS = "SELECT count(*) FROM duckdb_views() WHERE schema_name = 'fivetran'"


@pytest.fixture
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Life:
    def built(_: str, dump: Path, names: Sequence[str]) -> Any:
        return duckdb_file.write(dump, [STANDARD.by_name(name) for name in names]), {}

    monkeypatch.setattr(child, "write", built)
    return Life(tmp_path / "dump", 0, records=30)


@pytest.fixture
def loads(life: Life) -> Load:
    def loaded(layout: str | None = None) -> list[str]:
        told: list[Event] = []
        with life.store() as store:
            load.write_duckdb(life.folder, FILLED, store, told.append, layout=layout)
        return [event.text for event in told if isinstance(event, Noted)]

    return loaded


def rows(life: Life, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(life.folder / "hubdump.duckdb", read_only=True) as db:
        return db.execute(query).fetchall()


def counted(life: Life) -> tuple[int, int]:
    """How many contacts there are in the view, and how many of them are gone."""
    (row,) = rows(life, "SELECT count(*), count(*) FILTER (_fivetran_deleted) FROM fivetran.contact")
    return row


def test_the_views_stay_through_later_loads_and_follow_what_changes_until_they_are_taken_away(
    life: Life, loads: Load
) -> None:
    told = loads("fivetran")
    assert sum("schema fivetran" in line for line in told) == 1
    before = counted(life)
    assert before == (30, 0)
    happened = {life.round() for _ in range(12)}
    assert {"new", "archived"} & happened
    assert {"gone", "merged"} & happened
    assert not any("fivetran" in line for line in loads()), "it is said when it is asked for"
    there = rows(life, "SELECT count(*), count(*) FILTER (_deleted OR archived) FROM contacts")
    assert [counted(life)] == there != [before]
    loads("none")
    loads()
    assert rows(life, VIEWS) == [(0,)]


def test_of_types_that_were_not_read_there_are_views_without_rows_and_it_is_said(
    life: Life, loads: Load
) -> None:
    (said,) = [line for line in loads("fivetran") if line.startswith("No rows")]
    assert "engagement_call" in said
    assert "contact," not in said
    for name in ("engagement_call", "ticket", "owner", "email_event", "contact_list_member", "engagement"):
        assert rows(life, f"SELECT count(*) FROM fivetran.{name}") == [(0,)]
    columns = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'fivetran'"
    assert set(rows(life, f"{columns} AND table_name = 'engagement_call'")) >= {
        ("engagement_id", "BIGINT"), ("property_hs_timestamp", "TIMESTAMP"), ("type", "VARCHAR"),
    }  # fmt: skip


def test_a_schema_of_the_users_own_is_not_dropped(life: Life, loads: Load) -> None:
    loads()
    path = life.folder / "hubdump.duckdb"
    with duckdb.connect(path) as db:
        db.execute("CREATE SCHEMA fivetran; CREATE TABLE fivetran.deal AS SELECT 42 AS mine")
    with pytest.raises(
        Incomplete, match=r"schema fivetran that hubdump did not make \(fivetran.deal\)"
    ) as told:
        loads("fivetran")
    assert "--layout fivetran" in told.value.hint
    assert rows(life, "SELECT * FROM fivetran.deal") == [(42,)]


def test_a_view_that_the_user_put_among_ours_is_not_dropped(life: Life, loads: Load) -> None:
    loads("fivetran")
    with duckdb.connect(life.folder / "hubdump.duckdb") as db:
        db.execute("CREATE VIEW fivetran.mine AS SELECT 42 AS x")
    with pytest.raises(Incomplete, match=r"fivetran\.mine"):
        loads()
    assert rows(life, "SELECT * FROM fivetran.mine") == [(42,)]


def test_a_layout_for_what_has_no_views_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    for words in (["parquet:out"], ["json"]):
        with pytest.raises(UsageError, match="DuckDB file and PostgreSQL"):
            checked(asked_for(words, tmp_path, layout="fivetran"), "fivetran")
    for words in ([], ["duckdb", "parquet:out"]):
        assert checked(asked_for(words, tmp_path, layout="fivetran"), "fivetran").layout == "fivetran"
    # Said by hubdump.toml it is no error.
    assert checked(asked_for(["parquet:out"], tmp_path, layout="fivetran"), None).exports


def test_an_unknown_layout_is_refused_with_those_there_are(user: User) -> None:
    told = user.types("load", "--layout", "stitch")
    assert (told.status, told.out) == (2, "")
    assert "HUBDUMP_LAYOUT is 'stitch', but must be: fivetran or none." in told.err


def test_values_that_are_none_of_their_kind_are_null_and_others_are_exact(life: Life, loads: Load) -> None:
    loads("fivetran")
    assert len(rows(life, "SELECT * FROM fivetran.deal")) == 30
    amounts = dict(rows(life, "SELECT CAST(deal_id AS VARCHAR), property_amount FROM fivetran.deal"))
    assert amounts == dict(rows(life, "SELECT id, property_amount FROM main.deals"))
    assert set(rows(life, "SELECT DISTINCT property_of FROM fivetran.deal")) == {("a;b",), (None,)}
    merged = dict(
        rows(life, "SELECT CAST(id AS VARCHAR), property_hs_merged_object_ids FROM fivetran.contact")
    )
    said = rows(
        life, "SELECT id, string_agg(old_id, ';') FROM main.merges WHERE type = 'contacts' GROUP BY id"
    )
    assert {id_: set(olds.split(";")) for id_, olds in merged.items() if olds} == {
        id_: set(olds.split(";")) for id_, olds in said
    }
    assert said


ODD = {
    ("int", "12"): 12, ("int", "-3"): -3, ("int", "1.5"): None, ("int", ""): None, ("int", "9" * 30): None,
    ("int", "0x1"): None, ("bool", "TRUE"): True, ("bool", "false"): False, ("bool", "t"): None,
    ("float", "0.2"): 0.2, ("float", "1e5"): None, ("number", "-1.25"): -1.25, ("number", "1,5"): None,
    ("time", "2026-01-02T03:04:05.678Z"): "2026-01-02 03:04:05.678", ("time", "soon"): None,
    ("time", "2026-01-02T03:04:05+02:00"): "2026-01-02 01:04:05", ("time", "1767323045678"): "2026-01-02 03:04:05.678",
    ("time", "2026-13-02T03:04:05Z"): None, ("time", "2026-01-02"): None,
}  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_texts_become_values_or_null_whatever_the_zone(zone: str) -> None:
    with duckdb.connect() as db:
        db.execute(f"SET TimeZone = '{zone}'")
        assert {case: selected(db, *case) for case in ODD} == ODD


def selected(db: Any, kind: str, text: str) -> Any:
    """What a field of a table becomes in a view."""
    view = View("v", (Select("t", f"x {kind} said"),))
    held = "(SELECT '" + text.replace("'", "''") + "' AS said)"
    query = sql(view, Shelf({"t": Source(held, {"said": ("{t}.said", Kind.VERBATIM)})}, {}, ""))
    ((value,),) = db.execute(f"SELECT CAST(x AS VARCHAR) FROM ({query}) AS v").fetchall()
    if value is None or kind == "time":
        return value
    return value == "true" if kind == "bool" else float(value)


@pytest.mark.parametrize("said", ['{"a":{"b":"1"}}', '{"a":{}}', "null", "no json", '{"a":{"b":"\\u0000"}}'])
def test_what_stands_within_json_is_found_and_what_is_none_is_null(said: str) -> None:
    view = View("v", (Select("t", "x text said.a.b"),))
    shelf = Shelf({"t": Source(f"(SELECT '{said}' AS said)", {"said": ("{t}.said", Kind.VERBATIM)})}, {}, "")
    with duckdb.connect() as db:
        assert db.execute(sql(view, shelf)).fetchall() == [("1" if '"1"' in said else None,)]


def test_the_layouts_say_each_column_once_and_of_a_kind_there_is() -> None:
    for view in LAYOUTS["fivetran"]:
        for select in view.selects:
            columns = list(select.listed())
            assert [(c.name, c.kind) for c in columns] == [(c.name, c.kind) for c in view.columns]
            assert {c.kind for c in columns} <= set(TYPES)
            assert len({c.name.casefold() for c in columns}) == len(columns)
        assert view.switch.startswith("hubspot_")


def test_the_docs_say_what_stays_empty_and_what_switches_it_off() -> None:
    docs = (ROOT / "docs/fivetran.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", docs, re.MULTILINE)
    advice = re.compile("_enabled|likewise|nothing that the package")
    said = {
        view: (re.findall(r"`(\w+)`", columns), switched)
        for view, columns, switched in rows
        if advice.search(switched)
    }
    for view in LAYOUTS["fivetran"]:
        if view.missing:
            columns, switched = said.pop(view.name)
            assert columns == list(view.missing) or (view.missing, columns) == (
                tuple(c.name for c in view.columns),
                [],
            )
            assert view.switch in switched or advice.match(switched)
    assert said == {}
