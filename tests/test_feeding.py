"""A portal's table for who reads many: every row in its columns, and one attempt at a time, whoever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from hubdump import called, feeding
from hubdump.errors import HubdumpError, InUse, UsageError
from hubdump.events import RunEnded
from hubdump.feeding import Ask, Between
from hubdump.portals import Portal
from hubdump.runlog import RunLog
from hubdump.targets import arrow_rows
from tests.conftest import ROOT
from tests.dlt_world import changed, ended, lived
from tests.filled_store import Life

INSTANT = pa.timestamp("us", "UTC")
IDS = pa.schema([("portal", pa.string()), ("id", pa.string())])
LINKS = pa.schema([
    ("from_type", pa.string()), ("from_id", pa.string()), ("to_id", pa.string()), ("_removed", pa.bool_()),
])  # fmt: skip
TURNS = ("20261129T120000Z-000000001", "20261129T130000Z-000000002", "20261129T140000Z-000000003")
HOLDER = """
import sys, time
from pathlib import Path
from hubdump.store.lock import Lock
lock = Lock(Path(sys.argv[1]), "now")
print("held", flush=True)
time.sleep(60)
"""


def rows(found: Iterator[pa.RecordBatch]) -> list[dict[str, Any]]:
    return [row for batch in found for row in batch.to_pylist()]


def of(life: Life) -> Portal:
    return Portal("acme", life.folder)


@pytest.mark.prove(seconds=4)
def test_rows_are_those_of_our_own_load_in_the_columns_that_are_asked_for(tmp_path: Path) -> None:
    life = lived(tmp_path / "dump", 3)
    life.load()
    schema = pa.schema([
        ("portal", pa.string()), ("id", pa.string()), ("property_amount", pa.decimal128(38, 10)),
        ("property_closed", INSTANT), ("property_name", pa.string()), ("created_at", INSTANT),
        ("archived", pa.bool_()), ("_raw", pa.string()), ("nobody", pa.int64()),
    ])  # fmt: skip
    found = rows(feeding.rows(of(life), Ask("deals", extract=False), schema))
    with duckdb.connect(life.folder / "hubdump.duckdb", read_only=True) as db:
        db.execute("SET TimeZone = 'UTC'")
        listed = ", ".join(f'"{name}"' for name in schema.names[1:-1])
        expected = db.execute(f"SELECT 'acme', {listed}, NULL FROM deals").fetchall()
    assert len(expected) == 40
    assert sorted(map(told, found)) == sorted(
        map(told, (dict(zip(schema.names, row, strict=True)) for row in expected))
    )


def told(row: dict[str, Any]) -> str:
    return repr([value.timestamp() if hasattr(value, "timestamp") else value for value in row.values()])


def test_properties_are_all_that_a_row_has_besides(tmp_path: Path) -> None:
    life = lived(tmp_path / "dump", 4)
    schema = pa.schema([("id", pa.string()), ("properties", pa.string()), ("_raw", pa.string())])
    found = rows(feeding.rows(of(life), Ask("contacts", extract=False), schema))
    assert len(found) == 40
    for row in found:
        theirs = json.loads(row["_raw"])["properties"]
        assert json.loads(row["properties"]) == {
            name: text for name, text in theirs.items() if text is not None
        }
    links = rows(
        feeding.rows(of(life), Ask("associations", extract=False), pa.schema([("properties", pa.string())]))
    )
    assert {*json.loads(links[0]["properties"])} >= {"from_type", "from_id", "to_type", "to_id", "type_id"}


def test_no_batch_is_larger_than_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    life = lived(tmp_path / "dump", 4)
    monkeypatch.setattr(arrow_rows, "ROWS_MAX", 7)
    sizes = [batch.num_rows for batch in feeding.rows(of(life), Ask("contacts", extract=False), IDS)]
    assert (max(sizes), sum(sizes)) == (7, 40)


def test_what_no_text_becomes_is_refused() -> None:
    with pytest.raises(UsageError, match=r"hot cannot be list<item: string>\."):
        arrow_rows.check(pa.schema([("hot", pa.list_(pa.string()))]))


def test_a_table_that_was_never_read_whole_is_no_empty_one(tmp_path: Path) -> None:
    life = lived(tmp_path / "dump", 4)
    for name in ("tickets", "owners", "typo"):
        with pytest.raises(UsageError, match=rf"holds no whole table {name}\."):
            rows(feeding.rows(of(life), Ask(name, extract=False), IDS))
    with pytest.raises(UsageError, match=r"There is no dump in "):
        rows(feeding.rows(Portal("beta", tmp_path / "beta"), Ask("deals", extract=False), IDS))
    assert not (tmp_path / "beta").exists()


@contextmanager
def holding(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the dump."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            yield child
        finally:
            child.kill()


def test_who_finds_a_dump_in_use_waits_until_the_other_is_dead(tmp_path: Path) -> None:
    life = lived(tmp_path / "dump", 4)
    with holding(life.folder) as child:
        with pytest.raises(InUse, match=rf"is in use: process {child.pid} on .* Nothing was changed\."):
            rows(feeding.rows(of(life), Ask("deals", extract=False, wait_s=0), IDS))
        threading.Timer(0.3, os.kill, (child.pid, signal.SIGKILL)).start()
        began = time.monotonic()
        assert len(rows(feeding.rows(of(life), Ask("deals", extract=False), IDS))) == 40
        assert time.monotonic() - began > 0.3


def test_nobody_is_kept_waiting_by_who_takes_no_rows(tmp_path: Path) -> None:
    life = lived(tmp_path / "dump", 4)
    slow = feeding.rows(of(life), Ask("deals", extract=False), IDS)
    next(slow)
    assert len(rows(feeding.rows(of(life), Ask("contacts", extract=False, wait_s=0), IDS))) == 40


class Runs:
    """Stands in for hubdump.run: what happens to the store in the next ones, and how they are called."""

    def __init__(
        self, life: Life, happens: Sequence[Callable[[Life], Any]], exits: Sequence[int] = ()
    ) -> None:
        self.life, self.happens, self.exits, self.names = life, list(happens), list(exits), list[str]()

    def run(self, dump: Path, *, name: str, **_: Any) -> RunEnded:
        self.names.append(name)
        self.life.run = name
        self.happens.pop(0)(self.life)
        status = self.exits.pop(0) if self.exits else 0
        with self.life.store() as store:
            store.runs.end(1)
        self.life.run = ""
        ended = RunEnded(status, "It is so.", 1.0, {}, 0, {})
        log = RunLog(dump / "runs", name)
        log.emit(ended)
        log.close()
        return ended


def fed(life: Life, table: str, start: str, end: str, schema: pa.Schema = IDS) -> list[dict[str, Any]]:
    return rows(feeding.changes(of(life), Ask(table), Between(start, end), schema))


def nothing(_: Life) -> None:
    """Nothing changes."""


def test_a_turn_gives_what_changed_since_the_one_before_and_gives_it_again_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = lived(tmp_path / "dump", 5)
    runs = Runs(life, [nothing, changed, changed])
    monkeypatch.setattr(called, "run", runs.run)
    first, second, third = TURNS
    assert len(fed(life, "deals", "", first)) == 40
    whole = feeding.rows(of(life), Ask("associations", extract=False), LINKS)
    linked = {row["from_id"] for row in rows(whole) if row["from_type"] == "deals"}
    assert {row["id"] for row in fed(life, "deals", first, second)} == {"1", "2", "3"}
    assert {row["id"] for row in fed(life, "deals", first, second)} == {"1", "2", "3"}
    assert runs.names == [f"{first}00", f"{second}00"]
    links = fed(life, "associations", first, second, LINKS)
    gone = {row["from_id"] for row in links if row["_removed"] and row["from_type"] == "deals"}
    assert gone == linked & {"9", "10"} != set()
    assert len(fed(life, "deals", "20200101T000000Z-000000009", second)) == 40
    assert {row["id"] for row in fed(life, "deals", second, third)} == {"1", "2", "3"}
    assert len(runs.names) == 3


def test_a_turn_that_is_repeated_gives_nothing_that_came_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = lived(tmp_path / "dump", 5)
    first, second, third = TURNS

    def seen(*ids: int) -> Callable[[Life], None]:
        def happens(life: Life) -> None:
            with life.store() as store:
                life.now += 1
                life.seen(store, "deals", ids)

        return happens

    runs = Runs(life, [nothing, seen(1, 2), seen(2, 3)])
    monkeypatch.setattr(called, "run", runs.run)
    fed(life, "deals", "", first)
    fed(life, "deals", first, second)
    ended(life, 98, lambda: seen(4)(life))
    assert {row["id"] for row in fed(life, "deals", first, second)} == {"1", "2"}
    assert {row["id"] for row in fed(life, "deals", second, third)} == {"2", "3", "4"}
    assert {row["id"] for row in fed(life, "deals", first, second)} >= {"1"}
    assert runs.names == [f"{turn}00" for turn in TURNS]


def test_a_turn_that_was_cut_short_goes_on_under_its_name_unless_somebody_ran_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = lived(tmp_path / "dump", 6)
    first, second, _ = TURNS

    def killed(life: Life) -> None:
        changed(life)
        raise KeyboardInterrupt

    def somebody(life: Life) -> None:
        ended(life, 99, lambda: life.now)

    runs = Runs(life, [nothing, killed, nothing, killed, nothing])
    monkeypatch.setattr(called, "run", runs.run)
    fed(life, "deals", "", first)
    with pytest.raises(KeyboardInterrupt):
        fed(life, "deals", first, second)
    assert {row["id"] for row in fed(life, "deals", first, second)} == {"1", "2", "3"}
    third = TURNS[2]
    with pytest.raises(KeyboardInterrupt):
        fed(life, "deals", second, third)
    somebody(life)
    assert {row["id"] for row in fed(life, "deals", second, third)} == {"1", "2", "3"}
    assert runs.names == [f"{first}00", f"{second}00", f"{second}00", f"{third}00", f"{third}01"]


def test_a_run_that_is_not_complete_gives_no_row_and_its_turn_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = lived(tmp_path / "dump", 7)
    runs = Runs(life, [changed, nothing], exits=[3, 0])
    monkeypatch.setattr(called, "run", runs.run)
    with pytest.raises(HubdumpError, match=r"It is so\.  No row was given\."):
        fed(life, "deals", "", TURNS[0])
    assert len(fed(life, "deals", "", TURNS[0])) == 40
    assert runs.names == [f"{TURNS[0]}00", f"{TURNS[0]}01"]
