"""An outage is waited out by one request at a time, and a broken record is told from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hubdump import marks
from hubdump.clock import instant_text
from hubdump.errors import Poison, Stopped
from hubdump.events import RetryScheduled
from hubdump.hubspot.outages import Outages
from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Budget, Request, Response
from tests.crowds import ACCOUNT, BROKEN, LATENCY_S, TYPES, Crowd, Fault, batch, lists, pairs, searches
from tests.worlds import answer

BEGIN_S = 20.0
GENERAL, ASSOCIATIONS = (Budget.GENERAL,), (Budget.ASSOCIATIONS,)


def out(seconds: float, part: Callable[[Request[Any]], bool] = lambda _: True) -> Fault:
    """Everything of a part fails for so long, from BEGIN_S on."""

    def fault(request: Request[Any], at_s: float) -> Response | None:
        return BROKEN if BEGIN_S <= at_s < BEGIN_S + seconds and part(request) else None

    return fault


def everything(crowd: Crowd, until_s: float) -> list[Any]:
    """Thirty walks of all kinds, each to its end."""
    kinds = (lists, lists, batch, pairs, pairs, searches)
    return crowd.run(*(crowd.walk(kind, name, until_s) for kind in kinds for name in TYPES))


@pytest.mark.parametrize("seconds", [60, 900, 3000])
def test_an_outage_costs_a_call_now_and_then_and_nothing_is_lost(seconds: int) -> None:
    crowd, end_s = Crowd(out(seconds)), BEGIN_S + seconds
    with marks.heard() as heard:
        ends = everything(crowd, end_s + 30)
    assert all(came == list(range(1, len(came) + 1)) and came for came in ends), ends
    # What was under way before the first failures came back could not know better: at most 24.
    assert crowd.failed(since_s=BEGIN_S + 1) <= 0.4 * seconds
    assert crowd.failed() <= 0.4 * seconds + 24
    assert crowd.answered(end_s, end_s + 10, GENERAL) >= 0.8 * 180
    assert crowd.answered(end_s, end_s + 10, ASSOCIATIONS) >= 0.8 * 142
    assert heard["outage ended"] == 1
    assert heard["outage probe"] > seconds / 5


def test_after_an_outage_requests_come_back_a_few_at_a_time() -> None:
    crowd = Crowd(out(60))
    everything(crowd, BEGIN_S + 90)
    back_s = min(at_s for at_s, _, fine in crowd.arrived if fine and at_s > BEGIN_S)
    first = [at_s for at_s, _, _ in crowd.arrived if back_s <= at_s <= back_s + 3 * LATENCY_S]
    assert len(first) <= 1 + 1 + 2 + 4
    assert crowd.most_under_way == 24


def is_list(request: Request[Any]) -> bool:
    return request.method == "GET"


def test_when_all_lists_are_out_they_alone_wait_and_none_is_taken_for_poison() -> None:
    crowd, end_s = Crowd(out(300, is_list)), BEGIN_S + 300
    ends = everything(crowd, end_s + 20)
    assert all(isinstance(came, list) for came in ends), ends
    assert crowd.failed(since_s=BEGIN_S + 1) <= 0.4 * 300
    # Associations and batch reads go on as fast as their budgets let them.
    assert crowd.answered(BEGIN_S + 50, BEGIN_S + 250, ASSOCIATIONS) >= 0.9 * 142 * 20
    back = [at_s for at_s, r, fine in crowd.arrived if is_list(r) and fine and end_s <= at_s < end_s + 10]
    assert len(back) >= 40


def test_when_nothing_but_lists_is_asked_for_account_details_do_not_end_their_outage() -> None:
    crowd = Crowd(out(900, lambda request: "/crm/objects" in request.template))
    ends = crowd.run(*(crowd.walk(lists, name, BEGIN_S + 920) for name in TYPES for _ in range(4)))
    assert all(isinstance(came, list) for came in ends), ends
    assert crowd.failed(since_s=BEGIN_S + 1) <= 0.4 * 900


def test_when_one_path_is_out_its_walks_wait_for_it() -> None:
    crowd = Crowd(out(200, lambda request: request.template.endswith("/calls")))
    ends = everything(crowd, BEGIN_S + 220)
    assert all(isinstance(came, list) for came in ends), ends
    assert crowd.failed() <= 0.4 * 200


def test_an_outage_of_three_kinds_by_turns_ends_for_each_as_it_comes_back() -> None:
    ends_s = {"GET": 100.0, "batch/read": 200.0, "search": 300.0}

    def fault(request: Request[Any], at_s: float) -> Response | None:
        end_s = next(s for kind, s in ends_s.items() if kind in request.method + request.template)
        return BROKEN if BEGIN_S <= at_s < end_s else None

    crowd = Crowd(fault)
    ends = everything(crowd, 320)
    assert all(isinstance(came, list) for came in ends), ends
    for kind, end_s in ends_s.items():
        back = [
            at_s for at_s, r, fine in crowd.arrived if fine and at_s > end_s and kind in r.method + r.template
        ]
        assert min(back) < end_s + 10, kind


def test_patience_ends_with_everything_kept_after_an_hour_of_outage() -> None:
    crowd = Crowd(out(9000))
    stopped = everything(crowd, 5000)[0]
    assert isinstance(stopped, Stopped)
    assert "Everything committed is kept" in stopped.message
    first_s = min(at_s for at_s, _, _ in crowd.arrived if at_s >= BEGIN_S)
    gave_up_s = next(event for event in crowd.told if isinstance(event, RetryScheduled)).until
    assert gave_up_s == instant_text(int((crowd.start_s + first_s + LATENCY_S + 3600) * 1_000_000))


def test_an_outage_before_the_first_answer_is_waited_out_as_well() -> None:
    crowd = Crowd(lambda _, at_s: NoAnswer("no connection to api.hubapi.com") if at_s < 300 else None)
    (came,) = crowd.run(crowd.walk(lists, "calls", 360))
    assert came == list(range(1, len(came) + 1))
    assert len(came) > 20
    assert crowd.failed() <= 0.4 * 300


def poisoned(*requests: Request[Any], reply: Response | NoAnswer = BROKEN) -> Fault:
    """Requests that can never be answered."""
    return lambda request, _: reply if request in requests else None


BAD = lists("calls", 3)


@pytest.mark.parametrize("reply", [BROKEN, NoAnswer("reset"), answer([1, 2])])
def test_a_request_that_fails_six_times_while_others_like_it_succeed_is_poison(
    reply: Response | NoAnswer,
) -> None:
    crowd = Crowd(poisoned(BAD, reply=reply))
    with marks.heard() as heard:
        *others, end = crowd.run(
            *(crowd.walk(later, "calls", 120) for _ in range(3)), crowd.exchange.ask(BAD)
        )
    assert isinstance(end, Poison)
    assert end.status == (500 if reply is BROKEN else 0)
    assert BAD.template in end.message
    assert sum(request == BAD for _, request, _ in crowd.arrived) == 6
    assert all(len(came) > 100 for came in others)
    assert (heard["poison found"], heard["witness asked"]) == (1, 0)


def later(name: str, number: int) -> Request[Any]:
    return lists(name, 1000 + number)


def test_alone_it_is_poison_once_a_witness_was_answered() -> None:
    crowd = Crowd(poisoned(BAD))
    with marks.heard() as heard:
        (end,) = crowd.run(crowd.exchange.ask(BAD))
    assert isinstance(end, Poison)
    assert sum(request == BAD for _, request, _ in crowd.arrived) == 6
    assert heard["poison found"] == 1
    assert 1 <= heard["witness asked"] + heard["outage probe"] <= 3
    assert crowd.now_s < 120


def test_several_poisons_alone_are_not_an_outage_of_their_kind() -> None:
    bad = [lists(name, 3) for name in TYPES]
    crowd = Crowd(poisoned(*bad))
    ends = crowd.run(crowd.exchange.ask(lists("calls", 1)), *(crowd.exchange.ask(one) for one in bad))
    assert all(isinstance(end, Poison) for end in ends[1:]), ends
    assert crowd.now_s < 300
    assert all(sum(request == one for _, request, _ in crowd.arrived) <= 8 for one in bad)


def test_a_request_that_looks_for_the_record_in_a_poison_needs_fewer_failures() -> None:
    small = batch("calls", 7, failures_max=2)
    crowd = Crowd(poisoned(small))
    (end,) = crowd.run(crowd.exchange.ask(small))
    assert isinstance(end, Poison)
    assert sum(request == small for _, request, _ in crowd.arrived) == 2
    assert crowd.now_s < 5


def test_requests_that_look_for_a_broken_record_make_no_outage_of_their_path() -> None:
    outages, looked = Outages(), later("looked for", 1)
    for narrowed in (True, False):
        outages.answered(later("looked for", 2), 0, whole=True)
        for number in range(3, 9):
            outages.failed(replace(looked, path=f"{looked.path}/{number}", narrowed=narrowed), number)
        assert (outages.out(looked) is None) is narrowed


def test_a_witness_that_fails_as_well_says_outage_and_not_poison() -> None:
    crowd = Crowd(out(100, lambda request: request.template.endswith("/calls")))
    small = lists("calls", 9, failures_max=2)

    async def during() -> Any:
        await crowd.clock.sleep(BEGIN_S + 1)
        return await crowd.exchange.ask(small)

    came, answered = crowd.run(crowd.walk(lists, "calls", BEGIN_S - 1), during())
    assert len(came) > 50
    assert answered.content == {}


@pytest.mark.parametrize("status", [429, 423])
def test_what_says_wait_or_locked_never_makes_poison(status: int) -> None:
    crowd = Crowd(poisoned(BAD, reply=answer({"message": "wait"}, status)), give_up_after_s=600)
    *_, end = crowd.run(crowd.walk(later, "calls", 120), crowd.exchange.ask(BAD))
    assert isinstance(end, Stopped)
    assert sum(request == BAD for _, request, _ in crowd.arrived) > 10


def test_max_retries_stops_before_poison_is_thought_of() -> None:
    crowd = Crowd(poisoned(BAD), failures_max=4)
    *_, end = crowd.run(crowd.walk(later, "calls", 60), crowd.exchange.ask(BAD))
    assert isinstance(end, Stopped)
    assert "MAX_RETRIES is 4" in end.message


def test_failures_of_an_outage_are_not_held_against_a_request() -> None:
    outage, late = out(300), lists("calls", 999)

    def fault(request: Request[Any], at_s: float) -> Response | NoAnswer | None:
        # Last of all comes back what was asked for again and again meanwhile.
        return BROKEN if request == late and at_s < BEGIN_S + 315 else outage(request, at_s)

    async def during() -> Any:
        await crowd.clock.sleep(BEGIN_S + 1)
        return await crowd.exchange.ask(late)

    crowd = Crowd(fault)
    _, answered = crowd.run(crowd.walk(lists, "calls", BEGIN_S - 1), during())
    assert answered.content == {}
    assert sum(request == late for _, request, _ in crowd.arrived) > 20


def test_a_witness_that_breaks_meanwhile_does_not_make_an_outage_endless() -> None:
    outage = out(60)
    crowd = Crowd(lambda r, at_s: BROKEN if r == ACCOUNT and at_s > BEGIN_S else outage(r, at_s))
    everything(crowd, BEGIN_S + 80)
    back_s = min(at_s for at_s, _, fine in crowd.arrived if fine and at_s > BEGIN_S)
    assert back_s < BEGIN_S + 60 + 10


def test_what_waits_in_line_when_an_outage_begins_is_not_sent() -> None:
    crowd = Crowd(out(60))
    crowd.run(*(crowd.walk(lists, name, BEGIN_S + 70) for name in TYPES for _ in range(20)))
    assert 0 < crowd.failed() <= 24 + 0.4 * 60


def test_three_failures_in_a_row_begin_an_outage_and_one_answer_ends_it() -> None:
    outages = Outages()
    outages.answered(lists("calls", 1), 0, whole=True)
    for number in range(2):
        outages.failed(lists("calls", 2), 10 + number)
    assert outages.out(lists("calls", 2)) is None
    outages.failed(lists("calls", 2), 12)
    assert outages.out(lists("calls", 2)) == ()
    assert (outages.since_ns((), 99), outages.wait_ns((), 5), outages.wait_ns((), 12)) == (12, 7, 0)
    outages.answered(lists("calls", 2), 20, whole=False)
    assert outages.out(lists("calls", 2)) is None
    assert outages.since_ns((), 99) == 99


def test_what_was_answered_before_and_what_waits_probe_in_turn_and_every_few_seconds() -> None:
    outages, good, bad = Outages(), lists("calls", 1), lists("calls", 2)
    outages.answered(good, 0, whole=True)
    for _ in range(3):
        outages.failed(bad, 0)
    probed = []
    for chance, least_s in ((0.0, 0.75), (0.5, 1.0), (1.0, 1.25)):
        probed.append(outages.probe((), bad, 1000, chance))
        assert outages.wait_ns((), 1000) == int(least_s * 3.5 * 10**9)
    assert probed == [good, bad, good]
    assert outages.answered(good, 2000, whole=True), "the end of an outage that was probed more than once"
    assert not outages.answered(good, 2001, whole=True)
    for _ in range(3):
        outages.failed(bad, 3000)
    assert outages.wait_ns((), 3000) == 0
    assert outages.probe((), bad, 3000, 0.5) == good, "a new outage is probed as the first one was"
    assert not outages.answered(good, 4000, whole=True)
    for _ in range(3):
        outages.failed(bad, 5000)
    assert [outages.probe((), bad, 5000, 0.5) for _ in range(2)] == [good, bad]
    assert outages.answered(bad, 6000, whole=True)
    form = replace(bad, form=True)
    assert [outages.probe((), form, 0, 0.5) for _ in range(2)] == [form] * 2, "a token is for itself alone"


def test_only_an_answer_of_the_same_path_says_that_others_succeed() -> None:
    outages = Outages()
    outages.answered(lists("emails", 1), 50, whole=True)
    assert not outages.answered_since(lists("calls", 1), 0)
    outages.answered(lists("calls", 1), 60, whole=False)
    assert outages.answered_since(lists("calls", 2), 59)
    assert not outages.answered_since(lists("calls", 2), 60)


def test_a_witness_is_as_much_like_the_request_as_there_is_and_never_the_request() -> None:
    outages = Outages()
    assert outages.witness(lists("calls", 1)) is None
    outages.answered(ACCOUNT, 0, whole=True)
    outages.answered(lists("emails", 1), 0, whole=False)
    assert outages.witness(lists("calls", 1)) == ACCOUNT
    outages.answered(lists("emails", 2), 0, whole=True)
    assert outages.witness(lists("calls", 1)) == lists("emails", 2)
    outages.answered(lists("calls", 3), 0, whole=True)
    assert outages.witness(lists("calls", 1)) == lists("calls", 3)
    assert outages.witness(lists("calls", 3)) == lists("emails", 2)
