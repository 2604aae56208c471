"""Programs for tests: each a process of its own, forked from one that has loaded them, since loading takes longer than
most of what they are told to do.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from hubdump.cli import main as hubdump
from hubdump.sandbox.__main__ import main as sandbox

# What both load only when it is needed.
_LATER = [
    "hubdump.sandbox.server", "hubdump.access", "hubdump.running", "hubdump.checking", "hubdump.planning",
    "hubdump.hubspot.client", "hubdump.reporter", "hubdump.report", "hubdump.settings",
]  # fmt: skip
_FORKS = (
    multiprocessing.get_context("forkserver") if os.name == "posix" else multiprocessing.get_context("spawn")
)
_FORKS.set_forkserver_preload([__name__, *_LATER])


@contextmanager
def served(flags: Sequence[str]) -> Iterator[str]:
    """`python -m hubdump.sandbox` with these flags, as long as it is needed; its URL."""
    stdin, keeps = _FORKS.Pipe(duplex=False)
    said, stdout = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_serve, args=(flags, stdin, stdout))
    process.start()
    stdin.close()
    stdout.close()
    try:
        with os.fdopen(os.dup(said.fileno()), encoding="utf-8") as lines:
            yield json.loads(lines.readline())["url"]
    finally:
        said.close()
        keeps.close()
        process.join()


def typed(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """`hubdump ARGUMENTS` in a folder, with this environment alone: its exit status, what it said and its errors."""
    with TemporaryDirectory() as beside:
        out, err = Path(beside, "out"), Path(beside, "err")
        process = _FORKS.Process(target=_type, args=(arguments, folder, dict(environment), out, err))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode, out.read_text("utf-8"), err.read_text("utf-8")


def _serve(flags: Sequence[str], stdin: Connection, stdout: Connection) -> None:
    os.dup2(stdin.fileno(), 0)
    os.dup2(stdout.fileno(), 1)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.argv = ["hubdump.sandbox", "--json", "--until-stdin-eof", *flags]
    raise SystemExit(sandbox())


def _type(arguments: Sequence[str], folder: Path, environment: dict[str, str], out: Path, err: Path) -> None:
    for path, number in ((out, 1), (err, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["hubdump", *arguments]
    hubdump()
