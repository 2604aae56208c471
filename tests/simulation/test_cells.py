"""The fault matrix: one fault, in one phase of an extraction, ends as the table of docs/reliability.md says."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest

from hubdump.errors import Exit, Stopped, TokenRefused
from hubdump.hubspot import body
from hubdump.verify.findings import status_of
from tests.simulation import seam
from tests.simulation.disk import Fuse, Killed, tapped
from tests.simulation.loop import run
from tests.simulation.network import Network
from tests.simulation.scenario import Scenario
from tests.simulation.spoils import BODY_BYTES_FREE
from tests.simulation.striker import Striker
from tests.simulation.strikes import CASES, CELLS, Case
from tests.simulation.world import MEMORY, Outcome, World

FULL = bool(os.environ.get("HUBDUMP_FULL"))
SEEDS = 20 if FULL else 3
VERIFY, CATCH_UP = "Ve", "Ca"
HOW = {
    "T": "complete", "W": "complete", "Q": "complete", "C": "incomplete", "A": "refused", "R": "stopped",
    "S": "stopped", "K": "killed",
}  # fmt: skip
FEW = ("1-Sw", "2-Ca", "3-Di", "9-Re", "11-Ar", "15-Sw", "15-As", "16-As", "17-Ca", "20-Re", "21-Ca", "4-Ve")


def life_of(one: Case, phase: str) -> str:
    """What happens; a record that is erased while verify asks is only here, and nothing says since when."""
    if not one.strike.alive:
        return "edits"
    return "growth" if phase == VERIFY else "mixed"


@contextmanager
def world_of(one: Case, phase: str, seed: int) -> Iterator[tuple[World, Striker]]:
    """A dozen records, and a fault that is to strike in one phase."""
    name = one.types[seed % len(one.types)]
    scenario = Scenario(
        seed=seed, counts=((name, 12), ("companies", 4), ("tickets", 3)), types=(name,),
        # What a search finds is read only where something changed since the sweep.
        life=life_of(one, phase), chances=float(phase == CATCH_UP), oauth=one.oauth, gap_changes=2,
        give_up_s=900.0 if one.ends[phase] in "RS" else 3600.0, gaps_s=() if phase == VERIFY else (120.0,),
    )  # fmt: skip
    striker = Striker(one.strike, phase, seed)
    with (
        TemporaryDirectory(prefix="cell-", dir=MEMORY if MEMORY.is_dir() else None) as folder,
        patch.object(body, "BODY_BYTES_FREE", BODY_BYTES_FREE),
    ):
        first = Path(folder) / "0"
        first.mkdir()
        world = World(scenario, first, striker.through)
        striker.attach(world)
        yield world, striker
        world.loop.close()


def ends(outcome: Outcome) -> list[str]:
    """How each process ended, with its text."""
    return [line for line in outcome.story if not line.startswith("  ")]


def judge(one: Case, phase: str, seed: int) -> int:
    """Everything that must be so of one fault in one phase; how often it struck."""
    with world_of(one, phase, seed) as (world, striker):
        outcome = world.lived()
        story = [f"{one.strike.name} in {phase}, seed {seed}", *outcome.story]
        if phase == VERIFY:
            assert outcome.violations == [], "\n".join(story)
            story[1:] = [verified(world, striker), verified(world, striker)]
    told = "\n".join([*story, f"struck {striker.hits} times, {striker.ids}"])
    assert striker.early == [], told
    assert not one.is_retried or striker.unanswered == [], told
    first, *later = [line for line in story[1:] if not line.startswith("  ")]
    assert later, told
    assert [line for line in later if not line.startswith("complete")] == [], told
    assert first.split()[0] == HOW[one.end(phase)], told
    assert re.search(one.says, first) or one.end(phase) not in "CARS", told
    if phase != VERIFY:
        judge_dump(one.ends[phase], phase, outcome, striker, told)
    return striker.hits


def judge_dump(end: str, phase: str, outcome: Outcome, striker: Striker, told: str) -> None:
    """What the first process left behind, and what the last one did."""
    # A type that is incomplete by name is what is wanted where the end is C, and nowhere else.
    assert {found.kind for found in outcome.violations} <= ({"UNDULY"} if end == "C" else set()), told
    warned = bool(outcome.refuted) or outcome.marks["search given up"] > 0
    assert warned == (end == "W") or end == "C", told
    (held,) = striker.left.values()
    named = held.unread | {id_ for id_, _ in held.untied}
    # What archived lists and searches led to the proof may have read: then it is not named any more.
    assert named <= striker.ids or end == "S", f"{told}\n{named}"
    assert bool(named) == (end in "QS") or phase in {"Ar", "Ca"}, f"{told}\n{named}"


def verified(world: World, striker: Striker) -> str:
    """How one `hubdump verify` of the dump ends."""
    striker.verifying += 1
    world.fuse = Fuse(world._folder, world._folder.parent / f"verify {striker.verifying}")
    network = striker.through(Network(world))
    try:
        with tapped(world.fuse):
            found = run(
                world.loop,
                seam.verification(world.order(), network, world.clock, world._emitted, lambda: 0.5),
            )
    except Killed:
        world._folder = world.fuse.after
        return "killed"
    except (Stopped, TokenRefused) as error:
        return f"{'stopped' if isinstance(error, Stopped) else 'refused'} {error}"
    status = {Exit.COMPLETE: "complete", Exit.ERROR: "incomplete"}.get(status_of(found), "wrong")
    return " ".join([status, *(one.text for one in found)])


def cases(cell: str) -> tuple[str, list[Case]]:
    number, phase = cell.split("-")
    return phase, [one for one in CASES[int(number)] if phase in one.ends]


@pytest.mark.parametrize("cell", FEW)
def test_a_fault_in_a_phase_ends_as_it_must_in_each_of_its_forms(cell: str) -> None:
    phase, every = cases(cell)
    for seed, one in enumerate(every):
        assert judge(one, phase, seed) > 0


@pytest.mark.prove
@pytest.mark.parametrize("cell", CELLS)
def test_cell(cell: str) -> None:
    """As above, for more seeds, and for all cells."""
    phase, every = cases(cell)
    for seed in range(max(SEEDS, len(every))):
        assert judge(every[seed % len(every)], phase, seed) > 0
