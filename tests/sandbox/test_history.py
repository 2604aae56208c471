"""The history of properties: complete, several values of one property, the present one on top, all of it in truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.sandbox.asking import OBJECTS, Asking

LIFE = "edits=20/s,creates=5/s,merges=1/s,recalculations=5/s,archives=1/s"


def lived(**options: Any) -> Asking:
    """A portal to which much happened, and that is quiet now."""
    portal = Asking("contacts=40,companies=20,deals=20", life=f"{LIFE},until:20", **options)
    portal.get("/account-info/v3/details")
    portal.client.advance(30)
    portal.get("/account-info/v3/details")
    return portal


def batched(every: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (every[place : place + size] for place in range(0, len(every), size))


def names_of(portal: Asking, type_: str) -> list[str]:
    return [name for name, one in portal.client.portal.truth(definitions=[type_])["definitions"][type_].items()
            if not one.get("archived")]  # fmt: skip


@pytest.mark.parametrize("type_", ["contacts", "companies", "deals"])
def test_the_history_of_every_record_is_the_truths(type_: str) -> None:
    portal = lived()
    truth = portal.client.portal.truth(history=[type_])
    told = truth["history"][type_]
    assert set(told) == {*truth["live"][type_], *truth["archived"][type_]}
    names, seen, values = names_of(portal, type_), 0, 0
    for ids in batched(truth["live"][type_], 50):
        for some in batched(names, 100):
            body = {
                "inputs": [{"id": id_} for id_ in ids],
                "properties": list(some), "propertiesWithHistory": list(some),
            }  # fmt: skip
            for record in portal.post(f"{OBJECTS}/{type_}/batch/read", body)["results"]:
                for name, versions in record["propertiesWithHistory"].items():
                    found = [[one["timestamp"], one["value"], one["sourceType"]] for one in versions]
                    assert found == told[record["id"]].get(name, [])
                    newest = found[0][1] if found else ""
                    assert newest == (record["properties"][name] or ""), f"{type_}.{name} of {record['id']}"
                    seen += len(found) > 1
                    values += len(found)
    assert seen > 300
    assert values > 2 * seen


def test_an_edit_is_one_more_version_and_the_older_ones_stay() -> None:
    portal = Asking("contacts=5")
    (id_, *_) = portal.ids("contacts")
    path, params = f"{OBJECTS}/contacts/{id_}", {"propertiesWithHistory": "jobtitle"}
    before = portal.get(path, **params)["propertiesWithHistory"]["jobtitle"]
    for value in ("Baker", "", "Smith"):
        portal.ask("PATCH", path, 200, {"properties": {"jobtitle": value}})
    after = portal.get(path, **params)["propertiesWithHistory"]["jobtitle"]
    assert [one["value"] for one in after[:3]] == ["Smith", "", "Baker"]
    assert after[3:] == before
    assert {one["sourceType"] for one in after[:3]} == {"INTEGRATION"}
    listed = portal.get(f"{OBJECTS}/contacts", limit="50", **params)["results"][0]
    assert listed["propertiesWithHistory"]["jobtitle"] == after
    told = portal.client.portal.truth(history=["contacts"])["history"]["contacts"][id_]["jobtitle"]
    assert told == [[one["timestamp"], one["value"], one["sourceType"]] for one in after]


def test_a_new_record_has_the_history_of_what_it_was_made_with() -> None:
    portal = Asking("contacts=5")
    id_ = portal.create("contacts", firstname="Ada")
    asked = "firstname,createdate,hs_object_source,hs_object_id,lastmodifieddate,hs_merged_object_ids"
    record = portal.get(f"{OBJECTS}/contacts/{id_}", properties=asked, propertiesWithHistory=asked)
    newest = {name: one[0]["value"] if one else None for name, one in record["propertiesWithHistory"].items()}
    assert newest == record["properties"]
    assert newest["firstname"] == "Ada"
    assert newest["hs_merged_object_ids"] is None


def test_no_more_than_fifty_records_come_with_their_history() -> None:
    portal = Asking("contacts=60")
    assert len(portal.get(f"{OBJECTS}/contacts", limit="50", propertiesWithHistory="email")["results"]) == 50
    portal.get(f"{OBJECTS}/contacts", 400, limit="51", propertiesWithHistory="email")


def test_the_truth_has_all_versions_whatever_is_believed_of_their_number() -> None:
    capped, all_ = lived(beliefs={"history-max": 1}), lived()
    asked = {"limit": "50", "propertiesWithHistory": "jobtitle,firstname"}
    records = capped.get(f"{OBJECTS}/contacts", **asked)["results"]
    assert {len(one) for record in records for one in record["propertiesWithHistory"].values()} == {0, 1}
    told = [portal.client.portal.truth(history=["contacts"])["history"] for portal in (capped, all_)]
    assert told[0] == told[1]
