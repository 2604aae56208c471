"""Beliefs: by name, all at their worst, or from the file that a probe of a real portal wrote."""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from hubdump.sandbox import BELIEFS, InProcess, SandboxError, belief_file
from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.config import TIERS, Tier

SOURCES = Path(__file__).parents[2] / "hubdump/sandbox"


def test_defaults_and_worst_are_values_the_switch_can_have() -> None:
    assert len(BELIEFS) > 40
    assert [n for n, b in BELIEFS.items() if not (b.allows(b.default) and b.allows(b.worst))] == []
    assert Beliefs(["worst"]).as_dict() == {name: belief.worst for name, belief in BELIEFS.items()}
    assert Beliefs(["worst", "dates=iso"])["dates"] == "iso"


def test_every_belief_is_asked_for_by_some_file_of_the_sandbox() -> None:
    code = "".join(p.read_text("utf-8") for p in SOURCES.glob("*.py") if p.name != "beliefs.py")
    assert [name for name in BELIEFS if f'"{name}"' not in code] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("moon=cheese", "there is no belief 'moon'"),
        ("dates=soon", "must be iso or epoch-ms"),
        ("dates", "must be iso or epoch-ms"),
        ("list-max=0", "a whole number from 1"),
        ("list-max=ten", "a whole number"),
        ("search-lag-s=-1", "a whole number from 0"),
        ("list-max=99999999999999999999", "a whole number"),
    ],
)
def test_what_cannot_be_believed_is_refused_with_what_can(text: str, told: str) -> None:
    with pytest.raises(SandboxError, match=re.escape(told)):
        Beliefs([text])


def test_a_probes_file_is_read_and_its_other_keys_ignored(tmp_path: Path) -> None:
    path = tmp_path / "probe.json"
    content = {
        "beliefs": {"list-max": 50, "dates": "epoch-ms"},
        "tier": {"general": 150, "daily": None},
        "seen": {"anything": [1]},
    }
    path.write_text(json.dumps(content), "utf-8")
    beliefs, limits = belief_file.read(path, "pro")
    assert Beliefs(beliefs).number("list-max") == 50
    assert limits == Tier(150, 150, 5, None, 500_000)
    assert belief_file.read(path, "unlimited")[1] == Tier(150, None, None)
    path.write_text('{"tier": "free"}', "utf-8")
    assert belief_file.read(path, "pro") == ((), TIERS["free"])
    path.write_text("{}", "utf-8")
    assert belief_file.read(path, "pro") == ((), None)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"beliefs": {"moon": "cheese"}}', "there is no belief 'moon'"),
        ('{"beliefs": ["dates=iso"]}', "must be an object"),
        ('{"tier": {"speed": 5}}', "'tier' must be one of"),
        ('{"tier": {"general": -5}}', "tier general is -5"),
        ('{"tier": {"search": null}}', "tier search is None"),
        ('{"tier": "gold"}', "'tier' must be one of"),
        ("[]", "must hold a JSON object"),
        ("{", "is not JSON"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_what_is_wrong(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "probe.json"
    path.write_text(content, "utf-8")
    with pytest.raises(SandboxError, match=re.escape(told)) as caught:
        belief_file.read(path, "pro")
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="cannot be read"):
        belief_file.read(tmp_path / "none.json", "pro")


def test_the_date_header_can_be_skewed() -> None:
    def stamped(skew: int) -> float:
        client = InProcess("tiny", start_s=1_000_000.0, beliefs={"date-skew-s": skew})
        answer = client.request("GET", "/account-info/v3/details")
        return parsedate_to_datetime(answer.headers["Date"]).timestamp()

    assert (stamped(0), stamped(-90), stamped(90)) == (1_000_000.0, 999_910.0, 1_000_090.0)
