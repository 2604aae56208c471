"""The dlt source: what arrives is our own load by value, and what is sent is what the destination lacks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubdump.dlt import hubspot
from hubdump.errors import UsageError
from hubdump.model import State
from hubdump.settings import Settings
from hubdump.store.reader import Reader
from hubdump.targets.plain import plain
from tests import hostile
from tests.conftest import ROOT
from tests.dlt_world import (
    KILLED,
    SOME,
    changed,
    ended,
    lived,
    machine,
    of_duckdb,
    of_parquet,
    of_postgres,
    put,
    same_as_ours,
    to_duckdb,
)
from tests.filled_store import DEFINED, Life

if TYPE_CHECKING:
    from tests.postgres_server import Server


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody is told that a test runs, and nothing is read from, or left in, the user's home."""
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)
    for name, field in Settings.model_fields.items():
        monkeypatch.delenv(field.alias or name, raising=False)
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN", raising=False)


@pytest.mark.prove(seconds=8)
def test_what_arrives_is_our_own_load_and_later_loads_send_what_changed(tmp_path: Path) -> None:
    life, file = lived(tmp_path / "dump", 5), tmp_path / "there.duckdb"
    pipeline = machine(tmp_path, to_duckdb(file))
    sent = put(pipeline, life.folder)
    assert sent["deals"] == sent["contacts"] == 40
    assert min(sent["associations"], sent["_columns"], sent["properties"], sent["property_history"]) > 10
    assert put(pipeline, life.folder) == {}
    ended(life, 2, lambda: changed(life))
    sent = put(pipeline, life.folder)
    rows = same_as_ours(life, of_duckdb(file))
    assert sent["deals"] == 3
    assert sent["contacts"] == 2 + rows["contacts"] - 40
    assert 2 <= sent["associations"] < rows["associations"] / 4


@pytest.mark.prove(seconds=8)
def test_a_database_has_what_we_load_but_that_dlt_makes_null_of_empty_texts(
    tmp_path: Path, server: Server
) -> None:
    import dlt

    life = lived(tmp_path / "dump", 6)
    pipeline = machine(
        tmp_path, dlt.destinations.postgres(server.at("postgres").replace("@/", "@localhost/"))
    )
    put(pipeline, life.folder)
    ended(life, 2, lambda: changed(life))
    assert put(pipeline, life.folder)["deals"] == 3
    assert same_as_ours(life, of_postgres(server), empty=None)["deals"] == 40


@pytest.mark.prove(seconds=5)
def test_where_nothing_can_be_merged_whole_tables_take_the_place_of_those_that_changed(
    tmp_path: Path,
) -> None:
    import dlt

    life, lake = lived(tmp_path / "dump", 6), tmp_path / "lake"
    pipeline = machine(tmp_path, dlt.destinations.filesystem(str(lake)))
    put(pipeline, life.folder, *SOME, "property_history")
    ended(life, 2, lambda: changed(life))
    sent = put(pipeline, life.folder, *SOME, "property_history")
    rows = same_as_ours(life, of_parquet(lake), *SOME, "property_history")
    assert sent["deals"] == rows["deals"] == 40
    assert "property_history" not in sent
    assert rows["property_history"] > 0


@pytest.mark.prove(seconds=10)
def test_what_got_lost_is_sent_and_another_machine_goes_on_with_a_dump_of_its_own(tmp_path: Path) -> None:
    life, file = lived(tmp_path / "dump", 7), tmp_path / "there.duckdb"
    other = lived(tmp_path / "other", 8)
    life.hard_delete = other.hard_delete = True

    def load(of: Life, by: str) -> dict[str, int]:
        return put(machine(tmp_path / by, to_duckdb(file)), of.folder, *SOME, hard_delete=True)

    load(life, "one")
    ended(life, 2, lambda: changed(life))
    source = hubspot(life.folder, extract=False, hard_delete=True).with_resources(*SOME)
    machine(tmp_path / "one", to_duckdb(file)).extract(source)
    shutil.rmtree(tmp_path / "one/pipelines/crm/normalize")
    ended(life, 3, lambda: changed(life))
    load(life, "one")
    rows = same_as_ours(life, of_duckdb(file), *SOME)
    assert load(other, "two")["deals"] == 40
    same_as_ours(other, of_duckdb(file), *SOME)
    load(life, "one")
    assert same_as_ours(life, of_duckdb(file), *SOME) == rows


@pytest.mark.prove(seconds=14)
@pytest.mark.filterwarnings(
    "ignore:The 'warn' method is deprecated"
)  # dlt's own word for what is left to load
def test_a_load_that_was_killed_is_done_again_without_a_row_twice(tmp_path: Path) -> None:
    life, file = lived(tmp_path / "dump", 9), tmp_path / "there.duckdb"
    put(machine(tmp_path, to_duckdb(file)), life.folder, *SOME)
    moments = {"start_new_jobs": "2", "complete_package": "1"}  # half loaded; all but the word that all is
    for number, moment in enumerate(moments.items(), 2):
        ended(life, number, partial(changed, life))
        command = [sys.executable, "-c", KILLED, *map(str, (tmp_path, life.folder, file)), *moment]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False
        )
        assert done.returncode == -signal.SIGKILL
        if number == 2:  # a new machine, of which nothing is left
            shutil.rmtree(tmp_path / "pipelines")
        pipeline = machine(tmp_path, to_duckdb(file))
        put(pipeline, life.folder, *SOME)
        if number > 2:  # loads what was left, and ends
            put(pipeline, life.folder, *SOME)
        same_as_ours(life, of_duckdb(file), *SOME)


