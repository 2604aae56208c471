"""How many requests are under way: halved by clusters of failures, one more for each round of answers."""

from __future__ import annotations

import asyncio

from hubdump import marks
from hubdump.extract.slots import Slots
from hubdump.hubspot.in_flight import InFlight
from hubdump.hubspot.window import SECOND_NS
from tests.simulation.loop import VirtualLoop, run

QUICK_NS = SECOND_NS // 5


def test_one_failure_is_chance_and_three_are_a_cluster() -> None:
    bears = InFlight(24)
    bears.failed(0)
    bears.failed(SECOND_NS)
    assert bears.limit == 24
    with marks.heard() as heard:
        bears.failed(2 * SECOND_NS)
    assert (bears.limit, heard["in flight halved"]) == (12, 1)


def test_failures_far_apart_are_no_cluster() -> None:
    bears = InFlight(24)
    for second in range(0, 600, 6):
        bears.failed(second * SECOND_NS)
    assert bears.limit == 24


def test_failures_are_a_cluster_within_ten_seconds_and_what_failed_before_an_outage_is_none() -> None:
    bears = InFlight(24)
    for at_s in (0, 5, 10):
        bears.failed(at_s * SECOND_NS)
    assert bears.limit == 24
    bears.failed(15 * SECOND_NS - 1)
    assert bears.limit == 12
    for at_s in (20, 21):
        bears.failed(at_s * SECOND_NS)
    bears.restart()
    for _ in range(4):
        bears.answered(QUICK_NS, 22 * SECOND_NS)
    assert bears.limit == 5
    bears.failed(22 * SECOND_NS)
    assert bears.limit == 5


def test_what_was_under_way_at_a_halving_does_not_halve_again() -> None:
    bears = InFlight(24)
    for _ in range(24):
        bears.failed(0)
    assert bears.limit == 12


def test_failures_without_end_leave_one() -> None:
    bears = InFlight(24)
    for tenth in range(600):
        bears.failed(tenth * SECOND_NS // 10)
    assert bears.limit == 1


def test_each_round_of_answers_adds_one() -> None:
    bears = InFlight(24)
    for _ in range(3):
        bears.failed(0)
    for _ in range(11):
        bears.answered(QUICK_NS, 0)
    assert bears.limit == 12, "a halving is followed by no jump"
    rounds = 0
    while bears.limit < 24:
        for _ in range(bears.limit):
            bears.answered(QUICK_NS, 0)
        rounds += 1
    assert 12 <= rounds <= 14


def test_slow_answers_count_as_failures() -> None:
    bears = InFlight(24)
    for _ in range(3):
        bears.answered(10 * SECOND_NS, 0)
    assert bears.limit == 24
    for _ in range(3):
        bears.answered(10 * SECOND_NS + 1, 0)
    assert bears.limit == 12


def test_after_an_outage_each_round_doubles() -> None:
    bears = InFlight(24)
    bears.restart()
    limits = []
    for _ in range(6):
        limits.append(bears.limit)
        for _ in range(bears.limit):
            bears.answered(QUICK_NS, 0)
    assert limits == [1, 2, 4, 8, 16, 24]


def test_slots_keep_to_their_limit_and_hand_on_the_turn_of_one_who_was_cancelled() -> None:
    slots = Slots(InFlight(1))

    async def main() -> tuple[bool, bool]:
        await slots.take()
        first, second, third = (asyncio.create_task(slots.take()) for _ in range(3))
        await asyncio.sleep(1)
        slots.free()  # the turn of the first has come, but it is cancelled before it sees it
        first.cancel()
        await asyncio.sleep(1)
        held = second.done(), third.done()
        third.cancel()
        return held

    loop = VirtualLoop()
    assert run(loop, main()) == (True, False)
    loop.close()


def test_when_the_limit_grows_more_of_those_that_wait_may_go() -> None:
    bears = InFlight(8)
    bears.restart()
    slots, most, now = Slots(bears), 0, 0

    async def work() -> None:
        nonlocal most, now
        await slots.take()
        now += 1
        most = max(most, now)
        assert now <= bears.limit
        await asyncio.sleep(1)
        now -= 1
        bears.answered(QUICK_NS, 0)
        slots.free()

    async def main() -> None:
        await asyncio.gather(*(work() for _ in range(40)))

    loop = VirtualLoop()
    run(loop, main())
    assert loop.time() < 9
    loop.close()
    assert most == 8


def test_so_many_are_under_way_as_the_budgets_allow_in_three_times_an_answer() -> None:
    bears = InFlight(24)
    bears.rate_s = 19.0
    for _ in range(19):
        bears.answered(QUICK_NS, 0)
    assert bears.limit == 24, "nothing is known yet"
    bears.answered(QUICK_NS, 0)
    assert bears.limit == 12
    bears.rate_s = 2.0
    assert bears.limit == 4, "so few are never too many"
    bears.rate_s = 0.0
    assert bears.limit == 24


def test_answers_that_become_slower_bring_no_more_under_way_until_they_stay_so() -> None:
    bears, now_ns = InFlight(24), 0
    bears.rate_s = 20.0
    limits = []
    for tenth in range(1800):
        now_ns = tenth * SECOND_NS // 10
        bears.answered(QUICK_NS if tenth < 200 else SECOND_NS, now_ns)
        limits.append(bears.limit)
    assert set(limits[20:600]) == {12}, "slower, and no more for it"
    assert limits[-1] == 24
