"""Mutants of the algorithm of one type: its instants, its order, its proof, what a run leaves to the next."""

from __future__ import annotations

from hubdump.extract import comparing, engine, pairing, plan
from hubdump.hubspot import flows
from tests.simulation.mutants.breaking import Edit, Mutant

# What takes the proof away: shown with others that it would mend, as it is made to.
NO_PROOF = Edit(
    comparing, "await self._compare_ids(type_, properties)", "await self._list_archived(type_, properties)"
)
NO_CATCH_UP = Edit(engine, "await self._catch_up(type_, mark, properties)", "True")
LOSS = frozenset({"LOST", "STALE"})

ALGORITHM: tuple[Mutant, ...] = (
    Mutant(
        "no proof",
        "The ids are not compared, and the type passes for proved.",
        (NO_PROOF,),
        frozenset({"GHOST"}),
        "removing",
    ),
    Mutant(
        "no settling",
        "Ids are compared, but nobody looks into what is not listed any more.",
        (Edit(comparing, "lambda at: flows.settle(self._api, type_, properties, at)", "lambda _: iter(())"),),
        frozenset({"GHOST"}),
        "removing",
    ),
    Mutant(
        "no catch-up, no proof",
        "The list is read once, and what changed meanwhile is not looked for.",
        (NO_PROOF, NO_CATCH_UP),
        LOSS,
        "slow",
    ),
    Mutant(
        "catch-up given up, no proof",
        "Where search cannot be relied on, no proof makes up for it.",
        (Edit(engine, "needed=not found)", "needed=False)"),),
        LOSS,
        "textual",
    ),
    Mutant(
        "no overlap",
        "The catch-up looks for changes from the old instant on, as if an index knew of them at once.",
        (
            NO_PROOF,
            Edit(
                plan,
                "max(0, mark.since_us - (OVERLAP_US if mark.fresh_us is None else OVERLAP_LATER_US))",
                "mark.since_us + SETTLE_US",
            ),
        ),
        LOSS,
        "late",
    ),
    Mutant(
        "no settle time",
        "`fresh_at` is the clock itself, as if every change could be seen at once.",
        (NO_PROOF, Edit(plan, "return seen_us - SETTLE_US", "return seen_us")),
        LOSS,
        "late",
    ),
    Mutant(
        "instant taken at the end",
        "`fresh_at` says when the round ended, not when it began to look for changes.",
        (Edit(engine, "plan.fresh_us(seen_us)", "plan.fresh_us(self._exchange.server_time_us())"),),
        LOSS,
        "slow",
    ),
    Mutant(
        "instant taken anew",
        "A continued round takes its instant when it is continued, though part of its catch-up is older.",
        (Edit(engine, "seen_us = mark.seen_us or self._store", "seen_us = self._store"),),
        LOSS,
        "cut",
    ),
    Mutant(
        "changes since now",
        "A later run looks for changes since it began, not since the last one did.",
        (
            Edit(
                engine,
                "self._exchange.server_time_us() if mark.fresh_us is None else mark.fresh_us",
                "self._exchange.server_time_us() + plan.OVERLAP_LATER_US",
            ),
        ),
        LOSS,
        "later",
    ),
    Mutant(
        "no archived sweep",
        "Archived records are not listed.",
        (
            Edit(
                comparing, "lambda at: flows.archived(self._api, type_, properties, at)", "lambda _: iter(())"
            ),
        ),
        frozenset({"LOST"}),
    ),
    Mutant(
        "counts not compared",
        "A later run takes it that nothing was archived, whatever HubSpot counts.",
        (Edit(comparing, "count.there == self._here(type_, count.last):", "count.there is not None:"),),
        frozenset({"LOST"}),
        "later",
    ),
    Mutant(
        "known ones not looked at",
        "Of what a search finds, all that the store has is left out, older or not.",
        (
            Edit(
                flows,
                "new = [ref.id for ref in refs if _differs(ref, known.get(ref.id)) or _is_since(ref, settled_us)]",
                "new = [ref.id for ref in refs if ref.id not in known]",
            ),
        ),
        LOSS,
        "later",
    ),
    Mutant(
        "a missing scope is nothing",
        "A type that the token may not read passes for one without records.",
        (
            Edit(
                engine,
                "                failed[type_.name] = error\n",
                "                if type(error).__name__ == 'ScopeMissing':\n                    return\n"
                "                failed[type_.name] = error\n",
            ),
        ),
        frozenset({"UNFRESH"}),
        "refused",
    ),
    Mutant(
        "not all pairs",
        "Associations to one of the other types are not read.",
        (
            Edit(
                pairing,
                "is_read = self._filled",
                "is_read = other.name != 'contacts' and self._filled",
            ),
        ),
        frozenset({"LOST"}),
    ),
    Mutant(
        "other side never looked at",
        "Where a pair shows nothing from the side that is read, it passes for one without associations.",
        (Edit(pairing, "{key.type, to} in self._doubtful and not", "not to and not"),),
        frozenset({"LOST"}),
        "one way",
    ),
    Mutant(
        "other side forgotten",
        "What only the other side of a pair shows is read, and not kept.",
        (Edit(pairing, "pairs.choose(to, key.type, read=True)", "pairs.forget(to, key.type)"),),
        frozenset({"LOST"}),
        "one way",
    ),
    Mutant(
        "gaps stay",
        "Where a record cannot be read, what leads to it is not read either.",
        (Edit(pairing, "not (is_empty or self._has_gaps(key))", "not is_empty"),),
        frozenset({"LOST"}),
        "poisoned among",
    ),
    Mutant(
        "emptied and left",
        "What led to a type stays when the last record of that type is gone.",
        (Edit(pairing, "in known | led_to or", "in known or"),),
        frozenset({"GHOST"}),
        "emptying",
    ),
    Mutant(
        "neither side",
        "A pair that both sides name is read from none.",
        (Edit(pairing, "self._choose(one, other, first=first, second=not first)\n\n", "\n"),),
        frozenset({"LOST"}),
        "among",
    ),
    Mutant(
        "deletes never accepted",
        "`--accept-deletes` is given, and removals are withheld all the same.",
        (Edit(plan, "return not wishes.accept_deletes and removed", "return removed"),),
        frozenset({"UNDULY"}),
        "purged",
    ),
)
