"""Weeks of a living portal: after every one of twenty runs the dump is the portal, or the run names what is not."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.simulation import seam
from tests.simulation.__main__ import simulated, table
from tests.simulation.seam import HeldRecord, HeldType
from tests.simulation.weeks import LATER, RUNS, week_of
from tests.simulation.world import simulate

FULL = bool(os.environ.get("HUBDUMP_FULL"))
SEEDS = 300 if FULL else 30
HITS_LEAST = 20


@pytest.mark.parametrize("seed", [2, 8])
def test_after_every_run_of_some_weeks_the_dump_is_the_portal(seed: int) -> None:
    outcome = simulate(week_of(seed))
    assert not outcome.violations, "\n".join([f"make simulate SEED={seed} WEEKS=1", *outcome.story])
    assert outcome.runs == RUNS
    assert outcome.changes > 10


@pytest.mark.prove(seconds=45)
def test_after_every_run_of_many_weeks_the_dump_is_the_portal() -> None:
    tally = simulated(0, SEEDS, 1, week_of)
    assert tally.kinds == {}, "\n".join(table(tally, 0))
    assert tally.sums["runs"] == SEEDS * RUNS
    assert tally.ends["incomplete"] < tally.ends["complete"] / 10
    rare = {name: tally.hits[name] for name in LATER if tally.hits[name] < HITS_LEAST}
    assert rare == {}, f"taken fewer than {HITS_LEAST} times"


def without_what_was_made(one: HeldRecord) -> HeldRecord:
    """A record as if nobody had asked for the properties that were made meanwhile."""
    content = msgspec.json.decode(one.content)
    values = {key: value for key, value in content["properties"].items() if not key.startswith("made_")}
    return replace(one, content=msgspec.json.encode(content | {"properties": values}))


def test_a_value_of_a_new_property_that_is_missing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    read_back = seam.read_back

    def tampered(path: Path, types: tuple[str, ...]) -> dict[str, HeldType]:
        every = read_back(path, types)
        return {
            name: replace(held, records=[without_what_was_made(one) for one in held.records])
            for name, held in every.items()
        }

    monkeypatch.setattr(seam, "read_back", tampered)
    week = week_of(12)
    outcome = simulate(replace(week, gaps_s=week.gaps_s[:5]))
    assert {one.kind for one in outcome.violations} == {"LACKING"}
