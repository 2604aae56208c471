"""Exports: asked for by their place, whole or as they were, nobody else's file replaced, and held by verify."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hubdump import load
from hubdump.catalog import STANDARD
from hubdump.errors import HubdumpError, Incomplete, UsageError
from hubdump.events import Noted
from hubdump.model import ObjectType
from hubdump.sandbox import InProcess
from hubdump.store.store import Store
from hubdump.targets import child, exports, jsonl_files, parquet_files
from hubdump.targets.export import FORMATS, Export, Kept, Wanted, wanted
from hubdump.targets.written import mark_of, put_in_place
from hubdump.verify import local
from hubdump.verify.findings import Finding, Verdict
from tests.conftest import Serve, User
from tests.tampering import Home, home, untouched

NAMED = {"json": "engagements_call_partial"}
OWN = {"json": "raw", "duckdb": "hubdump.duckdb"}
DUMP = Path("data")


def place_of(format_: str, folder: Path) -> str:
    """A place for an export in a folder."""
    return f"{format_}:{folder / format_}" + (f".{format_}" if FORMATS[format_].one_file else "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small dump, not loaded."""
    return home(
        tmp_path_factory.mktemp("made") / "dump", InProcess("narrow,calls=5,contacts=3"), untouched, ["calls"]
    )


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's own code without its process, which takes longest to start."""
    monkeypatch.setattr(child, "build", lambda export, dump, names: exports.build(dump, export, types(names)))
    monkeypatch.setattr(
        child, "compare_export", lambda export, dump, names: exports.differences(dump, export, types(names))
    )


def types(names: Sequence[str]) -> list[ObjectType]:
    return [STANDARD.by_name(name) for name in names]


@pytest.fixture
def came(made: Home, tmp_path: Path) -> Home:
    """A copy to do harm to."""
    return Home(Path(shutil.copytree(made.folder, tmp_path / "dump")), {}, [])


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([], Wanted()),
        (["duckdb", "json", "duckdb"], Wanted(("duckdb", "json"))),
        (["duckdb:data/hubdump.duckdb"], Wanted(("duckdb",))),
        (["json:data/raw/"], Wanted(("json",))),
        (["parquet"], Wanted((), (Export("parquet", "parquet"),))),
        (["parquet:data/for/them", "parquet:./data/for/them/"], Wanted((), (Export("parquet", "for/them"),))),
        (["json", "parquet:/out"], Wanted(("json",), (Export("parquet", "/out"),))),
    ],
)  # fmt: skip
def test_a_target_is_asked_for_by_its_format_and_its_place(asked: list[str], found: Wanted) -> None:
    assert wanted(asked, OWN, DUMP) == found


def test_the_targets_of_every_dump_are_wanted_unless_others_are_asked_for() -> None:
    assert [Wanted().has(name) for name in OWN] == [True, True]
    assert [wanted(["json"], OWN, DUMP).has(name) for name in OWN] == [True, False]
    assert [wanted(["parquet"], OWN, DUMP).has(name) for name in OWN] == [False, False]
    assert [wanted(["none"], OWN, DUMP).has(name) for name in OWN] == [False, False]
    with pytest.raises(UsageError, match="'none' is no target beside others"):
        wanted(["none", "json"], OWN, DUMP)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("excel", "There is no target 'excel'. Targets: json, duckdb, duckdb:FILE, json:FOLDER, parquet:FOLDER"),
        ("", "There is no target ''"),
        ("parquet:", "names no place"),
        ("parquet:-", "names no place"),
        ("parquet:data", "is the dump's own"),
        ("parquet:data/raw", "is the dump's own"),
        ("parquet:data/store.sqlite", "is the dump's own"),
        ("parquet:data/x/../runs/x", "is the dump's own"),
        ("parquet:/etc/hostname", "is no folder"),
        ("duckdb:/etc", "does not end in .duckdb"),
        ("json:data/manifest.json", "is the dump's own"),
        ("duckdb:data/raw/x.duckdb", "is the dump's own"),
    ],
)  # fmt: skip
def test_a_target_that_cannot_be_is_refused_before_anything_is_done(asked: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        wanted([asked], OWN, DUMP)


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_replaces_its_own_files_and_moves_those_of_others_aside(
    format_: str, came: Home, tmp_path: Path
) -> None:
    asked = place_of(format_, tmp_path / "new" / "out")
    came.export(asked)
    path = Path(wanted([asked], OWN, came.folder).exports[0].file_of(NAMED.get(format_, "calls")))
    first = path.stat()
    came.export(asked)
    assert path.stat().st_mtime_ns == first.st_mtime_ns, "the same content is written again"
    assert came.notes == []
    path.write_bytes(b"somebody's own")
    came.export(asked)
    (aside,) = path.parent.glob("before-hubdump-*")
    assert [(one.name, one.read_bytes()) for one in aside.iterdir()] == [(path.name, b"somebody's own")]
    assert path.stat().st_size == first.st_size
    assert [f"Moved 1 files that hubdump did not write to {aside}"] == came.notes
    assert not list(path.parent.glob(".*"))


def test_a_file_that_was_there_first_is_moved_aside_whatever_it_is(came: Home, tmp_path: Path) -> None:
    (tmp_path / "out/calls.parquet").mkdir(parents=True)
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "out/associations.parquet").symlink_to(tmp_path / "theirs")
    (tmp_path / "out/_columns.parquet").symlink_to(tmp_path / "nowhere")
    came.export(f"parquet:{tmp_path / 'out'}")
    (aside,) = (tmp_path / "out").glob("before-hubdump-*")
    assert sorted(path.name for path in aside.iterdir()) == [
        "_columns.parquet", "associations.parquet", "calls.parquet",
    ]  # fmt: skip
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (tmp_path / "out/calls.parquet").is_file()


