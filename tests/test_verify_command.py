"""hubdump verify as its user types it: what it says, as lines and as JSON, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hubdump.cli import proof
from hubdump.errors import UsageError
from tests.conftest import Serve, User


def test_the_command_says_what_is_wrong_as_lines_and_as_json(serve: Serve, user: User) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    assert user.at(served).types("run").status == 0
    with user.in_the_store() as db:
        (lost,) = db.execute(
            "SELECT id FROM records JOIN types ON number = type WHERE name = 'notes'"
        ).fetchone()
        db.execute("UPDATE records SET updated_us = 1 WHERE id = ?", (lost,))
    user.forget_the_last_window()
    told = user.types("verify", "--json", "--subset", "1/1")
    assert told.status == 3, told.err
    wrong = [one for one in told.of("finding") if one["verdict"] == "wrong"]
    assert [(one["check"], one["what"], one["ids"]) for one in wrong] == [("ids", "notes", [str(lost)])]
    assert told.summary["exit"] == 3
    assert (told.summary["wrong"], told.summary["unchecked"], told.summary["level"]) == (1, 0, "ids")
    assert told.summary["checks"] == len(told.of("finding"))
    user.forget_the_last_window()
    lines = user.types("verify", "--level", "full")
    assert f"WRONG  notes: older here: {lost}" in lines.out
    assert lines.out.rstrip().endswith("Verified (full): NOT as it must be.")


HARMS: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("raw/engagements_note_partial.json", lambda old: old[:-40], "note_partial.json: cannot be read"),
    (
        "raw/engagements_note_partial.json",
        lambda old: old.replace(b"\n]\n", b",\n" + old[2:]),
        "more than once",
    ),
    ("hubdump.duckdb", lambda old: b"no database" + old[11:], "hubdump.duckdb: cannot be read"),
]


def test_verify_says_what_is_wrong_with_a_target(serve: Serve, user: User) -> None:
    assert user.at(serve("--portal", "tiny", "--faults", "none")).types("run").status == 0
    for file, harm, told in HARMS:
        path = user.dump / file
        whole = path.read_bytes()
        path.write_bytes(harm(whole))
        found = user.types("verify", "--level", "local")
        assert found.status == 3, found.err
        assert told in found.out
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("level", "subset"),
    [
        ("ids", "0/7"), ("ids", "8/7"), ("ids", "1"), ("full", "1/9999"), ("ids", "-1/7"), ("ids", "1/7 "), ("ids", ""),
        ("local", "1/7"), ("totals", "1/7"), ("all", "1/1"),
    ],
)  # fmt: skip
def test_what_cannot_be_verified_is_refused(level: str, subset: str) -> None:
    with pytest.raises(UsageError, match="--level" if level == "all" else "--subset"):
        proof._asked(level, subset, None)


def test_a_subset_that_is_none_ends_with_2(user: User) -> None:
    told = user.types("verify", "--subset", "8/7")
    assert (told.status, told.out) == (2, "")
    assert "--subset is '8/7'" in told.err
