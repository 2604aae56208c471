"""One of HubSpot's counters, as an exact sliding window (pure; time comes in).

A request holds its slot from the moment it is sent until one window after its answer came, so that no
rolling window of arrivals at HubSpot can hold more than the cap, whatever the network does in between.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

SECOND_NS = 1_000_000_000
TEN_SECONDS_NS = 10 * SECOND_NS
# Another app's use ends some time; asking for more too soon is a refusal each time.
YIELDED_TO = 0.8
REGAINED_IN_TEN_SECONDS = 0.02


@dataclass(slots=True)
class Window:
    """At most `cap` requests in any rolling `span_ns`, and fewer for a while after `lower`."""

    cap: int
    span_ns: int
    _in_flight: int = 0
    _freed_ns: deque[int] = field(default_factory=deque)
    _lowered_to: float | None = None
    _lowered_ns: int = 0

    def cap_at(self, now_ns: int) -> int:
        """The cap, or what is regained of it since it was lowered."""
        if self._lowered_to is None:
            return self.cap
        regained = self.cap * REGAINED_IN_TEN_SECONDS * (now_ns - self._lowered_ns) / TEN_SECONDS_NS
        return min(self.cap, max(1, int(self._lowered_to + regained)))

    def used(self, now_ns: int) -> int:
        """Requests that hold a slot."""
        return self._in_flight + self.recent(now_ns)

    def recent(self, now_ns: int) -> int:
        """Requests whose answer came within the span."""
        while self._freed_ns and self._freed_ns[0] <= now_ns:
            self._freed_ns.popleft()
        return len(self._freed_ns)

    def wait_ns(self, now_ns: int) -> int:
        """Nanoseconds until a slot is free (0: now); a tenth of a second when only answers can free one."""
        over = self.used(now_ns) - self.cap_at(now_ns)
        if over < 0:
            return 0
        if over >= len(self._freed_ns):
            return SECOND_NS // 10
        return self._freed_ns[over] - now_ns

    def take(self) -> None:
        self._in_flight += 1

    def answered(self, now_ns: int) -> None:
        self._in_flight -= 1
        self._freed_ns.append(now_ns + self.span_ns)

    def absorb(self, other: Window) -> None:
        """Count another's requests too, whose answers will be told to both."""
        self._in_flight += other._in_flight
        self._freed_ns = deque(sorted([*self._freed_ns, *other._freed_ns]))

    def lower(self, now_ns: int) -> None:
        """Leave room for others: below what was used, but never to less than two fifths at once."""
        cap = self.cap_at(now_ns)
        used = min(cap, max(self.used(now_ns), cap / 2))
        self._lowered_to, self._lowered_ns = used * YIELDED_TO, now_ns
