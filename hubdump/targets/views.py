"""The schemas of views in the DuckDB file: `easy`, and that of a layout where one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from hubdump.errors import Incomplete
from hubdump.store.reader import Reader
from hubdump.targets import DUCKDB, easy
from hubdump.targets.filling import BOUNDED
from hubdump.targets.layouts import LAYOUT, LAYOUTS
from hubdump.targets.layouts.rendering import sql
from hubdump.targets.layouts.shelf import Shelf, read_us, shelf, source
from hubdump.targets.sql import quoted, text
from hubdump.targets.table import Table

# What every view of a layout bears as its comment: another one is its user's.
_OURS = "made by hubdump"


def check(path: Path, reader: Reader) -> None:
    """Incomplete where the file has a schema of its user's that is called as the layout is."""
    layout = reader.meta(LAYOUT + DUCKDB)
    if not layout or not path.exists():
        return
    try:
        with duckdb.connect(path, read_only=True, config=BOUNDED) as db:
            foreign = db.execute(_FOREIGN, [layout, _OURS]).fetchall()
    except duckdb.Error:  # no DuckDB file any more, or one that its user has open
        return
    if foreign:
        named = ", ".join(f"{layout}.{name}" for (name,) in foreign[:3])
        raise Incomplete(
            f"{path} has a schema {layout} that hubdump did not make ({named}). Nothing was changed.",
            f"Copy what is yours into a file of your own, drop it here, then: hubdump load --layout {layout}",
        )


_FOREIGN = """
    SELECT table_name FROM duckdb_tables() WHERE schema_name = $1 AND $2 <> ''
    UNION ALL
    SELECT view_name FROM duckdb_views() WHERE schema_name = $1 AND comment IS DISTINCT FROM $2
    ORDER BY 1"""


def drop(db: duckdb.DuckDBPyConnection) -> None:
    """Drop what `add` made."""
    for schema in ("easy", *LAYOUTS):
        db.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def add(db: duckdb.DuckDBPyConnection, reader: Reader, listed: Sequence[Table]) -> None:
    """Make the schemas in the database in use, which has these tables."""
    easy.add(db, listed)
    if layout := reader.meta(LAYOUT + DUCKDB):
        sources = {table.name: source(table, f"main.{quoted(table.name)}") for table in listed}
        read = {name: _instant(us) for name, us in read_us(reader, listed).items()}
        _lay_out(db, layout, shelf(reader, sources, read))


def _lay_out(db: duckdb.DuckDBPyConnection, layout: str, shelf: Shelf) -> None:
    db.execute("BEGIN")
    db.execute(f"CREATE SCHEMA {layout}")
    for view in LAYOUTS[layout]:
        name = f"{layout}.{quoted(view.name)}"
        db.execute(f"CREATE VIEW {name} AS {sql(view, shelf)}")
        db.execute(f"COMMENT ON VIEW {name} IS {text(_OURS)}")
    db.execute("COMMIT")


def _instant(us: int) -> str:
    at = datetime.fromtimestamp(us / 1_000_000, UTC)
    return f"TIMESTAMP {text(at.strftime('%Y-%m-%d %H:%M:%S'))}"
