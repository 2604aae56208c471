"""HubSpot's limits: a share of them, changes in mid-run, what is left to others, what an overloaded HubSpot bears."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hubdump import marks, settings
from hubdump.errors import Stopped, UsageError
from hubdump.hubspot.others import STILL, Others
from hubdump.hubspot.pacing import Budgets
from hubdump.hubspot.window import SECOND_NS, TEN_SECONDS_NS, Window
from hubdump.model import Budget, Request, Response
from hubdump.sandbox.config import Tier
from tests.test_exchange import API, CALLS, World
from tests.test_pacing import MAX_190, fullest, refused, sent
from tests.test_shared_budgets import LISTS, PAIRS, Portal
from tests.worlds import answer, page

DAILY = {"x-hubspot-ratelimit-daily": "1000", "x-hubspot-ratelimit-daily-remaining": "53"}


def told(remaining: int) -> dict[str, str]:
    return MAX_190 | {"x-hubspot-ratelimit-remaining": str(remaining)}


# Shares


@pytest.mark.parametrize(
    ("share", "general", "associations"), [(0.8, 152, 120), (1.0, 190, 150), (0.001, 1, 1)]
)
def test_a_share_of_hubspots_limits_is_taken_once(share: float, general: int, associations: int) -> None:
    budgets = Budgets(None, share)
    budgets.learn(MAX_190)
    budgets.learn(MAX_190)
    assert sent(budgets, Budget.GENERAL, 300) == general
    assert sent(budgets, Budget.ASSOCIATIONS, 300) == associations


def test_no_share_is_taken_of_the_users_number() -> None:
    budgets = Budgets(100, 0.6)
    budgets.learn(MAX_190)
    assert sent(budgets, Budget.GENERAL, 300) == 100


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("HUBDUMP_SHARE", "1.2", "a number from 0.01 to 1"),
        ("HUBDUMP_SHARE", "0", "a number from 0.01 to 1"),
        ("HUBDUMP_SHARE", "nan", "a number from 0.01 to 1"),
        ("HUBDUMP_SHARE", "all", "a number from 0.01 to 1"),
        ("HUBDUMP_DAILY_RESERVE", "-1", "a whole number of requests"),
        ("HUBDUMP_DAILY_RESERVE", "2.5", "a whole number of requests"),
    ],
)
def test_what_is_no_share_and_no_reserve_is_refused(name: str, value: str, rule: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is '{value}', but must be: {rule}"):
        settings.load(**{name: value})


def test_share_and_reserve_come_from_the_settings_file(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hubdump.toml").write_text("share = 0.5\ndaily_reserve = 9\n", "utf-8")
    found = settings.load()
    assert (found.share, found.daily_reserve) == (0.5, 9)


# Limits that change


class Changing(Portal):
    """A HubSpot whose portal has another tier from some second on."""

    def __init__(self, *changes: tuple[float, str]) -> None:
        super().__init__(travel_s=(0.02, 0.3))
        self._changes = list(changes)

    def _asked(self, request: Request[Any], token: str) -> Response:
        while self._changes and self.loop.time() >= self._changes[0][0]:
            self.sandbox.portal.change_tier(self._changes.pop(0)[1])
        return super()._asked(request, token)

    def arrivals(self, from_s: float, to_s: float) -> list[int]:
        return [int(at_s * SECOND_NS) for at_s, _, _ in self.came if from_s <= at_s < to_s]


def test_a_limit_that_falls_in_mid_run_is_kept_from_the_next_answer_on_and_one_that_rises_is_used() -> None:
    portal = Changing((11, "free"), (40, "addon"))
    portal.busy(65, asked=[LISTS] * 3)
    assert fullest(portal.arrivals(0, 11), TEN_SECONDS_NS) > 170
    # More than the new limit had come in the last ten seconds: what was under way is refused, and nothing else.
    at_the_fall = portal.statuses(11, 11.6)[429]
    assert 0 < at_the_fall == portal.statuses(0, 65)[429] <= 24
    assert fullest(portal.arrivals(11.6, 40), TEN_SECONDS_NS) <= 95
    assert len(portal.arrivals(25, 40)) >= 80
    assert 220 <= fullest(portal.arrivals(40, 65), TEN_SECONDS_NS) <= 237


def test_what_was_answered_before_the_limit_fell_says_nothing_of_budgets_apart() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    assert (sent(budgets, Budget.GENERAL, 100), sent(budgets, Budget.ASSOCIATIONS, 80)) == (100, 80)
    budgets.learn(MAX_190 | {"x-hubspot-ratelimit-max": "100"}, now_ns=SECOND_NS)
    assert sent(budgets, Budget.ASSOCIATIONS, 10, SECOND_NS) == 10
    sent(budgets, Budget.GENERAL, 60, 20 * SECOND_NS)
    sent(budgets, Budget.ASSOCIATIONS, 40, 20 * SECOND_NS)
    assert "for associations in the general budget" in refused(budgets, Budget.GENERAL, 21 * SECOND_NS)


def test_a_limit_of_the_associations_own_is_theirs_alone() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    budgets.learn(MAX_190 | {"x-hubspot-ratelimit-max": "120"}, Budget.ASSOCIATIONS)
    budgets.learn(MAX_190)
    assert (sent(budgets, Budget.GENERAL, 300), sent(budgets, Budget.ASSOCIATIONS, 300)) == (180, 114)


def test_a_general_limit_that_an_answer_of_associations_tells_first_is_not_theirs() -> None:
    budgets = Budgets(None)
    budgets.learn(MAX_190)
    raised = MAX_190 | {"x-hubspot-ratelimit-max": "250"}
    budgets.learn(raised, Budget.ASSOCIATIONS)
    budgets.learn(raised)
    assert (sent(budgets, Budget.GENERAL, 300), sent(budgets, Budget.ASSOCIATIONS, 300)) == (237, 190)


# The day


def test_what_is_under_way_counts_against_the_reserve() -> None:
    budgets = Budgets(None, reserve=50)
    for _ in range(3):
        assert not budgets.reserved(Budget.GENERAL)
        assert budgets.take(Budget.GENERAL, 0) == 0
    budgets.learn(DAILY)  # 53 remain, two of three under way may not be counted in them
    assert not budgets.reserved(Budget.GENERAL)
    assert budgets.take(Budget.GENERAL, 0) == 0
    assert budgets.reserved(Budget.GENERAL)
    assert budgets.reserved(Budget.ASSOCIATIONS)
    for _ in range(4):
        budgets.answered(Budget.GENERAL, 0)
    assert budgets.reserved(Budget.GENERAL), "an answer gives nothing back of a day"


def test_an_answer_that_was_overtaken_gives_nothing_back_and_a_new_day_does() -> None:
    budgets = Budgets(None, reserve=50)
    budgets.learn(DAILY | {"x-hubspot-ratelimit-daily-remaining": "40"})
    budgets.learn(DAILY | {"x-hubspot-ratelimit-daily-remaining": "60"})
    assert budgets.reserved(Budget.GENERAL)
    budgets.learn({"x-hubspot-ratelimit-daily": "250000", "x-hubspot-ratelimit-daily-remaining": "249999"})
    assert not budgets.reserved(Budget.GENERAL)
    assert budgets.daily_left() == 249_949


def test_a_day_of_the_associations_own_ends_associations_alone() -> None:
    budgets = Budgets(None, reserve=50)
    budgets.learn({"x-hubspot-ratelimit-daily": "625000", "x-hubspot-ratelimit-daily-remaining": "9000"})
    budgets.learn(
        {"x-hubspot-ratelimit-daily": "500000", "x-hubspot-ratelimit-daily-remaining": "50"},
        Budget.ASSOCIATIONS,
    )
    assert budgets.reserved(Budget.ASSOCIATIONS)
    assert not budgets.reserved(Budget.GENERAL)
    assert (budgets.daily_max, budgets.daily_remaining) == (625_000, 9000)


def test_without_a_reserve_the_day_is_used_up() -> None:
    budgets = Budgets(None)
    budgets.learn(DAILY | {"x-hubspot-ratelimit-daily-remaining": "0"})
    assert not budgets.reserved(Budget.GENERAL)


def test_a_reserve_stops_before_anything_is_sent_and_says_when_to_go_on() -> None:
    good = answer(page([7]))
    last = Response(good.status, dict(good.headers) | DAILY, good.body)
    world = World(last, good, budgets=Budgets(None, reserve=53))
    world.ask()
    with pytest.raises(Stopped, match="left to others: 53 requests") as stopped:
        world.ask()
    assert "midnight in the account's time zone" in stopped.value.hint
    assert len(world.script.sent) == 1


def test_a_reserve_is_kept_whatever_is_under_way() -> None:
    portal = Portal(limits=Tier(190, 150, daily=1000), budgets=Budgets(None, reserve=600))
    ends = portal.busy(600)
    assert any(isinstance(end, Stopped) for end in ends)
    # 600 are there when all have come home, and no more than those under way besides.
    assert 400 - 24 <= len(portal.came) <= 400


# Others


def test_what_remains_tells_of_others_before_anything_is_refused() -> None:
    budgets = Budgets(None)
    notes = {}
    for half in range(22):
        now_ns = half * SECOND_NS // 2
        assert budgets.take(Budget.GENERAL, now_ns) == 0
        notes[half / 2] = budgets.learn(told(190 - min(half + 1, 20) - 60), now_ns=now_ns)
        budgets.answered(Budget.GENERAL, now_ns)
    # Of the first ten seconds nobody knows whether it was a run of ours, just before.
    assert {text for at_s, text in notes.items() if at_s <= 10} == {""}
    assert notes[10.5] == "Another app uses HubSpot's general budget, too: hubdump leaves it what it takes."
    taken = 0
    for hundredth in range(1100, 1200):
        taken += sent(budgets, Budget.GENERAL, 1, hundredth * SECOND_NS // 100)
    # Evenly, and less than the share by what others use.
    assert 11 <= taken <= 13
    # Once HubSpot has said nothing of it for five seconds, nothing is left to them.
    assert sent(budgets, Budget.GENERAL, 300, 40 * SECOND_NS) == 180


@pytest.mark.parametrize("jumps", [(), pytest.param(("remaining-jumps=yes",), marks=pytest.mark.prove)])
def test_another_app_that_takes_a_third_is_left_its_third(jumps: tuple[str, ...]) -> None:
    portal = Portal(*jumps)
    portal.busy(80, portal._other_app(0.158, 0, 80, portal.sandbox.portal.token), asked=[LISTS])
    came = portal.statuses(30, 80)
    assert "hubdump leaves it what it takes" in "".join(portal.noted)
    assert came[429] <= 0.001 * came[200], came
    assert 110 <= came[200] / 5 <= 127


@pytest.mark.parametrize("jumps", [(), pytest.param(("remaining-jumps=yes",), marks=pytest.mark.prove)])
def test_alone_nothing_is_left_to_others(jumps: tuple[str, ...]) -> None:
    portal = Portal(*jumps)
    portal.busy(25, asked=[LISTS, PAIRS])
    assert portal.noted == []
    assert portal.statuses(0, 25).keys() == {200}


def test_what_remains_is_not_believed_where_it_stands_still() -> None:
    others = Others()
    for at in range(STILL):
        others.heard(190, 0, 20, at * SECOND_NS // 10)
    assert others.used(190, 3 * SECOND_NS) == 126, "two thirds at the most"
    others.heard(190, 0, 20, 3 * SECOND_NS)
    assert others.used(190, 3 * SECOND_NS) == 0


def test_that_nothing_remains_is_believed_where_requests_are_refused() -> None:
    others = Others()
    for at in range(5 * STILL):
        others.heard(190, 0, 20, at * SECOND_NS // 10)
        if at % 10 == 0:
            others.refused()
    assert others.used(190, 15 * SECOND_NS) == 126


def test_what_remained_long_ago_tells_nothing() -> None:
    others = Others()
    for at in range(20):
        others.heard(190, at % 3, 100, at)
    assert others.used(190, SECOND_NS) == 90
    assert others.used(190, 6 * SECOND_NS) == 0


def test_what_remains_where_there_is_no_such_number_tells_nothing() -> None:
    others = Others()
    for remaining in [-1, 191, 10_000] * 5:
        others.heard(190, remaining, 0, 0)
    assert others.used(190, 0) == 0


# A HubSpot that has too much to do


def test_two_failures_within_ten_seconds_ease_a_window_and_one_does_not() -> None:
    window = Window(100, TEN_SECONDS_NS)
    assert not window.failed(0)
    assert not window.failed(10 * SECOND_NS)
    assert window.cap_at(10 * SECOND_NS) == 100
    assert window.failed(11 * SECOND_NS)
    assert window.cap_at(11 * SECOND_NS) == 80


def test_an_eased_window_is_eased_by_each_failure_but_not_by_what_was_sent_before() -> None:
    window = Window(100, TEN_SECONDS_NS)
    window.failed(0), window.failed(1)
    assert not window.failed(SECOND_NS)
    assert window.failed(3 * SECOND_NS)
    assert window.cap_at(3 * SECOND_NS) == 76
    for second in range(5, 200, 2):
        window.failed(second * SECOND_NS)
    assert window.cap_at(199 * SECOND_NS) == 40, "never below two fifths"
    assert window.cap_at(400 * SECOND_NS) == 80, "two hundredths come back every ten seconds"


def test_after_an_outage_nothing_is_eased() -> None:
    budgets = Budgets(None)
    for second in range(0, 30, 3):
        budgets.failed(Budget.GENERAL, second * SECOND_NS)
    assert sent(budgets, Budget.GENERAL, 300, 30 * SECOND_NS) < 95
    budgets.restore()
    assert sent(budgets, Budget.GENERAL, 300, 60 * SECOND_NS) == 95


def test_each_budget_is_eased_by_its_own_failures() -> None:
    budgets = Budgets(None)
    for second in (0, 1):
        budgets.failed(Budget.ASSOCIATIONS, second * SECOND_NS)
    assert sent(budgets, Budget.GENERAL, 300, 2 * SECOND_NS) == 95
    assert sent(budgets, Budget.ASSOCIATIONS, 300, 2 * SECOND_NS) == 76


def overloaded(number: int | None = None, **adapting: Any) -> tuple[float, float]:
    """Good answers in 10 s, and the share that fails, of a HubSpot that fails by its load."""
    with pytest.MonkeyPatch.context() as patch:
        for name, instead in adapting.items():
            patch.setattr(Budgets, name, instead)
        portal = Portal(overload=True, travel_s=(0.05, 0.05), number=number)
        portal.busy(120, asked=[LISTS] * 3)
    came = portal.statuses(0, 120)
    return came[200] / 12, came[502] / came.total()


def test_an_overloaded_hubspot_fails_less_than_one_request_in_a_hundred() -> None:
    with marks.heard() as heard:
        good, failed = overloaded()
    assert heard["budget eased"] >= 1
    assert failed < 0.01
    assert good > 130


@pytest.mark.prove(seconds=10)
def test_of_an_overloaded_hubspot_comes_what_comes_at_the_best_fixed_rate_that_fails_as_little() -> None:
    fixed = [overloaded(number, failed=lambda *_: None) for number in (130, 140, 150, None)]
    best = max(good for good, failed in fixed if failed < 0.01)
    good, failed = overloaded()
    assert fixed[-1][1] > 3 * failed, "who sends all that is allowed fails more often"
    assert failed < 0.01
    assert good >= 0.95 * best


def test_what_waits_while_a_run_is_stopped_by_its_reserve_is_sent_by_nobody() -> None:
    world = World(budgets=Budgets(None, reserve=60))
    world.exchange._sender._budgets.learn(DAILY)

    async def main() -> list[object]:
        asked = (world.exchange.ask(API.list(CALLS, ["x"], str(n))) for n in range(30))
        return list(await asyncio.gather(*asked, return_exceptions=True))

    assert {type(end) for end in asyncio.run(main())} == {Stopped}
    assert world.script.sent == []
