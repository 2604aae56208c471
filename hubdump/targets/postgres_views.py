"""The views of a layout in PostgreSQL, in a schema that is called as the layout is.

A view is replaced, not dropped, so that what its users built on it stays; and only where it changes, so that no reader
keeps a load waiting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from hubdump.errors import Incomplete
from hubdump.hubspot.schema import Kind
from hubdump.store.reader import Reader
from hubdump.targets.layouts import LAYOUTS, NONE
from hubdump.targets.layouts import rendering as layouts
from hubdump.targets.layouts.shelf import Shelf, Source, read_us, shelf
from hubdump.targets.postgres_kept import Db
from hubdump.targets.postgres_layout import MORE, Laid
from hubdump.targets.postgres_values import clean
from hubdump.targets.sql import quoted, text

_OURS = "made by hubdump for "
_THERE = """
    SELECT c.relname, coalesce(obj_description(c.oid, 'pg_class'), '') FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind NOT IN ('i', 'I', 't', 'c') ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class Laying:
    """Brings the views up to date with tables that are loaded; `before` is the layout that there was."""

    db: Db
    reader: Reader
    laid: Sequence[Laid]
    before: str

    def done(self, asked: str | None) -> str:
        """The layout that is there then."""
        layout = {None: self.before, NONE: ""}.get(asked, asked) or ""
        if self.before and not layout:
            drop(self.db, self.before)
        if layout:
            self._lay_out(layout)
        return layout

    def _lay_out(self, layout: str) -> None:
        schema = _schema(self.db)
        _make_schema(self.db, layout)
        there = _ours(self.db, layout, schema)
        on = self._shelf(schema)
        for view in LAYOUTS[layout]:
            query = layouts.sql(view, on)
            told = f"{_OURS}{schema}, {hashlib.sha256(query.encode()).hexdigest()[:16]}"
            if there.get(view.name) != told:
                _put(self.db, layout, view.name, query, exists=view.name in there)
                self.db.execute(
                    sql.SQL("COMMENT ON VIEW {}.{} IS {}").format(
                        sql.Identifier(layout), sql.Identifier(view.name), told
                    )
                )

    def _shelf(self, schema: str) -> Shelf:
        sources = {one.table.name: _source(one, schema) for one in self.laid}
        read = read_us(self.reader, [one.table for one in self.laid])
        return shelf(self.reader, sources, self._read(schema, read))

    def _read(self, schema: str, read: Mapping[str, int]) -> dict[str, str]:
        """Keep when each table was read beside the views, which stay the same; SQL that says it."""
        self.db.execute("CREATE TABLE IF NOT EXISTS _hubdump_read (what text PRIMARY KEY, at timestamp)")
        self.db.execute("DELETE FROM _hubdump_read")
        with self.db.cursor() as cursor:
            rows = [(name, datetime.fromtimestamp(us // 1_000_000, UTC)) for name, us in read.items()]
            cursor.executemany("INSERT INTO _hubdump_read VALUES (%s, %s AT TIME ZONE 'UTC')", rows)
        of = f"{quoted(schema)}._hubdump_read"
        return {name: f"(SELECT r.at FROM {of} r WHERE r.what = {text(name)})" for name in read}  # noqa: S608 - quoted


def give_way(db: Db, layout: str, made: Mapping[str, Mapping[str, str]], laid: Sequence[Laid]) -> None:
    """Drop the views where they would hold on to a column whose type must change; they are made anew in the end."""
    for one in laid:
        before = made.get(one.name, {})
        if any(before.get(name, type_) != type_ for name, type_ in one.columns.items()):
            return drop(db, layout)
    return None


def drop(db: Db, layout: str) -> None:
    """Drop the views; Incomplete where others stand on them."""
    for name in _ours(db, layout, _schema(db)):
        with _alone(layout, name):
            db.execute(sql.SQL("DROP VIEW {}.{}").format(sql.Identifier(layout), sql.Identifier(name)))


def _schema(db: Db) -> str:
    row = db.execute("SELECT current_schema()").fetchone()
    assert row is not None
    return str(row[0])


def _make_schema(db: Db, layout: str) -> None:
    row = db.execute("SELECT to_regnamespace(%s) IS NOT NULL", [layout]).fetchone()
    if row is not None and row[0]:
        return
    try:
        db.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(layout)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise Incomplete(
            f"There is no schema {layout}, and hubdump's role may not make one. Nothing was changed.",
            f"As who may: CREATE SCHEMA {layout} AUTHORIZATION the-role; then load again",
        ) from error


def _ours(db: Db, layout: str, schema: str) -> dict[str, str]:
    """What is in the schema, with its comment; Incomplete where any of it is not of these tables."""
    there: dict[str, str] = dict(db.execute(_THERE, [layout]).fetchall())
    for name, told in there.items():
        if told.rpartition(",")[0] != f"{_OURS}{schema}":
            whose = "of the tables in another schema" if told.startswith(_OURS) else "not hubdump's"
            raise Incomplete(
                f"{layout}.{name} is {whose}. Nothing was changed.",
                f"The schema {layout} is for the views of one dump alone: move what else is in it, or use another "
                "database: docs/fivetran.md",
            )
    return there


def _source(one: Laid, schema: str) -> Source:
    columns: dict[str, tuple[str, Kind]] = {}
    properties: dict[str, str] = {}
    for column, name in zip(one.table.columns, one.names, strict=True):
        if name == MORE:
            key = clean(column.property.name if column.property else column.key)
            columns[column.name] = f"({{t}}.{quoted(MORE)} ->> {text(key)})", Kind.TEXT
            continue
        columns[column.name] = f"{{t}}.{quoted(name)}", column.kind
        if column.property:
            properties[column.name] = name
    return Source(f"{quoted(schema)}.{quoted(one.name)}", columns, properties)


def _put(db: Db, layout: str, name: str, query: str, *, exists: bool) -> None:
    """Make a view, or replace it: its columns stay where they are, new ones come behind them, and one that is gone
    stays, empty. It is dropped only where a column's type changes.
    """
    place = sql.Identifier(layout, name)
    now = _columns(db, sql.SQL("({}) AS v").format(sql.SQL(query)))
    before = _columns(db, place) if exists else {}
    if any(now.get(column, type_) != type_ for column, type_ in before.items()):
        with _alone(layout, name):
            db.execute(sql.SQL("DROP VIEW {}").format(place))
        before = {}
    listed = sql.SQL(", ").join(_listed(now, before))
    db.execute(
        sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM ({}) AS v").format(place, listed, sql.SQL(query))
    )


def _listed(now: dict[str, str], before: dict[str, str]) -> Iterator[sql.Composable]:
    for name, type_ in (before | now).items():
        if name in now:
            yield sql.Identifier("v", name)
        else:
            yield sql.SQL("CAST(NULL AS {}) AS {}").format(sql.SQL(type_), sql.Identifier(name))


def _columns(db: Db, of: sql.Composable) -> dict[str, str]:
    """The type of each column of a query or view."""
    found = db.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(of)).description or ()
    types = db.execute(
        "SELECT oid, format_type(oid, NULL) FROM pg_type WHERE oid = ANY(%s)",
        [[one.type_code for one in found]],
    )
    named: dict[int, str] = dict(types.fetchall())
    return {
        one.name: named[one.type_code]
        + (f"({one.precision},{one.scale})" if named[one.type_code] == "numeric" and one.precision else "")
        for one in found
    }


@contextmanager
def _alone(layout: str, name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.DependentObjectsStillExist as error:
        raise Incomplete(
            f"The view {layout}.{name} must be made anew, and something of yours stands on it: "
            f"{error.diag.message_detail or error}. Nothing was changed.",
            "Drop that, load again, make it anew",
        ) from error
