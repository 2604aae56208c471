"""The flows, fed by hand: what they ask for, what they commit, and what they refuse to believe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from hubdump.catalog import STANDARD
from hubdump.errors import BeliefRefuted, RequestRefused
from hubdump.hubspot import flows, listing, refs, searching, wire
from hubdump.hubspot.endpoints import Endpoints
from hubdump.model import (
    Answer,
    Flow,
    Known,
    RecordsRead,
    Request,
    Response,
    Settled,
    State,
    Version,
    Wait,
)
from tests.worlds import page, record

CALLS, MEETINGS, CONTACTS = map(STANDARD.by_name, ("calls", "meetings", "contacts"))
API = Endpoints()
# What an empty store says to a question.
NOTHING_KNOWN: dict[type, Any] = {Known: {}}


def reply(request: Request[Any], content: object, status: int = 200) -> Answer[Any]:
    body = json.dumps(content).encode()
    return Answer(msgspec.json.decode(body, type=request.expects), Response(status, {}, body))


def commits(flow: Flow, *contents: object) -> list[RecordsRead]:
    """Drive a flow with these contents; the pages it hands over."""
    left = iter(contents)
    found = [effect for effect in walk(flow, left) if isinstance(effect, RecordsRead)]
    assert next(left, None) is None, "not every answer was asked for"
    return found


def walk(flow: Flow, contents: Iterator[object]) -> Iterator[Any]:
    effect = next(flow)
    while True:
        yield effect
        sent = (
            reply(effect, next(contents)) if isinstance(effect, Request) else NOTHING_KNOWN.get(type(effect))
        )
        try:
            effect = flow.send(sent)
        except StopIteration:
            return


def ids(pages: list[RecordsRead]) -> list[int]:
    return [ref.id for found in pages for ref in found.records]


def test_a_sweep_follows_the_cursor_to_its_end() -> None:
    pages = commits(flows.sweep(API, CALLS, ["a"], ""), page([3, 5], after="6"), page([9, 12]))
    assert ids(pages) == [3, 5, 9, 12]
    assert [(msgspec.json.decode(p.cursor)["after"], p.done) for p in pages[:1]] == [("6", False)]
    assert pages[1].done


def test_a_sweep_begins_where_it_is_told_to() -> None:
    (first, _) = commits(flows.sweep(API, CALLS, ["a"], ""), page([3, 5], after="6"), page([9]))
    flow = flows.sweep(API, CALLS, ["a"], first.cursor)
    listed = next(flow)
    assert isinstance(listed, Request)
    assert ("after", "6") in listed.query
    with pytest.raises(BeliefRefuted, match="5 came after a later one"):
        flow.send(reply(listed, page([5])))


def test_an_empty_page_with_a_cursor_is_not_the_end() -> None:
    pages = commits(flows.sweep(API, CALLS, ["a"], ""), page([3], after="4"), page([], after="9"), page([9]))
    assert ids(pages) == [3, 9]


def test_a_portal_without_records_is_complete_with_none() -> None:
    pages = commits(flows.sweep(API, CALLS, ["a"], ""), page([]))
    assert [(len(p.records), p.done) for p in pages] == [(0, True)]


@pytest.mark.parametrize(
    ("contents", "belief"),
    [
        ([page([5, 3])], listing.ORDER),
        ([page([5, 5])], listing.ORDER),
        ([page([3, 5], after="6"), page([4])], listing.ORDER),
        ([page([3], after="4"), page([], after="4")], refs.MOVES),
        ([{"results": [record(3, hs_engagement_type="EMAIL")]}], refs.TYPED),
        ([{"results": [record(3) | {"properties": {"hs_object_id": "4"}}]}], refs.TYPED),
    ],
)
def test_a_sweep_stops_when_hubspot_refutes_a_belief(contents: list[object], belief: str) -> None:
    with pytest.raises(BeliefRefuted) as caught:
        commits(flows.sweep(API, CALLS, ["a"], ""), *contents)
    assert caught.value.belief == belief


@pytest.mark.parametrize("id_", ["", "0", "-4", "007", "1e3", "9" * 30, 1.5, None])
def test_a_record_whose_id_is_none_is_named_and_the_rest_of_its_page_kept(id_: object) -> None:
    content = {"results": [record(3) | {"id": id_}, record(9)]}
    effects = list(walk(flows.sweep(API, CALLS, ["a"], ""), iter([content])))
    (read,) = [effect for effect in effects if isinstance(effect, RecordsRead)]
    # The cursor moves with what names the other one, not before.
    assert (ids([read]), read.cursor, read.done) == ([9], "{}", False)
    ((number, reason),) = [item for e in effects if isinstance(e, Settled) for item in e.unreadable.items()]
    assert number < 0
    assert "is none" in reason


def test_all_that_are_no_records_of_a_page_are_named() -> None:
    content = {"results": [record(3) | {"id": "03"}, record(9), record(4) | {"id": "04"}, 5]}
    effects = list(walk(flows.sweep(API, CALLS, ["a"], ""), iter([content])))
    (told,) = [effect.unreadable for effect in effects if isinstance(effect, Settled)]
    said = sorted(reason.split(" is none: ")[0] for reason in told.values())
    assert said == [
        "what came as a record (id '03')",
        "what came as a record (id '04')",
        "what came as a record (no id)",
    ]


def test_a_cursor_that_comes_twice_is_named() -> None:
    with pytest.raises(BeliefRefuted, match="the list of calls gave the cursor 4 twice"):
        commits(flows.sweep(API, CALLS, ["a"], ""), page([3], after="4"), page([], after="4"))


def test_too_many_properties_for_a_url_are_read_by_batch() -> None:
    wide = [f"a_property_with_a_long_name_{number}" for number in range(400)]
    flow = flows.sweep(API, CALLS, wide, "")
    listed = next(flow)
    assert isinstance(listed, Request)
    assert dict(listed.query)["properties"] == "hs_object_id"
    batch = flow.send(reply(listed, page([3, 5])))
    assert isinstance(batch, Request)
    assert batch.path.endswith("/calls/batch/read")
    assert json.loads(batch.body or b"")["properties"] == wide
    read = flow.send(reply(batch, page([5, 3])))
    assert isinstance(read, RecordsRead)
    assert sorted(ref.id for ref in read.records) == [3, 5]
    assert read.done


def test_a_414_switches_to_batch_reads_and_loses_nothing() -> None:
    flow = flows.sweep(API, CALLS, ["a"], "")
    next(flow)
    again = flow.throw(RequestRefused(414, "x", "too long"))
    assert isinstance(again, Request)
    assert dict(again.query)["properties"] == "hs_object_id"
    flow.send(reply(again, page([3])))
    read = flow.send(reply(API.batch_read(CALLS, ["a"], [3]), page([3])))
    assert isinstance(read, RecordsRead)
    assert read.done


def test_any_other_refusal_ends_the_sweep() -> None:
    flow = flows.sweep(API, CALLS, ["a"], "")
    next(flow)
    with pytest.raises(RequestRefused):
        flow.throw(RequestRefused(404, "x", "no"))


def test_a_page_that_is_refused_as_too_large_is_asked_for_smaller() -> None:
    flow = flows.sweep(API, CALLS, ["a"], "")
    asked: Any = next(flow)
    sizes = [dict(asked.query)["limit"]]
    for _ in range(2):
        asked = flow.throw(RequestRefused(400, "x", "too many"))
        sizes.append(dict(asked.query)["limit"])
    assert sizes == ["100", "50", "10"]
    with pytest.raises(RequestRefused):
        flow.throw(RequestRefused(400, "x", "no"))


def test_changes_are_searched_by_keyset_on_every_page_and_read_whole() -> None:
    flow = flows.changes(API, CALLS, 1_700_000_000_123_456, 0, ["a"], "")
    search = next(flow)
    assert isinstance(search, Request)
    body = json.loads(search.body or b"")
    filters = body["filterGroups"][0]["filters"]
    assert {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "1700000000123"} in filters
    assert {"propertyName": "hs_object_id", "operator": "GT", "value": "0"} in filters
    assert "after" not in body
    assert flow.send(reply(search, page([3, 5], after="2", total=3))) == Known([3, 5])
    batch = flow.send({})
    assert isinstance(batch, Request)
    flow.send(reply(batch, page([5, 3])))
    again = flow.send(None)
    assert isinstance(again, Request)
    filters = json.loads(again.body or b"")["filterGroups"][0]["filters"]
    assert {"propertyName": "hs_object_id", "operator": "GT", "value": "5"} in filters


def test_what_is_stored_at_the_version_that_a_search_finds_is_read_again_only_where_it_may_have_changed_since() -> (
    None
):
    told = {"results": [record(3, "2026-01-01T00:00:01Z"), record(5, "2026-01-01T00:00:02Z")], "total": 2}
    first, second = wire.instant_us("2026-01-01T00:00:01Z"), wire.instant_us("2026-01-01T00:00:02Z")
    assert first
    assert second
    for stored, read in (
        ({3: first, 5: second}, [5]),
        ({3: first, 5: first}, [5]),
        ({3: first - 1, 5: second}, [3, 5]),
        ({}, [3, 5]),
    ):
        flow = flows.changes(API, CALLS, 0, second, ["a"], "")
        search: Any = flow.send(None)
        known = {id_: Version(us, State.ACTIVE) for id_, us in stored.items()}
        assert flow.send(reply(search, told)) == Known([3, 5])
        batch: Any = flow.send(known)
        assert [int(one["id"]) for one in json.loads(batch.body)["inputs"]] == read


def test_records_gone_between_search_and_read_are_left_out() -> None:
    gone = {
        "results": [record(3)],
        "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": ["5"]}}],
    }
    pages = commits(flows.changes(API, CALLS, 0, 0, ["a"], ""), page([3, 5], total=2), gone)
    assert ids(pages) == [3]
    assert pages[-1].done
    assert pages[-1].cursor == "5"


def test_a_record_that_an_error_of_another_kind_names_is_not_taken_for_gone() -> None:
    failed = {"results": [record(3)], "errors": [{"category": "INTERNAL", "context": {"ids": ["5"]}}]}
    pages = commits(flows.changes(API, CALLS, 0, 0, ["a"], ""), page([3, 5], total=2), failed, page([5]))
    assert ids(pages) == [3, 5]


def test_a_batch_that_names_no_reason_for_a_missing_record_is_asked_again_then_told_as_unreadable() -> None:
    flow = flows.changes(API, CALLS, 0, 0, ["a"], "")
    effect: Any = flow.send(None)
    effect = flow.send(reply(effect, page([3, 5], total=2)))
    waits, answers = list[float](), iter([page([3]), *([page([])] * 9)])
    while not isinstance(effect, Settled):
        waits += [effect.seconds] if isinstance(effect, Wait) else []
        asked = isinstance(effect, Request)
        effect = flow.send(reply(effect, next(answers)) if asked else NOTHING_KNOWN.get(type(effect)))
    assert waits == [2, 4, 8, 16, 32, 64]
    assert effect.unreadable == {5: "HubSpot names it, but does not answer for it by batch read"}
    assert (effect.cursor, effect.done) == ("5", True)


def test_a_search_whose_order_is_not_its_filter_is_found_out() -> None:
    # Sorted as text: "10" comes before "9", and the keyset above 9 never sees what it jumped over.
    text_order = [page([8], after="1", total=3), page([100], total=1)]
    with pytest.raises(BeliefRefuted) as caught:
        commits(flows.search_matches(API, CALLS, [], ["a"], ""), *text_order, page([9], total=1))
    assert caught.value.belief == searching.FILTERED


def test_a_search_with_fewer_left_than_counted_looks_into_the_gaps_and_goes_on() -> None:
    pages = commits(
        flows.search_matches(API, CALLS, [], ["a"], ""),
        page([8], after="1", total=3),
        page([100], total=1),
        page([], total=0),
        page([], total=0),
    )
    assert ids(pages) == [8, 100]


def test_a_search_that_ends_with_as_many_as_it_counted_asks_for_nothing_more() -> None:
    pages = commits(
        flows.search_matches(API, CALLS, [], ["a"], ""),
        page([8, 90], after="2", total=3),
        page([100], total=1),
    )
    assert ids(pages) == [8, 90, 100]


def test_what_lies_between_two_ids_of_different_length_and_behind_the_last_one_is_asked_for() -> None:
    mine = {"propertyName": "a", "operator": "EQ", "value": "b"}
    flow, asked, found = flows.search_matches(API, CALLS, [[mine]], ["a"], ""), list[Any](), list[int]()
    pages = [page([8], after="1", total=3), page([100], total=1), page([], total=0), page([], total=0)]
    effect: Any = next(flow)
    while pages:
        if isinstance(effect, Request):
            asked += [group["filters"] for group in json.loads(effect.body or b"")["filterGroups"]]
            effect = flow.send(reply(effect, pages.pop(0)))
        else:
            found += [ref.id for ref in effect.records]
            effect = flow.send(None)
    assert [*found, *(ref.id for ref in effect.records)] == [8, 100]
    above = [
        {"propertyName": "hs_object_id", "operator": "GT", "value": low} for low in ("0", "8", "8", "1000")
    ]
    below = {"propertyName": "hs_object_id", "operator": "LT", "value": "100"}
    assert asked == [[mine, above[0]], [mine, above[1]], [mine, below, above[2]], [mine, above[3]]]


def test_what_is_no_record_goes_by_the_id_it_claims() -> None:
    content = {"results": [{"id": "3", "properties": 5}, record(9)]}
    effects = list(walk(flows.sweep(API, CALLS, ["a"], ""), iter([content])))
    (told,) = [effect.unreadable for effect in effects if isinstance(effect, Settled)]
    ((id_, reason),) = told.items()
    assert (id_, reason.startswith("what came as a record (id '3') is none: Expected `object`")) == (3, True)


@pytest.mark.parametrize("behind", [[], [9]])
def test_a_search_whose_filter_skipped_all_ids_that_are_longer_than_the_last_is_found_out(
    behind: list[int],
) -> None:
    # Compared as text, "100" is not above "8"; but everything that begins with a later digit is above "10".
    # The pages behind count as many as are left by then: that some were skipped shows on one page only.
    text_filter = [page([7], after="1", total=3 + len(behind))]
    text_filter += [page([8], after="1", total=2), page([9], total=1)] if behind else [page([8], total=1)]
    with pytest.raises(BeliefRefuted) as caught:
        commits(flows.search_matches(API, CALLS, [], ["a"], ""), *text_filter, page([7, 8], total=2))
    assert caught.value.belief == searching.FILTERED


def test_an_empty_page_of_a_search_with_a_cursor_is_not_the_end_and_a_cursor_that_stays_is_refuted() -> None:
    flow = flows.search_matches(API, CALLS, [], ["a"], "")
    asked: Any = next(flow)
    assert ("after" in json.loads(asked.body), json.loads(asked.body)["limit"]) == (False, 200)
    again: Any = flow.send(reply(asked, page([], after="200", total=3)))
    assert json.loads(again.body)["after"] == "200"
    found = flow.send(reply(again, page([7], total=1)))
    assert isinstance(found, RecordsRead)
    with pytest.raises(BeliefRefuted) as caught:
        commits(
            flows.search_matches(API, CALLS, [], ["a"], ""),
            page([], after="2", total=3),
            page([], after="2", total=3),
        )
    assert caught.value.belief == refs.MOVES


def test_a_page_of_a_search_that_is_refused_as_too_large_is_asked_for_smaller() -> None:
    flow = flows.search_matches(API, CALLS, [], ["a"], "")
    asked: Any = next(flow)
    sizes = [json.loads(asked.body)["limit"]]
    for _ in range(2):
        asked = flow.throw(RequestRefused(400, "x", "too many"))
        sizes.append(json.loads(asked.body)["limit"])
    assert sizes == [200, 100, 10]
    with pytest.raises(RequestRefused):
        flow.throw(RequestRefused(400, "x", "no"))


def test_a_search_that_is_refused_for_another_reason_ends() -> None:
    flow = flows.search_matches(API, CALLS, [], ["a"], "")
    next(flow)
    with pytest.raises(RequestRefused):
        flow.throw(RequestRefused(403, "x", "no"))


@pytest.mark.parametrize(
    ("contents", "belief"),
    [
        ([page([5, 3], total=2)], listing.ORDER),
        ([page([5, 5], total=2)], listing.ORDER),
        ([page([5], after="1", total=2), page([5], total=1)], listing.ORDER),
        ([{"results": [record(3) | {"id": None}], "total": 1}], refs.TYPED),
    ],
)
def test_a_search_stops_when_hubspot_refutes_a_belief(contents: list[object], belief: str) -> None:
    with pytest.raises(BeliefRefuted) as caught:
        commits(flows.search_matches(API, CALLS, [], ["a"], ""), *contents)
    assert caught.value.belief == belief


def test_a_search_that_is_continued_looks_for_what_its_filter_may_have_skipped() -> None:
    # Up to 7 an earlier run read; 100 is skipped by a filter that compares as text.
    behind = [page([8], after="1", total=2), page([9], total=1)]
    with pytest.raises(BeliefRefuted) as caught:
        commits(flows.search_matches(API, CALLS, [], ["a"], "7"), *behind, page([7, 8], total=4))
    assert caught.value.belief == searching.FILTERED
