"""What a run reads, in which order: the rounds that are due and the walks each of them is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hubdump.catalog import Catalogue
from hubdump.extract.wanted import Wanted
from hubdump.model import Bookmark, ObjectType, WalkKey

SECOND_US = 1_000_000
# Search finds records by the instant HubSpot stamped on them; they may have become visible later.
OVERLAP_US = 15 * 60 * SECOND_US
# Its index lags: later runs look back further (Estuary's connector reads an hour late for the same reason).
OVERLAP_LATER_US = 3600 * SECOND_US
# What was completed this long ago by a run that was cut short is brought up to date by the run that completes it.
ROUND_KEPT_US = 3600 * SECOND_US
# How far `fresh_at` stays behind the clock: a change may take that long to be seen by a reader.
SETTLE_US = 60 * SECOND_US
# Removing more than this share of a type, and more than this many records, needs a person's word.
REMOVED_SHARE_MAX = 0.05
REMOVED_MAX = 20

SWEEP = "sweep"
REREAD = "reread"
ARCHIVED = "archived"
CATCH_UP = "catch-up"
IDENTIFY = "identify"
SETTLE = "settle"
HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants of a run: `prove` every type now, else where the last proof is older than
    `prove_within_s`; `accept_deletes` to remove any number of records that HubSpot does not have any more; `history`
    of some types and properties. Associations to the types `without` are not missed where they cannot be read.
    """

    prove: bool = False
    prove_within_s: float = 7 * 86_400
    accept_deletes: bool = False
    history: Wanted = Wanted()  # noqa: RUF009 - frozen
    without: frozenset[str] = frozenset()


def due(marks: Iterable[Bookmark], began_us: int, now_us: int) -> tuple[str, ...]:
    """Types still to be read by the run that began at `began_us`, in the order given.

    A run that continues one that was cut short leaves out the types completed since, unless that was more
    than an hour ago.
    """
    oldest = oldest_us(began_us, now_us)
    return tuple(
        mark.type for mark in marks if not mark.complete or mark.fresh_us is None or mark.fresh_us < oldest
    )


def oldest_us(began_us: int, now_us: int) -> int:
    """From when on what is fresh need not be read again by the run that began at `began_us`."""
    return max(began_us, now_us - ROUND_KEPT_US) - SETTLE_US


def resumed(mark: Bookmark) -> bool:
    """Whether a type's present round was begun and not finished."""
    return mark.round > 0 and not mark.complete


def is_new(mark: Bookmark) -> bool:
    """Whether nothing of a type was read so far."""
    return mark.round == 0


def association_walks(type_: ObjectType, catalogue: Catalogue) -> tuple[WalkKey, ...]:
    """One walk for each type that the associations of its records are read to."""
    return tuple(WalkKey(from_, to) for from_, to in catalogue.pairs if from_ == type_.name)


def changes_since_us(mark: Bookmark) -> int:
    """Where the catch-up of a round begins: before the round did, by the overlap."""
    return max(0, mark.since_us - (OVERLAP_US if mark.fresh_us is None else OVERLAP_LATER_US))


def fresh_us(seen_us: int) -> int:
    """Up to when every change is in the dump, for a round that began to look for changes at `seen_us`."""
    return seen_us - SETTLE_US


def proof_due(mark: Bookmark, wishes: Wishes, now_us: int) -> bool:
    """Whether the ids of a type are to be compared whole, whatever else is found."""
    if mark.proved_us is None or wishes.prove:
        return True
    return now_us - mark.proved_us > wishes.prove_within_s * SECOND_US


def too_many(removed: int, records: int, wishes: Wishes) -> bool:
    """Whether so many of a type's records would be removed that a person must say so."""
    return not wishes.accept_deletes and removed > max(REMOVED_MAX, REMOVED_SHARE_MAX * records)


def in_order(types: Sequence[ObjectType], names: Iterable[str]) -> tuple[ObjectType, ...]:
    """Those of `types` whose names are given."""
    wanted = set(names)
    return tuple(type_ for type_ in types if type_.name in wanted)
