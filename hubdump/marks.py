"""Names of the rare branches: `hit` tells whoever listens that one was taken, so that proofs see which they reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

# A branch that a proof never takes is not proved: `make prove` fails where one of these is too rare.
MARKS: tuple[str, ...] = (
    "outage began",
    "outage of a part began",
    "outage probe",
    "outage ended",
    "witness asked",
    "poison found",
    "budgets merged",
    "budget yielded",
    "budget eased",  # HubSpot fails as if it had too much to do: fewer requests are sent for a while
    "in flight halved",
    "mended page",
    "no record",  # something in a page bears no id, or nothing else of a record: it is quarantined by name
    "207 retry",  # an input of a batch was left unanswered, and asked for again
    "associations behind",  # a run that goes on with a round committed more after associations were noted as due
    "archived but there",  # a record in the list of archived ones is active by its id
    "boundary repair",  # a counting cursor had shifted: the list was asked for from further back
    "counting cursor",  # a list's cursor counts records instead of naming one
    "counts differ",  # HubSpot counts other than the store: all ids are compared
    "empty search page",  # a page of a search without records that is not the last
    "merged away",  # a batch read led to the record another one was merged into
    "poison bisect",  # a request fails for ever: the record in it that does is looked for
    "labels not told",  # HubSpot does not say which association types a pair has: both sides are read
    "other side read",  # the side of a pair that was chosen does not show all, and the other one shows some
    "range begun",  # a list is read from its middle on by a walk of its own
    "ranges met",  # such a walk, or the first one, came to where the next one began
    "ranges given up",  # a walk from the middle of a list came to no good end: one walk from its beginning instead
    "nothing beyond",  # no record lies from an id on that was guessed
    "entry refused",  # HubSpot refuses an id as a cursor that no page gave
    "entry refuted",  # HubSpot takes such an id for something else
    "recalculated",  # HubSpot computed other values of a record, and did not move its modified time
    "removals withheld",  # more would be removed than a person would believe
    "removed since",  # a record that was there is gone, or merged into another one
    "repeated cursor",  # a cursor came again: the walk ends by name
    "round of long ago",  # what a run cut short long ago had seen is too old for the one that continues it
    "search given up",  # search cannot be relied on: the proof finds what changed
    "serial fallback",  # ids do not ascend as numbers: the list is read by its cursors alone
    "all of it fails",  # whatever is left out, a request still fails: it is no record's own error
    "smaller page",  # HubSpot refused a page of the documented size
    "unlisted but there",  # a record that a whole list did not show is there by its id
)

_listeners: list[Counter[str]] = []


def hit(name: str) -> None:
    """A branch of this name, one of MARKS, was taken."""
    for listener in _listeners:
        listener[name] += 1


@contextmanager
def heard() -> Iterator[Counter[str]]:
    """Count the branches taken within."""
    listener: Counter[str] = Counter()
    _listeners.append(listener)
    try:
        yield listener
    finally:
        _listeners.remove(listener)
