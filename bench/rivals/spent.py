"""Runs one program to its end and says what it took: seconds, CPU of its whole tree, memory, its first table.

CPU is what the system counted for the program and all processes that it waited for. Memory is the most that the
processes of the tree which lived at one time had ever held (VmHWM), looked at every twentieth of a second; 0 where the
system has no /proc.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.05
GAVE_NO_END = 124  # the status of a program that was stopped here, as `timeout` has it


@dataclass(frozen=True, slots=True)
class Spent:
    """What a program took: its exit status, seconds, seconds of CPU, megabytes, seconds until its first table."""

    status: int
    wall_s: float
    cpu_s: float
    memory_mb: float
    table_s: float | None


def run(
    command: Sequence[str | Path],
    folder: Path,
    env: Mapping[str, str],
    there: Callable[[], bool] | None,
    most_s: float,
) -> Spent:
    """Run a program in a folder; its output goes to `out` and `err` there. `there` says whether a table is."""
    began = time.monotonic()
    memory_kb, table_s = 0, None
    with (
        (folder / "out").open("wb") as out,
        (folder / "err").open("wb") as err,
        subprocess.Popen(  # noqa: S603 - programs of our own table
            command, cwd=folder, env=env, stdout=out, stderr=err, start_new_session=True
        ) as process,
    ):
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            took_s = time.monotonic() - began
            if pid:
                break
            memory_kb = max(memory_kb, sum(map(_held_kb, _tree(process.pid))))
            if table_s is None and there is not None and there():
                table_s = took_s
            if took_s > most_s:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(LOOK_S)
        process.returncode = GAVE_NO_END if took_s > most_s else os.waitstatus_to_exitcode(status)
    return Spent(
        process.returncode,
        took_s,
        used.ru_utime + used.ru_stime,
        memory_kb / 1024,
        (table_s or took_s) if not process.returncode else None,
    )


def _tree(pid: int) -> Iterator[int]:
    """A process and all that it started, as far as they live."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = file.read_text("ascii").split()
        except OSError:  # it has ended since it was listed
            continue
        for child in children:
            yield from _tree(int(child))


def _held_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:  # it has ended
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) if "VmHWM:" in status else 0
