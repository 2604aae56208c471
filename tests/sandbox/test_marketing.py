"""Marketing emails, subscriptions and what became of emails; files and workflows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.asking import OBJECTS, Asking
from tests.sandbox.collecting import edit, listed, truth

EMAILS = ("/marketing/v3/emails", "/marketing/emails/2026-03", "/marketing/emails/2026-09")
EVENTS = ("/email/public/v1/events", "events", "created", "email_events")
CHANGES = ("/email/public/v1/subscriptions/timeline", "timeline", "timestamp", "subscription_changes")
STATUSES = "/communication-preferences/2026-09/statuses/batch/read?channel=EMAIL"


@pytest.mark.parametrize("path", EMAILS)
def test_emails_are_listed_with_statistics_where_they_are_asked_for(path: str) -> None:
    portal = Asking("small")
    live = listed(portal, path, limit="7", includeStats="true")
    archived = listed(portal, path, includeStats="true", archived="true")
    assert live | archived == truth(portal, "marketing_emails")
    assert (len(live), len(archived)) == (27, 3)
    assert all(one["deletedAt"] for one in archived.values())
    assert {one["state"] for one in live.values()} == {"PUBLISHED", "DRAFT", "AUTOMATED", "SCHEDULED"}
    assert any(one["stats"]["counters"]["sent"] for one in live.values())
    types = truth(portal, "subscription_types")
    assert {one["subscriptionDetails"]["subscriptionId"] for one in live.values()} <= set(types)
    page = portal.get(path)
    assert (page["total"], len(page["results"])) == (27, 10)
    assert not any("stats" in one for one in page["results"])
    portal.get(path, 400, limit="101")


def test_an_email_is_archived_with_its_own_date() -> None:
    portal = Asking("tiny")
    key = next(iter(truth(portal, "marketing_emails")))
    body = edit(portal, "archive", "marketing_emails", key=key)["body"]
    assert body["deletedAt"] == body["updatedAt"]
    assert listed(portal, EMAILS[2], archived="true")[key]["deletedAt"] == body["deletedAt"]
    back = edit(portal, "restore", "marketing_emails", key=key)["body"]
    assert "deletedAt" not in back
    assert key in listed(portal, EMAILS[2])


@pytest.mark.parametrize("version", ["v3", "v4", "2026-03", "2026-09"])
def test_subscription_types_come_whole(version: str) -> None:
    portal = Asking("small")
    told = portal.get(f"/communication-preferences/{version}/definitions")
    found = told["subscriptionDefinitions" if version == "v3" else "results"]
    assert {one["id"]: one for one in found} == truth(portal, "subscription_types")
    assert len(found) == 6
    assert not all(one["isActive"] for one in found)


@pytest.mark.parametrize("belief", ["empty", "absent"])
def test_statuses_are_those_of_contacts_emails_and_some_have_none(belief: str) -> None:
    portal = Asking("small", beliefs={"statuses-of-nobody": belief})
    records = [r for page in portal.pages(f"{OBJECTS}/contacts", limit="50") for r in page]
    emails = [r["properties"]["email"] for r in records if r["properties"]["email"]]
    assert len(emails) > 50
    asked = [*emails, "nobody@example.com"]
    results = portal.post(STATUSES, {"inputs": asked})["results"]
    by_email = {one["subscriberIdString"]: one["statuses"] for one in results}
    none = [email for email in asked if not by_email.get(email)]
    assert len(none) > 5
    assert "nobody@example.com" in none
    assert [email in by_email for email in none] == [belief == "empty"] * len(none)
    found = {f"{e}:{one['subscriptionId']}": one for e, some in by_email.items() for one in some}
    assert found == truth(portal, "subscription_statuses")
    assert {one["status"] for one in found.values()} == {"SUBSCRIBED", "UNSUBSCRIBED"}
    assert {str(one["subscriptionId"]) for one in found.values()} <= set(truth(portal, "subscription_types"))


def test_a_hundred_emails_may_be_asked_for_and_only_of_a_channel() -> None:
    portal = Asking("tiny")
    said = portal.post(STATUSES, {"inputs": ["a@example.com"] * 101}, 400)
    assert "maximum number of inputs supported in a batch is 100" in said["message"]
    portal.post(STATUSES, {"inputs": ["a@example.com"] * 100})
    portal.post(STATUSES.partition("?")[0], {"inputs": []}, 400)
    portal.post(STATUSES, {"inputs": [{"id": "1"}]}, 400)
    portal.post("/communication-preferences/v3/statuses/batch/read?channel=EMAIL", {"inputs": []}, 404)


def test_a_status_is_written_over_and_goes_with_its_contact() -> None:
    portal = Asking("small")
    key, body = next(iter(truth(portal, "subscription_statuses").items()))
    email = body["subscriberIdString"]
    over = {"subscriberIdString": email, "subscriptionId": body["subscriptionId"], "status": "UNSUBSCRIBED"}
    new = edit(portal, "create", "subscription_statuses", body=over | {"source": "HUBSPOT_USER"})
    assert new["key"] == key
    told = portal.post(STATUSES, {"inputs": [email]})["results"][0]["statuses"]
    [written] = [one for one in told if one["subscriptionId"] == body["subscriptionId"]]
    assert (written["status"], written["source"]) == ("UNSUBSCRIBED", "HUBSPOT_USER")
    assert truth(portal, "subscription_statuses")[key] == written
    edit(portal, "remove", "subscription_statuses", key=key)
    assert key not in truth(portal, "subscription_statuses")
    holder = portal.search("contacts", ("email", "EQ", email))["results"][0]["id"]
    portal.ask("DELETE", f"{OBJECTS}/contacts/{holder}", 204)
    assert portal.post(STATUSES, {"inputs": [email]})["results"][0]["statuses"] == []


def pages(portal: Asking, of: tuple[str, str, str, str], **params: str) -> Iterator[list[dict[str, Any]]]:
    """Every page of events by their offsets."""
    while True:
        page = portal.get(of[0], **params)
        yield page[of[1]]
        assert page["hasMore"] == ("offset" in page)
        if not page["hasMore"]:
            return
        params["offset"] = page["offset"]


def keys(portal: Asking, of: tuple[str, str, str, str], **params: str) -> list[str]:
    """The keys of all events, in the order they came, none twice."""
    bodies = truth(portal, of[3])
    # As text: bodies hold lists.
    known = {str(sorted(body.items())): key for key, body in bodies.items()}
    assert len(known) == len(bodies)
    found = [known[str(sorted(body.items()))] for page in pages(portal, of, **params) for body in page]
    assert len(set(found)) == len(found)
    return found


@pytest.mark.parametrize("after", ["key", "position"])
@pytest.mark.parametrize(("of", "limit"), [(EVENTS, "1000"), (EVENTS, "333"), (CHANGES, "7")])
def test_events_come_newest_first_over_pages_that_part_the_same_millisecond(
    of: tuple[str, str, str, str], limit: str, after: str
) -> None:
    portal = Asking("small", beliefs={"items-after": after}, tier="addon")
    sizes = [len(page) for page in pages(portal, of, limit=limit)]
    assert sizes[:-1] == [int(limit)] * (len(sizes) - 1)
    assert len(sizes) > 2
    found = keys(portal, of, limit=limit)
    bodies = truth(portal, of[3])
    assert set(found) == set(bodies)
    times = [bodies[key][of[2]] for key in found]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) < len(times)


def test_an_event_is_its_instant_and_its_id_together() -> None:
    portal = Asking("small")
    bodies = truth(portal, "email_events")
    assert len(bodies) == 2500
    assert len({body["id"] for body in bodies.values()}) < 2500
    assert len({body["created"] for body in bodies.values()}) < 2500
    assert {body["type"] for body in bodies.values()} >= {"SENT", "OPEN", "CLICK", "BOUNCE", "STATUSCHANGE"}


@pytest.mark.parametrize(("belief", "count"), [("inclusive", 3), ("exclusive", 2)])
def test_events_of_a_range(belief: str, count: int) -> None:
    portal = Asking("small", beliefs={"events-end": belief})
    times = sorted({body["timestamp"] for body in truth(portal, "subscription_changes").values()})
    start, end = times[40], times[42]
    bodies = truth(portal, "subscription_changes")
    found = keys(portal, CHANGES, startTimestamp=str(start), endTimestamp=str(end))
    wanted = {key for key, body in bodies.items() if start <= body["timestamp"] <= times[39 + count]}
    assert set(found) == wanted
    assert len(wanted) >= count
    only = next(pages(portal, EVENTS, eventType="BOUNCE", limit="1000"))
    assert {one["type"] for one in only} == {"BOUNCE"}
    portal.get(EVENTS[0], 400, limit="1001")
    portal.get(EVENTS[0], 400, startTimestamp="yesterday")
    portal.get(EVENTS[0], 400, offset="!")


def test_events_may_be_only_roughly_in_order_and_each_is_still_listed_once() -> None:
    portal = Asking("contacts=5,email_events=400", beliefs={"events-order": "roughly"})
    now = int(portal.client.now_s * 1000)
    for second in range(40):
        edit(portal, "create", "email_events", body={"created": now - 500 * second})
    found = keys(portal, EVENTS, limit="50")
    assert len(found) == 440
    times = [int(key.partition(":")[0]) for key in found]
    assert times != sorted(times, reverse=True)
    ordered = sorted(times, reverse=True)
    assert all(abs(time - ordered[place]) <= 5_000 for place, time in enumerate(times[:40]))


def test_an_event_arrives_late_with_the_instant_it_happened_at() -> None:
    portal = Asking("tiny", beliefs={"events-lag-s": 60})
    before = keys(portal, EVENTS)
    new = edit(portal, "create", "email_events", body={"type": "OPEN"})["key"]
    seen_s = portal.client.now_s
    assert new in truth(portal, "email_events")
    assert keys(portal, EVENTS) == before
    portal.client.advance(60)
    assert keys(portal, EVENTS) == [new, *before]
    assert abs(int(new.partition(":")[0]) - seen_s * 1000) < 5_000


def test_files_are_searched_by_offset_up_to_a_most_and_beyond_by_their_ids() -> None:
    portal = Asking("small", beliefs={"files-offset-max": 100})
    bodies = truth(portal, "files")
    assert len(bodies) == 200
    path, found = "/files/2026-09/files/search", dict[str, Any]()
    least = "0"
    while True:
        page = portal.get(path, limit="100", sort="id", idGte=least)
        found |= {one["id"]: one for one in page["results"]}
        if "paging" not in page:
            break
        portal.get(path, 400, limit="100", sort="id", idGte=least, after="100")
        least = page["results"][-1]["id"]
    assert found == bodies
    assert listed(Asking("small"), "/files/v3/files/search", limit="70") == bodies


def test_files_are_sorted_and_bounded_by_their_dates() -> None:
    portal = Asking("small")
    path = "/files/v3/files/search"
    found = [one for page in portal.pages(path, limit="100", sort="-createdAt") for one in page]
    times = [one["createdAt"] for one in found]
    assert len(set(times)) < len(times) == 200
    assert [t[:19] for t in times] == sorted((t[:19] for t in times), reverse=True)
    middle = times[100]
    later = listed(portal, path, limit="100", createdAtGte=middle)
    earlier = listed(portal, path, limit="100", createdAtLte=middle)
    assert len(later) + len(earlier) == 200 + times.count(middle)
    assert portal.get(path, createdAtGte="1999999999999") == {"results": []}
    for wrong in ({"sort": "colour"}, {"idGte": "x"}, {"createdAtGte": "soon"}, {"limit": "101"}):
        portal.get(path, 400, **wrong)


def test_workflows_are_paged() -> None:
    portal = Asking("small")
    found = listed(portal, "/automation/v4/flows")
    assert found == truth(portal, "workflows")
    assert len(found) == 150
    assert {one["isEnabled"] for one in found.values()} == {True, False}
    portal.get("/automation/v4/flows", 400, limit="101")
    portal.get("/automation/2026-09/flows", 404)
    key = next(iter(found))
    changed = edit(portal, "change", "workflows", key=key, body={"isEnabled": True, "revisionId": "99"})
    assert listed(portal, "/automation/v4/flows")[key] == changed["body"]


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (EMAILS[2], "content"), (EVENTS[0], "content"), (CHANGES[0], "content"), ("/files/v3/files/search", "files"),
        ("/automation/v4/flows", "automation"),
        ("/communication-preferences/v4/definitions", "communication_preferences.read"),
    ],
)  # fmt: skip
def test_each_has_its_scope(path: str, scope: str) -> None:
    refused = Asking("tiny", tokens=("some:oauth",)).get(path, 403)
    assert refused["errors"][0]["context"]["requiredGranularScopes"] == [scope]
    assert Asking("tiny", tokens=(f"some:{scope}",)).get(path)


def test_statuses_have_a_scope_of_their_own_and_portals_their_own_items() -> None:
    scope = "communication_preferences.statuses.batch.read"
    said = Asking("tiny", tokens=("some:communication_preferences.read",)).post(STATUSES, {"inputs": []}, 403)
    assert said["errors"][0]["context"]["requiredGranularScopes"] == [scope]
    one, other = Asking("small"), Asking("small", seed=8)
    for name in ("forms", "email_events", "files", "workflows", "subscription_changes"):
        assert truth(one, name) == truth(Asking("small"), name)
        assert truth(one, name) != truth(other, name)
