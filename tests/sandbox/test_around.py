"""What is around the records: owners, users, teams, currencies, pipelines, lists; their truth, and edits of them."""

from __future__ import annotations

from typing import Any

import pytest

from hubdump.sandbox import InProcess
from hubdump.sandbox.collected import EDITED, TOLD
from hubdump.sandbox.portals import FEW, MANY, PORTALS
from tests.sandbox.asking import Asking
from tests.sandbox.collecting import edit, listed, truth


@pytest.mark.parametrize("after", ["key", "position"])
def test_every_owner_is_listed_once_live_ones_and_archived_ones_apart(after: str) -> None:
    portal = Asking("owners=130", beliefs={"items-after": after})
    live = listed(portal, "/crm/owners/2026-09")
    archived = listed(portal, "/crm/v3/owners", archived="true", limit="5")
    assert len(live) > 100
    assert len(archived) == 130 - len(live) > 10
    assert live | archived == truth(portal, "owners")
    assert not any(one["archived"] for one in live.values())
    assert all(one["archived"] and one["userId"] is None for one in archived.values())
    portal.get("/crm/v3/owners", 400, limit="501")
    portal.get("/crm/v3/owners", 400, after="%")
    Asking("tiny", beliefs={"owners-max": 100}).get("/crm/v3/owners", 400, limit="101")


def test_users_and_teams_have_no_2026_09() -> None:
    portal = Asking("owners=130")
    users = listed(portal, "/settings/users/2026-03", limit="7")
    assert users == truth(portal, "users")
    assert {one["email"] for one in users.values()} == {
        one["email"] for one in truth(portal, "owners").values() if not one["archived"]
    }
    teams = portal.get("/settings/v3/users/teams")["results"]
    assert {one["id"]: one for one in teams} == truth(portal, "teams")
    assert set(teams[0]["userIds"]) <= set(users)
    for path in ("/settings/users/2026-09", "/settings/users/2026-09/teams"):
        portal.get(path, 404)


def test_currencies_are_those_that_account_details_name() -> None:
    portal = Asking("small")
    rates = portal.get("/settings/currencies/2026-09/exchange-rates/current")["results"]
    assert {one["id"]: one for one in rates} == truth(portal, "currencies")
    account = portal.get("/account-info/2026-09/details")
    assert sorted(one["fromCurrencyCode"] for one in rates) == account["additionalCurrencies"]
    assert len(rates) == 4
    company = portal.get("/settings/v3/currencies/company-currency")
    assert company["currencyCode"] == account["companyCurrency"] == rates[0]["toCurrencyCode"]
    assert truth(portal, "account") == {str(account["portalId"]): account}


@pytest.mark.parametrize("scope", ["settings.currencies.read", "multi-currency-read"])
def test_either_scope_opens_the_currencies_and_a_refusal_names_both(scope: str) -> None:
    client = InProcess("tiny", tokens=(f"some:{scope}", "none:oauth"))
    path = "/settings/currencies/2026-03/company-currency"
    assert client.request("GET", path).status == 200
    refused = client.request("GET", path, headers={"Authorization": "Bearer none"})
    assert refused.status == 403
    named = refused.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert named == ["settings.currencies.read", "multi-currency-read"]


def test_many_lists_are_paged_and_members_written_by_hand_are_in_them() -> None:
    portal = Asking("lists=600,contacts=300")
    pages = [portal.post("/crm/v3/lists/search", {"count": 500, "offset": offset}) for offset in (0, 500)]
    assert [(len(page["lists"]), page["hasMore"]) for page in pages] == [(500, True), (100, False)]
    lists = {one["listId"]: one for page in pages for one in page["lists"]}
    assert lists == truth(portal, "lists")
    ids = portal.truth("contacts")["live"]["contacts"]
    everybody = "/crm/lists/2026-09/12/memberships"
    edit(portal, "remove", "list_memberships", parent="12", key=ids[7])
    made = edit(portal, "create", "list_memberships", parent="7", body={"recordId": ids[8]})
    members = listed(portal, everybody, "recordId", limit="250")
    assert list(members) == ids[:7] + ids[8:]
    assert members == truth(portal, "list_memberships", "12")
    webinar = listed(portal, "/crm/lists/2026-09/7/memberships", "recordId")
    assert webinar[ids[8]] == made["body"]
    assert webinar == truth(portal, "list_memberships", "7")
    for list_ in ("25", "26", "27", "28"):
        inside = listed(portal, f"/crm/lists/2026-09/{list_}/memberships", "recordId")
        assert len(inside) == int(lists[list_]["additionalProperties"]["hs_list_size"])
    new = edit(portal, "create", "lists", body={"name": "Fresh"})["key"]
    assert portal.get(f"/crm/lists/2026-09/{new}")["list"]["name"] == "Fresh"
    assert portal.get(f"/crm/lists/2026-09/{new}/memberships")["results"] == []
    edit(portal, "remove", "lists", key=new)
    portal.get(f"/crm/lists/2026-09/{new}", 404)
    edit(portal, "archive", "lists", 400, key="12")


def test_an_owner_is_changed_archived_and_brought_back() -> None:
    portal = Asking("tiny")
    before = truth(portal, "owners")
    key = next(iter(before))
    changed = edit(portal, "change", "owners", key=key, body={"lastName": "Changed"})["body"]
    assert changed["updatedAt"] > before[key]["updatedAt"]
    assert portal.get(f"/crm/owners/2026-09/{key}") == changed
    edit(portal, "archive", "owners", key=key)
    assert key not in listed(portal, "/crm/owners/2026-09")
    archived = listed(portal, "/crm/owners/2026-09", archived="true")
    assert (archived[key]["userId"], archived[key]["lastName"]) == (None, "Changed")
    edit(portal, "restore", "owners", key=key)
    assert listed(portal, "/crm/owners/2026-09")[key]["userId"] == before[key]["userId"]
    new = edit(portal, "create", "owners")["key"]
    assert new not in before
    assert listed(portal, "/crm/owners/2026-09")[new]["archived"] is False
    edit(portal, "remove", "owners", key=new)
    assert new not in truth(portal, "owners")
    edit(portal, "remove", "owners", 404, key=new)


