"""Property histories: every past value once, read again only where something changed or more is asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubdump.errors import BeliefRefuted, Incomplete, UsageError
from hubdump.extract.plan import Wishes
from hubdump.extract.sending import Transport
from hubdump.extract.wanted import wanted
from hubdump.model import HistoriesRead, PastValue, Request, Response, Secret, WalkKey
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from tests.worlds import ENGAGEMENTS, Emulated, JumpingClock, extracted

TYPES = ("contacts", "notes")
CONTACT = "/crm/v3/objects/contacts"
FIELDS = ("value", "sourceType", "sourceId", "sourceLabel", "updatedByUserId")
Past = tuple[str, str, str, str]  # id, property, timestamp, and what else is said of the value


class Cut(Exception):
    """The process ends here."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A transport that keeps what is asked of histories, and fails as a dump is told to."""

    inner: Emulated
    dump: Dump

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        body = json.loads(request.body or b"{}")
        if "propertiesWithHistory" not in body:
            return await self.inner.send(request, token)
        if len(self.dump.asked) + 1 == self.dump.cut_at:
            raise Cut
        self.dump.asked.append(body)
        came = await self.inner.send(request, token)
        if self.dump.broken in [one["id"] for one in body["inputs"]]:
            return Response(500, dict(came.headers), b"{}")
        if self.dump.instead:
            content = json.loads(came.body)
            for one in content["results"]:
                one["propertiesWithHistory"] = self.dump.instead
            return Response(came.status, came.headers, json.dumps(content).encode())
        renamed = came.body.replace(b"propertiesWithHistory", b"p") if self.dump.silent else came.body
        return Response(came.status, came.headers, renamed, came.encoding)


class Dump:
    """A dump of one portal, and what its latest run asked for."""

    def __init__(
        self, folder: Path, portal: str = "contacts=120,notes=5", *, silent: bool = False, **options: Any
    ) -> None:
        chosen: Any = {"faults": "none", "overload": False} | options
        self.folder, self.sandbox = folder, InProcess(portal, **chosen)
        self.asked: list[dict[str, Any]] = []
        self.silent, self.cut_at, self.broken = silent, 0, ""
        self.instead: dict[str, Any] = {}

    def run(self, *history: str, cut_at: int = 0, later_s: int = 5000, **more: Any) -> dict[str, Incomplete]:
        """One run; what failed, and why. Cut before it asks for histories the `cut_at`th time."""
        self.sandbox.advance(later_s)
        self.cut_at = cut_at
        self.asked = []
        return extracted(
            self.sandbox,
            self.folder,
            TYPES,
            wishes=Wishes(history=wanted(history)),
            through=self._heard,
            **more,
        )

    def _heard(self, clock: JumpingClock) -> Transport:
        return Heard(Emulated(self.sandbox, clock), self)

    def there(self, type_: str, names: tuple[str, ...] = ()) -> list[Past]:
        """What HubSpot lists: another endpoint than hubdump reads histories by."""
        levels = (
            ("non_sensitive", "sensitive", "highly_sensitive") if type_ == "contacts" else ("non_sensitive",)
        )
        listed = [self.get(f"/crm/v3/properties/{type_}", {"dataSensitivity": level}) for level in levels]
        defined = names or tuple(p["name"] for one in listed for p in one["results"])
        found: list[Past] = []
        after: str | None = "0"
        while after:
            query = {"limit": 50, "after": after, "propertiesWithHistory": ",".join(defined)}
            page = self.get(f"/crm/v3/objects/{type_}", query)
            for one in page["results"]:
                for name, values in one["propertiesWithHistory"].items():
                    found += [(one["id"], name, v["timestamp"], _told(v)) for v in values]
            after = page.get("paging", {}).get("next", {}).get("after")
        assert len(found) > 90
        return sorted(found)

    def here(self, type_: str) -> list[Past]:
        reader = Reader(self.folder / "store.sqlite")
        try:
            values = list(reader.histories.values(type_))
            assert reader.histories.count(type_) == len(values)
            return sorted(
                (
                    str(v.id),
                    v.property,
                    v.timestamp,
                    _told(dict(zip(FIELDS, v[4:9], strict=True))),
                )
                for v in values
            )
        finally:
            reader.close()

    def failures(self) -> list[tuple[int, str]]:
        reader = Reader(self.folder / "store.sqlite")
        try:
            return [(one.id, one.purpose) for one in reader.quarantined("contacts")]
        finally:
            reader.close()

    def get(self, path: str, query: dict[str, Any] | None = None) -> Any:
        token = {"authorization": f"Bearer {self.sandbox.portal.token}"}
        while True:
            self.sandbox.advance(1)
            try:
                came = self.sandbox.request("GET", path, params=query or {}, headers=token)
            except ConnectionResetError:
                continue
            if came.status == 200:
                return came.json()
            assert came.status >= 429, came.body

    def edit(self, id_: str, **properties: str) -> None:
        self.sandbox.portal.edit("PATCH", f"{CONTACT}/{id_}", {"properties": properties})

    def live(self, type_: str) -> list[str]:
        found: list[str] = self.sandbox.portal.truth(type_)["live"][type_]
        return sorted(found, key=int)


