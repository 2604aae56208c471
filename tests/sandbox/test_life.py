"""The life of a portal while it is read: scripted, from its seed, and the same however often it is looked at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from hubdump.sandbox import InProcess, SandboxError
from hubdump.sandbox.item_life import LIVING, STREAMS
from tests.sandbox.asking import OBJECTS, Asking
from tests.sandbox.collecting import listed, truth

BUSY = (
    "edits=9/s,creates=4/s,archives=2/s,restores=30/min,merges=1/s,erasures=0.5/s,associations=4/s,"
    "dissociations=2/s,mass:calls:20@7,until:40"
)


def lived(text: str, *steps: float, **options: Any) -> dict[str, Any]:
    """The truth after so many seconds, looked at after each of these steps."""
    portal = InProcess("small", life=text, **options)
    for seconds in (0.0, *steps):
        portal.advance(seconds)
        portal.request("GET", "/_sandbox/clock")
    found: dict[str, Any] = portal.portal.truth()
    return found


def test_life_is_the_same_however_often_it_is_looked_at() -> None:
    once, often = lived(BUSY, 50.0), lived(BUSY, *[0.5] * 100)
    assert once == often
    assert once["live"] != lived("", 50.0)["live"]
    assert once != lived(BUSY, 50.0, seed=8)


def test_every_sort_of_event_happens() -> None:
    before, after = lived("", 1.0), lived(BUSY, 50.0)
    old, new = ({id_ for ids in truth["live"].values() for id_ in ids} for truth in (before, after))
    assert len(new - old) > 100
    assert len(after["merged"]["contacts"]) > 10
    assert len(after["gone"]["contacts"]) > 5
    assert sum(map(len, after["archived"].values())) > sum(map(len, before["archived"].values()))
    rows = {tuple(row) for row in after["associations"]}
    assert rows - {tuple(row) for row in before["associations"]}
    assert {(r[0], r[1], r[2], r[3]) for r in rows if (r[0], r[2]) != ("leads", "deals")} == {
        (r[2], r[3], r[0], r[1]) for r in rows if (r[0], r[2]) != ("leads", "deals")
    }
    assert all(map(set(new).__contains__, {row[3] for row in rows})), (
        "an association leads to what is not there"
    )


def test_it_ends_when_it_is_told_to() -> None:
    assert lived(BUSY, 40.0) == lived(BUSY, 400.0)
    assert (
        lived("creates:deals=1/s,until:10", 99.0)["live"]["deals"]
        == lived("creates:deals=1/s", 10.0)["live"]["deals"]
    )


def test_lists_searches_and_counts_agree_with_the_truth_while_it_goes_on() -> None:
    portal = Asking(
        "small", life="creates:contacts=3/s,archives:contacts=1/s,merges=30/min,edits:contacts=5/s,until:30"
    )
    portal.get(f"{OBJECTS}/contacts")
    portal.client.advance(40)
    truth = portal.truth()
    live = sorted(truth["live"]["contacts"], key=int)
    assert portal.ids("contacts") == live
    assert portal.ids("contacts", archived="true") == sorted(truth["archived"]["contacts"], key=int)
    assert portal.search("contacts", limit=1)["total"] == len(live) > 70
    by_change = portal.search("contacts", limit=200, sorts=["lastmodifieddate"])["results"]
    assert sorted((r["id"] for r in by_change), key=int) == live
    times = [datetime.fromisoformat(r["updatedAt"]) for r in by_change]
    assert times == sorted(times)
    usage = portal.get("/crm/v3/limits/records")
    assert usage["hubspotDefinedObjectTypes"][0]["usage"] == len(live)


def test_a_reader_that_lists_meanwhile_misses_none_that_was_there_all_along() -> None:
    portal = Asking("contacts=400", life="creates:contacts=2/s,archives:contacts=1/s,edits:contacts=9/s")
    before = set(portal.truth()["live"]["contacts"])
    found = [r["id"] for page in portal.pages(f"{OBJECTS}/contacts", limit="20") for r in page]
    after = set(portal.truth()["live"]["contacts"])
    assert before != after
    assert before & after <= set(found) <= before | after
    assert len(found) == len(set(found))


def test_a_mass_update_stamps_all_with_one_millisecond() -> None:
    portal = Asking("small", life="mass:calls:40@3.25")
    portal.get(f"{OBJECTS}/calls")
    portal.client.advance(9)
    records = [r for page in portal.pages(f"{OBJECTS}/calls", limit="100") for r in page]
    newest = max(r["updatedAt"] for r in records)
    assert sum(r["updatedAt"] == newest for r in records) == 40


@pytest.mark.parametrize(
    "text",
    [
        "edits",
        "edits=0/s",
        "edits=1/h",
        "naps=1/s",
        "edits:butterflies=1/s",
        "items:contacts=1/s",
        "edits:forms=1/s",
        "mass:calls@3",
        "mass:x:3@3",
        "until:x",
    ],
)
def test_a_text_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(SandboxError, match="life is"):
        InProcess("tiny", life=text)


def test_calculated_properties_change_without_moving_the_modified_time() -> None:
    portal = Asking("small", life="recalculations:deals=5/s,until:20")
    params = {"limit": "100", "properties": "hs_deal_stage_probability,hs_num_associated_queue_objects"}
    before = portal.get(f"{OBJECTS}/deals", **params)["results"]
    portal.client.advance(30)
    after = portal.get(f"{OBJECTS}/deals", **params)["results"]
    assert [r["properties"] for r in after] != [r["properties"] for r in before]
    assert [r["updatedAt"] for r in after] == [r["updatedAt"] for r in before]


def test_under_the_worst_beliefs_lists_and_searches_still_come_to_their_ends() -> None:
    portal = Asking("crm", beliefs=("worst",), life=BUSY)
    before = set(portal.truth("contacts")["live"]["contacts"])
    for name in ("contacts", "cars", "companies"):
        assert len(portal.ids(name)) > 30
        assert portal.search(name, limit=5, sorts=["hs_object_id"])["total"] > 30
    assert set(portal.truth("contacts")["live"]["contacts"]) != before


def test_items_are_made_changed_archived_and_removed_and_lists_agree_with_the_truth() -> None:
    names = [name for name in LIVING if name not in STREAMS]
    still = Asking("small")
    before = {name: truth(still, name) for name in (*names, "email_events")}
    portal = Asking("small", life="items=20/s,items:forms=2/s,until:30")
    portal.get("/crm/owners/2026-09")
    portal.client.advance(31)
    portal.get("/crm/owners/2026-09")
    after = {name: truth(portal, name) for name in before}
    assert all(set(after[name]) - set(before[name]) for name in before)
    assert set(before["email_events"]) < set(after["email_events"])
    removed = [name for name in names if set(before[name]) - set(after[name])]
    assert set(removed) & {"owners", "forms", "marketing_emails"} == set()
    assert len(removed) > 3
    changed = [n for n in names if any(after[n].get(key, body) != body for key, body in before[n].items())]
    assert len(changed) > 6
    forms = [after["forms"][key]["archived"] for key in before["forms"]]
    assert forms != [body["archived"] for body in before["forms"].values()]
    listing = {"formTypes": "all", "limit": "100"}
    live = listed(portal, "/marketing/v3/forms", **listing)
    assert live | listed(portal, "/marketing/v3/forms", **listing, archived="true") == after["forms"]
    assert listed(portal, "/automation/v4/flows") == after["workflows"]
    again = Asking("small", life="items=20/s,items:forms=2/s,until:30")
    again.get("/crm/owners/2026-09")
    for _ in range(31):
        again.client.advance(1)
        again.get("/crm/owners/2026-09")
    assert {name: truth(again, name) for name in before} == after
