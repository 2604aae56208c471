"""Writes: what they change, what they refuse, and what merges and erasures leave."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.asking import OBJECTS, Asking

CONTACTS = f"{OBJECTS}/contacts"


def test_a_new_record_is_there_at_once_with_an_id_larger_than_all() -> None:
    portal = Asking("small")
    before = portal.ids("contacts")
    id_ = portal.create("contacts", email="Ada@Example.com", firstname="Ada")
    assert portal.ids("contacts") == [*before, id_]
    record = portal.get(
        f"{CONTACTS}/ada@example.com", idProperty="email", properties="email,hs_object_source"
    )
    assert (record["id"], record["properties"]["email"]) == (id_, "ada@example.com")
    assert record["createdAt"] == record["updatedAt"]
    assert portal.search("contacts", ("email", "EQ", "ada@example.com"))["total"] == 1


def test_new_ids_may_be_anywhere() -> None:
    portal = Asking("calls=300", beliefs={"new-ids": "anywhere"})
    old = portal.ids("calls")
    new = [portal.create("calls") for _ in range(20)]
    assert sum(int(id_) < int(old[-1]) for id_ in new) > 10
    assert portal.ids("calls") == sorted([*old, *new], key=int)


def test_an_update_moves_the_modified_time_and_leaves_a_version() -> None:
    portal = Asking("small")
    id_ = portal.ids("contacts")[4]
    before = portal.get(f"{CONTACTS}/{id_}", properties="city,firstname")
    answer = portal.ask("PATCH", f"{CONTACTS}/{id_}", json={"properties": {"city": "Łódź"}})
    after = portal.get(f"{CONTACTS}/{id_}", properties="city,firstname", propertiesWithHistory="city")
    assert after["properties"]["city"] == answer["properties"]["city"] == "Łódź"
    assert after["properties"]["firstname"] == before["properties"]["firstname"]
    assert after["updatedAt"] > before["updatedAt"]
    assert after["createdAt"] == before["createdAt"]
    newest = after["propertiesWithHistory"]["city"][0]
    assert (newest["value"], newest["timestamp"]) == ("Łódź", after["updatedAt"])
    portal.ask("PATCH", f"{CONTACTS}/{id_}", json={"properties": {"city": ""}})
    assert portal.get(f"{CONTACTS}/{id_}", properties="city")["properties"]["city"] is None


def test_values_that_are_not_valid_are_named_each() -> None:
    portal = Asking("small")
    bad = {"first000name": "x", "lastmodifieddate": "1", "lifecyclestage": "friend", "numemployees": "many"}
    said = portal.post(CONTACTS, {"properties": bad}, 400)
    assert said["message"].startswith(
        'Property values were not valid: [{"isValid":false,"message":"Property \\"first'
    )
    assert {error["context"]["propertyName"][0]: error["code"] for error in said["errors"]} == {
        "first000name": "PROPERTY_DOESNT_EXIST", "lastmodifieddate": "READ_ONLY_VALUE",
        "lifecyclestage": "INVALID_OPTION", "numemployees": "INVALID_DOUBLE",
    }  # fmt: skip
    assert len(portal.ids("contacts")) == 60


def test_a_taken_address_is_a_conflict() -> None:
    portal = Asking("small")
    one, other = portal.get(CONTACTS, properties="email")["results"][:2]
    email = one["properties"]["email"]
    said = portal.post(CONTACTS, {"properties": {"email": email}}, 409)
    assert said["message"] == f"Contact already exists. Existing ID: {one['id']}"
    assert said["category"] == "CONFLICT"
    portal.ask("PATCH", f"{CONTACTS}/{other['id']}", 409, {"properties": {"email": email}})
    portal.ask("PATCH", f"{CONTACTS}/{one['id']}", json={"properties": {"email": email}})
    portal.ask("PATCH", f"{CONTACTS}/{one['id']}", json={"properties": {"email": "free@example.com"}})
    portal.create("contacts", email=email)


def test_an_archived_record_leaves_lists_searches_and_associations() -> None:
    portal = Asking("small")
    truth = portal.truth()
    id_ = next(r[1] for r in truth["associations"] if (r[0], r[2]) == ("contacts", "companies"))
    portal.ask("DELETE", f"{CONTACTS}/{id_}", 204)
    portal.ask("DELETE", f"{CONTACTS}/{id_}", 204)
    assert id_ not in portal.ids("contacts")
    assert id_ in portal.ids("contacts", archived="true")
    portal.get(f"{CONTACTS}/{id_}", 404)
    assert portal.search("contacts", ("hs_object_id", "EQ", id_))["total"] == 0
    assert not [r for r in portal.truth()["associations"] if id_ in {r[1], r[3]}]
    portal.ask("PATCH", f"{CONTACTS}/{id_}", 404, {"properties": {"city": "x"}})


def batch(*inputs: Any) -> dict[str, Any]:
    return {"inputs": list(inputs)}


def test_batches_create_update_and_archive() -> None:
    portal = Asking("small")
    made = portal.post(
        f"{OBJECTS}/deals/batch/create",
        batch(*({"properties": {"dealname": f"d{n}"}} for n in range(3))),
        201,
    )
    ids = [r["id"] for r in made["results"]]
    changed = batch({"id": ids[0], "properties": {"dealname": "new"}}, {"id": "1", "properties": {}})
    answer = portal.post(f"{OBJECTS}/deals/batch/update", changed, 207)
    assert [r["properties"]["dealname"] for r in answer["results"]] == ["new"]
    assert answer["errors"][0]["context"] == {"ids": ["1"]}
    portal.post(f"{OBJECTS}/deals/batch/archive", batch(*({"id": id_} for id_ in ids[1:])), 204)
    assert ids[0] in portal.ids("deals")
    assert set(ids[1:]) <= set(portal.ids("deals", archived="true"))
    twice = portal.post(f"{OBJECTS}/deals/batch/update", batch(*[{"id": ids[0], "properties": {}}] * 2), 400)
    assert twice["message"] == f"Duplicate IDs found in batch input: [{ids[0]}]. IDs must be unique"
    assert twice["context"] == {"ids": [ids[0]]}


def test_a_batch_with_a_taken_address_fails_whole_or_in_part() -> None:
    portal = Asking("small")
    taken = portal.get(CONTACTS, properties="email")["results"][0]
    inputs = [
        {"properties": {"email": taken["properties"]["email"]}},
        {"properties": {"email": "b@example.com"}},
    ]
    said = portal.post(f"{CONTACTS}/batch/create", batch(*inputs), 409)
    assert said["message"] == "Contact already exists"
    assert len(portal.ids("contacts")) == 60
    traced = [one | {"objectWriteTraceId": str(n)} for n, one in enumerate(inputs)]
    answer = portal.post(f"{CONTACTS}/batch/create", batch(*traced), 207)
    assert len(answer["results"]) == 1
    assert answer["errors"][0]["context"] == {"objectWriteTraceId": ["0"], "existingId": [taken["id"]]}
    upserted = [{"id": f"{name}@example.com", "idProperty": "email", "properties": {}} for name in ("b", "c")]
    results = portal.post(f"{CONTACTS}/batch/upsert", batch(*upserted))["results"]
    assert [r["new"] for r in results] == [False, True]


@pytest.mark.parametrize(("type_", "belief", "renumbered"), [
    ("contacts", "new", True), ("contacts", "primary", False), ("companies", "new", True), ("deals", "new", False),
])  # fmt: skip
def test_a_merge_leaves_one_record_that_all_ids_lead_to(type_: str, belief: str, renumbered: bool) -> None:
    portal = Asking("small", beliefs={"merge-id": belief})
    path = f"{OBJECTS}/{type_}"
    one, other, *_ = before = portal.ids(type_)
    rows = portal.truth()["associations"]
    ties = {(r[2], r[3]) for r in rows if r[0] == type_ and r[1] in {one, other}}
    survivor = portal.post(f"{path}/merge", {"primaryObjectId": one, "objectIdToMerge": other})["id"]
    assert (survivor not in before) == renumbered
    assert len(portal.ids(type_)) == len(before) - 1
    assert portal.get(f"{path}/{one}")["id"] == portal.get(f"{path}/{other}")["id"] == survivor
    read = portal.post(
        f"{path}/batch/read", batch({"id": one}, {"id": other}) | {"properties": ["hs_merged_object_ids"]}
    )
    (record,) = read["results"]
    assert record["id"] == survivor
    merged = record["properties"]["hs_merged_object_ids"].split(";")
    assert merged == ([one, other] if renumbered else [other])
    truth = portal.truth()
    assert set(truth["merged"][type_].values()) == {survivor}
    assert {(r[2], r[3]) for r in truth["associations"] if r[0] == type_ and r[1] == survivor} == ties
    portal.ask("PATCH", f"{path}/{other}", json={"properties": {}})
    missing = portal.post(f"{path}/batch/update", batch({"id": other, "properties": {}}), 207)
    assert missing["errors"][0]["context"] == {"ids": [other]}


def test_an_erased_contact_is_gone_and_not_even_archived() -> None:
    portal = Asking("small")
    record = portal.get(CONTACTS, properties="email")["results"][3]
    portal.post(
        f"{CONTACTS}/gdpr-delete", {"objectId": record["properties"]["email"], "idProperty": "email"}, 204
    )
    assert record["id"] not in portal.ids("contacts") + portal.ids("contacts", archived="true")
    portal.get(f"{CONTACTS}/{record['id']}", 404)
    portal.get(f"{CONTACTS}/{record['id']}", 404, archived="true")
    assert portal.truth()["gone"]["contacts"] == [record["id"]]
    portal.post(f"{CONTACTS}/gdpr-delete", {"objectId": record["id"]}, 404)


def test_usage_follows_what_is_written() -> None:
    def usage(portal: Asking) -> int:
        found = portal.get("/crm/limits/2026-09/records")["hubspotDefinedObjectTypes"]
        return int(next(one["usage"] for one in found if one["objectTypeId"] == "0-1"))

    portal, counting = Asking("small"), Asking("small", beliefs={"usage-counts-archived": "yes"})
    assert (usage(portal), usage(counting)) == (60, 61)
    for one in (portal, counting):
        one.create("contacts")
        one.ask("DELETE", f"{CONTACTS}/{one.ids('contacts')[0]}", 204)
    assert (usage(portal), usage(counting)) == (60, 62)


def test_lists_show_changes_late_where_that_is_believed() -> None:
    portal = Asking("small", beliefs={"list-lag-s": "20"})
    ids = portal.ids("companies")
    new = portal.create("companies", name="late")
    portal.ask("PATCH", f"{OBJECTS}/companies/{ids[0]}", json={"properties": {"name": "changed"}})
    assert portal.ids("companies") == ids
    assert portal.get(f"{OBJECTS}/companies")["results"][0]["properties"]["name"] != "changed"
    assert portal.get(f"{OBJECTS}/companies/{ids[0]}")["properties"]["name"] == "changed"
    assert portal.get(f"{OBJECTS}/companies/{new}")["properties"]["name"] == "late"
    portal.client.advance(20)
    assert portal.ids("companies") == [*ids, new]
    assert portal.get(f"{OBJECTS}/companies")["results"][0]["properties"]["name"] == "changed"


@pytest.mark.parametrize(
    "body",
    [None, [], {"properties": []}, {"properties": {"city": {}}}, {"properties": {}, "associations": [1]}],
)
def test_bodies_of_the_wrong_shape_are_refused(body: object) -> None:
    Asking("tiny").ask("POST", CONTACTS, 400 if body is not None else 415, body)
    said = Asking("tiny").client.request("POST", CONTACTS, headers={"content-type": "application/json"})
    assert said.status == 400


def test_a_restored_record_is_back_with_its_associations() -> None:
    portal = Asking("small")
    before = portal.truth("contacts")
    id_ = before["associations"][0][1]
    portal.post("/_sandbox/restore", {"type": "contacts", "id": id_}, 404)
    portal.ask("DELETE", f"{CONTACTS}/{id_}", 204)
    assert portal.truth("contacts") != before
    portal.post("/_sandbox/restore", {"type": "contacts", "id": id_})
    assert portal.truth("contacts") == before
    assert portal.search("contacts", ("hs_object_id", "EQ", id_))["total"] == 1
