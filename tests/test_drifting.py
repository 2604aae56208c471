"""What a portal defines otherwise than the last run found is told in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubdump.events import Event, Noted
from hubdump.extract.drifting import of_items, of_properties
from hubdump.sandbox import InProcess
from tests.conftest import Serve, User
from tests.worlds import extracted

HOUR_S = 3600


def defined(**types: Any) -> dict[str, bytes]:
    """Definitions by name: of a type, or (type, archived)."""
    said = {name: one if isinstance(one, tuple) else (one, False) for name, one in types.items()}
    return {
        name: json.dumps({"name": name, "type": type_, "archived": archived}).encode()
        for name, (type_, archived) in said.items()
    }


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (defined(a="string"), defined(a="string"), ""),
        ({}, defined(a="string"), ""),
        (defined(a="string"), defined(a="string", b="date", c="date"), "new b, c"),
        (defined(a="string", b="date"), defined(a="string"), "gone b"),
        (defined(a="string"), defined(a=("string", True)), "archived a"),
        (defined(a=("string", True)), defined(a="string"), "back from the archive a"),
        (defined(a="string"), defined(a="number"), "a is number and was string"),
        (defined(a="string"), {"a": b"no JSON"}, "a is None and was string"),
        (
            defined(a="x"),
            defined(a="x", **{f"p{n}": "x" for n in range(7)}),
            "new p0, p1, p2, p3, p4 and 2 more",
        ),
        (defined(a="x", b="x"), defined(c="x", b="y"), "new c; gone a; b is y and was x"),
    ],
)
def test_what_became_of_properties_is_one_line(before: Any, after: Any, told: str) -> None:
    line = of_properties("deals", before, after)
    assert line == (f"Properties of deals are defined otherwise: {told}." if told else "")


def test_what_became_of_items_is_one_line() -> None:
    assert of_items("pipelines", {"a", "b"}, {"b", "a"}) == ""
    assert of_items("pipelines", (), {"b"}) == "", "a first run has nothing to compare"
    assert of_items("pipelines", {"a", "b"}, {"b", "c"}) == "There are other pipelines: new c; gone a."


def test_a_later_run_tells_of_properties_that_were_made_archived_and_retyped(tmp_path: Path) -> None:
    sandbox, told = InProcess("notes=3", faults="none", overload=False), list[Event]()

    def lines() -> list[str]:
        told.clear()
        sandbox.advance(HOUR_S)
        assert extracted(sandbox, tmp_path, ("notes",), told.append) == {}
        return [one.text for one in told if isinstance(one, Noted) and "defined otherwise" in one.text]

    assert lines() == []
    sandbox.portal.drift("property-created:notes:mood", "property-archived:notes:hs_note_body")
    assert lines() == ["Properties of notes are defined otherwise: new mood; archived hs_note_body."]
    sandbox.portal.drift("property-retyped:notes:mood:number")
    assert lines() == ["Properties of notes are defined otherwise: mood is number and was string."]
    assert lines() == []


@pytest.mark.prove
def test_a_later_run_tells_of_custom_objects_and_pipelines(serve: Serve, user: User) -> None:
    served = serve("--portal", "deals=3,customs=1", "--faults", "none", "--overload", "off")
    user.only = "deals custom pipelines"
    assert "There are other" not in user.at(served).types("run").err
    served.tell("drift", {"deeds": ["custom-created"]})
    made = {"do": "create", "collection": "pipelines", "parent": "deals", "body": {"label": "New"}}
    served.tell("items", {"edits": [made]})
    user.forget_the_last_window()
    told = user.types("run").err
    assert "There are other custom objects: new " in told
    assert "There are other pipelines: new 8001." in told
    assert "There are other" not in user.types("run").err
