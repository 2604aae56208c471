"""What happened to a portal before anybody read it: records were merged, one into the next."""

from __future__ import annotations

from itertools import islice

from hubdump.sandbox.changes import Changes
from hubdump.sandbox.numbers import CHANGED_MS
from hubdump.sandbox.portal import Portal

# Types whose records the API merges: https://developers.hubspot.com/docs, the merge of each and of custom objects.
MERGED = ("contacts", "companies", "deals", "tickets", "cars")
_HOUR_MS = 3_600_000
_ENOUGH = 20


def merge_chains(portal: Portal) -> None:
    """In each type: one record into a second, that into a third, that into a fourth; and two into a fifth."""
    changes, at_ms = Changes(portal), CHANGED_MS
    for shelf in (portal.shelves[type_] for type_ in MERGED if type_ in portal.shelves):
        if shelf.live < _ENOUGH:
            continue
        one, *chain, fifth, sixth, seventh = islice(
            shelf.ids(above=shelf.numbers.id(shelf.numbers.total // 2)), 7
        )
        for primary in chain:
            at_ms += _HOUR_MS
            one = changes.merge(shelf, primary, one, at_ms)
        for other in (sixth, seventh):
            at_ms += _HOUR_MS
            fifth = changes.merge(shelf, fifth, other, at_ms)
