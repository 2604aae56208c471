"""What surrounds a run: a clock that jumps, a machine with little memory, another program that has the dump open."""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hubdump.clock import SystemClock
from hubdump.events import Noted
from hubdump.extract.bearer import ServiceKey
from hubdump.extract.exchange import Patience
from hubdump.model import Secret
from hubdump.running import Order, run
from hubdump.session import WINDOW_S, Access
from hubdump.store.reader import Reader
from tests.conftest import TOKEN, TYPES, Serve, Served, User, same_as_truth

HOUR_S = 3600.0


class Jumped(SystemClock):
    """The clock of a machine that somebody set ahead or back; what it waits is noted, and not waited."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead_s = ahead_s
        self.long_waits: list[float] = []

    def wall_s(self) -> float:
        return super().wall_s() + self._ahead_s

    async def sleep(self, wait_s: float) -> None:
        if wait_s > 5:
            self.long_waits.append(wait_s)
        else:
            await super().sleep(wait_s)


def at(clock: Jumped, served: Served, user: User) -> None:
    """A whole run by this clock, in this process."""
    access = Access(served.url, ServiceKey(Secret(TOKEN)), None, Patience())
    events: list[object] = []
    served.reset()
    ended = run(Order("r", user.dump, access, lambda verb: verb, only=TYPES), clock, events.append)
    assert ended.exit == 0, ended.verdict
    assert len(clock.long_waits) == sum("still counts" in e.text for e in events if isinstance(e, Noted))


@pytest.mark.parametrize(
    "first_s",
    [pytest.param(HOUR_S, id="back"), pytest.param(-HOUR_S, id="ahead", marks=pytest.mark.prove)],
)
def test_a_clock_that_jumps_an_hour_between_two_runs_changes_nothing_but_one_wait(
    first_s: float, serve: Serve, user: User
) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    at(Jumped(first_s), served, user)
    second = Jumped(0)
    at(second, served, user)
    same_as_truth(user.dump, served.truth())
    # Set back, the last run seems to lie ahead: a window is waited for, never an hour. Set ahead: nothing.
    assert [0 < wait_s <= WINDOW_S for wait_s in second.long_waits] == [True] * (first_s > 0)
    # What is fresh is told by HubSpot's clock, whatever ours said.
    fresh = json.loads((user.dump / "manifest.json").read_text())["types"]["calls"]["fresh_at"]
    assert abs(instant(fresh) - SystemClock().wall_s()) < 600


def instant(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def capped(megabytes: int) -> Callable[[], None]:
    """The memory that a process, and each that it starts, may write to; its address space says nothing."""
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20,) * 2)


@pytest.mark.prove
@pytest.mark.parametrize(("megabytes", "enough"), [(256, True), (24, False)])
def test_to_extract_needs_no_more_than_256_mib(
    megabytes: int, enough: bool, serve: Serve, user: User
) -> None:
    served = serve("--portal", "script", "--faults", "none", "--tier", "addon")
    told = user.at(served).types("run", "--to", "json", preexec_fn=capped(megabytes))
    assert (told.status == 0) is enough, told.err
    if enough:
        assert user.types("load", "--to", "duckdb").status == 0
        same_as_truth(user.dump, served.truth())


@pytest.mark.prove
def test_where_duckdb_gets_no_memory_the_extraction_is_kept_and_load_completes(
    serve: Serve, user: User
) -> None:
    served = serve("--portal", "small", "--faults", "none", "--tier", "addon")
    told = user.at(served).types("run", preexec_fn=capped(128))
    assert told.status == 1, told.err
    assert "The extraction is safe in the store" in told.err
    assert "hint: Try again: hubdump load" in told.err
    log = served.ask("requests")["requests"]
    assert user.types("load").status == 0
    same_as_truth(user.dump, served.truth())
    assert len(served.ask("requests")["requests"]) == len(log)


@pytest.mark.prove
def test_a_run_beside_an_open_reader_ends_well_and_leaves_the_store_without_a_sum(
    serve: Serve, user: User
) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    assert user.at(served).types("run").status == 0
    sums = user.dump / "SHA256SUMS"
    assert "store.sqlite" in sums.read_text()
    user.forget_the_last_window()
    reader = Reader(user.dump / "store.sqlite")
    held = reader._db.execute("SELECT id FROM records")
    assert held.fetchone()  # what it reads stays as it was until it closes
    assert user.types("run").status == 0
    assert "manifest.json" in sums.read_text()
    assert "store.sqlite" not in sums.read_text()
    held.close()
    reader.close()
    assert user.types("verify", "--level", "local").status == 0
    user.forget_the_last_window()
    assert user.types("run").status == 0
    assert "store.sqlite" in sums.read_text()
    same_as_truth(user.dump, served.truth())


@pytest.mark.prove
def test_ten_runs_at_once_on_one_dump_leave_one_that_ran_and_nine_that_say_who(
    serve: Serve, user: User
) -> None:
    served = serve("--portal", "tiny", "--faults", "none", "--latency-ms", "600")
    processes = [
        subprocess.Popen(
            user.at(served).command("run", "--no-progress"), cwd=user.folder, env=user.env(),
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(10)
    ]  # fmt: skip
    said = {process.pid: process.communicate()[1] for process in processes}
    ran = [process.pid for process in processes if process.returncode == 0]
    assert sorted(process.returncode for process in processes) == [0] + [75] * 9
    assert all(
        f"process {ran[0]}" in said[pid] or "another process" in said[pid] for pid in said if pid != ran[0]
    )
    assert sum(f"process {ran[0]}" in text for text in said.values()) > 4
    same_as_truth(user.dump, served.truth())
    assert Path(user.dump / "SHA256SUMS").exists()