@pytest.mark.prove(seconds=6)
def test_the_dump_is_brought_up_to_date_first_for_what_is_selected(tmp_path: Path) -> None:
    pipeline = machine(tmp_path, to_duckdb(tmp_path / "there.duckdb"))
    source = hubspot("mine", sandbox="tiny", to=["jsonl"]).with_resources("tasks", "owner_teams")
    pipeline.run(source)
    with closing(Reader(Path("mine/store.sqlite"))) as reader:
        assert (reader.types(), [row.name for row in reader.items.whole()]) == (("tasks",), ["owners"])
        tasks = sum(reader.count("tasks", state) for state in State)
    sent = pipeline.last_trace.last_normalize_info.row_counts
    assert sent["tasks"] == tasks > 0
    assert sent["owner_teams"] > 0
    assert not {"deals", "owners", "associations"} & sent.keys()


@pytest.mark.prove(seconds=2)
def test_where_the_run_does_not_end_complete_nothing_is_loaded_and_it_says_why(tmp_path: Path) -> None:
    from dlt.pipeline.exceptions import PipelineStepFailed

    pipeline = machine(tmp_path, to_duckdb(tmp_path / "there.duckdb"))
    with pytest.raises(PipelineStepFailed, match=r"There is no HubSpot token\. Make a service key"):
        pipeline.run(hubspot("mine").with_resources("tasks"))
    with pytest.raises(PipelineStepFailed, match=r"There is no dump in mine\. Make one: hubdump run"):
        pipeline.run(hubspot("mine", extract=False).with_resources("tasks"))


@pytest.mark.prove(seconds=2)
@pytest.mark.parametrize("convention", ["snake_case", "direct", "sql_ci_v1", "sql_cs_v1", "duck_case"])
def test_no_naming_convention_changes_our_names(convention: str) -> None:
    module = import_module(f"dlt.common.normalizers.naming.{convention}")
    naming = module.NamingConvention(max_length=63)
    names = [
        *plain([*hostile.NAMES, "createdAt", "a__b", "x" * 99]).values(),
        "_raw",
        "_columns",
        "property_of",
    ]
    assert [naming.normalize_identifier(name) for name in names] == names


def test_without_dlt_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubdump.dlt.find_spec", lambda name: None if name == "dlt" else name)
    with pytest.raises(UsageError, match=r"dlt is not installed\. Install: pip install 'hubdump\[dlt\]'"):
        hubspot("mine")


@pytest.mark.prove(seconds=4)
def test_a_property_that_became_another_type_has_a_column_of_its_own_and_columns_says_so(
    tmp_path: Path,
) -> None:
    life, file = lived(tmp_path / "dump", 12), tmp_path / "there.duckdb"
    pipeline = machine(tmp_path, to_duckdb(file))
    put(pipeline, life.folder, "deals", "_columns")
    with life.store() as store:
        texts = {name: {**said, "type": "string"} for name, said in DEFINED.items()}
        store.set_definitions("deals", [(name, json.dumps(said).encode()) for name, said in texts.items()])
        life.seen(store, "deals", [1], amount="dear")
    put(pipeline, life.folder, "deals", "_columns")
    ask = of_duckdb(file)
    told = {tuple(row[:2]): row[2] for row in ask("_columns", ["table", "property", "column"])}
    assert told["contacts", "amount"] == "property_amount"
    assert told["deals", "amount"] == "property_amount_xtext"
    rows: dict[str, str] = dict(ask("deals", ["id", told["deals", "amount"]]))
    assert (len(rows), rows["1"]) == (40, "dear")
    assert {amount for (amount,) in ask("deals", ["property_amount"])} == {None}


@pytest.mark.prove(seconds=3)
def test_another_portal_is_not_loaded_over_the_one_that_is_there(tmp_path: Path) -> None:
    from dlt.pipeline.exceptions import PipelineStepFailed

    life = lived(tmp_path / "dump", 13)
    pipeline = machine(tmp_path, to_duckdb(tmp_path / "there.duckdb"))
    put(pipeline, life.folder, "deals")
    with closing(sqlite3.connect(life.folder / "store.sqlite")) as db, db:
        assert db.execute("UPDATE meta SET value = '2' WHERE key = 'portal'").rowcount == 1
    with pytest.raises(
        PipelineStepFailed, match=r"The dataset holds portal 1, and the dump is of 2\. Nothing was"
    ):
        put(pipeline, life.folder, "contacts")
