"""The shapes of our answers are those of HubSpot's recorded ones, but for what a table allows, with reasons.

The recordings are other people's and stand outside this repository, in the folder HUBSPOT_EXAMPLES_DIR; without
it these tests are skipped, but fail in CI.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.strangers.allowed import ALLOWED, HEADERS_IGNORED
from tests.strangers.asking import Asking
from tests.strangers.cases import CASES, NEVER
from tests.strangers.conftest import PORTAL, logged, needed
from tests.strangers.shapes import differences

WHO = "the shapes test"
Sandboxes = Callable[[tuple[str, ...]], Asking]


@pytest.fixture(scope="module")
def examples() -> Path:
    folder = Path(os.environ.get("HUBSPOT_EXAMPLES_DIR", "none"))
    if not folder.is_dir():
        needed("folder of recorded answers (HUBSPOT_EXAMPLES_DIR)")
    return folder


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[Sandboxes]:
    """A sandbox for each set of flags, kept for the whole file."""
    with ExitStack() as stack:
        started: dict[tuple[str, ...], Asking] = {}

        def get(flags: tuple[str, ...]) -> Asking:
            if flags not in started:
                started[flags] = Asking(stack.enter_context(logged(WHO, "--portal", PORTAL, *flags)))
            return started[flags]

        yield get


def test_every_recorded_answer_is_provoked_or_told_why_not(examples: Path) -> None:
    names = {path.stem for path in examples.glob("*.json")}
    assert names, "a folder without recordings proves nothing"
    assert names == CASES.keys() | NEVER.keys()


@pytest.mark.parametrize("name", CASES)
def test_our_answer_has_the_shape_of_the_recorded_one(
    name: str, examples: Path, sandboxes: Sandboxes
) -> None:
    case, recorded = CASES[name], json.loads((examples / f"{name}.json").read_text(encoding="utf-8"))
    asking = sandboxes(case.flags)
    body = case.body(asking) if callable(case.body) else case.body
    if case.fault:
        asking.served.tell("faults", {"next": [{"kind": case.fault}]})
    answer = asking.ask(case.method, case.path, body)
    assert answer.status == recorded["status"], answer.content
    found = _headers(recorded["headers"] or {}, answer.headers)
    if recorded["body"] is not None:
        found |= differences(case.recorded(recorded["body"]), case.part(answer.content))
    allowed = ALLOWED.get(name, {})
    unknown = {path: told for path, told in found.items() if path not in allowed}
    assert not unknown, "\n".join(f"{path}: {told}" for path, told in unknown.items())
    assert found.keys() == allowed.keys(), "what is allowed no longer differs"


def _headers(recorded: dict[str, str], ours: dict[str, str]) -> dict[str, Any]:
    """Names are compared where all were kept, and the media type."""
    told = {}
    if _media(recorded) and _media(recorded) != _media(ours):
        told["header content-type"] = f"recorded {_media(recorded)}, ours {_media(ours)}"
    if "Server" in recorded:
        theirs = {name.lower() for name in recorded} - HEADERS_IGNORED.keys()
        mine = {name.lower() for name in ours} - HEADERS_IGNORED.keys()
        told |= {f"header {name}": "we lack it" for name in theirs - mine}
        told |= {f"header {name}": "only we have it" for name in mine - theirs}
    return told


def _media(headers: dict[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0]