def _told(value: dict[str, Any]) -> str:
    return repr([None if value.get(name) is None else str(value[name]) for name in FIELDS])


FEW = ("email", "lifecyclestage", "fax")
SOME = f"contacts:{','.join(FEW)}"


@pytest.fixture
def dump(tmp_path: Path) -> Dump:
    """A dump with the history of three properties of its 120 contacts."""
    found = Dump(tmp_path)
    assert found.run(SOME) == {}
    assert found.here("contacts") == found.there("contacts", FEW)
    return found


def test_all_past_values_are_kept_as_hubspot_lists_them(tmp_path: Path) -> None:
    dump = Dump(tmp_path, "contacts=12,notes=12")
    assert dump.run("all") == {}
    assert dump.here("contacts") == dump.there("contacts")
    assert dump.here("notes") == dump.there("notes")
    assert len(dump.asked) == 2


def test_histories_are_read_fifty_records_a_call_and_of_nothing_else(dump: Dump) -> None:
    assert [len(body["inputs"]) for body in dump.asked] == [50, 50, 20]
    assert {tuple(body["propertiesWithHistory"]) for body in dump.asked} == {
        ("email", "lifecyclestage", "fax")
    }
    assert dump.here("notes") == []


def test_without_a_wish_no_history_is_asked_for_and_what_is_there_stays(dump: Dump) -> None:
    before = dump.here("contacts")
    dump.edit(dump.live("contacts")[3], fax="1")
    assert dump.run() == {}
    assert dump.asked == []
    assert dump.here("contacts") == before


def test_a_later_run_reads_the_histories_of_what_changed_and_adds_the_new_values(dump: Dump) -> None:
    before, (one, other) = dump.here("contacts"), dump.live("contacts")[7:100:90]
    dump.edit(one, fax="1")
    dump.edit(one, fax="2")
    dump.edit(other, email="new@example.com")
    assert dump.run(SOME) == {}
    assert [[i["id"] for i in body["inputs"]] for body in dump.asked] == [[one, other]]
    added = [past for past in dump.here("contacts") if past not in before]
    assert sorted((id_, name) for id_, name, _, _ in added) == [(one, "fax"), (one, "fax"), (other, "email")]
    assert dump.here("contacts") == dump.there("contacts", FEW)


def test_a_run_over_a_portal_that_did_not_change_asks_for_no_history(dump: Dump) -> None:
    before = dump.here("contacts")
    assert dump.run(SOME) == {}
    assert dump.asked == []
    assert dump.here("contacts") == before


def test_of_a_type_already_read_only_the_properties_that_are_missing_are_asked_for(dump: Dump) -> None:
    assert dump.run(SOME, "contacts:phone") == {}
    assert [body["propertiesWithHistory"] for body in dump.asked] == [["phone"]] * 3
    assert dump.here("contacts") == dump.there("contacts", (*FEW, "phone"))
    dump.edit(dump.live("contacts")[0], phone="1")
    assert dump.run(SOME, "contacts:phone") == {}
    assert [len(body["inputs"]) for body in dump.asked] == [1]
    assert dump.here("contacts") == dump.there("contacts", (*FEW, "phone"))


def test_what_changed_while_it_was_not_wished_for_is_read_when_it_is_again(dump: Dump) -> None:
    id_ = dump.live("contacts")[11]
    dump.edit(id_, fax="1")
    assert dump.run("contacts:email") == {}
    assert dump.run(SOME) == {}
    assert [(len(body["inputs"]), set(body["propertiesWithHistory"])) for body in dump.asked] == [
        (1, {"fax", "lifecyclestage"})
    ]
    assert dump.here("contacts") == dump.there("contacts", FEW)


def test_what_hubspot_forgets_stays_here(tmp_path: Path) -> None:
    dump = Dump(tmp_path, "contacts=60", beliefs=("history-max=20",))
    id_ = dump.live("contacts")[0]
    dump.edit(id_, fax="0")
    assert dump.run(SOME) == {}
    kept = dump.here("contacts")
    for value in range(25):
        dump.sandbox.advance(1)
        dump.edit(id_, fax=f"{value}")
    assert dump.run(SOME) == {}
    there = dump.there("contacts", FEW)
    assert len([past for past in there if past[:2] == (id_, "fax")]) == 20
    assert dump.here("contacts") == sorted({*kept, *there})
    assert not {*kept} <= {*there}


