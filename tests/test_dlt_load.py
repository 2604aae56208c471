"""`hubdump load dlt:DESTINATION`: all is there, nothing else is left, and nobody is told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import duckdb
import pytest

from hubdump import load
from hubdump.errors import Incomplete, UsageError
from hubdump.targets import asked_for, child, dlt_load
from hubdump.targets.database import Load, database
from hubdump.targets.layouts import checked
from tests.dlt_world import changed, ended, lived, of_duckdb, same_as_ours
from tests.filled_store import NAMES, TYPES, Life
from tests.killed import killed

KILLS = 30 if os.environ.get("HUBDUMP_FULL") == "1" else 3


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Who dlt's makers are told that it ran: what they are told."""
    heard: list[str] = []

    class Maker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Nothing."""

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUNTIME__DLTHUB_TELEMETRY", raising=False)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    with HTTPServer(("127.0.0.1", 0), Maker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(
            "RUNTIME__DLTHUB_TELEMETRY_ENDPOINT", f"http://127.0.0.1:{server.server_port}/track"
        )
        yield heard
        server.shutdown()


def put(life: Life, destination: str = "dlt:duckdb") -> int:
    """Load it; how many rows were sent."""
    return child.load(Load(destination, (), "", life.hard_delete), "", life.folder, NAMES).rows


@pytest.mark.prove(seconds=12)
def test_all_is_there_and_nothing_else_is_left(tmp_path: Path, told: list[str]) -> None:
    life, file = lived(tmp_path / "dump", 11), tmp_path / "hubdump_dlt.duckdb"
    life.run = "dump-1"  # which is under way: this is its load
    with life.store() as store:
        wanted = [database("dlt:duckdb")]
        load.write_databases(life.folder, wanted, TYPES, store, lambda _: None, layout="fivetran")
    ended(life, 1)
    rows = same_as_ours(life, of_duckdb(file, "hubspot"))
    ended(life, 2, lambda: changed(life))
    assert 0 < put(life) < sum(rows.values()) / 2
    same_as_ours(life, of_duckdb(file, "hubspot"))
    with duckdb.connect(file) as db:
        db.execute("DELETE FROM hubspot.deals WHERE id = '7'")
    assert put(life) > sum(rows.values()) / 2
    same_as_ours(life, of_duckdb(file, "hubspot"))
    assert told == []
    assert {path.name for path in tmp_path.iterdir()} <= {"dump", file.name, "dlt"}
    assert not [path for path in tmp_path.rglob("*") if path.name == ".dlt.new" or path.suffix == ".parquet"]


@pytest.mark.prove(seconds=3)
def test_what_dlt_cannot_load_is_exit_3_and_says_no_password(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = lived(tmp_path / "dump", 11)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://me:s3cret@localhost:1/there")
    with pytest.raises(
        Incomplete, match=r"dlt:postgres could not be loaded: .*The extraction is safe"
    ) as error:
        put(life, "dlt:postgres")
    assert "s3cret" not in str(error.value) + error.value.hint
    assert "hubdump load dlt:postgres" in error.value.hint
    assert told == []


def test_no_layout_is_promised_where_dlt_makes_the_tables(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--layout is for the DuckDB file and PostgreSQL"):
        checked(asked_for(["dlt:duckdb"], tmp_path, layout="fivetran"), "fivetran")


def test_where_a_destination_is_stands_in_no_command() -> None:
    with pytest.raises(UsageError, match="is the name of a destination") as error:
        database("dlt:postgres://me:s3cret@host/db")
    assert "s3cret" not in str(error.value) + error.value.hint


@pytest.mark.prove(seconds=20)
@pytest.mark.filterwarnings(
    "ignore:The 'warn' method is deprecated"
)  # dlt's own word for what is left to load
def test_killed_at_random_moments_the_next_load_is_whole(tmp_path: Path, told: list[str]) -> None:
    life, file = lived(tmp_path / "dump", 11), tmp_path / "hubdump_dlt.duckdb"
    kills, took_s = 0, loaded(life)
    for number in range(2, 4 * KILLS):
        ended(life, number, partial(changed, life))
        kills += killed(lambda: loaded(life), life.chance.uniform(0.3, 0.9) * took_s)
        took_s = loaded(life)
        same_as_ours(life, of_duckdb(file, "hubspot"))
        if kills == KILLS:
            break
    assert kills == KILLS
    assert told == []


def loaded(life: Life) -> float:
    """Load it in this process; how many seconds it took."""
    began_s = time.monotonic()
    dlt_load.load(life.folder, Load("dlt:duckdb", (), "", life.hard_delete), TYPES)
    return time.monotonic() - began_s
