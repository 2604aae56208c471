"""kill -9 at a random moment of a load that writes what changed: the file is whole, and right after the next load."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import duckdb
import pytest

from hubdump.targets.written import LOADED, mark_of
from tests.conftest import User
from tests.filled_store import Life
from tests.syscalls import at_call, kill, watched
from tests.test_refreshing import FILE, content, same_as_anew, same_as_the_store

KILLS = 30 if os.environ.get("HUBDUMP_FULL") == "1" else 8


def lived_on(life: Life) -> None:
    """Let records change; who changes a store on purpose removes the seal."""
    for _ in range(3):
        life.round()
    (life.folder / "SHA256SUMS").unlink(missing_ok=True)


def marked(life: Life) -> None:
    """Mark the file so that one that was built anew can be told from one that goes on from it."""
    with duckdb.connect(life.folder / FILE) as db:
        db.execute("COMMENT ON TABLE _hubdump.about IS 'marked'")
    with life.store() as store:
        known = json.loads(store.meta(LOADED + FILE)) | {"mark": mark_of(life.folder / FILE)}
        store.set_meta(LOADED + FILE, json.dumps(known))


def is_marked(life: Life) -> bool:
    with duckdb.connect(life.folder / FILE, read_only=True) as db:
        sql = "SELECT comment FROM duckdb_tables() WHERE schema_name = '_hubdump' AND table_name = 'about'"
        return db.execute(sql).fetchall() == [("marked",)]


@pytest.mark.prove(seconds=70)
def test_a_load_killed_at_random_moments_is_right_after_the_next(tmp_path: Path) -> None:
    user, life, chance = User(tmp_path), Life(tmp_path / "data", 5, records=200), random.Random(5)
    assert user.types("load", "duckdb").status == 0
    marked(life)
    lived_on(life)
    with watched() as watch:
        assert user.types("load", "duckdb", preexec_fn=watch.enter).status == 0
    assert is_marked(life)
    calls, killed, went_on = len(watch.calls), 0, 0
    for _ in range(KILLS):
        marked(life)
        before = content(life.folder / FILE)
        lived_on(life)
        with watched(at_call(chance.randrange(1, calls), lambda _: True, kill)) as watch:
            told = user.types("load", "duckdb", preexec_fn=watch.enter)
        killed += told.status != 0
        if content(life.folder / FILE) != before:  # it is there, and what the store keeps of it is not yet
            same_as_the_store(life)
        told = user.types("load", "duckdb")
        assert told.status == 0, told.err
        went_on += is_marked(life)
        same_as_anew(life)
        assert [path.name for path in life.folder.iterdir() if path.name.endswith((".new", ".wal"))] == []
    assert killed > KILLS * 0.7
    assert went_on > KILLS * 0.5
