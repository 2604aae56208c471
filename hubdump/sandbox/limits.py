"""HubSpot's budgets as it keeps them: by the arrival of requests, with its headers and its refusals."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import takewhile
from math import floor
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hubdump.sandbox.answers import JSON, Response
from hubdump.sandbox.apps import App
from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.config import TIERS, Tier

GENERAL, ASSOCIATIONS, SEARCH, DAILY, NONE = "general", "associations", "search", "daily", "none"
_JUMPS = (0, 3, -2, 5, -4)


@dataclass(slots=True)
class Counter:
    """At most `most` requests in `span_s` seconds; None where there is no limit, yet they are counted.

    `how` is 'sliding' (the present second and the whole ones before it, as recorded headers show), 'exact'
    (to the instant) or 'fixed' (from full spans of the clock).
    """

    most: int | None
    span_s: float
    how: str
    _arrived: deque[float] = field(default_factory=deque)

    def has_room(self, now_s: float) -> bool:
        """Whether one more request may pass."""
        count = self.count(now_s)
        return self.most is None or count < self.most

    def take(self, now_s: float) -> None:
        """Count a request."""
        self._arrived.append(now_s)

    def count(self, now_s: float) -> int:
        """How many requests are in the window."""
        while self._arrived and self._is_over(self._arrived[0], now_s):
            self._arrived.popleft()
        return len(self._arrived)

    def this_second(self, now_s: float) -> int:
        """How many came in the present second of the clock."""
        second = floor(now_s)
        return sum(1 for _ in takewhile(lambda at_s: floor(at_s) == second, reversed(self._arrived)))

    def _is_over(self, at_s: float, now_s: float) -> bool:
        match self.how:
            case "sliding":
                return floor(at_s) <= floor(now_s) - self.span_s
            case "fixed":
                return at_s < now_s - now_s % self.span_s
            case _:
                return at_s <= now_s - self.span_s


@dataclass(slots=True)
class Day:
    """A count that begins anew at the account's midnight; `most` is None where there is no cap."""

    most: int | None
    zone: tzinfo
    used: int = 0
    _day: int = 0

    def is_spent(self, wall_s: float) -> bool:
        """Whether the cap is reached; turns to the new day first."""
        day = datetime.fromtimestamp(wall_s, self.zone).toordinal()
        if day != self._day:
            self._day, self.used = day, 0
        return self.most is not None and self.used >= self.most

    @property
    def remaining(self) -> int:
        return max(0, (self.most or 0) - self.used)


