"""Of how many records a run asks for associations: as the engine decides it, and as each choice of the user has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hubdump.estimate.calls import pages
from hubdump.estimate.standing import left_to_link
from hubdump.extract import plan
from hubdump.extract.pairing import Pairing
from hubdump.extract.plan import Linking, Wishes
from hubdump.hubspot.endpoints import ASSOCIATION_INPUTS
from hubdump.model import WalkKey
from hubdump.store.store import Store

# Of one walk: of the records that are read, and of those that are looked back at.
Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Walks:
    """The walks of one type: the records of each request by walk, and the requests each choice would take."""

    numbers: Numbers = ()
    choices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Linked:
    """Foresees walks: `held` is what the dump holds, `changed` how many records of each type HubSpot says changed."""

    held: Store
    pairing: Pairing
    wishes: Wishes
    changed: Mapping[str, int]
    now_us: int

    async def of(self, keys: tuple[WalkKey, ...], records: int, *, resumed: bool) -> Walks:
        """The walks of a type of so many records, in a round that begins, or goes on."""
        for key in keys:
            await self.pairing.is_read(key.purpose)
        choices = {
            choice.value: sum(map(_requests, (self._numbers(key, records, choice) for key in keys)))
            for choice in (Linking.ALL, Linking.CHANGED)
        }
        numbers = [
            left_to_link(self.held, key, records)
            if resumed and self.held.begun(key)
            else self._numbers(key, records, self.wishes.associations)
            for key in keys
        ]
        return Walks(tuple(number for of_one in numbers for number in of_one), choices)

    def _numbers(self, key: WalkKey, records: int, choice: Linking | None) -> Numbers:
        last = self.held.associations.last_read(key.type, key.purpose)
        wishes = replace(self.wishes, associations=choice)
        own, back = (self._due(key, type_) for type_ in (key.type, key.purpose))
        is_whole = plan.is_read_whole(last.whole_us, wishes, self.now_us)
        if is_whole or (back and not self.pairing.shows_back(key)):
            return (records,)
        return min(records, own + self._tied(key, back)), back

    def _due(self, key: WalkKey, type_: str) -> int:
        """The records of a type that changed since a side was read: some are in the dump, others only at HubSpot."""
        known = self.held.associations.changed(key.type, key.purpose, type_, plan.OVERLAP_LINKS_US)
        return max(known, self.changed.get(type_, 0))

    def _tied(self, key: WalkKey, back: int) -> int:
        """How many records so many of the other type are tied to, if they are so as all are."""
        there = self.held.asked.records(key.purpose)
        return -(-back * self.held.pairs.count(key.type, key.purpose) // there) if back and there else 0


def _requests(numbers: Numbers) -> int:
    return sum(pages(number, ASSOCIATION_INPUTS) for number in numbers)
