"""A store that is not what was left: bits flipped, cut, filled with zeros, somebody else's. Told, and never touched."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from hubdump import seal
from hubdump.checking import check_here
from hubdump.errors import DiskFailure, Exit, HubdumpError
from hubdump.store.database import open_for_writing
from hubdump.store.versions import LATEST
from hubdump.verify.findings import status_of
from tests.conftest import Serve, User, same_as_truth, started
from tests.syscalls import at_call, kill, watched

FULL = os.environ.get("HUBDUMP_FULL") == "1"
EVERY = 499 if FULL else 4999  # a prime, so that every kind of place in a page of SQLite's is met


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A dump as a run left it; each test that harms it works on a copy."""
    with ExitStack() as stack:
        user = User(tmp_path_factory.mktemp("left")).at(
            started(stack, "--portal", "tiny", "--faults", "none")
        )
        assert user.types("run").status == 0
        yield user.dump


def refused(dump: Path) -> str:
    """Assert that a run refuses this dump with 74 before it changes a byte; what it says."""
    before = {
        path: path.read_bytes() for path in dump.iterdir() if path.is_file() and "lock" not in path.name
    }
    with pytest.raises(DiskFailure) as told, seal.held(dump, "now"):
        raise AssertionError("a run would begin on it")
    assert {path: path.read_bytes() for path in before} == before
    assert told.value.hint
    return told.value.message


def unproved(dump: Path) -> bool:
    """Whether `verify --level local` does not pass this dump."""
    try:
        return status_of(check_here(dump)) is not Exit.COMPLETE
    except HubdumpError as error:
        return error.exit in {Exit.DISK, Exit.USAGE}


def flipped(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        old = file.read(1)[0]
        file.seek(place)
        file.write(bytes([old ^ 1 << place % 8]))


def test_no_flipped_bit_of_the_store_gets_past_the_seal(dump: Path, tmp_path: Path) -> None:
    shutil.copytree(dump, tmp_path / "dump")
    store = tmp_path / "dump/store.sqlite"
    places = range(0, store.stat().st_size, EVERY)
    assert len(places) > 50
    assert dict(seal.changed(tmp_path / "dump"))["store.sqlite"] is False
    for place in places:
        flipped(store, place)
        assert dict(seal.changed(tmp_path / "dump"))["store.sqlite"] is True, place
        assert "is not what hubdump left there" in refused(tmp_path / "dump")
        flipped(store, place)
    with seal.held(tmp_path / "dump", "now") as held:
        assert held.meta("portal")


HARMS: dict[str, Callable[[bytes], bytes]] = {
    "cut in the middle of a page": lambda old: old[: len(old) // 2 + 100],
    "cut between pages": lambda old: old[:-4096],
    "a tail of zeros": lambda old: old[:-40_000] + bytes(40_000),
    "zeros in the middle": lambda old: old[:40_960] + bytes(8192) + old[49_152:],
    "a text": lambda _: b"a shopping list\n" * 1000,
}


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "after a crash"])
@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.prove
def test_a_damaged_store_is_told_by_verify_and_by_run_and_left_as_it_is(
    harm: str, sealed: bool, dump: Path, tmp_path: Path
) -> None:
    here = tmp_path / "dump"
    shutil.copytree(dump, here)
    store = here / "store.sqlite"
    if not sealed:
        (here / seal.NAME).unlink()
    store.write_bytes(HARMS[harm](store.read_bytes()))
    assert unproved(here)
    told = refused(here)
    assert "is not what hubdump left there" in told if sealed else "is damaged" in told, told


@pytest.mark.prove
def test_each_page_has_a_checksum_that_finds_one_bit_also_after_a_crash(
    dump: Path, serve: Serve, user: User
) -> None:
    shutil.copytree(dump, user.dump)
    (user.dump / seal.NAME).unlink()
    store = user.dump / "store.sqlite"
    with closing(sqlite3.connect(store)) as db:
        (body,) = db.execute("SELECT body FROM pages WHERE type = 1 LIMIT 1").fetchone()
    flipped(store, store.read_bytes().index(body[:64]) + 40)
    assert "1 damaged pages" in " ".join(
        finding.text for finding in check_here(user.dump) if not finding.good
    )
    told = user.at(serve("--portal", "tiny", "--faults", "none")).types("load")
    assert told.status == 74, told.err
    assert "is not what was written to it" in told.err