class Limits:
    """The counters of one portal: bursts by app, searches and days by account."""

    def __init__(self, tier: Tier, beliefs: Beliefs, portal: int) -> None:
        self._tier, self._beliefs, self._portal = tier, beliefs, portal
        self._bursts: dict[tuple[str, int], Counter] = {}
        # Recorded windows of ten seconds go by whole seconds; of the search's one second nothing is known.
        how = "fixed" if beliefs["window"] == "fixed" else "exact"
        self._search = Counter(tier.search, 1.0, how)
        zone = account_zone()
        self.day, self.associations_day = Day(tier.daily, zone), Day(tier.associations_daily, zone)

    def change(self, tier: Tier) -> None:
        """Let the limits of another tier hold from now on; what was counted stays counted."""
        self._tier, self._search.most = tier, tier.search
        self.day.most, self.associations_day.most = tier.daily, tier.associations_daily

    def admit(self, app: App, budget: str, now_s: float, wall_s: float, id_: str) -> Response | None:
        """Count a request: None when it may pass, else HubSpot's 429."""
        days = self._days(app, budget)
        spent = [day for day in days if day.is_spent(wall_s)]
        if spent:
            return self.refuse(app, DAILY, id_, search=budget == SEARCH)
        for day in days:
            day.used += 1  # of a refused search too: recorded
        counters = self._counters(app, budget)
        full = [name for name, counter in counters.items() if not counter.has_room(now_s)]
        if not full or self._beliefs["refusals-fill-window"] == "yes":
            for counter in counters.values():
                counter.take(now_s)
        return self.refuse(app, full[0], id_) if full else None

    def load(self, app: App, budget: str, now_s: float) -> float:
        """How full the burst window is that a request is counted in, 1.0 at the limit.

        0.0 for searches, and where there is no limit.
        """
        if budget in {SEARCH, NONE}:
            return 0.0
        counter = self._burst(app, budget)
        return counter.count(now_s) / counter.most if counter.most else 0.0

    def refuse(self, app: App, budget: str, id_: str, *, search: bool = False) -> Response:
        """The 429 of a budget. Clients compare the search's text byte for byte (recorded traffic)."""
        if budget == SEARCH:
            text = (
                '{"status":"error","message":"You have reached your secondly limit.",'
                f'"correlationId":"{id_}","category":"RATE_LIMITS"}}'
            )
        elif budget == DAILY:
            text = (
                '{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT",'
                f'"correlationId":"{id_}","policyName":"DAILY","requestId":"{id_}"}}'
            )
        else:
            text = (
                '{"status":"error","message":"You have reached your ten_secondly_rolling limit.",'
                f'"errorType":"RATE_LIMIT","correlationId":"{id_}","policyName":"TEN_SECONDLY_ROLLING",'
                f'"groupName":"publicapi:private_app-api-calls-ten-secondly:{app.number}:{self._portal}"}}'
            )
        headers = {"Content-Type": JSON}
        if self._beliefs["retry-after-on-429"] == "yes":
            headers["Retry-After"] = "1" if search or budget == SEARCH else "10"
        return Response(429, text.encode(), headers)

    def headers(self, app: App, budget: str, now_s: float) -> dict[str, str]:
        """The headers an answer of this budget bears, 4xx too: none of the burst's on search (recorded)."""
        found: dict[str, str] = {}
        if budget == NONE:
            return found
        belief = {SEARCH: "burst-headers-on-search", ASSOCIATIONS: "headers-on-associations"}.get(budget)
        if belief is None or self._beliefs[belief] == "yes":
            found |= self._burst_headers(self._burst(app, GENERAL if budget == SEARCH else budget), now_s)
        if self.day.most is not None and not app.is_oauth and (
            budget != SEARCH or self._beliefs["daily-headers-on-search"] == "yes"
        ):  # fmt: skip
            found["X-HubSpot-RateLimit-Daily"] = str(self.day.most)
            found["X-HubSpot-RateLimit-Daily-Remaining"] = str(self.day.remaining)
        return found

    def _burst_headers(self, counter: Counter, now_s: float) -> dict[str, str]:
        most, count = counter.most, counter.count(now_s)
        if most is None:
            return {}
        jump = _JUMPS[count % len(_JUMPS)] if self._beliefs["remaining-jumps"] == "yes" else 0
        return {
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(min(most, max(0, most - count + jump))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Secondly": str(most // 10),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(max(0, most // 10 - counter.this_second(now_s))),
        }

    def _days(self, app: App, budget: str) -> list[Day]:
        if app.is_oauth:
            return []
        return [self.day, self.associations_day] if budget == ASSOCIATIONS else [self.day]

    def _counters(self, app: App, budget: str) -> dict[str, Counter]:
        if budget != SEARCH:
            return {budget: self._burst(app, budget)}
        if self._beliefs["search-budget"] == "shared":
            return {SEARCH: self._search, GENERAL: self._burst(app, GENERAL)}
        return {SEARCH: self._search}

    def _burst(self, app: App, budget: str) -> Counter:
        kept = GENERAL if self._beliefs["association-budget"] == "shared" else budget
        if (kept, app.number) not in self._bursts:
            self._bursts[kept, app.number] = Counter(None, 10.0, self._beliefs["window"])
        counter = self._bursts[kept, app.number]
        # A portal without limits has none for OAuth either.
        tier = TIERS["oauth"] if app.is_oauth and self._tier.general is not None else self._tier
        counter.most = tier.associations if kept == ASSOCIATIONS else tier.general
        return counter


def account_zone() -> tzinfo:
    """The account's time zone ("US/Eastern" on the wire); its winter's offset where no zones are installed."""
    try:
        return ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        return timezone(timedelta(hours=-5))


def midnight(wall_s: float, zone: tzinfo) -> datetime:
    """When the day that holds this instant ends in the zone, as UTC: then daily budgets begin anew."""
    local = datetime.fromtimestamp(wall_s, zone)
    return (local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).astimezone(UTC)
