"""One run after another over a portal that changes in between: what each reads, finds out, and refuses to believe."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubdump.events import Event, Noted
from hubdump.extract.plan import Wishes
from hubdump.hubspot.endpoints import LIST_LADDER
from hubdump.model import Bookmark, State
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from tests.worlds import Refusing, extracted, stored, true_of

TYPES = ("notes", "contacts")
DAY_S = 86_400
NOTE = "/crm/v3/objects/notes"
CONTACT = "/crm/v3/objects/contacts"


def world(portal: str = "notes=250,contacts=130", **options: Any) -> InProcess:
    chosen: Any = {"faults": "none", "overload": False} | options
    return InProcess(portal, **chosen)


class Dump:
    """A dump of one portal, and what its latest run asked for."""

    def __init__(self, folder: Path, sandbox: InProcess) -> None:
        self.folder, self.sandbox = folder, sandbox
        self.told: list[Event] = []
        self.log: list[dict[str, Any]] = []

    def run(self, after_s: int = 5000, **wishes: Any) -> dict[str, str]:
        """One run, an hour and more after the last one where nothing else is said; what failed, and why."""
        self.sandbox.advance(after_s)
        before = len(self.sandbox.portal.requests())
        failed = extracted(self.sandbox, self.folder, TYPES, self.told.append, Wishes(**wishes))
        self.log = self.sandbox.portal.requests()[before:]
        return {name: error.message for name, error in failed.items()}

    def asked(self, type_: str) -> Counter[str]:
        """Requests of the latest run for one type's records, by kind."""
        kinds: Counter[str] = Counter()
        for one in self.log:
            path = one["path"]
            if path.startswith("/crm/objects/") and path.endswith(f"/{type_}"):
                query = one["query"]
                if f"limit={LIST_LADDER[-1]}&" in query:
                    continue  # whether some properties can be read
                wide = "hs_createdate" in query or "createdate" in query.replace("hs_createdate", "")
                kinds["archived" if "archived=true" in query else "sweep" if wide else "ids"] += 1
            elif f"/{type_}/" in path and "associations" not in path:
                kinds[path.rsplit("/", 1)[1]] += 1
        return kinds

    def same(self) -> None:
        ids, rows = stored(self.folder, TYPES)
        assert sum(map(len, ids.values())) > 300
        assert (ids, rows) == true_of(self.sandbox, TYPES)

    def states(self, type_: str) -> dict[int, tuple[State, int | None]]:
        reader = Reader(self.folder / "store.sqlite")
        try:
            return {r.id: (r.state, r.merged_into) for r in reader.states(type_)}
        finally:
            reader.close()

    def bookmark(self, type_: str) -> Bookmark:
        reader = Reader(self.folder / "store.sqlite")
        try:
            return reader.bookmark(type_)
        finally:
            reader.close()

    def proved_us(self, type_: str) -> int:
        return self.bookmark(type_).proved_us or 0

    def text(self, type_: str, id_: str) -> str:
        """A record as the store has it."""
        reader = Reader(self.folder / "store.sqlite")
        try:
            (found,) = reader.some(type_, [int(id_)])
            return bytes(found.raw).decode()
        finally:
            reader.close()

    def live(self, type_: str) -> list[str]:
        found: list[str] = self.sandbox.portal.truth(type_)["live"][type_]
        return found

    def edit(self, method: str, path: str, body: object = None) -> None:
        self.sandbox.portal.edit(method, path, body)


@pytest.fixture
def dump(tmp_path: Path) -> Dump:
    found = Dump(tmp_path, world())
    assert found.run() == {}
    found.same()
    return found


def test_a_first_run_sweeps_and_proves(dump: Dump) -> None:
    asked = dump.asked("notes")
    assert (asked["sweep"], asked["ids"]) == (3, 3)
    assert dump.proved_us("notes") > 0


def test_a_later_run_reads_what_changed_and_no_more(dump: Dump) -> None:
    edited, proved = dump.live("notes")[17], dump.proved_us("notes")
    dump.edit("PATCH", f"{NOTE}/{edited}", {"properties": {"hs_note_body": "edited"}})
    assert dump.run() == {}
    dump.same()
    asked = dump.asked("notes")
    assert (asked["sweep"], asked["ids"], asked["read"]) == (0, 0, 1)
    assert asked["search"] == 2, "what changed, and how many there are"
    assert dump.proved_us("notes") == proved
    assert '"edited"' in dump.text("notes", edited)


