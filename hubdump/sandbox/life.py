"""What happens to a portal while it is being read: scripted, from its seed, driven by whatever clock it is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from heapq import heapify, heapreplace
from itertools import islice

from hubdump.sandbox.changes import Changes
from hubdump.sandbox.config import SandboxError
from hubdump.sandbox.definitions import sentence
from hubdump.sandbox.drift import Drift
from hubdump.sandbox.item_life import LIVING, ItemLife
from hubdump.sandbox.items import Items
from hubdump.sandbox.numbers import mix
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.records import Shelf

EVENTS_MAX = 50_000
MASS_MAX = 1_000_000
LIFE = {
    "EVENTS=N/s": "so many a second (also N/min): edits, creates, archives, restores, merges, erasures, associations, "
    "dissociations, recalculations (which move no modified time)",
    "EVENTS:TYPE=N/s": "only of one type of records",
    "items=N/s": "items around the records are made, changed, archived, removed; items:COLLECTION=N/s of one only",
    "mass:TYPE:COUNT@SECOND": "so many records get one value, and one millisecond as their last change",
    "DEED@SECOND": "a property, a custom object, a type or a scope comes, changes or goes",
    "until:SECOND": "nothing happens after this",
}
_RATE = re.compile(r"(\w+)(?::(\w+))?=(\d{1,5}(?:\.\d{1,4})?)/(s|min)", re.ASCII)
_MASS = re.compile(r"mass:(\w+):(\d{1,7})@(\d{1,7}(?:\.\d{1,3})?)", re.ASCII)
_DEED = re.compile(r"([a-z]+-[^@]+|custom-created)@(\d{1,7}(?:\.\d{1,3})?)", re.ASCII)
_UNTIL = re.compile(r"until:(\d{1,7})", re.ASCII)
SOURCE = "CRM_UI"
ITEMS = "items"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Events of one sort, one every `every_ms`; `type_` is a type or a collection, '' stands for every one."""

    event: str
    type_: str
    every_ms: float


