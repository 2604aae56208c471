"""One scenario from its beginning to its judgement: the portal, the network between, the kills, the runs."""

from __future__ import annotations

import asyncio
import hashlib
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from hubdump import marks
from hubdump.errors import HubdumpError, Incomplete, Stopped, TokenRefused
from hubdump.extract.bearer import OAuthApp, ServiceKey
from hubdump.extract.plan import Linking, Wishes
from hubdump.model import Secret
from hubdump.sandbox import Core, SandboxConfig, answers
from hubdump.sandbox.apps import App
from hubdump.sandbox.config import TIERS
from hubdump.sandbox.faults import Share
from hubdump.sandbox.in_process import START_S
from hubdump.sandbox.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from tests.simulation import seam
from tests.simulation.disk import STORE, Fuse, Killed, tapped
from tests.simulation.life import Life
from tests.simulation.loop import Deadlock, VirtualClock, VirtualLoop, run
from tests.simulation.network import Network
from tests.simulation.oracle import Reading, Violation, judge, over_limits, target
from tests.simulation.reasons import is_withheld, unduly
from tests.simulation.scenario import Crash, Scenario
from tests.simulation.truth import Key, Truth

MEMORY = Path("/dev/shm")  # noqa: S108 - a disk in memory, where there is one; folders in it are made anew
# After the last fault: the longest patience, the waits it may end with, and the work itself.
DEADLINE_S = 3 * 3600.0
REQUESTS_MAX = 30_000
ATTEMPTS_MAX = 60
DAY_MS = 86_400_000


@dataclass(slots=True)
class Outcome:
    """What came of a scenario. `story` says it for people; `digest` is the same for the same scenario."""

    seed: int
    violations: list[Violation] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    requests: int = 0
    faults: int = 0
    crashes: int = 0
    changes: int = 0
    records: int = 0
    virtual_s: float = 0.0
    refuted: frozenset[str] = frozenset()
    digest: str = ""
    story: list[str] = field(default_factory=list)


