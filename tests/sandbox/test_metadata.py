"""What describes a portal: properties, owners, pipelines, schemas, lists, counts, users."""

from __future__ import annotations

import pytest

from hubdump.sandbox.customs import USUAL
from hubdump.sandbox.types import KINDS
from tests.sandbox.asking import OBJECTS, Asking

PROPERTIES = "/crm/v3/properties"


def test_contacts_have_more_than_400_properties_that_hubspot_defined() -> None:
    found = Asking("tiny").get(f"{PROPERTIES}/contacts")["results"]
    names = [one["name"] for one in found]
    assert len(names) == len(set(names))
    assert sum(one["hubspotDefined"] for one in found) > 400
    assert "hs_lastmodifieddate" in names
    assert {one["type"] for one in found} >= {
        "string",
        "number",
        "enumeration",
        "datetime",
        "date",
        "bool",
        "phone_number",
    }


BOTH = {"sensitive": "patient_notes", "highly_sensitive": "account_number"}


@pytest.mark.parametrize(
    ("type_", "secrets"),
    [
        ("notes", {}),
        ("leads", {}),
        ("appointments", {"sensitive": "patient_notes"}),
        ("companies", BOTH),
        ("tickets", BOTH),
        ("2-4101004", BOTH),
    ],
)
def test_only_types_for_which_that_is_documented_have_sensitive_properties(
    type_: str, secrets: dict[str, str]
) -> None:
    portal = Asking("whole,readings=9,customs=30")
    told = portal.client.portal.truth(definitions=[type_])["definitions"][type_]
    found = {one["dataSensitivity"]: name for name, one in told.items()}
    assert found.pop("non_sensitive")
    assert found == secrets
    for level in BOTH:
        deeds = [f"property-created:{type_}:new_{level}:{level}"]
        portal.post("/_sandbox/drift", {"deeds": deeds}, 200 if level in secrets else 400)


def test_sensitive_and_archived_properties_are_on_passes_of_their_own() -> None:
    portal = Asking("tiny")
    seen: dict[tuple[str, str], set[str]] = {}
    for sensitivity in ("non_sensitive", "sensitive", "highly_sensitive"):
        for archived in ("false", "true"):
            found = portal.get(f"{PROPERTIES}/0-1", dataSensitivity=sensitivity, archived=archived)["results"]
            assert all(one["dataSensitivity"] == sensitivity for one in found)
            assert all(one.get("archived", False) == (archived == "true") for one in found)
            seen[sensitivity, archived] = {one["name"] for one in found}
    assert seen["sensitive", "false"] == {"patient_notes"}
    assert seen["highly_sensitive", "false"] == {"account_number"}
    assert seen["non_sensitive", "true"] == {"retired_score"}
    assert (
        portal.get(f"{PROPERTIES}/contacts")["results"]
        == portal.get(f"{PROPERTIES}/contacts", dataSensitivity="non_sensitive")["results"]
    )
    portal.get(f"{PROPERTIES}/contacts", 400, dataSensitivity="secret")


def test_every_type_has_properties_whose_groups_and_values_are_defined() -> None:
    portal = Asking("small")
    for kind in (*KINDS, *USUAL):
        defined = {one["name"]: one for one in portal.get(f"{PROPERTIES}/{kind.type_id}")["results"]}
        groups = {one["name"] for one in portal.get(f"{PROPERTIES}/{kind.type_id}/groups")["results"]}
        assert {kind.created, kind.modified, "hs_object_id", *kind.defaults} <= set(defined)
        assert {one["groupName"] for one in defined.values()} <= groups
        names = ",".join(name for name, one in defined.items() if one["options"])
        if not names:
            continue
        for record in portal.get(f"{OBJECTS}/{kind.type_id}", properties=names)["results"]:
            for name, value in record["properties"].items():
                options = {option["value"] for option in defined[name]["options"]}
                assert value is None or not options or value in options, f"{kind.name}.{name} is {value}"


def test_one_property_and_several_by_name() -> None:
    portal = Asking("tiny")
    assert portal.get(f"{PROPERTIES}/contacts/email")["hasUniqueValue"] is True
    portal.get(f"{PROPERTIES}/contacts/nothing", 404)
    body = {"inputs": [{"name": "email"}, {"name": "nothing"}], "archived": False}
    answer = portal.post(f"{PROPERTIES}/contacts/batch/read", body, 207)
    assert [one["name"] for one in answer["results"]] == ["email"]
    assert answer["errors"][0]["context"] == {"names": ["nothing"]}
    legacy = portal.get("/properties/v2/contact/properties")
    assert [one["name"] for one in legacy] == [
        one["name"] for one in portal.get(f"{PROPERTIES}/contacts")["results"]
    ]


