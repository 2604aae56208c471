"""The scenarios that mutants are hunted in: the simulation's own, or with one kind of trouble made likely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from tests.simulation.scenario import FAR, READABLE, Crash, Scenario
from tests.simulation.weeks import week_of

ANY = "any"


def _dice(scenario: Scenario, name: str) -> Random:
    return Random(f"{name} {scenario.seed}")


def _calm() -> dict[str, Any]:
    """No trouble of any kind."""
    return {
        "beliefs": (), "faults": "none", "troubles": (), "poisons": 0, "crashes": (), "rotations": (), "oauth": False,
        "purged": 0, "withdrawn": 0, "dropped": 0.0, "garbled": 0.0, "repeated": 0.0, "ahead_s": 0.0,
        "accept_deletes": True, "number": None, "overload": False, "latency_ms": (20, 400), "in_flight": 24,
    }  # fmt: skip


def _one(dice: Random, low: int, high: int, name: str = "") -> dict[str, Any]:
    """One type that is read, of so many records, among a few others."""
    name = name or dice.choice(READABLE)
    return {
        "types": (name,),
        "counts": ((name, dice.randint(low, high)), *((far, 9) for far in FAR if far != name)),
    }


def later(scenario: Scenario) -> Scenario:
    """Runs in a row with many changes between them, and no proof but the first."""
    dice = _dice(scenario, "later")
    return replace(
        scenario, **_calm() | _one(dice, 20, 60), gaps_s=(3600.0, 7200.0), gap_changes=40, prove=False,
        prove_within_s=604_800.0, life="mixed", chances=0.3,
    )  # fmt: skip


def cut(scenario: Scenario) -> Scenario:
    """The same, and processes that are killed again and again."""
    dice = _dice(scenario, "cut")
    crashes = tuple(Crash("statement", dice.randint(2, most)) for most in (300, 900, 300, 900, 300, 300))
    return replace(later(scenario), crashes=crashes)


def slow(scenario: Scenario) -> Scenario:
    """Few requests in ten seconds and much life, so that a run takes minutes."""
    dice = _dice(scenario, "slow")
    return replace(
        scenario, **_calm() | _one(dice, 101, 200) | {"number": 2, "beliefs": ("list-max=10",)}, life="mixed",
        chances=2.0, gaps_s=(), prove=False,
    )  # fmt: skip


def late(scenario: Scenario) -> Scenario:
    """Lists and searches that show a change only after a while."""
    dice = _dice(scenario, "late")
    lags = (f"list-lag-s={dice.choice((5, 20, 50))}", f"search-lag-s={dice.choice((5, 30, 60))}")
    return replace(later(scenario), beliefs=lags, chances=2.0, number=2)


def counting(scenario: Scenario) -> Scenario:
    """Lists whose cursors count records, from which records are removed while they are read."""
    dice = _dice(scenario, "counting")
    name = dice.choice(READABLE)
    alone = {"types": (name,), "counts": ((name, dice.randint(250, 500)),)}
    return replace(
        scenario, **_calm() | alone | {"beliefs": ("list-after=position",)}, life="removals", chances=9.0,
        gaps_s=(),
    )  # fmt: skip


def paged(scenario: Scenario) -> Scenario:
    """Small pages everywhere, and records with many associations."""
    dice = _dice(scenario, "paged")
    beliefs = ("association-page=2", "search-max=10", "list-max=50")
    return replace(
        scenario, **_calm() | _one(dice, 110, 330) | {"beliefs": beliefs}, life="mixed", chances=1.0,
        gaps_s=(3600.0,), gap_changes=60, prove=False, prove_within_s=604_800.0,
    )  # fmt: skip


def tied(scenario: Scenario) -> Scenario:
    """Few records with many associations, in small pages."""
    dice = _dice(scenario, "tied")
    return replace(
        later(scenario), **_one(dice, 3, 10), beliefs=("association-page=2",), life="links", gap_changes=120
    )


def among(scenario: Scenario) -> Scenario:
    """Types that are associated with each other, and all of them read."""
    dice = _dice(scenario, "among")
    counts = tuple((name, dice.randint(3, 10)) for name in FAR)
    return replace(later(scenario), types=FAR, counts=counts, life="links", gap_changes=60)


def growing_among(scenario: Scenario) -> Scenario:
    """The same, where records are made and tied to others."""
    return replace(among(scenario), life="growth", gap_changes=30, associations="")


def read_whole(scenario: Scenario) -> Scenario:
    """The same, and every run reads all associations, while it looks for what changed."""
    return replace(growing_among(scenario), associations="all")


def removing_among(scenario: Scenario) -> Scenario:
    """The same, where records go."""
    return replace(among(scenario), life="removals", gap_changes=20, associations="", prove_within_s=0.0)


def poisoned_among(scenario: Scenario) -> Scenario:
    """The same, and records that break every answer they are in."""
    return replace(among(scenario), poisons=2, gaps_s=(), chances=0.0)


def emptying(scenario: Scenario) -> Scenario:
    """One type that is read, and the last record of what it is associated with goes."""
    dice = _dice(scenario, "emptying")
    counts = (("notes", dice.randint(10, 30)), *((far, 1) for far in FAR))
    return replace(later(scenario), types=("notes",), counts=counts, life="removals", chances=0.0)


def one_way(scenario: Scenario) -> Scenario:
    """Leads, whose deals are found from them alone, though HubSpot names association types for both sides."""
    dice = _dice(scenario, "one way")
    counts = (("deals", dice.randint(3, 10)), ("leads", dice.randint(3, 10)))
    return replace(
        later(scenario),
        types=("deals", "leads"),
        counts=counts,
        beliefs=("labels-show-one-way=yes",),
        life="links",
    )


def split(scenario: Scenario) -> Scenario:
    """Small pages, and lists that are read as ranges of ids."""
    dice = _dice(scenario, "split")
    return replace(
        scenario, **_calm() | _one(dice, 120, 220), page=5, unknown="", life="mixed", chances=0.3, gaps_s=(),
        prove=False, quiet_s=60.0,
    )  # fmt: skip


def cut_split(scenario: Scenario) -> Scenario:
    """The same, and processes that are killed while they read."""
    dice = _dice(scenario, "cut split")
    return replace(split(scenario), crashes=tuple(Crash("answer", dice.randint(10, 60)) for _ in range(3)))


def broken_split(scenario: Scenario) -> Scenario:
    """The same, and cursors that repeat."""
    return replace(split(scenario), repeated=0.05)


def capped(scenario: Scenario) -> Scenario:
    """Pages shorter than asked for, and not the last."""
    return replace(paged(scenario), beliefs=("list-max=50", "list-over-max=capped"))


def textual(scenario: Scenario) -> Scenario:
    """Searches whose order is not that of their filter, in later runs."""
    dice = _dice(scenario, "textual")
    beliefs = dice.choice(
        (("search-order=text",), ("search-filter=text",), ("search-order=text", "search-filter=text"))
    )
    wide = {"calls": dice.randint(40, 150)}
    return replace(
        later(scenario), types=("calls",), counts=(*wide.items(), *((far, 9) for far in FAR)),
        beliefs=(*beliefs, "search-max=10", "new-ids=anywhere"), life=dice.choice(("edits", "mixed", "growth")),
        gap_changes=60,
    )  # fmt: skip


def failing(scenario: Scenario) -> Scenario:
    """Many requests that fail, as errors or as answers that are none."""
    dice = _dice(scenario, "failing")
    faults = "500=0.1,502=0.1,429=0.05,empty=0.05,garbage=0.05,html=0.05,cut=0.05"
    return replace(later(scenario), faults=faults, echo=True, gzip=False, **_one(dice, 30, 120))


def refused(scenario: Scenario) -> Scenario:
    """A scope that is missing, seen at one request."""
    dice = _dice(scenario, "refused")
    return replace(later(scenario), faults=f"at:{dice.randint(2, 12)}=403")


def hurried(scenario: Scenario) -> Scenario:
    """Many small requests against a small number, some of which fail, and kills."""
    dice = _dice(scenario, "hurried")
    return replace(
        later(scenario), types=READABLE[:6], counts=tuple((name, 5) for name in READABLE), number=dice.choice((5, 12)),
        faults="500=0.3,slow=0.1", latency_ms=(5, 2000), crashes=tuple(Crash("answer", 12) for _ in range(3)),
        gaps_s=(1.0,),
    )  # fmt: skip


def poisoned(scenario: Scenario) -> Scenario:
    """A record that breaks every answer it is in, beside others that do not."""
    dice = _dice(scenario, "poisoned")
    types = tuple(dice.sample(READABLE, 2))
    counts = tuple((name, dice.randint(101, 150)) for name in types)
    return replace(later(scenario), types=types, counts=counts, poisons=1, gaps_s=(), chances=0.0)


def crowd(scenario: Scenario) -> Scenario:
    """More records than one request for associations may name."""
    dice = _dice(scenario, "crowd")
    return replace(later(scenario), **_one(dice, 1001, 1060, "calls"), gaps_s=(), life="links")


def removing(scenario: Scenario) -> Scenario:
    """Records that go away for ever, or into others."""
    dice = _dice(scenario, "removing")
    name = dice.choice(FAR)
    return replace(later(scenario), **_one(dice, 20, 60, name), life="removals", prove=True)


def purged(scenario: Scenario) -> Scenario:
    """More records go away than a person would believe, and a person has said that it is right."""
    return replace(
        removing(scenario), purged=30, accept_deletes=True, **_one(_dice(scenario, "purged"), 40, 60)
    )


def dropping(scenario: Scenario) -> Scenario:
    """Answers to batches that leave something out."""
    dice = _dice(scenario, "dropping")
    return replace(later(scenario), **_one(dice, 30, 60), dropped=0.3, gzip=False, life="links")


def withdrawn(scenario: Scenario) -> Scenario:
    """A whole page of a search whose records were archived before the index knew."""
    dice = _dice(scenario, "withdrawn")
    return replace(
        later(scenario), **_one(dice, 230, 300), withdrawn=205, beliefs=("search-lag-s=60",), gaps_s=(600.0,),
        latency_ms=(5, 50), gap_changes=60,
    )  # fmt: skip


def cut_removing(scenario: Scenario) -> Scenario:
    """Records that go away, and processes that are killed."""
    dice = _dice(scenario, "cut removing")
    crashes = (Crash("", 0), *(Crash("statement", dice.randint(100, 500)) for _ in range(4)))
    return replace(purged(scenario), crashes=crashes)


def weeks(scenario: Scenario) -> Scenario:
    """Twenty runs, between which hours to days of a living portal lie."""
    return week_of(scenario.seed)


def cut_weeks(scenario: Scenario) -> Scenario:
    """The same, and every second process is killed soon after it began."""
    dice = _dice(scenario, "cut weeks")
    crashes = (
        crash for _ in range(20) for crash in (Crash("", 0), Crash("statement", dice.randint(20, 100)))
    )
    return replace(week_of(scenario.seed), crashes=tuple(crashes), gap_changes=20, chances=0.0)


WORLDS: dict[str, Callable[[Scenario], Scenario]] = {ANY: lambda scenario: scenario} | {
    world.__name__.replace("_", " "): world
    for world in (
        later, cut, slow, late, tied, among, growing_among, read_whole, removing_among, poisoned_among,
        emptying, one_way, counting, paged, split, cut_split, broken_split, capped, textual, failing, refused, hurried,
        poisoned, crowd, removing,
        purged, dropping, withdrawn, cut_removing, weeks, cut_weeks,
    )
}  # fmt: skip
