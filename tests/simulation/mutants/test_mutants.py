"""Every mutant is found by the kinds of violation it must be found by, and the core itself is blamed for nothing."""

from __future__ import annotations

import pytest

from hubdump.extract import plan
from tests.simulation.mutants.__main__ import everywhere, table
from tests.simulation.mutants.algorithm import ALGORITHM
from tests.simulation.mutants.breaking import Edit, Mutant, Outdated, broken
from tests.simulation.mutants.hunting import ROOT, SEEDS_MAX, hunted
from tests.simulation.mutants.keeping import KEEPING
from tests.simulation.mutants.ranging import RANGING
from tests.simulation.mutants.sending import SENDING
from tests.simulation.mutants.table import MUTANTS
from tests.simulation.mutants.walking import WALKING
from tests.simulation.mutants.weekly import WEEKLY
from tests.simulation.mutants.worlds import WORLDS
from tests.simulation.oracle import KINDS


def test_there_are_many_and_each_has_a_name_a_world_and_something_to_be_found_by() -> None:
    assert len(MUTANTS) == len([*ALGORITHM, *WALKING, *RANGING, *SENDING, *KEEPING, *WEEKLY]) >= 20
    for mutant in MUTANTS.values():
        assert bool(mutant.kinds) != bool(mutant.test), mutant.name
        assert mutant.kinds <= KINDS.keys()
        assert mutant.world in WORLDS


def test_the_table_of_the_documents_is_the_mutants() -> None:
    told = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    rows = [f"| {mutant.name} | {mutant.broken} |" for mutant in MUTANTS.values()]
    assert [row for row in rows if row not in told] == []
    table_of_them = told.partition("| mutant | what is broken |")[2].partition("\n\n")[0]
    assert len(table_of_them.splitlines()) - 2 == len(rows)


@pytest.mark.parametrize("name", MUTANTS)
def test_each_still_changes_the_code_it_was_made_for(name: str) -> None:
    with broken(MUTANTS[name]) as changed:
        assert changed > 0


def test_a_mutant_changes_what_it_says_and_nothing_is_left_of_it() -> None:
    mutant = Mutant("?", "?", (Edit(plan, "return seen_us - SETTLE_US", "return 7"),), frozenset({"STALE"}))
    before, fresh_us = plan.fresh_us(plan.SETTLE_US), plan.fresh_us
    with broken(mutant):
        assert fresh_us(plan.SETTLE_US) == 7
    assert fresh_us(plan.SETTLE_US) == before == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("this was never there", "7"),
        ("return seen_us - SETTLE_US", "return (seen_us - SETTLE_US)"),
        ("REMOVED_MAX = 20", "REMOVED_MAX = 30"),
        ("SETTLE_US", "REMOVED_MAX"),
    ],
    ids=["not there", "the same code", "not in a function", "several times"],
)
def test_a_mutant_that_breaks_nothing_any_more_says_so(old: str, new: str) -> None:
    mutant = Mutant("?", "?", (Edit(plan, old, new),), frozenset({"STALE"}))
    with pytest.raises(Outdated), broken(mutant):
        assert plan.REMOVED_MAX == 20


def test_a_core_that_is_not_broken_is_no_mutant() -> None:
    same = Mutant(
        "?", "?", (Edit(plan, "return seen_us - SETTLE_US", "return -SETTLE_US + seen_us"),), frozenset(KINDS)
    )
    assert hunted(same, 3).seed is None


@pytest.mark.prove
@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_found_and_the_core_itself_is_blamed_for_nothing(name: str) -> None:
    found, blamed = everywhere([name], SEEDS_MAX, 1)
    assert blamed == []
    assert [one.name for one in found if one.by] == [name], "\n".join(table(found))
