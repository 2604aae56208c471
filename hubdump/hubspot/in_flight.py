"""How many requests may be under way at once: fewer when HubSpot fails or is slow, slowly more again (pure).

HubSpot is overloaded now and then below its own limits; what helps it is fewer requests at a time.
"""

from __future__ import annotations

from collections import deque

from hubdump import marks
from hubdump.hubspot.window import SECOND_NS

# More walks than this only wait for each other: a page per round trip of 0.3 s is 80 requests a second.
IN_FLIGHT_MAX = 24
SLOW_S = 10.0
# One failure is chance: so many within the span are a cluster, and what was sent before a halving is no new one.
CLUSTER = 3
CLUSTER_SPAN_NS = 10 * SECOND_NS
REST_NS = SECOND_NS


class InFlight:
    """`limit` requests may be under way: halved by a cluster of failures, one more for each round of answers."""

    def __init__(self, most: int) -> None:
        self._most = self._fast_to = self._limit = float(most)
        self._failed_ns: deque[int] = deque()
        self._rests_until_ns = 0

    @property
    def limit(self) -> int:
        return int(self._limit)

    def answered(self, took_ns: int, now_ns: int) -> None:
        """An answer came `took_ns` after its request was sent."""
        if took_ns > SLOW_S * SECOND_NS:
            self.failed(now_ns)
            return
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
