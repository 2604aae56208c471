"""The layout's views in PostgreSQL: as in the DuckDB file, through every change; what users built on them stays."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from psycopg import sql

from hubdump import load
from hubdump.catalog import STANDARD
from hubdump.errors import Incomplete
from hubdump.targets import child, duckdb_file, postgres
from hubdump.targets.layouts.fivetran import VIEWS
from tests.filled_store import DEFINED, Life
from tests.filled_store import TYPES as FILLED
from tests.postgres_server import PASSWORD, Server
from tests.postgres_world import put

LAYOUT = "fivetran"
THERE = "SELECT count(*) FROM pg_views WHERE schemaname = 'fivetran'"


@pytest.fixture(autouse=True)
def alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The child's own code without its process; no schema of the layout is left behind."""

    def loaded(order: Any, password: str, dump: Path, names: Sequence[str]) -> Any:
        return postgres.load(dump, order, password, [STANDARD.by_name(name) for name in names])

    def built(_: str, dump: Path, names: Sequence[str]) -> Any:
        return duckdb_file.write(dump, [STANDARD.by_name(name) for name in names]), {}

    monkeypatch.setattr(child, "load", loaded)
    monkeypatch.setattr(child, "write", built)
    yield
    with server.connect("public") as db:
        db.execute("DROP SCHEMA IF EXISTS fivetran CASCADE")


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path / "dump", 0, records=30)


def defines(life: Life, name: str, type_: str) -> None:
    """A property of deals is new, or of another type."""
    with life.store() as store:
        defined = {name: {"type": type_, "label": name}} | DEFINED
        store.set_definitions("deals", [(p, json.dumps(d).encode()) for p, d in defined.items()])


def same_views_as_duckdb(server: Server, schema: str, life: Life) -> int:
    """Assert that each view says the same in both; how many rows there are."""
    with life.store() as store:
        load.write_duckdb(life.folder, FILLED, store, lambda _: None, layout=LAYOUT)
    total = 0
    with (
        duckdb.connect(life.folder / "hubdump.duckdb", read_only=True) as ours,
        server.connect(schema) as theirs,
    ):
        for view in VIEWS:
            names = [
                c[0] for c in ours.execute(f"SELECT * FROM fivetran.{view.name} LIMIT 0").description or ()
            ]
            listed = ", ".join(f'"{name}"' for name in names if name != "_fivetran_synced")
            query = f"SELECT {listed} FROM fivetran.{view.name}"
            expected = Counter(row(one) for one in ours.execute(query).fetchall())
            assert Counter(row(one) for one in theirs.execute(sql.SQL(query)).fetchall()) == expected, (
                view.name
            )
            total += expected.total()
    return total


def row(values: tuple[Any, ...]) -> str:
    return repr(values).replace("\\x00", "\ufffd")


@pytest.mark.prove(seconds=5)
def test_views_say_what_those_of_the_duckdb_file_say_through_every_change(
    server: Server, schema: str, life: Life
) -> None:
    told = put(life, server.url(schema), LAYOUT)
    assert sum("56 views in the schema fivetran" in line for line in told) == 1
    assert same_views_as_duckdb(server, schema, life) > 100
    with server.connect(schema) as db:
        db.execute(
            "CREATE VIEW mine AS SELECT count(*) AS n FROM fivetran.contact WHERE NOT _fivetran_deleted"
        )
        happened = set()
        for _ in range(3):
            happened |= {life.round() for _ in range(5)}
            put(life, server.url(schema))
        (counted,) = db.execute("SELECT n FROM mine").fetchall()
        assert [counted] == db.execute(
            "SELECT count(*) FROM contacts WHERE NOT (archived OR _deleted)"
        ).fetchall()
    assert len(happened) > 4
    assert same_views_as_duckdb(server, schema, life) > 100


def test_a_new_property_comes_behind_the_others_and_what_stands_on_a_view_stays(
    server: Server, schema: str, life: Life
) -> None:
    put(life, server.url(schema), LAYOUT)
    with server.connect(schema) as db:
        db.execute("CREATE VIEW mine AS SELECT * FROM fivetran.deal")
        defines(life, "aaa", "bool")
        put(life, server.url(schema))
        (last,) = db.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'fivetran'"
            " AND table_name = 'deal' ORDER BY ordinal_position DESC LIMIT 1"
        ).fetchall()
        assert last == ("property_aaa", "boolean")
        assert db.execute("SELECT count(*) FROM mine").fetchall() == [(30,)]
        # One that is gone stays, empty.
        with life.store() as store:
            store.set_definitions("deals", [(p, json.dumps(d).encode()) for p, d in DEFINED.items()])
        put(life, server.url(schema))
        assert db.execute("SELECT count(property_aaa) FROM fivetran.deal").fetchall() == [(0,)]
        assert db.execute("SELECT count(*) FROM mine").fetchall() == [(30,)]


