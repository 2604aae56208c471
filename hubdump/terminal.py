"""The live view of a run on a terminal: a row for each type, log lines above, a table at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hubdump.events import (
    CollectionCompleted,
    Event,
    FileWritten,
    ItemsCommitted,
    PageCommitted,
    RetryScheduled,
    RunEnded,
    RunStarted,
    TypeAbsent,
    TypeCompleted,
    TypeFailed,
    TypeStarted,
    TypeSummary,
)
from hubdump.wording import closing, lines, page_line, totals, with_a_row

# What stands around the rows of the types: the title, the sum, the collections, and a line for what is not shown.
OTHER_LINES = 5
WAITING, READING, COMPLETE = "waiting", "reading", "complete"


@dataclass(slots=True)
class Row:
    """What is known of one type so far; until `held_s` of the console's clock a failed request of it waits."""

    state: str = WAITING
    records: int = 0
    associations: int = 0
    held_s: float = 0.0


class Screen:
    """Keeps the rows at the bottom of the terminal and prints the log above them."""

    def __init__(self, talk: TextIO, verbose: int) -> None:
        self._console = Console(file=talk, stderr=True, highlight=False, soft_wrap=False)
        self._verbose = verbose
        self._rows: dict[str, Row] = {}
        self._items = 0
        self._live: Live | None = None
        self._began_s = self._console.get_time()

    def emit(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._rows = {name: Row() for name in event.types}
                self._say(lines(event))
                # Drawn anew four times a second, so that time passes on the screen while nothing else happens.
                self._live = Live(
                    get_renderable=self._table, console=self._console, refresh_per_second=4, transient=True
                )
                self._live.start()
            case RunEnded():
                self.close()
                self._end(event)
            case PageCommitted():
                self._page(event)
            case ItemsCommitted():
                self._items += event.items
            case FileWritten() | CollectionCompleted():
                return
            case _:
                self._note(event)
                self._say(lines(event))

    def close(self) -> None:
        """Take the rows off the screen."""
        if self._live:
            self._live.stop()
            self._live = None

    def _say(self, told: list[str]) -> None:
        for line in told:
            self._console.print(Text(line))

    def _page(self, event: PageCommitted) -> None:
        row = self._rows.setdefault(event.type, Row())
        row.associations += event.associations
        row.held_s = 0.0
        if event.purpose == "sweep":
            row.records += event.records
        if self._verbose:
            self._say([page_line(event)])

    def _note(self, event: Event) -> None:
        match event:
            case TypeStarted():
                self._rows[event.type] = Row(READING, event.stored)
            case TypeCompleted():
                self._rows[event.type] = Row(COMPLETE, event.totals.records, event.totals.associations)
            case TypeFailed():
                self._rows.setdefault(event.type, Row()).state = "INCOMPLETE"
            case TypeAbsent():
                self._rows.pop(event.type, None)
            case RetryScheduled():
                parts = event.template.split("/")
                for name in (name for name in self._rows if name in parts):
                    self._rows[name].held_s = self._console.get_time() + event.wait_s
                    break

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("type", header_style="dim")
        for title in ("records", "associations"):
            table.add_column(title, justify="right", header_style="dim")
        table.add_column("")
        now_s = self._console.get_time()
        shown = _shown(self._rows, self._console.height - OTHER_LINES)
        for name, row in shown.items():
            table.add_row(name, f"{row.records:,}", f"{row.associations:,}", _state(row, now_s))
        if told := _others([row for name, row in self._rows.items() if name not in shown]):
            table.add_row(*told, style="dim")
        if self._items:
            table.add_row("around the records", f"{self._items:,}", "", READING)
        records = sum(row.records for row in self._rows.values())
        links = sum(row.associations for row in self._rows.values())
        table.add_row("all", f"{records:,}", f"{links:,}", f"{now_s - self._began_s:.0f} s", style="dim")
        return table

    def _end(self, event: RunEnded) -> None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("type", header_style="bold")
        all_ = totals(event)
        shown = 4 if all_[3] else 3  # a column of zeros would not fit into 80 characters
        for title in ("records", "archived", "associations", "failed")[:shown]:
            table.add_column(title, justify="right", header_style="bold")
        for title in ("fresh at", "proved at"):
            table.add_column(title, header_style="bold")
        for name, of in with_a_row(event).items():
            numbers = (of.records, of.archived, of.associations, of.failed)[:shown]
            instants = of.fresh_at or "not complete", _proved(of)
            table.add_row(name, *(f"{number:,}" for number in numbers), *instants)
        table.add_row("all", *(f"{number:,}" for number in all_[:shown]), style="bold")
        verdict = "bold green" if event.exit == 0 else "bold red"
        told = [
            Text(line, style=verdict if line.endswith(f"(exit {event.exit})") else "")
            for line in closing(event)
        ]
        self._console.print(Group(Text(""), table, Text(""), *told), soft_wrap=True)


def _shown(rows: Mapping[str, Row], most: int) -> dict[str, Row]:
    """The rows that are on the screen: all where they fit, else first what is not as it should be or under way."""
    if len(rows) <= most:
        return dict(rows)
    counts = {name: row for name, row in rows.items() if row.records or row.state not in {WAITING, COMPLETE}}
    urgent = sorted(counts, key=lambda name: (counts[name].state == COMPLETE, -counts[name].records))
    chosen = set(urgent[: max(1, most - 1)])
    return {name: row for name, row in rows.items() if name in chosen}


def _others(rows: Sequence[Row]) -> tuple[str, str, str, str] | None:
    """One row for all that are not shown."""
    if not rows:
        return None
    states = Counter(row.state for row in rows)
    records, links = sum(row.records for row in rows), sum(row.associations for row in rows)
    return (
        f"{len(rows)} others",
        f"{records:,}",
        f"{links:,}",
        ", ".join(f"{n} {s}" for s, n in states.items()),
    )


def _proved(of: TypeSummary) -> str:
    """When a type was proved, without the day where it is that of `fresh_at`."""
    if not (of.fresh_at and of.proved_at):
        return of.proved_at or "never"
    day, _, time = of.proved_at.partition("T")
    return time if of.fresh_at.startswith(day) else of.proved_at


def _state(row: Row, now_s: float) -> str:
    if row.state == READING and row.held_s > now_s:
        return f"trying again in {ceil(row.held_s - now_s)} s"
    return row.state