class World:
    """One scenario while it lasts; each process reaches its network by what `through` makes of it."""

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        through: Callable[[Network], seam.Network] = lambda inner: inner,
    ) -> None:
        self.scenario, self._folder, self._through = scenario, folder, through
        counts = ",".join(f"{name}={count}" for name, count in scenario.counts)
        self.token = f"pat-na1-{scenario.seed}-first"
        self.core = Core(
            SandboxConfig(
                portal=f"narrow,{counts}" if counts else "narrow", seed=scenario.seed, token=self.token,
                faults=scenario.faults, tier="oauth" if scenario.oauth else scenario.tier,
                beliefs=scenario.beliefs, overload=scenario.overload,
            )
        )  # fmt: skip
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop, START_S, scenario.ahead_s)
        self.truth = Truth(self.core, scenario.types)
        self.life = Life(self.core, self.truth, scenario.life, Random(f"life {scenario.seed}"))
        self.outcome = Outcome(scenario.seed)
        self.given: set[tuple[str, str]] = set()
        self.fuse = Fuse(folder, folder)
        self._dice = Random(f"world {scenario.seed}")
        self._shares = list(self.core.world.faults.shares)
        self._rotations = list(scenario.rotations)
        self._texts: list[str] = []
        self._last_ms = int(START_S * 1000)
        self._began_s = self._quiet_s = 0.0
        self._began_ms: dict[str, int] = {}
        self._quieting: asyncio.TimerHandle | None = None
        self._attempts = 0
        self._accepts = scenario.accept_deletes
        self._versions: dict[Key, tuple[object, ...]] = {}
        self._seen_ms: dict[Key, int] = {}
        self._strike_poisons()

    @property
    def now_ms(self) -> int:
        """The instant it is in the portal."""
        return int((START_S + self.loop.time()) * 1000)

    @property
    def is_quiet(self) -> bool:
        """Whether the last fault of this run is over."""
        return self.loop.time() >= self._quiet_s

    def arrived(self, request: answers.Request) -> answers.Response:
        """A request reaches the portal, after what happened there since the one before."""
        self._live()
        self._trouble()
        self._rotate()
        if len(self.core.world.log) > REQUESTS_MAX:
            raise Endless
        now_s = self.loop.time()
        return self.core.handle(request, now_s, START_S + now_s)

    def whole(self) -> Outcome:
        """All of it; after that the world has come to its end."""
        outcome = self.lived()
        self.loop.close()
        return outcome

    def lived(self) -> Outcome:
        """Run after run, each attempt after attempt to its end; then the judgement of each."""
        with marks.heard() as heard:
            for number in range(len(self.scenario.gaps_s) + 1):
                if number:
                    self._pause(self.scenario.gaps_s[number - 1], self.scenario.gap_changes)
                    self.life.purge(self.scenario.purged, self.now_ms)
                    self.life.withdraw(self.scenario.withdrawn, self.now_ms - 90_000, self.now_ms)
                if not self._run():
                    break
        self.outcome.marks = heard
        self._judge_log()
        return self.outcome

    def _run(self) -> bool:
        """One run, however often it has to be started; False when it never ended."""
        self._begin_faults()
        began_ms, patience_s = self.now_ms, DEADLINE_S
        for name in self.scenario.types:
            self._began_ms.setdefault(name, began_ms)
        for _ in range(ATTEMPTS_MAX):
            ended = self._attempt()
            self.outcome.ends[ended.how] += 1
            self._tell(
                f"{ended.how} at {self.loop.time():.1f} s, {len(self.core.world.log)} requests {ended.text}"
            )
            if ended.how in {"complete", "incomplete"}:
                self._judge(ended, began_ms)
                return True
            if ended.how in {"endless", "bug"}:
                self._breach("BUG" if ended.how == "bug" else "NOT_DONE", ended.text)
                return False
            if self.loop.time() > self._quiet_s + patience_s:
                break
            wait_s = self._dice.choice(self.scenario.restarts_s) if ended.how == "killed" else 1800.0
            if ended.how == "killed":
                patience_s += wait_s
            self._pause(wait_s, self.scenario.gap_changes)
        self._breach("NOT_DONE", f"still no end after {self._attempts} attempts")
        return False

    def _breach(self, kind: str, about: str) -> None:
        self.outcome.violations.append(Violation(kind, about))

    def _attempt(self) -> Ended:
        """One process, from its start to its end or its kill."""
        scenario = self.scenario
        crash = scenario.crashes[self._attempts] if self._attempts < len(scenario.crashes) else Crash("", 0)
        self._attempts += 1
        after = self._folder.parent / str(self._attempts)
        self.fuse = Fuse(self._folder, after, crash.kind, crash.number)
        order = self.order()
        try:
            with tapped(self.fuse):
                done = run(self.loop, self._bounded(order))
            self.outcome.refuted |= done.refuted
            told = "; ".join(f"{name}: {error.message}" for name, error in done.failed.items())
            return Ended("incomplete" if done.failed else "complete", told, done.failed)
        except Killed:
            self._folder = after
            self.outcome.crashes += 1
            return Ended("killed", f"before {crash.kind} {crash.number}")
        except (Endless, TimeoutError, Deadlock) as error:
            return Ended("endless", repr(error))
        except Stopped as error:
            return Ended("stopped", self._heard(error))
        except TokenRefused as error:
            return Ended("refused", self._heard(error))
        except Incomplete as error:  # before any type was begun: all of them are named
            return Ended("incomplete", self._heard(error), dict.fromkeys(scenario.types, error))
        except HubdumpError as error:
            return Ended("bug", self._heard(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            self._heard(error)
            return Ended("bug", "".join(traceback.format_exception(error))[-1500:])

    def order(self) -> seam.Order:
        """How the next process is started."""
        scenario = self.scenario
        return seam.Order(
            self._folder / STORE, scenario.types, self._credentials(), scenario.number, scenario.in_flight,
            scenario.give_up_s,
            Wishes(
                scenario.prove, scenario.prove_within_s, self._accepts,
                associations=Linking(scenario.associations) if scenario.associations else None,
            ),
            scenario.page,
        )  # fmt: skip

    async def _bounded(self, order: seam.Order) -> seam.Done:
        async with asyncio.timeout(max(0.0, self._quiet_s - self.loop.time()) + DEADLINE_S):
            return await seam.extraction(
                order,
                self._through(Network(self)),
                self.clock,
                self._emitted,
                Random(f"chance {self._attempts}").random,
            )

    def _credentials(self) -> ServiceKey | OAuthApp:
        if self.scenario.oauth:
            return OAuthApp(CLIENT_ID, Secret(CLIENT_SECRET), Secret(REFRESH_TOKEN))
        return ServiceKey(Secret(self.token))

    def _begin_faults(self) -> None:
        self._began_s = self.loop.time()
        self._quiet_s = self._began_s + self.scenario.quiet_s
        self.core.world.faults.shares = list(self._shares)
        if self._quieting:
            self._quieting.cancel()
        self._quieting = self.loop.call_at(self._quiet_s, self._no_more_faults)

    def _no_more_faults(self) -> None:
        poisons = set(self.core.world.faults.poisons)
        self.core.world.faults.clear()
        self.core.world.faults.poisons = poisons

    def _trouble(self) -> None:
        """Turn the endpoints that are in trouble now on and off."""
        since_s = self.loop.time() - self._began_s
        if since_s < self.scenario.quiet_s and self.scenario.troubles:
            now = [one for one in self.scenario.troubles if one.from_s <= since_s < one.from_s + one.lasts_s]
            struck = [Share(one.kind, 1.0, one.part) for one in now if one.kind != "neighbour"]
            self.core.world.faults.shares = struck + self._shares
            if len(now) > len(struck):
                self._crowd()

    def _crowd(self) -> None:
        """Another app uses up the general budget."""
        app = self.core.world.apps._by_token[self.token]
        counter = self.core.world.limits._burst(app, "general")
        while counter.has_room(self.loop.time()):
            counter.take(self.loop.time())

    def _strike_poisons(self) -> None:
        if self.scenario.poisons:
            ids = sorted(
                id_ for name in self.scenario.types for id_ in self.core.world.portal.shelves[name].ids()
            )
            chosen = self._dice.sample(ids, min(len(ids), self.scenario.poisons))
            self.core.world.faults.poisons = set(map(str, chosen))

    def _rotate(self) -> None:
        """The token changes: the old one is refused from now on, the next process is given the new one."""
        if self._rotations and len(self.core.world.log) >= self._rotations[0] and not self.scenario.oauth:
            self._rotations.pop(0)
            tokens = self.core.world.apps._by_token
            app: App = tokens.pop(self.token)
            self.token = f"pat-na1-{self.scenario.seed}-{len(self._rotations)}-next"
            tokens[self.token] = app

    def _live(self) -> None:
        chances = self.scenario.chances
        count = int(chances) + (self._dice.random() < chances % 1)
        if count and self.now_ms > self._last_ms:
            self.life.happen(count, self._last_ms, self.now_ms)
        self._last_ms = max(self._last_ms, self.now_ms)

    def _pause(self, wait_s: float, changes: int) -> None:
        run(self.loop, asyncio.sleep(wait_s))
        self.life.happen(changes, self._last_ms, self.now_ms)
        self._last_ms = self.now_ms

    def _emitted(self, event: Any) -> None:
        self._texts.append(repr(event))

    def _heard(self, error: BaseException) -> str:
        self._texts.append(f"{error} {error!r} {getattr(error, 'hint', '')}")
        return f"{type(error).__name__}: {error}"

    def _tell(self, text: str) -> None:
        self.outcome.story.append(text)

    def _judge(self, ended: Ended, began_ms: int) -> None:
        """Hold what is on disk now against what was true."""
        for error in ended.failed.values():
            self._heard(error)
        held = seam.read_back(self._folder / STORE, self.scenario.types)
        beliefs = self.core.world.beliefs
        slack_ms = 61_000 - 1000 * min(0, beliefs.number("date-skew-s"))
        late_ms = max(0, int(1000 * beliefs.number("search-lag-s")) - 60_000)
        self._compare(held)
        linked_ms = began_ms - DAY_MS if self.scenario.associations != "changed" else 0
        found: list[Violation] = []
        for name in self.scenario.types:
            named = name in ended.failed
            within_ms = 0 if self.scenario.prove else int(1000 * self.scenario.prove_within_s)
            least_ms = began_ms - slack_ms
            reading = Reading(
                self._began_ms[name], self.now_ms, least_ms, within_ms, frozenset(ended.failed), late_ms, linked_ms,
                self._seen_ms, max(0, int(1000 * beliefs.number("date-skew-s"))),
            )  # fmt: skip
            found += judge(name, held, self.truth, reading)
            if not named:
                del self._began_ms[name]
        if self.scenario.loaded:
            found += target(held, *seam.rebuilt(self._folder, self.scenario.types))
        found += unduly(ended.failed, self.scenario, accepts=self._accepts)
        if self.scenario.heeded:
            self._accepts = any(is_withheld(error) for error in ended.failed.values())
        self.outcome.runs += 1
        self.outcome.violations += found
        self.outcome.records += sum(len(one.records) for one in held.values())
        for one in found:
            self._tell(f"  {one.kind}: {one.about}")
        self._digest(*(f"{name} {one.told}" for name, one in held.items()))

    def _compare(self, held: Mapping[str, seam.HeldType]) -> None:
        """Keep of each record that is there in another version than at the last judgement, since when that can be."""
        for name, of in held.items():
            for one in of.records:
                version = one.state, one.into, msgspec.json.decode(one.content)["updatedAt"]
                if self._versions.get((name, one.id)) != version:
                    self._versions[name, one.id] = version
                    self._seen_ms[name, one.id] = self._began_ms[name]

    def _judge_log(self) -> None:
        outcome, log = self.outcome, self.core.world.log
        tier = TIERS["oauth" if self.scenario.oauth else self.scenario.tier]
        budgets = {"general": tier.general, "associations": tier.associations, "search": tier.search}
        caps = {name: cap for name, cap in budgets.items() if cap is not None}
        outcome.violations += over_limits(log, self.scenario.number, {} if self.scenario.number else caps)
        text = "\n".join(self._texts)
        secrets = [*self.core.world.apps._by_token, CLIENT_SECRET, REFRESH_TOKEN, self.token]
        disk = b"".join(path.read_bytes() for path in sorted(self._folder.iterdir()))
        for secret in secrets:
            if secret in text or secret.encode() in disk:
                outcome.violations.append(Violation("LEAK", f"{secret[:12]}..."))
        outcome.requests, outcome.virtual_s = len(log), self.loop.time()
        outcome.faults = sum(1 for one in log if one.fault or one.status >= 400)
        outcome.changes = self.life.happened
        self._digest(repr([(a.arrived_s, a.path, a.query, a.body_crc, a.status) for a in log]), text)

    def _digest(self, *texts: str) -> None:
        whole = "\n".join((self.outcome.digest, *texts))
        self.outcome.digest = hashlib.sha256(whole.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Ended:
    """How one process ended: complete, incomplete, killed, stopped, refused, endless or bug."""

    how: str
    text: str = ""
    failed: dict[str, Incomplete] = field(default_factory=dict)


class Endless(RuntimeError):
    """More requests than any extraction of such a portal needs."""


def simulate(scenario: Scenario) -> Outcome:
    """Live through a scenario, and judge it."""
    base = MEMORY if MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="simulation-", dir=base) as folder:
        first = Path(folder) / "0"
        first.mkdir()
        return World(scenario, first).whole()
