"""docs/scheduling.md: what it says to a scheduler runs, and means what it says."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import hubdump
from hubdump.errors import Exit
from tests.conftest import ROOT, Serve, User

TEXT = (ROOT / "docs/scheduling.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def server(serve: Serve, user: User) -> User:
    """A folder as /srv/hubdump: a virtual environment, and the settings in .env."""
    user.at(serve("--portal", "notes=7", "--faults", "none"))
    lines = [f"{name}={value}" for name, value in user.environment.items()]
    (user.folder / ".env").write_text(
        "\n".join([*lines, "HUBDUMP_ONLY=notes", "HUBDUMP_TO=json", ""]), "utf-8"
    )
    (user.folder / ".env").chmod(0o600)
    (user.folder / "venv").symlink_to(sys.prefix)
    return user


def as_scheduled(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command with the little environment that cron and systemd give it."""
    script = command.replace("/srv/hubdump", str(folder)).replace(
        "venv/bin/hubdump", "venv/bin/python -m hubdump"
    )
    few = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["/bin/sh", "-c", script], env=few, cwd=folder, capture_output=True, text=True, check=False
    )


def test_crons_line_says_nothing_when_all_is_well_and_what_is_wrong_when_it_is_not(server: User) -> None:
    (line,) = blocks("text")
    command = re.fullmatch(r"17 \* \* \* \* (.*)\n", line)
    assert command
    done = as_scheduled(command[1], server.folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (server.dump / "raw/engagements_note_partial.json").exists()
    (server.folder / ".env").write_text("HUBSPOT_MAX_REQUESTS_PER_10S=never\n", "utf-8")
    wrong = as_scheduled(command[1], server.folder)
    assert wrong.stdout.startswith("hubdump: HUBSPOT_MAX_REQUESTS_PER_10S is 'never'")


def test_systemds_command_runs_and_says_one_line(server: User) -> None:
    service, timer = (configparser.ConfigParser(interpolation=None) for _ in range(2))
    for unit, text in zip((service, timer), blocks("ini"), strict=True):
        unit.read_string(text)
    assert timer["Timer"]["OnCalendar"] == "hourly"
    assert service["Service"]["SuccessExitStatus"] == str(int(Exit.STOPPED))
    done = as_scheduled(service["Service"]["ExecStart"], server.folder)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"Complete: 7 records and \d+ associations, fresh at 20\S+Z; \d+ requests, \d+ s\n", done.stderr
    )


@pytest.mark.parametrize(("status", "fails"), [(0, False), (75, False), (3, True), (4, True)])
@pytest.mark.parametrize("block", [0, 1], ids=["airflow", "dagster"])
def test_what_stands_in_a_task_fails_where_a_person_is_needed(
    block: int, status: int, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def ran(folder: str) -> Any:
        asked.append(folder)
        return SimpleNamespace(exit=status, verdict="as it is", types={"notes": SimpleNamespace(records=7)})

    def decorated(*given: Any, **_: Any) -> Any:
        return given[0] if given and callable(given[0]) else lambda function: function

    class Failure(Exception):
        """Dagster's."""

    result = SimpleNamespace(asset=decorated, Failure=Failure, MaterializeResult=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "airflow", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "airflow.sdk", SimpleNamespace(dag=decorated, task=decorated))
    monkeypatch.setitem(sys.modules, "dagster", result)
    monkeypatch.setattr(hubdump, "run", ran)
    names: dict[str, Any] = {}
    exec(compile(blocks("python")[block], "docs/scheduling.md", "exec"), names)  # noqa: S102 - our own document
    with pytest.raises((RuntimeError, Failure), match="as it is") if fails else nullcontext():
        names["hubspot"]()
    assert asked == ["/srv/hubdump/data"]
