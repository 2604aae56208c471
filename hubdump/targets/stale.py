"""Which rows a target that kept stamps of its records has to write anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from hubdump.store.stamps import Stamps
from hubdump.targets.table import Part, Table

# Where more than this part of all records changed, writing all anew is cheaper, and leaves no gaps; and what is
# written in one transaction has to fit into memory.
_PART = 4
_MOST = 50_000
# By table and type of a part: the new stamp of each record that changed, None where it has no rows any more.
Stale = dict[tuple[str, str], dict[int, int | None]]


def stale(listed: Sequence[Table], before: Callable[[Table, Part], Stamps], known: int) -> Stale | None:
    """What changed since a target kept these stamps, so many; None where that is too much."""
    left = min(known // _PART, _MOST)
    found: Stale = {}
    for table in listed:
        for part in table.parts:
            these = found[table.name, part.type] = dict(
                islice(changed(before(table, part), part.stamps()), left + 1)
            )
            left -= len(these)
            if left < 0:
                return None
    return found


def changed(before: Stamps, now: Stamps) -> Iterator[tuple[int, int | None]]:
    """The numbers whose stamps differ, with the new one; None where there is none any more."""
    old, new = next(before, None), next(now, None)
    while old or new:
        if new is None or (old and old[0] < new[0]):
            assert old is not None
            yield old[0], None
            old = next(before, None)
        elif old is None or new[0] < old[0]:
            yield new
            new = next(now, None)
        else:
            if old != new:
                yield new
            old, new = next(before, None), next(now, None)
