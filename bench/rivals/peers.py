"""The rivals: which version of which package, in a venv of its own, led to the sandbox and kept from everywhere else.

How each is run and read stands in a file of its own: `singer.py`, `meltano.py`, `airbyte.py`, `ingestr.py`, `ours.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.rivals.portal import TO, TOKEN, Link, Portal

ROOT = Path(__file__).parent.parent.parent
CACHE = Path(os.environ.get("RIVALS_CACHE", ROOT / ".rivals"))
# What leads a program that knows only HubSpot's own host to SANDBOX_URL; the program stays as it was published.
REDIRECT = ROOT / "tests" / "strangers" / "redirect"
SINCE = "2006-06-01T00:00:00Z"
Command = Sequence[str | Path]


class NotThere(Exception):
    """A rival cannot be installed, or cannot be made ready; the text says why."""


@dataclass(slots=True)
class Found:
    """What a run brought home: rows of each contact, its value of the last property, rows of each association."""

    ids: Counter[str] = field(default_factory=Counter)
    values: dict[str, str | None] = field(default_factory=dict)
    links: Counter[Link] = field(default_factory=Counter)

    def record(self, id_: str, value: str | None) -> None:
        self.ids[id_] += 1
        self.values[id_] = value


@dataclass(frozen=True, slots=True)
class Job:
    """One run to come: its folder, the portal, the property whose values are compared."""

    folder: Path
    portal: Portal
    last: str


@dataclass(frozen=True, slots=True)
class Rival:
    """One row of the table; `ready` writes what the command needs, before any clock; `read` reads what it left."""

    name: str
    package: str
    version: str
    makes: str  # in which form the records come, and what is to be said of it
    ready: Callable[[Rival, Job], Command]
    read: Callable[[Job], Found]
    env: dict[str, str] = field(default_factory=dict)
    to: tuple[str, ...] = TO  # the types that its contacts come tied to
    table: str | None = None  # the file of contacts, where that is there before the end

    @property
    def bin(self) -> Path:
        return CACHE / self.name / "bin"

    def install(self) -> None:
        """Have it in its venv, in this version, by the user's own pip; the venv is kept."""
        mark = CACHE / self.name / f"{self.package}-{self.version}"
        if not self.package or mark.exists():
            return
        sys.stderr.write(f"installing {self.package} {self.version} into {CACHE.name}/{self.name}\n")
        wanted = f"{self.package}=={self.version}"
        pip = (self.bin / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install", wanted)
        for command in ((sys.executable, "-m", "venv", "--clear", CACHE / self.name), pip):
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own table
            if done.returncode:
                raise NotThere(f"pip could not install it: {done.stderr.strip().splitlines()[-1:]}")
        mark.touch()

    def surroundings(self, job: Job) -> dict[str, str]:
        """The environment of its programs: nothing of the user's, no telemetry, a home in the run's folder."""
        home = {"PATH": os.environ["PATH"], "HOME": str(job.folder), "PYTHONUTF8": "1"}
        quiet = {"DO_NOT_TRACK": "1", "DISABLE_TELEMETRY": "true", "RUNTIME__DLTHUB_TELEMETRY": "false"}
        led = {"PYTHONPATH": str(REDIRECT), "SANDBOX_URL": job.portal.url}
        for_us = {"HUBSPOT_BASE_URL": job.portal.url, "HUBSPOT_ACCESS_TOKEN": TOKEN}
        return home | quiet | led | for_us | self.env

    def said(self, job: Job, *command: str | Path) -> str:
        """Run one of its programs to its end, before the clock starts; gives what it wrote."""
        done = subprocess.run(  # noqa: S603 - programs of our own table
            command, cwd=job.folder, env=self.surroundings(job), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotThere(f"{Path(command[0]).name}: {done.stderr[-500:]}")
        return done.stdout