def test_a_property_that_the_portal_defines_later_is_read_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = Dump(tmp_path, world())
    with monkeypatch.context() as patched:
        patched.setattr(dump.sandbox, "request", _without("hs_note_body", dump.sandbox.request))
        assert dump.run() == {}
    edited = dump.live("notes")[17]
    assert "hs_note_body" not in dump.text("notes", edited)
    dump.edit("PATCH", f"{NOTE}/{edited}", {"properties": {"hs_note_body": "edited"}})
    assert dump.run() == {}
    assert '"edited"' in dump.text("notes", edited)


def _without(name: str, request: Any) -> Any:
    """The sandbox's answers, as if a property were not defined yet."""

    def asked(method: str, path: str, **more: Any) -> Any:
        answer = request(method, path, **more)
        if not path.startswith("/crm/properties/"):
            return answer
        content = answer.json()
        content["results"] = [one for one in content["results"] if one["name"] != name]
        return replace(answer, body=json.dumps(content).encode())

    return asked


def test_what_was_archived_erased_and_merged_is_told_apart(dump: Dump) -> None:
    archived, erased, primary, other, restored = dump.live("contacts")[:5]
    dump.edit("DELETE", f"{CONTACT}/{archived}")
    dump.edit("POST", f"{CONTACT}/gdpr-delete", {"objectId": erased})
    dump.edit("POST", f"{CONTACT}/merge", {"primaryObjectId": primary, "objectIdToMerge": other})
    dump.edit("DELETE", f"{CONTACT}/{restored}")
    assert dump.run() == {}
    dump.same()
    states, survivor = dump.states("contacts"), int(dump.sandbox.portal.truth()["merged"]["contacts"][other])
    assert states[int(archived)] == states[int(restored)] == (State.ARCHIVED, None)
    assert states[int(erased)] == (State.GONE, None)
    assert states[int(other)] == (State.MERGED, survivor)
    assert states[survivor] == (State.ACTIVE, None)
    dump.sandbox.portal.restore("contacts", restored)
    assert dump.run() == {}
    dump.same()
    assert dump.states("contacts")[int(restored)] == (State.ACTIVE, None)


def test_a_count_that_differs_has_all_ids_compared(dump: Dump) -> None:
    proved = dump.proved_us("notes")
    dump.edit("POST", f"{CONTACT}/gdpr-delete", {"objectId": dump.live("contacts")[7]})
    assert dump.run() == {}
    dump.same()
    assert dump.asked("contacts")["ids"] == 2
    assert dump.asked("notes")["ids"] == 0
    assert dump.proved_us("contacts") > proved
    assert dump.proved_us("notes") == proved


def test_a_total_that_counts_no_further_than_10000_is_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if HubSpot counted to 200 only: the portal would have to be large."""
    monkeypatch.setattr("hubdump.extract.comparing.SEARCH_TOTAL_MAX", 200)
    dump = Dump(tmp_path, world())
    assert dump.run() == {}
    monkeypatch.setattr(dump.sandbox, "request", _counting_to(200, dump.sandbox.request))
    assert dump.run() == {}
    assert dump.asked("notes")["ids"] == 0
    dump.edit("POST", f"{CONTACT}/gdpr-delete", {"objectId": dump.live("contacts")[7]})
    assert dump.run() == {}
    assert (dump.asked("notes")["ids"], dump.asked("contacts")["ids"]) == (0, 2)


def _counting_to(most: int, request: Any) -> Any:
    """The sandbox's answers with a `total` that ends there."""

    def asked(method: str, path: str, **more: Any) -> Any:
        answer = request(method, path, **more)
        if not path.endswith("/search"):
            return answer
        content = answer.json()
        content["total"] = min(content["total"], most)
        return replace(answer, body=json.dumps(content).encode())

    return asked


def test_ids_are_compared_again_when_the_last_proof_is_old_or_a_new_one_is_wanted(dump: Dump) -> None:
    assert dump.run(prove=True) == {}
    assert dump.asked("notes")["ids"] == 3
    assert dump.run() == {}
    assert dump.asked("notes")["ids"] == 0
    dump.sandbox.advance(3 * DAY_S)
    assert dump.run() == {}
    assert dump.asked("notes")["ids"] == 0
    assert dump.run(prove_within_s=2 * DAY_S) == {}
    assert dump.asked("notes")["ids"] == 3
    dump.sandbox.advance(8 * DAY_S)
    assert dump.run() == {}
    assert dump.asked("notes")["ids"] == 3


def test_runs_that_share_a_second_of_hubspots_clock_read_what_changed_between_them(dump: Dump) -> None:
    edited, shared = dump.live("notes")[17], 0
    for number in range(5):
        dump.edit("PATCH", f"{NOTE}/{edited}", {"properties": {"hs_note_body": f"edit {number}"}})
        assert dump.run(after_s=0) == {}
        assert f'"edit {number}"' in dump.text("notes", edited)
        shared += dump.bookmark("notes").seen_us % 1_000_000 > 0  # HubSpot's own seconds are whole
    assert shared > 0


