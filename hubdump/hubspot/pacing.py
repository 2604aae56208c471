"""When the next request may leave: HubSpot's budgets as exact sliding windows (pure; time comes in).

A request holds its slot from the moment it is sent until one window after its answer came, so that no
rolling window of arrivals at HubSpot can hold more than the cap, whatever the network does in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hubdump import marks
from hubdump.hubspot.daily import Days
from hubdump.hubspot.others import Others
from hubdump.hubspot.window import SECOND_NS, TEN_SECONDS_NS, Window
from hubdump.hubspot.wire import number
from hubdump.model import Budget

SHARE = 0.95
# https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
GENERAL_MAX_UNKNOWN = 100
SEARCH_MAX = 5
UNBOUNDED = 1_000_000
TEN_SECONDLY = "TEN_SECONDLY_ROLLING"
# One refusal may be chance (HubSpot has several counters behind its balancer); so many in ten seconds are not.
YIELD_AFTER = 3
# A log that is as good as full explains a 429 by others' requests, however few; one with room does not.
NEARLY = 0.9
# From such a share of a limit on it is told that others use it.
WORTH_TELLING = 0.1
# Answers come later than their requests arrived: a little more than the limit proves nothing.
SURELY = 1.15
# The associations guide gives its own limits: by the account's general one.
ASSOCIATIONS_MAX = {100: 100, 110: 100, 190: 150, 250: 200}


class Budgets:
    """All budgets of one portal.

    With a `number` (HUBSPOT_MAX_REQUESTS_PER_10S) every request also passes one window over all of them;
    with None (`auto`) each budget stands alone. Of what the headers allow a budget takes `share`; `reserve` requests
    of the day are left to others. `general_max` is what HubSpot's own general limit was last seen to be.
    """

    def __init__(self, number: int | None, share: float = SHARE, reserve: int = 0) -> None:
        self.number, self.reserve = number, reserve
        self._days = Days(reserve)
        self.general_max = GENERAL_MAX_UNKNOWN
        self._share = share
        self._all = Window(number, TEN_SECONDS_NS) if number else None
        self._windows = {
            Budget.GENERAL: Window(self._of(GENERAL_MAX_UNKNOWN), TEN_SECONDS_NS),
            Budget.ASSOCIATIONS: Window(self._of(GENERAL_MAX_UNKNOWN), TEN_SECONDS_NS),
            Budget.SEARCH: Window(self._of(SEARCH_MAX), SECOND_NS),
        }
        self._others = {budget: Others() for budget in (Budget.GENERAL, Budget.ASSOCIATIONS)}
        self._associations_max: int | None = None
        # What was sent in the last ten seconds, should it turn out that HubSpot counts it as general.
        self._logs = self._windows | {Budget.SEARCH: Window(UNBOUNDED, TEN_SECONDS_NS)}
        self._sent_in: Counter[tuple[int, Budget]] = Counter()
        self._began_ns: int | None = None
        self._merged: set[Budget] = set()
        self._apart: set[Budget] = {Budget.GENERAL}
        self._last_refused_ns = self._fell_ns = -TEN_SECONDS_NS
        self._refused_ns: dict[Budget, list[int]] = {budget: [] for budget in Budget}
        self._settled_ns = dict.fromkeys(Budget, 0)
        self._paused_until_ns = dict.fromkeys(Budget, 0)
        self._bound_ns = 0
        self._bound_until_ns = 0

    @property
    def daily_max(self) -> int | None:
        """The day's requests of the account, None where HubSpot does not say."""
        return self._days.account.most

    @property
    def daily_remaining(self) -> int | None:
        """What of them HubSpot last said to remain."""
        return self._days.account.remaining

    def daily_left(self) -> int | None:
        """What of them is left to us; None where HubSpot does not say."""
        left = self._days.account.remaining
        return None if left is None else max(0, left - self.reserve)

    def reserved(self, budget: Budget) -> bool:
        """Whether a request of this budget would be one of those of the day that are left to others."""
        return self._days.reserved(budget)

    def used(self, budget: Budget, now_ns: int) -> int:
        """Requests of ours that HubSpot may count where it counts one of this budget."""
        own = {Budget.GENERAL: self._maybe_general()}.get(budget, [])
        return sum(window.used(now_ns) for window in (self._counting(budget)[-1], *own))

    def take(self, budget: Budget, now_ns: int) -> int:
        """Take a slot: 0 when the request may leave now, else nanoseconds after which to ask again."""
        windows = self._counting(budget)
        for counter, others in self._others.items():
            if not others.used(self.general_max, now_ns):  # or nothing was heard of them for long
                self._windows[counter].others = 0
        own_ns = max(window.wait_ns(now_ns) for window in windows)
        own_ns = max(own_ns, self._paused_until_ns[budget] - now_ns)
        all_ns = self._all.wait_ns(now_ns) if self._all else 0
        if own_ns <= 0 < all_ns:
            self._bound_ns += max(0, now_ns + all_ns - max(now_ns, self._bound_until_ns))
            self._bound_until_ns = max(self._bound_until_ns, now_ns + all_ns)
        if max(own_ns, all_ns) > 0:
            return max(own_ns, all_ns)
        self._sent_in[now_ns // TEN_SECONDS_NS, budget] += 1
        self._began_ns = now_ns if self._began_ns is None else self._began_ns
        self._days.taken(budget)
        for window in windows:
            window.take(now_ns)
        if self._all:
            self._all.take()
        return 0

    def has_room(self, budget: Budget, now_ns: int) -> bool:
        """Whether a request may leave now."""
        windows = [*self._counting(budget), *([self._all] if self._all else [])]
        return now_ns >= self._paused_until_ns[budget] and all(not one.wait_ns(now_ns) for one in windows)

    def answered(self, budget: Budget, now_ns: int) -> None:
        """The request's answer, or the end of its connection, came at `now_ns`."""
        self._days.answered(budget)
        for window in self._counting(budget):
            window.answered(now_ns)
        if self._all:
            self._all.answered(now_ns)
        self._learn_apart(budget, now_ns)

    def refused(self, budget: Budget, now_ns: int, until_ns: int, policy: str = "") -> str:
        """HubSpot answered 429: nothing more of this budget leaves before `until_ns`.

        Our own log is under its cap, so the budgets are one at HubSpot, or shared with others: merged, or
        yielded for a while. What was concluded, '' for nothing new; `policy` is the policyName of the 429.
        """
        self._last_refused_ns = now_ns
        full = self._full(budget, policy)
        for others in self._others.values():
            others.refused()
        for one in {budget} | self._together(full):
            self._paused_until_ns[one] = max(self._paused_until_ns[one], until_ns)
        if now_ns < self._settled_ns[full] or self._fell(full, now_ns):
            return ""
        if merging := self._explaining(budget, full, now_ns):
            return self._merge(merging, now_ns)
        recent = [ns for ns in self._refused_ns[full] if ns > now_ns - TEN_SECONDS_NS]
        self._refused_ns[full] = [*recent, now_ns]
        return self._yield(full, now_ns) if len(recent) + 1 >= YIELD_AFTER else ""

    def learn(
        self, headers: Mapping[str, str], budget: Budget = Budget.GENERAL, now_ns: int = 0, used: int = 0
    ) -> str:
        """Take the limits from the headers (names lower-cased) of an answer whose slot is not freed yet; absent ones
        change nothing. `used` is what was used when its request was sent. What was concluded, '' for nothing new.
        """
        self._days.learn(budget, headers)
        interval, most, remaining = (
            number(headers.get(f"x-hubspot-ratelimit-{name}", ""))
            for name in ("interval-milliseconds", "max", "remaining")
        )
        if interval != 10_000 or not most:
            return ""
        counter = Budget.GENERAL
        if budget is Budget.ASSOCIATIONS and most != self.general_max:
            counter, self._associations_max = budget, most
        elif budget is Budget.GENERAL:
            if most < self.general_max:
                self._fell_ns = now_ns
            self.general_max = most
        if self._associations_max == self.general_max:  # theirs was the general one, heard of before
            self._associations_max = None
        of_associations = self._associations_max or ASSOCIATIONS_MAX.get(
            self.general_max, min(self.general_max, 100)
        )
        self._windows[Budget.GENERAL].cap = self._of(self.general_max)
        self._windows[Budget.ASSOCIATIONS].cap = self._of(of_associations)
        if remaining is None or budget is not counter:
            return ""
        return self._leave_to_others(counter, most, remaining, now_ns, used)

    def _leave_to_others(self, counter: Budget, most: int, remaining: int, now_ns: int, used: int) -> str:
        """Leave others what they use, as far as the share does not leave it anyway."""
        others, window = self._others[counter], self._windows[counter]
        others.heard(most, remaining, max(used, self.used(counter, now_ns)), now_ns)
        window.others = max(0, others.used(most, now_ns) - max(0, int(most * SHARE) - window.cap))
        # At first it may be a run, or a plan, that ended before this one began.
        surely = now_ns - (self._began_ns or 0) > TEN_SECONDS_NS
        if window.others < most * WORTH_TELLING or not surely:
            return ""
        return f"Another app uses HubSpot's {counter.value} budget, too: hubdump leaves it what it takes."

    def failed(self, budget: Budget, now_ns: int) -> None:
        """A request failed with 5xx, as they do where HubSpot has too much to do."""
        if self._counting(budget)[-1 if budget in self._merged else 0].failed(now_ns):
            marks.hit("budget eased")

    def restore(self) -> None:
        """An outage is over: its failures told nothing of how much HubSpot bears."""
        for window in self._windows.values():
            window.restore()

    def sent(self) -> dict[str, int]:
        """Requests sent so far, by budget."""
        return {
            budget.value: sum(n for (_, of), n in self._sent_in.items() if of is budget) for budget in Budget
        }

    def timeline(self) -> list[dict[str, int]]:
        """Requests by budget in each ten seconds from the first one sent on."""
        windows = [window for window, _ in self._sent_in]
        return (
            [
                {budget.value: n for budget in Budget if (n := self._sent_in[window, budget])}
                for window in range(min(windows), max(windows) + 1)
            ]
            if windows
            else []
        )

    def limits(self) -> dict[str, int]:
        """How many requests of each budget may be sent in ten seconds, as far as is known now."""
        bound = self.number or UNBOUNDED
        each = {Budget.SEARCH: TEN_SECONDS_NS // SECOND_NS}
        return {b.value: min(bound, each.get(b, 1) * window.cap) for b, window in self._windows.items()}

    def rate_s(self) -> float:
        """Requests a second that all budgets allow together."""
        return min(self.number or UNBOUNDED, sum(self.limits().values())) / 10

    def bound_s(self) -> float:
        """Seconds in which a request waited for the user's number alone: what `auto` would have saved."""
        return self._bound_ns / SECOND_NS

    def _counting(self, budget: Budget) -> list[Window]:
        """The windows that a request of this budget is counted in."""
        windows = [self._windows[budget]]
        if budget is Budget.SEARCH:
            windows.append(self._logs[budget])
        if budget in self._merged:
            windows.append(self._windows[Budget.GENERAL])
        return windows

    def _maybe_general(self) -> list[Window]:
        """The logs of what HubSpot may count as general, as far as is known."""
        return [
            self._logs[one]
            for one in (Budget.ASSOCIATIONS, Budget.SEARCH)
            if one not in self._merged | self._apart
        ]

    def _fell(self, full: Budget, now_ns: int) -> bool:
        """Whether what we sent is more than the limit that HubSpot has by now: no others have to have sent, too."""
        return self._windows[full].used(now_ns) > self._windows[full].cap

    def _together(self, budget: Budget) -> set[Budget]:
        return {budget} | self._merged if budget is Budget.GENERAL else {budget}

    def _full(self, budget: Budget, policy: str) -> Budget:
        """Which of HubSpot's counters a 429 speaks of: the search's own bears no policy."""
        if budget is Budget.SEARCH:
            return Budget.GENERAL if policy == TEN_SECONDLY else budget
        return Budget.GENERAL if budget in self._merged else budget

    def _explaining(self, budget: Budget, full: Budget, now_ns: int) -> list[Budget]:
        """The budgets that, counted as general, explain a 429; none when others must have sent, too."""
        if budget is Budget.SEARCH:
            return [budget] if full is Budget.GENERAL and budget not in self._merged else []
        maybe: tuple[Budget, ...] = (Budget.ASSOCIATIONS, Budget.SEARCH)
        if self._windows[full].used(now_ns) >= NEARLY * self._windows[full].cap:
            # What HubSpot says to remain leaves no room for others then: few as they are, searches may be it.
            alone = full is Budget.GENERAL and self._others[full].none(self.general_max, now_ns)
            maybe = (Budget.SEARCH,) if alone else ()
        used = self._windows[Budget.GENERAL].used(now_ns)
        found = []
        for one in maybe:
            count = self._logs[one].used(now_ns)
            if one not in self._merged | self._apart and count:
                used += count
                found.append(one)
                if used >= self._of(self.general_max):
                    return found
        return []

    def _learn_apart(self, budget: Budget, now_ns: int) -> None:
        """What HubSpot answers beyond its general limit, it does not count as general."""
        if budget in self._apart or now_ns < max(self._last_refused_ns, self._fell_ns) + TEN_SECONDS_NS:
            return
        both = self._windows[Budget.GENERAL].recent(now_ns) + self._logs[budget].recent(now_ns)
        if budget not in self._merged and both > SURELY * self.general_max:
            self._apart.add(budget)

    def _merge(self, budgets: Sequence[Budget], now_ns: int) -> str:
        marks.hit("budgets merged")
        for budget in budgets:
            self._windows[Budget.GENERAL].absorb(self._logs[budget])
            self._merged.add(budget)
        self._settled_ns[Budget.GENERAL] = now_ns + TEN_SECONDS_NS
        names = " and ".join(budget.value for budget in budgets)
        return f"HubSpot counts requests for {names} in the general budget, too: so does hubdump from now on."

    def _yield(self, full: Budget, now_ns: int) -> str:
        marks.hit("budget yielded")
        self._settled_ns[full] = now_ns + TEN_SECONDS_NS
        self._windows[full].lower(now_ns)
        return (
            f"HubSpot refuses requests although hubdump keeps the {full.value} budget: another app may use it, too. "
            "hubdump sends fewer for a while."
        )

    def _of(self, most: int) -> int:
        """The share of one of HubSpot's limits."""
        return max(1, int(most * self._share))
