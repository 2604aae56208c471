"""SIGTERM, SIGHUP, Ctrl-C once and twice, also on a terminal: the status, what is kept, what is asked for again."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import subprocess
import termios
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from test_engagement_fixes import pages_asked_twice
from tests.conftest import Serve, Served, User, same_as_truth
from tests.syscalls import Call, at_call, watched

SLOW = ("--portal", "tiny", "--faults", "none", "--latency-ms", "300")
STATUS = {signal.SIGTERM: 75, signal.SIGHUP: 75, signal.SIGINT: 130}


def until(true: Callable[[], bool]) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")


def asked(served: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served.ask("requests")["requests"]
    return found


def begun(user: User, served: Served, **more: Any) -> subprocess.Popen[str]:
    """A run that has asked for a few pages, and waits for more."""
    process = subprocess.Popen(
        user.at(served).command("run"),
        cwd=user.folder,
        env=user.env(),
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )
    until(lambda: len(asked(served)) > 25)
    return process


def came_again(log: list[dict[str, Any]], killed_at: int) -> int:
    """Pages that were asked for both before and after; a list of ids alone is half of one, and not kept. The short
    lists that show which properties can be read are none.
    """

    def pages(requests: list[dict[str, Any]]) -> Counter[tuple[str, str, int]]:
        found = [r for r in requests if r["status"] in {200, 207} and "/objects/" in r["path"]]
        found = [r for r in found if not r["query"].startswith("limit=10&")]
        whole = [
            r for r in found if not r["path"].endswith("/search") and not r["query"].endswith("=hs_object_id")
        ]
        return Counter((r["path"], r["query"], r["body_crc"]) for r in whole)

    return (pages(log[:killed_at]) & pages(log[killed_at:])).total()


LONG = pytest.mark.prove


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="SIGTERM"),
        pytest.param(signal.SIGHUP, id="SIGHUP", marks=LONG),
        pytest.param(signal.SIGINT, id="SIGINT", marks=LONG),
    ],
)
def test_told_to_stop_once_the_pages_under_way_are_kept_and_none_is_asked_for_again(
    number: signal.Signals, serve: Serve, user: User
) -> None:
    served = serve("--portal", "small", *SLOW[2:])
    process = begun(user, served)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == STATUS[number], said
    assert "Stopping once the pages under way are here" in said
    assert "Everything committed is kept" in said
    assert "it continues where it stopped" in said
    assert "Traceback" not in said
    killed_at = len(asked(served))
    user.forget_the_last_window()
    assert user.types("run").status == 0
    same_as_truth(user.dump, served.truth())
    assert came_again(asked(served), killed_at) == 0


@pytest.mark.prove
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_twice_it_stops_at_once_and_loses_nothing(
    number: signal.Signals, serve: Serve, user: User
) -> None:
    served = serve(*SLOW[:-1], "2000")
    process = subprocess.Popen(
        user.at(served).command("run", "--no-progress"), cwd=user.folder, env=user.env(),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    # A page of whole records is under way: of ids alone none would be kept, nor come again.
    until(lambda: any("/objects/" in one["path"] and len(one["query"]) > 200 for one in asked(served)))
    process.send_signal(number)
    assert any("Stopping once" in line for line in process.stderr)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == STATUS[number], said
    assert "Traceback" not in said
    killed_at = len(asked(served))
    served.tell("clock", {"advance_s": 60})
    user.forget_the_last_window()
    assert user.types("run").status == 0
    same_as_truth(user.dump, served.truth())
    # What was under way was given up, and not more than that: one page for each walk.
    assert came_again(asked(served), killed_at) > 0
    assert pages_asked_twice(asked(served), killed_at) == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "moment",
    [
        lambda call: call.file == ".hubdump.duckdb.new" and call.name == "fdatasync",
        lambda call: call.file == ".manifest.json.new" and call.name == "fsync",
        lambda call: call.file == ".SHA256SUMS.new" and call.name == "fsync",
    ],
    ids=["loading", "manifest", "seal"],
)
@pytest.mark.prove
def test_told_to_stop_after_the_last_page_it_ends_with_its_status_and_the_next_run_completes(
    moment: Callable[[Call], bool], number: signal.Signals, serve: Serve, user: User
) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    process: list[int] = []

    def signalled(_: Call) -> int:
        os.kill(process[0], number)
        return 0

    at = at_call(1, moment, signalled)

    def rule(call: Call) -> int:
        process[:] = process or [call.process]
        return at(call)

    with watched(rule) as watch:
        told = user.at(served).types("run", preexec_fn=watch.enter)
    assert told.status == STATUS[number], told.err
    assert "Everything committed is kept" in told.err
    assert "Traceback" not in told.err
    user.forget_the_last_window()
    assert user.types("run").status == 0
    same_as_truth(user.dump, served.truth())
    assert user.types("verify", "--level", "local").status == 0


def ignore_hangups() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.mark.prove
def test_what_nohup_lets_a_run_ignore_it_ignores(serve: Serve, user: User) -> None:
    served = serve(*SLOW)
    process = begun(user, served, preexec_fn=ignore_hangups)
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate()
    assert process.returncode == 0, said
    same_as_truth(user.dump, served.truth())


class Terminal:
    """A terminal whose only program is `hubdump run`."""

    def __init__(self, user: User, *arguments: str) -> None:
        self.master, slave = os.openpty()
        self.process = subprocess.Popen(
            user.command("run", *arguments), cwd=user.folder, env=user.env() | {"TERM": "xterm"},
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - as a shell does it
        )  # fmt: skip
        os.close(slave)
        self.said = b""

    def types(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def read(self) -> bool:
        """Take in what was said; False once nobody holds the other end any more."""
        if select.select([self.master], [], [], 0.01)[0]:
            try:
                self.said += os.read(self.master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return False
        return True

    def until(self, true: Callable[[], bool]) -> None:
        until(lambda: self.read() and true())

    def ended(self) -> int:
        """Its status, once it has said all it says."""
        while self.read():
            continue
        os.close(self.master)
        return self.process.wait()


@pytest.mark.prove
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_on_a_terminal_ends_with_130_and_gives_the_terminal_back(
    times: int, serve: Serve, user: User
) -> None:
    served = serve(*SLOW)
    terminal = Terminal(user.at(served))
    terminal.until(lambda: len(asked(served)) > 25)
    for _ in range(times):
        terminal.types(b"\x03")
        terminal.until(lambda: b"Stopping once" in terminal.said)
    assert terminal.ended() == 130, terminal.said
    assert b"Everything committed is kept" in terminal.said
    assert b"Traceback" not in terminal.said
    # The bars hide the cursor.
    assert terminal.said.rfind(b"\x1b[?25h") > terminal.said.rfind(b"\x1b[?25l") > 0
    user.forget_the_last_window()
    assert user.types("run").status == 0
    same_as_truth(user.dump, served.truth())


@pytest.mark.prove
def test_a_terminal_that_is_closed_ends_the_run_with_75_and_everything_kept(serve: Serve, user: User) -> None:
    served = serve(*SLOW)
    terminal = Terminal(user.at(served))
    terminal.until(lambda: len(asked(served)) > 25)
    os.close(terminal.master)
    assert terminal.process.wait() == 75
    (log,) = (user.dump / "runs").glob("*.log")
    assert "Told to stop (SIGHUP)" in log.read_text("utf-8")
    killed_at = len(asked(served))
    user.forget_the_last_window()
    assert user.types("run").status == 0
    same_as_truth(user.dump, served.truth())
    assert came_again(asked(served), killed_at) == 0
