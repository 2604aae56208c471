"""A real PostgreSQL, started by the tests in a folder of its own, and one schema of it for each test."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

PASSWORD = "s3cret/of@the-database"
_NUMBER = count(1)
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_wal_size": "128MB",
    "shared_buffers": "16MB",
    "autovacuum": "off",
}


@dataclass(frozen=True, slots=True)
class Server:
    """Its programs, and the folder of its socket."""

    bin: Path
    folder: Path

    def url(self, schema: str) -> str:
        """Where to load a schema, with the password."""
        return f"{self.at('postgres')}&options={quote(f'-csearch_path={schema}', safe='')}"

    def at(self, role: str) -> str:
        """Where a role of the same password is at home."""
        return f"postgresql://{role}:{quote(PASSWORD, safe='')}@/postgres?host={self.folder}"

    def connect(self, schema: str) -> closing[psycopg.Connection[tuple[Any, ...]]]:
        """A reader of its own, who commits by itself."""
        return closing(psycopg.connect(self.url(schema), autocommit=True))

    def schema(self) -> str:
        """A new schema."""
        name = f"hubspot_{next(_NUMBER)}"
        with self.connect("public") as db:
            db.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return name

    def psql(self, schema: str, query: str) -> str:
        """What PostgreSQL's own client prints as CSV."""
        done = subprocess.run(
            [self.bin / "psql", "--csv", "--no-psqlrc", self.url(schema), "-c", query],
            capture_output=True,
            check=True,
        )
        return done.stdout.decode()


def programs() -> Path:
    """Where PostgreSQL's programs are; an error that says what to set where they are not."""
    found = shutil.which("postgres")
    folders = [
        os.environ.get("PG_BIN"),
        found and str(Path(found).resolve().parent),
        *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True),
    ]
    for folder in folders:
        if folder and (Path(folder) / "initdb").exists():
            return Path(folder)
    raise AssertionError(
        "The tests of the PostgreSQL target need its programs: install postgresql, or set PG_BIN to their folder."
    )


@contextmanager
def served() -> Iterator[Server]:
    """A server of its own; PostgreSQL refuses root, who starts it as another user."""
    bin_, folder = programs(), Path(tempfile.mkdtemp(prefix="hubdump-pg-"))
    other: dict[str, Any] = {}
    if os.geteuid() == 0:
        entry = pwd.getpwnam("nobody")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        other = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    server, given = Server(bin_, folder), folder / "password"
    given.write_text(PASSWORD)
    given.chmod(0o644)
    data, settings = folder / "data", [f"-c{name}={value}" for name, value in _SETTINGS.items()]
    try:
        made: list[str | Path] = [bin_ / "initdb", "-D", data, "-U", "postgres", "--pwfile", given]
        made += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **other)
        command: list[str | Path] = [bin_ / "postgres", "-D", data, "-k", folder, *settings]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=folder, **other) as process:
            try:
                _wait(server)
                yield server
            finally:
                process.terminate()
                process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Server) -> None:
    for _ in range(200):
        try:
            psycopg.connect(server.url("public")).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("PostgreSQL did not start.")