class Life:
    """The life of one portal. It begins when it is first told the time. SandboxError for a text that is none."""

    def __init__(self, text: str, portal: Portal, items: Items, drift: Drift) -> None:
        self._portal, self._changes, self._drift = portal, Changes(portal), drift
        self._events: dict[str, Callable[[Shelf, int, int], None]] = {
            "edits": self._edit, "creates": self._create, "archives": self._archive, "restores": self._restore,
            "merges": self._merge, "erasures": self._erase, "associations": self._associate,
            "dissociations": self._dissociate, "recalculations": self._recalculate,
        }  # fmt: skip
        self._around = ItemLife(items)
        self._rhythms: list[Rhythm] = []
        # What happens once: when after the beginning, and what.
        self._once: list[tuple[int, Callable[[int], None]]] = []
        self._until_ms: float = float("inf")
        for part in filter(None, text.split(",")):
            self._read(part.strip())
        self._began_ms = 0
        # The next event of each rhythm: when after the beginning, which rhythm, how many went before.
        self._due = [(rhythm.every_ms, place, 0) for place, rhythm in enumerate(self._rhythms)]
        heapify(self._due)

    def advance(self, now_ms: int) -> None:
        """Let happen, in order, what is due by now; what is too much at once waits for the next time."""
        self._began_ms = self._began_ms or now_ms
        passed_ms = min(now_ms - self._began_ms, self._until_ms)
        for _ in range(EVENTS_MAX):
            once_ms = min((at_ms for at_ms, _ in self._once), default=passed_ms + 1)
            if self._due and self._due[0][0] <= min(passed_ms, once_ms):
                at_ms, place, number = self._due[0]
                rhythm = self._rhythms[place]
                heapreplace(self._due, ((number + 2) * rhythm.every_ms, place, number + 1))
                chance = mix(mix(self._portal.seed * 31 + place) + number)
                self._happen(rhythm, chance, self._began_ms + int(at_ms))
            elif once_ms <= passed_ms:
                once = min(self._once, key=lambda one: one[0])
                self._once.remove(once)
                once[1](self._began_ms + once[0])
            else:
                return

    def _happen(self, rhythm: Rhythm, chance: int, now_ms: int) -> None:
        if rhythm.event == ITEMS:
            self._around.happen(rhythm.type_, mix(chance), now_ms)
            return
        shelf = self._shelf(rhythm, chance)
        if shelf is not None:
            self._events[rhythm.event](shelf, mix(chance), now_ms)

    def _edit(self, shelf: Shelf, chance: int, now_ms: int) -> None:
        id_ = self._any(shelf, chance)
        if id_ is not None:
            names = _writable(shelf)
            name = names[(chance >> 20) % len(names)]
            self._changes.update(shelf, id_, {name: sentence(chance >> 8, 3)}, now_ms, SOURCE)

    def _recalculate(self, shelf: Shelf, chance: int, now_ms: int) -> None:
        id_ = self._any(shelf, chance)
        if id_ is not None:
            names = [d.name for d in shelf.definitions.values() if d.calculated and d.type == "number"]
            value = str((chance >> 24) % 1000)
            self._changes.recalculate(shelf, id_, {names[(chance >> 8) % len(names)]: value}, now_ms)

    def _create(self, shelf: Shelf, chance: int, now_ms: int) -> None:
        values = {name: sentence(chance >> place, 2) for place, name in enumerate(_writable(shelf)[:3])}
        if shelf.kind.name == "contacts":
            values["email"] = f"new{chance % 10**12}@example.com"
        id_ = self._changes.create(shelf, values, now_ms, SOURCE)
        self._tie(shelf, id_, chance, now_ms)

    def _archive(self, shelf: Shelf, chance: int, now_ms: int) -> None:
        id_ = self._any(shelf, chance)
        if id_ is not None:
            self._changes.archive(shelf, id_, now_ms)

    def _restore(self, shelf: Shelf, chance: int, now_ms: int) -> None:
        archived = list(islice(shelf.ids(archived=True), 1 + chance % 50))
        if archived:
            self._changes.restore(shelf, archived[-1], now_ms)

    def _merge(self, shelf: Shelf, chance: int, now_ms: int) -> None:
        one, other = self._any(shelf, chance), self._any(shelf, mix(chance))
        if one is not None and other is not None and one != other:
            self._changes.merge(shelf, one, other, now_ms)

    def _erase(self, shelf: Shelf, chance: int, now_ms: int) -> None:
        id_ = self._any(shelf, chance)
        if id_ is not None:
            self._changes.erase(shelf, id_, now_ms)

    def _associate(self, shelf: Shelf, chance: int, now_ms: int) -> None:
        id_ = self._any(shelf, chance)
        if id_ is not None:
            self._tie(shelf, id_, chance, now_ms)

    def _dissociate(self, shelf: Shelf, chance: int, now_ms: int) -> None:
        id_ = self._any(shelf, chance)
        if id_ is None:
            return
        for to in self._others(shelf):
            tied = self._portal.links.of(shelf.kind.name, id_, to)
            if tied:
                other = sorted(tied)[chance % len(tied)]
                self._changes.dissociate((shelf, id_, self._portal.shelves[to], other), None, now_ms)
                return

    def _tie(self, shelf: Shelf, id_: int, chance: int, now_ms: int) -> None:
        """Associate a record with one of a type that it can be associated with, if there is any."""
        others = [
            to for to in self._others(shelf) if self._portal.shelves[to].live and to not in self._portal.gone
        ]
        if others:
            to = self._portal.shelves[others[chance % len(others)]]
            other = self._any(to, mix(chance + 1))
            if other is not None and other != id_:
                plain = self._changes.labels_of(shelf, to)[:1]
                self._changes.associate((shelf, id_, to, other), tuple(plain), now_ms)

    def _stamp(self, type_: str, count: int, now_ms: int) -> None:
        """A mass update of so many records."""
        shelf = self._portal.shelves[type_]
        name = _writable(shelf)[0]
        for id_ in list(islice(shelf.ids(), count)):
            self._changes.update(shelf, id_, {name: "updated by a batch"}, now_ms, "BATCH_UPDATE")

    def _shelf(self, rhythm: Rhythm, chance: int) -> Shelf | None:
        """The type an event is of: its own, or any by how many records there are."""
        gone = self._portal.gone
        shelves = {name: shelf for name, shelf in self._portal.shelves.items() if name not in gone}
        if rhythm.type_ in gone:
            return None
        if rhythm.type_:
            return shelves[rhythm.type_]
        if rhythm.event in _ONLY:
            return shelves[_ONLY[rhythm.event]]
        place = chance % max(1, sum(shelf.live for shelf in shelves.values()))
        for shelf in shelves.values():
            if place < shelf.live:
                return shelf
            place -= shelf.live
        return None

    def _any(self, shelf: Shelf, chance: int) -> int | None:
        """A live record by chance; None where a few tries find none."""
        total, written = shelf.numbers.total, shelf.written
        for attempt in range(20):
            place = mix(chance + attempt) % max(1, total + len(written))
            if place < total:
                id_ = shelf.numbers.id(place)
            elif written:
                id_ = written[place - total]
            else:
                return None
            if shelf.is_live(id_):
                return id_
        return None

    def _others(self, shelf: Shelf) -> Iterator[str]:
        """The types that records of a type can be associated with."""
        return (to for from_, to in self._portal.sides if from_ == shelf.kind.name and to != from_)

    def _read(self, part: str) -> None:
        rate, mass, until = _RATE.fullmatch(part), _MASS.fullmatch(part), _UNTIL.fullmatch(part)
        deed = _DEED.fullmatch(part)
        if until:
            self._until_ms = 1000 * int(until[1])
        elif mass and mass[1] in self._portal.shelves and int(mass[2]) <= MASS_MAX:
            self._once.append((_ms(mass[3]), partial(self._stamp, mass[1], int(mass[2]))))
        elif deed and self._drift.knows(deed[1]):
            self._once.append((_ms(deed[2]), partial(self._drift.do, deed[1])))
        elif rate and self._knows(rate[1], rate[2]) and float(rate[3]) > 0:
            every_ms = {"s": 1000, "min": 60_000}[rate[4]] / float(rate[3])
            self._rhythms.append(Rhythm(rate[1], rate[2] or "", every_ms))
        else:
            raise SandboxError(f"life is '{part}', but must be of: {'; '.join(LIFE)}")

    def _knows(self, event: str, kind: str | None) -> bool:
        """Whether there is such an event, of this type or collection (None: of any)."""
        kinds = LIVING if event == ITEMS else self._portal.shelves
        return event in {ITEMS, *self._events} and (kind is None or kind in kinds)


def _ms(seconds: str) -> int:
    return int(1000 * float(seconds))


_ONLY = {"merges": "contacts", "erasures": "contacts"}


def _writable(shelf: Shelf) -> list[str]:
    """The properties that somebody might write a text to."""
    return _writable_of(shelf, shelf.revision)


@cache
def _writable_of(shelf: Shelf, _revision: int) -> list[str]:
    return [
        name
        for name, definition in shelf.definitions.items()
        if definition.type == "string" and definition.field_type == "text" and definition.unique is None
        and not (definition.read_only or definition.calculated or definition.archived)
        and definition.sensitivity == "non_sensitive"
    ]  # fmt: skip
