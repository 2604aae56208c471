"""Overload and latency: what a busy portal does before any limit is reached, and how long answers take."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from hubdump.sandbox import InProcess, SandboxError
from hubdump.sandbox.latency import Latency

LIST = "/crm/v3/objects/calls"


def steady(per_10_s: int, **options: Any) -> list[int]:
    """The statuses of 2,000 requests at an even rate, once the first ten seconds are over."""
    client = InProcess("tiny", **options)
    statuses = []
    for number in range(per_10_s + 2_000):
        client.now_s = 1_000_000.0 + number * 10 / per_10_s
        statuses.append(client.request("GET", LIST).status)
    return statuses[per_10_s:]


def test_nothing_fails_at_120_requests_in_ten_seconds_and_a_fifth_at_170() -> None:
    assert set(steady(120)) == {200}
    failed = steady(170).count(502) / 2_000
    assert 0.15 < failed < 0.23
    assert 0.04 < steady(145).count(502) / 2_000 < 0.14
    assert set(steady(170, overload=False)) == {200}


def test_the_thresholds_are_those_of_the_tier() -> None:
    assert set(steady(157, tier="addon")) == {200}
    assert set(steady(62, tier="free")) == {200}
    assert 0.15 < steady(89, tier="free").count(502) / 2_000 < 0.23


def test_the_same_seed_fails_the_same_requests() -> None:
    assert steady(170) == steady(170)
    assert steady(170) != steady(170, seed=8)


def test_what_fails_is_the_edges_page_and_is_told_in_the_log() -> None:
    client = InProcess("tiny")
    answers = [client.request("GET", LIST) for _ in range(190)]
    failed = [a for a in answers if a.status == 502]
    assert failed
    assert b"<title>502 Bad Gateway</title>" in failed[0].body
    told = [r for r in client.portal.requests() if r["fault"]]
    assert {(r["fault"], r["status"]) for r in told} == {("overload", 502)}
    assert len(told) == len(failed)


def test_latency_rises_with_load() -> None:
    client = InProcess("tiny", latency=10, overload=True)
    took = []
    for number in range(180):
        client.now_s = began = 1_000_000.0 + number / 1_000
        client.request("GET", LIST)
        took.append(client.now_s - began)
    assert set(map(round, (1_000 * t for t in took[:119]))) == {10}
    assert max(took) > 0.2


def test_latency_is_a_constant_a_range_or_a_distribution_of_the_seed() -> None:
    def drawn(text: str, seed: int = 7) -> list[float]:
        latency = Latency(text, seed)
        return [latency.next_s() for _ in range(4_000)]

    assert set(drawn("100")) == {0.1}
    ranged = drawn("80-300")
    assert 0.08 <= min(ranged) < 0.085
    assert 0.295 < max(ranged) <= 0.3
    spread = drawn("lognormal:100:40")
    assert statistics.mean(spread) == pytest.approx(0.1, rel=0.05)
    assert statistics.stdev(spread) == pytest.approx(0.04, rel=0.1)
    assert drawn("80-300") == ranged
    assert drawn("80-300", 8) != ranged


@pytest.mark.parametrize("text", ["fast", "-5", "80-", "lognormal:0:4", "lognormal:5", "1e3"])
def test_a_latency_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SandboxError, match="latency is"):
        InProcess("tiny", latency=text)
