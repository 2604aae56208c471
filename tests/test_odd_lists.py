"""Lists and batches that do not behave: records that break them, cursors that count, ids in another order, removals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubdump.errors import Poison
from hubdump.hubspot import batches, flows, listing
from hubdump.model import (
    FAILURES_MAX,
    AssociationsRead,
    Flow,
    Known,
    Quarantined,
    RecordsRead,
    Refuted,
    Request,
    Settled,
    State,
    StoredIds,
    Unseen,
    Version,
    Wait,
)
from tests.test_flows import API, CALLS, CONTACTS, reply
from tests.test_linking import nothing
from tests.worlds import page


def told(flow: Flow, portal: Any, store: Any = None) -> tuple[list[Any], int]:
    """Drive a flow against functions that answer its requests and its questions; its effects, and requests sent."""
    found, requests = [], 0
    effect: Any = next(flow)
    while True:
        found.append(effect)
        sent: Any = None
        try:
            if isinstance(effect, Request):
                requests += 1
                answered = portal(effect)
                if isinstance(answered, Poison):
                    effect = flow.throw(answered)
                    continue
                sent = reply(effect, answered)
            elif isinstance(effect, Known | Unseen | Quarantined | StoredIds):
                sent = store(effect)
            effect = flow.send(sent)
        except StopIteration:
            return found, requests


POISON = Poison(500, "x", "internal error")


@pytest.mark.parametrize("poisoned", [{3}, {50}, {99}, {260}, {50, 51}, {50, 180}, {10_000}])
def test_a_record_that_breaks_every_list_it_is_in_is_left_out_by_name_and_no_other(
    poisoned: set[int],
) -> None:
    there = [*range(3, 100, 2), *range(100, 261), *poisoned]

    def portal(request: Request[Any]) -> object:
        if request.body:
            return POISON
        asked = dict(request.query)
        ids = sorted({id_ for id_ in there if id_ >= int(asked.get("after", 0))})
        size = int(asked["limit"])
        if poisoned & set(ids[:size]):
            return POISON
        return page(ids[:size], after=str(ids[size]) if len(ids) > size else "")

    effects, requests = told(flows.sweep(API, CALLS, ["a"], ""), portal)
    read = [ref.id for e in effects if isinstance(e, RecordsRead) for ref in e.records]
    named = {id_ for e in effects if isinstance(e, Settled) for id_ in e.unreadable}
    assert read == sorted(set(there) - poisoned)
    # Of several that follow each other only the last can be told from outside; the text says so.
    assert named == ({51} if poisoned == {50, 51} else poisoned)
    assert requests < 100


def test_a_list_goes_on_behind_the_record_that_breaks_it_and_knows_where_it_was() -> None:
    tries = list[int]()

    def portal(request: Request[Any]) -> object:
        if request.body:
            return POISON
        tries.append(request.failures_max)
        start = int(dict(request.query).get("after", 0))
        return POISON if start <= 50 else page(range(max(start, 51), 61))

    effects, _ = told(flows.sweep(API, CALLS, ["a"], ""), portal)
    (named,) = [e for e in effects if isinstance(e, Settled)]
    # The page, its first record alone, and the id that is left out must fail as any request may (and the next page
    # is one like any other); that something in the others fails is known.
    sure = [number for number, most in enumerate(tries) if most == FAILURES_MAX]
    assert (len(sure), sure[0], sure[-2:]) == (4, 0, [len(tries) - 2, len(tries) - 1])
    assert {most for number, most in enumerate(tries) if number not in sure} == {listing.TRIES}
    assert list(named.unreadable) == [50]
    assert named.unreadable[50].startswith("internal error (")
    assert json.loads(named.cursor) == {"after": "51", "last": 50, "count": 1}
    (read,) = [e for e in effects if isinstance(e, RecordsRead)]
    assert json.loads(read.cursor) == {"last": 60, "count": 11}


def test_only_the_last_answer_of_a_page_moves_the_cursor_and_all_that_is_unreadable_of_it_is_named() -> None:
    wide = [f"a_property_with_a_long_name_{number}" for number in range(400)]
    strange = {"id": "03"}
    # Two batch reads for the first page; of the second page one is no record in the list, and one in the batch.
    answers = [
        page([3, 5], after="6"), page([3]), page([5]),
        page([7, 9]) | {"results": [strange, *page([7, 9])["results"]]},
        page([7]) | {"results": [*page([7])["results"], {"id": "9", "properties": 5}]},
    ]  # fmt: skip
    effects, _ = told(flows.sweep(API, CALLS, wide, ""), lambda _: answers.pop(0))
    first, second, third = [e for e in effects if isinstance(e, RecordsRead)]
    assert [[ref.id for ref in e.records] for e in (first, second, third)] == [[3], [5], [7]]
    assert [json.loads(e.cursor).get("after", "") for e in (first, second, third)] == ["", "6", "6"]
    (named,) = [e for e in effects if isinstance(e, Settled)]
    assert sorted(named.unreadable)[1:] == [9]
    assert len(named.unreadable) == 2
    assert named.done


@pytest.mark.parametrize("broken", [0, 90])
@pytest.mark.parametrize("fails", range(1, 40))
def test_errors_that_pass_while_a_broken_record_is_looked_for_leave_no_other_out(
    fails: int, broken: int
) -> None:
    there, sent = list(range(3, 300, 3)), 0

    def portal(request: Request[Any]) -> object:
        nonlocal sent
        sent += 1
        assert request.failures_max > 0, "something can be read"
        if (
            request.body
            or sent == 1
            or (sent <= fails and sent % 7 and request.failures_max == listing.TRIES)
        ):
            return POISON
        asked = dict(request.query)
        ids, size = [id_ for id_ in there if id_ >= int(asked.get("after", 0))], int(asked["limit"])
        if broken in ids[:size]:
            return POISON
        return page(ids[:size], after=str(ids[size]) if len(ids) > size else "")

    effects, _ = told(flows.sweep(API, CALLS, ["a"], ""), portal)
    read = [ref.id for e in effects if isinstance(e, RecordsRead) for ref in e.records]
    assert read == [id_ for id_ in there if id_ != broken]
    assert {id_ for e in effects if isinstance(e, Settled) for id_ in e.unreadable} == {broken} - {0}


def test_what_breaks_a_list_whose_order_is_not_known_is_not_named_by_an_id_that_is_none() -> None:
    """Ids ascend as texts, and the first page is broken: where it succeeds says nothing of what is left out."""
    there = [11, 9]

    def portal(request: Request[Any]) -> object:
        if request.body:
            ids = {int(one["id"]) for one in json.loads(request.body)["inputs"]}
            return POISON if 11 in ids else page([id_ for id_ in there if id_ in ids])
        asked = dict(request.query)
        ids_ = [id_ for id_ in there if str(id_) >= asked.get("after", "")][: int(asked["limit"])]
        return POISON if 11 in ids_ else page(ids_)

    with pytest.raises(Poison):
        told(flows.sweep(API, CALLS, ["a"], ""), portal)


def test_a_list_that_fails_whatever_is_asked_of_it_is_asked_for_again_as_it_was() -> None:
    def portal(request: Request[Any]) -> object:
        return page([3, 5]) if request.failures_max == 0 else POISON

    effects, requests = told(flows.sweep(API, CALLS, ["a"], ""), portal)
    assert [ref.id for e in effects if isinstance(e, RecordsRead) for ref in e.records] == [3, 5]
    assert not [e for e in effects if isinstance(e, Settled)]
    assert requests < 100


def test_a_batch_that_fails_with_and_without_any_of_its_records_is_asked_for_again_as_it_was() -> None:
    listed = page(range(1, 101))

    def portal(request: Request[Any]) -> object:
        if not request.body:
            return listed
        ids = [int(one["id"]) for one in json.loads(request.body)["inputs"]]
        return page(ids) if request.failures_max == 0 else POISON

    effects, _ = told(flows.identify(API, CALLS, ["a"], [], ""), portal, lambda _: {})
    read = [ref.id for e in effects if isinstance(e, RecordsRead) for ref in e.records]
    assert read == list(range(1, 101))
    assert not [e for e in effects if isinstance(e, Settled) and e.unreadable]


def test_a_record_that_is_archived_between_the_two_looks_for_it_is_not_taken_for_gone() -> None:
    looks: list[bool] = []

    def portal(request: Request[Any]) -> object:
        looks.append(bool(request.query))
        not_found = {"errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": ["4"]}}]}
        return page([4]) if looks == [True, False, True] else page([]) | not_found

    effects, _ = told(flows.settle(API, CALLS, ["a"], ""), portal, lambda asked: [] if asked.after else [4])
    assert [ref.id for e in effects if isinstance(e, RecordsRead) for ref in e.records] == [4]
    assert not any(e.removed for e in effects if isinstance(e, Settled))


def test_what_a_batch_answered_before_it_fails_for_ever_is_kept() -> None:
    answers: list[object] = [page([1, 2, 3]), page([1, 2]), POISON]
    effects, _ = told(flows.identify(API, CALLS, ["a"], [], ""), lambda _: answers.pop(0), lambda _: {})
    assert [ref.id for e in effects if isinstance(e, RecordsRead) for ref in e.records] == [1, 2]
    assert [list(e.unreadable) for e in effects if isinstance(e, Settled)] == [[3]]


def test_quarantined_records_that_all_fail_again_stay_quarantined() -> None:
    effects, _ = told(
        flows.reread(API, CALLS, ["a"], ""),
        lambda _: POISON,
        lambda asked: [] if asked.after else [4, 5, 6, 7, 8],
    )
    assert {id_ for e in effects if isinstance(e, Settled) for id_ in e.unreadable} == {4, 5, 6, 7, 8}


@pytest.mark.parametrize(("fails", "named"), [({3, 60}, {3, 60}), (set(range(1, 101)), set())])
def test_inputs_that_break_every_batch_of_associations_are_named_unless_all_do(
    fails: set[int], named: set[int]
) -> None:
    def portal(request: Request[Any]) -> object:
        ids = {int(one["id"]) for one in json.loads(request.body or b"")["inputs"]}
        if fails & ids and request.failures_max:
            return POISON
        return {"results": [], "errors": [nothing(id_) for id_ in sorted(ids)]}

    def store(asked: StoredIds) -> list[int]:
        return [id_ for id_ in range(1, 101) if id_ > asked.after]

    effects, _ = told(flows.associations(API, CALLS, CONTACTS, ""), portal, store)
    commits = [e for e in effects if isinstance(e, AssociationsRead)]
    failed = {id_ for e in commits for id_ in e.failed}
    # Where all fail, the first three are taken for records of their own errors before it is known.
    assert (failed == named) if named else failed <= {1, 2, 3}
    assert sorted([*failed, *(id_ for e in commits for id_ in e.fresh)]) == list(range(1, 101))


def test_a_broken_batch_of_associations_is_asked_for_by_halves_and_then_by_more_again() -> None:
    asked = list[tuple[int, int, bool]]()

    def portal(request: Request[Any]) -> object:
        ids = {int(one["id"]) for one in json.loads(request.body or b"")["inputs"]}
        asked.append((len(ids), request.failures_max, request.narrowed))
        return POISON if 7 in ids else {"results": [], "errors": [nothing(id_) for id_ in sorted(ids)]}

    effects, _ = told(
        flows.associations(API, CALLS, CONTACTS, ""),
        portal,
        lambda question: [id_ for id_ in range(1, 301) if id_ > question.after],
    )
    # The whole and the single one must fail as any request may; what lies between is known to hold a broken one.
    halves = [(count, listing.TRIES, True) for count in (150, 75, 37, 18, 9)]
    assert asked[:6] == [(300, FAILURES_MAX, False), *halves]
    assert (1, FAILURES_MAX, True) in asked
    assert asked[-1] == (293, FAILURES_MAX, False), "all that are left, once the broken one is out of the way"
    ends = [effect for effect in effects if isinstance(effect, AssociationsRead)]
    assert [e.failed for e in ends if e.failed] == [{7: "internal error"}]
    assert [e.done for e in ends] == [False] * (len(ends) - 1) + [True]


def test_the_waits_for_inputs_without_an_answer_grow_and_their_reason_is_told() -> None:
    effects, requests = told(
        flows.associations(API, CALLS, CONTACTS, ""),
        lambda _: {"results": []},
        lambda question: [] if question.after else [5],
    )
    assert [effect.seconds for effect in effects if isinstance(effect, Wait)] == [2, 4, 8, 16, 32]
    assert requests == batches.ROUNDS_MAX
    (failed,) = [e.failed for e in effects if isinstance(e, AssociationsRead) and e.failed]
    assert failed == {5: "HubSpot does not answer for its associations"}


@pytest.mark.parametrize("poisoned", [{1}, {57}, {100}, {7, 8, 90}])
def test_records_that_break_every_batch_they_are_in_are_told_by_name_and_no_other(poisoned: set[int]) -> None:
    def portal(request: Request[Any]) -> object:
        ids = {int(one["id"]) for one in json.loads(request.body or b"")["inputs"]}
        return POISON if poisoned & ids else page(sorted(ids))

    batch = batches.Batch(API, CALLS, ["a"])
    flow, found = batch.read(list(range(1, 101))), None
    effect: Any = next(flow)
    while found is None:
        answered = portal(effect)
        try:
            failed = isinstance(answered, Poison)
            effect = flow.throw(POISON) if failed else flow.send(reply(effect, answered))
        except StopIteration as end:
            found = end.value
    assert set(found.unreadable) == poisoned
    assert {ref.id for _, refs_ in found.pages for ref in refs_} == set(range(1, 101)) - poisoned


# Of 120 removed the next page lies beyond the end, and is empty; what is no record counts as one for the cursor.
@pytest.mark.parametrize(("removed", "no_record"), [(40, 0), (120, 0), (199, 0), (40, 1050), (199, 1000)])
def test_a_cursor_that_counts_records_is_found_out_and_no_removal_hides_a_record(
    removed: int, no_record: int
) -> None:
    there = list(range(1000, 1300))
    asked: list[int] = []

    def portal(request: Request[Any]) -> object:
        start = int(dict(request.query).get("after", 0))
        asked.append(start)
        if len(asked) == 3:
            del there[:removed]  # what is behind the first pages moves up
        found = there[start : start + 100]
        answer = page(found, after=str(start + 100) if start + 100 < len(there) else "")
        answer["results"] = [
            {"id": "03"} if one["id"] == str(no_record) else one for one in answer["results"]
        ]
        return answer

    effects, _ = told(flows.sweep(API, CALLS, ["a"], ""), portal)
    read = [ref.id for e in effects if isinstance(e, RecordsRead) for ref in e.records]
    assert read == [id_ for id_ in range(1000, 1300) if id_ != no_record]
    assert [e.belief for e in effects if isinstance(e, Refuted)] == [listing.KEYSET]
    assert asked[1] == 99, "each page begins with the last record of the one before"


def test_ids_that_ascend_as_texts_are_read_by_the_cursors_as_given() -> None:
    pages = [page([100, 11, 9], after="95"), page([95, 990])]
    effects, _ = told(flows.sweep(API, CALLS, ["a"], ""), lambda _: pages.pop(0))
    assert [ref.id for e in effects if isinstance(e, RecordsRead) for ref in e.records] == [
        100,
        11,
        9,
        95,
        990,
    ]
    assert [e.belief for e in effects if isinstance(e, Refuted)] == [listing.ORDER]


def test_the_proof_reads_what_differs_and_only_that() -> None:
    stored = {
        3: Version(1_767_225_600_000_000, State.ACTIVE),
        5: Version(1_700_000_000_000_000, State.ACTIVE),
        9: Version(1_767_225_600_000_000, State.ARCHIVED),
    }
    pages = [page([3, 5, 7, 9]), page([5, 7, 9])]
    effects, _ = told(
        flows.identify(API, CALLS, ["a"], [], ""),
        lambda _: pages.pop(0),
        lambda known: stored if known.ids else {},
    )
    (batch,) = [e for e in effects if isinstance(e, Request) and e.body]
    assert [int(one["id"]) for one in json.loads(batch.body or b"")["inputs"]] == [5, 7, 9]
    (last,) = [e for e in effects if isinstance(e, Settled)]
    assert (list(last.seen), last.done) == ([3], True)


def test_what_a_pass_did_not_list_is_told_apart() -> None:
    """3 is archived, 4 was merged into 40, 5 is gone, 6 is there after all."""
    not_found = {"category": "OBJECT_NOT_FOUND"}

    def portal(request: Request[Any]) -> object:
        ids = {int(one["id"]) for one in json.loads(request.body or b"")["inputs"]}
        if request.query:
            return page([3]) | {"errors": [not_found | {"context": {"ids": ["4", "5", "6"]}}]}
        gone = {"errors": [not_found | {"context": {"ids": ["5"]}}]} if 5 in ids else {}
        return page([id_ for id_ in (6, 40) if id_ in ids or (id_ == 40 and 4 in ids)]) | gone

    effects, _ = told(
        flows.settle(API, CALLS, ["a"], ""), portal, lambda asked: [] if asked.after else [3, 4, 5, 6]
    )
    read = [ref.id for e in effects if isinstance(e, RecordsRead) for ref in e.records]
    assert sorted(read) == [3, 6]
    removed = {id_: into for e in effects if isinstance(e, Settled) for id_, into in e.removed.items()}
    assert removed == {4: 40, 5: None}
    ends = [(list(e.seen), e.done) for e in effects if isinstance(e, Settled)]
    assert ends == [([], False), ([], True)], "what is read is seen by that"
