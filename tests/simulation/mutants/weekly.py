"""Mutants of the second run: what it has to look for again, and what it may leave to a later one."""

from __future__ import annotations

from hubdump.extract import comparing, engine, plan
from hubdump.store import records
from tests.simulation.mutants.algorithm import LOSS
from tests.simulation.mutants.breaking import Edit, Mutant

WEEKLY: tuple[Mutant, ...] = (
    Mutant(
        "the last hour left out",
        "A later run looks for changes since the last one, however late HubSpot's index is.",
        (Edit(plan, "else OVERLAP_LATER_US)", "else 0)"),),
        LOSS,
        "weeks",
    ),
    Mutant(
        "proof never due again",
        "What was proved once passes for proved, however long ago that was.",
        (Edit(plan, "return now_us - mark.proved_us > wishes", "return 0 > wishes"),),
        frozenset({"UNPROVED"}),
        "weeks",
    ),
    Mutant(
        "proved without a proof",
        "Every round passes for one that compared all ids.",
        (Edit(engine, "fresh_us if proved else None", "fresh_us"),),
        frozenset({"LOST", "GHOST"}),
        "weeks",
    ),
    Mutant(
        "calculated values not compared",
        "A proof compares ids and versions, and not what HubSpot calculated anew.",
        (Edit(comparing, "return defining.calculated(", "return [] and defining.calculated("),),
        frozenset({"STALE"}),
        "weeks",
    ),
    Mutant(
        "restored stays archived",
        "A record that was archived once is kept as such, whatever HubSpot says of it later.",
        (
            Edit(
                records,
                "        _UPSERT,\n",
                '        _UPSERT.replace("excluded.state, state)", "max(excluded.state, state), state)"),\n',
            ),
        ),
        frozenset({"LOST"}),
        "weeks",
    ),
    Mutant(
        "properties asked for once",
        "A later run takes the properties of a type for those that it had.",
        (Edit(engine, "return await self._defining.changed(type_, before)", "return None"),),
        frozenset({"LACKING"}),
        "weeks",
    ),
    Mutant(
        "round without its properties",
        "A round is on disk before the properties it begins with: the run that continues it takes the old ones.",
        (
            Edit(
                engine,
                "with self._store.transaction():  # a run",
                "with __import__('contextlib').nullcontext():  # a run",
            ),
        ),
        frozenset({"LACKING"}),
        "cut weeks",
    ),
)
