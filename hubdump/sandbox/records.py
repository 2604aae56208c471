"""The records of one type: a function of the seed, and over it what was written since."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from heapq import merge
from typing import NamedTuple

from hubdump.sandbox.definitions import Definition
from hubdump.sandbox.numbers import Numbers, mix
from hubdump.sandbox.types import Kind

Version = tuple[int, str | None, str]


class Times(NamedTuple):
    """When a record was made, changed and archived (0: not)."""

    created_ms: int
    updated_ms: int
    archived_ms: int


class Stamp(NamedTuple):
    """When a write was made, and when search finds it."""

    written_ms: int
    visible_ms: int


@dataclass(slots=True)
class State:
    """What a write left of a record: `values` over those of the seed; `gone` ones answer to nothing."""

    times: Times
    values: dict[str, str | None] = field(default_factory=dict)
    gone: bool = False


@dataclass(slots=True)
class Entry:
    """A record that was written to. `history` has the newest last; `past` what the search index still sees."""

    index: int | None
    state: State
    history: dict[str, list[Version]] = field(default_factory=dict)
    past: list[tuple[Stamp, State | None]] = field(default_factory=list)

    def seen(self, now_ms: int) -> State | None:
        """What the search index knows: the newest write that has come through."""
        later: State | None = self.state
        for stamp, before in reversed(self.past):
            if stamp.visible_ms <= now_ms:
                return later
            later = before
        return later

    def as_of(self, then_ms: int) -> State | None:
        """What the record was at an instant that is not long past."""
        later: State | None = self.state
        for stamp, before in reversed(self.past):
            if stamp.written_ms <= then_ms:
                return later
            later = before
        return later


@dataclass(slots=True, eq=False)
class Shelf:
    """All records of one type. Ids not in `entries` are as the seed has them; `written` are those in it, ascending."""

    kind: Kind
    definitions: dict[str, Definition]
    numbers: Numbers
    entries: dict[int, Entry] = field(default_factory=dict)
    written: list[int] = field(default_factory=list)
    merged: dict[int, int] = field(default_factory=dict)
    owned: dict[tuple[str, str], int] = field(default_factory=dict)
    live: int = 0
    archived: int = 0
    # Grows whenever `definitions` change, for whoever keeps something that was made of them.
    revision: int = 0

    def __post_init__(self) -> None:
        self.archived = self.numbers.archived_count
        self.live = self.numbers.total - self.archived

    def define(self, name: str, definition: Definition | None) -> None:
        """A property as it is from now on; None where it is no more. Other portals may share the definitions so far."""
        kept = {
            other: one for other, one in self.definitions.items() if definition is not None or other != name
        }
        self.definitions = kept if definition is None else kept | {name: definition}
        self.revision += 1

    def resolve(self, id_: int) -> int:
        """The record an id leads to: itself, or the survivor of its merges."""
        while id_ in self.merged:
            id_ = self.merged[id_]
        return id_

    def times(self, id_: int) -> Times | None:
        """A record's dates, None where there is none."""
        entry = self.entries.get(id_)
        if entry is not None:
            return None if entry.state.gone else entry.state.times
        index = self.numbers.index(id_)
        return None if index is None else self._base(index)

    def is_live(self, id_: int) -> bool:
        entry = self.entries.get(id_)
        if entry is not None:
            return not entry.state.gone and not entry.state.times.archived_ms
        index = self.numbers.index(id_)
        return index is not None and not self.numbers.archived_ms(index)

    def is_there(self, id_: int) -> bool:
        """Whether there is such a record, live or archived."""
        entry = self.entries.get(id_)
        return self.numbers.index(id_) is not None if entry is None else not entry.state.gone

    def ids(
        self, *, archived: bool = False, above: int = 0, view: Callable[[Entry], State | None] | None = None
    ) -> Iterator[int]:
        """Live or archived records with an id of at least `above`, ascending; `view` is what a list sees."""
        first = self.numbers.index_from(above) if above else 0
        plain = map(self.numbers.id, self.numbers.indexes(first, archived=archived))
        entries = self.entries
        if not entries:
            return plain

        def there(id_: int) -> bool:
            state = view(entries[id_]) if view else entries[id_].state
            return state is not None and not state.gone and bool(state.times.archived_ms) == archived

        written = self.written[bisect_left(self.written, above) :]
        return merge((i for i in plain if i not in entries), filter(there, written))

    def value(self, id_: int, name: str, state: State | None = None) -> str | None:
        """The value of one property that is not one of the record's own (id, dates), now or in an older state."""
        entry = self.entries.get(id_)
        if entry is None:
            index = self.numbers.index(id_)
            return None if index is None else self.base_value(index, name)
        values = (state or entry.state).values
        if name in values:
            return values[name]
        return None if entry.index is None else self.base_value(entry.index, name)

    def base_value(self, index: int, name: str) -> str | None:
        """What the seed has for a property of a record."""
        definition = self.definitions.get(name)
        if definition is None:
            return None
        if definition.unique is not None:
            return definition.own(index)
        return definition.pool[(self.numbers.hash(index) >> definition.shift) & 63]

    def holder(self, name: str, value: str) -> int | None:
        """The record that has this value of a unique property; None where none has it."""
        id_ = self.owned.get((name, value))
        if id_ is not None:
            return id_
        definition = self.definitions.get(name)
        index = definition.owner_of(value) if definition is not None and definition.unique else None
        if index is None or index >= self.numbers.total:
            return None
        id_ = self.numbers.id(index)
        return id_ if self.times(id_) is not None and self.value(id_, name) == value else None

    def add(self, id_: int, state: State, stamp: Stamp | None) -> Entry:
        """A new record; the stamp is None where nothing sees writes late."""
        entry = Entry(None, state, past=[(stamp, None)] if stamp else [])
        self.entries[id_] = entry
        insort(self.written, id_)
        self.live += 1
        return entry

    def change(self, id_: int, stamp: Stamp | None) -> Entry:
        """A record about to be written to; the caller sets its new state."""
        entry = self.entries.get(id_)
        if entry is None:
            index = self.numbers.index(id_)
            assert index is not None
            entry = self.entries[id_] = Entry(index, State(self._base(index)))
            insort(self.written, id_)
        if stamp:
            entry.past.append((stamp, entry.state))
            entry.state = replace(entry.state, values=dict(entry.state.values))
        return entry

    def count(self, before: Times, state: State) -> None:
        """Keep the numbers of live and archived records after a write."""
        if before.archived_ms:
            self.archived -= 1
        else:
            self.live -= 1
        if not state.gone:
            if state.times.archived_ms:
                self.archived += 1
            else:
                self.live += 1

    def _base(self, index: int) -> Times:
        numbers = self.numbers
        return Times(numbers.created_ms(index), numbers.updated_ms(index), numbers.archived_ms(index))

    def hash(self, id_: int) -> int:
        """Chance for a record, whether of the seed or new."""
        return mix(self.numbers.salt ^ id_)
