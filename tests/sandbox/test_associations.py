"""Associations: batches, pages, labels, versions, one-way pairs and writes."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote

import pytest

from tests.sandbox.asking import OBJECTS, Asking

Rows = set[tuple[str, str, str, int, str | None]]


def asked(*ids: str) -> dict[str, Any]:
    return {"inputs": [{"id": id_} for id_ in ids]}


def of_truth(portal: Asking, from_: str, to: str) -> Rows:
    rows = portal.truth(from_)["associations"]
    return {(r[1], r[3], r[4], r[5], r[6]) for r in rows if (r[0], r[2]) == (from_, to)}


def read_all(portal: Asking, path: str, ids: list[str]) -> Rows:
    """Everything a batch read gives, by the cursor of each input."""
    found: list[tuple[str, str, str, int, str | None]] = []
    inputs = [{"id": id_} for id_ in ids]
    for _ in range(200):
        if not inputs:
            break
        answer = portal.client.request("POST", path, json={"inputs": inputs}).json()
        portal.client.advance(1)
        inputs = []
        for result in answer["results"]:
            id_ = result["from"]["id"]
            for target in result["to"]:
                kinds = [(t["category"], t["typeId"], t["label"]) for t in target["associationTypes"]]
                found += [(id_, str(target["toObjectId"]), *kind) for kind in kinds]
            if "paging" in result:
                inputs.append({"id": id_, "after": result["paging"]["next"]["after"]})
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.parametrize("page", ["500", "2"])
@pytest.mark.parametrize(
    ("from_", "to"), [("contacts", "companies"), ("companies", "contacts"), ("calls", "contacts")]
)
def test_batches_give_every_association_once(from_: str, to: str, page: str) -> None:
    portal = Asking("script", beliefs={"association-page": page})
    wanted = of_truth(portal, from_, to)
    ids = portal.truth(from_)["live"][from_][:1000]
    found = read_all(portal, f"/crm/v4/associations/{from_}/{to}/batch/read", ids)
    assert found == {row for row in wanted if row[0] in set(ids)}
    assert len(found) > 500


def test_who_has_none_is_named_among_the_errors_and_the_order_is_not_that_of_the_inputs() -> None:
    portal = Asking("script")
    having = {row[0] for row in of_truth(portal, "deals", "companies")}
    ids = portal.truth("deals")["live"]["deals"]
    answer = portal.post("/crm/v4/associations/deals/companies/batch/read", asked(*ids, "1"), 207)
    found = [result["from"]["id"] for result in answer["results"]]
    assert set(found) == having
    assert found != [id_ for id_ in ids if id_ in having]
    errors = {error["context"]["fromObjectId"][0]: error for error in answer["errors"]}
    assert set(errors) == set(ids) - having | {"1"}
    assert answer["numErrors"] == len(errors)
    assert errors["1"]["message"] == "No company is associated with deal 1."
    assert errors["1"]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    aligned = Asking("script", beliefs={"association-order": "aligned"})
    answer = aligned.post("/crm/v4/associations/deals/companies/batch/read", asked(*ids), 207)
    assert [result["from"]["id"] for result in answer["results"]] == [id_ for id_ in ids if id_ in having]


def test_versions_write_the_target_differently() -> None:
    portal = Asking("script")
    id_ = next(iter(of_truth(portal, "contacts", "companies")))[0]
    target = {
        version: portal.post(path, asked(id_))["results"][0]["to"][0]
        for version, path in {
            "v3": "/crm/v3/associations/contact/company/batch/read",
            "v4": "/crm/v4/associations/contacts/companies/batch/read",
            "dated": "/crm/associations/2026-09/contacts/companies/batch/read",
        }.items()
    }
    assert isinstance(target["v4"]["toObjectId"], int)
    assert target["dated"]["toObjectId"] == str(target["v4"]["toObjectId"]) == target["v3"]["id"]
    assert target["v3"]["type"] in {"contact_to_company", "contact_to_company_unlabeled"}
    number = Asking("script", beliefs={"dated-to-object-id": "number"})
    answer = number.post("/crm/associations/2026-09/contacts/companies/batch/read", asked(id_))
    assert isinstance(answer["results"][0]["to"][0]["toObjectId"], int)


def test_v3_gives_a_hundred_and_ignores_the_cursor() -> None:
    portal, path = Asking("script"), "/crm/v3/associations/company/contact/batch/read"
    targets: dict[str, set[str]] = {}
    for row in of_truth(portal, "companies", "contacts"):
        targets.setdefault(row[0], set()).add(row[1])
    hub = max(targets, key=lambda id_: len(targets[id_]))
    (first,) = portal.post(path, asked(hub))["results"]
    shown = {target["id"] for target in first["to"]}
    assert len(shown) == 100 < len(targets[hub])
    after = first["paging"]["next"]["after"]
    assert base64.b64decode(unquote(after)).decode().startswith("0-")
    again = {"inputs": [{"id": hub, "after": after}]}
    assert portal.post(path, again)["results"][0]["to"] == first["to"]
    following = Asking("script", beliefs={"v3-associations-after": "followed"})
    rest = following.post(path, again)["results"][0]["to"]
    assert shown | {target["id"] for target in rest} == targets[hub]


def test_a_batch_of_associations_takes_a_thousand() -> None:
    portal, path = Asking("tiny"), "/crm/v4/associations/calls/contacts/batch/read"
    portal.post(path, asked(*map(str, range(1, 1002))), 400)
    assert portal.post(path, asked(*map(str, range(1, 1001))), 207)["numErrors"] == 1000
    Asking("tiny", beliefs={"association-inputs": "100"}).post(path, asked(*map(str, range(1, 102))), 400)


def test_one_records_associations_are_paged() -> None:
    portal = Asking("script")
    hub = portal.truth("companies")["live"]["companies"][0]
    wanted = {row[1] for row in of_truth(portal, "companies", "contacts") if row[0] == hub}
    pages = list(portal.pages(f"/crm/v4/objects/companies/{hub}/associations/contacts", limit="40"))
    assert [len(page) for page in pages[:-1]] == [40] * (len(pages) - 1)
    found = [str(target["toObjectId"]) for page in pages for target in page]
    assert found == sorted(wanted, key=int)
    assert len(pages) > 2
    portal.get(f"/crm/v4/objects/companies/{hub}/associations/contacts", 400, limit="501")
    portal.get("/crm/v4/objects/companies/1/associations/contacts", 404)


@pytest.mark.parametrize(
    ("from_", "to", "ids"),
    [("contacts", "companies", {279, 1}), ("companies", "contacts", {280, 2}), ("deals", "companies", {341, 5}),
     ("calls", "deals", {206}), ("notes", "companies", {190}), ("emails", "tickets", {224})],
)  # fmt: skip
def test_labels_have_the_documented_type_ids(from_: str, to: str, ids: set[int]) -> None:
    labels = Asking("tiny").get(f"/crm/v4/associations/{from_}/{to}/labels")["results"]
    defined = {label["typeId"]: label["label"] for label in labels if label["category"] == "HUBSPOT_DEFINED"}
    assert set(defined) == ids
    assert list(defined.values()).count(None) == 1
    assert {"Primary"} | {None} >= set(defined.values())


def test_some_pairs_are_found_from_one_side_only() -> None:
    portal, both = Asking("small"), Asking("small", beliefs={"one-way-pairs": "no"})
    assert of_truth(portal, "leads", "deals")
    assert not of_truth(portal, "deals", "leads")
    assert {(row[1], row[0]) for row in of_truth(both, "deals", "leads")} == {
        (row[0], row[1]) for row in of_truth(portal, "leads", "deals")
    }


@pytest.mark.parametrize("moves", ["no", "yes"])
def test_association_edits_do_not_move_the_modified_time(moves: str) -> None:
    portal = Asking("small", beliefs={"association-edits-move-modified": moves})
    contact, company = portal.create("contacts"), portal.create("companies", name="new")
    before = portal.get(f"{OBJECTS}/contacts/{contact}")["updatedAt"]
    path = f"/crm/v4/objects/contacts/{contact}/associations/companies/{company}"
    label = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    assert portal.ask("PUT", path, 201, label)["labels"] == ["Primary"]
    (there,) = portal.get(f"/crm/v4/objects/contacts/{contact}/associations/companies")["results"]
    assert {t["typeId"] for t in there["associationTypes"]} == {1, 279}
    (back,) = portal.get(f"/crm/v4/objects/companies/{company}/associations/contacts")["results"]
    assert {t["typeId"] for t in back["associationTypes"]} == {2, 280}
    assert (portal.get(f"{OBJECTS}/contacts/{contact}")["updatedAt"] != before) == (moves == "yes")
    portal.ask("DELETE", path, 204)
    assert not [r for r in portal.truth()["associations"] if contact in {r[1], r[3]}]


def test_batches_of_writes_tell_what_cannot_be() -> None:
    portal = Asking("small")
    contact, other = portal.create("contacts"), portal.create("contacts")
    company = portal.ids("companies")[0]
    plain = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
    path = "/crm/v4/associations/contacts/companies/batch"
    inputs = [
        {"from": {"id": contact}, "to": {"id": company}, "types": plain},
        {"from": {"id": "nobody"}, "to": {"id": company}, "types": plain},
    ]
    answer = portal.post(f"{path}/create", {"inputs": inputs}, 207)
    assert [result["labels"] for result in answer["results"]] == [[]]
    (error,) = answer["errors"]
    assert (error["subCategory"], error["context"]) == (
        "crm.associations.INVALID_IDENTIFIER",
        {"id": ["nobody"]},
    )
    assert (contact, company, "HUBSPOT_DEFINED", 279, None) in of_truth(portal, "contacts", "companies")
    itself = {"from": {"id": other}, "to": {"id": other}, "types": [plain[0] | {"associationTypeId": 449}]}
    answer = portal.post("/crm/v4/associations/contacts/contacts/batch/create", {"inputs": [itself]}, 207)
    assert answer["errors"][0]["message"] == f"Object {other} cannot be associated to itself ({other})"
    gone = {"inputs": [{"from": {"id": contact}, "to": [{"id": company}]}]}
    portal.post(f"{path}/archive", gone, 204)
    assert contact not in {row[0] for row in of_truth(portal, "contacts", "companies")}


def test_a_label_goes_and_the_association_stays() -> None:
    portal = Asking("small")
    rows = of_truth(portal, "contacts", "companies")
    contact, company, *_ = next(row for row in sorted(rows) if row[4] == "Primary")
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    one = {"from": {"id": contact}, "to": {"id": company}, "types": types}
    portal.post("/crm/v4/associations/contacts/companies/batch/labels/archive", {"inputs": [one]}, 204)
    left = of_truth(portal, "contacts", "companies")
    assert rows - left == {(contact, company, "HUBSPOT_DEFINED", 1, "Primary")}
    assert (company, contact, "HUBSPOT_DEFINED", 2, "Primary") not in of_truth(
        portal, "companies", "contacts"
    )


def test_a_record_is_made_with_its_associations() -> None:
    portal = Asking("small")
    contact = portal.ids("contacts")[0]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
    body = {"properties": {"hs_note_body": "x"}, "associations": [{"to": {"id": contact}, "types": types}]}
    note = portal.post(f"{OBJECTS}/notes", body, 201)["id"]
    assert (note, contact, "HUBSPOT_DEFINED", 202, None) in of_truth(portal, "notes", "contacts")
    wrong = body | {"associations": [{"to": {"id": contact}, "types": [types[0] | {"associationTypeId": 9}]}]}
    portal.post(f"{OBJECTS}/notes", wrong, 400)
