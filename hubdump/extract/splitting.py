"""Where the rest of a list is to be split, and whether that is worth a request (pure).

A split costs up to one page more than one walk asks for. How the rest of a list lies on its ids is not known: it is
guessed from how dense the ids of the last page were, and ids are clumped, old ones apart from new ones.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hubdump.hubspot.listing import Spot
from hubdump.model import WalkKey

# Less than this on both sides of a split is not worth it.
HALF_PAGES_LEAST = 2
# Of a list of so many pages one split costs no more than 4 % of its requests: half a page as a rule.
PAGES_A_SPLIT = 12
# So many walks begin at once: an answer that is slow to come would hold up all others.
AT_ONCE = 2
# So many ids of a list are looked at, where they are known.
KNOWN_MAX = 1_000
# Ids that led nowhere: how this list lies on its ids is not to be guessed.
MISSES_MAX = 3


@dataclass(slots=True)
class Range:
    """The part of a list that one walk reads, from the record `start` on; `key` is None until it is one.

    From `floor` to `start` lies no record. `last` is the last id that it was shown, `density` the records for each
    id on its last page (0: not known yet).
    """

    floor: int
    start: int
    key: WalkKey | None = None
    spot: Spot = field(default_factory=Spot)
    last: int = 0
    density: float = 0.0
    done: bool = False

    def moved(self, spot: Spot) -> None:
        """A page was committed, and leads here."""
        before, self.spot = self.spot, spot
        self.last = max(self.last, spot.last)
        # Of the first page of a range it is not known where it began.
        if before.count and spot.count > before.count and spot.last > before.last:
            self.density = (spot.count - before.count) / (spot.last - before.last)

    @property
    def is_open(self) -> bool:
        """Whether it is still read, by cursors that are ids: only then another walk may begin ahead of it."""
        spot = self.spot
        by_id = spot.after.isdecimal() and int(spot.after) > spot.last and not (spot.textual or spot.counting)
        return self.key is not None and not self.done and by_id


def splits_max(records: int, page: int) -> int:
    """How many splits of a list of so many records, so many a page, cost next to nothing."""
    return records // page // PAGES_A_SPLIT


def middle(ranges: Sequence[Range], left: int, page: int, ceiling: int | None = None) -> int | None:
    """The id that halves the longest rest; None where that is short, or not known yet.

    `left` is how many records are expected yet, `page` how many a page holds; from `ceiling` on none is known.
    """
    longest, id_, density, others = 0.0, None, 0.0, 0.0
    for one, above in pairwise([*sorted(ranges, key=lambda one: one.start), None]):
        assert one is not None
        density = one.density or density
        if one.done or not density:
            continue
        end = above.floor if above else ceiling
        rest = float(left) if above else max(0.0, left - others)
        if end is not None:
            rest = min(rest, density * max(0, end - one.last))
        others += rest
        if rest > longest:
            is_open = one.is_open and one.density
            longest, id_ = rest, one.last + 1 + int(rest / density / 2) if is_open else None
    return id_ if longest >= 2 * HALF_PAGES_LEAST * page else None


def middle_known(ranges: Sequence[Range], known: Sequence[int], each: int, page: int) -> int | None:
    """The same where ids of the list are `known` that have `each` records between them."""
    longest, id_ = 0, None
    for one, above in pairwise([*sorted(ranges, key=lambda one: one.start), None]):
        assert one is not None
        first = bisect_right(known, max(one.last, one.floor))
        end = bisect_left(known, above.floor) if above else len(known)
        if one.is_open and end - first > longest:
            longest, id_ = end - first, known[(first + end) // 2]
    return id_ if longest * each >= 2 * HALF_PAGES_LEAST * page else None
