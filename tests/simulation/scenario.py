"""One scenario: all that a simulated extraction meets, drawn from one seed; plain values, so that they shrink."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from hubdump.catalog import STANDARD
from hubdump.sandbox import BELIEFS
from tests.simulation.life import LIVES

FAR = ("contacts", "companies", "deals", "tickets")
READABLE = (*STANDARD.groups["engagements"], *FAR)
_COMMON = ("429", "500", "502", "503", "cut", "reset", "slow")
_RARE = ("empty", "garbage", "html", "423", "504", "520", "524", "429-general", "429-search")
ENDING = ("401", "403", "414", "477", "429-daily", "repeat")
PARTS = ("/search", "/batch/read", "/crm/associations", "/crm/objects", "/crm/properties")


@dataclass(frozen=True, slots=True)
class Crash:
    """The process is killed before the `number`-th statement, request or answer of one attempt."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """For a while every request whose path holds `part` fails with `kind`; '' is an outage of all.

    Of the kind 'neighbour', another app fills the general budget.
    """

    from_s: float
    lasts_s: float
    part: str = ""
    kind: str = "502"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Times are virtual seconds since the run began; `chances` is how many changes go with one request.

    `crashes` strike one attempt after the other, `rotations` are numbers of requests after which the token
    changes, `gaps_s` what lies between the runs, one of `restarts_s` what follows a kill, each with `gap_changes`
    changes, `purged` records erased and `withdrawn` ones changed and archived at once. Of the answers, `dropped`
    leave out a result of a batch, `garbled` have a byte that is no UTF-8, `repeated` have the cursor that was asked
    for as the next one, `strange` have something among their records that is none. `loaded`: a target is made of the
    store, and judged too. `heeded`: the run after one that withheld removals is told to accept them. Of a list come
    `page` records at once; where that is less than 100, it is split wherever it may be. An `after` that no page gave
    leads nowhere (`unknown` is 'empty'), or to the beginning ('start').
    """

    seed: int = 0
    counts: tuple[tuple[str, int], ...] = (("calls", 3),)
    types: tuple[str, ...] = ("calls",)
    beliefs: tuple[str, ...] = ()
    faults: str = "none"
    troubles: tuple[Trouble, ...] = ()
    poisons: int = 0
    quiet_s: float = 600.0
    life: str = "mixed"
    chances: float = 0.0
    gap_changes: int = 0
    latency_ms: tuple[int, int] = (20, 200)
    in_flight: int = 24
    number: int | None = 120
    tier: str = "pro"
    overload: bool = False
    gaps_s: tuple[float, ...] = ()
    restarts_s: tuple[float, ...] = (0.5, 5.0, 60.0)
    crashes: tuple[Crash, ...] = ()
    rotations: tuple[int, ...] = ()
    oauth: bool = False
    ahead_s: float = 0.0
    give_up_s: float = 3600.0
    gzip: bool = False
    echo: bool = False
    prove: bool = False
    prove_within_s: float = 7 * 86_400.0
    associations: str = ""
    accept_deletes: bool = False
    heeded: bool = False
    purged: int = 0
    withdrawn: int = 0
    dropped: float = 0.0
    garbled: float = 0.0
    repeated: float = 0.0
    strange: float = 0.0
    loaded: bool = False
    page: int = 100
    unknown: str = ""


def scenario_of(seed: int) -> Scenario:
    """The scenario of a seed: every third is made so that something rare happens."""
    dice = Random(f"scenario {seed}")
    scenario = _common_one(seed, dice)
    scenario = dice.choice(_RARE_ONES)(scenario, dice) if dice.random() < 0.4 else scenario
    dice = Random(f"pages {seed}")
    return split(scenario, dice) if dice.random() < 0.3 else scenario