def test_the_file_of_the_dump_itself_is_not_written_over_somebody_elses(came: Home) -> None:
    (came.folder / "hubdump.duckdb").write_text("theirs")
    for _ in range(2):
        came.load()
    (aside,) = came.folder.glob("before-hubdump-*")
    assert (aside / "hubdump.duckdb").read_text() == "theirs"
    assert [note for note in came.notes if "did not write" in note] == [
        f"Moved 1 files that hubdump did not write to {aside}"
    ]
    assert len(came.active("calls")) == 5


def held(came: Home) -> list[Finding]:
    """What verify says of exports."""
    store = Store(came.folder / "store.sqlite")
    kept = [f"{format_}:" for format_ in FORMATS]
    store.close()
    found = [one for one in local.check(came.folder, came.types()) if one.what.startswith(tuple(kept))]
    assert found
    return found


def test_verify_holds_an_export_against_the_store_while_both_are_as_they_were(
    came: Home, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    came.export(f"parquet:{out}")
    (one,) = held(came)
    assert (one.verdict, one.text) == (Verdict.RIGHT, "5 records, each once, every value as in the store")
    (out / "calls.parquet").unlink()
    (one,) = held(came)
    assert (one.verdict, one.what) == (Verdict.WRONG, f"parquet:{out} calls")
    shutil.rmtree(out)
    (one,) = held(came)
    assert (one.verdict, one.text) == (Verdict.RIGHT, "is no longer there")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE types SET round = round + 1, fresh_us = fresh_us + 1 WHERE name = 'calls'", "is older than the dump"),
        ("UPDATE types SET complete = 0 WHERE name = 'calls'", "is older than the dump"),
    ],
)  # fmt: skip
def test_verify_does_not_accuse_an_export_of_what_was_read_since(
    sql: str, said: str, came: Home, tmp_path: Path
) -> None:
    came.export(f"parquet:{tmp_path / 'out'}")
    with sqlite3.connect(came.folder / "store.sqlite") as db:
        assert db.execute(sql).rowcount == 1
    (one,) = held(came)
    assert one.verdict is Verdict.RIGHT
    assert one.text.startswith(said)
    assert one.text.endswith(f"hubdump load --dump {came.folder} parquet:{tmp_path / 'out'}")


