"""The requests of one round of a type, step by step as the engine takes them (pure; docs/design.md has the steps)."""

from __future__ import annotations

from dataclasses import dataclass

from hubdump.estimate.calls import Calls, pages, sum_of
from hubdump.extract.splitting import splits_max
from hubdump.hubspot.endpoints import (
    ASSOCIATION_INPUTS,
    BATCH_RECORDS,
    HISTORY_RECORDS,
    LIST_RECORDS,
    SEARCH_RECORDS,
)


@dataclass(frozen=True, slots=True)
class Round:
    """How many records each step has before it; None: it is not taken, or done already.

    `looks` are lists looked at first, for whether there is a record, `definitions` requests for those of properties.
    Where properties are too many for a URL, `wide`, each list is one of ids, and records come by batch read. `links`
    are the records of each walk of associations, `counted` whether HubSpot's count is held against the store's.
    """

    looks: int = 0
    definitions: int = 0
    wide: bool = False
    swept: int | None = None
    unread: int = 0
    archived: int | None = 0
    changed: int | None = 0
    counted: bool = False
    proved: int | None = None
    links: tuple[int, ...] = ()
    histories: int = 0


EMPTY = Round(looks=2, archived=None, changed=None)


def steps(of: Round) -> dict[str, Calls]:
    """The requests of each step that takes any."""
    found = {
        "look": Calls(of.looks),
        "definitions": Calls(of.definitions),
        "records": _listed(of.swept, wide=of.wide),
        # By id: archived ones first, then those that are not.
        "unread": Calls(2 * pages(of.unread, BATCH_RECORDS)),
        "changes": _searched(of.changed),
        "count": Calls(search=int(of.counted)),
        "archived": _listed(of.archived, wide=of.wide),
        "proof": _listed(of.proved, wide=False),
        "associations": Calls(associations=sum(pages(records, ASSOCIATION_INPUTS) for records in of.links)),
        "history": Calls(pages(of.histories, HISTORY_RECORDS)),
    }
    return {step: calls for step, calls in found.items() if calls.all}


def in_turn(of: Round) -> int:
    """Requests that wait for each other: walks of associations and histories go beside each other, ranges of a list
    too, and the archived list beside the proof.
    """
    beside = [
        *(pages(records, ASSOCIATION_INPUTS) for records in of.links),
        pages(of.histories, HISTORY_RECORDS),
    ]
    swept, proved = _split(of.swept, wide=of.wide), _split(of.proved, wide=False)
    lists = _listed(of.archived, wide=of.wide).all, _listed(of.proved, wide=False).all - proved
    return sum_of(steps(of).values()).all - sum(beside) + max(beside) - swept - proved - min(lists)


def _split(records: int | None, *, wide: bool) -> int:
    """How many requests of a list do not wait for each other, as several walks read it."""
    listed = _listed(records, wide=wide).all
    return listed - pages(listed, 1 + splits_max(records or 0, LIST_RECORDS))


def _listed(records: int | None, *, wide: bool) -> Calls:
    if records is None:
        return Calls()
    return Calls(max(1, pages(records, LIST_RECORDS)) + wide * pages(records, BATCH_RECORDS))


def _searched(records: int | None) -> Calls:
    if records is None:
        return Calls()
    return Calls(pages(records, BATCH_RECORDS), search=max(1, pages(records, SEARCH_RECORDS)))
