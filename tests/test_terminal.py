"""The live view, on a terminal that keeps what it was shown."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from hubdump.events import PageCommitted, RetryScheduled, RunEnded, RunStarted, TypeCompleted, TypeStarted
from hubdump.model import Totals
from hubdump.terminal import Screen

TYPES = ("meetings", "calls")
RETRY = RetryScheduled("/crm/objects/2026-09/calls", 502, "502 Bad Gateway", 1, 9.0, "now", "later", "id")


class Shown(io.StringIO):
    """A terminal of 80 columns."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen(Shown(), 0)
    screen.emit(RunStarted("run", 1, "data", TYPES, "at most 120 requests in 10 s"))
    for name, engagement in zip(TYPES, ("MEETING", "CALL"), strict=True):
        screen.emit(TypeStarted(name, engagement))
    return screen


def rows(screen: Screen) -> dict[str, str]:
    """What stands in the live table now, by the first word of its rows."""
    paper = io.StringIO()
    Console(file=paper, width=80).print(screen._table())
    return {
        line.split()[0]: " ".join(line.split()[1:]) for line in paper.getvalue().splitlines() if line.strip()
    }


def test_a_row_counts_what_is_on_disk_and_the_last_one_counts_all(screen: Screen) -> None:
    screen.emit(PageCommitted("meetings", "sweep", 7))
    screen.emit(PageCommitted("calls", "sweep", 1_200))
    screen.emit(PageCommitted("calls", "associations", 0, 1_500))
    screen.emit(
        TypeCompleted("meetings", "MEETING", Totals(records=7, associations=18), "2026-11-25T00:00:00Z")
    )
    shown = rows(screen)
    screen.close()
    assert shown["meetings"] == "7 18 complete"
    assert shown["calls"] == "1,200 1,500 reading"
    assert re.fullmatch(r"1,207 1,518 \d+ s", shown["all"])


def test_a_type_that_waits_for_another_try_says_how_long(screen: Screen) -> None:
    screen.emit(RETRY)
    waiting = rows(screen)
    screen.emit(PageCommitted("calls", "sweep", 100))
    going_on = rows(screen)
    screen.close()
    assert re.fullmatch(r"0 0 trying again in 9 s", waiting["calls"])
    assert waiting["meetings"] == "0 0 reading"
    assert going_on["calls"] == "100 0 reading"


def test_at_the_end_the_rows_are_gone_and_the_summary_stays(screen: Screen) -> None:
    talk = screen._console.file
    assert isinstance(talk, Shown)
    screen.emit(RunEnded(0, "Complete", 1.0, {"general": 3}, 0, {}))
    assert screen._live is None
    assert "Complete (exit 0)" in talk.getvalue()
