"""docs/sandbox.md says what is so: its examples run, and its tables name all there is."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from hubdump.sandbox import PORTALS, TIERS, InProcess
from hubdump.sandbox.__main__ import parser
from hubdump.sandbox.collected import TOLD
from hubdump.sandbox.controls import CONTROLS
from hubdump.sandbox.drift import DEEDS
from hubdump.sandbox.faults import KINDS
from hubdump.sandbox.life import LIFE
from hubdump.sandbox.oauth import CLIENT_ID, CLIENT_SECRET, CODE, REFRESH_TOKEN
from hubdump.sandbox.portals import FEW
from tests.conftest import ROOT

TEXT = (ROOT / "docs/sandbox.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
RUNNING = [code for code in EXAMPLES if "my_sync" not in code]


def test_it_opens_with_what_it_does_not_do() -> None:
    assert re.findall(r"^## (.*)", TEXT, re.MULTILINE)[0] == "What it does not do"


@pytest.mark.parametrize("code", RUNNING, ids=range(len(RUNNING)))
def test_an_example_runs(code: str, tmp_path: Path) -> None:
    assert "assert" in code
    exec(compile(code, str(tmp_path / "example.py"), "exec"), {})  # noqa: S102 - our own document


def test_there_are_examples() -> None:
    assert (len(EXAMPLES), len(RUNNING)) == (3, 2)


def test_every_flag_fault_control_portal_and_tier_is_told() -> None:
    flags = [
        option
        for action in parser()._actions
        if not isinstance(action, argparse._HelpAction)
        for option in action.option_strings
    ]
    # The last ends the process with whoever started it: hubdump's own use of it.
    wanted = [f"`{flag}`" for flag in flags if flag not in {"--port", "--until-stdin-eof"}]
    wanted += [f"`{name}`" for name in (*KINDS, *PORTALS, *TIERS, *LIFE)]
    wanted += [f"`{deed.usage}`" for deed in DEEDS.values()]
    wanted += [f"`{name.replace(' ', ' /_sandbox/')}`" for name in CONTROLS]
    wanted += [f"`client_id={CLIENT_ID}`", f"`client_secret={CLIENT_SECRET}`", f"`code={CODE}`"]
    wanted += [f"`refresh_token={REFRESH_TOKEN}`"]
    assert [text for text in wanted if text not in TEXT] == []


def test_the_life_of_the_example_is_one() -> None:
    text = re.findall(r"As in\n`([^`]+)`", TEXT)[0]
    client = InProcess("contacts=20,companies=5", life=text)
    client.request("GET", "/crm/v3/objects/contacts")
    before = client.portal.truth("contacts")["live"]["contacts"]
    client.advance(10)
    client.request("GET", "/crm/v3/objects/contacts")
    assert len(set(client.portal.truth("contacts")["live"]["contacts"]) - set(before)) >= 8


def test_the_table_of_tiers_is_the_codes() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d*) ?\| ?(\d*) ?\| ?(\d*) ?\| ?([\d,]*) ?\| ?([\d,]*) ?\|$", TEXT, re.MULTILINE
    )
    told = {
        name: tuple(int(cell.replace(",", "")) if cell else None for cell in cells) for name, *cells in rows
    }
    assert told == {
        name: (t.general, t.associations, t.search, t.daily, t.associations_daily)
        for name, t in TIERS.items()
    }


def test_every_collection_and_what_can_be_counted_is_told() -> None:
    assert [name for name in (*TOLD, *FEW) if f"`{name}`" not in TEXT] == []