def test_a_property_of_another_type_is_followed_unless_something_stands_on_its_view(
    server: Server, schema: str, life: Life
) -> None:
    defines(life, "aaa", "bool")
    put(life, server.url(schema), LAYOUT)
    defines(life, "aaa", "number")
    with server.connect(schema) as db:
        db.execute("CREATE VIEW mine AS SELECT property_aaa FROM fivetran.deal")
        with pytest.raises(Incomplete, match=r"view fivetran\.deal must be made anew.*mine") as told:
            put(life, server.url(schema))
        assert "Nothing was changed" in told.value.message
        assert db.execute(THERE).fetchall() == [(len(VIEWS),)]
        db.execute("DROP VIEW mine")
        put(life, server.url(schema))
        kind = "SELECT data_type FROM information_schema.columns WHERE table_schema = 'fivetran' AND column_name = %s"
        assert db.execute(kind, ["property_aaa"]).fetchall() == [("numeric",)]
        assert db.execute(THERE).fetchall() == [(len(VIEWS),)]


def test_a_reader_of_the_views_keeps_no_load_waiting(server: Server, schema: str, life: Life) -> None:
    put(life, server.url(schema), LAYOUT)
    with psycopg.connect(server.url(schema)) as reader:
        before = reader.execute(
            "SELECT count(*), max(_fivetran_synced) FROM fivetran.deal_property_history"
        ).fetchone()
        while life.round() not in {"edited", "new"}:
            continue
        with server.connect("public") as db:
            db.execute("ALTER ROLE postgres SET lock_timeout = '2s'")
        put(life, server.url(schema))
        reader.rollback()
        after = reader.execute(
            "SELECT count(*), max(_fivetran_synced) FROM fivetran.deal_property_history"
        ).fetchone()
    with server.connect("public") as db:
        db.execute("ALTER ROLE postgres RESET lock_timeout")
    assert before is not None
    assert after is not None
    assert after[1] > before[1]


def test_the_layout_is_taken_away_and_the_tables_stay(server: Server, schema: str, life: Life) -> None:
    put(life, server.url(schema), LAYOUT)
    put(life, server.url(schema), "none")
    put(life, server.url(schema))
    with server.connect(schema) as db:
        assert db.execute(THERE).fetchall() == [(0,)]
        assert db.execute("SELECT count(*) FROM deals").fetchall() == [(30,)]


def test_what_is_not_of_this_dump_in_the_schema_is_left_alone(
    server: Server, schema: str, life: Life, tmp_path: Path
) -> None:
    with server.connect(schema) as db:
        db.execute("CREATE SCHEMA fivetran; CREATE TABLE fivetran.deal AS SELECT 42 AS mine")
        with pytest.raises(Incomplete, match=r"fivetran\.deal is not hubdump's\. Nothing was changed"):
            put(life, server.url(schema), LAYOUT)
        assert db.execute("SELECT mine FROM fivetran.deal").fetchall() == [(42,)]
        assert db.execute("SELECT to_regclass('deals')").fetchall() == [(None,)]
        db.execute("DROP TABLE fivetran.deal")
    put(life, server.url(schema), LAYOUT)
    other = Life(tmp_path / "other", 1, records=10)
    with pytest.raises(Incomplete, match="of the tables in another schema"):
        put(other, server.url(server.schema()), LAYOUT)
    with server.connect(schema) as db:
        assert db.execute("SELECT count(*) FROM fivetran.deal").fetchall() == [(30,)]


def test_a_role_that_may_make_no_schema_is_told_what_to_type(server: Server, life: Life) -> None:
    with server.connect("public") as db:
        db.execute("CREATE ROLE laying LOGIN; CREATE SCHEMA laying AUTHORIZATION laying")
        db.execute(sql.SQL("ALTER ROLE laying PASSWORD {}").format(PASSWORD))
        with pytest.raises(Incomplete, match="There is no schema fivetran") as told:
            put(life, server.at("laying"), LAYOUT)
        assert "CREATE SCHEMA fivetran AUTHORIZATION" in told.value.hint
        db.execute("CREATE SCHEMA fivetran AUTHORIZATION laying")
        put(life, server.at("laying"), LAYOUT)
        assert db.execute("SELECT count(*) FROM fivetran.deal").fetchall() == [(30,)]


def test_a_column_that_has_no_room_in_the_table_is_found_in_the_rest(
    server: Server, schema: str, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    defines(life, "dealname", "string")
    monkeypatch.setattr("hubdump.targets.postgres_layout.TYPED", 1)
    put(life, server.url(schema), LAYOUT)
    with server.connect(schema) as db:
        db.execute("UPDATE deals SET _more = _more || jsonb_build_object('dealname', 'Big ' || id)")
        names = db.execute("SELECT DISTINCT property_dealname FROM fivetran.deal").fetchall()
    assert len(names) == 30
