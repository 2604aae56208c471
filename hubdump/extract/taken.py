"""Which types a run takes, for the pairs among them, and where the dump stands (an estimate has another view of it)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hubdump.extract import plan
from hubdump.model import Bookmark, ObjectType
from hubdump.store.discovered import Discovered
from hubdump.store.pairs import Pairs


class Counts(Protocol):
    """What is known of records, as the store answers it."""

    def known(self) -> frozenset[str]: ...
    def knows(self, type_: str) -> bool: ...
    def records(self, type_: str) -> int: ...
    def has_gaps(self, type_: str) -> bool: ...


class Standing(Protocol):
    """A store, as far as pairs of types need one."""

    @property
    def path(self) -> Path: ...
    @property
    def asked(self) -> Counts: ...
    @property
    def pairs(self) -> Pairs: ...
    @property
    def discovered(self) -> Discovered: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """The types of one run: all that are in the portal; the names of those that are `due`, read by this run, of those
    that are `kept`, read whole by the run that it continues, and of those that are `new`, never read so far; those
    that the user does `without`; how many records HubSpot counts, by type id, where it was asked.
    """

    types: Sequence[ObjectType]
    due: frozenset[str]
    kept: frozenset[str]
    new: frozenset[str]
    without: Collection[str]
    counted: Mapping[str, int] = field(default_factory=dict)

    def uncounted(self, known: frozenset[str]) -> frozenset[str]:
        """The types of which only HubSpot's count says whether there are records."""
        others = frozenset(type_.name for type_ in self.types) - self.due - self.kept
        return (others | (self.due & self.new)) - known


def taken(
    types: Iterable[ObjectType],
    absent: Collection[str],
    due: Iterable[ObjectType],
    again: Iterable[ObjectType],
    marks: Iterable[Bookmark],
    without: Collection[str],
) -> Taken:
    """What a run takes that reads the types that are `due`, where `again` are all that could be."""
    names = frozenset(type_.name for type_ in due)
    there = [type_ for type_ in types if type_.name not in absent or type_.name in names]
    kept = frozenset(type_.name for type_ in there) - names - {type_.name for type_ in again}
    new = frozenset(mark.type for mark in marks if plan.is_new(mark))
    return Taken(there, names, kept, new, without)
