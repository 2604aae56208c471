"""Which runs a store knows, and of which it knows what records were when they ended."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hubdump.clock import instant_text
from hubdump.errors import UsageError
from hubdump.store.bookmarks import meta_of
from hubdump.store.database import disk_errors
from hubdump.store.runs import BEFORE, LINKS_SINCE, SINCE

# What is told of the runs there are, where one is asked for that is not.
NAMED_MAX = 5
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9]+")
# The words for the run that was the last, and for the one before it.
LAST, PREVIOUS = "last", "previous"
KEEP = "Keep versions from now on: hubdump run --keep-versions"


class Run(NamedTuple):
    """One run: its number in the store, its name under runs/, and when it was; one that was cut short did not end."""

    number: int
    name: str
    began_us: int
    ended_us: int | None

    @property
    def told(self) -> str:
        """When its state of things was reached, for people."""
        return f"{self.name} ({instant_text(self.ended_us or self.began_us)})"


class Past:
    """What a store knows of its runs."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path, self._db = path, db

    def runs(self) -> list[Run]:
        """Every run since the store knows of runs, in their order."""
        with disk_errors(self.path):
            return [Run(*row) for row in self._db.execute("SELECT * FROM runs ORDER BY number")]

    def run(self, word: str) -> Run:
        """The run of this name, or the `last` or the `previous` one; UsageError where there is none."""
        runs = self.runs()
        found = {run.name: run for run in runs} | dict(zip((LAST, PREVIOUS), reversed(runs), strict=False))
        if word not in found:
            raise UsageError(f"There is no run '{word}' in {self.path.parent}. {_named(runs)}", *_hint(runs))
        return found[word]

    def names(self, word: str) -> bool:
        """Whether a word names a run, or looks as if it did."""
        named = word in {LAST, PREVIOUS} or bool(_NAME.fullmatch(word))
        return named or any(run.name == word for run in self.runs())

    def links_since(self) -> int:
        """The number of the run since whose end all changes of associations are known."""
        with disk_errors(self.path):
            return int(meta_of(self._db, LINKS_SINCE) or BEFORE)

    def kept(self) -> Run | None:
        """The run since whose end versions are kept: what it left is known; None where they are not kept."""
        with disk_errors(self.path):
            kept = meta_of(self._db, SINCE)
        return next((run for run in self.runs() if kept and run.number >= int(kept)), None)

    def since(self) -> Run | None:
        """The first run of which is known what it left: where versions are not kept, the last one."""
        return self.kept() or next(reversed(self.runs()), None)

    def refuse_unknown(self, run: Run) -> None:
        """UsageError where nobody knows any more what records were when a run ended."""
        since = self.since()
        if since is None or run.number >= since.number:
            return
        if self.kept():
            raise UsageError(
                f"Versions are kept since the end of run {since.told}: what run {run.told} left is not known any more.",
                f"Name that one, or a later one: {since.name}",
            )
        raise UsageError(
            f"Versions are not kept in {self.path.parent}: what run {run.told} left is not known any more.",
            KEEP,
        )


def _named(runs: Sequence[Run]) -> str:
    if not runs:
        return "It knows of none: none was made since this hubdump knows of runs."
    more = f" and {len(runs) - NAMED_MAX} before" if len(runs) > NAMED_MAX else ""
    return f"The last ones: {', '.join(run.name for run in runs[: -NAMED_MAX - 1 : -1])}{more}."


def _hint(runs: Sequence[Run]) -> tuple[str, ...]:
    return (f"Or: {LAST}, {PREVIOUS}",) if runs else ("Make one: hubdump run",)
