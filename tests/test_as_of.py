"""hubdump load --as-of RUN: every target gets what that run left, in a dump of its own that nothing goes on from."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from hubdump.as_of import load_as_of
from hubdump.errors import UsageError
from hubdump.model import State
from hubdump.purging import purge
from hubdump.store import as_of
from hubdump.store.reader import Reader
from hubdump.targets import asked_for
from tests.conftest import Serve, User
from tests.filled_store import Life

NAMES = ("deals", "contacts")
# By type: (id, what it says, state, whom it was merged into); and every association.
Content = tuple[list[tuple[str, int, bytes, State, int | None]], list[tuple[object, ...]]]


def content(path: Path) -> Content:
    with closing(Reader(path)) as reader:
        records = sorted(
            (name, one.id, bytes(one.raw), one.state, one.merged_into or 0)
            for name in NAMES
            for page in reader.pages(name, *State)
            for one in page
        )
        links = sorted(
            (name, other, one.from_id, one.to_id, one.type_id, one.label or "")
            for name in NAMES
            for other, one in reader.associations(name)
        )
    return [(*row[:4], row[4] or None) for row in records], list(links)


def lived(folder: Path, seed: int, rounds: int) -> tuple[Life, dict[str, Content]]:
    """A dump whose versions are kept, and what each of its runs left."""
    life, left = Life(folder / "dump", seed, 25), dict[str, Content]()
    path = life.folder / "store.sqlite"
    with closing(sqlite3.connect(path)) as db:  # from now on associations are read by difference
        db.executemany("INSERT INTO pairs (from_type, to_type, whole_us) VALUES (?, 'deals', 1)", zip(NAMES))
        db.commit()
    for number in range(rounds):
        life.run = f"run-{number}"
        for _ in range(3):
            life.round()
        with life.store() as store:
            store.packing.pack(0)
            store.runs.end(life.now)
        left[life.run] = content(path)
    return life, left


@pytest.mark.parametrize("seed", [1, 2])
def test_what_a_run_left_is_there_again_record_for_record(seed: int, tmp_path: Path) -> None:
    life, left = lived(tmp_path, seed, 7)
    assert len({str(one) for one in left.values()}) > 4
    path = life.folder / "store.sqlite"
    for word, was in left.items():
        with closing(Reader(path)) as reader:
            run = reader.past.run(word)
        as_of.write(path, run, tmp_path / word / "store.sqlite")
        assert content(tmp_path / word / "store.sqlite") == was, word
        with closing(Reader(tmp_path / word / "store.sqlite")) as reader:
            assert reader.past.run("last") == run
    assert content(path) == was


@pytest.mark.prove(seconds=10)
def test_targets_hold_what_the_run_left_and_the_dump_stays_as_it_is(tmp_path: Path) -> None:
    life, left = lived(tmp_path, 5, 4)
    life.load()
    before = sums(life.folder)
    for word, name in (("run-1", "run-1"), ("previous", "run-2")):
        load_as_of(life.folder, word, lambda home: asked_for(["duckdb", f"csv:{home / 'csv'}"], home), quiet)
        folder = life.folder / "as-of" / name
        deals = [row for row in left[name][0] if row[0] == "deals"]
        with duckdb.connect(folder / "hubdump.duckdb", read_only=True) as db:
            rows = db.execute("SELECT id, _raw FROM deals").fetchall()
            links = db.execute("SELECT count(*) FROM associations").fetchone()
        assert sorted((int(id_), json.loads(raw)["id"]) for id_, raw in rows) == sorted(
            (d[1], str(d[1])) for d in deals
        )
        assert links == (len(left[name][1]),)
        with (folder / "csv" / "deals.csv").open(encoding="utf-8-sig", newline="") as file:
            assert len(list(csv.DictReader(file))) == len(deals)
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        assert manifest["as_of"]["run"] == name
    assert sums(life.folder) == before


def sums(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and "lock" not in path.name
    }


def quiet(_: object) -> None:
    pass


def test_what_nobody_knows_any_more_is_refused_by_the_run_since_which_it_is_known(tmp_path: Path) -> None:
    life, _ = lived(tmp_path, 5, 3)
    with life.store() as store:
        store.runs.begin("forgetful", 1, keep=False)
    life.run = "run-7"
    life.round()
    with pytest.raises(UsageError, match="Versions are kept since the end of run forgetful"):
        load_as_of(life.folder, "run-2", lambda home: asked_for([], home), quiet)
    with pytest.raises(
        UsageError, match=r"There is no run 'run-9' in .* The last ones: run-7, forgetful, run-2"
    ):
        load_as_of(life.folder, "run-9", lambda home: asked_for([], home), quiet)
    with life.store() as store:
        store.runs.begin("forgetful", 1, keep=False)
    with pytest.raises(UsageError, match="Versions are not kept in"):
        load_as_of(life.folder, "run-2", lambda home: asked_for([], home), quiet)
    assert not (life.folder / "as-of").exists()


@pytest.mark.prove(seconds=10)
def test_a_purge_erases_from_what_runs_left_too(tmp_path: Path) -> None:
    life, left = lived(tmp_path, 5, 3)
    load_as_of(life.folder, "run-0", lambda home: asked_for(["json", "duckdb"], home), quiet)
    assert any(row[:2] == ("deals", 7) for row in left["run-0"][0])
    purge(life.folder, ["deals:7"], quiet)
    past = life.folder / "as-of/run-0"
    assert not [row for row in content(past / "store.sqlite")[0] if row[:2] == ("deals", 7)]
    with duckdb.connect(past / "hubdump.duckdb", read_only=True) as db:
        assert db.execute("SELECT count(*) FROM deals WHERE id = '7'").fetchone() == (0,)


@pytest.mark.prove(seconds=10)
def test_nothing_goes_on_from_what_a_run_left(serve: Serve, user: User) -> None:
    served = serve("--portal", "companies=3", "--faults", "none")
    at = user.at(served)
    assert at.types("run", "--only", "companies", "--keep-versions").status == 0
    loaded = at.types("load", "json", "csv:out", "--as-of", "last")
    assert loaded.status == 0, loaded.err
    (folder,) = (user.dump / "as-of").iterdir()
    assert (user.dump / "runs" / f"{folder.name}.log").exists()
    assert len((folder / "out/companies.csv").read_text("utf-8").splitlines()) == 4
    assert f"versions are kept since the end of run {folder.name}" in at.types("status").out
    told = at.types("run", "--dump", str(folder))
    assert (told.status, f"is what run {folder.name} left" in told.err) == (2, True)
    assert f"as run {folder.name} left it" in at.types("status", "--dump", str(folder)).out
    verified = at.types("verify", "--level", "local", "--dump", str(folder))
    assert verified.status == 0, verified.out
