"""PostgreSQL holds what the DuckDB file holds, whatever happens to records, connections and tables."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from hubdump.catalog import STANDARD
from hubdump.errors import Incomplete, UsageError
from hubdump.targets import asked_for, child, duckdb_file, postgres
from hubdump.targets.database import database
from hubdump.targets.postgres_held import differences
from tests.conftest import ROOT, User
from tests.filled_store import DEFINED, TYPES, Life
from tests.killed import killed
from tests.postgres_server import PASSWORD, Server
from tests.postgres_world import anew, put, same_as_duckdb


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each load wrote; by the child's own code without its process."""
    rows: list[int] = []

    def loaded(order: Any, password: str, dump: Path, names: Sequence[str]) -> Any:
        done = postgres.load(dump, order, password, [STANDARD.by_name(name) for name in names])
        rows.append(done.rows)
        return done

    def built(_: str, dump: Path, names: Sequence[str]) -> Any:
        return duckdb_file.write(dump, [STANDARD.by_name(name) for name in names]), {}

    monkeypatch.setattr(child, "load", loaded)
    monkeypatch.setattr(child, "write", built)
    return rows


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path / "dump", 0, records=60)


def test_a_first_load_holds_what_the_duckdb_file_holds(server: Server, schema: str, life: Life) -> None:
    life.load()
    noted = put(life, server.url(schema))
    rows = same_as_duckdb(server, schema, life.folder / "hubdump.duckdb")
    assert rows["deals"] == rows["contacts"] == 60
    assert (
        min(rows[name] for name in ("associations", "property_history", "merges", "_unparsed", "_columns"))
        > 3
    )
    with server.connect(schema) as db:
        found = db.execute(
            "SELECT tablename, count(*) FROM pg_indexes WHERE schemaname = %s GROUP BY 1", [schema]
        )
        indexes = dict(found.fetchall())
    assert (indexes["deals"], indexes["contacts"], indexes["associations"]) == (1, 1, 2)
    assert any("U+FFFD" in text for text in noted)
    assert any("are NULL" in text for text in noted)


def test_what_is_no_value_is_counted_however_few_of_it_are_in_memory_at_once(
    server: Server, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(tmp_path / "dump", 0, records=250)
    monkeypatch.setattr(postgres, "_ODD_MAX", 20)
    put(life, server.url(schema))
    with server.connect(schema) as db:
        assert db.execute("SELECT sum(as_null + cut) > 100 FROM _unparsed").fetchone() == (True,)
    same_as_duckdb(server, schema, anew(life))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.prove(seconds=20))])
def test_later_loads_write_only_what_changed_while_a_view_stays(
    server: Server, schema: str, tmp_path: Path, written: list[int], seed: int
) -> None:
    life, happened = Life(tmp_path / "dump", seed, records=40), set[str]()
    life.hard_delete = seed == 2
    put(life, server.url(schema))
    with server.connect(schema) as db:
        db.execute("CREATE VIEW counted AS SELECT count(*) AS n, max(property_amount) FROM deals")
        for number in range(40 if seed == 2 else 10):
            happened.add(life.round())
            put(life, server.url(schema))
            if number % 10 == 9:
                rows = same_as_duckdb(server, schema, anew(life))
                assert db.execute("SELECT n FROM counted").fetchone() == (rows["deals"],)
    assert len(happened) > 4
    # One that changed little: not all the tables were written again.
    assert sum(count < written[0] / 2 for count in written[1:]) > 5
    put(life, server.url(schema))
    assert written[-1] == 0


def test_what_a_copy_of_the_dump_loaded_is_not_taken_for_what_this_one_did(
    server: Server, schema: str, life: Life, tmp_path: Path, written: list[int]
) -> None:
    other = life.copied(tmp_path / "copy")
    put(life, server.url(schema))
    while "edited" not in {other.round() for _ in range(3)}:
        continue
    put(other, server.url(schema))
    assert written[1] > written[0] * 0.9, "all rows of records, as what is there is another's"
    put(life, server.url(schema))
    same_as_duckdb(server, schema, anew(life))


