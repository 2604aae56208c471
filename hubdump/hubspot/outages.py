"""Whether HubSpot, or one kind of its endpoints, is out, and what asks meanwhile (pure; time comes in).

An outage is told from a broken record by whether others succeed. Three failures in a row with no success
between them hold back whatever they have in common: all requests, those of one kind (lists, searches, ...),
or those of one path. Then one request at a time probes. A part of which nothing ever succeeded is held back only
when different requests fail: one alone may be broken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubdump import marks
from hubdump.hubspot.window import SECOND_NS
from hubdump.model import Request

FAILURES_IN_A_ROW = 3
PROBE_EVERY_S = 3.5

# What requests have in common, widest first: (), (kind,), (kind, path).
Part = tuple[str, ...]
ALL: Part = ()


@dataclass(slots=True)
class _State:
    """`failures` since the last success, the first of `broken`; out since `since_ns`; `witness` succeeded once."""

    failures: int = 0
    broken: Request[Any] | None = None
    several: bool = False
    since_ns: int | None = None
    due_ns: int = 0
    probes: int = 0
    answered_ns: int = -1
    witness: Request[Any] | None = None

    def succeed(self, now_ns: int) -> bool:
        """HubSpot answered; whether this ends an outage that a probe met."""
        ended = self.since_ns is not None and self.probes > 1
        self.failures, self.broken, self.several, self.since_ns = 0, None, False, None
        self.answered_ns = now_ns
        return ended

    def fail(self, request: Request[Any], now_ns: int) -> bool:
        """HubSpot failed; whether this begins an outage."""
        self.failures += 1
        self.broken = self.broken or request
        self.several = self.several or self.broken != request
        known = self.several or self.witness is not None
        if self.since_ns is not None or self.failures < FAILURES_IN_A_ROW or not known:
            return False
        self.since_ns, self.due_ns, self.probes = now_ns, now_ns, 0
        return True


class Outages:
    """What of HubSpot is out, by what its requests have in common."""

    def __init__(self) -> None:
        self._states: dict[Part, _State] = {}

    def out(self, request: Request[Any]) -> Part | None:
        """The widest part of HubSpot that is out and that this request needs; None when it may be sent."""
        for part in _parts(request):
            state = self._states.get(part)
            if state and state.since_ns is not None:
                return part
        return None

    def since_ns(self, part: Part, now_ns: int) -> int:
        """When the outage of a part began; now when it is over."""
        since_ns = self._states[part].since_ns
        return now_ns if since_ns is None else since_ns

    def is_certain(self, part: Part) -> bool:
        """Whether an outage can be nothing else: of a part that never answered, every request may have its poison."""
        return part == ALL or self._states[part].witness is not None

    def wait_ns(self, part: Part, now_ns: int) -> int:
        """Nanoseconds until the next probe is due."""
        return max(0, self._states[part].due_ns - now_ns)

    def probe(self, part: Part, request: Request[Any], now_ns: int, chance: float) -> Request[Any]:
        """What to ask in place of `request`, and nothing else before the next probe is due.

        In turn a request of this part that succeeded once, so that a broken record does not look like an
        outage without end, and the one that waits, should the other have broken meanwhile.
        """
        marks.hit("outage probe")
        state = self._states[part]
        state.due_ns = now_ns + int(PROBE_EVERY_S * (0.75 + chance / 2) * SECOND_NS)
        state.probes += 1
        witness = None if request.form else state.witness
        return witness if witness and state.probes % 2 else request

    def answered(self, request: Request[Any], now_ns: int, *, whole: bool) -> bool:
        """HubSpot answered; a `whole` answer makes a witness. Whether this ends an outage that a probe met."""
        ended = False
        for part in _parts(request):
            state = self._states.setdefault(part, _State())
            ended = state.succeed(now_ns) or ended
            if whole and state.witness is None:
                state.witness = request
        if ended:
            marks.hit("outage ended")
        return ended

    def failed(self, request: Request[Any], now_ns: int) -> None:
        """A request failed, with 5xx or without an answer; one for less of what is known to fail tells of no outage."""
        if request.narrowed:
            return
        for part in _parts(request):
            if self._states.setdefault(part, _State()).fail(request, now_ns):
                marks.hit("outage of a part began" if part else "outage began")

    def answered_since(self, request: Request[Any], ns: int) -> bool:
        """Whether another request for the same path was answered after `ns`."""
        state = self._states.get(_parts(request)[-1])
        return state is not None and state.answered_ns > ns

    def witness(self, request: Request[Any]) -> Request[Any] | None:
        """A request that succeeded once, as much like this one as there is."""
        for part in reversed(_parts(request)):
            state = self._states.get(part)
            if state and state.witness and state.witness != request:
                return state.witness
        return None


def _parts(request: Request[Any]) -> tuple[Part, Part, Part]:
    # Lists, batch reads, searches, associations, definitions: the same for all object types.
    root = "/".join(request.template.split("/")[:3])
    kind = f"{request.method} {root} ({request.budget.value})"
    return ALL, (kind,), (kind, request.template)
