"""One run of one program on a portal of its own: what it took, what it asked, what it brought home of what is true."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.rivals import spent
from bench.rivals.peers import Command, Found, Job, NotThere, Rival
from bench.rivals.portal import Truth, served, value
from bench.rivals.scenarios import START, Scenario

MOST_S = 900.0


@dataclass(frozen=True, slots=True)
class Home:
    """Of so many that are true: right, lost (or without their value), and rows too many."""

    right: int
    lost: int
    twice: int


@dataclass(frozen=True, slots=True)
class Result:
    """A row of what is kept; seconds, megabytes, counts."""

    who: str
    version: str
    scenario: str
    records: int
    turn: int
    status: int
    wall_s: float
    cpu_s: float
    memory_mb: float
    table_s: float | None
    requests: dict[str, int]
    bound_s: float
    too_many: int
    overloaded: int
    came: Home
    tied: Home

    @property
    def asked(self) -> int:
        return sum(self.requests.values())

    @classmethod
    def of(cls, text: str) -> Result:
        found = json.loads(text)
        return cls(**found | {name: Home(**found[name]) for name in ("came", "tied")})

    def line(self) -> str:
        return (
            f"{self.scenario}, {self.records:,} contacts, turn {self.turn}: {self.who} ends with {self.status} "
            f"after {self.wall_s:.1f} s, CPU {self.cpu_s:.2f} s, {self.asked} requests"
        )

    def text(self) -> str:
        return json.dumps(asdict(self))


def made_ready(rival: Rival, properties: int, folder: Path) -> Command:
    """What to type; files that it needs come into the folder. Made on a portal of few contacts, without faults."""
    with served(Scenario("", "", properties), START) as portal:
        return rival.ready(rival, Job(folder, portal, ""))


def run(rival: Rival, scenario: Scenario, records: int, turn: int, ready: tuple[Command, Path]) -> Result:
    """Run a program that was made ready on a fresh portal; raises NotThere where it does not even ask anything."""
    with tempfile.TemporaryDirectory(prefix="rivals-") as name, served(scenario, records) as portal:
        folder = Path(name)
        shutil.copytree(ready[1], folder, dirs_exist_ok=True)
        truth = portal.truth(scenario.properties)
        job = Job(folder, portal, truth.last)
        took = spent.run(ready[0], folder, rival.surroundings(job), _there(rival, folder), MOST_S)
        asked = portal.asked()
        if took.status and not asked.requests.total():
            raise NotThere(
                f"it ends with {took.status}: {(folder / 'err').read_text('utf-8', 'replace')[-300:]}"
            )
        found = rival.read(job)
        return Result(
            rival.name, rival.version, scenario.name, len(truth.ids), turn,
            took.status, took.wall_s, took.cpu_s, took.memory_mb, took.table_s,
            dict(asked.requests), asked.bound_s, asked.too_many, asked.overloaded,
            *judged(found, truth, rival.to),
        )  # fmt: skip


def _there(rival: Rival, folder: Path) -> Callable[[], bool] | None:
    return (folder / rival.table).exists if rival.table else None


def judged(found: Found, truth: Truth, to: tuple[str, ...]) -> tuple[Home, Home]:
    """Of the records, and of the pairs with types of `to`, what came home."""
    return _came(found, truth), _tied(found, truth, to)


def _came(found: Found, truth: Truth) -> Home:
    right = sum(found.values.get(id_) == value(truth.last, id_) for id_ in truth.ids)
    twice = found.ids.total() - len(truth.ids & found.ids.keys())
    return Home(right, len(truth.ids) - right, twice)


def _tied(found: Found, truth: Truth, to: tuple[str, ...]) -> Home:
    """Pairs of records that are tied; a row for each association type of a pair is none too many."""
    true = {link for link in truth.links if link[1] in to}
    lost = len(true - found.links.keys())
    return Home(len(true) - lost, lost, (found.links - truth.links).total())
