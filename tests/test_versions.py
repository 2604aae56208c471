"""A store of an older hubdump is brought up to date by whoever writes it, and refused with a way on by who only reads.

tests/stores/ holds one of each version that is on people's disks, as that version wrote it.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hubdump.errors import DiskFailure, UsageError
from hubdump.model import State
from hubdump.store import versions
from hubdump.store.database import check_structure
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from tests.conftest import ROOT, User

STORES = ROOT / "tests/stores"
# What was read into each when it was made: records, associations, past values, items.
HELD = {5: (36, 216, 14, 12), 6: (36, 120, 14, 12)}
VERSIONS = sorted(HELD)


def made(version: int, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "store.sqlite"
    path.write_bytes(gzip.decompress((STORES / f"version-{version}.sqlite.gz").read_bytes()))
    return path


def schema(path: Path) -> set[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        return {(kind, name, " ".join(sql.split())) for kind, name, sql in rows}


def counts(path: Path) -> tuple[int, ...]:
    with closing(sqlite3.connect(path)) as db:
        return tuple(
            db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("records", "associations", "histories", "items")
        )


def test_there_is_a_store_of_each_version_that_leads_on() -> None:
    assert sorted(versions.STEPS) == VERSIONS
    assert {path.name for path in STORES.iterdir()} == {
        f"version-{version}.sqlite.gz" for version in VERSIONS
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_writer_brings_an_older_store_to_the_schema_of_a_new_one_and_keeps_what_it_holds(
    version: int, tmp_path: Path
) -> None:
    path, new = made(version, tmp_path / "old"), tmp_path / "new.sqlite"
    assert counts(path) == HELD[version]
    for each in (path, new):
        Store(each).close()
    assert schema(path) == schema(new)
    assert counts(path) == HELD[version]
    check_structure(path)
    with closing(Reader(path)) as reader:
        assert reader.damaged_pages() == []
        assert [len(page) for page in reader.pages("notes", State.ACTIVE)] == [30]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_reader_of_an_older_store_is_told_how_to_bring_it_up_to_date_and_changes_nothing(
    version: int, tmp_path: Path
) -> None:
    path = made(version, tmp_path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=f"has version {version}, of an older hubdump") as told:
        Reader(path)
    assert told.value.hint == "Bring it up to date: hubdump run, or without HubSpot: hubdump load"
    assert path.read_bytes() == before


def test_a_step_that_is_cut_short_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(5, tmp_path)
    before = schema(path)
    with monkeypatch.context() as patch:
        patch.setitem(versions.STEPS, 5, versions.STEPS[5] + "INSERT INTO nowhere VALUES (1);")
        with pytest.raises(DiskFailure):
            Store(path)
    assert schema(path) == before
    Store(path).close()
    assert counts(path) == HELD[5]


def test_a_load_brings_an_older_dump_up_to_date_without_hubspot(user: User) -> None:
    made(5, user.dump)
    refused = user.types("verify", "--level", "local")
    assert refused.status == 2
    assert "hubdump load" in refused.err
    loaded = user.types("load", "json", "duckdb")
    assert loaded.status == 0, loaded.err
    assert len(json.loads((user.dump / "raw/engagements_note_partial.json").read_text("utf-8"))) == 30
    verified = user.types("verify", "--level", "local")
    assert verified.status == 0, verified.out
    assert "notes: 30 records" in user.types("status").out