def test_what_hubspot_says_otherwise_than_documented_is_kept(tmp_path: Path) -> None:
    dump = Dump(tmp_path, "contacts=60")
    dump.instead = {"fax": [{"value": 1.10, "timestamp": "odd", "sourceType": None, "new": {"a": [1]}}, {}]}
    assert dump.run("contacts:fax") == {}
    reader = Reader(tmp_path / "store.sqlite")
    try:
        values = list(reader.histories.values("contacts"))
    finally:
        reader.close()
    assert len(values) == 2 * 60
    told = {(v.property, v.at_us, v.timestamp, v.value, v.more) for v in values}
    assert told == {("fax", 0, "odd", "1.1", '{"new":{"a": [1]}}'), ("fax", 0, "", None, "")}


def test_two_values_of_one_instant_are_two(tmp_path: Path) -> None:
    values = [PastValue(1, "fax", 7, "t", value, "API", "1", None, None) for value in ("a", "b", "a")]
    store = Store(tmp_path / "store.sqlite")
    try:
        store.begin_round("contacts", 1)
        page = HistoriesRead(("fax",), {1: 5}, values)
        for _ in range(2):
            store.commit_histories(WalkKey("contacts", "history"), page, 0.0)
        assert [past.value for past in store.histories.values("contacts")] in (["a", "b"], ["b", "a"])
        assert store.histories.count("contacts") == 2
    finally:
        store.close()


@pytest.mark.parametrize("beliefs", [("history-max=20",), ("worst",)])
def test_histories_are_whole_whatever_hubspot_is_like(tmp_path: Path, beliefs: Any) -> None:
    dump = Dump(tmp_path, beliefs=beliefs, faults="many")
    assert dump.run(SOME) == {}
    assert dump.here("contacts") == dump.there("contacts", FEW)


def test_a_run_cut_short_between_two_pages_of_histories_goes_on_there(tmp_path: Path) -> None:
    dump = Dump(tmp_path)
    with pytest.raises(Cut):
        dump.run(SOME, cut_at=3)
    assert 0 < len(dump.here("contacts")) < len(dump.there("contacts", FEW))
    assert dump.run(SOME) == {}
    assert [len(body["inputs"]) for body in dump.asked] == [20]
    assert dump.here("contacts") == dump.there("contacts", FEW)


def test_what_a_run_that_was_cut_short_completed_is_read_for_the_history_that_is_wished_for_now(
    tmp_path: Path,
) -> None:
    dump = Dump(tmp_path, "contacts=60,notes=5")
    assert dump.run(to_its_end=False) == {}
    assert dump.run(SOME, later_s=60) == {}
    assert dump.here("contacts") == dump.there("contacts", FEW)


def test_a_property_that_the_portal_does_not_have_is_told_and_all_else_is_read(tmp_path: Path) -> None:
    dump = Dump(tmp_path, "contacts=60")
    failed = dump.run("contacts:emial,fax")
    assert "no property emial of contacts" in failed["contacts"].message
    assert dump.here("contacts") == dump.there("contacts", ("fax",))


def test_answers_without_any_history_are_not_taken_for_records_without_one(tmp_path: Path) -> None:
    dump = Dump(tmp_path, "contacts=60", silent=True)
    failed = dump.run(SOME)
    assert isinstance(failed["contacts"], BeliefRefuted)
    assert dump.here("contacts") == []


def test_a_record_whose_history_fails_for_ever_is_named_and_asked_for_again(tmp_path: Path) -> None:
    dump = Dump(tmp_path, "contacts=60")
    broken = dump.live("contacts")[33]
    dump.broken = broken
    assert dump.run(SOME) == {}
    assert dump.failures() == [(int(broken), "history")]
    assert dump.here("contacts") == [past for past in dump.there("contacts", FEW) if past[0] != broken]
    dump.broken = ""
    assert dump.run(SOME) == {}
    assert [[i["id"] for i in body["inputs"]] for body in dump.asked] == [[broken]]
    assert dump.failures() == []
    assert dump.here("contacts") == dump.there("contacts", FEW)


@pytest.mark.parametrize("text", ["dragons", "contacts:", "all:email", "crm:email", ""])
def test_a_wish_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        wanted([text])


def test_wishes_for_one_type_add_up() -> None:
    assert wanted(["contacts:email", "contacts:fax, phone"]).of == {"contacts": ("email", "fax", "phone")}
    assert wanted(["contacts:email", "contacts"]).of == {"contacts": None}
    assert wanted(["engagements", "0-1"]).of.keys() == {*ENGAGEMENTS, "contacts"}
