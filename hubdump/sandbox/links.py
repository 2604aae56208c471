"""The associations of a portal: a function of the seed, and over it those that were written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hubdump.sandbox.numbers import Numbers, coprime, mix
from hubdump.sandbox.pairs import USER_LABELS, Label, Pair, Sides
from hubdump.sandbox.pairs import sides as sides_of
from hubdump.sandbox.records import Shelf

Labels = tuple[Label, ...]
Tied = dict[int, Labels]
# What a label is told by: its category and type id.
Type = tuple[str, int]
# From so many associations of a record on they are kept: each page of them asks for all.
MANY = 1000


class Links:
    """Associations between the records of `shelves`, seen from either side."""

    def __init__(
        self, shelves: Mapping[str, Shelf], sides: Sides, seed: int, *, one_way: bool = True
    ) -> None:
        self._shelves, self._sides, self._one_way = shelves, sides, one_way
        self._ties = {
            pair: _Ties(pair, shelves, mix(seed + number))
            for number, pair in enumerate(dict.fromkeys(pair for pair, _ in sides.values()))
        }
        self._written: dict[tuple[str, str], dict[int, Tied]] = {}

    def add(self, pair: Pair) -> None:
        """Two types more that can be associated; the portal's sides know them too."""
        self._sides |= sides_of([pair], self._shelves)
        self._ties[pair] = _Ties(pair, self._shelves, 0)

    def of(self, from_: str, id_: int, to: str) -> Tied:
        """A live record's associations to live ones: their labels by id, ascending."""
        side = self._sides.get((from_, to))
        if side is None or not self._shelves[from_].is_live(id_):
            return {}
        if side[0].one_way and not side[1] and self._one_way:
            return {}
        entries, live = self._shelves[to].entries, self._shelves[to].is_live
        found = self._all(from_, id_, to)
        if not entries and id_ not in self._written.get((from_, to), ()):
            return found  # as the seed has them, ascending
        return {
            other: labels for other, labels in sorted(found.items()) if other not in entries or live(other)
        }

    def tie(self, from_: str, id_: int, to: str, other: int, labels: Labels, back: Labels) -> None:
        """Add labels to the association of two records, seen from both."""
        for side, mine, yours, added in (((from_, to), id_, other, labels), ((to, from_), other, id_, back)):
            tied = self._own(side, mine)
            tied[yours] = _ordered({*tied.get(yours, ()), *added})

    def untie(self, from_: str, id_: int, to: str, other: int, types: frozenset[Type] | None = None) -> bool:
        """Take labels of these types, or all of them, from an association; False where there was none."""
        side = self._sides.get((from_, to))
        if side is None or other not in self._all(from_, id_, to):
            return False
        pair, forward = side
        mirrored = _mirror(pair, forward=forward)
        wanted = None if types is None else frozenset(mirrored.get(t, t) for t in types)
        for ends, mine, yours, gone in (
            ((from_, to), id_, other, types),
            ((to, from_), other, id_, wanted),
        ):
            tied = self._own(ends, mine)
            kept = () if gone is None else tuple(la for la in tied.get(yours, ()) if la[:2] not in gone)
            if kept:
                tied[yours] = kept
            else:
                tied.pop(yours, None)
        return True

    def move(self, type_: str, old: int, new: int) -> None:
        """Give all associations of a record to another one of its type, as a merge does."""
        for from_, to in self._sides:
            if from_ != type_:
                continue
            back = self._sides[to, from_]
            for other, labels in list(self._all(from_, old, to).items()):
                there = self._all(to, other, from_).get(old, ()) or (back[0].labels(forward=back[1])[0],)
                self.untie(from_, old, to, other)
                if (to, other) != (type_, new):
                    self.tie(from_, new, to, other, labels, there)

    def rows(self, from_: str, to: str) -> Iterator[tuple[int, Tied]]:
        """All associations from one type to another: every live record's that has any."""
        for id_ in self._shelves[from_].ids():
            found = self.of(from_, id_, to)
            if found:
                yield id_, found

    def _all(self, from_: str, id_: int, to: str) -> Tied:
        written = self._written.get((from_, to), {}).get(id_)
        if written is not None:
            return written
        pair, forward = self._sides[from_, to]
        return self._ties[pair].of(id_, forward=forward)

    def _own(self, side: tuple[str, str], id_: int) -> Tied:
        """A record's associations, as its own copy to write to."""
        mine = self._written.setdefault(side, {})
        if id_ not in mine:
            mine[id_] = dict(self._all(side[0], id_, side[1]))
        return mine[id_]


