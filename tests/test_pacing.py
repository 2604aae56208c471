"""The budgets: no rolling window ever holds more than its cap, and none is left unused."""

from __future__ import annotations

import random

import pytest

from hubdump.hubspot.pacing import Budgets
from hubdump.hubspot.window import SECOND_NS, TEN_SECONDS_NS, Window
from hubdump.model import Budget


def fullest(arrivals: list[int], span_ns: int) -> int:
    """The most arrivals in any half-open rolling window of `span_ns`, by brute force."""
    return max(sum(1 for other in arrivals if start <= other < start + span_ns) for start in arrivals)


def drive(budgets: Budgets, budget: Budget, requests: int, seed: int) -> list[int]:
    """Send requests as fast as allowed, ten at once; each arrives somewhere between its send and its answer."""
    chance = random.Random(seed)
    now = 0
    arrivals: list[int] = []
    under_way: list[int] = []
    while len(arrivals) < requests:
        for end in sorted(end for end in under_way if end <= now):
            budgets.answered(budget, end)
            under_way.remove(end)
        wait = budgets.take(budget, now) if len(under_way) < 10 else SECOND_NS // 100
        if wait:
            now += min(wait, SECOND_NS // 50)
            continue
        end = now + chance.randrange(SECOND_NS // 100, 3 * SECOND_NS)
        arrivals.append(chance.randrange(now, end))
        under_way.append(end)
    return arrivals


def test_no_window_holds_more_than_the_number_whatever_the_network_does() -> None:
    for number in (10, 50, 120):
        for seed in range(3):
            budgets = Budgets(number)
            arrivals = drive(budgets, Budget.GENERAL, 400, seed)
            cap = min(number, 95)
            assert fullest(arrivals, TEN_SECONDS_NS) <= cap, (number, seed)
            assert budgets.sent() == {"general": 400, "associations": 0, "search": 0}


def test_search_keeps_to_its_second() -> None:
    arrivals = drive(Budgets(None), Budget.SEARCH, 60, seed=1)
    assert fullest(arrivals, SECOND_NS) <= 4


def test_a_number_bounds_all_budgets_together() -> None:
    budgets = Budgets(6)
    assert budgets.number == 6
    taken = [budget for budget in list(Budget) * 3 if budgets.take(budget, 0) == 0]
    assert len(taken) == 6
    assert {Budget.GENERAL, Budget.ASSOCIATIONS, Budget.SEARCH} == set(taken)


def test_without_a_number_the_budgets_are_counted_apart() -> None:
    budgets = Budgets(None)
    for _ in range(95):
        assert budgets.take(Budget.GENERAL, 0) == 0
    assert budgets.take(Budget.GENERAL, 0) > 0
    assert budgets.take(Budget.ASSOCIATIONS, 0) == 0


def test_a_slot_frees_one_window_after_the_answer_not_after_the_sending() -> None:
    budgets = Budgets(1)
    assert budgets.take(Budget.GENERAL, 0) == 0
    budgets.answered(Budget.GENERAL, 7 * SECOND_NS)
    assert budgets.take(Budget.GENERAL, 11 * SECOND_NS) == 6 * SECOND_NS
    assert budgets.take(Budget.GENERAL, 17 * SECOND_NS) == 0


def test_limits_are_learnt_from_headers_and_the_associations_budget_with_them() -> None:
    budgets = Budgets(None)
    budgets.learn(
        {
            "x-hubspot-ratelimit-max": "190",
            "x-hubspot-ratelimit-interval-milliseconds": "10000",
            "x-hubspot-ratelimit-daily-remaining": "624999",
        }
    )
    assert budgets.daily_remaining == 624999
    assert sum(budgets.take(Budget.GENERAL, 0) == 0 for _ in range(300)) == 180
    assert sum(budgets.take(Budget.ASSOCIATIONS, 0) == 0 for _ in range(300)) == 142


def test_headers_of_another_interval_or_none_change_nothing() -> None:
    budgets = Budgets(None)
    budgets.learn({})
    budgets.learn({"x-hubspot-ratelimit-max": "9", "x-hubspot-ratelimit-interval-milliseconds": "1000"})
    budgets.learn({"x-hubspot-ratelimit-max": "zero", "x-hubspot-ratelimit-interval-milliseconds": "10000"})
    assert sum(budgets.take(Budget.GENERAL, 0) == 0 for _ in range(300)) == 95


def test_a_refusal_pauses_its_own_budget_only() -> None:
    budgets = Budgets(None)
    assert budgets.refused(Budget.GENERAL, 0, 3 * SECOND_NS) == ""
    assert budgets.take(Budget.GENERAL, 0) == 3 * SECOND_NS
    assert budgets.take(Budget.SEARCH, 0) == 0
    assert budgets.take(Budget.GENERAL, 3 * SECOND_NS) == 0


@pytest.mark.parametrize("untils", [(10, 3), (3, 10)])
def test_of_refusals_that_overlap_the_longest_pause_is_kept(untils: tuple[int, int]) -> None:
    budgets = Budgets(None)
    for until in untils:
        budgets.refused(Budget.GENERAL, 0, until * SECOND_NS)
    assert budgets.take(Budget.GENERAL, 4 * SECOND_NS) == 6 * SECOND_NS
    assert budgets.take(Budget.GENERAL, 10 * SECOND_NS) == 0


def test_what_a_number_cost_is_the_time_when_it_alone_held_requests_back() -> None:
    budgets = Budgets(1)
    assert budgets.take(Budget.GENERAL, 0) == 0
    budgets.answered(Budget.GENERAL, 0)
    assert budgets.take(Budget.GENERAL, SECOND_NS) == 9 * SECOND_NS
    assert budgets.take(Budget.ASSOCIATIONS, 2 * SECOND_NS) == 8 * SECOND_NS
    assert budgets.bound_s() == 9.0


MAX_190 = {"x-hubspot-ratelimit-max": "190", "x-hubspot-ratelimit-interval-milliseconds": "10000"}


def sent(budgets: Budgets, budget: Budget, requests: int, now_ns: int = 0) -> int:
    """Send and answer as many as may leave at an instant, at most so many."""
    count = 0
    while count < requests and budgets.take(budget, now_ns) == 0:
        budgets.answered(budget, now_ns)
        count += 1
    return count


def refused(budgets: Budgets, budget: Budget, now_ns: int, policy: str = "TEN_SECONDLY_ROLLING") -> str:
    assert budgets.take(budget, now_ns) == 0
    budgets.answered(budget, now_ns)
    return budgets.refused(budget, now_ns, now_ns + 2 * SECOND_NS, policy)


@pytest.mark.parametrize("budget", [Budget.GENERAL, Budget.ASSOCIATIONS])
def test_a_refusal_that_both_budgets_together_explain_merges_them(budget: Budget) -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    assert (sent(budgets, Budget.GENERAL, 100), sent(budgets, Budget.ASSOCIATIONS, 90)) == (100, 90)
    assert "for associations in the general budget" in refused(budgets, budget, SECOND_NS)
    # Both pause, and what was sent of both is counted in one from now on.
    assert budgets.take(Budget.GENERAL, 2 * SECOND_NS) > 0
    assert budgets.take(Budget.ASSOCIATIONS, 9 * SECOND_NS) == SECOND_NS
    both = sent(budgets, Budget.GENERAL, 300, 30 * SECOND_NS) + sent(
        budgets, Budget.ASSOCIATIONS, 300, 30 * SECOND_NS
    )
    assert both == 180
    assert budgets.sent()["associations"] == 90 + (budget is Budget.ASSOCIATIONS)


def test_a_refusal_that_ours_do_not_explain_merges_nothing_and_three_of_them_yield() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    assert (sent(budgets, Budget.GENERAL, 60), sent(budgets, Budget.ASSOCIATIONS, 60)) == (60, 60)
    assert refused(budgets, Budget.GENERAL, SECOND_NS) == ""
    assert refused(budgets, Budget.GENERAL, 4 * SECOND_NS) == ""
    assert "another app" in refused(budgets, Budget.GENERAL, 7 * SECOND_NS)
    lowered = sent(budgets, Budget.GENERAL, 300, 30 * SECOND_NS)
    assert 0.8 * 90 <= lowered <= 0.9 * 90
    # Two hundredths of the cap come back every ten seconds.
    assert sent(budgets, Budget.GENERAL, 300, 130 * SECOND_NS) - lowered in {35, 36, 37}
    assert sent(budgets, Budget.GENERAL, 300, 1000 * SECOND_NS) == 180
    assert sent(budgets, Budget.ASSOCIATIONS, 300, 30 * SECOND_NS) == 142


def test_a_refusal_now_and_then_is_chance() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    assert [refused(budgets, Budget.GENERAL, tens * 6 * SECOND_NS) for tens in range(20)] == [""] * 20
    assert sent(budgets, Budget.GENERAL, 300, 500 * SECOND_NS) == 180


def test_a_full_log_explains_nothing_by_others_of_ours() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    assert (sent(budgets, Budget.ASSOCIATIONS, 140), sent(budgets, Budget.GENERAL, 100)) == (140, 100)
    assert refused(budgets, Budget.ASSOCIATIONS, SECOND_NS) == ""


def test_a_search_refused_by_the_general_budget_is_counted_in_it() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    assert "for search in the general budget" in refused(budgets, Budget.SEARCH, 0)
    assert sent(budgets, Budget.GENERAL, 300, 30 * SECOND_NS) == 180
    assert budgets.take(Budget.SEARCH, 31 * SECOND_NS) > SECOND_NS


def test_a_search_refused_by_its_own_second_is_not() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    assert refused(budgets, Budget.SEARCH, 0, "") == ""
    assert budgets.take(Budget.GENERAL, SECOND_NS) == 0
    assert budgets.take(Budget.SEARCH, SECOND_NS) == SECOND_NS


def test_what_was_answered_beyond_one_limit_is_never_merged() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    assert (sent(budgets, Budget.GENERAL, 110), sent(budgets, Budget.ASSOCIATIONS, 110)) == (110, 110)
    # Later, what alone would speak for one budget.
    sent(budgets, Budget.GENERAL, 150, 20 * SECOND_NS)
    sent(budgets, Budget.ASSOCIATIONS, 60, 20 * SECOND_NS)
    assert refused(budgets, Budget.GENERAL, 21 * SECOND_NS) == ""


def test_no_window_of_merged_budgets_holds_more_than_the_general_cap() -> None:
    budgets, chance, now, arrivals = Budgets(None), random.Random(3), 0, list[int]()
    under_way: list[tuple[int, Budget]] = []
    sent(budgets, Budget.GENERAL, 50), sent(budgets, Budget.ASSOCIATIONS, 45)
    assert refused(budgets, Budget.ASSOCIATIONS, 0) != ""
    while len(arrivals) < 400:
        now += SECOND_NS // 50
        for one in sorted(one for one in under_way if one[0] <= now):
            budgets.answered(one[1], one[0])
            under_way.remove(one)
        budget = chance.choice((Budget.GENERAL, Budget.ASSOCIATIONS))
        if len(under_way) < 24 and budgets.take(budget, now) == 0:
            end = now + chance.randrange(SECOND_NS // 100, 2 * SECOND_NS)
            arrivals.append(chance.randrange(now, end))
            under_way.append((end, budget))
    assert fullest(arrivals, TEN_SECONDS_NS) <= 95


def test_what_was_concluded_is_not_concluded_again_within_ten_seconds() -> None:
    budgets = Budgets(None)
    assert refused(budgets, Budget.SEARCH, SECOND_NS) != ""
    # What is refused in the next ten seconds was sent before that was known.
    told = [refused(budgets, Budget.GENERAL, s * SECOND_NS) for s in (4, 6, 8, 10, 14, 17, 20, 23, 26, 29)]
    assert told[:6] == [""] * 6
    assert "another app" in told[6]
    assert told[7:] == [""] * 3


def test_both_budgets_pause_where_they_are_one() -> None:
    budgets = Budgets(None)
    assert refused(budgets, Budget.SEARCH, 0) != ""
    budgets.refused(Budget.GENERAL, 20 * SECOND_NS, 25 * SECOND_NS)
    assert budgets.take(Budget.SEARCH, 21 * SECOND_NS) == 4 * SECOND_NS
    assert budgets.take(Budget.ASSOCIATIONS, 21 * SECOND_NS) == 0
    # An earlier end never cuts a pause short.
    budgets.refused(Budget.GENERAL, 22 * SECOND_NS, 23 * SECOND_NS)
    assert budgets.take(Budget.GENERAL, 22 * SECOND_NS) == 3 * SECOND_NS


def test_what_is_refused_of_one_budget_yields_that_budget_only() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    assert sent(budgets, Budget.ASSOCIATIONS, 140) == 140
    told = [refused(budgets, Budget.ASSOCIATIONS, second * SECOND_NS) for second in (11, 14, 17)]
    assert told[:2] == ["", ""]
    assert "keeps the associations budget" in told[2]
    assert sent(budgets, Budget.GENERAL, 300, 40 * SECOND_NS) == 180
    assert sent(budgets, Budget.ASSOCIATIONS, 300, 40 * SECOND_NS) < 100


@pytest.mark.parametrize(
    ("most", "general", "associations"),
    [(100, 95, 95), (110, 104, 95), (150, 142, 95), (250, 237, 190), (10, 9, 9)],
)
def test_the_associations_budget_follows_the_general_limit(
    most: int, general: int, associations: int
) -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190 | {"x-hubspot-ratelimit-max": str(most)})
    assert (sent(budgets, Budget.GENERAL, 300), sent(budgets, Budget.ASSOCIATIONS, 300)) == (
        general,
        associations,
    )
    assert budgets.general_max == most
    budgets.learn(MAX_190 | {"x-hubspot-ratelimit-max": "0"})
    assert budgets.general_max == most


def test_a_window_counts_what_is_under_way_and_what_was_answered_of_another_one_too() -> None:
    one, other = Window(10, TEN_SECONDS_NS), Window(10, TEN_SECONDS_NS)
    for window, answers in ((one, (5, 9)), (other, (3, 7))):
        for _ in range(4):
            window.take()
        for second in answers:
            window.answered(second * SECOND_NS)
    one.absorb(other)
    assert (one.used(10 * SECOND_NS), one.recent(10 * SECOND_NS)) == (8, 4)
    assert [one.recent(second * SECOND_NS) for second in (13, 15, 17, 19)] == [3, 2, 1, 0]


def test_a_window_that_is_lowered_again_is_lowered_from_what_it_regained() -> None:
    window = Window(100, TEN_SECONDS_NS)
    window.lower(0)
    # Nothing was used: half of the cap, less a fifth.
    assert (window.cap_at(0), window.cap_at(50 * SECOND_NS)) == (40, 50)
    window.lower(50 * SECOND_NS)
    assert (window.cap_at(50 * SECOND_NS), window.cap_at(100 * SECOND_NS)) == (20, 30)
    assert window.cap_at(10_000 * SECOND_NS) == 100
    for _ in range(30):
        window.take()
    window.lower(100 * SECOND_NS)
    assert window.cap_at(100 * SECOND_NS) == 24


def test_a_full_window_says_when_its_next_slot_is_free() -> None:
    window = Window(2, TEN_SECONDS_NS)
    for _ in range(2):
        assert window.wait_ns(0) == 0
        window.take()
    assert window.wait_ns(0) == SECOND_NS // 10, "only an answer can free one"
    window.answered(3 * SECOND_NS)
    window.answered(4 * SECOND_NS)
    assert window.wait_ns(5 * SECOND_NS) == 8 * SECOND_NS
    assert window.wait_ns(13 * SECOND_NS) == 0


def test_all_budgets_that_together_explain_a_refusal_are_named() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    for second in range(9):
        assert sent(budgets, Budget.SEARCH, 4, second * SECOND_NS) == 4
    assert (sent(budgets, Budget.GENERAL, 90, 0), sent(budgets, Budget.ASSOCIATIONS, 60, 0)) == (90, 60)
    told = refused(budgets, Budget.GENERAL, 9 * SECOND_NS)
    assert told.startswith("HubSpot counts requests for associations and search in the general budget, too")


def test_what_was_sent_is_told_by_ten_seconds_and_budget_and_what_may_be_sent_beside_it() -> None:
    budgets = Budgets(120)
    budgets.learn(MAX_190)
    assert budgets.timeline() == []
    assert (sent(budgets, Budget.GENERAL, 7), sent(budgets, Budget.SEARCH, 2)) == (7, 2)
    assert sent(budgets, Budget.ASSOCIATIONS, 3, 29 * SECOND_NS) == 3
    assert budgets.timeline() == [{"general": 7, "search": 2}, {}, {"associations": 3}]
    assert budgets.sent() == {"general": 7, "associations": 3, "search": 2}
    assert budgets.limits() == {"general": 120, "associations": 120, "search": 40}
    assert Budgets(None).limits() == {"general": 95, "associations": 95, "search": 40}
