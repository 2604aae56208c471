"""The search index: which records of a type pass, in order, reached by arithmetic where the question allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, cast

from hubdump.sandbox.filters import Filter, comparable
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.records import Shelf, State

# What a test is given: a record's id, its index by the seed (None: new), its state if it was written to.
Row = tuple[int, int | None, State | None]
Read = Callable[[Row], object]


@dataclass(frozen=True, slots=True)
class Question:
    """What to look for in one type: groups of filters, of which one must pass, and the sort."""

    groups: Sequence[Sequence[Filter]]
    text: str
    by: str
    descending: bool
    now_ms: int


class Index:
    """Searches one type of a portal."""

    def __init__(self, portal: Portal, shelf: Shelf) -> None:
        self._portal, self._shelf, self._numbers = portal, shelf, shelf.numbers
        self._beliefs = portal.beliefs

    def find(self, question: Question, end: int) -> tuple[int, list[int]]:
        """How many records pass, and the ids of the first `end` of them."""
        axis = self._axis(question)
        if axis is not None:
            return self._walk(question, *axis, end)
        key = self.key(question.by)
        rows = sorted(self._rows(question), key=key, reverse=question.descending)
        return len(rows), [row[0] for row in rows[:end]]

    def keyed(self, question: Question) -> list[tuple[Any, int]]:
        """All that pass with their sort keys, for types that are searched together."""
        key = self.key(question.by)
        return [(key(row), row[0]) for row in self._rows(question)]

    def key(self, by: str) -> Callable[[Row], Any]:
        """The sort key of a row: ids count as the order of creation, empty values come first."""
        if not by:
            return lambda row: row[0]
        number = by != "hs_object_id" or self._beliefs["search-order"] == "number"
        read = self.read(by)

        def key(row: Row) -> tuple[bool, bool, Any, int]:
            value = comparable(read(row), number=number)
            return value is not None, isinstance(value, str), 0 if value is None else value, row[0]

        return key

    def read(self, name: str) -> Read:
        """How a property of a row is read."""
        kind, numbers, shelf = self._shelf.kind, self._numbers, self._shelf
        if name == "hs_object_id":
            return lambda row: row[0]
        if name == kind.modified or self._filled(name):
            return lambda row: row[2].times.updated_ms if row[2] else numbers.updated_ms(row[1] or 0)
        if name == kind.created:
            return lambda row: row[2].times.created_ms if row[2] else numbers.created_ms(row[1] or 0)

        def read(row: Row) -> object:
            if row[2] is not None and name in row[2].values:
                return row[2].values[name]
            return None if row[1] is None else shelf.base_value(row[1], name)

        return read

    def _filled(self, name: str) -> bool:
        """Whether this is the second modified date of contacts, and believed to be filled."""
        return name == "hs_lastmodifieddate" and self._beliefs["contacts-hs-lastmodified"] == "filled"

    def _rows(self, question: Question) -> Iterator[Row]:
        """Every row that passes, in no order."""
        groups: Sequence[Sequence[Filter]] = question.groups or [[]]
        seen: set[int] = set()
        for group in groups:
            tests = self._tests(group, question.text)
            for row in self._candidates(group, question.now_ms):
                if row[0] not in seen and all(test(row) for test in tests):
                    if len(groups) > 1:
                        seen.add(row[0])
                    yield row

    def _candidates(self, group: Sequence[Filter], now_ms: int) -> Iterator[Row]:
        """Rows that may pass a group: those in the narrowest range that it names, and all that were written to."""
        yield from self._written(now_ms)
        numbers, entries = self._numbers, self._shelf.entries
        tied = next((f for f in group if f.name.startswith("associations.") and f.operator == "EQ"), None)
        indexes: Iterable[int | None]
        listed = next((f for f in group if f.name == "hs_object_id" and f.operator == "IN"), None)
        if tied is not None:
            indexes = [numbers.index(id_) for id_ in self._tied(tied)]
        elif listed is not None:
            ids = {comparable(value, number=True) for value in listed.operands}
            indexes = [numbers.index(id_) for id_ in ids if isinstance(id_, int)]
        else:
            ranks, places = self._ranks(group), self._places(group)
            if ranks[1] - ranks[0] < places[1] - places[0]:
                indexes = map(numbers.at_rank, range(*ranks))
            else:
                indexes = range(*places)
        masks = self._masks(group)
        if not all(any(mask) for mask, _ in masks):
            return
        for index in indexes:
            if index is None or numbers.archived_ms(index):
                continue
            if masks:
                hash_ = numbers.hash(index)
                if not all(mask[(hash_ >> shift) & 63] for mask, shift in masks):
                    continue
            id_ = numbers.id(index)
            if id_ not in entries:
                yield id_, index, None

    def _masks(self, group: Sequence[Filter]) -> list[tuple[list[bool], int]]:
        """Which values of their pools pass the filters by properties that are drawn from one."""
        kind, found = self._shelf.kind, []
        for one in group:
            definition = self._shelf.definitions.get(one.name)
            own = one.name in {kind.created, kind.modified, "hs_object_id"}
            own = own or self._filled(one.name)
            if definition is not None and not definition.unique and not own:
                test = one.test()
                found.append(([test(value) for value in definition.pool], definition.shift))
        return found

    def _written(self, now_ms: int) -> Iterator[Row]:
        """Live rows that were written to, as the index sees them."""
        for id_, entry in self._shelf.entries.items():
            state = entry.seen(now_ms)
            if state is not None and not state.gone and not state.times.archived_ms:
                yield id_, entry.index, state

    def _tests(self, group: Sequence[Filter], text: str) -> list[Callable[[Row], bool]]:
        tests = [self._test(one) for one in group]
        if text:
            reads = [self.read(name) for name in self._shelf.kind.defaults]
            tests.append(lambda row: any(text in str(read(row) or "").casefold() for read in reads))
        return tests

    def _test(self, one: Filter) -> Callable[[Row], bool]:
        if one.name.startswith("associations."):
            tied = self._tied(one)
            return lambda row: row[0] in tied
        number = one.name != "hs_object_id" or self._beliefs["search-filter"] == "number"
        kind, bounds = self._shelf.kind, one.bounds()
        read, test = self.read(one.name), one.test(number=number)
        if bounds and number and one.name in {kind.created, kind.modified, "hs_object_id"}:
            low, high = bounds  # whole numbers, as thousands of written records are asked about at once
            return lambda row: low <= cast("int", read(row)) <= high
        return lambda row: test(read(row))

    def _tied(self, one: Filter) -> set[int]:
        """The records that are associated with the one that a pseudo filter names."""
        other = self._portal.kind(one.name.removeprefix("associations."))
        value = str(one.operands[0]) if one.operands else ""
        if other is None or not value.isascii() or not value.isdecimal():
            return set()
        return set(self._portal.links.of(other.name, int(value), self._shelf.kind.name))

    def _places(self, group: Sequence[Filter]) -> tuple[int, int]:
        """The indexes that a group's filters by id and by creation leave."""
        numbers, kind = self._numbers, self._shelf.kind
        start, end = 0, numbers.total
        first_of: Callable[[int], int]
        for one in group:
            if one.name == "hs_object_id" and self._beliefs["search-filter"] == "number":
                first_of = numbers.index_from
            elif one.name == kind.created:
                first_of = numbers.index_created_from
            else:
                continue
            bounds = one.bounds()
            if bounds:
                start, end = max(start, first_of(bounds[0])), min(end, first_of(bounds[1] + 1))
        return start, max(start, end)

    def _ranks(self, group: Sequence[Filter]) -> tuple[int, int]:
        """The ranks that a group's filters by the last change leave."""
        start, end = 0, self._numbers.total
        for one in group:
            bounds = one.bounds() if one.name == self._shelf.kind.modified else None
            if bounds:
                first_of = self._numbers.rank_from
                start, end = max(start, first_of(bounds[0])), min(end, first_of(bounds[1] + 1))
        return start, max(start, end)

    def _axis(self, question: Question) -> tuple[str, int, int] | None:
        """Where one range of ranks or of indexes is the whole answer, in the order asked for: that range."""
        if question.text or len(question.groups) > 1:
            return None
        group = question.groups[0] if question.groups else ()
        kind = self._shelf.kind
        texts = "text" in {self._beliefs["search-order"], self._beliefs["search-filter"]}
        if any(one.bounds() is None for one in group) or (
            texts and any(f.name == "hs_object_id" for f in group)
        ):
            return None
        names = {one.name for one in group}
        if question.by == kind.modified and names <= {kind.modified}:
            return ("rank", *self._ranks(group))
        by_id = question.by in {"", kind.created} or (question.by == "hs_object_id" and not texts)
        if by_id and names <= {"hs_object_id", kind.created}:
            return ("index", *self._places(group))
        return None

    def _walk(self, question: Question, axis: str, start: int, end: int, most: int) -> tuple[int, list[int]]:
        """Count a range without walking it, then walk only as far as is asked."""
        numbers, entries = self._numbers, self._shelf.entries
        by_rank = axis == "rank"
        count = numbers.live_changed_between if by_rank else numbers.live_between
        total = count(start, end)
        for entry in entries.values():
            if entry.index is not None and not numbers.archived_ms(entry.index):
                place = numbers.rank(entry.index) if by_rank else entry.index
                total -= start <= place < end
        tests = self._tests(question.groups[0] if question.groups else (), "")
        written = [row for row in self._written(question.now_ms) if all(test(row) for test in tests)]
        key = self.key(question.by)
        written.sort(key=key, reverse=question.descending)
        plain = self._plain(by_rank=by_rank, start=start, end=end, descending=question.descending)
        rows = merge(plain, written, key=key, reverse=question.descending)
        return total + len(written), [row[0] for row in islice(rows, most)]

    def _plain(self, *, by_rank: bool, start: int, end: int, descending: bool) -> Iterator[Row]:
        numbers, entries = self._numbers, self._shelf.entries
        places = range(end - 1, start - 1, -1) if descending else range(start, end)
        for place in places:
            index = numbers.at_rank(place) if by_rank else place
            if numbers.archived_ms(index):
                continue
            id_ = numbers.id(index)
            if id_ not in entries:
                yield id_, index, None
