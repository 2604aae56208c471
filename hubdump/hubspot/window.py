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
# An overloaded HubSpot fails by what it counted in its window: measured under the sandbox's belief (bench/at_limit.py).
EASED_AT_ONCE, EASED_FURTHER, EASED_AT_MOST = 0.8, 0.95, 0.4
REST_NS = 2 * SECOND_NS
REGAINED_IN_TEN_SECONDS = 0.02


@dataclass(slots=True)
class Window:
    """At most `cap` requests in any rolling `span_ns`, and fewer for a while after `lower`, or clusters of `failed`.

    `others` is how many of `cap` are somebody else's now.
    """

    cap: int
    span_ns: int
    others: int = 0
    _in_flight: int = 0
    _taken_ns: int = 0
    _freed_ns: deque[int] = field(default_factory=deque)
    _lowered_to: float | None = None
    _lowered_ns: int = 0
    _failed_ns: int = -TEN_SECONDS_NS
    _rests_until_ns: int = 0

    def cap_at(self, now_ns: int) -> int:
        """The cap without what is others', or what is regained of it since it was lowered."""
        ours = max(1, self.cap - self.others)
        if self._lowered_to is None:
            return ours
        regained = self.cap * REGAINED_IN_TEN_SECONDS * (now_ns - self._lowered_ns) / TEN_SECONDS_NS
        return min(ours, max(1, int(self._lowered_to + regained)))

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
            # Beside others evenly: so each answer tells of them in time, and none waits for the end of a burst.
            return max(0, self._taken_ns + self.span_ns // self.cap_at(now_ns) - now_ns) if self.others else 0
        if over >= len(self._freed_ns):
            return SECOND_NS // 10
        return self._freed_ns[over] - now_ns

    def take(self, now_ns: int = 0) -> None:
        self._in_flight += 1
        self._taken_ns = now_ns

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

    def failed(self, now_ns: int) -> bool:
        """A request failed as those of an overloaded HubSpot do. Whether fewer are sent from now on.

        What was sent before that fails, too, and says nothing new.
        """
        if now_ns < self._rests_until_ns:
            return False
        before_ns, self._failed_ns = self._failed_ns, now_ns
        cap = self.cap_at(now_ns)
        eased = cap < max(1, self.cap - self.others)
        if not eased and now_ns >= before_ns + TEN_SECONDS_NS:
            return False
        to = cap * (EASED_FURTHER if eased else EASED_AT_ONCE)
        self._lowered_to, self._lowered_ns = max(to, min(cap, self.cap * EASED_AT_MOST)), now_ns
        self._rests_until_ns = now_ns + REST_NS
        return True

    def restore(self) -> None:
        """An outage is over, and was no overload: what was lowered is forgotten."""
        self._lowered_to = None