@pytest.mark.parametrize("committed", [False, True])
def test_a_connection_lost_at_the_commit_costs_nothing(
    server: Server,
    schema: str,
    life: Life,
    written: list[int],
    monkeypatch: pytest.MonkeyPatch,
    committed: bool,
) -> None:
    put(life, server.url(schema))
    before = life.copied(life.folder.with_name("before"))
    while life.round() not in {"edited", "new", "merged"}:
        continue
    commit = psycopg.Connection.commit

    def lost(self: psycopg.Connection[Any]) -> None:
        if self.info.get_parameters().get("application_name") == "hubdump" or committed:
            if committed:
                commit(self)
            with server.connect("public") as db:
                db.execute("SELECT pg_terminate_backend(%s)", [self.info.backend_pid])
            self.execute("SELECT 1")

    monkeypatch.setattr(psycopg.Connection, "commit", lost)
    with pytest.raises(Incomplete, match="safe in the store") as told:
        put(life, server.url(schema))
    monkeypatch.setattr(psycopg.Connection, "commit", commit)
    assert "hubdump load 'postgresql://postgres@/" in told.value.hint
    assert PASSWORD not in str(told.value) + told.value.hint
    same_as_duckdb(server, schema, anew(life if committed else before))
    put(life, server.url(schema))
    same_as_duckdb(server, schema, anew(life))
    assert written[-1] == 0 if committed else 0 < written[-1] < written[0] / 2


CHANGES = {
    "DROP TABLE deals CASCADE": None,
    "ALTER TABLE deals DROP COLUMN property_amount": "'property_amount', which was numeric.*is not there any more",
    "ALTER TABLE deals ALTER COLUMN property_amount TYPE text": "was numeric.38,10., is text now",
    "ALTER TABLE deals ADD COLUMN mine text": "columns that hubdump did not make: mine",
    "ALTER TABLE deals RENAME TO ours; CREATE TABLE deals (id int)": "'id', which was text, is integer now",
    "DELETE FROM contacts WHERE id = '1'": None,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_table_that_its_user_changed_is_an_error_and_nothing_is_lost(
    server: Server, schema: str, life: Life, change: str
) -> None:
    put(life, server.url(schema))
    with server.connect(schema) as db:
        db.execute(change)
        if said := CHANGES[change]:
            before = server.psql(schema, "SELECT * FROM contacts ORDER BY id")
            with pytest.raises(Incomplete, match=said):
                put(life, server.url(schema))
            assert server.psql(schema, "SELECT * FROM contacts ORDER BY id") == before
            db.execute("DROP TABLE deals CASCADE")
            db.execute("DROP TABLE contacts CASCADE")
        put(life, server.url(schema))
    same_as_duckdb(server, schema, anew(life))


def test_a_table_of_somebody_else_s_is_left_alone(server: Server, schema: str, life: Life) -> None:
    with server.connect(schema) as db:
        db.execute("CREATE VIEW contacts AS SELECT 1 AS id")
        with pytest.raises(Incomplete, match="'contacts' in the schema that hubdump did not make"):
            put(life, server.url(schema))
        assert db.execute("SELECT id FROM contacts").fetchall() == [(1,)]
        assert db.execute("SELECT count(*) FROM pg_tables WHERE schemaname = %s", [schema]).fetchone() == (0,)


def test_the_rights_that_the_docs_name_are_enough_and_no_more(server: Server, life: Life) -> None:
    told = (ROOT / "docs/postgres.md").read_text("utf-8")
    (rights,) = re.findall(r"```sql\n(.*?)```", told, re.DOTALL)
    with server.connect("public") as db:
        with pytest.raises(Incomplete, match="password authentication failed"):
            put(life, server.at("hubdump"))
        db.execute(rights)
        for role in ("hubdump", "reader"):
            db.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), PASSWORD))
        with pytest.raises(Incomplete, match="permission denied for schema hubdump"):
            put(life, f"{server.at('reader')}&options=-csearch_path%3Dhubdump")
    put(life, server.at("hubdump"))
    with psycopg.connect(server.at("reader")) as reader:
        assert reader.execute("SELECT count(*) FROM hubdump.deals").fetchone() == (60,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM hubdump.deals")
    same_as_duckdb(server, "hubdump", anew(life))


def test_another_portal_needs_a_schema_of_its_own(
    server: Server, schema: str, life: Life, tmp_path: Path
) -> None:
    other = Life(tmp_path / "other", 1, records=10)
    with other.store() as store:
        store.set_meta("portal", "2")
    put(life, server.url(schema))
    with pytest.raises(Incomplete, match="holds portal 1, and the dump is of 2"):
        put(other, server.url(schema))
    same_as_duckdb(server, schema, anew(life))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@ss@host/db",
        "postgresql://u:pa/ss@host/db",
        "postgresql://u:pa?ss@host/db",
        "postgresql://u:pa#ss@host/db",
        "postgresql://host/db?password=pass",
        "postgresql+psycopg://u:pass@host/db",
        "mysql://u:pass@host/db",
        "postgresql://u:pass@[host/db",
    ],
)
def test_a_url_that_cannot_be_is_refused_without_a_word_of_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        asked_for([url], tmp_path)
    assert not {"p", "pa", "ss", "pass"} & set(re.findall("[a-z]+", told.value.message + told.value.hint))


