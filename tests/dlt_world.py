"""What tests of the dlt source do and ask: pipelines of their own; what is there held against our DuckDB file."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from psycopg import sql

from hubdump.dlt import hubspot
from hubdump.targets.plain import plain
from tests.filled_store import NAMES, Life

if TYPE_CHECKING:
    import dlt

    from tests.postgres_server import Server

DATASET = "crm"
# The tables of which most is to be seen, for tests that need no others.
SOME = ("deals", "contacts", "associations")
# Names a table and its columns; all rows of these.
Ask = Callable[[str, list[str]], list[tuple[Any, ...]]]


def machine(folder: Path, destination: Any) -> dlt.Pipeline:
    """A pipeline whose own folder is here, that loads into a destination which others may load into as well."""
    import dlt  # what it imports takes a second, of each process that collects tests

    return dlt.pipeline(
        "crm", destination=destination, dataset_name=DATASET, pipelines_dir=str(folder / "pipelines")
    )


def to_duckdb(file: Path) -> Any:
    """A DuckDB file as a destination."""
    import dlt

    return dlt.destinations.duckdb(str(file))


def put(pipeline: dlt.Pipeline, folder: Path, *resources: str, **wishes: Any) -> dict[str, int]:
    """Load what a dump has; how many rows were sent of each table."""
    source = hubspot(folder, extract=False, **wishes)
    before = pipeline.last_trace and pipeline.last_trace.transaction_id
    pipeline.run(source.with_resources(*resources) if resources else source)
    assert pipeline.last_trace.transaction_id != before
    info = pipeline.last_trace.last_normalize_info
    counts = info.row_counts if info else {}
    return {table: count for table, count in counts.items() if not table.startswith("_dlt")}


def lived(folder: Path, seed: int, records: int = 40) -> Life:
    """A store of which a run is over, that knows what of associations changes from now on."""
    life = Life(folder, seed, records)
    with closing(sqlite3.connect(folder / "store.sqlite")) as db, db:
        db.executemany(
            "INSERT INTO pairs (from_type, to_type, read, whole_us) VALUES (?, 'deals', 1, 1)",
            [(name,) for name in NAMES],
        )
    ended(life, 1)
    return life


def ended(life: Life, number: int, *happens: Callable[[], Any]) -> None:
    """Let this happen to a store in a run of its own."""
    life.run = f"{life.folder.name}-{number}"
    for what in happens:
        what()
    with life.store() as store:
        store.runs.end(number)
    life.run = ""


def changed(life: Life) -> None:
    """Let some of all there is change: 3 deals, 2 contacts and new ones, associations of 4 records."""
    life.now += 1
    with life.store() as store:
        store.begin_round("contacts", life.now)
        store.begin_catch_up("contacts", life.now * 1_000_000)
        life.seen(store, "deals", [1, 2])
        life.seen(store, "deals", [3], archived=True)
        life.removed(store, "contacts", {4: None, 5: 6})
        life.born(store, "contacts")
        life.associated(store, "contacts", [7, 8])
        life.associated(store, "deals", [9, 10], most=0)
        store.finish_round("contacts", life.now, life.now)


def of_duckdb(file: Path, dataset: str = DATASET) -> Ask:
    """Asks a DuckDB file that dlt filled."""

    def ask(table: str, columns: list[str]) -> list[tuple[Any, ...]]:
        listed = ", ".join(f'"{column}"' for column in columns)
        with duckdb.connect(file, read_only=True) as db:
            db.execute("SET TimeZone = 'UTC'")
            return db.execute(f'SELECT {listed} FROM {dataset}."{table}"').fetchall()

    return ask


def of_postgres(server: Server) -> Ask:
    """Asks a database that dlt filled."""

    def ask(table: str, columns: list[str]) -> list[tuple[Any, ...]]:
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
        )
        with server.connect(DATASET) as db:
            return db.execute(query).fetchall()

    return ask


def of_parquet(folder: Path) -> Ask:
    """Asks the Parquet files that dlt wrote."""

    def ask(table: str, columns: list[str]) -> list[tuple[Any, ...]]:
        listed = ", ".join(f'"{column}"' for column in columns)
        if not list((folder / DATASET / table).glob("*.parquet")):
            return []
        with duckdb.connect() as db:
            db.execute("SET TimeZone = 'UTC'")
            return db.execute(f"SELECT {listed} FROM '{folder / DATASET / table}/*.parquet'").fetchall()

    return ask


def same_as_ours(life: Life, ask: Ask, *tables: str, empty: str | None = "") -> dict[str, int]:
    """Assert that every table of our own load, or these, is there with the same rows of the same values; how many.

    `empty` is what an empty text comes through as.
    """
    life.load()
    rows = {}
    with duckdb.connect(life.folder / "hubdump.duckdb", read_only=True) as ours:
        ours.execute("SET TimeZone = 'UTC'")
        found = ours.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'").fetchall()
        names = {name: _columns(ours, name) for (name,) in found if name != "_unparsed"}
        for name in tables or names:
            columns = names[name]
            kept = [column for column in columns if column != "_extracted_at"]
            listed = ", ".join(f'"{column}"' for column in kept)
            expected = ours.execute(f'SELECT {listed} FROM "{name}"').fetchall()
            if name == "_columns":
                expected = [(table, names[table][column], *rest) for table, column, *rest in expected]
            expected = [tuple(empty if value == "" else value for value in row) for row in expected]
            theirs = ask(name, [columns[column] for column in kept])
            assert Counter(map(_told, theirs)) == Counter(map(_told, expected)), name
            rows[name] = len(expected)
    return rows


def _columns(ours: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The columns of a table, with what they are called where dlt has them."""
    return plain(row[0] for row in ours.execute(f'DESCRIBE "{table}"').fetchall())


def _told(row: tuple[Any, ...]) -> str:
    return repr([_plain(value) for value in row])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


# What a child does: loads, and dies by kill -9 when a method of dlt's loader is called for the nth time.
KILLED = """
import os, signal, sys
from pathlib import Path
from dlt.load.load import Load
from tests.dlt_world import SOME, machine, put, to_duckdb

folder, dump, file, name, left = sys.argv[1:]
method, calls = getattr(Load, name), iter(range(1, int(left)))

def dying(*args, **kwargs):
    if next(calls, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return method(*args, **kwargs)

setattr(Load, name, dying)
put(machine(Path(folder), to_duckdb(Path(file))), Path(dump), *SOME)
"""
