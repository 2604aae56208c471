"""A type's records as functions of their index: ids, dates and what is archived, each way, without keeping any."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from math import gcd

BEGAN_MS = 1_609_459_200_000  # 2021: the first record is made
CREATED_MS = 1_735_689_600_000  # 2025: the last one is, and the changes begin
CHANGED_MS = 1_790_812_800_000  # October 2026: nothing of this changes while it is read
ARCHIVED_SPAN_MS = 1_000_000_000
# Each type has a slot in every stride of ids, so that no two types share an id.
SLOTS, SLOT_WIDTH = 64, 15
STRIDE = SLOTS * SLOT_WIDTH
_MASK = (1 << 64) - 1


def mix(number: int) -> int:
    """64 bits that look like chance, for a number."""
    number = (number * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) & _MASK
    number = ((number ^ (number >> 32)) * 0xBF58476D1CE4E5B9) & _MASK
    return number ^ (number >> 29)


def coprime(number: int, total: int) -> int:
    """A factor that permutes the numbers below `total`, not small, near `number` if that is not."""
    number = max(number, total * 5 // 8) | 1
    while total and gcd(number, total) != 1:
        number += 2
    return number


class Numbers:
    """`total` records of one type; of every `period` one is archived (0: none). Indexes run from 0, as ids do.

    Ids ascend with gaps and grow by a digit half-way; the order of changes is a permutation of them, so
    that both "the page from this id" and "the page changed since" are found by arithmetic.
    """

    def __init__(self, seed: int, slot: int, first: int, live: int, archived_percent: int) -> None:
        every = 100 // archived_percent if archived_percent else 0
        self.archived_count = live // every if every else 0
        self.period = every + 1 if every else 0
        self.total = live + self.archived_count
        self._half = (self.total + 1) // 2
        self._spot = (-1, -1)
        self._first, self._slot = first, slot * SLOT_WIDTH
        self.salt = mix(seed * 1009 + slot)
        self._created_step = max(1, (CREATED_MS - BEGAN_MS) // max(1, self.total))
        self._changed_step = max(1, (CHANGED_MS - CREATED_MS) // max(1, self.total))
        self._factor = coprime(self.salt % max(1, self.total), self.total)
        self._inverse = pow(self._factor, -1, self.total) if self.total else 0

    def hash(self, index: int) -> int:
        """What stands for chance in all that a record is."""
        return mix(self.salt + index)

    def id(self, index: int) -> int:
        start = self._first if index < self._half else self._first * 10
        return start + index * STRIDE + self._slot + mix(self.salt ^ index) % SLOT_WIDTH

    def index(self, id_: int) -> int | None:
        """The index of an id, None where no record ever had it."""
        start = self._first if id_ < self._first * 10 else self._first * 10
        index = (id_ - start) // STRIDE
        return index if 0 <= index < self.total and self.id(index) == id_ else None

    def index_of(self, id_: int) -> int:
        """The index of an id that is known to be one of these."""
        return (id_ - (self._first if id_ < self._first * 10 else self._first * 10)) // STRIDE

    def index_from(self, id_: int) -> int:
        """The index of the first record whose id is at least this."""
        return bisect_left(range(self.total), id_, key=self.id)

    def created_ms(self, index: int, hash_: int | None = None) -> int:
        """When a record was made; its hash, where that is known, saves reckoning it again."""
        chance = self.hash(index) if hash_ is None else hash_
        return BEGAN_MS + index * self._created_step + chance % self._created_step

    def rank(self, index: int) -> int:
        """A record's place in the order of changes."""
        return (index * self._factor + self.salt) % self.total

    def at_rank(self, rank: int) -> int:
        return (rank - self.salt) * self._inverse % self.total

    def changed_ms(self, rank: int) -> int:
        """When the record of a rank was changed; some neighbours in the same millisecond, as after an import."""
        together = rank - rank % 4
        if together % 32 == 12:
            rank = together
        return CREATED_MS + rank * self._changed_step + mix(self.salt + 7 * rank) % self._changed_step

    def updated_ms(self, index: int) -> int:
        return self.changed_ms(self.rank(index))

    def rank_from(self, ms: int) -> int:
        """The first rank changed at this instant or later."""
        return bisect_left(range(self.total), ms, key=self.changed_ms)

    def index_created_from(self, ms: int) -> int:
        """The first record created at this instant or later."""
        return bisect_left(range(self.total), ms, key=self.created_ms)

    def archived_ms(self, index: int) -> int:
        """When a record was archived; 0 where it is not."""
        if not self.period:
            return 0
        block = index // self.period
        if self._spot[0] != block:  # neighbours are asked about one after the other
            self._spot = (block, self.archived_at(block) if block < self.archived_count else -1)
        if index != self._spot[1]:
            return 0
        return CHANGED_MS + mix(self.salt ^ (5 * block)) % ARCHIVED_SPAN_MS

    def archived_at(self, block: int) -> int:
        """The index of the archived record of a block."""
        return block * self.period + mix(self.salt + 3 * block) % self.period

    def live_between(self, start: int, end: int) -> int:
        """How many live records have an index from `start` to before `end`."""
        blocks = range(self.archived_count)
        archived = bisect_left(blocks, end, key=self.archived_at) - bisect_left(
            blocks, start, key=self.archived_at
        )
        return max(0, end - start) - archived

    def live_changed_between(self, start: int, end: int) -> int:
        """How many live records have a rank from `start` to before `end`."""
        gone = self._archived_ranks
        return max(0, end - start) - (bisect_left(gone, end) - bisect_left(gone, start))

    def indexes(self, start: int, *, archived: bool) -> Iterator[int]:
        """Live or archived indexes from `start` on."""
        if archived:
            first = bisect_left(range(self.archived_count), start, key=self.archived_at)
            yield from map(self.archived_at, range(first, self.archived_count))
            return
        for index in range(start, self.total):
            if not self.archived_ms(index):
                yield index

    @cached_property
    def _archived_ranks(self) -> list[int]:
        return sorted(self.rank(self.archived_at(block)) for block in range(self.archived_count))
