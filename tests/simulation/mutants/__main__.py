"""`make mutants`: every mutant hunted on both cores, the same scenarios without it, and a table of what found which."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.simulation.mutants.hunting import SEEDS_MAX, Found, hunted, lived
from tests.simulation.mutants.table import MUTANTS

SHARE = 10


def _found(name: str, seeds_max: int) -> Found:
    return hunted(MUTANTS[name], seeds_max)


def _clean(world: str, seeds: range) -> list[str]:
    """What the unbroken core is blamed for in such scenarios: nothing, or what was found in them is worth nothing."""
    return [
        f"{world}, seed {seed}: {one.kind}: {one.about}"
        for seed in seeds
        for one in lived(world, seed).violations
    ]


def everywhere(names: Sequence[str], seeds_max: int, processes: int) -> tuple[list[Found], list[str]]:
    """Hunt mutants; then live through all of their scenarios without them: what was found, what was wrongly blamed."""
    with _mapping(processes) as each:
        found = list(each(_found, names, [seeds_max] * len(names)))
        tried: dict[tuple[str, int], int] = {}
        for one in found:
            place = MUTANTS[one.name].world, MUTANTS[one.name].first
            tried[place] = max(one.seeds, tried.get(place, 0))
        shares = [
            (world, range(first + at, first + min(at + SHARE, seeds)))
            for (world, first), seeds in tried.items()
            for at in range(0, seeds, SHARE)
        ]
        worlds, seeds_of_each = [world for world, _ in shares], [seeds for _, seeds in shares]
        blamed = [told for share in each(_clean, worlds, seeds_of_each) for told in share]
    return found, blamed


@contextmanager
def _mapping(processes: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """`map`, or the same by several processes."""
    if processes == 1:
        yield map
        return
    with ProcessPoolExecutor(processes) as pool:
        yield pool.map


def table(found: Iterable[Found]) -> Iterator[str]:
    """What found which, as Markdown."""
    yield "| mutant | what is broken | world | first seed | found by | seeds tried |"
    yield "|---|---|---|---|---|---|"
    for one in found:
        mutant = MUTANTS[one.name]
        if mutant.test:
            yield f"| {mutant.name} | {mutant.broken} | - | - | {f'`{one.by}`' if one.by else '**nothing**'} | - |"
        else:
            seed = "-" if one.seed is None else one.seed
            by = one.by or "**nothing**"
            yield f"| {mutant.name} | {mutant.broken} | {mutant.world} | {seed} | {by} | {one.seeds} |"


def main() -> int:
    """Exit 1 where a mutant survives, or where the unbroken core is blamed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MUTANT", help="only these (default: all)")
    parser.add_argument("--count", type=int, default=SEEDS_MAX)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    began_s = time.monotonic()
    found, blamed = everywhere(chosen.names or list(MUTANTS), chosen.count, chosen.processes)
    survivors = [one.name for one in found if not one.by]
    print("\n".join(table(found)))  # noqa: T201 - a command says what it found
    seeds = sum(one.seeds for one in found)
    print(f"{len(found)} mutants, {seeds} seeds, {time.monotonic() - began_s:.0f} s")  # noqa: T201 - as above
    print(f"survivors: {', '.join(survivors) or 'none'}")  # noqa: T201 - as above
    print(f"the core itself, on the same scenarios: {'; '.join(blamed) or 'nothing'}")  # noqa: T201 - as above
    return int(bool(survivors or blamed))


if __name__ == "__main__":
    sys.exit(main())
