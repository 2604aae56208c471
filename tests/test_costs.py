"""What a later run costs, in requests: what changed, not what exists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubdump.extract.plan import Wishes
from hubdump.hubspot.endpoints import LIST_LADDER
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from tests.worlds import extracted, stored, true_of

HOUR_S, DAY_S = 3600, 86_400
TYPES = ("tasks", "contacts")
TASK = "/crm/v3/objects/tasks"
QUEUES = "hs_num_associated_queue_objects"


class Kept:
    """A dump of one portal that is kept by runs, and what the latest of them asked for."""

    def __init__(self, folder: Path, life: str = "") -> None:
        self.folder = folder
        self.sandbox = InProcess("contacts=130,tasks=250", faults="none", overload=False, life=life)
        self.log: Sequence[Mapping[str, Any]] = ()

    def run(self, after_s: int = HOUR_S, of: str = "tasks", **wishes: Any) -> Counter[str]:
        """One run; its requests for one type, by what they ask for."""
        self.sandbox.advance(after_s)
        before = len(self.sandbox.portal.requests())
        assert extracted(self.sandbox, self.folder, TYPES, wishes=Wishes(**wishes)) == {}
        self.log = self.sandbox.portal.requests()[before:]
        return Counter(kind for one in self.log if (kind := _kind(one, of)))

    def same(self) -> None:
        ids, rows = stored(self.folder, TYPES)
        assert len(ids["tasks"]) > 200
        assert (ids, rows) == true_of(self.sandbox, TYPES)

    def values(self) -> dict[str, str | None]:
        """A property that HubSpot calculates, by task, as the dump has it."""
        reader = Reader(self.folder / "store.sqlite")
        try:
            records = [msgspec.json.decode(one.raw) for page in reader.pages("tasks") for one in page]
        finally:
            reader.close()
        return {one["id"]: one["properties"][QUEUES] for one in records}

    def true_values(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        after: str | None = "0"
        while after:
            page = self.sandbox.request("GET", f"{TASK}?limit=100&properties={QUEUES}&after={after}").json()
            found |= {one["id"]: one["properties"][QUEUES] for one in page["results"]}
            after = page.get("paging", {}).get("next", {}).get("after")
        assert len(found) > 200
        return found

    def edit(self, method: str, path: str, body: object = None) -> None:
        self.sandbox.portal.edit(method, path, body)

    def live(self, place: int, type_: str = "tasks") -> str:
        found: list[str] = self.sandbox.portal.truth(type_)["live"][type_]
        return found[place]


def _kind(request: Mapping[str, Any], type_: str) -> str:
    """What a request for records of a type, or for their properties, asks for."""
    path, query = request["path"], request["query"]
    if path.startswith("/crm/properties/") and path.endswith(f"/{type_}"):
        return "definitions"
    if "associations" in path or f"/{type_}" not in path:
        return ""
    if path.endswith("/search"):
        return "search"
    if path.endswith("/batch/read"):
        return "read"
    if f"limit={LIST_LADDER[-1]}&" in query:
        return "tried"  # whether some properties can be read
    return "archived" if "archived=true" in query else "list"


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    found = Kept(tmp_path)
    assert found.run()["list"] >= 6
    found.same()
    return found


def test_a_type_of_which_nothing_changed_takes_two_searches_and_its_definitions(kept: Kept) -> None:
    for _ in range(2):
        assert kept.run() == {"definitions": 1, "search": 2}


def test_what_the_hour_before_showed_is_not_read_again(kept: Kept) -> None:
    kept.edit("PATCH", f"{TASK}/{kept.live(7)}", {"properties": {"hs_task_subject": "Once"}})
    assert kept.run(after_s=900)["read"] == 1
    assert kept.run(after_s=900) == {"definitions": 1, "search": 2}
    kept.same()


def test_archived_records_are_listed_where_fewer_are_counted_and_ids_where_that_is_not_all(
    kept: Kept,
) -> None:
    kept.edit("DELETE", f"{TASK}/{kept.live(7)}")
    asked = kept.run()
    assert (asked["archived"], asked["list"]) == (1, 0)
    kept.same()
    erased = {"objectId": kept.live(9, "contacts")}
    kept.edit("POST", "/crm/v3/objects/contacts/gdpr-delete", erased)
    asked = kept.run(of="contacts")
    assert (asked["archived"], asked["list"]) == (1, 2)
    kept.same()


def test_what_hubspot_calculates_is_read_again_with_the_next_proof(tmp_path: Path) -> None:
    kept = Kept(tmp_path, life="recalculations:tasks=5/s,until:20")
    kept.run(after_s=0)
    before = kept.values()
    kept.run()
    assert kept.values() == before != kept.true_values(), "no later run sees it"
    asked = kept.run(prove=True)
    assert kept.values() == kept.true_values()
    assert asked["list"] == 3, "by the lists of the proof itself"
    assert kept.run(prove=True)["read"] == 0


def test_archived_and_sensitive_definitions_are_asked_for_once_a_day_or_when_others_change(
    kept: Kept,
) -> None:
    whole = kept.run(after_s=DAY_S + 1)["definitions"]
    assert whole == 2, "not archived, and archived"
    assert kept.run()["definitions"] == 1
    assert kept.run(prove=True)["definitions"] == whole
    kept.sandbox.portal.drift("property-created:tasks:mood")
    assert kept.run()["definitions"] == whole
    assert kept.run()["definitions"] == 1