def test_a_pipeline_can_be_added_and_its_stages_changed() -> None:
    portal = Asking("tiny")
    new = edit(portal, "create", "pipelines", parent="deals", body={"label": "Second"})
    found = portal.get("/crm/pipelines/2026-09/deals")["results"]
    assert [one["label"] for one in found] == ["Sales Pipeline", "Second"]
    assert found[1] == new["body"]
    edit(portal, "change", "pipelines", parent="deals", key="default", body={"stages": []})
    assert portal.get("/crm/pipelines/2026-09/deals/default")["stages"] == []
    assert set(truth(portal, "pipelines", "deals")) == {"default", new["key"]}
    assert truth(portal, "pipelines", "contacts") == {}


@pytest.mark.parametrize(
    "asked",
    [
        {"do": "paint", "collection": "owners"}, {"do": "change", "collection": "butterflies"}, {},
        {"do": "create", "collection": "list_memberships", "parent": "12"},
        {"do": "create", "collection": "owners", "body": 5}, {"do": "archive", "collection": "users", "key": "1"},
    ],
    ids=range(6),
)  # fmt: skip
def test_an_edit_that_makes_no_sense_is_refused(asked: dict[str, Any]) -> None:
    portal = Asking("tiny")
    before = portal.get("/_sandbox/truth")
    answer = portal.client.request("POST", "/_sandbox/items", json={"edits": [asked]})
    assert answer.status in {400, 404}
    assert portal.get("/_sandbox/truth") == before
    portal.post("/_sandbox/items", {"edits": 7}, 400)


def test_truth_tells_every_collection_of_every_portal_and_bodies_where_they_are_asked_for() -> None:
    assert set(EDITED) < set(TOLD)
    for name, spec in PORTALS.items():
        assert set(spec.items) == set(FEW), name
    portal = Asking("small")
    told = portal.get("/_sandbox/truth")
    assert set(told["items"]) == set(TOLD)
    assert "bodies" not in told
    assert portal.truth("contacts").keys() & {"items", "bodies"} == set()
    assert len(told["items"]["schemas"][""]) == 2
    wrong = portal.get("/_sandbox/truth", 400, items="butterflies")
    assert "there is no collection butterflies" in wrong["message"]
    assert all(MANY[name] >= FEW[name] for name in FEW)
    portal.post("/_sandbox/reset", {})
    assert portal.get("/_sandbox/truth") == told


PATHS = {
    "owners": "/crm/owners/2026-09",
    "users": "/settings/users/2026-03",
    "teams": "/settings/v3/users/teams",
    "currencies": "/settings/currencies/2026-09/exchange-rates/current",
    "company_currency": "/settings/currencies/2026-09/company-currency",
    "pipelines": "/crm/pipelines/2026-09/deals",
    "property_groups": "/crm/properties/2026-09/contacts/groups",
    "schemas": "/crm-object-schemas/2026-09/schemas",
    "lists": "POST /crm/lists/2026-09/search",
    "list_memberships": "/crm/lists/2026-09/12/memberships",
    "forms": "/marketing/v3/forms",
    "form_submissions": "/form-integrations/v1/submissions/forms/1",
    "marketing_emails": "/marketing/emails/2026-09",
    "subscription_types": "/communication-preferences/2026-09/definitions",
    "subscription_statuses": "POST /communication-preferences/2026-09/statuses/batch/read",
    "email_events": "/email/public/v1/events",
    "subscription_changes": "/email/public/v1/subscriptions/timeline",
    "files": "/files/2026-09/files/search",
    "workflows": "/automation/v4/flows",
}


@pytest.mark.parametrize("name", PATHS)
def test_what_the_tier_lacks_is_refused_without_a_scope_and_not_in_truth(name: str) -> None:
    method, _, path = PATHS[name].rpartition(" ")
    for belief in (403, 404):
        portal = Asking("tiny", without=(name,), beliefs={"tier-refusal": belief}, tokens=("some:oauth",))
        refused = portal.ask(method or "GET", path, belief, json={} if method else None)
        assert "requiredGranularScopes" not in str(refused)
        assert name not in portal.get("/_sandbox/truth")["items"]
    lacking_scope = Asking("tiny", tokens=("some:oauth",))
    assert "requiredGranularScopes" in str(
        lacking_scope.ask(method or "GET", path, 403, {} if method else None)
    )
    assert set(PATHS) == set(TOLD) - {"account"}


def test_what_nobody_can_find_is_not_in_truth_either() -> None:
    told = Asking("tiny", without=("forms",)).get("/_sandbox/truth")["items"]
    assert {"forms", "form_submissions"} & set(told) == set()
    assert "list_memberships" not in Asking("tiny", without=("lists",)).get("/_sandbox/truth")["items"]


def test_types_that_do_not_answer_have_no_groups_in_truth() -> None:
    portal = Asking("contacts=5,listings=3", without=("leads",))
    groups = portal.get("/_sandbox/truth")["items"]["property_groups"]
    assert {"contacts", "listings"} <= set(groups)
    assert {"leads", "courses"} & set(groups) == set()
    for type_ in groups:
        assert portal.get(f"/crm/properties/2026-09/{type_}/groups")["results"]
