"""What happens to the portal while it is read, by the seed's own dice; each change is told to the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from hubdump.sandbox.changes import Changes
from hubdump.sandbox.core import Core
from hubdump.sandbox.links import Labels
from hubdump.sandbox.records import Shelf
from tests.simulation.truth import Key, Truth

# How often each thing happens, beside the others, in the lives that a portal may lead.
LIVES: dict[str, dict[str, float]] = {
    "mixed": {
        "edit": 30, "create": 12, "archive": 8, "restore": 6, "erase": 4, "merge": 6, "associate": 10,
        "dissociate": 8, "recalculate": 6, "mass": 1,
    },
    "edits": {"edit": 80, "recalculate": 10, "mass": 4},
    "removals": {"archive": 30, "restore": 15, "erase": 20, "merge": 20, "create": 10},
    "returns": {"archive": 40, "restore": 55, "edit": 5},
    "growth": {"create": 70, "edit": 15, "associate": 15},
    "links": {"associate": 45, "dissociate": 40, "archive": 5, "restore": 5, "merge": 5},
}  # fmt: skip
# What happens in weeks, when a person also changes what there is: a kind of life that no single extraction draws.
WEEK: dict[str, float] = {
    "edit": 30, "create": 12, "archive": 7, "restore": 6, "erase": 4, "merge": 4, "associate": 9, "dissociate": 7,
    "recalculate": 10, "mass": 4, "define": 6, "empty": 0.8, "import": 1.5,
}  # fmt: skip
MERGED = ("contacts", "companies", "deals", "tickets")
OF_THE_READ = ("define", "empty", "import")
MASS_MAX = 250
IMPORTED = 25
RETYPED = ("string", "number", "enumeration", "date", "datetime", "bool")


class Life:
    """The life of one portal; `truth` hears of all of it."""

    def __init__(self, core: Core, truth: Truth, kind: str, dice: Random) -> None:
        self._portal, self._changes = core.world.portal, Changes(core.world.portal)
        self._drift, self._made = core.world.drift, dict[tuple[str, str], str]()
        self._truth, self._dice = truth, dice
        happens = (LIVES | {"week": WEEK})[kind]
        self._names, self._weights = list(happens), list(happens.values())
        self._deeds: dict[str, Callable[[Shelf, int], None]] = {
            "edit": self._edit, "create": self._create, "archive": self._archive, "restore": self._restore,
            "erase": self._erase, "merge": self._merge, "associate": self._associate,
            "dissociate": self._dissociate, "recalculate": self._recalculate, "mass": self._mass,
            "define": self._define, "empty": self._empty, "import": self._import,
        }  # fmt: skip
        self.happened = 0

    def happen(self, count: int, from_ms: int, to_ms: int) -> None:
        """Let `count` things happen at instants after `from_ms` and up to `to_ms`."""
        for at_ms in sorted(self._dice.randint(from_ms + 1, max(from_ms + 1, to_ms)) for _ in range(count)):
            (name,) = self._dice.choices(self._names, self._weights)
            shelf = self._shelf(self._about(name))
            if shelf is not None:
                self._deeds[name](shelf, at_ms)
                self.happened += 1

    def _about(self, name: str) -> Iterable[str]:
        """The types that a thing may happen to."""
        if name == "merge":
            return MERGED
        return self._truth.types if name in OF_THE_READ else {*self._truth.types, *MERGED}

    def purge(self, count: int, at_ms: int) -> None:
        """Erase so many records of the type that has the most: more than a person would believe, perhaps."""
        shelf, keys = self._most(count)

        def erase() -> None:
            for _, id_ in keys:
                self._changes.erase(shelf, id_, at_ms)

        self._told(keys, at_ms, erase, tied=True)

    def withdraw(self, count: int, changed_ms: int, at_ms: int) -> None:
        """Archive so many records of the type that has the most, which were changed together a while before."""
        shelf, keys = self._most(count)
        name = self._text(shelf)

        def change() -> None:
            for _, id_ in keys:
                self._changes.update(shelf, id_, {name: "changed at last"}, changed_ms)

        def archive() -> None:
            for _, id_ in keys:
                self._changes.archive(shelf, id_, at_ms)

        self._told(keys, changed_ms, change)
        self._told(keys, at_ms, archive, tied=True)

    def _most(self, count: int) -> tuple[Shelf, list[Key]]:
        """The first records of the type that has the most."""
        shelf = max((self._portal.shelves[name] for name in self._truth.types), key=lambda one: one.live)
        return shelf, [(shelf.kind.name, id_) for id_ in list(shelf.ids())[:count]]

    def _shelf(self, names: Iterable[str]) -> Shelf | None:
        """One of the types that has records, read ones and those they are associated with alike."""
        shelves = [
            shelf for name in sorted(names) if (shelf := self._portal.shelves[name]).live or shelf.archived
        ]
        return self._dice.choice(shelves) if shelves else None

    def _any(self, shelf: Shelf, *, archived: bool = False) -> int | None:
        """A record by chance; often one that something happened to before, so that things happen twice."""
        if shelf.written and self._dice.random() < 0.4:
            id_ = self._dice.choice(shelf.written)
            times = shelf.times(id_)
            if times is not None and bool(times.archived_ms) == archived:
                return id_
        for _ in range(0 if archived else 20):
            id_ = shelf.numbers.id(self._dice.randrange(shelf.numbers.total)) if shelf.numbers.total else 0
            if shelf.is_live(id_):
                return id_
        ids = list(shelf.ids(archived=archived))
        return self._dice.choice(ids) if ids else None

    def _told(self, keys: list[Key], at_ms: int, deed: Callable[[], object], *, tied: bool = False) -> None:
        rows = self._truth.before(keys, tied=tied)
        deed()
        self._truth.after(keys, at_ms, rows, tied=tied)

    def _edit(self, shelf: Shelf, at_ms: int) -> None:
        id_ = self._any(shelf)
        if id_ is not None:
            values = {self._writable(shelf): f"said {self._dice.randrange(1000)}"}
            self._told(
                [(shelf.kind.name, id_)], at_ms, lambda: self._changes.update(shelf, id_, values, at_ms)
            )

    def _recalculate(self, shelf: Shelf, at_ms: int) -> None:
        id_ = self._any(shelf)
        if id_ is not None:
            values = {"hs_num_associated_queue_objects": str(self._dice.randrange(100))}
            key = (shelf.kind.name, id_)
            self._told([key], at_ms, lambda: self._changes.recalculate(shelf, id_, values, at_ms))

    def _create(self, shelf: Shelf, at_ms: int) -> None:
        values = {self._text(shelf): f"new {self._dice.randrange(1000)}"}
        id_ = self._changes.create(shelf, values, at_ms)
        self._truth.after([(shelf.kind.name, id_)], at_ms, set(), tied=False)
        if self._dice.random() < 0.7:
            self._tie(shelf, id_, at_ms)

    def _archive(self, shelf: Shelf, at_ms: int) -> None:
        id_ = self._any(shelf)
        if id_ is not None:
            key = (shelf.kind.name, id_)
            self._told([key], at_ms, lambda: self._changes.archive(shelf, id_, at_ms), tied=True)

    def _restore(self, shelf: Shelf, at_ms: int) -> None:
        id_ = self._any(shelf, archived=True)
        if id_ is not None:
            key = (shelf.kind.name, id_)
            self._told([key], at_ms, lambda: self._changes.restore(shelf, id_, at_ms), tied=True)

    def _erase(self, shelf: Shelf, at_ms: int) -> None:
        id_ = self._any(shelf, archived=self._dice.random() < 0.3)
        if id_ is not None:
            key = (shelf.kind.name, id_)
            self._told([key], at_ms, lambda: self._changes.erase(shelf, id_, at_ms), tied=True)

    def _merge(self, shelf: Shelf, at_ms: int) -> None:
        one, other = self._any(shelf), self._any(shelf)
        if one is None or other is None or one == other:
            return
        name = shelf.kind.name
        keys = [(name, one), (name, other)]
        rows = self._truth.before(keys, tied=True)
        survivor = self._changes.merge(shelf, one, other, at_ms)
        self._truth.after(list(dict.fromkeys([*keys, (name, survivor)])), at_ms, rows, tied=True)

    def _associate(self, shelf: Shelf, at_ms: int) -> None:
        id_ = self._any(shelf)
        if id_ is not None:
            self._tie(shelf, id_, at_ms)

    def _tie(self, shelf: Shelf, id_: int, at_ms: int) -> None:
        for name in self._dice.sample(MERGED, len(MERGED)):
            to = self._portal.shelves[name]
            possible = self._changes.labels_of(shelf, to)
            other = self._any(to)
            if possible and other is not None and other != id_:
                label = self._dice.choice(possible)
                self._tied(shelf, id_, to, other, (label,), at_ms)
                return

    def _tied(self, shelf: Shelf, id_: int, to: Shelf, other: int, labels: Labels, at_ms: int) -> None:
        keys = [(shelf.kind.name, id_), (to.kind.name, other)]
        ends = (shelf, id_, to, other)
        self._told(keys, at_ms, lambda: self._changes.associate(ends, labels, at_ms), tied=True)

    def _dissociate(self, shelf: Shelf, at_ms: int) -> None:
        id_ = self._any(shelf)
        if id_ is None:
            return
        every = [(name, self._portal.links.of(shelf.kind.name, id_, name)) for name in MERGED]
        every = [(name, tied) for name, tied in every if tied]
        if every:
            name, tied = self._dice.choice(every)
            other = self._dice.choice(list(tied))
            some = frozenset({self._dice.choice(tied[other])[:2]}) if self._dice.random() < 0.3 else None
            ends = (shelf, id_, self._portal.shelves[name], other)
            keys = [(shelf.kind.name, id_), (name, other)]
            self._told(keys, at_ms, lambda: self._changes.dissociate(ends, some, at_ms), tied=True)

    def _mass(self, shelf: Shelf, at_ms: int) -> None:
        """Many records get one value, and one millisecond as their last change."""
        name, ids = self._writable(shelf), list(shelf.ids())[:MASS_MAX]
        keys = [(shelf.kind.name, id_) for id_ in ids]

        def stamp() -> None:
            for id_ in ids:
                self._changes.update(shelf, id_, {name: "updated by a batch"}, at_ms)

        self._told(keys, at_ms, stamp)

    def _empty(self, shelf: Shelf, at_ms: int) -> None:
        """Every record of a type goes: archived all of them, or erased."""
        keys = [(shelf.kind.name, id_) for id_ in shelf.ids()]
        deed = self._dice.choice((self._changes.archive, self._changes.erase, self._changes.erase))

        def remove() -> None:
            for _, id_ in keys:
                deed(shelf, id_, at_ms)

        self._told(keys, at_ms, remove, tied=True)

    def _import(self, shelf: Shelf, at_ms: int) -> None:
        """Many records are made at one instant."""
        values = {self._text(shelf): "imported"}
        ids = [self._changes.create(shelf, values, at_ms) for _ in range(IMPORTED)]
        self._truth.after([(shelf.kind.name, id_) for id_ in ids], at_ms, set(), tied=False)

    def _define(self, shelf: Shelf, at_ms: int) -> None:
        """A property is made, or one that was made before is archived, brought back, retyped or removed."""
        type_ = shelf.kind.name
        mine = [name for (of, name), state in self._made.items() if of == type_ and state != "removed"]
        if mine and self._dice.random() < 0.6:
            name = self._dice.choice(mine)
            state, deed = self._redefined(type_, name)
        else:
            name = f"made_{len(self._made)}"
            state, deed = "string", f"property-created:{type_}:{name}"
        with self._truth.redefining(type_, at_ms):
            self._drift.do(deed, at_ms)
        self._made[type_, name] = state

    def _redefined(self, type_: str, name: str) -> tuple[str, str]:
        """The state of a property after what befalls it next, and the deed; of another type none is written to."""
        property_ = f"{type_}:{name}"
        if self._made[type_, name] == "archived":
            if self._dice.random() < 0.8:
                return "string", f"property-restored:{property_}"
            return "removed", f"property-removed:{property_}"
        if self._dice.random() < 0.2:
            return "retyped", f"property-retyped:{property_}:{self._dice.choice(RETYPED)}"
        return "archived", f"property-archived:{property_}"

    def _writable(self, shelf: Shelf) -> str:
        """A property that a text can be written to: in weeks also one of those that were made meanwhile."""
        type_ = shelf.kind.name
        mine = [name for (of, name), state in self._made.items() if of == type_ and state == "string"]
        return self._dice.choice(mine) if mine and self._dice.random() < 0.5 else self._text(shelf)

    def _text(self, shelf: Shelf) -> str:
        """A property that a text can be written to."""
        own = f"hs_{shelf.kind.singular}_title"
        names = (own, "firstname", "name", "dealname", "subject", "hs_object_source")
        return next(name for name in names if name in shelf.definitions)
