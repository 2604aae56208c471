"""`make simulate SEED=1 COUNT=1000`: scenarios on both cores, and one table of what came of them.

With `--weeks COUNT` each seed is weeks of a living portal, of which twenty runs keep a dump.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from hubdump.marks import MARKS
from tests.simulation.oracle import KINDS
from tests.simulation.scenario import Scenario, scenario_of
from tests.simulation.weeks import week_of
from tests.simulation.world import Outcome, simulate

Drawn = Callable[[int], Scenario]
SHARE = 25


@dataclass(slots=True)
class Tally:
    """What many scenarios come to."""

    seeds: int = 0
    cpu_s: float = 0.0
    sums: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, list[int]] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    digests: dict[int, str] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.sums.update(
            {
                name: getattr(outcome, name)
                for name in ("runs", "requests", "faults", "crashes", "changes", "records", "virtual_s")
            }
        )
        self.ends.update(outcome.ends)
        self.marks.update(set(outcome.marks))
        self.hits.update(outcome.marks)
        self.digests[outcome.seed] = outcome.digest
        for kind in sorted({one.kind for one in outcome.violations}):
            self.kinds.setdefault(kind, []).append(outcome.seed)


def under(belief: str, drawn: Drawn, seed: int) -> Scenario:
    """A seed's scenario; with the beliefs it drew itself, or all at their defaults ('default'), or this one instead."""
    scenario = drawn(seed)
    if not belief:
        return scenario
    return replace(scenario, beliefs=() if belief == "default" else (belief,))


def _share(drawn: Drawn, seeds: range) -> list[tuple[Outcome, float]]:
    found = []
    for seed in seeds:
        began_s = time.process_time()
        outcome = simulate(drawn(seed))
        found.append((outcome, time.process_time() - began_s))
    return found


def simulated(first: int, count: int, processes: int, drawn: Drawn = scenario_of) -> Tally:
    """Simulate the scenarios of `count` seeds from `first` on, as they are `drawn`."""
    tally = Tally()
    shares = [range(at, min(at + SHARE, first + count)) for at in range(first, first + count, SHARE)]
    for outcome, cpu_s in _everywhere(partial(_share, drawn), shares, processes):
        tally.add(outcome)
        tally.cpu_s += cpu_s
    return tally


def _everywhere(
    share_of: Callable[[range], list[tuple[Outcome, float]]], shares: list[range], processes: int
) -> Iterator[tuple[Outcome, float]]:
    if processes == 1 or len(shares) == 1:
        for share in shares:
            yield from share_of(share)
        return
    with ProcessPoolExecutor(processes) as pool:
        for found in pool.map(share_of, shares):
            yield from found


def table(tally: Tally, wall_s: float) -> Iterable[str]:
    """The summary, as Markdown."""
    sums = tally.sums
    yield "| seeds | runs | requests | faults | kills | changes | records | virtual h | CPU s | seeds/s | wall s |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    yield (
        f"| {tally.seeds} | {sums['runs']} | {sums['requests']} | {sums['faults']} | {sums['crashes']} "
        f"| {sums['changes']} | {sums['records']} | {sums['virtual_s'] / 3600:.0f} | {tally.cpu_s:.0f} "
        f"| {tally.seeds / max(tally.cpu_s, 1e-9):.1f} | {wall_s:.0f} |"
    )
    yield "processes ended: " + ", ".join(f"{how} {count}" for how, count in sorted(tally.ends.items()))
    if MARKS:
        yield "marks, seeds that hit each: " + ", ".join(f"{name} {tally.marks[name]}" for name in MARKS)
        yield "all hits: " + ", ".join(f"{name} {tally.hits[name]}" for name in MARKS)
    if tally.kinds:
        yield "violations:"
        for kind, seeds in sorted(tally.kinds.items()):
            yield f"  {kind} ({KINDS[kind]}): {len(seeds)} seeds, the first {', '.join(map(str, seeds[:12]))}"
    else:
        yield "violations: 0"


def _sha() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _tell_one(scenario: Scenario) -> Outcome:
    outcome = simulate(scenario)
    print(scenario)  # noqa: T201 - a command says what it found
    print("\n".join(outcome.story))  # noqa: T201 - as above
    for one in outcome.violations:
        print(f"{one.kind}: {one.about}")  # noqa: T201 - as above
    print(f"digest {outcome.digest[:16]}")  # noqa: T201 - as above
    return outcome


def main() -> int:
    """Exit 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument(
        "--weeks", type=int, default=0, metavar="COUNT", help="weeks of so many seeds instead"
    )
    parser.add_argument("--belief", default="", help="default, worst, or a switch as list-order=text")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    began_s = time.monotonic()
    count = chosen.weeks or chosen.count
    drawn = partial(under, chosen.belief, week_of if chosen.weeks else scenario_of)
    if count == 1:
        outcome = _tell_one(drawn(chosen.seed))
        broken = bool(outcome.violations)
    else:
        tally = simulated(chosen.seed, count, chosen.processes, drawn)
        print("\n".join(table(tally, time.monotonic() - began_s)))  # noqa: T201 - as above
        broken = bool(tally.kinds)
    if broken:
        print(f"at {_sha()}; replay one: make simulate SEED=n {'WEEKS' if chosen.weeks else 'COUNT'}=1")  # noqa: T201 - as above
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
