"""The arithmetic of an estimate: what the steps of a round take, and what they take together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubdump.estimate import told
from hubdump.estimate.calls import Calls, pages, seconds, sum_of
from hubdump.estimate.estimate import Estimate, Limits
from hubdump.estimate.rounds import EMPTY, Round, in_turn, steps
from hubdump.estimate.types import Foreseen


@pytest.mark.parametrize(("items", "needed"), [(0, 0), (1, 1), (100, 1), (101, 2), (1000, 10)])
def test_items_are_read_by_whole_pages(items: int, needed: int) -> None:
    assert pages(items, 100) == needed


def test_a_first_round_lists_twice_and_asks_a_thousand_records_a_pair() -> None:
    first = Round(definitions=2, swept=1250, archived=20, proved=1250, links=(1250,) * 4)
    assert steps(first) == {
        "definitions": Calls(2),
        "records": Calls(13),
        "archived": Calls(1),
        "changes": Calls(search=1),
        "proof": Calls(13),
        "associations": Calls(associations=8),
    }


def test_too_many_properties_for_a_url_take_a_batch_read_for_each_page_but_not_for_the_proof() -> None:
    wide = steps(Round(swept=250, archived=7, proved=250, wide=True))
    assert [wide[step].general for step in ("records", "archived", "proof")] == [6, 2, 3]


def test_changes_are_found_two_hundred_a_search_and_read_a_hundred_a_batch() -> None:
    assert steps(Round(changed=0))["changes"] == Calls(search=1)
    assert steps(Round(changed=401))["changes"] == Calls(general=5, search=3)
    assert "changes" not in steps(Round(changed=None))


def test_an_empty_type_is_its_two_lists() -> None:
    assert steps(EMPTY) == {"look": Calls(2)}


def test_a_list_takes_a_request_though_nothing_is_in_it_and_a_walk_of_associations_does_not() -> None:
    assert steps(Round(swept=0, links=(0, 0), changed=None)) == {
        "records": Calls(1),
        "archived": Calls(1),
    }


def test_histories_take_a_request_for_fifty_records_and_unread_ones_two_for_a_hundred() -> None:
    found = steps(Round(histories=101, unread=101))
    assert (found["history"], found["unread"]) == (Calls(3), Calls(4))


def test_walks_beside_each_other_wait_only_for_the_longest() -> None:
    # definitions, 13 of the sweep in two ranges, archived, search; beside each other 3 walks of 2, 25 of the history.
    assert in_turn(Round(definitions=1, swept=1250, links=(1250,) * 3, histories=1250)) == 1 + 7 + 1 + 1 + 25
    # Of 100 pages nine walks read twelve each; the archived list is read beside the proof.
    assert in_turn(Round(swept=10_000, proved=10_000)) == 12 + 12 + 1
    assert in_turn(Round(archived=3_000, proved=500)) == 30 + 1


def test_the_slowest_budget_decides_or_the_number_over_all_of_them() -> None:
    calls, limits = (
        Calls(general=190, associations=30, search=80),
        {"general": 190, "associations": 150, "search": 40},
    )
    assert seconds(calls, limits, None) == 20
    assert seconds(calls, limits, 100) == 30


def estimate(calls: Calls, *, answer_s: float = 0.0, left: int | None = 900, reserve: int = 0) -> Estimate:
    limits = Limits({"general": 100, "associations": 100, "search": 40}, None, answer_s, 1000, left, reserve)
    notes = Foreseen("notes", 5, {"records": calls}, calls.all, ("notes: perhaps",))
    return Estimate(
        7, [notes, Foreseen("calls", 0, {"look": Calls(2)}, 2)], [], Calls(4), Calls(3), limits, {}
    )


def test_a_long_list_waits_for_each_of_its_answers() -> None:
    assert estimate(Calls(96)).seconds == pytest.approx(10.2)
    assert estimate(Calls(96), answer_s=0.5).seconds == 48


def test_collections_are_read_when_the_types_are() -> None:
    around = Foreseen("lists", 5, {"items": Calls(50)}, 50)
    assert replace(estimate(Calls(94)), around=[around]).seconds == 10 + 5


def test_a_person_is_told_the_sum_the_time_and_the_share_of_the_day() -> None:
    lines = list(told.lines(estimate(Calls(94))))
    assert (
        "100 requests (general 100, associations 0, search 0), about 10 s, "
        "10.0% of the day's 1,000, of which 900 are left" in lines
    )
    assert "not sure: notes: perhaps" in lines
    assert [line.split() for line in lines[1:4]] == [
        ["notes", "5", "94", "0", "0"],
        ["1", "without", "records", "0", "2", "0", "0"],
        ["opening", "the", "portal", "4", "0", "0"],
    ]


def test_who_would_meet_the_end_of_the_days_quota_is_told_before() -> None:
    assert told.advice(estimate(Calls(94)), "hubdump run") == "next: hubdump run"
    assert told.advice(estimate(Calls(94), left=99), "hubdump run").startswith(
        "hint: That is more than the 99"
    )


def test_a_machine_is_told_each_step() -> None:
    found = told.as_json(estimate(Calls(94)))
    assert found["requests"] == {"general": 100, "associations": 0, "search": 0}
    assert found["daily"] == {"quota": 1000, "left": 900, "share": 0.1}
    assert found["types"]["notes"]["steps"] == {"records": 94}
    assert sum_of([Calls(1, 2, 3), Calls(1)]) == Calls(2, 2, 3)
