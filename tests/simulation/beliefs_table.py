"""What each belief about HubSpot costs where it does not hold: `python -m tests.simulation.beliefs_table`."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

from hubdump.sandbox import BELIEFS
from tests.simulation.scenario import Scenario, scenario_of
from tests.simulation.world import simulate

# What is worse than the switches' own worst: lags beyond what `fresh_at` stays behind the clock, clocks that differ.
BEYOND = ("list-lag-s=90", "list-lag-s=600", "search-lag-s=600", "search-lag-s=7200", "date-skew-s=120")
SEEDS = 40


@dataclass(slots=True)
class Cost:
    """What came of many scenarios under one belief; `broken` counts those that broke a promise, by its kind."""

    belief: str
    seeds: int = 0
    whole: int = 0
    named: int = 0
    refuted: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)


def beliefs() -> Iterator[tuple[str, ...]]:
    """All at their worst, then each alone, then what is beyond."""
    yield ("worst",)
    for name, belief in BELIEFS.items():
        yield from (
            (f"{name}={value}",) for value in sorted({*belief.values, belief.worst} - {belief.default})
        )
    yield from ((one,) for one in BEYOND)


def scenario_under(chosen: tuple[str, ...], seed: int) -> Scenario:
    """A seed's scenario under one belief; a lively portal, without what ends a run by itself."""
    found = scenario_of(1_000_000 + seed)
    faults = ",".join(part for part in found.faults.split(",") if not part.startswith("at:")) or "none"
    return replace(
        found, beliefs=chosen, chances=max(found.chances, 0.3), faults=faults, rotations=(), repeated=0.0, poisons=0,
        purged=0,
    )  # fmt: skip


def cost(chosen: tuple[str, ...], seeds: int = SEEDS) -> Cost:
    """Simulate it."""
    found = Cost(" ".join(chosen))
    for seed in range(seeds):
        outcome = simulate(scenario_under(chosen, seed))
        found.seeds += 1
        found.refuted.update(set(outcome.refuted))
        kinds = {one.kind for one in outcome.violations}
        found.broken.update(kinds)
        if not kinds:
            found.named += "incomplete" in outcome.ends
            found.whole += "incomplete" not in outcome.ends
    return found


def table(costs: Iterable[Cost]) -> Iterator[str]:
    """As Markdown; a row for each belief that is refuted, named or costs something, the others counted."""
    yield "| belief | seeds | dump is portal | exit 3 by name | promise broken | refuted, says the manifest |"
    yield "|---|---|---|---|---|---|"
    silent = []
    for one in costs:
        if one.whole == one.seeds and not one.refuted:
            silent.append(one.belief)
            continue
        broken = ", ".join(f"{kind} {count}" for kind, count in sorted(one.broken.items())) or "0"
        told = ", ".join(f"{name} ({count})" for name, count in sorted(one.refuted.items()))
        yield f"| `{one.belief}` | {one.seeds} | {one.whole} | {one.named} | {broken} | {told} |"
    yield ""
    yield f"Of no effect ({len(silent)}): {', '.join(f'`{name}`' for name in silent)}."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.beliefs_table", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    every = list(beliefs())
    with ProcessPoolExecutor(chosen.processes) as pool:
        costs = pool.map(cost, every, [chosen.seeds] * len(every))
        print("\n".join(table(costs)))  # noqa: T201 - a command says what it found


if __name__ == "__main__":
    main()
