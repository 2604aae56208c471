"""Listens to a run, and writes its report.html when it has ended."""

from __future__ import annotations

from pathlib import Path

from hubdump.errors import DiskFailure
from hubdump.events import Event, Noted, RunEnded
from hubdump.manifest import read_manifest
from hubdump.report.page import page
from hubdump.report.told import Told
from hubdump.targets.written import replacing

NAME = "report.html"


class Report:
    """The report of one run of a dump."""

    def __init__(self, dump: Path) -> None:
        self._dump, self._told = dump, Told()

    def emit(self, event: Event) -> Noted | None:
        """Keep what the report says of an event; after the last one it is written, or why it cannot be is returned.

        The dump is whole by then, and stays so: a report that finds no room on the disk changes no exit status.
        """
        self._told.listen(event)
        if isinstance(event, RunEnded):
            try:
                self._write()
            except DiskFailure as error:
                return Noted(f"There is no {NAME} of this run: {error.message}", error.hint)
        return None

    def _write(self) -> None:
        text = page(self._told, read_manifest(self._dump))
        with replacing(self._dump / NAME) as draft:
            draft.write(text.encode())
