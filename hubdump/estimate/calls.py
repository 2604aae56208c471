"""How many requests something takes, and how long they take together (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hubdump.model import Budget

TEN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests by budget."""

    general: int = 0
    associations: int = 0
    search: int = 0

    def __add__(self, other: Calls) -> Calls:
        return Calls(
            self.general + other.general, self.associations + other.associations, self.search + other.search
        )

    @property
    def all(self) -> int:
        return self.general + self.associations + self.search

    def by_budget(self) -> dict[str, int]:
        """The same, by the names of the budgets."""
        return {budget.value: getattr(self, budget.value) for budget in Budget}


def sum_of(calls: Iterable[Calls]) -> Calls:
    """All of them together."""
    return sum(calls, Calls())


def pages(items: int, most: int) -> int:
    """Pages of at most `most` that hold so many items."""
    return -(-items // most)


def seconds(calls: Calls, limits: Mapping[str, int], number: int | None) -> float:
    """Seconds that requests take at least, where `limits` are those of each budget in 10 s, `number` one over all."""
    each = [needed / limits[budget] for budget, needed in calls.by_budget().items()]
    return TEN_SECONDS * max(*each, calls.all / number if number else 0)
