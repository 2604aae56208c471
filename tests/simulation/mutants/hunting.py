"""Hunts one mutant: scenarios of its world, seed after seed, until the judge finds it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.simulation.mutants import plugin
from tests.simulation.mutants.breaking import Mutant, broken
from tests.simulation.mutants.worlds import WORLDS
from tests.simulation.scenario import scenario_of
from tests.simulation.world import Outcome, simulate

SEEDS_MAX = 100
ROOT = Path(__file__).parent.parent.parent.parent


@dataclass(frozen=True, slots=True)
class Found:
    """The first seed that found a mutant (None: none did), and by what kinds of violation or by which test."""

    name: str
    seed: int | None
    by: str
    seeds: int


def hunted(mutant: Mutant, seeds_max: int = SEEDS_MAX) -> Found:
    """Try seeds from its first on."""
    if mutant.test:
        return _tested(mutant)
    for seed in range(mutant.first, mutant.first + seeds_max):
        with broken(mutant):
            outcome = lived(mutant.world, seed)
        by = sorted({one.kind for one in outcome.violations} & mutant.kinds)
        if by:
            return Found(mutant.name, seed, ", ".join(by), seed - mutant.first + 1)
    return Found(mutant.name, None, "", seeds_max)


def lived(world: str, seed: int) -> Outcome:
    """The scenario of a seed in one of the worlds."""
    return simulate(WORLDS[world](scenario_of(seed)))


def _tested(mutant: Mutant) -> Found:
    """Whether the test that must find it does: it passes, and fails with the mutant."""
    failed = _pytest(mutant, "-p", plugin.__name__, "--mutant", mutant.name) == pytest.ExitCode.TESTS_FAILED
    passes = _pytest(mutant) == pytest.ExitCode.OK
    return Found(mutant.name, None, mutant.test.rpartition("::")[2] if failed and passes else "", 0)


def _pytest(mutant: Mutant, *more: str) -> int:
    """What pytest says of the test of a mutant, in a process of its own."""
    # What is under test is imported before pytest could look into it.
    quiet = ("-q", "-n", "0", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
    command = [sys.executable, "-m", "pytest", mutant.test, *quiet, *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode
