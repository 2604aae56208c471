"""The log of the requests that came: when, where they led, what they were charged to, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hubdump.sandbox.limits import SEARCH


@dataclass(slots=True)
class Arrival:
    """One request: when it came (seconds of the server's own clock), and what became of it.

    `template` is the route's path with its variables named, '' where no route was found; `app` the
    number of the app whose token it bore, 0 where it bore none that is known; `body_crc` the CRC-32 of
    the body, 0 where it was empty: with `query` it tells whether the same was asked twice.
    """

    ordinal: int
    arrived_s: float
    method: str
    path: str
    budget: str
    status: int = 0
    fault: str = ""
    template: str = ""
    app: int = 0
    query: str = ""
    body_crc: int = 0


def requests(log: Sequence[Arrival], *, windows: bool) -> dict[str, Any]:
    """The log, and with `windows` the most requests that any rolling window held, by budget and in all."""
    found: dict[str, Any] = {"requests": [asdict(arrival) for arrival in log]}
    if windows:
        by: dict[str, list[float]] = {"all": [a.arrived_s for a in log]}
        for arrival in log:
            by.setdefault(arrival.budget, []).append(arrival.arrived_s)
        found["windows"] = {name: fullest(times, 10.0) for name, times in by.items()}
        found["second"] = fullest(by.get(SEARCH, []), 1.0)
    return found


def summary(log: Iterable[Arrival]) -> dict[str, Any]:
    """How often each route was asked, by method and template, and with which statuses it answered."""
    routes: dict[str, dict[str, int]] = {}
    for arrival in log:
        statuses = routes.setdefault(f"{arrival.method} {arrival.template or arrival.path}", {})
        statuses[str(arrival.status)] = statuses.get(str(arrival.status), 0) + 1
    return {"routes": dict(sorted(routes.items()))}


def fullest(times: Iterable[float], span_s: float) -> int:
    """The most of these instants that lie in any half-open window of this length."""
    ordered = sorted(times)
    most = start = 0
    for end, last in enumerate(ordered):
        while ordered[start] <= last - span_s:
            start += 1
        most = max(most, end - start + 1)
    return most
