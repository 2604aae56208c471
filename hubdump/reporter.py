"""Says what happens: bars on a terminal, plain lines elsewhere, JSON lines when asked. The only file that prints."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO, cast

import msgspec

from hubdump.errors import HubdumpError
from hubdump.events import Event, PageCommitted, RunEnded
from hubdump.printable import clean
from hubdump.runlog import as_json
from hubdump.wording import lines, one_line, page_line

if TYPE_CHECKING:
    from hubdump.terminal import Screen

SCHEMA = 1
PROGRESS_EVERY_S = 10.0


class View(Protocol):
    """One way to say things; `close` ends whatever it keeps on the screen."""

    def emit(self, event: Event) -> None: ...
    def close(self) -> None: ...


class Plain:
    """Log lines on stderr; progress at most every ten seconds."""

    def __init__(self, say: Callable[[str], None], verbose: int, now_s: Callable[[], float]) -> None:
        self._say, self._verbose, self._now_s = say, verbose, now_s
        self._told_s = now_s()
        self._records = self._links = 0

    def emit(self, event: Event) -> None:
        if isinstance(event, PageCommitted):
            self._page(event)
        for line in lines(event):
            self._say(line)

    def close(self) -> None:
        self._verbose = 0

    def _page(self, event: PageCommitted) -> None:
        self._records += event.records
        self._links += event.associations
        if self._verbose:
            self._say(page_line(event))
        elif self._now_s() - self._told_s >= PROGRESS_EVERY_S:
            self._told_s = self._now_s()
            self._say(f"So far: {self._records:,} records, {self._links:,} associations")


class Silent:
    """Only how it ended."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def emit(self, event: Event) -> None:
        if isinstance(event, RunEnded):
            self._say(one_line(event))

    def close(self) -> None:
        self._say = lambda _: None


class Json:
    """Every event as a line of JSON on stdout, and a summary as the last."""

    def __init__(self, out: Callable[[str], None]) -> None:
        self._out = out

    def emit(self, event: Event) -> None:
        self._out(_dumps(summary(event) if isinstance(event, RunEnded) else as_json(event)))

    def close(self) -> None:
        self._out = lambda _: None


class Reporter:
    """What the verbs speak through: talk on stderr, data on stdout."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout, self._stderr = stdout, stderr
        self.view: View = Silent(self.say)
        self.as_json = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.view.close()

    def emit(self, event: Event) -> None:
        """Say what happened."""
        self.view.emit(event)

    def error(self, error: HubdumpError) -> None:
        """Say what went wrong, and below it what to do."""
        self.view.close()
        if self.as_json:
            said = {"type": "error", "exit": int(error.exit), "message": error.message, "hint": error.hint}
            self.say(_dumps(said))
            return
        for line in error.message.splitlines():
            self.say(line)
        for line in error.hint.splitlines():
            self.say(f"hint: {line}")

    def line(self, text: str) -> None:
        """Print data."""
        self._write(self._stdout, text)

    def say(self, text: str) -> None:
        """Print talk."""
        self._write(self._stderr, text)

    def _write(self, to: TextIO, text: str) -> None:
        encoding = to.encoding or "utf-8"
        _Heard(to).write(clean(text).encode(encoding, "replace").decode(encoding) + "\n")


class _Heard:
    """A stream whose reader may go: what counts is the work, and Python must not complain at its end either."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            _silence(self._stream)
        except OSError:
            if not _is_device(self._stream):  # a file on a failing disk is another matter
                raise
            _silence(self._stream)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def choose(
    *,
    json: bool,
    quiet: bool,
    verbose: int,
    progress: bool,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    now_s: Callable[[], float] = time.monotonic,
) -> Reporter:
    """The reporter for these flags and this terminal."""
    reporter = Reporter(stdout or sys.stdout, stderr or sys.stderr)
    talk = stderr or sys.stderr
    if json:
        reporter.as_json = True
        reporter.view = Json(reporter.line)
    elif quiet:
        reporter.view = Silent(reporter.say)
    elif progress and talk.isatty():
        reporter.view = _screen(talk, verbose)
    else:
        reporter.view = Plain(reporter.say, verbose, now_s)
    return reporter


def summary(event: RunEnded) -> dict[str, Any]:
    """The last line of --json, documented in docs/dump-format.md."""
    return {
        "type": "summary",
        "schema": SCHEMA,
        "exit": event.exit,
        "verdict": event.verdict,
        "seconds": round(event.seconds, 3),
        "requests": dict(event.requests),
        "retries": event.retries,
        "types": msgspec.to_builtins(event.types),
        "around": msgspec.to_builtins(event.around),
        "fetched": msgspec.to_builtins(event.fetched),
        "associations": msgspec.to_builtins(event.associations),
    }


def _screen(talk: TextIO, verbose: int) -> Screen:
    from hubdump.terminal import Screen

    return Screen(cast("TextIO", _Heard(talk)), verbose)


def _dumps(content: object) -> str:
    return msgspec.json.encode(content).decode()


def _is_device(stream: TextIO) -> bool:
    """Whether a stream is a terminal, or was one before it was closed."""
    return stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)


def _silence(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):
        return
    finally:
        os.close(nowhere)
