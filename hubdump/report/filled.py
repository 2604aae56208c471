"""How many records of each type bear each property, by the DuckDB file; run in a process of its own.

Its argument is the DuckDB file; its last line of stdout is JSON: {table: [records, {property: filled}]}.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import duckdb

PREFIX = "property_"
MEMORY = "200MB"

Filled = dict[str, tuple[int, dict[str, int]]]


def filled(path: Path) -> Filled:
    """Records of each table, and of how many of them each property is neither null nor ''.

    Empty where there is no such file, or it cannot be read: a report says less then, and nothing else is lost.
    """
    if not path.exists():
        return {}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "hubdump.report.filled", str(path)], capture_output=True, check=False
    )
    lines = done.stdout.splitlines()
    return msgspec.json.decode(lines[-1], type=Filled) if done.returncode == 0 and lines else {}


def _count(path: str) -> Filled:
    import duckdb

    with duckdb.connect(path, read_only=True, config={"memory_limit": MEMORY, "threads": "1"}) as db:
        columns: dict[str, list[tuple[str, str]]] = {}
        rows = db.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE schema_name = 'main' AND starts_with(column_name, ?) ORDER BY table_name, column_index",
            (PREFIX,),
        ).fetchall()
        for table, column, kind in rows:
            columns.setdefault(table, []).append((column, kind))
        return {table: _of_table(db, table, named) for table, named in columns.items()}


def _of_table(
    db: duckdb.DuckDBPyConnection, table: str, columns: list[tuple[str, str]]
) -> tuple[int, dict[str, int]]:
    from hubdump.targets.filling import quoted  # in this process only: it loads DuckDB

    counts = [
        f"count(nullif({quoted(name)}, ''))" if kind == "VARCHAR" else f"count({quoted(name)})"
        for name, kind in columns
    ]
    sql = f"SELECT count(*), {', '.join(counts)} FROM {quoted(table)} WHERE NOT (_deleted OR archived)"  # noqa: S608 - quoted
    row = db.execute(sql).fetchone()
    assert row is not None
    names = [name.removeprefix(PREFIX) for name, _ in columns]
    return row[0], dict(zip(names, row[1:], strict=True))


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(_count(sys.argv[1])).decode() + "\n")
