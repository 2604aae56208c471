"""How many requests may be under way at once: fewer when HubSpot fails or is slow, slowly more again (pure).

HubSpot is overloaded now and then below its own limits; what helps it is fewer requests at a time. So many as the
budgets allow in the time of an answer keep them busy; three times that evens out slow ones, and where all become
slower than so, they are no more for it.
"""

from __future__ import annotations

from collections import deque
from math import ceil

from hubdump import marks
from hubdump.hubspot.window import SECOND_NS

# More walks than this only wait for each other: a page per round trip of 0.3 s is 80 requests a second.
IN_FLIGHT_MAX = 24
SLOW_S = 10.0
# One failure is chance: so many within the span are a cluster, and what was sent before a halving is no new one.
CLUSTER = 3
CLUSTER_SPAN_NS = 10 * SECOND_NS
REST_NS = SECOND_NS
# Requests under way for each that is in the time of an answer by the budgets' rate, and how few are never too many.
ROOM = 3
FEW = 4
# Answers whose mean is one measurement; the lowest one of a minute or two is HubSpot at ease.
ANSWERS = 20
AT_EASE_NS = 60 * SECOND_NS


class AtEase:
    """How long HubSpot takes when it is not loaded: None until so many answers came."""

    def __init__(self) -> None:
        self._took_ns: list[int] = []
        self._lowest_ns: deque[tuple[int, int]] = deque(maxlen=2)

    @property
    def took_ns(self) -> int | None:
        return min(lowest for _, lowest in self._lowest_ns) if self._lowest_ns else None

    def answered(self, took_ns: int, now_ns: int) -> None:
        """An answer came `took_ns` after its request was sent."""
        self._took_ns.append(took_ns)
        if len(self._took_ns) < ANSWERS:
            return
        mean, self._took_ns = sum(self._took_ns) // ANSWERS, []
        if not self._lowest_ns or now_ns >= self._lowest_ns[-1][0] + AT_EASE_NS:
            self._lowest_ns.append((now_ns, mean))
        else:
            began_ns, lowest = self._lowest_ns.pop()
            self._lowest_ns.append((began_ns, min(lowest, mean)))


class InFlight:
    """`limit` requests may be under way: halved by a cluster of failures, one more for each round of answers.

    `rate_s` is how many requests a second the budgets allow, 0 where that is not to bound them.
    """

    def __init__(self, most: int) -> None:
        self.rate_s = 0.0
        self._at_ease = AtEase()
        self._most = self._fast_to = self._limit = float(most)
        self._failed_ns: deque[int] = deque()
        self._rests_until_ns = 0

    @property
    def limit(self) -> int:
        took_ns = self._at_ease.took_ns
        if not took_ns or not self.rate_s:
            return int(self._limit)
        return min(int(self._limit), max(FEW, ceil(ROOM * self.rate_s * took_ns / SECOND_NS)))

    def answered(self, took_ns: int, now_ns: int) -> None:
        """An answer came `took_ns` after its request was sent."""
        if took_ns > SLOW_S * SECOND_NS:
            self.failed(now_ns)
            return
        self._at_ease.answered(took_ns, now_ns)
        more = 1.0 if self._limit < self._fast_to else 1.0 / self._limit
        self._limit = min(self._most, self._limit + more)

    def failed(self, now_ns: int) -> None:
        """A request failed, with 5xx or without an answer."""
        if now_ns < self._rests_until_ns:
            return
        self._failed_ns.append(now_ns)
        while self._failed_ns[0] <= now_ns - CLUSTER_SPAN_NS:
            self._failed_ns.popleft()
        if len(self._failed_ns) >= CLUSTER:
            marks.hit("in flight halved")
            self._limit = self._fast_to = max(1.0, self._limit / 2)
            self._failed_ns.clear()
            self._rests_until_ns = now_ns + REST_NS

    def restart(self) -> None:
        """After an outage: one request, then twice as many with each round of answers."""
        self._limit, self._fast_to = 1.0, self._most
        self._failed_ns.clear()