@pytest.mark.prove(seconds=8)
def test_the_password_is_nowhere_but_at_the_server(
    server: Server, schema: str, life: Life, user: User
) -> None:
    life.folder.rename(user.dump)
    url = server.url(schema)
    told = user.types("load", url)
    assert told.status == 0, told.err
    assert f"postgresql://postgres@/postgres?host={server.folder}" in told.err
    wrong = user.types("load", url.replace("s3cret", "wr0ng"))
    assert wrong.status == 3
    assert "password authentication failed" in wrong.err
    user.environment["PGPASSWORD"] = PASSWORD
    assert user.types("load", "--to", database(url).url).status == 0
    texts = [told.out, told.err, wrong.out, wrong.err, repr(database(url))]
    texts += [path.read_bytes().decode("latin-1") for path in user.dump.rglob("*") if path.is_file()]
    assert len(texts) > 6
    assert not [text for text in texts if "s3cret" in text or "wr0ng" in text]
    assert server.psql(schema, "SELECT count(*) FROM deals") == "count\n60\n"


def test_a_new_property_is_a_new_column_and_one_of_another_type_waits_for_its_view(
    server: Server, schema: str, life: Life
) -> None:
    put(life, server.url(schema))
    with server.connect(schema) as db:
        db.execute("CREATE VIEW seen AS SELECT id, property_amount FROM contacts")
        with life.store() as store:
            told = {**DEFINED, "amount": {"type": "string"}, "more": {"type": "bool"}}
            store.set_definitions("contacts", [(p, json.dumps(d).encode()) for p, d in told.items()])
        with pytest.raises(Incomplete, match=r"contacts.property_amount must become text.*a view uses it"):
            put(life, server.url(schema))
        assert len(db.execute("SELECT * FROM seen").fetchall()) == 60
        db.execute("DROP VIEW seen")
        put(life, server.url(schema))
        found = {amount for (amount,) in db.execute("SELECT property_amount FROM contacts").fetchall()}
        assert found == {"1", "2.50", "dear", "1e400", None}
    same_as_duckdb(server, schema, anew(life))


@pytest.mark.prove(seconds=20)
def test_killed_at_thirty_random_moments_the_next_load_is_whole(
    server: Server, schema: str, tmp_path: Path
) -> None:
    life, kills, took_s = Life(tmp_path / "dump", 3, records=40), 0, [1.0]
    put(life, server.url(schema))
    for _ in range(90):
        while life.round() == "nothing":
            continue
        with server.connect(schema) as db:
            if life.chance.random() < 0.5:
                db.execute("DROP TABLE IF EXISTS deals CASCADE")
        after_s = life.chance.uniform(0, 1.2 * max(took_s[-3:]))
        kills += killed(lambda: put(life, server.url(schema)), after_s)
        began_s = time.monotonic()
        put(life, server.url(schema))
        took_s.append(time.monotonic() - began_s)
        found = differences(life.folder, server.url(schema), PASSWORD, TYPES)
        assert found["deals"].compared >= 40
        assert [table for table, one in found.items() if not one.none] == []
        if kills == 30:
            break
    assert kills == 30
    same_as_duckdb(server, schema, anew(life))
