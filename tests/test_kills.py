"""kill -9 between any two calls that change the disk: nothing is lost, no committed page is asked for again."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil
import pytest

from hubdump.hubspot.listing import Spot
from hubdump.model import RecordRef, RecordsRead, Response, WalkKey
from hubdump.store.store import Store
from test_engagement_fixes import pages_asked_twice
from tests.conftest import Serve, Served, User, same_as_truth, started
from tests.syscalls import Call, Watch, at_call, kill, watched

FULL = os.environ.get("HUBDUMP_FULL") == "1"
KILLS = 60 if FULL else 20
PORTAL = ("--portal", "seven", "--faults", "none")
KILLED = -9


def run_killed(user: User, number: int, matching: Callable[[Call], bool]) -> tuple[int, Watch]:
    """`hubdump run`, and the process of the `number`th matching call is killed before that call is done."""
    with watched(at_call(number, matching, kill)) as watch:
        status = user.types("run", preexec_fn=watch.enter).status
    return status, watch


def continued(served: Served, user: User, killed_at: int, *, whole: bool) -> None:
    """Run again; assert that nothing is lost and, unless the killed run was `whole`, nothing asked for twice."""
    user.forget_the_last_window()
    told = user.types("run", "--json")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth())
    assert user.types("verify", "--level", "local").status == 0
    log = served.ask("requests")["requests"]
    assert len(log) > killed_at
    if not whole:
        assert pages_asked_twice(log, killed_at) == {}


@dataclass(frozen=True, slots=True)
class Whole:
    """How many calls change the disk in a whole run: of a first one, of its loading child, of a later run."""

    first: int
    child: int
    later: int


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Counted once, in runs that nobody kills."""
    with ExitStack() as stack:
        served = started(stack, *PORTAL)
        user = User(tmp_path_factory.mktemp("whole")).at(served)
        with watched() as watch:
            assert user.types("run", preexec_fn=watch.enter).status == 0
        edit(served)
        user.forget_the_last_window()
        with watched() as later:
            assert user.types("run", preexec_fn=later.enter).status == 0
    run, child = watch.calls[0].process, loading(watch.calls)
    count = Counter(call.process for call in watch.calls)
    return Whole(count[run], count[child], Counter(c.process for c in later.calls)[later.calls[0].process])


def loading(calls: list[Call]) -> int:
    """The process that loads DuckDB, 0 as long as there is none."""
    return next((call.process for call in calls if call.file == ".hubdump.duckdb.new"), 0)


def edit(served: Served) -> None:
    """Change a third of the notes and make a new call, as people do between two runs."""
    served.tell("clock", {"advance_s": 7200})
    edits = [
        {"method": "PATCH", "path": f"/crm/v3/objects/notes/{id_}",
         "body": {"properties": {"hs_note_body": "changed"}}}
        for id_ in served.truth()["live"]["notes"][::3]
    ]  # fmt: skip
    edits.append({"method": "POST", "path": "/crm/v3/objects/calls", "body": {"properties": {}}})
    served.tell("edits", {"edits": edits})


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(0, KILLS, 3))
def test_a_first_run_killed_at_a_random_call_loses_nothing(
    seed: int, whole: Whole, serve: Serve, user: User
) -> None:
    served = serve(*PORTAL)
    number = random.Random(seed).randrange(1, whole.first)
    process: list[int] = []

    def own(call: Call) -> bool:
        process[:] = process or [call.process]
        return call.process == process[0]

    status, watch = run_killed(user.at(served), number, own)
    # The order of calls differs from run to run, their number by a few.
    assert status == KILLED or number > whole.first * 0.97
    assert status == 0 or sum(call.process == process[0] for call in watch.calls) == number
    came_to_its_end = (user.dump / "manifest.json").exists()
    if not (user.dump / "store.sqlite").exists():
        assert number < 10
        return
    continued(served, user, len(served.ask("requests")["requests"]), whole=came_to_its_end)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(1, KILLS, 3))
