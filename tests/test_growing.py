"""How collections that only grow are read, by walks over lists that are fed by hand; and what tells items apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from hubdump.around import by_name, key_of
from hubdump.around import fields_of as fields
from hubdump.errors import Poison
from hubdump.hubspot.item_requests import Window
from hubdump.model import Request
from tests.walks import Server, query, walk

SUBMISSIONS = replace(by_name("form_submissions"), sizes=(5,))


def submissions(instants: Sequence[int]) -> Server:
    """Submissions of a form as they come, with an id each; cursors are opaque."""
    every = [{"conversionId": f"s{place}", "submittedAt": at} for place, at in enumerate(instants)]

    def server(request: Request[Any]) -> dict[str, Any]:
        asked = query(request)
        start = int(asked.get("after", "x0")[1:])
        end = start + int(asked["limit"])
        paging = {"paging": {"next": {"after": f"x{end}"}}} if end < len(every) else {}
        return {"results": every[start:end], **paging}

    return server


def test_a_later_run_reads_submissions_only_as_far_back_as_they_may_be_new() -> None:
    instants = [*range(1000, 980, -1)]
    first = walk(SUBMISSIONS, submissions(instants), Window(0, 2000), [("1", "1")])
    assert (len(first.keys), len(first.asked)) == (20, 4)
    later = walk(SUBMISSIONS, submissions(instants), Window(996, 2000), [("1", "1")])
    assert len(later.asked) == 2  # the first page ends with 996 itself: more of that instant may follow
    assert len(later.keys) == 10


def test_submissions_of_one_instant_over_several_pages_are_all_read() -> None:
    instants = [*[1000] * 12, *[990] * 8]
    later = walk(SUBMISSIONS, submissions(instants), Window(1000, 2000), [("1", "1")])
    assert {f"s{place}" for place in range(12)} <= set(later.keys)


def test_submissions_that_do_not_come_newest_first_are_read_to_their_end() -> None:
    instants = [900, 1000, 899, 898, 897, *range(896, 890, -1), 1001]
    later = walk(SUBMISSIONS, submissions(instants), Window(950, 2000), [("1", "1")])
    assert len(later.keys) == len(instants)


def test_events_are_asked_for_in_a_window_whose_end_stays() -> None:
    events = [{"id": f"e{place}", "created": 9000 - place} for place in range(12)]

    def server(request: Request[Any]) -> dict[str, Any]:
        asked = query(request)
        start = int(asked.get("offset", "t0")[1:])
        end = start + int(asked["limit"])
        return {"events": events[start:end], "hasMore": end < len(events), "offset": f"t{end}"}

    found = walk(replace(by_name("email_events"), sizes=(5,)), server, Window(7, 9999))
    windows = {(query(one)["startTimestamp"], query(one)["endTimestamp"]) for one in found.asked}
    assert windows == {("7", "9999")}
    assert found.keys == sorted(f"{9000 - place}:e{place}" for place in range(12))


STATUSES = by_name("subscription_statuses")


def statuses(request: Request[Any]) -> dict[str, Any]:
    emails = json.loads(request.body or b"{}")["inputs"]
    if "BAD@example.com" in emails:
        raise Poison(500, request.template, "internal error")
    results = [
        {
            "subscriberIdString": email,
            "statuses": [{"subscriberIdString": email, "subscriptionId": s} for s in (7, 8)],
        }
        for email in map(str.lower, emails)
    ]
    return {"status": "COMPLETE", "results": results}


def test_statuses_are_asked_for_by_a_hundred_emails_and_belong_to_the_contact_whose_email_it_is() -> None:
    parents = [(str(id_), f"Person{id_}@example.com") for id_ in range(1, 251)]
    found = walk(STATUSES, statuses, parents=parents)
    assert [len(json.loads(one.body or b"")["inputs"]) for one in found.asked] == [100, 100, 50]
    expected = {(str(id_), f"person{id_}@example.com:{s}") for id_ in range(1, 251) for s in (7, 8)}
    assert set(found.seen) == expected


def test_an_email_on_which_hubspot_fails_is_left_out_by_its_contact_and_the_others_come() -> None:
    parents = [(str(id_), f"{'BAD' if id_ == 33 else id_}@example.com") for id_ in range(1, 51)]
    found = walk(STATUSES, statuses, parents=parents)
    assert found.left_out == {"33": True}
    assert len({parent for parent, _ in found.seen}) == 49


def test_an_item_without_its_key_goes_by_its_instant_and_all_of_it_whatever_the_order_of_its_fields() -> None:
    row = by_name("form_submissions")
    one = msgspec.Raw(b'{"submittedAt": 5, "values": [{"name": "a", "value": "b"}], "conversionId": null}')
    same = msgspec.Raw(b'{"conversionId":null,"values":[{"value":"b","name":"a"}],"submittedAt":5}')
    other = msgspec.Raw(b'{"submittedAt": 5, "values": [{"name": "a", "value": "c"}]}')
    keys = [key_of(row, fields(raw), raw) for raw in (one, same, other)]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith("5:")
    assert key_of(row, fields(msgspec.Raw(b"null")), msgspec.Raw(b"null")) != ""
