"""What a run reads: which rounds are due, from when on they look for changes, when they prove and when they ask."""

from __future__ import annotations

import pytest

from hubdump.catalog import STANDARD
from hubdump.extract import plan
from hubdump.extract.plan import SECOND_US, Kinds, Sides, Wishes
from hubdump.model import Bookmark
from hubdump.store.pairs import AssociationType

MINUTE_US, HOUR_US, DAY_US = 60 * SECOND_US, 3600 * SECOND_US, 86_400 * SECOND_US
NOW_US = 20_000 * DAY_US


def complete(fresh_us: int | None) -> Bookmark:
    return Bookmark("calls", round=1, complete=True, fresh_us=fresh_us)


@pytest.mark.parametrize(
    ("mark", "due"),
    [
        (Bookmark("calls"), True),
        (Bookmark("calls", round=1, fresh_us=NOW_US), True),
        (complete(None), True),
        # The run began ten minutes ago; `fresh_at` stays a minute behind the clock.
        (complete(NOW_US - 11 * MINUTE_US), False),
        (complete(NOW_US - 11 * MINUTE_US - 1), True),
    ],
)
def test_a_run_reads_what_it_has_not_completed_itself(mark: Bookmark, due: bool) -> None:
    assert plan.due([mark], NOW_US - 10 * MINUTE_US, NOW_US) == (("calls",) if due else ())


def test_what_a_run_completed_over_an_hour_ago_is_read_again() -> None:
    began_us, hour_ago_us = NOW_US - 5 * HOUR_US, NOW_US - HOUR_US - MINUTE_US
    assert plan.due([complete(hour_ago_us)], began_us, NOW_US) == ()
    assert plan.due([complete(hour_ago_us - 1)], began_us, NOW_US) == ("calls",)


@pytest.mark.parametrize(
    ("mark", "resumed"),
    [
        (Bookmark("calls"), False),
        (Bookmark("calls", round=1), True),
        (Bookmark("calls", round=2), True),
        (Bookmark("calls", round=2, complete=True), False),
    ],
)
def test_a_round_that_was_begun_and_not_finished_is_resumed(mark: Bookmark, resumed: bool) -> None:
    assert plan.resumed(mark) is resumed


def test_changes_are_looked_for_from_15_minutes_before_a_first_round_and_an_hour_before_a_later_one() -> None:
    first, later = Bookmark("calls", since_us=NOW_US), Bookmark("calls", since_us=NOW_US, fresh_us=NOW_US)
    assert plan.changes_since_us(first) == NOW_US - 15 * MINUTE_US
    assert plan.changes_since_us(later) == NOW_US - 60 * MINUTE_US
    assert plan.changes_since_us(Bookmark("calls", since_us=5)) == 0


def test_a_type_is_fresh_up_to_a_minute_before_its_changes_were_looked_for() -> None:
    assert plan.fresh_us(NOW_US) == NOW_US - MINUTE_US


def test_the_proof_is_due_when_there_is_none_when_it_is_old_or_when_it_is_wished() -> None:
    week_ago = Bookmark("calls", proved_us=NOW_US - 7 * DAY_US)
    assert plan.proof_due(Bookmark("calls"), Wishes(), NOW_US)
    assert not plan.proof_due(week_ago, Wishes(), NOW_US)
    assert plan.proof_due(week_ago, Wishes(), NOW_US + 1)
    assert plan.proof_due(week_ago, Wishes(prove=True), NOW_US - 7 * DAY_US)


@pytest.mark.parametrize(
    ("removed", "records", "too_many"),
    [(20, 0, False), (21, 0, True), (20, 100, False), (21, 400, True), (50, 1000, False), (51, 1000, True)],
)
def test_a_twentieth_and_more_than_twenty_records_are_not_removed_without_a_persons_word(
    removed: int, records: int, too_many: bool
) -> None:
    assert plan.too_many(removed, records, Wishes()) is too_many
    assert not plan.too_many(removed, records, Wishes(accept_deletes=True))


NONE: Kinds = ()
PLAIN: Kinds = (("HUBSPOT_DEFINED", ""),)
PRIMARY: Kinds = (("HUBSPOT_DEFINED", ""), ("HUBSPOT_DEFINED", "Primary"))
DRIVER, DRIVES = (("USER_DEFINED", "Driver"),), (("USER_DEFINED", "Drives"),)


@pytest.mark.parametrize(
    ("there", "back", "sides"),
    [
        (NONE, NONE, Sides.NONE), (PRIMARY, PRIMARY, Sides.EITHER), (PLAIN, NONE, Sides.FIRST),
        (NONE, PLAIN, Sides.SECOND), (PLAIN, PRIMARY, Sides.BOTH), (DRIVER, DRIVES, Sides.BOTH),
        (None, NONE, Sides.BOTH), (NONE, None, Sides.BOTH), (None, None, Sides.BOTH),
    ],
)  # fmt: skip
def test_a_pair_is_read_from_the_side_that_has_types_and_from_both_where_these_are_not_the_same(
    there: Kinds | None, back: Kinds | None, sides: Sides
) -> None:
    assert plan.sides(there, back) is sides


def test_association_types_are_the_same_from_both_sides_whatever_their_ids() -> None:
    there = AssociationType("contacts", "companies", "HUBSPOT_DEFINED", 1, "Primary")
    back = AssociationType("companies", "contacts", "HUBSPOT_DEFINED", 2, "Primary")
    plain = AssociationType("companies", "contacts", "HUBSPOT_DEFINED", 280, None)
    assert plan.kinds([there]) == plan.kinds([back])
    assert plan.kinds([back, plain]) == plan.kinds([plain, back]) == PRIMARY
    assert plan.kinds([plain]) == PLAIN


def test_association_types_are_hubspots_own_where_there_are_some_and_nobody_made_one() -> None:
    assert plan.are_hubspots(PRIMARY)
    assert not plan.are_hubspots((*PRIMARY, *DRIVER))
    assert not plan.are_hubspots(NONE)
    assert not plan.are_hubspots(None)


def test_of_two_sides_an_engagements_own_is_read_and_else_the_one_with_fewer_calls() -> None:
    calls, contacts, deals = (STANDARD.by_name(name) for name in ("calls", "contacts", "deals"))
    assert plan.is_cheaper(calls, contacts, 1_000_000, 1)
    assert not plan.is_cheaper(contacts, calls, 1, 1_000_000)
    assert plan.is_cheaper(contacts, deals, 1000, 1)
    assert not plan.is_cheaper(contacts, deals, 1001, 1000)
    assert plan.is_cheaper(contacts, deals, 1001, 1001)


def test_types_keep_their_order() -> None:
    calls, notes, tasks = (STANDARD.by_name(name) for name in ("calls", "notes", "tasks"))
    assert plan.in_order([calls, notes, tasks], ["tasks", "calls"]) == (calls, tasks)
