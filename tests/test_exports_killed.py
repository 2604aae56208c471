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
    came = home(tmp_path / "data", InProcess("narrow,calls=5,contacts=3"), untouched, ["calls", "contacts"])
    user, out = User(tmp_path), tmp_path / "out"
    asked = f"{format_}:out/" + (f"all.{format_}" if FORMATS[format_].one_file else "")
    assert user.types("load", asked).status == 0
    files, chance, killed = sorted(path.name for path in out.iterdir()), random.Random(format_), 0
    with watched() as watch:
        change(user, KILLS)
        assert user.types("load", asked, preexec_fn=watch.enter).status == 0
    calls = len(watch.calls)
    for number in range(KILLS):
        change(user, number)
        with watched(at_call(chance.randrange(1, calls), lambda _: True, kill)) as watch:
            killed += user.types("load", asked, preexec_fn=watch.enter).status != 0
        told = user.types("load", asked)
        assert told.status == 0, told.err
        assert "Moved" not in told.err
        assert sorted(path.name for path in out.iterdir()) == files
        same_as_the_store(came, asked, tmp_path)
    assert killed > KILLS * 0.7


def change(user: User, number: int) -> None:
    """Let the store differ from what is exported: there is something to replace."""
    with user.in_the_store() as db:
        sql = "UPDATE records SET state = ? WHERE id = (SELECT min(id) FROM records)"
        assert db.execute(sql, (number % 2 + 1,)).rowcount > 0


def same_as_the_store(came: Home, asked: str, folder: Path) -> None:
    (export,) = wanted([asked.replace(":", f":{folder}/")], {}, came.folder).exports
    found = exports.differences(came.folder, export, came.types())
    assert {what: one for what, one in found.items() if not one.none} == {}
    # What is archived has no row in an import.
    assert sum(one.compared for one in found.values()) >= 7