def test_a_loading_child_killed_at_a_random_call_fails_the_run_and_loses_nothing(
    seed: int, whole: Whole, serve: Serve, user: User
) -> None:
    served = serve(*PORTAL)
    number = random.Random(seed).randrange(1, whole.child)
    process: list[int] = []

    def childs(call: Call) -> bool:
        if call.file == ".hubdump.duckdb.new":
            process[:] = process or [call.process]
        return call.process in process

    status, watch = run_killed(user.at(served), number, childs)
    if number > whole.child * 0.97 and status == 0:
        return
    assert sum(call.process in process for call in watch.calls) == number
    assert status == 1
    continued(served, user, len(served.ask("requests")["requests"]), whole=False)
    assert [path.name for path in user.dump.iterdir() if path.name.endswith(".new")] == []


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(2, KILLS, 3))
def test_a_later_run_killed_at_a_random_call_loses_nothing(
    seed: int, whole: Whole, serve: Serve, user: User
) -> None:
    served = serve(*PORTAL)
    assert user.at(served).types("run").status == 0
    edit(served)
    user.forget_the_last_window()
    before = len(served.ask("requests")["requests"])
    number = random.Random(seed).randrange(1, whole.later)
    process: list[int] = []

    def own(call: Call) -> bool:
        process[:] = process or [call.process]
        return call.process == process[0]

    told_by = (user.dump / "manifest.json").read_bytes()
    status, _ = run_killed(user, number, own)
    assert status == KILLED or number > whole.later * 0.97
    came_to_its_end = (user.dump / "manifest.json").read_bytes() != told_by
    killed_at = len(served.ask("requests")["requests"])
    user.forget_the_last_window()
    told = user.types("run", "--json")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth())
    log = served.ask("requests")["requests"][before:]
    if not came_to_its_end:
        assert pages_asked_twice(log, killed_at - before) == {}


@pytest.mark.prove
@pytest.mark.parametrize("what", ["manifest.json", "SHA256SUMS"])
def test_a_kill_between_the_last_page_and_the_seal_costs_no_request_for_a_page(
    what: str, serve: Serve, user: User
) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    status, _ = run_killed(user.at(served), 1, lambda call: call.name == "rename" and call.to.endswith(what))
    assert status == KILLED
    assert not (user.dump / what).exists()
    assert (user.dump / "hubdump.duckdb").exists()
    continued(served, user, len(served.ask("requests")["requests"]), whole=what == "SHA256SUMS")
    assert (user.dump / what).exists()


@pytest.mark.prove
def test_a_run_resumes_within_a_second_for_a_million_rows_of_its_store(serve: Serve, tmp_path: Path) -> None:
    spent = {}
    for pages in (1, 10_000):
        served = serve("--portal", "calls=100", "--faults", "none")
        user = User(tmp_path / str(pages)).at(served)
        user.folder.mkdir()
        fill(user.dump, int(served.truth()["portal"]), pages)
        spent[pages] = until_the_first_page(served, user)
    assert spent[1] > 0
    # CPU, not the wall's time: others work on this machine too. A million rows, twice what is promised.
    assert spent[10_000] - spent[1] < 2.0, spent


def fill(dump: Path, portal: int, pages: int) -> None:
    """A store in which the sweep of calls was cut short after so many pages of 100."""
    dump.mkdir()
    store = Store(dump / "store.sqlite")
    store.bind_portal(portal)
    store.set_definitions("calls", [("hs_object_id", b"{}")])
    store.begin_round("calls", 1)
    body = random.Random(0).randbytes(5_000)
    for number in range(pages):
        refs = [RecordRef(number * 100 + n + 1, n, 10) for n in range(100)]
        last = number * 100 + 100
        cursor = msgspec.json.encode(Spot(str(last + 1), last, last)).decode()
        page = RecordsRead(Response(200, {}, body, "gzip"), refs, cursor, done=False)
        store.commit_records(WalkKey("calls", "sweep"), page, 0.0)
    store.close()


def until_the_first_page(served: Served, user: User) -> float:
    """CPU seconds from the start of a run to the first page of calls that it asks for."""
    process = psutil.Popen(
        user.command("run", "--only", "calls"), cwd=user.folder, env=user.env(), stderr=subprocess.DEVNULL
    )
    for _ in range(6000):
        log = served.ask("requests")["requests"]
        if any("/objects/" in request["path"] for request in log):
            spent = process.cpu_times()
            process.kill()
            process.wait()
            return float(spent.user + spent.system)
        time.sleep(0.01)
    process.kill()
    raise AssertionError("it never asked for a page")
