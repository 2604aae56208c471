"""Asks a target in a process of its own, so that what a database takes of memory ends with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hubdump.errors import DiskFailure, Exit, HubdumpError, Incomplete
from hubdump.targets.compared import Differences
from hubdump.targets.database import Database, Load, Loaded
from hubdump.targets.export import Built, Export
from hubdump.targets.written import Counts, Written

_ERRORS: dict[Exit, type[HubdumpError]] = {Exit.DISK: DiskFailure, Exit.INCOMPLETE: Incomplete}


class Answer(Struct):
    """What the process says in its last line: what it wrote, counted or found, or its error."""

    written: list[Written] = []
    counts: Counts = {}
    differences: dict[str, Differences] = {}
    built: Built | None = None
    loaded: Loaded | None = None
    exit: int = 0
    message: str = ""
    hint: str = ""


def write(target: str, dump: Path, types: Sequence[str]) -> tuple[list[Written], Counts]:
    """Put the committed records of `types` into the target; the files it wrote, and how many records of each type it
    found there when it read them again.
    """
    answer = _ask("write", target, dump, types)
    return answer.written, answer.counts


def compare(target: str, dump: Path, types: Sequence[str]) -> dict[str, Differences]:
    """What the target holds otherwise than the store, by file or table."""
    return _ask("compare", target, dump, types).differences


def build(export: Export, dump: Path, types: Sequence[str]) -> Built:
    """Write all tables of `types` beside their places in an export."""
    built = _ask("build", msgspec.json.encode(export).decode(), dump, types).built
    assert built is not None
    return built


def compare_export(export: Export, dump: Path, types: Sequence[str]) -> dict[str, Differences]:
    """What an export holds otherwise than the store, by table."""
    return _ask("hold", msgspec.json.encode(export).decode(), dump, types).differences


def load(order: Load, password: str, dump: Path, types: Sequence[str]) -> Loaded:
    """Put the committed records of `types` into a database; the password is seen by nobody else."""
    loaded = _ask("load", msgspec.json.encode(order).decode(), dump, types, f"{password}\n").loaded
    assert loaded is not None
    return loaded


def compare_database(asked: Database, dump: Path, types: Sequence[str]) -> dict[str, Differences]:
    """What a database holds otherwise than the store, by table; the password is seen by nobody else."""
    told = msgspec.json.encode({"url": asked.url}).decode()
    return _ask("read", told, dump, types, f"{asked.password}\n").differences


def _told(target: str) -> str:
    if not target.startswith("{"):
        return target
    told = msgspec.json.decode(target, type=dict[str, Any])
    return str(told["url"]) if "url" in told else msgspec.json.decode(target, type=Export).name


def _ask(verb: str, target: str, dump: Path, types: Sequence[str], said: str = "") -> Answer:
    command = [sys.executable, "-m", "hubdump.targets", verb, target, str(dump), *types]
    # Its stdin stays open as long as we live; signals from a terminal are for us alone.
    with subprocess.Popen(  # noqa: S603 - our own program, with names from our own table
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(said.encode())
        process.stdin.flush()
        lines = process.stdout.read().splitlines()
    if process.returncode or not lines:
        raise HubdumpError(
            f"The process for {_told(target)} ended with status {process.returncode}. The extraction is safe in the "
            "store.",
            "Try again: hubdump load",
        )
    answer = msgspec.json.decode(lines[-1], type=Answer)
    if answer.exit:
        raise _ERRORS.get(Exit(answer.exit), HubdumpError)(answer.message, answer.hint)
    return answer
