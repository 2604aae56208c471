"""What the truth tells besides ids and associations: merges, pairs, definitions, custom objects."""

from __future__ import annotations

from collections import Counter

from tests.sandbox.asking import Asking

WHOLE = "whole,readings=60"


def test_merges_are_told_in_the_order_they_happened() -> None:
    truth = Asking(WHOLE).truth("contacts", "deals")
    for type_, merges in truth["merges"].items():
        into = dict(map(tuple, merges))
        assert len(into) == len(merges)
        for old in into:
            now = old
            while now in into:
                now = into[now]
            assert truth["merged"][type_][old] == now
        chained = [old for old in into if into.get(into[old]) in into]
        assert chained, f"no chain of three among {type_}"


def test_pairs_are_counted_for_each_direction() -> None:
    truth = Asking(WHOLE).truth("contacts", "leads", "deals")
    labels = Counter((row[0], row[2]) for row in truth["associations"])
    ends = Counter((a, c) for a, _, c, _ in {tuple(row[:4]) for row in truth["associations"]})
    assert {(one[0], one[1]): (one[2], one[3]) for one in truth["pairs"]} == {
        pair: (ends[pair], labels[pair]) for pair in labels
    }
    assert ("leads", "deals") in labels
    assert ("deals", "leads") not in labels


def test_definitions_are_those_of_six_calls() -> None:
    portal = Asking(WHOLE)
    for type_ in ("deals", "2-4101004"):
        told = portal.client.portal.truth(definitions=[type_])["definitions"][type_]
        read = {
            one["name"]: one
            for sensitivity in ("non_sensitive", "sensitive", "highly_sensitive")
            for archived in ("false", "true")
            for one in portal.get(
                f"/crm/v3/properties/{type_}", dataSensitivity=sensitivity, archived=archived
            )["results"]
        }
        assert told == read
        assert {one["dataSensitivity"] for one in told.values()} == {
            "non_sensitive",
            "sensitive",
            "highly_sensitive",
        }
        assert any(one.get("archived") for one in told.values())


def test_custom_objects_are_told_as_their_schemas_are() -> None:
    portal = Asking(WHOLE)
    told = {one["objectTypeId"]: one for one in portal.truth()["custom"]}
    schemas = portal.get("/crm/v3/schemas")["results"]
    assert len(told) == len(schemas) == 12
    for one in schemas:
        mine = told[one["objectTypeId"]]
        assert mine["name"] == one["name"]
        assert mine["fullyQualifiedName"] == one["fullyQualifiedName"]
        assert mine["labels"] == [one["labels"]["singular"], one["labels"]["plural"]]


def test_what_cannot_be_read_is_told() -> None:
    assert Asking("listings=1", without=("custom", "leads")).truth("contacts")["unavailable"] == [
        "appointments", "courses", "custom", "leads", "projects", "services",
    ]  # fmt: skip
