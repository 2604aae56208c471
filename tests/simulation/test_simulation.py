"""Whole extractions on virtual time: the promise holds for every seed, and the same seed is the same story."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubdump.marks import MARKS
from hubdump.sandbox import BELIEFS
from tests.simulation.__main__ import simulated, table
from tests.simulation.life import LIVES
from tests.simulation.scenario import FAR, READABLE, Crash, Scenario, Trouble, scenario_of
from tests.simulation.world import simulate

ROOT = Path(__file__).parent.parent.parent
SEEDS_FEW, SEEDS_MANY = 30, 500
HITS_LEAST = 6
FULL = bool(os.environ.get("HUBDUMP_FULL"))


@pytest.mark.parametrize("seed", range(SEEDS_FEW))
def test_what_was_promised_is_kept(seed: int) -> None:
    outcome = simulate(scenario_of(seed))
    assert not outcome.violations, "\n".join([f"make simulate SEED={seed} COUNT=1", *outcome.story])
    assert outcome.requests > 0


@pytest.mark.prove(seconds=200)
def test_what_was_promised_is_kept_for_very_many_seeds_and_every_rare_branch_is_among_them() -> None:
    tally = simulated(SEEDS_FEW, 20_000 if FULL else SEEDS_MANY, 1)
    assert tally.kinds == {}, "\n".join(table(tally, 0))
    assert tally.sums["crashes"] > SEEDS_MANY // 4
    assert tally.sums["faults"] > SEEDS_MANY
    rare = {name: tally.marks[name] for name in MARKS if tally.marks[name] < HITS_LEAST}
    assert rare == {}, f"hit by fewer than {HITS_LEAST} of {tally.seeds} seeds"


# Scenarios that broke a promise once, as small as they could be made.
FOUND = {
    "two poison records side by side": Scenario(counts=(("notes", 2),), types=("notes",), poisons=2),
    "poison records with good ones between": Scenario(seed=336, counts=(("emails", 7),), types=("emails",), poisons=5),
    "the only record there is is poison": Scenario(counts=(("calls", 1),), poisons=1, give_up_s=900.0),
    "a poison where ids ascend as texts": Scenario(
        seed=248, counts=(("calls", 1),), types=("calls",), beliefs=("list-order=text", "new-ids=anywhere"), poisons=2,
        faults="429=0.0150,500=0.0150,502=0.0150,503=0.0150,cut=0.0150,reset=0.0150,slow=0.0150,garbage=0.0037,"
        "504=0.0037,520=0.0037,524=0.0037", quiet_s=4000.0, life="edits", chances=0.05, number=120, purged=60,
        gaps_s=(700000.0,), ahead_s=-30.0, give_up_s=300.0, gzip=True, accept_deletes=True, prove_within_s=3600.0,
    ),
    "a poison in a busy list": Scenario(seed=204, counts=(("tickets", 284),), types=("tickets",), poisons=1,
                                        in_flight=1, chances=1.0, prove=True),
    "every list begins with a poison": Scenario(counts=(("deals", 2), ("notes", 2)), types=("deals", "notes"),
                                                poisons=4),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_broke_a_promise_once_keeps_it(name: str) -> None:
    outcome = simulate(FOUND[name])
    assert not outcome.violations, "\n".join(outcome.story)
    assert outcome.marks["poison bisect"] > 0


def test_what_hubspot_calculates_between_a_sweep_and_the_end_of_its_round_is_compared() -> None:
    scenario = Scenario(
        seed=44, counts=(("companies", 1), ("deals", 14), ("postal_mail", 59), ("tickets", 3)),
        types=("postal_mail", "deals"), quiet_s=4000.0, chances=0.3, gap_changes=30, latency_ms=(100, 3000),
        beliefs=("search-empty-pages=2", "burst-headers-on-search=yes", "headers-on-associations=yes",
                 "sensitive-without-scope=omitted"),
        faults="429=0.0437,500=0.0437,502=0.0437,503=0.0437,cut=0.0437,reset=0.0437,slow=0.0437,423=0.0109,504=0.0109,"
        "429-general=0.0109,429-search=0.0109", number=None, tier="addon", overload=True,
        crashes=(Crash("request", 1),), rotations=(21,), ahead_s=3600.0, give_up_s=300.0, gzip=True, echo=True,
        associations="all", purged=3, page=5,
    )  # fmt: skip
    outcome = simulate(scenario)
    assert not outcome.violations, "\n".join(outcome.story)
    assert outcome.marks["recalculated"] > 0


def digests(hash_seed: int, count: int) -> list[str]:
    """One digest of requests, events and result for each seed, from a process of its own."""
    code = (
        "from tests.simulation.scenario import scenario_of\nfrom tests.simulation.world import simulate\n"
        f"for seed in range({count}): print(simulate(scenario_of(seed)).digest)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.parametrize("count", [4, pytest.param(20, marks=pytest.mark.prove)])
def test_the_same_seed_is_the_same_story_to_the_last_byte(count: int) -> None:
    first = digests(1, count)
    assert len(set(first)) == count
    assert digests(2, count) == first


BELIEF = st.sampled_from(
    [
        f"{name}={value}"
        for name, belief in BELIEFS.items()
        for value in sorted({*belief.values, belief.worst} - {belief.default})
    ]
)
TYPES = st.lists(st.sampled_from(READABLE), min_size=1, max_size=3, unique=True).map(tuple)
CRASHES = st.builds(Crash, st.sampled_from(["statement", "request", "answer"]), st.integers(1, 400))
TROUBLES = st.builds(
    Trouble, st.floats(0, 5), st.sampled_from([5.0, 900.0]), st.sampled_from(["", "/search", "/batch/read"])
)
SCENARIOS = st.builds(
    Scenario,
    seed=st.integers(0, 999),
    counts=st.dictionaries(st.sampled_from([*READABLE, *FAR]), st.integers(0, 130), max_size=4).map(
        lambda counts: tuple(sorted(counts.items()))
    ),
    types=TYPES,
    beliefs=st.lists(BELIEF, max_size=3).map(tuple),
    faults=st.sampled_from(["none", "many", "hostile"]),
    troubles=st.lists(TROUBLES, max_size=2).map(tuple),
    life=st.sampled_from(sorted(LIVES)),
    chances=st.sampled_from([0.0, 0.3, 1.0]),
    gap_changes=st.integers(0, 20),
    in_flight=st.sampled_from([1, 4, 24]),
    number=st.sampled_from([None, 5, 120]),
    gaps_s=st.lists(st.sampled_from([1.0, 3600.0, 700_000.0]), max_size=2).map(tuple),
    crashes=st.lists(CRASHES, max_size=3).map(tuple),
)


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(SCENARIOS)
def test_no_scenario_that_anybody_can_think_of_breaks_it(scenario: Scenario) -> None:
    outcome = simulate(scenario)
    assert not outcome.violations, "\n".join([repr(scenario), *outcome.story])


@pytest.mark.prove
@settings(
    max_examples=2000 if FULL else 300,
    deadline=None,
    derandomize=not FULL,  # a proof says the same tomorrow; a hunt does not
    suppress_health_check=list(HealthCheck),
)
@given(SCENARIOS)
def test_no_scenario_of_hundreds_breaks_it(scenario: Scenario) -> None:
    outcome = simulate(scenario)
    assert not outcome.violations, "\n".join([repr(scenario), *outcome.story])