def test_an_export_that_fails_leaves_the_one_before_whole(
    came: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    came.export(f"parquet:{out}")
    before = {path: path.read_bytes() for path in out.iterdir()}

    def failing(_: Any) -> Any:
        raise HubdumpError("no space left")

    monkeypatch.setattr(parquet_files, "unparsed", failing)
    with pytest.raises(HubdumpError, match="no space left"):
        exports.build(came.folder, Export("parquet", str(out)), came.types())
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in came.folder.iterdir() if path.name.endswith((".new", ".wal"))] == []


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_load_that_dies_between_two_files_is_told_and_the_next_one_moves_nothing_aside(
    done: int, came: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    came.export(f"parquet:{out}")
    names = sorted(path.name for path in out.iterdir())
    assert {"calls.parquet", "associations.parquet", "_columns.parquet", "_unparsed.parquet"} <= set(names)
    for path in out.iterdir():  # as an older hubdump, or DuckDB, wrote them
        path.write_bytes(path.read_bytes() + b" ")
    mark_as_ours(came, out)
    left = iter(range(done))

    def dying(new: Path, path: Path) -> None:
        next(left)
        new.replace(path)

    with monkeypatch.context() as dies:
        dies.setattr(load, "put_in_place", dying)
        with pytest.raises(StopIteration):
            came.export(f"parquet:{out}")
    (one,) = held(came)
    assert (one.verdict, "is not whole: hubdump load" in one.text) == (Verdict.WRONG, True)
    came.export(f"parquet:{out}")
    assert not [event for event in came.told if isinstance(event, Noted)]
    assert [one.verdict for one in held(came)] == [Verdict.RIGHT]
    assert sorted(path.name for path in out.iterdir()) == names


def mark_as_ours(came: Home, out: Path) -> None:
    """Let the store know the files of an export as they are now."""
    store = Store(came.folder / "store.sqlite")
    files = {str(path): [mark_of(path)] for path in out.iterdir()}
    load._remember(store, Kept(Export("parquet", str(out)), files, 5, {"calls": "as it was"}))
    store.close()


@pytest.mark.parametrize(("harm", "said"), [(0, "calls would hold 0 rows"), (2, "twice")])
def test_rows_that_are_not_there_once_when_read_back_replace_nothing(
    harm: int, said: str, came: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, write = tmp_path / "out", jsonl_files.make

    def harmed(job: exports.Job) -> exports.Made:
        made, path = write(job), job.path_of("calls")
        path.write_bytes(path.read_bytes() * harm)
        return made

    came.export(f"jsonl:{out}")
    before = {path: path.read_bytes() for path in out.iterdir()}
    monkeypatch.setattr(jsonl_files, "make", harmed)
    with pytest.raises(Incomplete, match=said):
        came.export(f"jsonl:{out}")
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_a_file_is_on_disk_before_it_takes_its_place(
    came: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, synced, fsync = tmp_path / "out", list[int](), os.fsync

    def seen(number: int) -> None:
        fsync(number)
        synced.append(os.fstat(number).st_ino)

    monkeypatch.setattr(os, "fsync", seen)
    placed: list[bool] = []

    def watched(new: Path, path: Path) -> None:
        placed.append(new.stat().st_ino in synced)
        put_in_place(new, path)

    monkeypatch.setattr(load, "put_in_place", watched)
    came.export(f"csv:{out}")
    assert placed == [True] * len(list(out.iterdir()))
    assert out.stat().st_ino in synced


def test_a_run_and_a_load_fill_the_targets_that_are_asked_for_and_verify_knows_them(
    serve: Serve, user: User
) -> None:
    served = serve("--portal", "calls=3", "--faults", "none")
    refused = user.at(served).types("run", "--to", "parquet:data/raw")
    assert (refused.status, "own" in refused.err, user.dump.exists()) == (2, True, False)
    told = user.types("run", "--only", "calls", "--to", "parquet:out", "--to", "csv:for them", "--labels")
    assert told.status == 0, told.err
    assert not (user.dump / "hubdump.duckdb").exists()
    assert (user.folder / "for them/calls.csv").read_text("utf-8-sig").startswith('"id","created_at"')
    checked = user.types("verify", "--level", "local")
    assert checked.status == 0
    assert checked.out.count("3 records, each once, every value as in the store") == 2
    user.forget_the_last_window()
    assert user.types("run", "--only", "calls", "--to", "duckdb", "--hard-delete").status == 0
    with user.in_the_store() as db:
        assert db.execute("SELECT value FROM meta WHERE key = 'hard_delete:hubdump.duckdb'").fetchall() == [
            ("yes",)
        ]
    stale = user.types("verify", "--level", "local")
    assert stale.status == 0
    assert f"hubdump load --dump data 'csv:{user.folder}/for them' --labels" in stale.out
    assert user.types("load", "parquet:out", "--to", "jsonl").status == 0
    assert len((user.dump / "jsonl/calls.jsonl").read_text("utf-8").splitlines()) >= 3


@pytest.mark.prove
def test_a_target_that_the_last_run_was_not_to_fill_is_told_as_older_and_not_accused(
    serve: Serve, user: User
) -> None:
    user.at(serve("--portal", "calls=3", "--faults", "none"))
    assert user.types("run", "--only", "calls", "--to", "duckdb").status == 0
    user.forget_the_last_window()
    assert user.types("run", "--only", "calls", "--to", "parquet:out").status == 0
    told = user.types("verify", "--level", "local")
    older = "duckdb: is older than the dump, as the last run was not to fill it; it was not compared"
    assert (told.status, older in told.out) == (0, True), told.out
    again = next(line for line in told.out.splitlines() if older in line).partition("hubdump load ")[2]
    assert user.types("load", *again.split()).status == 0
    assert older not in user.types("verify", "--level", "local").out
