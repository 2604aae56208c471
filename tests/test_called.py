"""`hubdump.run`: the run as a function, in a script, in a notebook whose loop runs, and stopped in the middle."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import hubdump
from hubdump.errors import UsageError
from hubdump.events import Event, PageCommitted, RunEnded, RunStarted
from hubdump.settings import Settings
from tests.conftest import ROOT, TOKEN, Serve, User


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's settings: neither its environment nor its files."""
    monkeypatch.chdir(tmp_path)
    for name, field in Settings.model_fields.items():
        monkeypatch.delenv(field.alias or name, raising=False)
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN", raising=False)


def test_a_run_in_python_is_a_run_with_its_events_its_log_and_its_report(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, told = serve("--portal", "notes=130", "--faults", "none"), list[Event]()
    monkeypatch.setenv("HUBSPOT_BASE_URL", served.url)
    ended = hubdump.run("mine", only=["notes"], to=["duckdb"], token=TOKEN, on_event=told.append)
    assert (ended.exit, ended.verdict) == (0, "Complete")
    live = served.truth()["live"]["notes"]
    assert ended.types["notes"].records == len(live) == 130
    assert isinstance(told[0], RunStarted)
    assert told[-1] == ended
    assert (
        sum(event.records for event in told if isinstance(event, PageCommitted) and event.purpose == "sweep")
        == 130
    )
    with hubdump.open("mine") as dump:
        assert sorted(row["id"] for row in dump.notes.active().rows()) == sorted(live)
    assert (tmp_path / "mine/report.html").exists()
    assert len(list((tmp_path / "mine/runs").iterdir())) == 2


def test_where_a_loop_runs_as_in_a_notebook_it_is_a_run_too(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBSPOT_BASE_URL", serve("--portal", "notes=3", "--faults", "none").url)

    async def cell() -> RunEnded:
        return hubdump.run(only=["notes"], to=["json"], token=TOKEN)

    assert asyncio.run(cell()).types["notes"].records == 3


def test_a_trial_goes_into_a_folder_of_its_own_and_what_to_type_next_is_quoted(tmp_path: Path) -> None:
    assert hubdump.run(only=["tasks"], to=["json"], sandbox="tiny").files == ("data-sandbox",)
    ended = hubdump.run("my dump", only=["tasks"], to=["none"], sandbox="tiny")
    assert ended.next[0] == "hubdump verify --dump 'my dump'"
    assert [*Path("my dump").glob("raw/*"), *Path("my dump").glob("*.duckdb")] == []
    assert {path.name for path in tmp_path.iterdir()} == {"data-sandbox", "my dump"}


def test_a_share_and_a_reserve_are_held_to_their_rules() -> None:
    with pytest.raises(UsageError, match="HUBDUMP_SHARE is '2'"):
        hubdump.run("mine", token=TOKEN, share=2)
    with pytest.raises(UsageError, match="HUBDUMP_DAILY_RESERVE is '-1'"):
        hubdump.run("mine", token=TOKEN, daily_reserve=-1)


def test_without_a_token_it_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no HubSpot token"):
        hubdump.run("mine")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "how", ["hubdump.run(**wishes)", pytest.param("asyncio.run(cell())", marks=pytest.mark.prove)]
)
def test_ctrl_c_lets_the_pages_under_way_come_home_and_the_next_run_continues(
    how: str, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve("--portal", "notes=500", "--faults", "none", "--latency-ms", "200")
    script = f"""
import asyncio, hubdump
from hubdump.events import PageCommitted
def tell(event):
    if isinstance(event, PageCommitted): print("page", flush=True)
wishes = dict(only=["notes"], to=["json"], token={TOKEN!r}, on_event=tell)
async def cell(): return hubdump.run(**wishes)
ended = {how}
print(ended.exit, flush=True)
"""
    monkeypatch.setenv("HUBSPOT_BASE_URL", served.url)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "page\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().splitlines()[-1] == "130"
    asked = len(served.ask("requests")["requests"])
    User(tmp_path).forget_the_last_window()
    ended = hubdump.run(only=["notes"], to=["json"], token=TOKEN)
    assert (ended.exit, ended.types["notes"].records) == (0, 500)
    pages = [one["query"] for one in served.ask("requests")["requests"] if len(one["query"]) > 200]
    assert asked > 2
    assert len(pages) == len(set(pages)) >= 5  # no page of whole records twice
    assert len(json.loads((tmp_path / "data/raw/engagements_note_partial.json").read_text("utf-8"))) == 500
