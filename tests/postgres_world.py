"""What tests of the PostgreSQL target do and ask: load a life, and hold what is there against the DuckDB file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
from psycopg import sql

from hubdump import load
from hubdump.events import Event, Noted
from hubdump.targets.database import database
from tests.filled_store import TYPES, Life
from tests.postgres_server import Server


def put(life: Life, url: str, layout: str | None = None) -> list[str]:
    """Load it into a database; what was noted."""
    told: list[Event] = []
    with life.store() as store:
        wanted = database(url, hard_delete=life.hard_delete)
        load.write_databases(life.folder, [wanted], TYPES, store, told.append, layout=layout)
    return [event.text for event in told if isinstance(event, Noted)]


def same_as_duckdb(server: Server, schema: str, file: Path) -> dict[str, int]:
    """Assert that every table of a DuckDB file is there, with the same rows of the same values; how many."""
    rows = {}
    with duckdb.connect(file, read_only=True) as ours, server.connect(schema) as theirs:
        names = [
            name
            for (name,) in ours.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
            ).fetchall()
        ]
        for name in names:
            columns = [
                column
                for (column,) in ours.execute(
                    "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'main' AND table_name = ?"
                    " AND column_name <> '_extracted_at'",
                    [name],
                ).fetchall()
            ]
            listed = ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
            ours.execute("SET TimeZone = 'UTC'")
            expected = Counter(map(_told, ours.execute(f'SELECT {listed} FROM "{name}"').fetchall()))
            query = sql.SQL("SELECT {} FROM {}").format(
                sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(name)
            )
            found = Counter(map(_told, theirs.execute(query).fetchall()))
            assert found == expected, name
            rows[name] = found.total()
    return rows


def _told(row: tuple[Any, ...]) -> str:
    return repr([one.timestamp() if hasattr(one, "timestamp") else one for one in row]).replace(
        "\\x00", "\ufffd"
    )


def anew(life: Life) -> Path:
    """A DuckDB file of all there is, built anew."""
    with life.store() as store:
        store.set_meta("loaded:hubdump.duckdb", "")
    life.load()
    return life.folder / "hubdump.duckdb"
