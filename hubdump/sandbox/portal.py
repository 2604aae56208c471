"""One portal: its records by type, its associations, and what was written to them, over a function of its seed."""

from __future__ import annotations

from collections.abc import Iterable

from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.links import Links
from hubdump.sandbox.names import Names
from hubdump.sandbox.numbers import Numbers, mix
from hubdump.sandbox.pairs import PAIRS, Pair, sides
from hubdump.sandbox.portals import Spec
from hubdump.sandbox.properties import definitions, narrowed
from hubdump.sandbox.records import Shelf, Stamp
from hubdump.sandbox.types import KINDS, Kind

# All custom objects, where names of types can stand.
CUSTOM = "custom"
PORTAL_ID_FIRST = 7_654_321
ENGAGEMENTS_FIRST, OTHERS_FIRST, CUSTOMS_FIRST = 47_000_000_000, 5_000_000_000, 12_000_000_000
# Where the ids of a type lie among the others'; custom objects without a place here have a range of their own.
SLOTS = {
    name: slot
    for slot, name in enumerate((*(kind.name for kind in KINDS[:-1]), "cars", "pets", KINDS[-1].name))
}


class Portal:
    """`shelves` by type and `links`; nothing of it takes memory until it is written to."""

    def __init__(
        self, spec: Spec, seed: int, beliefs: Beliefs | None = None, without: Iterable[str] = ()
    ) -> None:
        self.seed, self.spec = seed, spec
        self.without = frozenset(without)
        self.beliefs = beliefs or Beliefs()
        self.id = PORTAL_ID_FIRST + 1000 * seed
        kinds = sorted((*KINDS, *spec.customs), key=lambda kind: SLOTS.get(kind.name, len(SLOTS)))
        self.shelves = {kind.name: self._shelf(kind) for kind in kinds}
        self.names = Names(kinds, self.id)
        self.sides = sides((*PAIRS, *spec.pairs), self.shelves)
        self.links = Links(self.shelves, self.sides, seed, one_way=self.beliefs["one-way-pairs"] == "yes")
        # Types of the library that nobody switched on.
        self.switched_off = {kind.name for kind in kinds if kind.library and not spec.counts.get(kind.name)}
        # Types that were there and are not any more; custom objects that were archived are among them.
        self.gone: set[str] = set()
        self.archived: list[str] = []
        self._writes = 0
        self._last: dict[int, int] = {}

    def kind(self, type_: str) -> Kind | None:
        """The type of a name, a type id or a fully qualified name."""
        kind = self.names.kind(type_)
        return None if kind is None or kind.name in self.gone else kind

    @property
    def kinds(self) -> list[Kind]:
        """Every type it has."""
        return [shelf.kind for name, shelf in self.shelves.items() if name not in self.gone]

    @property
    def customs(self) -> list[Kind]:
        """Its custom objects."""
        return [kind for kind in self.kinds if kind.custom]

    def lacks(self, kind: Kind) -> bool:
        """Whether the portal's tier does not have a type."""
        return kind.name in self.without or (kind.custom and CUSTOM in self.without)

    def add(self, kind: Kind, pair: Pair) -> Shelf:
        """A custom object more, without records, that can be associated by `pair`."""
        shelf = Shelf(kind, definitions(kind, 0), Numbers(self.seed, 0, _first(kind), 0, 0))
        self.shelves[kind.name] = shelf
        self.names.add(kind)
        self.links.add(pair)
        return shelf

    def stamp(self, now_ms: int) -> Stamp | None:
        """When the next write is seen by search: later by half to all of the lag, so that some come out of order."""
        lag_ms = 1000 * self.beliefs.number("search-lag-s")
        if not lag_ms and not self.beliefs.number("list-lag-s"):
            return None
        self._writes += 1
        return Stamp(now_ms, now_ms + lag_ms // 2 + mix(self.seed + self._writes) % (lag_ms // 2 + 1))

    def new_id(self, kind: Kind) -> int:
        """An id that no record had: larger than all of its kind, or anywhere among them."""
        first = _first(kind)
        self._writes += 1
        chance = mix(self.seed ^ self._writes)
        top = self._last.get(first) or max(
            (s.numbers.id(s.numbers.total - 1) for s in self.shelves.values() if s.numbers.total and
             _first(s.kind) == first), default=first,
        )  # fmt: skip
        if self.beliefs["new-ids"] == "ascending":
            self._last[first] = top + 1 + chance % 900
            return self._last[first]
        id_ = first + chance % (top - first + 1)
        while any(s.numbers.index(id_) is not None or id_ in s.entries for s in self.shelves.values()):
            id_ += 1
        return id_

    def _shelf(self, kind: Kind) -> Shelf:
        slot = SLOTS.get(kind.name)
        if slot is None:
            slot = self.spec.customs.index(kind)
        numbers = Numbers(
            self.seed, slot, _first(kind), self.spec.counts.get(kind.name, 0), self.spec.archived_percent
        )
        found = definitions(kind, self.spec.made_by_users(kind.name))
        return Shelf(kind, narrowed(kind) if self.spec.narrow else found, numbers)


def _first(kind: Kind) -> int:
    """Where the ids of a type begin."""
    if kind.engagement:
        return ENGAGEMENTS_FIRST
    return OTHERS_FIRST if kind.name in SLOTS else CUSTOMS_FIRST
