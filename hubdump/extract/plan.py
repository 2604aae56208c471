"""What a run reads, in which order: the rounds that are due and the walks each of them is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol

from hubdump.extract.wanted import Wanted
from hubdump.hubspot.endpoints import ASSOCIATION_INPUTS, LIST_LADDER
from hubdump.model import Bookmark, ObjectType

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

# Archived and sensitive properties are asked for again after this long, or where the plain ones changed.
DEFINED_KEPT_US = 86_400 * SECOND_US
# All associations of a pair are read again after this long: daily by a run that comes daily, a little late or not.
LINKS_KEPT_US = 23 * 3600 * SECOND_US
# Who makes a record, or changes it, ties it in the next minutes (forms, integrations, workflows): its associations are
# read once more by the next run.
OVERLAP_LINKS_US = 15 * 60 * SECOND_US
# A round's requests beside the pages of its two lists: definitions, archived records, which associations there are.
BESIDE_PAGES = 6
# Which association types there are is asked again after this long.
LABELS_KEPT_US = 7 * 86_400 * SECOND_US
# Of more types than this the schemas are asked first which pairs have any.
PAIRED_MAX = 12

SWEEP = "sweep"
REREAD = "reread"
ARCHIVED = "archived"
CATCH_UP = "catch-up"
IDENTIFY = "identify"
SETTLE = "settle"
HISTORY = "history"


class Linking(StrEnum):
    """Which associations a run is to read: those of what changed, all of them, none."""

    CHANGED = "changed"
    ALL = "all"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants of a run: `prove` every type now, else where the last proof is older than
    `prove_within_s`; `accept_deletes` to remove any number of records that HubSpot does not have any more; `history`
    of some types and properties. Associations to the types `without` are not missed where they cannot be read; which
    are read, `associations`, is decided for each pair where the user does not say.
    """

    prove: bool = False
    prove_within_s: float = 7 * 86_400
    accept_deletes: bool = False
    history: Wanted = Wanted()  # noqa: RUF009 - frozen
    without: frozenset[str] = frozenset()
    associations: Linking | None = None

    @property
    def compares_sides(self) -> bool:
        """Whether each pair of types is read from both sides."""
        return self.prove and self.associations in {None, Linking.ALL}


def due(marks: Iterable[Bookmark], began_us: int, now_us: int) -> tuple[str, ...]:
    """Types still to be read by the run that began at `began_us`, in the order given.

    A run that continues one that was cut short leaves out the types completed since, unless that was more
    than an hour ago.
    """
    oldest = oldest_us(began_us, now_us)
    return tuple(mark.type for mark in marks if is_stale(mark, oldest))


def is_stale(mark: Bookmark, oldest_us: int) -> bool:
    """Whether a type is to be read: not whole, or not fresh since `oldest_us`."""
    return not mark.complete or mark.fresh_us is None or mark.fresh_us < oldest_us


def oldest_us(began_us: int, now_us: int) -> int:
    """From when on what is fresh need not be read again by the run that began at `began_us`."""
    return max(began_us, now_us - ROUND_KEPT_US) - SETTLE_US


def resumed(mark: Bookmark) -> bool:
    """Whether a type's present round was begun and not finished."""
    return mark.round > 0 and not mark.complete


def is_new(mark: Bookmark) -> bool:
    """Whether nothing of a type was read so far."""
    return mark.round == 0


class Named(Protocol):
    """An association type, as far as it is told here."""

    @property
    def category(self) -> str: ...

    @property
    def label(self) -> str | None: ...


class Sides(Enum):
    """From which side of a pair of types its associations are to be read."""

    NONE = "none"
    FIRST = "first"
    SECOND = "second"
    EITHER = "either"
    BOTH = "both"


# Of the association types from one type to another their categories and labels, sorted; ids differ by direction.
Kinds = tuple[tuple[str, str], ...]


def kinds(named: Iterable[Named]) -> Kinds:
    """The association types that HubSpot names, in a form that two directions can be compared in."""
    return tuple(sorted((one.category, one.label or "") for one in named))


def are_hubspots(there: Kinds | None) -> bool:
    """Whether there are association types, and none of them was made by a user or an app."""
    return bool(there) and {category for category, _ in there or ()} == {"HUBSPOT_DEFINED"}


def sides(there: Kinds | None, back: Kinds | None) -> Sides:
    """By the association types that HubSpot names in each direction; None where it does not say: then both are read,
    as where a link has another label from the other side.
    """
    if there is None or back is None:
        return Sides.BOTH
    if there == back:
        return Sides.EITHER if there else Sides.NONE
    if not back:
        return Sides.FIRST
    return Sides.BOTH if there else Sides.SECOND


def is_cheaper(one: ObjectType, other: ObjectType, records: int, others: int) -> bool:
    """Whether a pair that shows the same from both sides is read from the first: an engagement's own, else that which
    needs no more calls.
    """
    if one.engagement or other.engagement:
        return bool(one.engagement)
    return -(-records // ASSOCIATION_INPUTS) <= -(-others // ASSOCIATION_INPUTS)


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


def definitions_due(asked_us: int, mark: Bookmark, wishes: Wishes, now_us: int) -> bool:
    """Whether all properties of a type are to be asked for, and not only for the plain ones: they were so at `asked_us`
    (0: never).
    """
    return now_us - asked_us > DEFINED_KEPT_US or proof_due(mark, wishes, now_us)


def is_read_whole(whole_us: int, wishes: Wishes, now_us: int) -> bool:
    """Whether all associations of a side are read, the last whole reading of which began at `whole_us` (0: never)."""
    if not whole_us or wishes.associations is Linking.ALL:
        return True
    is_due = wishes.prove or now_us - whole_us > LINKS_KEPT_US
    return is_due and wishes.associations is not Linking.CHANGED


def requests_about(records: int) -> int:
    """How many requests of the general budget a type of so many records takes that is read whole, and proved."""
    return BESIDE_PAGES + 2 * -(-records // LIST_LADDER[0])


def too_many(removed: int, records: int, wishes: Wishes) -> bool:
    """Whether so many of a type's records would be removed that a person must say so."""
    return not wishes.accept_deletes and removed > max(REMOVED_MAX, REMOVED_SHARE_MAX * records)


def in_order(types: Sequence[ObjectType], names: Iterable[str]) -> tuple[ObjectType, ...]:
    """Those of `types` whose names are given."""
    wanted = set(names)
    return tuple(type_ for type_ in types if type_.name in wanted)
