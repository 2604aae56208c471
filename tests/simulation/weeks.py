"""Weeks of a living portal, of which a dump is kept by twenty runs: hours to days lie between one and the next."""

from __future__ import annotations

from random import Random

from tests.simulation.scenario import FAR, READABLE, Crash, Scenario, Trouble, every_belief

RUNS = 20
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
# Branches that hardly any run takes which begins a dump; `make prove` wants each of them often.
LATER = (
    "counts differ",
    "merged away",
    "recalculated",
    "removals withheld",
    "removed since",
    "round of long ago",
)


def week_of(seed: int) -> Scenario:
    """The weeks of a seed: a small portal, much of what happens between runs, a little during them, few faults."""
    dice = Random(f"week {seed}")
    types = tuple(dice.sample(READABLE, 1)) if dice.random() < 0.5 else _far(dice)
    counts = {name: dice.randint(1, 8) for name in FAR} | {name: dice.randint(0, 40) for name in types}
    return Scenario(
        seed=seed,
        counts=tuple(sorted(counts.items())),
        types=types,
        beliefs=_beliefs(dice),
        faults=dice.choice(("none", "none", "none", "500=0.01,429=0.01,cut=0.01,reset=0.01,slow=0.01")),
        troubles=(Trouble(0.2, 30.0),) if dice.random() < 0.04 else (),
        quiet_s=600.0,
        life="week",
        chances=dice.choice((0.0, 0.0, 0.1, 0.3, 0.5)),
        gap_changes=dice.choice((1, 3, 10, 20)),
        latency_ms=dice.choice(((5, 50), (20, 400))),
        number=dice.choice((None, 120)),
        gaps_s=_gaps(dice),
        restarts_s=(60.0, 5 * HOUR_S, 5 * HOUR_S),
        crashes=_crashes(dice),
        gzip=dice.random() < 0.5,
        prove=dice.random() < 0.05,
        prove_within_s=dice.choice((DAY_S, 7 * DAY_S, 7 * DAY_S)),
        associations=dice.choice(("", "", "changed", "all")),
        heeded=True,
    )


def _far(dice: Random) -> tuple[str, ...]:
    """Types that are associated with each other and can be merged."""
    return tuple(sorted(dice.sample(FAR, dice.choice((1, 2, 2)))))


def _gaps(dice: Random) -> tuple[float, ...]:
    """From cron every hour, every day, or when somebody thinks of it."""
    every = dice.choice(((HOUR_S,), (DAY_S,), (60.0, HOUR_S, 5 * HOUR_S, DAY_S, 3 * DAY_S)))
    return tuple(dice.choice(every) + dice.uniform(-20, 600) for _ in range(RUNS - 1))


def _crashes(dice: Random) -> tuple[Crash, ...]:
    """One kill in eight processes or so, at any moment of a short run."""
    return tuple(
        Crash("statement", dice.randint(1, dice.choice((40, 80, 200))))
        if dice.random() < 0.12
        else Crash("", 0)
        for _ in range(2 * RUNS)
    )


def _beliefs(dice: Random) -> tuple[str, ...]:
    """Mostly the defaults; else what is late, by an hour at most, or a few others."""
    which = dice.random()
    if which < 0.5:
        return ()
    if which < 0.75:
        return (
            f"list-lag-s={dice.choice((0, 5, 20, 50))}",
            f"search-lag-s={dice.choice((5, 60, 900, 2700))}",
        )
    return tuple(one for one in every_belief() if dice.random() < 0.05)
