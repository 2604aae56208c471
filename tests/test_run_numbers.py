"""Which run a record's present version is of: it moves with what HubSpot says of the record, not with its reading."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hubdump.model import RecordRef, RecordsRead, Response, Settled, WalkKey
from hubdump.store.store import Store

SWEEP, SETTLE = WalkKey("calls", "sweep"), WalkKey("calls", "settle")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.sqlite")) as store:
        store.runs.begin("first", 1)
        store.begin_round("calls", 1)
        read(store, 1, 10, {"title": "a", "left": None})
        read(store, 2, 10, {"title": "b"})
        store.runs.begin("second", 2)
        yield store


def read(
    store: Store, id_: int, updated_us: int, properties: dict[str, str | None], *, archived: bool = False
) -> None:
    body = json.dumps(
        {"results": [{"id": str(id_), "properties": properties, "archived": archived}]}
    ).encode()
    refs = [RecordRef(id_, 0, updated_us, archived)]
    store.commit_records(SWEEP, RecordsRead(Response(200, {}, body), refs, "", done=False), 0.0)


def remove(store: Store, id_: int, into: int | None) -> None:
    store.commit_settled(SETTLE, Settled("", done=True, removed={id_: into}), 0.0)
    store.finish_round("calls", 1, None)


def runs(store: Store) -> dict[int, tuple[int, int]]:
    """(run, first run) of each record."""
    with closing(sqlite3.connect(store.path)) as db:
        return {id_: (run, first) for id_, run, first in db.execute("SELECT id, run, first_run FROM records")}


def test_the_same_version_read_again_stays_of_its_run(store: Store) -> None:
    read(store, 1, 10, {"left": None, "title": "a", "new": None})
    assert runs(store) == {1: (1, 1), 2: (1, 1)}


@pytest.mark.parametrize(
    ("updated_us", "properties"),
    [(11, {"title": "a"}), (10, {"title": "a", "left": "calculated"}), (10, {}), (12, {"title": "c"})],
)
def test_another_time_or_another_value_is_another_version(
    store: Store, updated_us: int, properties: dict[str, str | None]
) -> None:
    read(store, 1, updated_us, properties)
    assert runs(store) == {1: (2, 1), 2: (1, 1)}


def test_an_older_version_changes_nothing(store: Store) -> None:
    read(store, 1, 9, {"title": "older"})
    assert runs(store)[1] == (1, 1)


def test_a_new_record_is_of_the_present_run(store: Store) -> None:
    read(store, 3, 10, {"title": "c"})
    assert runs(store)[3] == (2, 2)


def test_what_becomes_of_a_record_is_of_the_run_that_sees_it_first(store: Store) -> None:
    read(store, 1, 10, {"title": "a"}, archived=True)
    remove(store, 2, 1)
    assert runs(store) == {1: (2, 1), 2: (2, 1)}
    store.runs.begin("third", 3)
    read(store, 1, 10, {"title": "a"}, archived=True)
    remove(store, 2, 1)
    assert runs(store) == {1: (2, 1), 2: (2, 1)}
    read(store, 1, 10, {"title": "a"})
    read(store, 2, 10, {"title": "b"})
    assert runs(store) == {1: (3, 1), 2: (3, 1)}


def test_a_page_that_is_damaged_is_replaced_by_what_is_read_now(store: Store) -> None:
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("UPDATE pages SET body = x'00'")
        db.commit()
    read(store, 1, 10, {"title": "a"})
    assert runs(store)[1] == (2, 1)


def superseded(store: Store) -> list[tuple[int, int, int, int, int | None]]:
    """(id, first run, run that superseded it, state, updated) of each version that is kept."""
    with closing(sqlite3.connect(store.path)) as db:
        return list(db.execute("SELECT id, run, until, state, updated_us FROM superseded ORDER BY until, id"))


def test_versions_are_kept_from_the_run_on_that_is_told_to_and_by_every_later_one(store: Store) -> None:
    read(store, 1, 11, {"title": "not kept"})
    store.runs.begin("third", 3, keep=True)
    read(store, 1, 12, {"title": "c"})
    read(store, 1, 13, {"title": "d"})
    store.runs.begin("fourth", 4)
    remove(store, 1, None)
    read(store, 2, 10, {"title": "b"}, archived=True)
    assert superseded(store) == [(1, 2, 3, 0, 11), (1, 3, 4, 0, 13), (2, 1, 4, 0, 10)]


def test_a_page_stays_while_a_kept_version_lies_on_it(store: Store) -> None:
    store.runs.begin("third", 3, keep=True)
    read(store, 1, 12, {"title": "c"})
    store.finish_round("calls", 1, 1)
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT count(*) FROM pages").fetchone() == (3,)


def test_who_says_no_forgets_what_was_kept(store: Store) -> None:
    store.runs.begin("third", 3, keep=True)
    read(store, 1, 12, {"title": "c"})
    assert store.runs.begin("fourth", 4, keep=False) == 1
    read(store, 1, 13, {"title": "d"})
    store.finish_round("calls", 1, 1)
    assert superseded(store) == []
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT count(*) FROM pages").fetchone() == (2,)


def test_a_purge_erases_every_version(store: Store) -> None:
    store.runs.begin("third", 3, keep=True)
    read(store, 1, 12, {"title": "c"})
    store.erasing.erase("calls", [1])
    assert superseded(store) == []
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT count(*) FROM pages").fetchone() == (1,)
