"""Where a dump stands in the present round of a type: what a run that continues it has still before it."""

from __future__ import annotations

from msgspec import json

from hubdump.extract import plan
from hubdump.hubspot.linking import Place
from hubdump.hubspot.listing import spot_of
from hubdump.model import Bookmark, DueLinks, ObjectType, Reach, WalkKey
from hubdump.store.store import Store


def left_to_list(store: Store, type_: ObjectType, purpose: str, records: int) -> int | None:
    """How many of so many records a list has still before it; None where it is done."""
    walks = store.walks.of(WalkKey(type_.name, purpose)).values()
    if walks and all(walk.done for walk in walks):
        return None
    return max(0, records - sum(spot_of(walk.cursor).count for walk in walks))


def left_to_link(store: Store, key: WalkKey, records: int) -> tuple[int, ...]:
    """How many of so many records a walk of associations has still before it, and how many it is to look back at."""
    cursor, done = store.walk(key)
    if done:
        return ()
    if not cursor:
        return (records,)
    place = json.decode(cursor, type=Place)
    if place.reach is Reach.WHOLE:
        return (max(0, records - store.asked.records_up_to(key.type, place.after)) + len(place.pending),)
    questions = [DueLinks(place.after, records, place.reach)]
    if place.reach is Reach.BACK:
        questions.insert(0, DueLinks(0, records, Reach.CHANGED))
    return len(place.pending), *(len(store.associations.due(key.type, key.purpose, one)) for one in questions)


def is_old(mark: Bookmark, oldest_us: int) -> bool:
    """Whether a round, once it is finished, is followed by another: it looked for changes too long ago."""
    return plan.resumed(mark) and bool(mark.seen_us) and plan.fresh_us(mark.seen_us) < oldest_us


def histories_due(store: Store, type_: ObjectType, names: tuple[str, ...]) -> int:
    """How many stored records lack the history of some of these properties."""
    found, after = 0, 0
    while ids := store.histories.due(type_.name, after, 10_000, names).ids:
        found, after = found + len(ids), ids[-1]
    return found
