"""The portal that has everything: every type, custom objects, crowded records, chains of merges."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import pytest

from hubdump.sandbox import InProcess, SandboxError
from hubdump.sandbox.past import MERGED
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.portals import spec
from hubdump.sandbox.types import KINDS
from tests.sandbox.asking import OBJECTS, Asking

FEW = "whole,readings=60"


def test_every_type_has_records_and_archived_ones() -> None:
    portal = Asking(FEW)
    truth = portal.truth()
    assert set(truth["types"]) > {kind.name for kind in KINDS}
    assert [name for name in truth["types"] if not truth["live"][name] or not truth["archived"][name]] == []
    for name, type_id in truth["types"].items():
        for state, archived in (("live", "false"), ("archived", "true")):
            first = portal.get(f"{OBJECTS}/{type_id}", limit="3", archived=archived)["results"]
            assert [one["id"] for one in first] == truth[state][name][:3]
    ids = [id_ for state in ("live", "archived") for ids in truth[state].values() for id_ in ids]
    assert len(ids) == len(set(ids)), "two types share an id"


def test_custom_objects_are_told_apart_whatever_they_are_called() -> None:
    portal = Asking(FEW)
    schemas = portal.get("/crm-object-schemas/2026-09/schemas")["results"]
    assert len(schemas) == 12
    assert {"Foo", "foo", "projects", "select"} <= {one["name"] for one in schemas}
    assert {"Größen", "A/B Tests", "Foo", "foo"} <= {one["labels"]["plural"] for one in schemas}
    seen = set()
    for one in schemas:
        by_name, by_id = (
            portal.get(f"{OBJECTS}/{name}", limit="100")["results"]
            for name in (one["fullyQualifiedName"], one["objectTypeId"])
        )
        assert by_name
        assert by_id == by_name
        assert portal.get(f"/crm/v3/schemas/{one['objectTypeId']}")["name"] == one["name"]
        seen.add(by_id[0]["id"])
    assert len(seen) == 12
    projects = portal.get(f"{OBJECTS}/projects", limit="100")["results"]
    assert projects == portal.get(f"{OBJECTS}/0-970", limit="100")["results"], (
        "HubSpot's own name is HubSpot's"
    )


def test_one_type_has_1500_properties_and_the_others_do_not() -> None:
    portal = Asking(FEW)
    counts = {
        kind: len(portal.get(f"/crm/v3/properties/{kind}")["results"]) for kind in ("deals", "companies")
    }
    assert counts["deals"] > 1500
    assert counts["companies"] < 100


def test_one_contact_has_50000_associations_in_pages() -> None:
    portal = Asking("whole")
    readings = [str(id_) for id_ in Portal(spec("whole"), 7).shelves["readings"].ids()]
    assert len(readings) == 50_000
    (crowded,) = {
        one["toObjectId"]
        for result in portal.post(
            "/crm/associations/2026-09/readings/contacts/batch/read",
            {"inputs": [{"id": id_} for id_ in readings[:1000]]},
        )["results"]
        for one in result["to"]
    }
    path, after = "/crm/associations/2026-09/contacts/readings/batch/read", ""
    seen, sizes = list[str](), Counter[int]()
    while after or not seen:
        asked = {"id": crowded} | ({"after": after} if after else {})
        (result,) = portal.post(path, {"inputs": [asked]})["results"]
        sizes[len(result["to"])] += 1
        seen += [one["toObjectId"] for one in result["to"]]
        after = result.get("paging", {}).get("next", {}).get("after", "")
    assert seen == readings
    assert sizes == {500: 100}


@pytest.mark.parametrize("seed", [8, 10])  # of seed 10 the first contact of all is archived
def test_whoever_has_the_seed_has_that_contact(seed: int) -> None:
    associations = Asking(FEW, seed=seed).truth("readings")["associations"]
    ends = Counter(other for _, _, to, other, *_, label in associations if to == "contacts" and label is None)
    assert list(ends.values()) == [60]


@pytest.mark.parametrize("type_", MERGED)
def test_merges_in_a_chain_lead_to_the_last_survivor(type_: str) -> None:
    portal = Asking(FEW)
    merged = portal.truth()["merged"][type_]
    survivors = Counter(merged.values())
    renumbered = type_ in {"contacts", "companies"}
    assert sorted(survivors.values()) == ([4, 6] if renumbered else [2, 3])
    for id_, survivor in merged.items():
        found = portal.get(f"{OBJECTS}/{type_}/{id_}", properties="hs_merged_object_ids")
        assert found["id"] == survivor
        assert id_ in found["properties"]["hs_merged_object_ids"].split(";")
    listed = set(portal.ids(type_))
    assert set(survivors) <= listed
    assert not set(merged) & listed


def test_many_pairs_are_read_and_types_are_associated_with_themselves() -> None:
    associations = Asking(FEW).truth()["associations"]
    pairs = {(one[0], one[2]) for one in associations}
    assert len(pairs) > 150
    assert {(name, name) for name in ("contacts", "companies", "deals", "tickets", "cars")} <= pairs
    assert {("cars", "pets"), ("own_projects", "projects"), ("foo_upper", "foo_lower")} <= pairs
    there = {tuple(one[:4]) for one in associations}
    one_way = {(a, c) for a, b, c, d in there if (c, d, a, b) not in there}
    assert one_way == {("leads", "deals")}


def test_the_number_of_custom_objects_can_be_set_and_moves_no_other_type() -> None:
    usual, many = Asking("contacts=20,cars=30"), Asking("contacts=20,cars=30,customs=40,things_40=7")
    assert many.ids("contacts") == usual.ids("contacts")
    assert many.ids("cars") == usual.ids("cars")
    schemas = many.get("/crm/v3/schemas")["results"]
    assert len(schemas) == 40
    assert len(many.ids(schemas[-1]["objectTypeId"])) == 7
    assert Asking("contacts=1,customs=0").get("/crm/v3/schemas")["results"] == []
    for wrong in ("customs=61", "contacts=1,cars=2,customs=0", "whole,things_40=1", "wholes"):
        with pytest.raises(SandboxError, match="must be one of"):
            InProcess(wrong)


def test_two_million_associations_take_no_memory_until_they_are_asked_for() -> None:
    tracemalloc.start()
    try:
        portal = Portal(spec("dense"), 7)
        contacts = portal.shelves["contacts"]
        assert contacts.live == 190_000
        first = [id_ for _, id_ in zip(range(500), contacts.ids(), strict=False)]
        tied = sum(len(portal.links.of("contacts", id_, "companies")) for id_ in first)
        assert tied / 500 * 190_000 > 2_000_000
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
