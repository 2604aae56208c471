"""@hubspot/api-client 13, HubSpot's Node client: what it finds equals the truth, and it retries as it should.

Its package is looked for in the folder STRANGERS_NODE, or else where `make strangers` puts it. Where it is not,
these tests are skipped, but fail in CI.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, TOKEN, Served
from tests.strangers import truths
from tests.strangers.conftest import PORTAL, logged, needed

WHO = "@hubspot/api-client"
SCRIPT = Path(__file__).parent / "node" / "stranger.js"
Job = Callable[..., Any]


@pytest.fixture(scope="module")
def node() -> dict[str, str]:
    """An environment in which node finds the client."""
    modules = Path(os.environ.get("STRANGERS_NODE", ROOT / ".strangers" / "node")) / "node_modules"
    if shutil.which("node") is None or not (modules / "@hubspot" / "api-client").is_dir():
        needed("node and @hubspot/api-client (make strangers, or npm install into STRANGERS_NODE)")
    return {"PATH": os.environ["PATH"], "NODE_PATH": str(modules), "STRANGER_TOKEN": TOKEN}


def _job(node: dict[str, str], served: Served) -> Job:
    def run(name: str, argument: Any = None) -> Any:
        told = {"STRANGER_URL": served.url, "STRANGER_ARGUMENT": json.dumps(argument)}
        done = subprocess.run(
            ["node", SCRIPT, name], env=node | told, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def job(node: dict[str, str], quiet: Served) -> Job:
    """Run one job of stranger.js, with its argument; gives what it found."""
    return _job(node, quiet)


def test_get_all_finds_every_contact_once_and_in_order(job: Job, quiet: Served) -> None:
    assert job("contacts") == truths.live(quiet, "contacts")


def test_pages_carry_their_associations(job: Job, quiet: Served) -> None:
    found = job("pages")
    assert [contact["id"] for contact in found] == truths.live(quiet, "contacts")
    expected = truths.counted(truths.links(quiet, "contacts", "companies"))
    told = [(contact["id"], company) for contact in found for company in contact["companies"]]
    assert sorted(told) == sorted(expected.elements())


def test_a_search_on_hs_engagement_type_finds_one_type_only(job: Job, quiet: Served) -> None:
    expected = truths.live(quiet, "calls")
    found = job("search", "CALL")
    assert found["total"] == len(expected)
    assert sorted(found["ids"], key=int) == expected


def test_batch_read_gives_what_is_there_and_names_the_rest(job: Job, quiet: Served) -> None:
    ids = truths.live(quiet, "companies")
    found = job("batch", [*ids, "5"])
    assert sorted(found["ids"], key=int) == ids
    assert found["missing"] == ["5"]


def test_associations_equal_the_truth(job: Job, quiet: Served) -> None:
    found = {
        result["id"]: {to["id"]: {tuple(kind) for kind in to["kinds"]} for to in result["to"]}
        for result in job("associations", truths.live(quiet, "calls"))
    }
    assert found == truths.links(quiet, "calls", "contacts")


def test_labels_properties_owners_and_pipelines_are_read(job: Job) -> None:
    found = job("about")
    assert [279, None] in found["labels"]
    assert [1, "Primary"] in found["labels"]
    assert {"email", "lastmodifieddate"} <= set(found["properties"])
    assert len(found["owners"]) == len(set(found["owners"])) > 1
    assert {"closedwon", "closedlost"} <= set(found["stages"])


def test_a_contact_lives_and_ends_in_404(node: dict[str, str], written: Served) -> None:
    found = _job(node, written)("life", "node@example.com")
    assert found["read"]["email"] == "node@example.com"
    assert found["read"]["firstname"] == "Ada"
    assert found["after"] == 404
    assert found["id"] in truths.archived(written, "contacts")
    assert found["id"] not in truths.live(written, "contacts")


@pytest.mark.prove
def test_its_retries_are_moved_by_our_429s_and_5xx(node: dict[str, str]) -> None:
    """It compares policyName and a message byte for byte; whatever else answers 429 it gives up on."""
    with logged(WHO, "--portal", PORTAL, "--seed", "11", "--tier", "free") as served:
        asked = [(type_, id_) for type_ in ("contacts", "calls") for id_ in truths.live(served, type_)]
        served.tell(
            "faults", {"next": [{"kind": "502", "path": "owners"}, {"kind": "500", "path": "pipelines"}]}
        )
        answers = _job(node, served)("retry", asked)
        assert answers == [200] * (len(asked) + 7 + 2)
        log = served.ask("requests")["requests"]
    waits = _waits(log)
    assert len(waits["records"]) >= len(asked) - 100 > 0, "without refusals this proves nothing"
    assert min(waits["records"]) > 9.9
    assert len(waits["search"]) >= 2
    assert min(waits["search"]) > 0.99
    assert len(waits["5xx"]) == 2
    assert all(0.19 < wait < 5 for wait in waits["5xx"])


def _waits(log: list[dict[str, Any]]) -> dict[str, list[float]]:
    """How long after each refusal the same was asked again and granted, by what refused it."""
    waits: dict[str, list[float]] = {"records": [], "search": [], "5xx": []}
    refused: dict[str, list[dict[str, Any]]] = {}
    for arrival in log:
        before = refused.setdefault(arrival["path"], [])
        if arrival["status"] != 200:
            before.append(arrival)
        elif before:
            first = before.pop(0)
            kind = "5xx" if first["status"] >= 500 else "search" if "search" in first["path"] else "records"
            waits[kind].append(arrival["arrived_s"] - first["arrived_s"])
    assert not any(refused.values()), "a refusal was not followed by another try"
    return waits
