"""A disk that is full, read-only, closed to us or failing: 74, what to type, and the next run completes."""

from __future__ import annotations

import ctypes
import errno
import os
import re
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import Serve, Served, Told, User, same_as_truth, started
from tests.small_disk import on_a_disk
from tests.syscalls import RENAMES, SYNCS, WRITES, Call, at_call, watched

FULL = os.environ.get("HUBDUMP_FULL") == "1"
PARTS = 128 if FULL else 32
BLOCK = 4096
PORTAL = ("--portal", "calls=120,meetings=3", "--faults", "none")
RUN = "run --only calls --only meetings"
LARGE = "mount:rw,size=256m"


def refused(told: Told) -> None:
    """Assert that a run ended as one whose disk refused: its status, what is safe, what to type."""
    assert told.status == 74, (told.status, told.err)
    assert re.search(r"before is intact|safe in the store|Nothing was changed", told.err), told.err
    assert re.search(r"hint: .*(same command again|hubdump load|folder|run again)", told.err), told.err
    assert "Traceback" not in told.err


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Bytes that the dump of this portal takes: with fewer no run can end well."""
    with ExitStack() as stack:
        user = User(tmp_path_factory.mktemp("room")).at(started(stack, *PORTAL))
        told, used = on_a_disk(user, LARGE, RUN, "used")
    assert told.status == 0, told.err
    return int(used.out)


@pytest.mark.prove
@pytest.mark.parametrize("part", range(PARTS))
def test_a_disk_full_at_any_4_kb_ends_with_74_and_the_next_run_completes(
    part: int, room: int, serve: Serve, user: User
) -> None:
    served = serve(*PORTAL)
    every = range(BLOCK, room, BLOCK)
    assert len(every) > 200
    step = len(every) // PARTS
    # All of them, or one of each part: not always its first.
    offsets = every[part::PARTS] if FULL else [every[part * step + (7 * part) % step]]
    for number, offset in enumerate(offsets):
        served.reset()
        here = User(user.folder / str(number)).at(served)
        here.folder.mkdir()
        steps = (f"mount:size={offset}", RUN, LARGE, "whole?", "at once", RUN)
        full, whole, again = on_a_disk(here, *steps)
        assert whole.out in {"ok", "nothing"}, (offset, whole.out)
        refused(full)
        assert again.status == 0, (offset, again.err)
        same_as_truth(here.folder / "copy", only(served.truth()))


def only(truth: dict[str, object]) -> dict[str, object]:
    """The truth of the two types that are read here."""
    live, links = truth["live"], truth["associations"]
    assert isinstance(live, dict)
    assert isinstance(links, list)
    return {
        "live": {name: live[name] for name in ("calls", "meetings")},
        "associations": [row for row in links if row[0] in {"calls", "meetings"}],
    }


@pytest.mark.prove
def test_a_dump_on_a_read_only_disk_can_be_read_and_proved_but_not_run(serve: Serve, user: User) -> None:
    served = serve(*PORTAL)
    first, proof, status, run, again = on_a_disk(
        user.at(served), LARGE, RUN, "mount:ro", "verify --level local", "status", RUN, LARGE, "at once", RUN
    )
    assert first.status == 0, first.err
    assert proof.status == 0, proof.out + proof.err
    assert "files as it says" in proof.out
    assert (status.status, "120 records" in status.out) == (0, True)
    refused(run)
    assert again.status == 0, again.err
    same_as_truth(user.folder / "copy", only(served.truth()))


def no_right_to_override() -> None:
    """Root writes where modes forbid it by one capability; a program started without it is as anybody."""
    if os.geteuid() == 0:
        dropped = ctypes.CDLL(None, use_errno=True).prctl(
            24, 1, 0, 0, 0
        )  # CAP_DAC_OVERRIDE, of the bounding set
        assert dropped == 0


@pytest.mark.parametrize(
    ("path", "mode"), [(".", 0o500), ("store.sqlite", 0o400), ("raw", 0o500), ("manifest.json", 0o000)]
)
@pytest.mark.prove
def test_what_may_not_be_written_ends_with_74_and_nothing_is_changed(
    path: str, mode: int, serve: Serve, user: User
) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    assert user.at(served).types("run").status == 0
    user.forget_the_last_window()
    served.tell("edits", {"edits": [
        {"method": "POST", "path": "/crm/v3/objects/notes", "body": {"properties": {"hs_note_body": "new"}}}
    ]})  # fmt: skip
    before = {p: p.read_bytes() for p in user.dump.glob("raw/*.json")}
    place = user.dump / path
    kept = place.stat().st_mode
    place.chmod(mode)
    try:
        told = user.types("run", preexec_fn=no_right_to_override)
    finally:
        place.chmod(kept)
    if path == "manifest.json":  # a file without rights is replaced all the same: the folder decides
        assert told.status == 0, told.err
    else:
        refused(told)
        assert {p: p.read_bytes() for p in before} == before
    user.forget_the_last_window()
    assert user.types("run").status == 0
    same_as_truth(user.dump, served.truth())


def failing(user: User, matching: Callable[[Call], bool], number: int, code: int) -> tuple[Told, list[Call]]:
    """A run of which the `number`th matching call fails with this error."""
    with watched(at_call(number, matching, lambda _: code)) as watch:
        told = user.types("run", preexec_fn=watch.enter)
    return told, [call for call in watch.calls if matching(call)]


# What is under way when a call fails: the file's name until it is renamed.
UNDER_WAY = {
    "store": "store.sqlite-wal",
    "json": ".engagements_call_partial.json.new",
    "duckdb": ".hubdump.duckdb.new",
    "rows": ".rows.ndjson.new",
    "manifest": ".manifest.json.new",
    "seal": ".SHA256SUMS.new",
}
KINDS = {"write": (WRITES, errno.ENOSPC), "sync": (SYNCS, errno.EIO), "rename": (RENAMES, errno.EIO)}
NEVER = {
    ("store", "rename"),
    ("rows", "sync"),
    ("rows", "rename"),
}  # of what can be made again, and SQLite's own


@pytest.mark.parametrize(("place", "kind"), [(p, k) for p in UNDER_WAY for k in KINDS if (p, k) not in NEVER])
@pytest.mark.prove
def test_a_call_of_the_disk_that_fails_ends_with_74_and_the_next_run_completes(
    place: str, kind: str, serve: Serve, user: User
) -> None:
    names, code = KINDS[kind]
    served = serve("--portal", "tiny", "--faults", "none")
    told, calls = failing(
        user.at(served), lambda call: call.file == UNDER_WAY[place] and call.name in names, 1, code
    )
    assert calls, "nothing failed"
    refused(told)
    again(served, user)


@pytest.mark.prove
@pytest.mark.parametrize("number", range(2, 8))
def test_any_sync_of_the_store_that_fails_ends_with_74(number: int, serve: Serve, user: User) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    told, calls = failing(
        user.at(served),
        lambda call: call.file.startswith("store.sqlite") and call.name in SYNCS,
        number * number,
        errno.EIO,
    )
    assert len(calls) >= number * number
    refused(told)
    again(served, user)


def again(served: Served, user: User) -> None:
    """The next run completes, and what it leaves is proved."""
    user.forget_the_last_window()
    served.tell("clock", {"advance_s": 60})
    told = user.types("run")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth())
    assert user.types("verify", "--level", "local").status == 0


def test_exit_0_comes_after_every_file_is_synced_renamed_and_its_folder_synced(
    serve: Serve, user: User
) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    with watched() as watch:  # Python's own files are not ours to sync
        told = user.at(served, PYTHONDONTWRITEBYTECODE="1").types("run", "--json", preexec_fn=watch.enter)
    assert told.status == 0, told.err
    calls = watch.calls
    order = [call.to.rpartition("/")[2] for call in calls if call.name in RENAMES]
    assert {"engagements.json", "engagements_note_partial.json", "hubdump.duckdb"} <= set(order)
    assert order[-3:] == ["manifest.json", "SHA256SUMS", "report.html"]
    for number, renamed in enumerate(calls):
        if renamed.name in RENAMES:
            written = [n for n, call in enumerate(calls[:number]) if call.file == renamed.file]
            assert [calls[n].name in SYNCS for n in written][-1], f"{renamed.file} was renamed unsynced"
            folder = str((user.folder / renamed.to).parent)
            after = [c for c in calls[number:] if c.name in SYNCS and c.path == folder]
            assert after, f"{renamed.to}: its name was never synced"
    stores = [call for call in calls if call.file in {"store.sqlite", "store.sqlite-wal"}]
    changes = [call for call in stores if call.name in {*WRITES, *SYNCS}]
    assert len(changes) > 100
    for file in ("store.sqlite", "store.sqlite-wal"):
        assert [call.name in SYNCS for call in changes if call.file == file][-1], f"{file} was left unsynced"
    # One process and one connection write to the store: SQLite before 3.51.3 is safe in WAL mode only so.
    writers = {(call.process, call.file, call.fd) for call in changes}
    assert {process for process, _, _ in writers} == {calls[0].process}
    assert sorted(file for _, file, _ in writers) == ["store.sqlite", "store.sqlite-wal"]
    # What is said on stdout last is the summary, with its 0.
    spoken = max(
        n for n, c in enumerate(calls) if (c.name, c.fd, c.process) == ("write", 1, calls[0].process)
    )
    assert spoken > max(n for n, call in enumerate(calls) if call.name in RENAMES)
