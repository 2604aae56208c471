"""What changes of a portal besides its records, while somebody reads it: properties, custom objects, types, scopes."""

from __future__ import annotations

from typing import Any

import pytest

from hubdump.sandbox import InProcess, SandboxError
from hubdump.sandbox.drift import DEEDS
from tests.sandbox.asking import OBJECTS, Asking

PROPERTIES = "/crm/v3/properties"


def names(portal: Asking, type_: str, **params: str) -> dict[str, Any]:
    return {one["name"]: one for one in portal.get(f"{PROPERTIES}/{type_}", **params)["results"]}


def drift(portal: Asking, *deeds: str) -> None:
    portal.client.portal.drift(*deeds)


def test_a_property_is_made_filled_archived_restored_and_removed() -> None:
    portal, other = Asking("tiny"), Asking("tiny")
    (id_,) = portal.ids("contacts")
    path = f"{OBJECTS}/contacts/{id_}"

    def value() -> Any:
        return portal.get(path, properties="shoe_size,email")["properties"].get("shoe_size", "not there")

    assert value() == "not there"
    drift(portal, "property-created:contacts:shoe_size")
    made = names(portal, "contacts")["shoe_size"]
    assert made["createdAt"] > "2026-11"
    assert not made["hubspotDefined"]
    assert value() is None
    portal.ask("PATCH", path, 200, {"properties": {"shoe_size": "44"}})
    assert value() == "44"
    drift(portal, "property-archived:contacts:shoe_size")
    assert "shoe_size" not in names(portal, "contacts")
    assert names(portal, "contacts", archived="true")["shoe_size"]["archivedAt"] > "2026-11"
    assert value() == "not there"
    portal.ask("PATCH", path, 400, {"properties": {"shoe_size": "45"}})
    drift(portal, "property-restored:contacts:shoe_size")
    assert value() == "44"
    drift(portal, "property-removed:contacts:shoe_size")
    assert "shoe_size" not in names(portal, "contacts") | names(portal, "contacts", archived="true")
    assert value() == "not there"
    assert "shoe_size" not in names(other, "contacts"), "another portal has its own properties"


def test_a_sensitive_property_is_where_sensitive_ones_are() -> None:
    portal = Asking("tiny", tokens=("T:crm.objects.contacts.read+oauth",))
    drift(portal, "property-created:contacts:diagnosis:sensitive")
    assert "diagnosis" not in names(portal, "contacts")
    assert "diagnosis" in names(portal, "contacts", dataSensitivity="sensitive")
    (id_,) = portal.ids("contacts")
    portal.get(f"{OBJECTS}/contacts/{id_}", 403, properties="diagnosis")


def test_a_retyped_property_keeps_its_texts() -> None:
    portal = Asking("deals=20")
    params = {"limit": "50", "properties": "amount"}
    before = portal.get(f"{OBJECTS}/deals", **params)
    assert names(portal, "deals")["amount"]["type"] == "number"
    drift(portal, "property-retyped:deals:amount:string")
    retyped = names(portal, "deals")["amount"]
    assert (retyped["type"], retyped["fieldType"]) == ("string", "text")
    assert portal.get(f"{OBJECTS}/deals", **params) == before


def test_a_custom_object_is_made_and_archived() -> None:
    portal = Asking("small")
    known = {one["objectTypeId"] for one in portal.get("/crm/v3/schemas")["results"]}
    drift(portal, "custom-created")
    (made,) = [one for one in portal.get("/crm/v3/schemas")["results"] if one["objectTypeId"] not in known]
    type_id = made["objectTypeId"]
    ids = portal.ids(type_id)
    assert len(ids) == 12
    assert portal.get(f"{OBJECTS}/{made['fullyQualifiedName']}", limit="50")["results"][0]["id"] == ids[0]
    tied = portal.post(
        f"/crm/v4/associations/{type_id}/contacts/batch/read", {"inputs": [{"id": id_} for id_ in ids]}
    )["results"]
    assert len(tied) == 12
    assert len(portal.get(f"/crm/v4/associations/contacts/{type_id}/labels")["results"]) > 0
    truth = portal.truth()
    (name,) = [name for name, id_ in truth["types"].items() if id_ == type_id]
    assert truth["live"][name] == ids
    assert [name, "contacts", 12, 12] in truth["pairs"]
    drift(portal, f"custom-archived:{type_id}")
    portal.get(f"{OBJECTS}/{type_id}", 404)
    portal.get(f"/crm/v4/associations/contacts/{type_id}/labels", 404)
    assert type_id not in {one["objectTypeId"] for one in portal.get("/crm/v3/schemas")["results"]}
    (archived,) = portal.get("/crm/v3/schemas", archived="true")["results"]
    assert (archived["objectTypeId"], archived["archived"]) == (type_id, True)
    assert name not in portal.truth()["types"]
    assert type_id in portal.client.portal.truth(items=["schemas"])["items"]["schemas"][""]