def test_removing_many_records_needs_a_persons_word(dump: Dump) -> None:
    for id_ in dump.live("contacts")[:25]:
        dump.edit("POST", f"{CONTACT}/gdpr-delete", {"objectId": id_})
    failed = dump.run()
    assert list(failed) == ["contacts"]
    assert "does not have 25 of 130 contacts any more: nothing was removed" in failed["contacts"]
    assert len([s for s, _ in dump.states("contacts").values() if s is State.ACTIVE]) == 130
    assert list(dump.run()) == ["contacts"], "a second look changes nothing"
    assert dump.run(accept_deletes=True) == {}
    dump.same()


def test_archived_records_that_are_purged_are_found_gone_by_the_next_proof(dump: Dump) -> None:
    archived = dump.live("contacts")[:30]
    for id_ in archived:
        dump.edit("DELETE", f"{CONTACT}/{id_}")
    assert dump.run() == {}
    for id_ in archived:
        dump.sandbox.portal.restore("contacts", id_)
        dump.edit("POST", f"{CONTACT}/gdpr-delete", {"objectId": id_})
    assert dump.run() == {}
    assert dump.states("contacts")[int(archived[0])] == (State.ARCHIVED, None), "nothing counted otherwise"
    assert dump.run(prove=True) == {}, "archived ones may go without a person's word"
    assert {dump.states("contacts")[int(id_)] for id_ in archived} == {(State.GONE, None)}
    dump.same()


def test_archiving_many_is_no_removal(dump: Dump) -> None:
    for id_ in dump.live("contacts")[:25]:
        dump.edit("DELETE", f"{CONTACT}/{id_}")
    assert dump.run() == {}
    dump.same()


@pytest.mark.parametrize("trouble", ["search-order=text", "search-filter=text", "search-max=1"])
def test_where_search_cannot_be_relied_on_the_ids_find_what_changed(trouble: str, tmp_path: Path) -> None:
    dump = Dump(tmp_path, world("notes=250,contacts=130", beliefs=(trouble,)))
    assert dump.run() == {}
    notes, contacts = dump.live("notes")[::25], dump.live("contacts")[::10]
    for id_ in [*notes, *contacts]:
        of = NOTE if id_ in notes else CONTACT
        name = "hs_note_body" if of == NOTE else "firstname"
        dump.edit("PATCH", f"{of}/{id_}", {"properties": {name: "edited"}})
    dump.edit("POST", CONTACT, {"properties": {"email": "new@example.com"}})
    assert dump.run() == {}
    dump.same()
    reader = Reader(tmp_path / "store.sqlite")
    edited = [
        r.id for name in TYPES for page in reader.pages(name) for r in page if b'"edited"' in bytes(r.raw)
    ]
    reader.close()
    assert len(edited) == len(notes) + len(contacts) == 10 + 13
    if trouble == "search-max=1":
        assert [e.text for e in dump.told if isinstance(e, Noted) and "compared instead" in e.text]


@pytest.mark.parametrize("place", [0, 90, 249])
def test_a_record_that_cannot_be_read_is_named_until_it_can_be(place: int, tmp_path: Path) -> None:
    bad = world().portal.truth("notes")["live"]["notes"][place]
    dump = Dump(tmp_path, world(faults=f"poison:{bad}"))
    dump.run()
    reader = Reader(tmp_path / "store.sqlite")
    named = reader.quarantined("notes")
    count = reader.count("notes")
    reader.close()
    assert {str(one.id) for one in named if one.purpose == "record"} == {bad}
    assert count == 249
    dump.run()
    dump.sandbox.portal.calm()
    assert dump.run() == {}
    dump.same()


def test_types_of_which_hubspot_counts_records_and_lists_none_do_not_wait_for_each_other(
    tmp_path: Path,
) -> None:
    counted = {
        "hubspotDefinedObjectTypes": [
            {"objectTypeId": id_, "usage": 1, "limit": 9, "percentage": 0.1} for id_ in ("0-1", "0-2")
        ]
    }
    sandbox = InProcess("narrow,contacts=0,companies=0", faults="none", overload=False)
    failed = extracted(
        sandbox,
        tmp_path,
        ("contacts", "companies"),
        through=lambda clock: Refusing(sandbox, clock, "/crm/limits/", 200, counted),
    )
    asked = [one["path"].rpartition("/")[2] for one in sandbox.portal.requests()]
    assert (failed, min(asked.count(name) for name in ("contacts", "companies")) > 3) == ({}, True), asked
