"""The walk of associations, fed by hand."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest

from hubdump.errors import BeliefRefuted, Poison, RequestRefused, ScopeMissing
from hubdump.extract.reading import read
from hubdump.hubspot import batches, flows, linking, refs
from hubdump.hubspot.retry import Failure, Meaning
from hubdump.model import Answer, AssociationsRead, DueLinks, Reach, Request, Response, StoredIds
from tests.test_flows import API, CALLS, CONTACTS, reply


def test_an_answer_with_what_is_no_association_is_another_page_than_was_asked_for() -> None:
    request = API.associations(CALLS, CONTACTS, [(1, ""), (2, "")])
    good, bad = links(1, "11"), links(2, "12", [])
    whole, _ = read(request, answered(good, links(2, "12")), (), 0.0)
    assert isinstance(whole, Answer)
    refused, _ = read(request, answered(good, bad), (), 0.0)
    assert isinstance(refused, Failure)
    assert refused.meaning is Meaning.RETRY


def test_an_answer_with_many_associations_takes_little_more_memory_than_its_text() -> None:
    text = json.dumps(
        {"results": [links(id_, *map(str, range(10**9, 10**9 + 200))) for id_ in range(1, 101)]}
    ).encode()
    tracemalloc.start()
    try:
        found, _ = read(API.associations(CALLS, CONTACTS, [(1, "")]), Response(200, {}, text), (), 0.0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found, Answer)
    assert most < len(text) / 10


def answered(*results: dict[str, Any]) -> Response:
    return Response(200, {}, json.dumps({"results": results}).encode())


def links(from_id: int, *to: object, after: str = "", type_id: int = 194) -> dict[str, Any]:
    types = [{"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": None}]
    result: dict[str, Any] = {
        "from": {"id": str(from_id)},
        "to": [{"toObjectId": id_, "associationTypes": types} for id_ in to],
    }
    return result | ({"paging": {"next": {"after": after}}} if after else {})


def nothing(from_id: int) -> dict[str, Any]:
    sub = "crm.associations.NO_ASSOCIATIONS_FOUND"
    return {"category": "OBJECT_NOT_FOUND", "subCategory": sub, "context": {"fromObjectId": [str(from_id)]}}


def read_links(stored: list[int], *contents: dict[str, Any], cursor: str = "") -> list[AssociationsRead]:
    flow, left, found = flows.associations(API, CALLS, CONTACTS, cursor), iter(contents), []
    effect: Any = next(flow)
    while True:
        sent: Any = None
        if isinstance(effect, StoredIds):
            sent = [id_ for id_ in stored if id_ > effect.after][: effect.count]
        elif isinstance(effect, Request):
            sent = reply(effect, next(left), 207)
        elif isinstance(effect, AssociationsRead):
            found.append(effect)
        try:
            effect = flow.send(sent)
        except StopIteration:
            assert next(left, None) is None, "not every answer was asked for"
            return found


def test_associations_are_read_whole_whatever_the_order_of_the_answer() -> None:
    pages = read_links([3, 5, 7], {"results": [links(7, "11", 12), links(3, "11")], "errors": [nothing(5)]})
    assert {(row.from_id, row.to_id) for p in pages for row in p.rows} == {(7, 11), (7, 12), (3, 11)}
    assert sorted(pages[0].fresh) == [3, 5, 7]
    assert pages[-1].done


def test_the_pages_of_one_input_are_followed() -> None:
    pages = read_links(
        [3, 5],
        {"results": [links(3, "1", after="x"), links(5, "9")]},
        {"results": [links(3, "2", after="y")]},
        {"results": [links(3, "4")]},
    )
    assert sorted((row.from_id, row.to_id) for p in pages for row in p.rows) == [
        (3, 1),
        (3, 2),
        (3, 4),
        (5, 9),
    ]
    assert [sorted(p.fresh) for p in pages] == [[3, 5], [], [], [], []]


def test_a_repeated_cursor_of_one_input_is_refuted_not_followed_for_ever() -> None:
    with pytest.raises(BeliefRefuted, match="calls to contacts gave for 3 the cursor x twice") as caught:
        read_links([3], {"results": [links(3, "1", after="x")]}, {"results": [links(3, "2", after="x")]})
    assert caught.value.belief == refs.MOVES


def test_an_input_without_an_answer_is_asked_again_and_then_counted_as_failed() -> None:
    lost = {
        "results": [links(3, "1")],
        "errors": [{"category": "INTERNAL", "context": {"fromObjectId": ["5"]}}],
    }
    pages = read_links([3, 5], lost, *([{"results": []}] * (batches.ROUNDS_MAX - 1)))
    assert [list(p.failed) for p in pages if p.failed] == [[5]]
    pages = read_links([3, 5], lost, {"results": [links(5, "8")]})
    assert {(row.from_id, row.to_id) for p in pages for row in p.rows} == {(3, 1), (5, 8)}
    assert not any(p.failed for p in pages)


def test_an_association_walk_continues_in_the_middle_of_one_records_pages() -> None:
    first = read_links([3], {"results": [links(3, "1", after="x")]}, {"results": [links(3, "2")]})[0]
    rest = read_links([3], {"results": [links(3, "2")]}, cursor=first.cursor)
    assert [(row.from_id, row.to_id) for p in rest for row in p.rows] == [(3, 2)]
    assert not rest[0].fresh


def test_associations_nobody_asked_for_are_refuted() -> None:
    with pytest.raises(BeliefRefuted):
        read_links([3], {"results": [links(4, "1")]})


def test_a_thousand_inputs_that_are_refused_are_asked_for_by_a_hundred_and_fewer_never() -> None:
    flow = flows.associations(API, CALLS, CONTACTS, "")
    effect: Any = next(flow)
    effect = flow.send(list(range(1, 251)))
    effect = flow.throw(RequestRefused(400, "x", "too many"))
    assert len(json.loads(effect.body)["inputs"]) == 100
    page = flow.send(reply(effect, {"results": [links(id_, 9) for id_ in range(1, 101)]}, 207))
    assert isinstance(page, AssociationsRead)
    assert (sorted(page.fresh), page.done) == (list(range(1, 101)), False)
    effect = flow.send(None)
    assert [int(one["id"]) for one in json.loads(effect.body)["inputs"]] == list(range(101, 201))
    with pytest.raises(RequestRefused):
        flow.throw(RequestRefused(400, "x", "no"))
    flow = flows.associations(API, CALLS, CONTACTS, "")
    next(flow)
    flow.send(list(range(1, 251)))
    with pytest.raises(RequestRefused):
        flow.throw(RequestRefused(404, "x", "no"))


def test_a_record_that_is_gone_since_has_no_associations_and_other_errors_settle_nothing() -> None:
    gone = {"category": "OBJECT_NOT_FOUND", "context": {"fromObjectId": ["5"]}}
    other = {"category": "OBJECT_NOT_FOUND", "subCategory": "crm.else", "context": {"fromObjectId": ["3"]}}
    nobody = nothing(99)
    pages = read_links([3, 5], {"results": [], "errors": [gone, other, nobody]}, {"results": [links(3, "1")]})
    assert [sorted(p.fresh) for p in pages] == [[5], [3], [], []]
    assert not any(p.failed for p in pages)


def test_labels_come_home_with_their_association() -> None:
    types = [
        {"category": "HUBSPOT_DEFINED", "typeId": 194, "label": None},
        {"category": "USER_DEFINED", "typeId": 3, "label": "Caller"},
    ]
    content = {"results": [{"from": {"id": "3"}, "to": [{"toObjectId": 7, "associationTypes": types}]}]}
    rows = [row for p in read_links([3], content) for row in p.rows]
    assert [(row.category, row.type_id, row.label) for row in rows] == [
        ("HUBSPOT_DEFINED", 194, None),
        ("USER_DEFINED", 3, "Caller"),
    ]


def read_due(
    due: list[int],
    back: list[int],
    answered_by: Any,
    cursor: str = "",
    late: Sequence[int] = (),
    **more: bool,
) -> tuple[list[str], list[AssociationsRead]]:
    """A walk of what changed: of each request its pair and number of records, and what it hands over. `late` are the
    records that came while all were read.

    `answered_by` makes an answer, or an error, of a pair and the ids that are asked for.
    """
    flow = flows.associations(API, CALLS, CONTACTS, cursor or linking.first(whole=False), **more)
    asked, found = list[str](), list[AssociationsRead]()
    of = {Reach.CHANGED: due, Reach.BACK: back, Reach.LATE: late}
    effect: Any = next(flow)
    while True:
        sent: Any = None
        if isinstance(effect, DueLinks | StoredIds):
            every = ALL_CALLS if isinstance(effect, StoredIds) else of[effect.reach]
            sent = [id_ for id_ in every if id_ > effect.after][: effect.count]
        elif isinstance(effect, Request):
            ids = [int(one["id"]) for one in json.loads(effect.body or b"")["inputs"]]
            pair = "/".join(effect.path.split("/")[4:6])
            asked.append(f"{pair} {len(ids)}")
            came = answered_by(pair, ids)
            if isinstance(came, Exception):
                effect = flow.throw(came)
                continue
            sent = reply(effect, came, 207)
        elif isinstance(effect, AssociationsRead):
            found.append(effect)
        try:
            effect = flow.send(sent)
        except StopIteration:
            return asked, found


ALL_CALLS = [1, 2, 3]


def tied(_pair: str, ids: list[int]) -> dict[str, Any]:
    return {"results": [links(id_, 7) for id_ in ids]}


def test_what_changed_takes_a_request_for_a_thousand_and_nothing_takes_none() -> None:
    asked, found = read_due([], [], tied)
    assert (asked, [(one.done, one.reach) for one in found]) == ([], [(True, Reach.CHANGED)])
    asked, found = read_due(list(range(1, 1002)), list(range(1, 1001)), tied)
    there, back = API.associations(CALLS, CONTACTS, [(1, "")]), API.associations(CONTACTS, CALLS, [(1, "")])
    names = ["/".join(one.path.split("/")[4:6]) for one in (back, there, there)]
    assert asked == [f"{name} {number}" for name, number in zip(names, (1000, 1000, 1), strict=True)]
    assert [one.reach for one in found] == [Reach.BACK, Reach.CHANGED, Reach.CHANGED, Reach.CHANGED]
    assert [len(one.rows) for one in found] == [1000, 1000, 1, 0]
    asked, _ = read_due(list(range(1, 1002)), [1], tied, cursor=found[1].cursor)
    assert asked == [f"{names[1]} 1"], "what is done is not asked for again"


@pytest.mark.parametrize(
    "error",
    [RequestRefused(404, "x", "no"), ScopeMissing("x", ("calls.read",)), Poison(500, "x", "no"), None],
    ids=["refused", "no scope", "failing", "unanswered"],
)
def test_where_hubspot_does_not_say_what_changed_ones_are_tied_to_all_are_read(
    error: Exception | None,
) -> None:
    back = "/".join(API.associations(CONTACTS, CALLS, [(1, "")]).path.split("/")[4:6])

    def said(pair: str, ids: list[int]) -> Any:
        return (error or {"results": []}) if pair == back else tied(pair, ids)

    _, found = read_due([2], [9], said)
    assert [row.from_id for one in found for row in one.rows] == ALL_CALLS
    assert (found[-1].done, found[-1].reach) == (True, Reach.LATE)
    assert not any(one.failed for one in found)


def test_what_came_while_all_were_read_is_read_again_and_not_by_who_goes_ahead() -> None:
    whole = linking._encode(linking.Place(0))
    asked, ahead = read_due([], [], tied, whole, late=[2], ahead=True)
    assert [one.partition(" ")[2] for one in asked] == ["3"]
    assert (ahead[-1].done, linking.reach_of(ahead[-1].cursor)) == (False, Reach.LATE)
    assert list(flows.associations(API, CALLS, CONTACTS, ahead[-1].cursor, ahead=True)) == []
    asked, rest = read_due([], [], tied, ahead[-1].cursor, late=[2])
    assert [row.from_id for one in rest for row in one.rows] == [2]
    assert [(one.done, one.reach) for one in rest] == [(False, Reach.LATE), (True, Reach.LATE)]
