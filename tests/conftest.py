"""What end-to-end tests stand on: sandboxes, and hubdump run as its user runs it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import forked
from tests.worlds import CRM, read_rows
from tests.worlds import ENGAGEMENTS as ENGAGEMENTS  # noqa: PLC0414 - what most tests take from here

if TYPE_CHECKING:
    from tests.postgres_server import Server
    from tests.tampering import Home

# However the tests were started (nohup, a shell's &): what they start hears the signals that it is sent.
if threading.current_thread() is threading.main_thread() and os.name == "posix":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
TOKEN = "pat-na1-sandbox"
ALL = (*ENGAGEMENTS, *CRM)
# What is read where a test does not say what: some of both kinds, not contacts, whose 400 columns take DuckDB longer
# than all the rest. All types come home in tests/test_run.py, and in the simulation.
TYPES = ("meetings", "calls", "notes", "companies", "deals")


# A file is run by one worker, for what its tests share: those that take longest come first, or all would wait for them.
LONGEST = (
    "test_run", "test_verify_local", "test_text_exports", "test_verify", "test_xlsx", "test_parquet", "test_exports",
    "test_simulation", "test_rounds", "test_postgres_views", "test_typed", "test_ranging", "test_endings",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest come first. The script that users type needs no pytest, so it cannot say that its checks are long."""
    for item in items:
        if item.path.name == "test_engagement_fixes.py":
            item.add_marker(pytest.mark.prove(seconds=30))
    items.sort(key=lambda item: (-_seconds(item), _place(item)))


def _place(item: pytest.Item) -> int:
    return LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)


def _seconds(item: pytest.Item) -> int:
    """How long a proof takes, where its mark says so: it matters for long ones only."""
    proof = item.get_closest_marker("prove")
    return proof.kwargs.get("seconds", 0) if proof else 0


@dataclass(frozen=True, slots=True)
class Served:
    """A sandbox that runs; `ask` reads what is not HubSpot's."""

    url: str

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/_sandbox/{path}") as answer:
            return json.load(answer)

    def tell(self, path: str, content: Any = None) -> None:
        """POST to one of the sandbox's controls."""
        body = json.dumps(content or {}).encode()
        asked = urllib.request.Request(
            f"{self.url}/_sandbox/{path}", body, {"Content-Type": "application/json"}, method="POST"
        )
        urllib.request.urlopen(asked).close()

    def reset(self) -> None:
        self.tell("reset")

    def truth(self, types: Sequence[str] = TYPES) -> dict[str, Any]:
        """What is so of some types; of associations those from the sides hubdump reads them from."""
        found: dict[str, Any] = self.ask(f"truth?types={','.join(types)}")
        return found | {"associations": read_rows(found, types)}


Serve = Callable[..., Served]


def started(stack: ExitStack, *flags: str) -> Served:
    """Start a sandbox with these flags; it ends with the stack."""
    return Served(stack.enter_context(forked.served(flags)))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a sandbox with these flags; all end with the test."""
    with ExitStack() as stack:
        yield lambda *flags: started(stack, *flags)


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def summary(self) -> dict[str, Any]:
        last = self.events[-1]
        assert last["type"] == "summary"
        return last


@dataclass(slots=True)
class User:
    """Somebody in a folder of their own, with an environment of their own, who wants `only` these types."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    only: str = " ".join(TYPES)

    @property
    def dump(self) -> Path:
        return self.folder / "data"

    def env(self) -> dict[str, str]:
        kept = {
            n: v for n, v in os.environ.items() if not n.startswith(("HUBSPOT_", "HUBDUMP_", "MAX_RETRIES"))
        }
        own = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "HUBDUMP_ONLY": self.only}
        return kept | own | self.environment

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "hubdump", *arguments]

    def types(self, *arguments: str, **more: Any) -> Told:
        """Run `hubdump ARGUMENTS` to its end; with `more`, as subprocess.run does."""
        if not more:
            return Told(*forked.typed(arguments, self.folder, self.env()))
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.env(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            **more,
        )
        return Told(done.returncode, done.stdout, done.stderr)

    def at(self, served: Served, **settings: str) -> User:
        """The same user with this sandbox in HubSpot's place."""
        own = {
            "HUBSPOT_BASE_URL": served.url,
            "HUBSPOT_ACCESS_TOKEN": TOKEN,
            "HUBSPOT_MAX_REQUESTS_PER_10S": "auto",
        }
        self.environment = own | settings
        return self

    @contextmanager
    def in_the_store(self) -> Iterator[sqlite3.Connection]:
        """The store, to change it behind hubdump's back; a seal that spoke for it speaks for it after that too."""
        store, sums = self.dump / "store.sqlite", self.dump / "SHA256SUMS"
        journal = store.with_name("store.sqlite-wal")
        under_way = journal.exists() and journal.stat().st_size > 0
        before = hashlib.sha256(store.read_bytes()).hexdigest()
        with closing(sqlite3.connect(store, isolation_level=None)) as db:
            yield db
        if sums.exists() and not under_way:
            after = hashlib.sha256(store.read_bytes()).hexdigest()
            sums.write_text(sums.read_text().replace(before, after))

    def forget_the_last_window(self) -> None:
        """Let the next run begin at once: its sandbox is a new one, and has counted nothing yet."""
        with self.in_the_store() as db:
            if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                db.execute("DELETE FROM meta WHERE key = 'active_s'")


@pytest.fixture(scope="session")
def hostile_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A portal that means harm (tests/hostile.py), read and not loaded; what does harm to it takes a copy."""
    from tests.hostile import came_home
    from tests.tampering import Home

    made = once(tmp_path_factory, "hostile", lambda folder: came_home(folder).folder)
    return Home(Path(shutil.copytree(made, tmp_path_factory.mktemp("hostile") / "dump")), {}, [])


def once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first worker to ask for it makes, for all of them; to be copied by who changes it."""
    ours = folders.getbasetemp()
    folder = (ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours) / f"{name}-once"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = folder.with_suffix(".making")
            make(making)
            making.rename(folder)
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL."""
    from tests.postgres_server import served

    with served() as server:
        yield server


@pytest.fixture
def schema(server: Server) -> str:
    """A schema of it, empty."""
    return server.schema()


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


def held(dump: Path) -> tuple[dict[str, list[str]], list[tuple[Any, ...]]]:
    """What the DuckDB file of a dump holds: ids by type, and every association."""
    import duckdb

    with duckdb.connect(dump / "hubdump.duckdb", read_only=True) as db:
        tables = {row[0] for row in db.execute("SELECT table_name FROM information_schema.tables").fetchall()}
        ids = {
            name: sorted(
                row[0]
                for row in db.execute(f"SELECT id FROM {name} WHERE NOT (_deleted OR archived)").fetchall()
            )
            for name in ALL
            if name in tables
        }
        return ids, sorted(db.execute("SELECT * FROM associations").fetchall(), key=repr)


def same_as_truth(dump: Path, truth: dict[str, Any]) -> None:
    """Assert that a dump holds every record and association of the engagements, each once, and none more."""
    ids, associations = held(dump)
    assert sum(map(len, truth["live"].values())) > 0, "a portal without records proves nothing"
    assert ids == {name: sorted(live) for name, live in truth["live"].items()}
    assert associations == sorted((tuple(row) for row in truth["associations"]), key=repr)
