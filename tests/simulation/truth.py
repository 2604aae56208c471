"""What was true of the portal at every instant: a journal kept outside the code under test, beside every change."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from hubdump.sandbox.core import Core
from hubdump.sandbox.records import Shelf
from hubdump.sandbox.written import Wish, Writer

ACTIVE, ARCHIVED, GONE, MERGED, NEVER = "active", "archived", "gone", "merged", "never"
# Pairs that HubSpot stores from this side only (docs/beliefs.md): nothing leads to them from the other one.
ONE_WAY = frozenset({("leads", "deals")})
# From type, from id, to type, to id, category, type id, label.
Row = tuple[str, int, str, int, str, int, str | None]
Key = tuple[str, int]


class Moment(NamedTuple):
    """From `at_ms` on: what a record is, when it was last changed, and its bytes (none where it cannot be read)."""

    at_ms: int
    state: str
    updated_ms: int = 0
    content: bytes = b""
    into: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which an association was there: from `from_ms` to before `to_ms`."""

    from_ms: int
    to_ms: float = float("inf")


class Truth:
    """The journal of one portal. `types` are those that are read, `pairs` the (from, to) that start at one of them."""

    def __init__(self, core: Core, types: Iterable[str]) -> None:
        self._portal = core.world.portal
        self._writer = Writer(self._portal)
        self.types = tuple(types)
        self.pairs = frozenset(pair for pair in self._portal.sides if pair[0] in self.types)
        self._shelves = self._portal.shelves
        self._wishes = {name: _wish(self._shelves[name]) for name in self.types}
        # From an instant on: which properties a type has, each with its type.
        self._defined = {name: [(0, _types_of(self._shelves[name]))] for name in self.types}
        self._moments: dict[Key, list[Moment]] = {}
        self._moved_ms: dict[str, list[int]] = {name: [] for name in self.types}
        self._spans: dict[Row, list[Span]] = {}
        self._born = {name: frozenset(self._every(name)) for name in self.types}
        self.first_rows = frozenset(self._all_rows())

    def moments(self, key: Key) -> list[Moment]:
        """All that a record ever was, from the beginning on."""
        told = self._moments.get(key)
        if told is not None:
            return told
        return [self._now(key, 0)] if key[1] in self._born.get(key[0], ()) else [Moment(0, NEVER)]

    def between(self, key: Key, from_ms: int, to_ms: int) -> list[Moment]:
        """What a record was at any instant from `from_ms` to `to_ms`."""
        every = self.moments(key)
        first = bisect_right(every, from_ms, key=lambda one: one.at_ms) - 1
        return [one for one in every[max(0, first) :] if one.at_ms <= to_ms]

    def is_calm(self, type_: str, from_ms: int, to_ms: int) -> bool:
        """Whether nothing happened to any record of a type in a stretch."""
        return not any(from_ms <= at_ms <= to_ms for at_ms in self._moved_ms[type_])

    def survivors(self, key: Key) -> set[int]:
        """The records that a record was merged into, one after the other."""
        found, wanted = set[int](), key
        while into := self.moments(wanted)[-1].into:
            found.add(into)
            wanted = key[0], into
        return found

    def ids(self, type_: str) -> frozenset[int]:
        """Every id that a record of a type ever had."""
        return self._born[type_] | {id_ for name, id_ in self._moments if name == type_}

    def touched(self) -> list[Key]:
        """The records that anything happened to."""
        return sorted(self._moments)

    def was_tied(self, row: Row, from_ms: int, to_ms: int) -> tuple[bool, bool]:
        """Whether an association was there at any instant of a stretch, and whether it was at every one."""
        spans = self._spans.get(row)
        if spans is None:
            there = row in self.first_rows
            return there, there
        ever = any(span.from_ms <= to_ms and span.to_ms > from_ms for span in spans)
        return ever, any(span.from_ms <= from_ms and span.to_ms > to_ms for span in spans)

    def rows(self) -> Iterator[Row]:
        """Every association that ever was."""
        yield from self.first_rows
        yield from (row for row in self._spans if row not in self.first_rows)

    def defined(self, type_: str, from_ms: int, to_ms: int) -> frozenset[tuple[str, str]]:
        """The properties that a type had at every instant of a stretch: (name, type)."""
        every = self._defined[type_]
        first = bisect_right(every, from_ms, key=lambda one: one[0]) - 1
        return frozenset.intersection(*(names for at_ms, names in every[max(0, first) :] if at_ms <= to_ms))

    def is_redefined(self, type_: str) -> bool:
        """Whether a type ever had other properties than at first."""
        return len(self._defined[type_]) > 1

    @contextmanager
    def redefining(self, type_: str, at_ms: int) -> Iterator[None]:
        """What is done within changes the properties of a type, and by them what all its records look like."""
        keys = [(type_, id_) for id_ in self.ids(type_) if self._shelves[type_].times(id_) is not None]
        rows = self.before(keys, tied=False)
        yield
        self._wishes[type_] = _wish(self._shelves[type_])
        self._defined[type_].append((at_ms, _types_of(self._shelves[type_])))
        self.after(keys, at_ms, rows, tied=False)

    def before(self, keys: Iterable[Key], *, tied: bool) -> set[Row]:
        """To be told before records change: their present rows, where `tied` ones may change too."""
        rows: set[Row] = set()
        for key in keys:
            if key[0] in self._wishes and key not in self._moments:
                born = key[1] in self._born[key[0]]
                self._moments[key] = [self._now(key, 0) if born else Moment(0, NEVER)]
            if tied:
                rows.update(self._rows_of(key))
        return rows

    def after(self, keys: Iterable[Key], at_ms: int, rows: set[Row], *, tied: bool) -> None:
        """To be told after they changed, at this instant, with what `before` gave."""
        now: set[Row] = set()
        for key in keys:
            if key[0] in self._wishes:
                if key not in self._moments:
                    self._moments[key] = [Moment(0, NEVER)]
                self._moments[key].append(self._now(key, at_ms))
                self._moved_ms[key[0]].append(at_ms)
            if tied:
                now.update(self._rows_of(key))
        for row in rows - now:
            spans = self._spans.setdefault(row, [Span(0)])
            spans[-1] = Span(spans[-1].from_ms, at_ms)
        for row in now - rows:
            self._spans.setdefault(row, []).append(Span(at_ms))

    def _now(self, key: Key, at_ms: int) -> Moment:
        shelf = self._shelves[key[0]]
        times = shelf.times(key[1])
        if times is None:
            merged = key[1] in shelf.merged
            return Moment(at_ms, MERGED if merged else GONE, into=shelf.resolve(key[1]) if merged else 0)
        content = self._writer.record(shelf, key[1], self._wishes[key[0]])
        return Moment(at_ms, ARCHIVED if times.archived_ms else ACTIVE, times.updated_ms, content)

    def _every(self, type_: str) -> Iterator[int]:
        yield from self._shelves[type_].ids()
        yield from self._shelves[type_].ids(archived=True)

    def _all_rows(self) -> Iterator[Row]:
        for from_, to in self.pairs:
            yield from self._rows_between(from_, to)

    def _rows_between(self, from_: str, to: str) -> Iterator[Row]:
        for id_, tied in self._portal.links.rows(from_, to):
            for other, labels in tied.items():
                yield from ((from_, id_, to, other, *label) for label in labels)

    def _rows_of(self, key: Key) -> Iterator[Row]:
        """The associations of one record, seen from it and from the others."""
        type_, id_ = key
        links = self._portal.links
        for from_, to in self._portal.sides:
            if from_ != type_ or not self.pairs & {(from_, to), (to, from_)}:
                continue
            tied = links.of(type_, id_, to)
            if (type_, to) in self.pairs:
                for other, labels in tied.items():
                    yield from ((type_, id_, to, other, *label) for label in labels)
            if (to, type_) in self.pairs:
                for other in tied:
                    back = links.of(to, other, type_).get(id_, ())
                    yield from ((to, other, type_, id_, *label) for label in back)
        for from_, to in self.pairs & ONE_WAY:
            if to == type_:
                yield from (row for row in self._rows_between(from_, to) if row[3] == id_)


def _wish(shelf: Shelf) -> Wish:
    """What is asked for of a record: every property that the portal lists, in its order."""
    return Wish(tuple(name for name, _ in _listed(shelf)))


def _types_of(shelf: Shelf) -> frozenset[tuple[str, str]]:
    return frozenset(_listed(shelf))


def _listed(shelf: Shelf) -> Iterator[tuple[str, str]]:
    for name, one in shelf.definitions.items():
        if not one.archived and one.sensitivity == "non_sensitive":
            yield name, one.type
