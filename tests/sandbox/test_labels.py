"""Labels of associations: of every pair, from both sides, of every category."""

from __future__ import annotations

from typing import Any

from tests.sandbox.asking import Asking

WHOLE = "whole,readings=60"


def labels(portal: Asking, from_: str, to: str) -> list[tuple[str, int, str | None]]:
    found: list[dict[str, Any]] = portal.get(f"/crm/associations/2026-09/{from_}/{to}/labels")["results"]
    return [(one["category"], one["typeId"], one["label"]) for one in found]


def test_every_association_has_labels_of_its_pair() -> None:
    portal = Asking(WHOLE)
    truth = portal.truth()
    used: dict[tuple[str, str], set[tuple[str, int, str | None]]] = {}
    for from_, _, to, _, *label in truth["associations"]:
        used.setdefault((from_, to), set()).add((label[0], label[1], label[2]))
    assert len(used) > 150
    plain = 0
    for (from_, to), seen in used.items():
        there = labels(portal, truth["types"][from_], truth["types"][to])
        assert seen <= set(there)
        assert len(there) == len(set(there))
        plain += sum(label[2] is None for label in there)
    assert plain == len(used), "each pair has one label without a text"


def test_there_are_labels_of_every_category_and_a_type_id_means_nothing_without_its_own() -> None:
    portal = Asking(WHOLE)
    found = labels(portal, "contacts", "companies")
    assert ("USER_DEFINED", 1, "Referred by") in found
    assert ("HUBSPOT_DEFINED", 1, "Primary") in found
    categories = {
        one[0] for pair in (("deals", "contacts"), ("tickets", "companies")) for one in labels(portal, *pair)
    }
    assert categories == {"HUBSPOT_DEFINED", "USER_DEFINED", "INTEGRATOR_DEFINED", "WORK"}
    used = {
        (one[4], one[5])
        for one in portal.truth()["associations"]
        if (one[0], one[2]) == ("contacts", "companies")
    }
    assert {("USER_DEFINED", 1), ("HUBSPOT_DEFINED", 1)} <= used


def test_a_single_label_reads_the_same_from_both_sides_and_a_paired_one_does_not() -> None:
    portal = Asking(WHOLE)
    there, back = labels(portal, "contacts", "companies"), labels(portal, "companies", "contacts")
    assert ("USER_DEFINED", 131, "Billing contact") in there
    assert ("USER_DEFINED", 132, "Billed through") in back
    assert {one[2] for one in there} & {one[2] for one in back} == {None, "Primary", "Referred by"}
    assert len(there) == len(back) == 4


def test_of_a_pair_of_one_type_each_end_has_its_own_label() -> None:
    portal = Asking(WHOLE)
    family = {("HUBSPOT_DEFINED", 13, "Parent Company"), ("HUBSPOT_DEFINED", 14, "Child Company")}
    assert family <= set(labels(portal, "companies", "companies"))
    rows = [one for one in portal.truth("companies")["associations"] if one[0] == one[2] == "companies"]
    parents = {(one[1], one[3]) for one in rows if one[5] == 13}
    children = {(one[3], one[1]) for one in rows if one[5] == 14}
    assert parents
    assert parents == children
    assert not any(one[1] == one[3] for one in rows)
    spouses = {
        (one[1], one[3])
        for one in portal.truth("contacts")["associations"]
        if one[0] == one[2] == "contacts" and one[5] == 143
    }
    assert spouses
    assert spouses == {(other, one) for one, other in spouses}


def test_a_pair_that_is_stored_one_way_has_labels_there_only() -> None:
    assert labels(Asking(WHOLE), "leads", "deals") == [("HUBSPOT_DEFINED", 582, None)]
    assert labels(Asking(WHOLE), "deals", "leads") == []
    both = Asking(WHOLE, beliefs={"labels-show-one-way": "yes"})
    assert labels(both, "deals", "leads") == [("HUBSPOT_DEFINED", 583, None)]
    stored = Asking(WHOLE, beliefs={"one-way-pairs": "no"})
    assert labels(stored, "deals", "leads") == [("HUBSPOT_DEFINED", 583, None)]
    assert labels(stored, "projects", "contacts") == []


def test_a_label_is_taken_away_by_its_category_too() -> None:
    portal = Asking(WHOLE)
    rows = portal.truth("contacts")["associations"]
    primary = {
        (one[1], one[3]) for one in rows if one[2] == "companies" and one[4:6] == ["HUBSPOT_DEFINED", 1]
    }
    referred = {(one[1], one[3]) for one in rows if one[2] == "companies" and one[4:6] == ["USER_DEFINED", 1]}
    contact, company = min(primary & referred)
    taken = {
        "from": {"id": contact}, "to": {"id": company},
        "types": [{"associationCategory": "USER_DEFINED", "associationTypeId": 1}],
    }  # fmt: skip
    portal.post("/crm/v4/associations/contacts/companies/batch/labels/archive", {"inputs": [taken]}, 204)
    for from_, to, one, other, type_id in (
        ("contacts", "companies", contact, company, 1), ("companies", "contacts", company, contact, 2),
    ):  # fmt: skip
        left = {(r[4], r[5]) for r in portal.truth(from_)["associations"] if r[:4] == [from_, one, to, other]}
        assert ("HUBSPOT_DEFINED", type_id) in left
        assert ("USER_DEFINED", type_id) not in left
