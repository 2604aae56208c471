"""What a run leaves beside its data: its log files and its report."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from hubdump.events import Emit, Event
    from hubdump.report import Report
    from hubdump.runlog import RunLog


def new_id() -> str:
    """What a run is called: the instant and our process."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + f"-{os.getpid()}"


class Logbook:
    """Keeps every event before it is told on; both files begin with the first event, not before."""

    def __init__(self, dump: Path, run: str, tell: Emit) -> None:
        self._dump, self._run, self._tell = dump, run, tell
        self._log: RunLog | None = None
        self._report: Report | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._log:
            self._log.close()

    def emit(self, event: Event) -> None:
        """Keep one event, and tell it."""
        if self._log is None or self._report is None:
            from hubdump.report import Report
            from hubdump.runlog import RunLog

            self._log, self._report = RunLog(self._dump / "runs", self._run), Report(self._dump)
        self._log.emit(event)
        if missing := self._report.emit(event):
            self._tell(missing)
        self._tell(event)
