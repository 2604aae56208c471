"""Object types: one row each, custom objects discovered and named for ever, empty ones cheap, absent ones told."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hubdump.catalog import STANDARD, TYPES, Catalogue
from hubdump.errors import UsageError
from hubdump.events import Event, Noted, TypeAbsent
from hubdump.extract import discovery
from hubdump.model import CUSTOM, ObjectType, Request, Response, Secret
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets import duckdb_file
from tests.worlds import CRM, ENGAGEMENTS, Emulated, Refusing, answer, extracted

CARS = "2-4101001"


def quiet(portal: str, **options: Any) -> InProcess:
    chosen: Any = {"faults": "none", "overload": False} | options
    return InProcess(portal, **chosen)


def ids(folder: Path, type_: str) -> list[str]:
    reader = Reader(folder / "store.sqlite")
    try:
        return sorted(str(record.id) for page in reader.pages(type_) for record in page)
    finally:
        reader.close()


def kept(folder: Path, *found: tuple[str, str]) -> dict[str, str]:
    """The names of custom objects (type id, label) after a store kept them."""
    store = Store(folder / "store.sqlite")
    try:
        rows = [(ObjectType("", id_, label.lower(), qualified=f"p1_{label}"), label) for id_, label in found]
        store.discovered.keep(rows)
    finally:
        store.close()
    reader = Reader(folder / "store.sqlite")
    try:
        return {type_.type_id: type_.name for type_ in reader.catalogue().types if type_.group == CUSTOM}
    finally:
        reader.close()


def test_names_and_type_ids_of_the_rows_are_nobody_elses() -> None:
    words = Counter(word for type_ in STANDARD.types for word in {type_.name, type_.type_id})
    assert len(STANDARD.types) == 36
    assert [word for word, times in words.items() if times > 1] == []
    assert [type_.name for type_ in STANDARD.types if not type_.scopes or not type_.group] == []


def test_a_type_that_nobody_knew_is_read_once_it_has_a_row(tmp_path: Path) -> None:
    sandbox = quiet("cars=230,contacts=5")
    wagons = ObjectType("wagons", CARS, "wagon", CUSTOM)
    with pytest.raises(UsageError):
        STANDARD.by_name("wagons")
    assert extracted(sandbox, tmp_path, ["contacts"], invented=(wagons,)) == {}
    truth = sandbox.portal.truth()
    assert len(truth["live"]["cars"]) == 230
    assert ids(tmp_path, "wagons") == sorted(truth["live"]["cars"])
    assert ids(tmp_path, "contacts") == sorted(truth["live"]["contacts"])
    duckdb_file.write(tmp_path, [wagons])
    with duckdb.connect(tmp_path / "hubdump.duckdb", read_only=True) as db:
        rows = db.execute("SELECT id, property_model IS NOT NULL FROM wagons WHERE NOT archived").fetchall()
    assert sorted(id_ for id_, _ in rows) == sorted(truth["live"]["cars"])
    assert any(model for _, model in rows)


@pytest.mark.parametrize(
    ("only", "exclude", "names"),
    [
        (["meeting"], [], ["meetings"]),
        (["0-136", "deals"], [], ["deals", "leads"]),
        (["library"], ["courses", "0-420"], ["appointments", "services", "projects"]),
        (["p1_Car"], [], ["cars"]),
        ([CUSTOM], ["2-2"], ["cars"]),
        (
            ["engagements"],
            ["calls", "emails", "notes", "tasks", "communications"],
            ["meetings", "postal_mail"],
        ),
    ],
)
def test_a_selection_takes_names_type_ids_qualified_names_and_groups(
    only: list[str], exclude: list[str], names: list[str]
) -> None:
    cars = ObjectType("cars", "2-1", "car", CUSTOM, qualified="p1_Car")
    boats = ObjectType("boats", "2-2", "meeting", CUSTOM, qualified="p1_Boat")
    catalogue = Catalogue((*STANDARD.types, cars, boats))
    assert [type_.name for type_ in catalogue.selected(only, exclude)] == names


def test_a_word_for_no_type_and_a_selection_of_nothing_are_told() -> None:
    with pytest.raises(UsageError, match="no object type 'contcats'"):
        STANDARD.selected(["contcats"], [])
    with pytest.raises(UsageError, match="Nothing is left"):
        STANDARD.selected(["crm"], ["crm"])
    with pytest.raises(UsageError, match="Nothing is left"):
        STANDARD.selected([CUSTOM], [])


def test_whatever_label_a_custom_object_has_its_name_is_a_tables_and_its_own(tmp_path: Path) -> None:
    labels = [
        ("2-1", "Contacts"), ("2-2", "../../etc/passwd"), ("2-3", "Foo"), ("2-4", "foo"), ("2-5", "FOO "),
        ("2-6", "Größe & Maß"), ("2-7", "契約"), ("2-8", "3D models"), ("2-9", "Owners"), ("2-10", "engagements"),
        ("2-11", "foo 2 4"), ("2-12", "x" * 90),
    ]  # fmt: skip
    assert kept(tmp_path, *labels) == {
        "2-1": "contacts_2_1",
        "2-2": "etc_passwd",
        "2-3": "foo",
        "2-4": "foo_2_4",
        "2-5": "foo_2_5",
        "2-6": "grosse_mass",
        "2-7": "object_2_7",
        "2-8": "object_3d_models",
        "2-9": "owners_2_9",
        "2-10": "engagements_2_10",
        "2-11": "foo_2_4_2_11",
        "2-12": "x" * 40,
    }


def test_a_custom_object_keeps_its_name_whatever_its_label_becomes_and_whoever_comes_later(
    tmp_path: Path,
) -> None:
    assert kept(tmp_path, ("2-7", "Cars")) == {"2-7": "cars"}
    assert kept(tmp_path, ("2-3", "Cars"), ("2-7", "Vehicles")) == {"2-3": "cars_2_3", "2-7": "cars"}
    assert kept(tmp_path) == {"2-3": "cars_2_3", "2-7": "cars"}


def test_custom_objects_are_discovered_and_read(tmp_path: Path) -> None:
    sandbox = quiet("cars=120,pets=7,contacts=3")
    assert extracted(sandbox, tmp_path, [CUSTOM, "contacts"]) == {}
    truth = sandbox.portal.truth()["live"]
    assert len(truth["cars"]) == 120
    assert {name: ids(tmp_path, name) for name in ("cars", "pets", "contacts")} == {
        name: sorted(truth[name]) for name in ("cars", "pets", "contacts")
    }
    assert not [
        request for request in sandbox.portal.requests() if "/objects/2026-09/cars" in request["path"]
    ]


def test_a_type_without_records_takes_two_requests_and_is_proved_by_them(tmp_path: Path) -> None:
    sandbox = quiet("narrow,contacts=3")
    empty = [type_.name for type_ in STANDARD.types if not type_.library and type_.name != "contacts"]
    for _ in range(2):
        before = len(sandbox.portal.requests())
        assert extracted(sandbox, tmp_path, [*empty, "contacts"]) == {}
        log = sandbox.portal.requests()[before:]
        asked = Counter(one["path"].rsplit("/", 1)[-1] for one in log if "/objects/" in one["path"])
        assert {name: asked[name] for name in empty} == dict.fromkeys(empty, 2)
        assert [one for one in log if one["path"].endswith("/leads") and "/properties/" in one["path"]] == []
        sandbox.advance(5000)
    reader = Reader(tmp_path / "store.sqlite")
    marks = [reader.bookmark(name) for name in empty]
    reader.close()
    assert len(marks) > 25
    assert all(mark.complete and mark.proved_us == mark.fresh_us for mark in marks)
    assert None not in [mark.proved_us for mark in marks]


def test_the_first_record_of_a_type_that_was_empty_comes_with_all_its_properties(tmp_path: Path) -> None:
    sandbox = quiet("contacts=3")
    assert extracted(sandbox, tmp_path, ["leads"]) == {}
    assert ids(tmp_path, "leads") == []
    body = {"properties": {"hs_name": "first"}}
    made = sandbox.portal.edit("POST", "/crm/v3/objects/leads", body)
    sandbox.advance(5000)
    assert extracted(sandbox, tmp_path, ["leads"]) == {}
    assert len(sandbox.portal.truth()["live"]["leads"]) == 1, made
    assert ids(tmp_path, "leads") == sandbox.portal.truth()["live"]["leads"]
    reader = Reader(tmp_path / "store.sqlite")
    (stored,) = [record for page in reader.pages("leads") for record in page]
    reader.close()
    assert json.loads(bytes(stored.raw))["properties"]["hs_name"] == "first"


def test_where_hubspot_counts_none_and_lists_some_the_list_is_believed(tmp_path: Path) -> None:
    sandbox = quiet("calls=130")

    class Uncounted(Emulated):
        async def send(self, request: Request[Any], token: Secret | None) -> Response:
            if "/limits/" in request.path:
                return answer({"hubspotDefinedObjectTypes": [{"objectTypeId": "0-48", "usage": 0}]})
            return await super().send(request, token)

    through = lambda clock: Uncounted(sandbox, clock)  # noqa: E731 - a name for it
    assert extracted(sandbox, tmp_path, ["calls"], through=through) == {}
    assert ids(tmp_path, "calls") == sorted(sandbox.portal.truth()["live"]["calls"])
    assert len(ids(tmp_path, "calls")) == 130


def unread(folder: Path) -> dict[str, tuple[str, tuple[str, ...], bool]]:
    reader = Reader(folder / "store.sqlite")
    try:
        return {one.what: (one.why, one.scopes, one.absent) for one in reader.unread()}
    finally:
        reader.close()


def test_what_the_library_has_switched_off_is_not_asked_for_and_told(tmp_path: Path) -> None:
    sandbox = quiet("contacts=3")
    assert extracted(sandbox, tmp_path, ["library", "leads"]) == {}
    told = unread(tmp_path)
    assert sorted(told) == ["appointments", "courses", "listings", "projects", "services"]
    assert set(told.values()) == {(discovery.SWITCHED_OFF, (), True)}
    assert not [one for one in sandbox.portal.requests() if "/services" in one["path"]]


@pytest.mark.parametrize("status", [403, 404])
def test_a_type_that_hubspot_does_not_know_is_absent_and_read_when_it_does(
    status: int, tmp_path: Path
) -> None:
    sandbox, told = quiet("leads=4,calls=2"), list[Event]()
    through = lambda clock: Refusing(sandbox, clock, "/leads", status, {"message": "no"})  # noqa: E731 - a name for it
    names = ["leads", "calls"]
    assert extracted(sandbox, tmp_path, names, told.append, through=through) == {}
    assert unread(tmp_path) == {"leads": (discovery.UNKNOWN, (), True)}
    assert TypeAbsent("leads") in told
    assert len(ids(tmp_path, "calls")) == 2
    assert extracted(sandbox, tmp_path, names) == {}
    assert unread(tmp_path) == {}
    assert len(ids(tmp_path, "leads")) == 4


def test_a_type_of_every_portal_is_never_absent_whatever_hubspot_says(tmp_path: Path) -> None:
    sandbox = quiet("leads=4,calls=2,deals=3")
    through = lambda clock: Refusing(sandbox, clock, "/calls", 404, {"message": "no"})  # noqa: E731 - a name for it
    assert list(extracted(sandbox, tmp_path, ["leads", "calls", "deals"], through=through)) == ["calls"]
    assert unread(tmp_path) == {}
    assert [type_.name for type_ in TYPES if type_.everywhere] == [*ENGAGEMENTS, *CRM]


def test_a_type_that_was_read_and_is_not_known_any_more_is_an_error(tmp_path: Path) -> None:
    sandbox = quiet("leads=4")
    assert extracted(sandbox, tmp_path, ["leads"]) == {}
    sandbox.advance(5000)
    through = lambda clock: Refusing(sandbox, clock, "/leads", 404, {"message": "no"})  # noqa: E731 - a name for it
    assert list(extracted(sandbox, tmp_path, ["leads"], through=through)) == ["leads"]
    assert len(ids(tmp_path, "leads")) == 4


def test_where_schemas_may_not_be_read_it_is_told_with_the_scope_and_the_known_ones_are_read(
    tmp_path: Path,
) -> None:
    sandbox, told = quiet("cars=4,contacts=2"), list[Event]()
    assert extracted(sandbox, tmp_path, [CUSTOM]) == {}
    sandbox.portal.edit("POST", "/crm/v3/objects/cars", {"properties": {"model": "new"}})
    sandbox.advance(5000)
    body = {"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["crm.schemas.custom.read"]}}
    through = lambda clock: Refusing(sandbox, clock, "/crm-object-schemas/", 403, body)  # noqa: E731 - a name for it
    assert extracted(sandbox, tmp_path, [CUSTOM], told.append, through=through) == {}
    ((why, scopes, absent),) = unread(tmp_path).values()
    assert (scopes, absent) == (("crm.schemas.custom.read",), False)
    assert [event for event in told if isinstance(event, Noted) and why in event.text]
    assert len(ids(tmp_path, "cars")) == 5


def test_a_custom_object_that_is_not_listed_any_more_stays_as_it_was_read(tmp_path: Path) -> None:
    sandbox = quiet("cars=4,pets=3")
    assert extracted(sandbox, tmp_path, [CUSTOM]) == {}
    through = lambda clock: Refusing(sandbox, clock, "/crm-object-schemas/", 200, {"results": []})  # noqa: E731 - a name for it
    assert extracted(sandbox, tmp_path, [CUSTOM], through=through) == {}
    assert {(what, row[0]) for what, row in unread(tmp_path).items()} == {
        ("cars", discovery.NOT_LISTED), ("pets", discovery.NOT_LISTED),
    }  # fmt: skip
    assert len(ids(tmp_path, "cars")) == 4