def _common_one(seed: int, dice: Random) -> Scenario:
    types, counts = _portal(dice)
    return Scenario(
        seed=seed,
        counts=counts,
        types=types,
        beliefs=_beliefs(dice),
        faults=_faults(dice),
        troubles=_troubles(dice),
        poisons=dice.choice((1, 1, 2, 5)) if dice.random() < 0.06 else 0,
        quiet_s=dice.choice((60.0, 600.0, 4000.0)),
        life=dice.choice(list(LIVES)),
        chances=dice.choice((0.0, 0.05, 0.3, 0.3, 1.0, 1.0, 2.0)),
        gap_changes=dice.choice((0, 0, 1, 5, 30)),
        latency_ms=dice.choice(((0, 0), (5, 50), (20, 400), (100, 3000))),
        in_flight=dice.choice((1, 2, 4, 24, 24)),
        number=dice.choice((None, None, 120, 120, 40, 12, 5)),
        tier=dice.choice(("free", "pro", "pro", "addon")),
        overload=dice.random() < 0.2,
        gaps_s=tuple(
            dice.choice((1.0, 300.0, 3600.0, 100_000.0, 700_000.0))
            for _ in range(dice.choice((0, 0, 1, 1, 2)))
        ),
        crashes=tuple(_crash(dice) for _ in range(dice.choice((0, 0, 1, 1, 2, 4)))),
        rotations=tuple(dice.randint(1, 60) for _ in range(dice.choice((0, 0, 0, 0, 1, 2)))),
        oauth=dice.random() < 0.1,
        ahead_s=dice.choice((0.0, 0.0, -30.0, 45.0, 3600.0, -3600.0)),
        give_up_s=dice.choice((300.0, 900.0, 3600.0, 3600.0)),
        gzip=dice.random() < 0.5,
        echo=dice.random() < 0.2,
        prove=dice.random() < 0.2,
        prove_within_s=dice.choice((0.0, 3600.0, 604_800.0)),
        accept_deletes=dice.random() < 0.5,
        purged=dice.choice((0, 0, 0, 0, 3, 30, 60)),
        strange=dice.choice((0.05, 0.3)) if dice.random() < 0.06 else 0.0,
        loaded=dice.random() < 0.03,
        garbled=dice.choice((0.05, 0.3)) if dice.random() < 0.12 else 0.0,
        associations=Random(f"associations {seed}").choice(("", "", "", "changed", "all")),
    )