class _Ties:
    """A pair's associations by the seed: slots of one side, spread over the other by a permutation."""

    def __init__(self, pair: Pair, shelves: Mapping[str, Shelf], salt: int) -> None:
        self._pair, self._salt = pair, salt
        self._from, self._to = shelves[pair.from_].numbers, shelves[pair.to].numbers
        self._each = len(pair.percents)
        self._slots = self._from.total * self._each if self._to.total else 0
        self._factor = coprime(salt % max(1, self._slots), self._slots)
        self._inverse = pow(self._factor, -1, self._slots) if self._slots else 0
        # Where all lead to one record, it is one that is there.
        self._hub = _first_live(self._to) if pair.hub_every == 1 else 0
        self._kept: dict[tuple[int, bool], Tied] = {}

    def of(self, id_: int, *, forward: bool) -> Tied:
        """A record's associations, from its side; of a pair of one type both those to it and from it."""
        kept = self._kept.get((id_, forward))
        if kept is not None:
            return kept
        found = self._one_side(id_, forward=forward)
        if self._pair.from_ == self._pair.to:
            found.pop(id_, None)
            for other, labels in self._one_side(id_, forward=not forward).items():
                if other != id_:
                    found[other] = _ordered({*found.get(other, ()), *labels})
            found = dict(sorted(found.items()))
        if len(found) >= MANY:
            self._kept = {(id_, forward): found}
        return found

    def _one_side(self, id_: int, *, forward: bool) -> Tied:
        numbers, others = (self._from, self._to) if forward else (self._to, self._from)
        index = numbers.index(id_) if self._slots else None
        if index is None or numbers.archived_ms(index):
            return {}
        found = self._forward(index) if forward else self._back(index)
        return {
            others.id(other): self._labels(*((index, other) if forward else (other, index)), forward=forward)
            for other in sorted(set(found))
            if not others.archived_ms(other)
        }

    def _forward(self, index: int) -> Iterator[int]:
        for slot in range(index * self._each, (index + 1) * self._each):
            if self._taken(slot):
                yield self._hub if self._of_hub(slot) else self._spread(slot) % self._to.total

    def _back(self, index: int) -> Iterator[int]:
        for place in range(index, self._slots, self._to.total):
            slot = (place - self._salt) * self._inverse % self._slots
            if self._taken(slot) and not self._of_hub(slot):
                yield slot // self._each
        if index == self._hub and self._pair.hub_every:
            for slot in range(self._pair.hub_every - 1, self._slots, self._pair.hub_every):
                if self._taken(slot):
                    yield slot // self._each

    def _spread(self, slot: int) -> int:
        return (slot * self._factor + self._salt) % self._slots

    def _taken(self, slot: int) -> bool:
        return mix(self._salt + slot) % 100 < self._pair.percents[slot % self._each]

    def _of_hub(self, slot: int) -> bool:
        """Some associations all lead to one record, which so has more than a page of them."""
        every = self._pair.hub_every
        return bool(every) and slot % every == every - 1

    def _labels(self, index: int, other: int, *, forward: bool) -> Labels:
        chance = mix(self._salt ^ (index * 7_919 + other))
        side = 0 if forward else 1
        pair = self._pair
        found: list[Label] = [(pair.category, (pair.there, pair.back)[side], None)]
        if pair.primary and chance % 100 < 80:
            found.append((pair.category, pair.primary[side], "Primary"))
        if pair.is_labelled and (chance >> 20) % 20 == 0:
            *ids, text = USER_LABELS[-1 - (chance >> 30) % 2]
            found.append(("USER_DEFINED", ids[side], text))
        found += (
            pair.drawn(place, forward=forward)
            for place in range(len(pair.own))
            if (chance >> (12 + 4 * place)) % 8 == 0
        )
        return _ordered(found)


def _mirror(pair: Pair, *, forward: bool) -> dict[Type, Type]:
    """The types of one side's labels, and what they are called from the other."""
    there, back = pair.labels(forward=forward), pair.labels(forward=not forward)
    return {mine[:2]: yours[:2] for mine, yours in zip(there, back, strict=True)}


def _ordered(labels: Iterable[Label]) -> Labels:
    return tuple(sorted(labels, key=lambda label: (label[1], label[0])))


def _first_live(numbers: Numbers) -> int:
    """The index of the first record that is not archived."""
    return next(numbers.indexes(0, archived=False), 0)