def test_owners_are_paged_and_archived_ones_have_no_user() -> None:
    portal = Asking("small")
    live = [o for page in portal.pages("/crm/v3/owners/", limit="4") for o in page]
    archived = portal.get("/crm/owners/2026-09", archived="true")["results"]
    assert len(live) == 10
    assert all(o["userId"] == o["userIdIncludingInactive"] for o in live)
    assert [o["userId"] for o in archived] == [None, None]
    assert {o["type"] for o in live} == {"PERSON", "QUEUE"}
    assert portal.get(f"/crm/v3/owners/{live[3]['id']}") == live[3]
    assert portal.get(f"/crm/v3/owners/{live[3]['userId']}", idProperty="userId") == live[3]
    portal.get(f"/crm/v3/owners/{archived[0]['id']}", 404)
    known = {o["id"] for o in live + archived}
    contacts = portal.get(f"{OBJECTS}/contacts", limit="50", properties="hubspot_owner_id")["results"]
    owners = {r["properties"]["hubspot_owner_id"] for r in contacts} - {None}
    assert len(owners) > 3
    assert owners <= known


def test_a_deal_is_in_a_stage_of_its_pipeline() -> None:
    portal = Asking("small")
    (pipeline,) = portal.get("/crm/v3/pipelines/deals")["results"]
    stages = {stage["id"] for stage in pipeline["stages"]}
    deals = portal.get(f"{OBJECTS}/deals", limit="50")["results"]
    assert {deal["properties"]["pipeline"] for deal in deals} == {pipeline["id"]}
    assert len({deal["properties"]["dealstage"] for deal in deals}) > 2
    assert {deal["properties"]["dealstage"] for deal in deals} <= stages
    assert all(isinstance(v, str) for stage in pipeline["stages"] for v in stage["metadata"].values())
    assert portal.get("/crm/pipelines/2026-09/deals/default") == pipeline
    assert portal.get("/crm/v3/pipelines/contacts")["results"] == []
    (legacy,) = portal.get("/crm-pipelines/v1/pipelines/deals")["results"]
    assert [s["stageId"] for s in legacy["stages"]] == [s["id"] for s in pipeline["stages"]]


def test_schemas_are_those_of_custom_objects() -> None:
    portal = Asking("small")
    schemas = portal.get("/crm-object-schemas/2026-09/schemas")["results"]
    assert schemas == portal.get("/crm/v3/schemas")["results"]
    assert [one["objectTypeId"] for one in schemas] == [kind.type_id for kind in USUAL]
    for one in schemas:
        assert one["fullyQualifiedName"] == f"p{portal.client.portal_id}_{one['name']}"
        assert portal.get(f"/crm/v3/schemas/{one['fullyQualifiedName']}") == one
        assert one["associations"]
        assert portal.get(f"{OBJECTS}/{one['fullyQualifiedName']}")["results"]
    assert portal.get("/crm/v3/schemas", archived="true")["results"] == []
    portal.get(f"{OBJECTS}/p1_car", 400)


def test_lists_are_searched_by_offset_and_their_members_paged() -> None:
    portal = Asking("script")
    first = portal.post("/crm/v3/lists/search", {"count": 3})
    assert (first["hasMore"], first["offset"], first["total"]) == (True, 3, 5)
    rest = portal.post("/crm/v3/lists/search", {"count": 3, "offset": 3})
    assert (rest["hasMore"], len(rest["lists"])) == (False, 2)
    everybody = next(one for one in first["lists"] + rest["lists"] if one["name"] == "Everybody")
    path = f"/crm/lists/2026-09/{everybody['listId']}"
    assert portal.get(path)["list"] == everybody
    members = [m["recordId"] for page in portal.pages(f"{path}/memberships", limit="250") for m in page]
    assert members == sorted(portal.truth()["live"]["contacts"], key=int)
    assert everybody["additionalProperties"]["hs_list_size"] == str(len(members)) == "900"
    joined = [m for page in portal.pages(f"{path}/memberships/join-order", limit="250") for m in page]
    assert sorted((m["recordId"] for m in joined), key=int) == members
    assert [m["membershipTimestamp"] for m in joined] == sorted(m["membershipTimestamp"] for m in joined)
    portal.get(f"{path}/memberships", 400, limit="251")
    portal.get("/crm/v3/lists/999", 404)


def test_the_library_tells_which_of_its_objects_are_there() -> None:
    def enabled(portal: Asking) -> dict[str, bool]:
        found: dict[str, bool] = portal.get("/crm/object-library/2026-09/enablement")[
            "enablementByObjectTypeId"
        ]
        return found

    assert set(enabled(Asking("script")).values()) == {False}
    assert enabled(Asking("listings=3")) == enabled(Asking("script")) | {"0-420": True}


@pytest.mark.parametrize("path", ["/settings/v3/users", "/settings/users/2026-03"])
def test_users_and_teams_know_each_other(path: str) -> None:
    portal = Asking("tiny")
    users = [user for page in portal.pages(path, limit="3") for user in page]
    teams = portal.get(f"{path}/teams")["results"]
    inside = {user["id"] for user in users if user["primaryTeamId"] == teams[0]["id"]}
    assert inside
    assert inside <= set(teams[0]["userIds"])


def test_a_service_key_may_be_refused_the_daily_usage() -> None:
    path = "/account-info/v3/api-usage/daily/private-apps"
    (usage,) = Asking("tiny").get(path)["results"]
    assert usage["usageLimit"] > usage["currentUsage"] > 0
    Asking("tiny", beliefs={"usage-for-service-keys": "no"}).get(path, 403)
