"""A load writes what changed, and the file is then what building it anew makes, whatever it was that changed."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from hubdump import load
from hubdump.around import by_name
from hubdump.catalog import STANDARD
from hubdump.errors import Exit, HubdumpError
from hubdump.extract.plan import Wishes
from hubdump.extract.wanted import wanted as histories
from hubdump.model import Association, AssociationsRead, ObjectType, State, WalkKey
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from hubdump.store.stamps import Stamps
from hubdump.targets import child, duckdb_file, duckdb_held, refreshing, stale
from hubdump.targets.filling import pour
from hubdump.targets.stale import changed
from hubdump.targets.table import Table
from hubdump.targets.written import FILLED, LOADED, UNFIT
from tests.collections_world import collected
from tests.filled_store import DEFINED, NAMES, TYPES, Life

FILE = "hubdump.duckdb"


class Written(Counter[str]):
    """How many rows the last load wrote into each table of which it knows what changed; `anew`, where it did not."""

    anew = 0


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    """What a load writes, by the child's own code without its process, which takes longest to start."""
    told, built = Written(), duckdb_file._Load.built

    def counting(db: Any, scratch: Path, table: Table, lines: Iterator[bytes]) -> Any:
        rows = list(lines)
        told[table.name] += len(rows)
        return pour(db, scratch, table, iter(rows))

    def building(self: duckdb_file._Load) -> Any:
        told.anew += 1
        return built(self)

    def write(_: str, dump: Path, names: Sequence[str]) -> Any:
        told.clear()
        told.anew = 0
        return duckdb_file.write(dump, [STANDARD.by_name(name) for name in names]), {}

    monkeypatch.setattr(refreshing, "pour", counting)
    monkeypatch.setattr(duckdb_file._Load, "built", building)
    monkeypatch.setattr(child, "write", write)
    return told


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A life that is loaded."""
    life = Life(tmp_path_factory.mktemp("made") / "dump", 0)
    life.load()
    return life


@pytest.fixture
def life(made: Life, tmp_path: Path) -> Life:
    """A copy to do harm to."""
    return made.copied(tmp_path / "dump")


def content(path: Path) -> dict[str, Any]:
    """All there is in a file: columns with types and comments, views, and the rows of every table, in no order."""
    with duckdb.connect(path, read_only=True) as db:
        names = db.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name IN ('main', '_hubdump')"
        ).fetchall()
        assert {("main", name) for name in ("associations", "merges", "_unparsed", "_columns")} <= set(names)
        found: dict[str, Any] = {
            f"{schema}.{name}": Counter(map(repr, db.execute(f'SELECT * FROM {schema}."{name}"').fetchall()))
            for schema, name in names
        }
        found["columns"] = db.execute(
            "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns()"
            " WHERE NOT internal ORDER BY ALL"
        ).fetchall()
        found["views"] = db.execute(
            "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
        ).fetchall()
        return found


def same_as_anew(life: Life, types: Sequence[ObjectType] = TYPES) -> dict[str, Any]:
    """Assert that the file, and what is told of it, is what building it anew makes; all there is in it."""
    other = life.folder.with_name("anew")
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir()
    shutil.copy2(life.folder / "store.sqlite", other)
    (anew,) = duckdb_file.write(other, types)
    found, expected = content(life.folder / FILE), content(other / FILE)
    assert {name: rows for name, rows in expected.items() if found.get(name) != rows} == {}
    assert found.keys() == expected.keys()
    with closing(Reader(life.folder / "store.sqlite")) as reader:
        assert (reader.meta(UNFIT + FILE) or "[]") == msgspec.json.encode(anew.unfit).decode()
        assert reader.meta(FILLED + FILE) == msgspec.json.encode(anew.filled).decode()
    same_as_the_store(life, types)
    return found


def same_as_the_store(life: Life, types: Sequence[ObjectType] = TYPES) -> None:
    found = duckdb_held.differences(life.folder, types)
    assert {what: one for what, one in found.items() if not one.none} == {}
    assert found[f"{FILE} {types[0].name}"].compared > 50


def lived(life: Life, written: Written, loads: int) -> tuple[Counter[str], Counter[str]]:
    """Load a life again and again, never anew; what happened in it, and how many rows of each table were written."""
    happened, wrote = Counter[str](), Counter[str]()
    life.load()
    for _ in range(loads):
        happened.update(life.round() for _ in range(6))
        life.load()
        assert written.anew == 0
        assert all(rows <= 60 for rows in written.values()), written
        wrote += written
    return happened, wrote


@pytest.mark.parametrize("hard_delete", [False, pytest.param(True, marks=pytest.mark.prove)])
def test_after_any_sequence_of_changes_the_file_is_what_building_it_anew_makes(
    hard_delete: bool, tmp_path: Path, written: Written
) -> None:
    life = Life(tmp_path / "dump", seed=3)
    life.hard_delete = hard_delete
    happened, wrote = lived(life, written, 4)
    found = same_as_anew(life)
    assert len(happened) >= 8, happened
    assert wrote.keys() == {*NAMES, "associations", "property_history"}
    assert life.states() == set(State)
    assert len(found["main._unparsed"]) >= 6
    assert len(found["main.merges"]) > 5


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(30 if os.environ.get("HUBDUMP_FULL") == "1" else 6))
def test_so_it_is_from_any_seed(seed: int, tmp_path: Path, written: Written) -> None:
    life = Life(tmp_path / "dump", seed)
    life.hard_delete = seed % 3 == 0
    happened, _ = lived(life, written, 8)
    assert happened.total() == 48
    same_as_anew(life)


def edited(life: Life, ids: Sequence[int], name: str = "deals", amount: object = "") -> None:
    """Let records be changed between two loads."""
    life.now += 1
    with life.store() as store:
        store.begin_round(name, life.now)
        life.seen(store, name, ids, amount=amount)
        store.finish_round(name, life.now, life.now)


def test_a_load_after_nothing_changed_writes_no_row_and_one_record_is_one_row(
    life: Life, written: Written
) -> None:
    life.load()
    assert (written.anew, +written) == (0, Counter())
    edited(life, [5])
    life.load()
    assert (written.anew, +written) == (0, Counter(deals=1))
    same_as_anew(life)


def test_of_an_association_the_label_may_be_all_that_changes(life: Life, written: Written) -> None:
    for label in (None, "Boss"):
        with life.store() as store:
            link = Association(5, 6, "HUBSPOT_DEFINED", 3, label)
            read = AssociationsRead([5], [link], {}, "", done=False)
            store.commit_associations(WalkKey("deals", "contacts"), read, 0.0)
        life.load()
        assert (written.anew, written["associations"] > 0) == (0, True)
    same_as_the_store(life)


def harmed(life: Life) -> None:
    with duckdb.connect(life.folder / FILE) as db:
        db.execute("UPDATE deals SET property_name = 'another'")


def relabelled(life: Life) -> None:
    defined = [(name, json.dumps(one | {"label": "New"}).encode()) for name, one in DEFINED.items()]
    with life.store() as store:
        store.set_definitions("deals", defined)


def retyped(life: Life) -> None:
    with life.store() as store:
        store.set_definitions("deals", [(name, b'{"type": "string"}') for name in DEFINED])


def wished_otherwise(life: Life) -> None:
    life.hard_delete = True


def grown(life: Life) -> None:
    with life.store() as store:
        told = json.loads(store.meta(LOADED + FILE))
        store.set_meta(LOADED + FILE, json.dumps(told | {"whole_bytes": told["whole_bytes"] // 3}))


def mended(life: Life) -> None:
    edited(life, [5], amount=float("nan"))


def left_open(life: Life) -> None:
    (life.folder / f"{FILE}.wal").write_bytes(b"")


def mostly_edited(life: Life) -> None:
    for name in NAMES:
        edited(life, range(1, 101), name)


def lost(life: Life) -> None:
    (life.folder / FILE).unlink()


def broken(life: Life) -> None:
    (life.folder / FILE).write_bytes(b"no database")


@pytest.mark.parametrize(
    "harm",
    [
        *(harmed, relabelled, wished_otherwise, mostly_edited),
        *(
            pytest.param(one, marks=pytest.mark.prove)
            for one in (retyped, grown, mended, left_open, lost, broken)
        ),
    ],
)
def test_what_cannot_be_gone_on_from_is_built_anew(
    harm: Callable[[Life], None], life: Life, written: Written
) -> None:
    harm(life)
    told = [text for text in life.load() if "anew" in text]
    assert written.anew == 1
    theirs = {harmed, broken}
    assert told == [
        f"{FILE} is built anew, not brought up to date: It was changed since the last load, or that was cut short."
    ] * (harm in theirs)
    (life.folder / f"{FILE}.wal").unlink(missing_ok=True)
    same_as_the_store(life)


def forgetting(before: Stamps, now: Stamps) -> Iterator[tuple[int, int | None]]:
    """What changed, but for the first."""
    return islice(changed(before, now), 1, None)


def test_a_file_that_has_not_all_rows_when_it_is_refreshed_is_built_anew(
    life: Life, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    with life.store() as store:
        life.born(store, "deals")
    with monkeypatch.context() as planted:
        planted.setattr(stale, "changed", forgetting)
        told = life.load()
    assert written.anew == 1
    why = f"{FILE} is built anew, not brought up to date: deals would hold "
    assert [text for text in told if text.startswith(why)]
    same_as_the_store(life)


def test_a_changed_row_that_a_refresh_forgot_is_named_by_verify(
    life: Life, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited(life, [5, 6])
    monkeypatch.setattr(stale, "changed", forgetting)
    life.load()
    assert (written.anew, written["deals"]) == (0, 1)
    with pytest.raises(AssertionError):
        same_as_anew(life)
    found = duckdb_held.differences(life.folder, TYPES)
    assert found[f"{FILE} deals"].changed == ["deals 5"]


def test_whoever_reads_the_file_meanwhile_sees_it_as_it_was(life: Life, written: Written) -> None:
    sql = "SELECT _raw FROM deals WHERE id = '5'"
    with duckdb.connect(life.folder / FILE, read_only=True) as before:
        first = before.execute(sql).fetchall()
        edited(life, [5])
        life.load()
        assert written.anew == 0
        assert before.execute(sql).fetchall() == first
        assert before.execute("SELECT count(*) FROM contacts").fetchall() == [(100,)]
    with duckdb.connect(life.folder / FILE, read_only=True) as after:
        assert after.execute(sql).fetchall() != first


@pytest.mark.prove
def test_what_people_do_at_hubspot_is_written_and_nothing_else(tmp_path: Path, written: Written) -> None:
    life, names = Life.__new__(Life), ("calls", "tickets")
    life.folder, life.hard_delete, life.run = tmp_path / "dump", False, ""
    types = [STANDARD.by_name(name) for name in names]
    sandbox = InProcess("calls=60,tickets=40,owners=3", faults="none", overload=False)
    wishes = Wishes(prove=True, accept_deletes=True, history=histories(["calls:hs_call_title"]))

    def run() -> None:
        sandbox.advance(5000)
        assert collected(sandbox, life.folder, [by_name("owners")], wishes=wishes, types=names) == {}
        with life.store() as store:
            load.write_duckdb(life.folder, types, store, lambda _: None)

    run()
    truth = sandbox.portal.truth(*names)
    calls, tickets = truth["live"]["calls"], truth["live"]["tickets"]
    link = next(row for row in truth["associations"] if row[0] == "calls" and row[2] == "tickets")
    for method, path, body in (
        ("PATCH", f"calls/{calls[3]}", {"properties": {"hs_call_title": "changed"}}),
        ("POST", "calls", {"properties": {"hs_call_title": "new"}}),
        ("DELETE", f"calls/{calls[5]}", None),
        ("POST", "tickets/gdpr-delete", {"objectId": tickets[1]}),
        ("POST", "tickets/merge", {"primaryObjectId": tickets[2], "objectIdToMerge": tickets[3]}),
        ("DELETE", f"calls/{link[1]}/associations/tickets/{link[3]}", None),
    ):
        version = "v4" if "associations" in path else "v3"
        sandbox.portal.edit(method, f"/crm/{version}/objects/{path}", body)
    run()
    assert written.anew == 0
    assert 3 <= written["calls"] <= 4
    assert 3 <= written["tickets"] <= 4
    found = same_as_anew(life, types)
    assert "changed" in str(found["main.calls"])
    assert not any(repr(link[3]) in row and repr(link[1]) in row for row in found["main.associations"])


@pytest.mark.parametrize(
    "error",
    [
        duckdb.TransactionException("Checkpoint failed: could not allocate block of size 256.0 KiB"),
        duckdb.OutOfMemoryException(
            "Out of Memory Error: failed to allocate data of size 32.0 MiB (188.0 MiB/190.7 MiB used)"
        ),
    ],
    ids=["in a checkpoint", "in an insert"],
)
def test_too_little_memory_is_not_told_as_a_full_disk(error: duckdb.Error, tmp_path: Path) -> None:
    with (
        pytest.raises(HubdumpError, match="needs more memory") as told,
        duckdb_file.building(tmp_path / "a.duckdb", "a.duckdb"),
    ):
        raise error
    assert (told.value.exit, "hubdump load jsonl:out" in told.value.hint) == (Exit.ERROR, True)
