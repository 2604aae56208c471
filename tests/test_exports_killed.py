"""kill -9 at a random moment of a load of each format: told or as before, and right after the next load."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from hubdump.sandbox import InProcess
from hubdump.targets import exports
from hubdump.targets.export import FORMATS, wanted
from tests.conftest import User
from tests.syscalls import at_call, kill, watched
from tests.tampering import Home, home, untouched

KILLS = 30 if os.environ.get("HUBDUMP_FULL") == "1" else 5


@pytest.mark.prove
@pytest.mark.parametrize("format_", FORMATS)
def test_a_load_killed_at_random_moments_is_right_after_the_next(format_: str, tmp_path: Path) -> None:
    came = home(tmp_path / "data", InProcess("calls=5,contacts=3"), untouched, ["calls", "contacts"])
    user, out = User(tmp_path), tmp_path / "out"
    asked = f"{format_}:out/" + (f"all.{format_}" if FORMATS[format_].one_file else "")
    with watched() as watch:
        assert user.types("load", asked, preexec_fn=watch.enter).status == 0
    files = sorted(path.name for path in out.iterdir())
    calls, chance = len(watch.calls), random.Random(format_)
    killed = 0
    for state in range(KILLS):
        with user.in_the_store() as db:  # so that there is something to replace
            db.execute(
                "UPDATE records SET state = ? WHERE id = (SELECT min(id) FROM records)", (state % 2 + 1,)
            )
        with watched(at_call(chance.randrange(1, calls), lambda _: True, kill)) as watch:
            killed += user.types("load", asked, preexec_fn=watch.enter).status != 0
        whole_files(out)
        told = user.types("load", asked)
        assert told.status == 0, told.err
        assert "Moved" not in told.err
        assert sorted(path.name for path in out.iterdir()) == files
        same_as_the_store(came, asked, tmp_path)
    assert killed > KILLS / 2


def whole_files(out: Path) -> None:
    """Every file that bears its name is whole: written before the kill or after it, not half of each."""
    for path in out.iterdir():
        assert path.name.startswith(".") or path.stat().st_size > 0


def same_as_the_store(came: Home, asked: str, folder: Path) -> None:
    (export,) = wanted([asked.replace(":", f":{folder}/")], {}, came.folder).exports
    found = exports.differences(came.folder, export, came.types())
    assert {what: one for what, one in found.items() if not one.none} == {}
    assert sum(one.compared for one in found.values()) > 10