def split(scenario: Scenario, dice: Random) -> Scenario:
    """The same with small pages, so that lists are read as ranges of ids; now and then those cannot be entered."""
    most = max((count for name, count in scenario.counts if name in scenario.types), default=0)
    page = max(dice.choice((5, 5, 10, 25)), most // 25)
    # What lives faster than it can be read has no end.
    scenario = replace(
        scenario, page=page, chances=min(scenario.chances, page / 10), in_flight=dice.choice((scenario.in_flight, 24)),
        number=dice.choice((scenario.number, None)),
    )  # fmt: skip
    which = dice.choice(("", "", "empty", "start", "refused", "repeated"))
    if not which or scenario.poisons or scenario.withdrawn:
        return scenario
    name = scenario.types[0]
    counts = tuple(sorted({**dict(scenario.counts), name: dice.randint(60, 150)}.items()))
    return replace(
        scenario, counts=counts, in_flight=24, number=None, gzip=False, garbled=0.0, latency_ms=(20, 400), page=page,
        unknown=which if which in {"empty", "start"} else "", repeated=0.1 if which == "repeated" else 0.0,
        beliefs=("list-after-any-id=no",) if which == "refused" else (),
    )  # fmt: skip


def _stormy(scenario: Scenario, dice: Random) -> Scenario:
    """Killed again and again, in the middle of whatever it does."""
    kills = tuple(Crash("statement", dice.randint(5, 250)) for _ in range(12))
    return replace(scenario, crashes=kills, poisons=0, rotations=(), troubles=(), faults="none", number=None)


def _lossy(scenario: Scenario, dice: Random) -> Scenario:
    """Answers to batches that leave some out and say nothing of it."""
    faults = "none" if dice.random() < 0.5 else scenario.faults
    return replace(scenario, dropped=dice.choice((0.1, 0.4)), gzip=False, poisons=0, faults=faults)


def _shifting(scenario: Scenario, dice: Random) -> Scenario:
    """A list whose cursors count records, from which records are removed while it is read."""
    name = dice.choice(READABLE)
    return replace(
        scenario, types=(name,), counts=((name, dice.randint(101, 330)),), beliefs=("list-after=position",),
        life="removals", chances=dice.choice((2.0, 3.0)), latency_ms=(20, 400), poisons=0,
    )  # fmt: skip


def _withdrawn(scenario: Scenario, dice: Random) -> Scenario:
    """A whole page of a search whose records were archived before the index knew."""
    name = dice.choice(READABLE)
    return replace(
        scenario, types=(name,), counts=((name, dice.randint(225, 300)),), withdrawn=dice.randint(200, 215),
        beliefs=("search-lag-s=60",), gaps_s=(600.0,), gap_changes=0, latency_ms=(5, 50), number=None, troubles=(),
        chances=0.05,
    )  # fmt: skip


def _returning(scenario: Scenario, dice: Random) -> Scenario:
    """Records that are archived and restored while lists are late."""
    name = dice.choice(READABLE)
    return replace(
        scenario, types=(name,), counts=((name, dice.randint(10, 60)),), life="returns", gzip=False, poisons=0,
        beliefs=(f"list-lag-s={dice.choice((20, 50))}",), chances=dice.choice((1.0, 3.0)), latency_ms=(20, 400),
        gap_changes=dice.choice((1, 10)), gaps_s=(1.0, 300.0), number=None,
    )  # fmt: skip


def _failing(scenario: Scenario, dice: Random) -> Scenario:
    """One kind of endpoint that fails, whatever is asked of it, for as long as a poison is looked for."""
    part = dice.choice(("/batch/read", "/crm/associations", "/crm/objects", "/search", "/labels"))
    down = Trouble(dice.choice((0.0, 0.2)), dice.choice((400.0, 1500.0)), part, "500")
    return replace(
        scenario, troubles=(down,), quiet_s=4000.0, give_up_s=3600.0, poisons=0, latency_ms=(20, 400), chances=0.05,
        number=None, gaps_s=(300.0,), prove=True, gap_changes=10,
    )  # fmt: skip


def _crowded(scenario: Scenario, dice: Random) -> Scenario:
    """Every type, and budgets that are one, as fast as the smallest tier allows."""
    shared = dice.choice(
        (("search-budget=shared", "association-budget=shared"), ("association-budget=shared",))
    )
    return replace(
        scenario, types=READABLE, counts=tuple((name, dice.randint(1, 5)) for name in READABLE), beliefs=shared,
        number=None, tier="free", in_flight=24, latency_ms=(0, 20), faults="none", troubles=(), poisons=0, oauth=False,
    )  # fmt: skip


def _repeating(scenario: Scenario, dice: Random) -> Scenario:
    """Cursors that come again, where there are many pages."""
    name = dice.choice(READABLE)
    return replace(
        scenario, types=(name,), counts=((name, dice.randint(220, 330)), *((far, 9) for far in FAR if far != name)),
        beliefs=("association-page=2",), repeated=dice.choice((0.1, 0.5, 1.0)), poisons=0, gzip=False,
    )  # fmt: skip


def _beside(scenario: Scenario, dice: Random) -> Scenario:
    """Another app that uses up the same budgets for a while."""
    busy = Trouble(0.0, dice.choice((15.0, 60.0)), kind="neighbour")
    return replace(
        scenario, number=None, troubles=(busy,), latency_ms=(5, 50), in_flight=24, oauth=False, poisons=0
    )


def _one_way(scenario: Scenario, dice: Random) -> Scenario:
    """Leads, whose deals are found from them alone, though HubSpot names association types for both sides."""
    counts = tuple((name, dice.randint(3, 12)) for name in ("deals", "leads"))
    return replace(
        scenario,
        types=("deals", "leads"),
        counts=counts,
        beliefs=("labels-show-one-way=yes",),
        poisons=0,
        purged=0,
    )


_RARE_ONES = (
    _shifting, _shifting, _withdrawn, _withdrawn, _crowded, _crowded, _crowded, _repeating, _repeating, _repeating,
    _beside, _stormy, _stormy, _lossy, _lossy, _returning, _failing, _failing, _failing, _failing, _one_way, _one_way,
)  # fmt: skip


def _portal(dice: Random) -> tuple[tuple[str, ...], tuple[tuple[str, int], ...]]:
    """Which types are read, and how many records there are of which."""
    size = dice.random()
    if size < 0.04:
        return tuple(dice.sample(READABLE, 2)), ()
    if size < 0.10:
        types = tuple(dice.sample(READABLE, 1))
        return types, tuple((name, 1) for name in types)
    counts = {name: dice.randint(1, 12) for name in FAR if dice.random() < 0.6}
    types = tuple(dice.sample(READABLE, dice.choice((1, 1, 2, 2, 3))))
    if size < 0.82:
        most = dice.choice((4, 25, 60))
        counts |= {name: dice.randint(0, most) for name in types}
    elif size < 0.98:
        counts |= {
            name: dice.randint(90, 330) if place == 0 else dice.randint(0, 60)
            for place, name in enumerate(types)
        }
    else:
        types = types[:1]
        counts[types[0]] = dice.randint(1001, 1120)
    return types, tuple(sorted(counts.items()))


def every_belief() -> list[str]:
    """Every switch of the sandbox that is not as it is by default."""
    return [
        f"{name}={value}"
        for name, belief in BELIEFS.items()
        for value in sorted({*belief.values, belief.worst} - {belief.default})
    ]


def _beliefs(dice: Random) -> tuple[str, ...]:
    """Mostly the defaults; sometimes all the worst, some mix, one alone, or late lists and searches."""
    every = every_belief()
    which = dice.random()
    if which < 0.35:
        return ()
    if which < 0.45:
        return ("worst", *dice.choice(((), ("list-after=next-id",), ("list-after=next-id", "list-order=id"))))
    if which < 0.70:
        return tuple(one for one in every if dice.random() < 0.07)
    if which < 0.82:
        return (dice.choice(every),)
    lags = (
        f"list-lag-s={dice.choice((0, 5, 20, 50))}",
        f"search-lag-s={dice.choice((0, 5, 30, 60))}",
        f"date-skew-s={dice.choice((0, 0, -90, -5, 5))}",
    )
    return (*lags, f"new-ids={dice.choice(('ascending', 'anywhere'))}")


def _faults(dice: Random) -> str:
    """The shares of requests that fail: none, a few, or every third; now and then one that ends a run."""
    share = dice.choice((0.0, 0.0, 0.12, 0.12, 0.35))
    kinds = dict.fromkeys(_COMMON, 4.0) | {kind: 1.0 for kind in _RARE if dice.random() < 0.5}
    whole = sum(kinds.values())
    parts = [f"{kind}={share * weight / whole:.4f}" for kind, weight in kinds.items() if share]
    if dice.random() < 0.2:
        parts += [f"at:{dice.randint(2, 40)}={dice.choice(ENDING)}" for _ in range(dice.choice((1, 1, 2)))]
    return ",".join(parts) or "none"


def _troubles(dice: Random) -> tuple[Trouble, ...]:
    """None, an outage, or endpoints that fail one by one and recover in any order."""
    which = dice.random()
    if which < 0.65:
        return ()
    if which < 0.85:
        return (
            Trouble(
                dice.choice((0.0, dice.uniform(0, 0.5), dice.uniform(0, 10))),
                dice.choice((5.0, 60.0, 900.0, 3000.0)),
                kind=dice.choice(("502", "reset", "503")),
            ),
        )
    start_s, found = dice.choice((0.0, dice.uniform(0, 5))), []
    for part in dice.sample(PARTS, dice.randint(2, len(PARTS))):
        found.append(
            Trouble(start_s, dice.choice((3.0, 30.0, 200.0)), part, dice.choice(("502", "500", "cut")))
        )
        start_s += dice.uniform(0, 3)
    return tuple(found)


def _crash(dice: Random) -> Crash:
    """A kill at a statement (mostly), at a request sent, or at an answer received."""
    kind = dice.choice(("statement", "statement", "statement", "request", "answer"))
    most = dice.choice((60, 300, 1500)) if kind == "statement" else dice.choice((5, 30, 90))
    return Crash(kind, dice.randint(1, most))
