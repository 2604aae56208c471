"""Measures a load into PostgreSQL against bare COPY, paired, on a server that it starts: seconds of our CPU and of the
server's, and memory.

Bare COPY writes the same rows, which are in memory as texts before its time begins, into tables with the same columns
and no index, with psycopg's `write_row`. A load starts a process, reads gzipped pages, tells what each text means,
keeps stamps and what is no value, makes indexes, and counts what is there.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
from psycopg import sql

from bench.load_speed import TYPE, fill
from hubdump import load
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets.database import database
from hubdump.targets.postgres_layout import laid_out
from hubdump.targets.tables import tables
from tests.postgres_server import Server, served

_CHUNK = 10_000
# Seconds of CPU, of the wall, megabytes.
Used = tuple[float, float, int]


class Spent(NamedTuple):
    cpu_s: float
    server_s: float
    wall_s: float
    megabytes: int


def main() -> int:
    """Measure in turns, and say what each part took and the ratio of our CPU, least and most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--properties", type=int, default=40)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        sys.stdout.write(json.dumps(PARTS[asked.part](asked.url, asked.folder)) + "\n")
        return 0
    with tempfile.TemporaryDirectory() as name, served() as server:
        with closing(Store(Path(name) / "store.sqlite")) as store:
            fill(store, asked.records, asked.properties)
        turns = [_turn(server, Path(name)) for _ in range(asked.turns)]
    sys.stdout.write(f"{asked.records:,} records x {asked.properties}\n")
    for part in PARTS:
        spent = Spent(*map(statistics.median, zip(*(turn[part] for turn in turns), strict=True)))
        sys.stdout.write(
            f"{part:>6}: {asked.records / spent.cpu_s:8,.0f} records a CPU second, {spent.cpu_s:6.1f} s, the server"
            f" {spent.server_s:5.1f} s, {spent.wall_s:6.1f} s by the wall, {spent.megabytes:,.0f} MB\n"
        )
    ratios = sorted(turn["bare"].cpu_s / turn["load"].cpu_s for turn in turns)
    sys.stdout.write(f"{statistics.median(ratios):.2f} of bare COPY ({ratios[0]:.2f} to {ratios[-1]:.2f})\n")
    return 0


def _turn(server: Server, folder: Path) -> dict[str, Spent]:
    """Each part once, in a process of its own and a schema that is new."""
    schema = server.schema()
    found = {part: _measured(part, server, server.url(schema), folder) for part in PARTS}
    with server.connect("public") as db:
        db.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
    return found


def _measured(part: str, server: Server, url: str, folder: Path) -> Spent:
    command = [sys.executable, "-m", "bench.postgres_speed", "--part", part, "--url", url]
    before_s = _server_s(server)
    told = subprocess.run(  # noqa: S603 - ourselves
        [*command, "--folder", str(folder)], stdout=subprocess.PIPE, check=True
    )
    cpu_s, wall_s, megabytes = json.loads(told.stdout)
    return Spent(cpu_s, _server_s(server) - before_s, wall_s, megabytes)


def _server_s(server: Server) -> float:
    """Seconds of CPU of the server's processes, those that ended too."""
    main = psutil.Process(int((server.folder / "data/postmaster.pid").read_text().splitlines()[0]))
    while True:
        try:
            running_s = sum(sum(one.cpu_times()[:2]) for one in main.children())
        except psutil.NoSuchProcess:  # ended just now: it is among the others next time
            continue
        return sum(main.cpu_times()[:4]) + running_s


def _load(url: str, folder: Path) -> Used:
    """A load as `hubdump load` does it, in a child; it is that which is measured."""
    began_s = time.monotonic()
    with closing(Store(folder / "store.sqlite")) as store:
        load.write_databases(folder, [database(url)], [TYPE], store, lambda _: None)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, time.monotonic() - began_s, used.ru_maxrss // 1024


def _bare(url: str, folder: Path) -> Used:
    """The rows of the same tables, some thousand at a time; their reading is not measured."""
    cpu_s = wall_s = 0.0
    with closing(Reader(folder / "store.sqlite")) as reader, psycopg.connect(url) as db:
        for one in laid_out([table for table in tables(reader, [TYPE]) if table.parts], {}):
            into = sql.Identifier(f"bare_{one.name}")
            columns = [sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(t)) for n, t in one.columns.items()]
            db.execute(sql.SQL("CREATE TABLE {} ({})").format(into, sql.SQL(", ").join(columns)))
            texts = one.table.texts()
            while rows := list(islice(texts, _CHUNK)):
                began_s = time.process_time(), time.monotonic()
                with db.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(into)) as copy:
                    for row in rows:
                        copy.write_row(row)
                cpu_s += time.process_time() - began_s[0]
                wall_s += time.monotonic() - began_s[1]
    return cpu_s, wall_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


PARTS = {"load": _load, "again": _load, "bare": _bare}

if __name__ == "__main__":
    raise SystemExit(main())
