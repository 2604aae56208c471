"""What a run takes altogether: requests of each budget, minutes, and the share of the day's quota."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubdump.estimate.calls import Calls, seconds, sum_of
from hubdump.estimate.types import Foreseen


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the requests: `each` budget in 10 s, the user's `number` over all of them, `answer_s` for one answer.

    `daily` is the day's quota and `left` what of it is left to us, None where HubSpot does not say; `reserve` what is
    left to others beside that.
    """

    each: Mapping[str, int]
    number: int | None
    answer_s: float
    daily: int | None
    left: int | None
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """`opening` are the requests before anything is read, and those at the end; `own` those of this estimate itself."""

    portal: int
    types: Sequence[Foreseen]
    around: Sequence[Foreseen]
    opening: Calls
    own: Calls
    limits: Limits
    absent: Mapping[str, str]

    @property
    def calls(self) -> Calls:
        return self.opening + sum_of(one.calls for one in (*self.types, *self.around))

    @property
    def seconds(self) -> float:
        """What the types take, and then the collections."""
        return self._seconds(self.types, self.opening) + self._seconds(self.around, Calls())

    def _seconds(self, group: Sequence[Foreseen], more: Calls) -> float:
        """What goes on at once: as the budgets allow it, or one answer of the longest after the other."""
        calls = more + sum_of(one.calls for one in group)
        in_turn = max((one.in_turn for one in group), default=0)
        return max(in_turn * self.limits.answer_s, seconds(calls, self.limits.each, self.limits.number))

    @property
    def share(self) -> float | None:
        """Of the day's quota, from 0 on; None where HubSpot does not say how much that is."""
        return self.calls.all / self.limits.daily if self.limits.daily else None

    def choice(self, name: str) -> Calls:
        """The requests for associations, were they read as `--associations` says."""
        return Calls(associations=sum(one.choices.get(name, 0) for one in self.types))

    @property
    def unsure(self) -> list[str]:
        """What could not be counted, and why."""
        return [told for one in (*self.types, *self.around) for told in one.unsure]