@pytest.mark.parametrize("status", [404, 400])
def test_a_type_goes_in_the_middle_of_a_walk_and_comes_back(status: int) -> None:
    portal = Asking("small", beliefs={"gone-type": status})
    before = portal.truth()
    first = portal.get(f"{OBJECTS}/leads", limit="2")
    drift(portal, "type-gone:leads")
    after = first["paging"]["next"]["after"]
    portal.get(f"{OBJECTS}/leads", status, limit="2", after=after)
    portal.get(f"{PROPERTIES}/0-136", status)
    inputs = {"inputs": [{"id": first["results"][0]["id"]}]}
    portal.post("/crm/v4/associations/leads/contacts/batch/read", inputs, status)
    portal.post("/crm/v4/associations/contacts/leads/batch/read", inputs, status)
    counted = portal.get("/crm/limits/2026-09/records")["hubspotDefinedObjectTypes"]
    assert "0-136" not in {one["objectTypeId"] for one in counted}
    truth = portal.truth()
    assert "leads" in truth["unavailable"]
    assert "leads" not in truth["live"]
    assert not [row for row in truth["associations"] if "leads" in row]
    assert truth["live"] == {name: ids for name, ids in before["live"].items() if name != "leads"}
    drift(portal, "type-back:leads")
    assert portal.truth() == before


def test_a_scope_is_taken_from_one_token_and_given_back() -> None:
    portal = Asking("small", tokens=("one", "two:crm.objects.leads.read+tickets"))

    def status(token: str, type_: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return portal.client.request("GET", f"{OBJECTS}/{type_}", headers=headers).status

    drift(portal, "scope-revoked:crm.objects.leads.read:one")
    assert [status("one", "leads"), status("two", "leads"), status("one", "deals")] == [403, 200, 200]
    refused = portal.get(f"{OBJECTS}/leads", 403)
    assert refused["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.leads.read"]
    drift(portal, "scope-given:crm.objects.leads.read:one", "scope-revoked:crm.objects.leads.read:two")
    assert [status("one", "leads"), status("two", "leads"), status("two", "tickets")] == [200, 403, 200]
    drift(portal, "scope-revoked:tickets")
    assert [status("one", "tickets"), status("two", "tickets"), status("one", "contacts")] == [403, 403, 200]
    emails = [
        f"{OBJECTS}/emails",
        "/crm/v3/owners",
        "/crm/v3/schemas",
        "/settings/v3/currencies/exchange-rates/current",
    ]
    assert [portal.client.request("GET", path).status for path in emails] == [200] * 4


def test_a_type_of_the_library_is_switched_off_and_on() -> None:
    portal = Asking("contacts=1,listings=4")
    drift(portal, "type-off:listings")
    portal.get(f"{OBJECTS}/listings", 403)
    enabled = portal.get("/crm/object-library/2026-09/enablement")["enablementByObjectTypeId"]
    assert enabled["0-420"] is False
    drift(portal, "type-on:listings", "type-on:courses")
    assert len(portal.get(f"{OBJECTS}/listings")["results"]) == 4
    assert portal.get(f"{OBJECTS}/courses")["results"] == []


def test_deeds_happen_in_a_life_at_their_second() -> None:
    deeds = (
        "property-created:contacts:size@5", "type-gone:deals@10", "scope-revoked:tickets@15", "type-back:deals@20",
        "custom-created@30",
    )  # fmt: skip
    portal = Asking("contacts=20,deals=5,tickets=5", life=",".join([*deeds, "edits=20/s"]))
    seen = []
    for _ in range(8):
        portal.client.advance(4)
        statuses = [
            portal.client.request("GET", f"{OBJECTS}/{type_}").status for type_ in ("deals", "tickets")
        ]
        seen.append(
            (*statuses, "size" in names(portal, "contacts"), len(portal.get("/crm/v3/schemas")["results"]))
        )
    assert seen[0] == (200, 200, False, 2)
    assert (404, 200, True, 2) in seen
    assert (404, 403, True, 2) in seen
    assert (200, 403, True, 2) in seen
    assert seen[-1] == (200, 403, True, 3)


@pytest.mark.parametrize(
    "deed",
    [
        "type-lost:leads", "type-gone", "type-gone:nothing", "type-back:leads", "property-archived:contacts:nothing",
        "property-retyped:contacts:email:text", "property-created:contacts:email", "type-off:contacts",
        "custom-archived:contacts", "scope-revoked:tickets:nobody", "property-created:contacts:x:secret", "type-gone:",
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_name(deed: str) -> None:
    portal = Asking("tiny")
    with pytest.raises(
        ValueError, match=r"no deed|there is no|is not|has no property|has a property|is no type|no app"
    ):
        drift(portal, deed)
    assert portal.truth() == Asking("tiny").truth()


def test_a_life_with_a_deed_that_is_none_does_not_begin() -> None:
    for text in ("type-lost:leads@3", "type-gone@3", "type-gone:leads", "custom-created:x@3"):
        with pytest.raises(SandboxError, match="life is"):
            InProcess("tiny", life=text)
    assert len(DEEDS) == 13


def test_a_reset_undoes_all_of_it() -> None:
    portal = Asking("small")
    before = portal.truth()
    drift(
        portal,
        "custom-created",
        "type-gone:leads",
        "property-removed:contacts:email",
        "scope-revoked:tickets",
    )
    assert portal.truth() != before
    portal.client.portal.reset()
    assert portal.truth() == before
    assert "email" in names(portal, "contacts")
    assert portal.get(f"{OBJECTS}/tickets")["results"]