def test_the_database_of_another_program_is_refused_and_not_a_byte_of_it_changed(tmp_path: Path) -> None:
    for version, status in ((0, Exit.DISK), (5, Exit.DISK), (LATEST, Exit.DISK), (99, Exit.USAGE)):
        path = tmp_path / f"{version}.sqlite"
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.executescript(f"CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = {version};")
        before = path.read_bytes()
        with pytest.raises(HubdumpError) as told:
            open_for_writing(path)
        assert told.value.exit is status
        assert path.read_bytes() == before
        assert [
            found.name for found in tmp_path.iterdir() if found.name.startswith(f"{version}.sqlite-")
        ] == []


def test_a_store_left_in_another_journal_mode_is_set_right_at_open(dump: Path, tmp_path: Path) -> None:
    shutil.copytree(dump, tmp_path / "dump")
    store = tmp_path / "dump/store.sqlite"
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    with closing(open_for_writing(store)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_store_that_cannot_be_had_in_its_mode_is_refused(dump: Path, tmp_path: Path) -> None:
    shutil.copytree(dump, tmp_path / "dump")
    store = tmp_path / "dump/store.sqlite"
    with closing(sqlite3.connect(store, isolation_level=None)) as db:
        db.executescript("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE;")
        with pytest.raises(DiskFailure, match="locked"):
            open_for_writing(store)


@pytest.fixture(scope="module")
def cut_short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump whose run was killed in the middle: its newest pages are in the journal only."""
    with ExitStack() as stack:
        user = User(tmp_path_factory.mktemp("cut")).at(started(stack, *PORTAL))
        with watched(
            at_call(70, lambda call: call.file == "store.sqlite-wal" and call.name == "fdatasync", kill)
        ) as w:
            assert user.types("run", preexec_fn=w.enter).status == -9
    assert (user.dump / "store.sqlite-wal").stat().st_size > 100_000
    return user.dump


PORTAL = ("--portal", "small", "--faults", "none")
JOURNAL_HARMS: dict[str, Callable[[bytes], bytes]] = {
    "a bit at its start": lambda old: _bit(old, 20),
    "a bit in its middle": lambda old: _bit(old, len(old) // 2),
    "a bit near its end": lambda old: _bit(old, len(old) - 2000),
    "cut in the middle": lambda old: old[: len(old) // 2],
    "a tail of zeros": lambda old: old[: len(old) // 2] + bytes(len(old) // 2),
    "gone": lambda _: b"",
}


def _bit(old: bytes, place: int) -> bytes:
    return old[:place] + bytes([old[place] ^ 16]) + old[place + 1 :]


@pytest.mark.prove
@pytest.mark.parametrize("harm", JOURNAL_HARMS)
def test_a_damaged_journal_costs_pages_never_the_result(
    harm: str, cut_short: Path, serve: Serve, user: User
) -> None:
    shutil.copytree(cut_short, user.dump)
    journal = user.dump / "store.sqlite-wal"
    journal.write_bytes(JOURNAL_HARMS[harm](journal.read_bytes()))
    (user.dump / "store.sqlite-shm").unlink(missing_ok=True)
    served = serve(*PORTAL)
    user.forget_the_last_window()
    told = user.at(served).types("run", "--json")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth())


def test_sha256sum_proves_the_files_of_a_dump_without_us_and_finds_a_change(
    dump: Path, tmp_path: Path
) -> None:
    here = tmp_path / "dump"
    shutil.copytree(dump, here)
    sealed = {line.split("  ", 1)[1] for line in (here / "SHA256SUMS").read_text().splitlines()}
    files = {str(path.relative_to(here)) for path in here.rglob("*") if path.is_file()}
    # All but our logs, which grow, what says who writes, and the report, which is no data.
    assert {path for path in files - sealed if not path.startswith("runs/")} == {
        "SHA256SUMS", "lock.json", "lock.sqlite", "report.html",
    }  # fmt: skip
    user = User(tmp_path)
    for verb in (("status",), ("verify", "--level", "local")):
        assert user.types(*verb, "--dump", "dump").status == 0
        assert (
            subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=here, check=False).returncode
            == 0
        )
    for path in random.Random(1).sample(sorted(sealed), 4):
        flipped(here / path, (here / path).stat().st_size // 2)
        checked = subprocess.run(
            ["sha256sum", "-c", "SHA256SUMS"], cwd=here, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 1
        assert f"{path}: FAILED" in checked.stdout
        flipped(here / path, (here / path).stat().st_size // 2)
