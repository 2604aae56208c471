"""Mutants of the ranges that long lists are read by."""

from __future__ import annotations

from hubdump.extract import ranging
from hubdump.hubspot import flows
from hubdump.store import walks
from tests.simulation.mutants.algorithm import NO_PROOF
from tests.simulation.mutants.breaking import Edit, Mutant

_LOST = frozenset({"LOST"})
_MET = "return page.after == str(start) or bool(shown)"

RANGING: tuple[Mutant, ...] = (
    Mutant(
        "a gap between ranges",
        "A walk ends some pages before the next one's range, in the sweep and in the proof.",
        (Edit(walks, _MET, "return page.ids[-1] + 15_000 >= start"),),
        _LOST,
        "split",
    ),
    Mutant(
        "a boundary skipped",
        "A walk ends where the record before the next one's range is to come.",
        (
            NO_PROOF,
            Edit(walks, _MET, "return bool(shown) or int(page.after) + 2_200 >= start"),
        ),
        _LOST,
        "split",
    ),
    Mutant(
        "an overlap thrown away",
        "The page on which two ranges meet is left out, as if the other walk had been shown all of it.",
        (
            NO_PROOF,
            Edit(
                flows,
                "self._listing.done = bool(met)",
                "self._listing.done = bool(met)\n            page.refs[:] = [] if met else page.refs",
            ),
        ),
        _LOST,
        "split",
    ),
    Mutant(
        "one range goes on",
        "A run that continues another one goes on with the first walk of a list, and takes the others for done.",
        (NO_PROOF, Edit(ranging, "if not one.done:", "if not one.done and not one.start:")),
        _LOST,
        "cut split",
    ),
    Mutant(
        "broken ranges pass for whole",
        "What a walk from the middle leaves, where it comes to no good end, is not read by another one.",
        (NO_PROOF, Edit(ranging, "await self.read(type_, purpose, start, records, known=known)", "return")),
        _LOST,
        "broken split",
    ),
    Mutant(
        "a bound not obeyed",
        "A walk goes on to the end of the list, whatever others were shown.",
        (Edit(walks, _MET, "return False"),),
        frozenset(),
        test="tests/test_ranging.py::test_a_long_list_is_read_by_several_walks_each_record_once_but_for_a_page_a_split[ids2]",
    ),
)
