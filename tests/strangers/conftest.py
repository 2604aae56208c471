"""A sandbox for a whole file of strangers' tests: one that is only read, one that is written to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest

from tests.conftest import Served, started

# Neither chance nor load makes errors here: most of these clients do not retry, and need not.
QUIET = ("--latency-ms", "0", "--faults", "none", "--overload", "off", "--tier", "addon")

# Some records of every type that a stranger reads, and of two custom ones.
PORTAL = (
    "owners=12,lists=5,currencies=3,forms=9,form_submissions=60,marketing_emails=13,subscription_types=6,"
    "email_events=120,subscription_changes=30,files=45,workflows=15,"
    "calls=60,emails=50,meetings=7,notes=40,tasks=30,communications=10,postal_mail=3,leads=8,products=9,"
    "line_items=11,quotes=5,feedback_submissions=4,goal_targets=3,deal_splits=2,users=5,cars=12,pets=6"
)


@contextmanager
def logged(who: str, *flags: str) -> Iterator[Served]:
    """A quiet sandbox; which routes `who` called is kept in the folder STRANGERS_LOGS, where that is set."""
    with ExitStack() as stack:
        served = started(stack, *QUIET, *flags)
        try:
            yield served
        finally:
            keep(who, served)


def keep(who: str, served: Served) -> None:
    """Write the routes that `who` called to a file in the folder STRANGERS_LOGS."""
    folder = os.environ.get("STRANGERS_LOGS")
    if folder:
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        log = served.ask("requests")["requests"]
        found = [{"who": who} | {name: a[name] for name in ("method", "template", "status")} for a in log]
        (path / f"{uuid4()}.json").write_text(json.dumps(found), encoding="utf-8")


def needed(what: str) -> NoReturn:
    """End a test for want of something: skipped on a user's machine, failed in CI, which has to have it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has to have {what}")
    pytest.skip(f"there is no {what}")  # CI fails instead


@pytest.fixture(scope="module")
def who(request: pytest.FixtureRequest) -> str:
    """The stranger a file is about: its module's WHO."""
    name: str = request.module.WHO
    return name


@pytest.fixture(scope="module")
def quiet(who: str) -> Iterator[Served]:
    """A portal that nobody writes to."""
    with logged(who, "--portal", PORTAL, "--seed", "11") as served:
        yield served


@pytest.fixture(scope="module")
def written(who: str) -> Iterator[Served]:
    """A portal that the tests of a file write to, each to records of its own."""
    with logged(who, "--portal", PORTAL, "--seed", "12") as served:
        yield served
