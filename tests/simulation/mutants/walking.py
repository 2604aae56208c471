"""Mutants of the walks: lists, searches, batches, associations, and what one answer is taken for."""

from __future__ import annotations

from hubdump.extract import associating
from hubdump.hubspot import batches, flows, linking, listing, refs, searching
from tests.simulation.mutants.algorithm import LOSS, NO_CATCH_UP, NO_PROOF
from tests.simulation.mutants.breaking import Edit, Mutant

_LOST = frozenset({"LOST"})

WALKING: tuple[Mutant, ...] = (
    Mutant(
        "search by offset",
        "A search is paged by its offset, which shifts with what goes away or comes.",
        (
            NO_PROOF,
            Edit(searching, '"operator": "GT", "value": str(last)', '"operator": "GT", "value": "0"'),
            Edit(
                searching,
                '        after, met = "", set[str]()\n',
                '        after, met = str(self._offset) if self._offset else "", set[str]()\n',
            ),
            Edit(
                searching,
                "        self._expected = -1\n",
                "        self._expected = -1\n        self._offset = 0\n",
            ),
            Edit(searching, "        self._check_order(refs)\n", "        self._offset += len(refs)\n"),
        ),
        LOSS,
        "paged",
    ),
    Mutant(
        "search up to its reach",
        "A search ends where an offset would be refused (here: at 50), and passes for whole.",
        (
            NO_PROOF,
            Edit(
                searching,
                "        self._expected = -1\n",
                "        self._expected = -1\n        self._count = 0\n",
            ),
            Edit(searching, "        self._check_order(refs)\n", "        self._count += len(refs)\n"),
            Edit(
                searching,
                "        self.done = not next_after(page.paging)\n",
                "        self.done = not next_after(page.paging) or self._count >= 50\n",
            ),
        ),
        LOSS,
        "paged",
    ),
    Mutant(
        "search trusted in any order",
        "Nobody looks whether a search is ordered as its filter compares.",
        (
            Edit(searching, "            if after <= before:\n", "            if False:\n"),
            Edit(searching, "if self.done and (self._suspicious or self._expected > 0):", "if False:"),
        ),
        LOSS,
        "textual",
    ),
    Mutant(
        "an empty page is the last",
        "A page of a search without records ends it, although another one follows.",
        (
            NO_PROOF,
            Edit(
                searching,
                "            if answer.content.results or not ahead:\n",
                "            if answer.content.results or answer:\n",
            ),
            Edit(
                searching,
                "        self.done = not next_after(page.paging)\n",
                "        self.done = not next_after(page.paging) or not refs\n",
            ),
            Edit(searching, "if self.done and (self._suspicious or self._expected > 0):", "if False:"),
        ),
        LOSS,
        "withdrawn",
    ),
    Mutant(
        "a short page is the last",
        "A page of a list with fewer records than asked for ends it.",
        (
            Edit(
                listing,
                "        self.done = not after\n",
                "        self.done = not after or len(refs) < self._limit\n",
            ),
        ),
        _LOST,
        "capped",
    ),
    Mutant(
        "no boundary repair",
        "Nobody asks from further back where the cursor of a list counts records and some of them went away.",
        (
            NO_PROOF,
            Edit(
                listing,
                "            answer = yield from self._stepped_back(answer)\n",
                "            answer = answer\n",
            ),
        ),
        _LOST,
        "counting",
    ),
    Mutant(
        "a gap between pages",
        "The walk of a list goes on a thousand ids behind the cursor it was given.",
        (
            NO_PROOF,
            Edit(
                listing,
                "        self.done = not after\n",
                "        self.done = not after\n        if after and not counting and after.isdecimal():\n"
                "            self._spot = structs.replace(self._spot, after=str(int(after) + 1000))\n",
            ),
        ),
        _LOST,
        "paged",
    ),
    Mutant(
        "versions not compared",
        "The proof compares ids, but not versions.",
        (
            Edit(
                flows,
                "return ref.updated_us is not None and (known.updated_us",
                "return False and (known.updated_us",
            ),
            NO_CATCH_UP,
        ),
        frozenset({"STALE"}),
        "slow",
    ),
    Mutant(
        "removed at the first look",
        "What is not listed is taken for gone, and nobody reads it by its id.",
        (
            Edit(
                flows,
                "        removed = dict.fromkeys(gone, None) | active.merged\n",
                "        removed = dict.fromkeys(ids, None)\n",
            ),
        ),
        frozenset({"MISTOLD", "LOST"}),
        "removing",
    ),
    Mutant(
        "merged is gone",
        "Records that were merged into others pass for gone.",
        (
            Edit(
                batches,
                "            return Hydrated(merged={asked[0]: others[0].id})\n",
                "            return Hydrated(gone={asked[0]})\n",
            ),
        ),
        frozenset({"MISTOLD"}),
        "removing",
    ),
    Mutant(
        "merged stays active",
        "Nothing is concluded where a batch read leads to the record another one was merged into.",
        (
            Edit(
                batches,
                "            return Hydrated(merged={asked[0]: others[0].id})\n",
                "            return Hydrated()\n",
            ),
        ),
        frozenset({"GHOST"}),
        "removing",
    ),
    Mutant(
        "unanswered is read",
        "Ids that a batch read leaves out without a word pass for read.",
        (
            Edit(
                batches,
                "            if not open_ids:\n                return found\n",
                "            if open_ids is not None:\n                return found\n",
            ),
        ),
        LOSS,
        "dropping",
    ),
    Mutant(
        "associations not paged",
        "Of the associations of one record only the first page is read.",
        (Edit(linking, "        ahead[from_id] = after\n", '        ahead[from_id] = ""\n'),),
        _LOST,
        "tied",
    ),
    Mutant(
        "a thousand records' associations",
        "Associations are read of the first thousand records only.",
        (Edit(linking, " if ids else place\n", " if ids and not place.after else place\n"),),
        _LOST,
        "crowd",
    ),
    Mutant(
        "late ones not read",
        "Of records that are committed while all associations are read no other ones are read.",
        (
            Edit(
                linking,
                "        place = yield from _walk(api, from_, to, place)\n        yield AssociationsRead(",
                "        if place.reach is not Reach.LATE:\n"
                "            place = yield from _walk(api, from_, to, place)\n"
                "        yield AssociationsRead(",
            ),
        ),
        _LOST,
        "read whole",
    ),
    Mutant(
        "not behind",
        "What a run that goes on with a round finds after associations were read does not have them read again.",
        (Edit(associating, "        if not any(found):\n", "        if found is not None:\n"),),
        frozenset({"LOST", "GHOST"}),
        "cut",
        first=160,
    ),
    Mutant(
        "unanswered has none",
        "A record that HubSpot leaves out of an answer passes for one without associations.",
        (
            Edit(
                linking,
                "    unsettled = asked.keys() - ahead.keys()\n",
                "    unsettled = set[int]()\n",
            ),
        ),
        _LOST,
        "dropping",
    ),
    Mutant(
        "no type filter",
        "Records of other types are kept.",
        (Edit(refs, "        _check_head(type_, id_, head)\n", ""),),
        frozenset(),
        test="tests/test_flows.py::test_a_sweep_stops_when_hubspot_refutes_a_belief",
    ),
)
