"""How many requests HubSpot still answers today, and how many of them are left to others (pure).

Budgets that HubSpot counts by days of their own (associations, where their answers say so) are counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping

from hubdump.hubspot.wire import number
from hubdump.model import Budget

# An answer that was overtaken, or another counter behind HubSpot's balancer; more is a new day.
RISE_MAX = 1000


class Daily:
    """One day's count: `most` of it, None where HubSpot does not say; `remaining` as last told."""

    def __init__(self) -> None:
        self.most: int | None = None
        self.remaining: int | None = None
        self._under_way = 0
        self._uncounted = 0

    def taken(self) -> None:
        self._under_way += 1
        self._uncounted += 1

    def answered(self) -> None:
        self._under_way -= 1

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the count from an answer's headers, whose request is still under way; absent ones change nothing."""
        self.most = number(headers.get("x-hubspot-ratelimit-daily", "")) or self.most
        told = number(headers.get("x-hubspot-ratelimit-daily-remaining", ""))
        if told is None or (
            self.remaining is not None and self.remaining < told <= self.remaining + RISE_MAX
        ):
            return
        self.remaining = told
        # Whether HubSpot had counted the others under way by then nobody knows.
        self._uncounted = max(0, self._under_way - 1)

    def left(self) -> int | None:
        """Requests that HubSpot surely still answers today; None where it does not say."""
        return None if self.remaining is None else max(0, self.remaining - self._uncounted)


class Days:
    """The account's day, and that of the associations where they have one."""

    def __init__(self, reserve: int) -> None:
        self.account = Daily()
        self._reserve = reserve
        self._associations = Daily()

    def taken(self, budget: Budget) -> None:
        for one in self._of(budget):
            one.taken()

    def answered(self, budget: Budget) -> None:
        for one in self._of(budget):
            one.answered()

    def learn(self, budget: Budget, headers: Mapping[str, str]) -> None:
        most = number(headers.get("x-hubspot-ratelimit-daily", ""))
        own = budget is Budget.ASSOCIATIONS and most is not None and most != self.account.most
        (self._associations if own else self.account).learn(headers)

    def reserved(self, budget: Budget) -> bool:
        """Whether a request of this budget would be one of those that are left to others."""
        return bool(self._reserve) and any(
            (left := one.left()) is not None and left <= self._reserve for one in self._of(budget)
        )

    def _of(self, budget: Budget) -> tuple[Daily, ...]:
        return (self.account, self._associations) if budget is Budget.ASSOCIATIONS else (self.account,)
