"""What others use of a budget, told by what HubSpot says remains of it: before any request is refused (pure).

Remaining is a belief: it may be absent, jump (HubSpot has several counters behind its balancer) or stand still. So most
of the answers of some seconds must say so, no more than two thirds are left, and what stands still is not believed.
"""

from __future__ import annotations

from collections import deque

from hubdump.hubspot.window import SECOND_NS

SPAN_NS = 5 * SECOND_NS
SAMPLES_LEAST = 7
# HubSpot forgets whole seconds, our windows instants: what of ours it may count is never too low, so most are.
PLACE = 0.75
# Whoever takes more is met by refusals: nobody starves on HubSpot's word.
SHARE_MAX = 2 / 3
# So often the same, with requests answered all the while, is no count.
STILL = 30


class Others:
    """What others of the portal's apps seem to use of one budget, in the window of HubSpot's that is now."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque()
        self._last = -1
        self._same = 0
        self._believed = True

    def heard(self, most: int, remaining: int, ours: int, now_ns: int) -> None:
        """An answer said that so many of `most` remain; `ours` is what of ours HubSpot may have counted then."""
        self._same = self._same + 1 if remaining == self._last else 0
        self._last = remaining
        if self._same >= STILL and self.used(most, now_ns):
            self._believed = False
        if 0 <= remaining <= most:
            self._samples.append((now_ns, max(0, most - remaining - ours)))

    def refused(self) -> None:
        """A request was refused: that nothing remains is no standing still."""
        self._same = 0

    def none(self, most: int, now_ns: int) -> bool:
        """Whether HubSpot says that all it counts is ours."""
        return self.used(most, now_ns) == 0 and len(self._samples) >= SAMPLES_LEAST and self._believed

    def used(self, most: int, now_ns: int) -> int:
        """Requests of others in a window; 0 where nothing is known, or only of long ago."""
        while self._samples and self._samples[0][0] <= now_ns - SPAN_NS:
            self._samples.popleft()
        if len(self._samples) < SAMPLES_LEAST or not self._believed:
            return 0
        found = [sample for _, sample in self._samples]
        lately = min(found[-3:])
        return min(max(lately, sorted(found)[int(PLACE * len(found))]), int(most * SHARE_MAX))
