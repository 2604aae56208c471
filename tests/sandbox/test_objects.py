"""Lists, single records, batch reads, history and archived records, as HubSpot answers them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from hubdump.sandbox import BELIEFS
from tests.sandbox.asking import OBJECTS, Asking

SYSTEM = {"hs_object_id", "createdate", "lastmodifieddate"}


def test_a_list_gives_every_record_once_in_order_of_ids() -> None:
    portal = Asking("script")
    truth = portal.truth("contacts", "calls")["live"]
    for name in ("contacts", "calls"):
        found = portal.ids(name)
        assert found == sorted(truth[name], key=int)
        assert len(found) > 800


def test_the_cursor_is_the_id_that_the_next_page_begins_with() -> None:
    portal = Asking("script")
    first = portal.get(f"{OBJECTS}/notes")
    assert len(first["results"]) == 10
    after = first["paging"]["next"]["after"]
    assert int(after) == int(first["results"][-1]["id"]) + 1
    assert first["paging"]["next"]["link"].startswith("http://sandbox.invalid/crm/v3/objects/notes?")
    second = portal.get(f"{OBJECTS}/notes", after=after)["results"]
    assert portal.get(f"{OBJECTS}/notes", after=second[0]["id"])["results"] == second


@pytest.mark.parametrize(
    ("beliefs", "cursor"),
    [
        ({"list-after": "position"}, "10"),
        ({"list-cursor": "next-record"}, None),
        ({"list-order": "text"}, None),
        ({"list-after": "opaque"}, None),
        ({"list-after-any-id": "no"}, None),
        ({"list-after-any-id": "empty"}, None),
        ({"list-after-any-id": "start"}, None),
        ({"list-max": "7", "list-over-max": "capped"}, None),
    ],
)
def test_lists_are_whole_under_every_belief(beliefs: dict[str, str], cursor: str | None) -> None:
    portal = Asking("calls=60", beliefs=beliefs)
    assert sorted(portal.ids("calls")) == sorted(portal.truth("calls")["live"]["calls"])
    page = portal.get(f"{OBJECTS}/calls", limit="10")
    if cursor:
        assert page["paging"]["next"]["after"] == cursor
    if "list-max" in beliefs:
        assert len(page["results"]) == 7
    if "list-order" in beliefs:
        assert portal.ids("calls") == sorted(portal.truth("calls")["live"]["calls"])


@pytest.mark.parametrize("meaning", ["next-id", "opaque"])
@pytest.mark.parametrize("cursor", ["last-plus-one", "next-record"])
def test_an_after_that_no_page_gave_is_taken_as_believed(meaning: str, cursor: str) -> None:
    portals = {
        value: Asking(
            "calls=60", beliefs={"list-after-any-id": value, "list-after": meaning, "list-cursor": cursor}
        )
        for value in BELIEFS["list-after-any-id"].values
    }
    start = portals["yes"].get(f"{OBJECTS}/calls")
    ids = [int(id_) for id_ in portals["yes"].ids("calls")]
    # Between two records, beside neither: no page ends or begins there.
    number = next(one + 2 for one, other in pairwise(ids[20:]) if other > one + 3)
    after = str(number) if meaning == "next-id" else urlsafe_b64encode(f"c:{number}".encode()).decode()
    found = {
        value: portal.get(f"{OBJECTS}/calls", 400 if value == "no" else 200, after=after)
        for value, portal in portals.items()
    }
    assert found["no"]["message"].startswith("Invalid value for after")
    assert found["empty"] == {"results": []}
    assert found["start"] == start
    assert int(start["results"][0]["id"]) == ids[0]
    assert [int(one["id"]) for one in found["yes"]["results"]] == [id_ for id_ in ids if id_ > number][:10]


@pytest.mark.parametrize(
    "params",
    [{"limit": "101"}, {"limit": "x"}, {"limit": "51", "propertiesWithHistory": "email"}, {"after": "-1"}],
)
def test_a_list_refuses_what_it_cannot_do(params: dict[str, str]) -> None:
    assert Asking("tiny").get(f"{OBJECTS}/contacts", 400, **params)["category"] == "VALIDATION_ERROR"


def test_properties_come_as_texts_or_null_and_unknown_ones_do_not_come() -> None:
    portal = Asking("script")
    names = "email,phone,numemployees,no_such_property,hs_lastmodifieddate,retired_score"
    records = [r for page in portal.pages(f"{OBJECTS}/contacts", limit="100", properties=names) for r in page]
    for record in records:
        assert set(record["properties"]) == SYSTEM | {"email", "phone", "numemployees", "hs_lastmodifieddate"}
        assert record["properties"]["hs_lastmodifieddate"] is None
        assert record["properties"]["hs_object_id"] == record["id"]
        assert record["properties"]["lastmodifieddate"] == record["updatedAt"]
    values = [record["properties"]["numemployees"] for record in records]
    assert None in values
    assert all(value is None or value.isdecimal() for value in values)
    assert len({record["properties"]["email"] for record in records}) > 800
    repeated = portal.client.request(
        "GET", f"{OBJECTS}/contacts?properties=email&properties=phone&limit=1"
    ).json()
    assert set(repeated["results"][0]["properties"]) == SYSTEM | {"email", "phone"}


def archived_asked(portal: Asking, status: int) -> list[Any]:
    """An archived property asked for in every way there is, once with its history."""
    path, named = f"{OBJECTS}/deals", ["dealname", "retired_score"]
    first = portal.ids("deals")[0]
    return [
        portal.get(path, status, properties=",".join(named), limit="50"),
        portal.get(f"{path}/{first}", status, properties=",".join(named)),
        portal.post(f"{path}/batch/read", {"inputs": [{"id": first}], "properties": named}, status),
        portal.search("deals", status=status, properties=named, limit=50),
        portal.get(path, status, propertiesWithHistory=",".join(named), limit="50"),
    ]


def test_values_of_archived_properties_are_left_out_given_or_refused() -> None:
    for told in archived_asked(Asking("deals=40"), 200):
        assert b"retired_score" not in msgspec.json.encode(told)
        assert b"dealname" in msgspec.json.encode(told)
    page, one, batch, search, history = archived_asked(
        Asking("deals=40", beliefs={"archived-values": "come"}), 200
    )
    values = {record["id"]: record["properties"]["retired_score"] for record in page["results"]}
    assert None in values.values()
    assert len(set(values.values())) > 3
    for record in (one, *batch["results"], *search["results"]):
        assert record["properties"]["retired_score"] == values[record["id"]]
    for record in history["results"]:
        newest = record["propertiesWithHistory"]["retired_score"][:1]
        assert [version["value"] for version in newest] in ([values[record["id"]] or ""], [])
    for told in archived_asked(Asking("deals=40", beliefs={"archived-values": "refused"}), 400):
        assert told["message"] == 'Property "retired_score" does not exist'
        assert told["category"] == "VALIDATION_ERROR"


def test_an_archived_property_comes_where_that_is_believed_but_only_by_name() -> None:
    portal = Asking("deals=3", beliefs={"archived-values": "come"})
    portal.post("/_sandbox/drift", {"deeds": ["property-archived:deals:dealname"]})
    assert "dealname" not in portal.get(f"{OBJECTS}/deals")["results"][0]["properties"]
    assert portal.get(f"{OBJECTS}/deals", properties="dealname")["results"][0]["properties"]["dealname"]
    refusing = Asking("deals=3", beliefs={"archived-values": "refused"})
    assert refusing.get(f"{OBJECTS}/deals", properties="no_such_property")["results"]


def test_without_asking_a_type_gives_its_own_properties() -> None:
    portal = Asking("small")
    deal = portal.get(f"{OBJECTS}/deals")["results"][0]["properties"]
    assert set(deal) == {"dealname", "amount", "closedate", "pipeline", "dealstage"} | {
        "hs_object_id", "createdate", "hs_lastmodifieddate",
    }  # fmt: skip
    call = portal.get(f"{OBJECTS}/calls")["results"][0]["properties"]
    assert set(call) == {"hs_object_id", "hs_createdate", "hs_lastmodifieddate"}


def test_a_batch_names_what_is_not_there_in_one_error() -> None:
    portal = Asking("small")
    ids = portal.ids("contacts")[:3]
    asked = {"inputs": [{"id": id_} for id_ in (*ids, "1", "2")], "properties": ["email"]}
    answer = portal.post(f"{OBJECTS}/contacts/batch/read", asked, 207)
    assert {r["id"] for r in answer["results"]} == set(ids)
    (error,) = answer["errors"]
    assert (answer["numErrors"], error["context"]) == (1, {"ids": ["1", "2"]})
    assert error["message"].startswith("Could not get some CONTACT objects, they may be deleted")
    dated = Asking("small", beliefs={"dated-partial-status": "200"})
    assert dated.post("/crm/objects/2026-09/contacts/batch/read", asked)["numErrors"] == 1


@pytest.mark.parametrize(
    ("history", "most", "of"), [([], 100, "a batch"), (["email"], 50, "property histories")]
)
def test_a_batch_has_its_caps(history: list[str], most: int, of: str) -> None:
    portal = Asking("tiny")
    inputs = [{"id": str(n)} for n in range(most + 1)]
    body = {"inputs": inputs, "propertiesWithHistory": history}
    said = portal.post(f"{OBJECTS}/contacts/batch/read", body, 400)
    assert said["message"].startswith("The maximum number of inputs supported in a batch ")
    assert f"{of} is {most}. Please reduce the number of items and try again" in said["message"]
    inputs.pop()
    portal.post(f"{OBJECTS}/contacts/batch/read", body, 207)


def test_a_record_is_found_by_its_email() -> None:
    portal = Asking("small")
    record = portal.get(f"{OBJECTS}/contacts", properties="email")["results"][2]
    address = record["properties"]["email"]
    assert portal.get(f"{OBJECTS}/contacts/{address.upper()}", idProperty="email")["id"] == record["id"]
    portal.get(f"{OBJECTS}/contacts/nobody@example.com", 404, idProperty="email")
    portal.get(f"{OBJECTS}/contacts/{address}", 400, idProperty="firstname")
    portal.get(f"{OBJECTS}/contacts/{address}", 404)


def test_archived_records_are_on_a_pass_of_their_own() -> None:
    portal = Asking("script")
    truth = portal.truth("contacts")
    archived = portal.ids("contacts", archived="True")
    assert archived == sorted(truth["archived"]["contacts"], key=int)
    assert len(archived) == 18
    assert not set(archived) & set(truth["live"]["contacts"])
    portal.get(f"{OBJECTS}/contacts/{archived[0]}", 404)
    record = portal.get(f"{OBJECTS}/contacts/{archived[0]}", archived="true")
    assert record["archived"] is True
    assert record["archivedAt"] > record["updatedAt"]
    found = portal.search("contacts", ("hs_object_id", "EQ", archived[0]))
    assert (found["total"], found["results"]) == (0, [])


def test_history_has_the_newest_first_and_the_present_value_on_top() -> None:
    portal = Asking("script")
    params = {"propertiesWithHistory": "firstname,lifecyclestage", "properties": "firstname", "limit": "50"}
    records = portal.get(f"{OBJECTS}/contacts", **params)["results"]
    lengths = set()
    for record in records:
        versions = record["propertiesWithHistory"]["firstname"]
        lengths.add(len(versions))
        assert [v["timestamp"] for v in versions] == sorted((v["timestamp"] for v in versions), reverse=True)
        assert (versions[0]["value"] if versions else "") == (record["properties"]["firstname"] or "")
        assert all({"value", "timestamp", "sourceType"} <= set(version) for version in versions)
    assert lengths >= {1, 2, 3}
    capped = Asking("script", beliefs={"history-max": "1"}).get(f"{OBJECTS}/contacts", **params)["results"]
    assert max(len(r["propertiesWithHistory"]["firstname"]) for r in capped) == 1


def test_inline_associations_have_an_entry_for_each_label_and_at_most_a_hundred() -> None:
    portal = Asking("script")
    found = [
        r for page in portal.pages(f"{OBJECTS}/companies", limit="100", associations="contacts") for r in page
    ]
    inline = [r["associations"]["contacts"] for r in found if "associations" in r]
    kinds = {entry["type"] for one in inline for entry in one["results"]}
    assert kinds == {"company_to_contact", "company_to_contact_unlabeled"}
    longest = max(inline, key=lambda one: len(one["results"]))
    assert len(longest["results"]) == 100
    assert longest["paging"]["next"]["link"].startswith("http://sandbox.invalid/")
    assert any(len(one["results"]) > len({e["id"] for e in one["results"]}) for one in inline)


def test_instants_are_written_as_believed() -> None:
    for digits, pattern in (("0", 20), ("3", 24), ("6", 27)):
        record = Asking("tiny", beliefs={"fraction-digits": digits}).get(f"{OBJECTS}/calls")["results"][0]
        assert len(record["createdAt"]) == pattern
    plain = Asking("tiny", beliefs={"dates": "epoch-ms"}).get(f"{OBJECTS}/calls")["results"][0]
    assert plain["createdAt"].isdecimal()


def test_the_generic_engagements_are_all_of_them_together() -> None:
    portal = Asking("small")
    truth = portal.truth()["live"]
    calls = portal.search("engagements", ("hs_engagement_type", "EQ", "CALL"))["total"]
    assert calls == len(truth["calls"]) > 10
    seven = ("calls", "emails", "meetings", "notes", "tasks", "communications", "postal_mail")
    assert portal.ids("engagements") == sorted((i for name in seven for i in truth[name]), key=int)
    Asking("tiny", beliefs={"generic-engagements": "no"}).get(f"{OBJECTS}/engagements", 400)


def test_an_unknown_type_cannot_be_inferred() -> None:
    said = Asking("tiny").get(f"{OBJECTS}/butterflies", 400)
    assert said["message"] == "Unable to infer object type from: butterflies"
    assert "category" not in said
