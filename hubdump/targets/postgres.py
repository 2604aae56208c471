"""Loads a dump into PostgreSQL in one transaction: who reads meanwhile sees what was there.

Tables are made and altered, never dropped, so that views of them stay. Where what is there is this store's, only rows
of records that changed are written, else all of them.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg import sql

from hubdump.errors import Incomplete
from hubdump.model import ObjectType
from hubdump.store.reader import Reader
from hubdump.targets import postgres_kept as kept
from hubdump.targets import postgres_layout as layout
from hubdump.targets import postgres_views as views
from hubdump.targets.database import Load, Loaded
from hubdump.targets.postgres_kept import Db, Told
from hubdump.targets.postgres_layout import Laid
from hubdump.targets.postgres_lines import Lines
from hubdump.targets.stale import Stale, stale
from hubdump.targets.table import Part, Row, Table
from hubdump.targets.tables import COLUMNS, MERGES, merges_since, strange, tables, unparsed
from hubdump.version import __version__

# So many texts that are no values are in memory at once, and a page's.
_ODD_MAX = 10_000


def load(dump: Path, order: Load, password: str, types: Sequence[ObjectType]) -> Loaded:
    """Bring the database up to date; Incomplete, and nothing in it is changed."""
    reader = Reader(dump / "store.sqlite")
    try:
        with _connected(order.url, password) as db:
            return _Loading(db, reader, order, types).whole()
    finally:
        reader.close()


@contextmanager
def _connected(url: str, password: str) -> Iterator[Db]:
    """A connection whose transaction is committed on leaving."""
    try:
        with kept.connect(url, password) as db:
            yield db
    except psycopg.Error as error:
        raise Incomplete(
            f"PostgreSQL could not be loaded: {kept.said(error, password)}. The extraction is safe in the store, and "
            "the database holds what it did before, or all of it.",
            f"Load again: hubdump load {shlex.quote(url)}\nWhat a role needs: docs/postgres.md",
        ) from error


@dataclass(slots=True)
class _Loading:
    """One load, within its transaction."""

    db: Db
    reader: Reader
    order: Load
    types: Sequence[ObjectType]
    rows: int = 0
    noughts: int = 0
    _new: list[str] = field(default_factory=list)

    def whole(self) -> Loaded:
        if self._asked("SHOW server_encoding") != "UTF8":
            raise Incomplete(
                "The database's encoding is not UTF8.",
                "Make one: createdb --encoding UTF8 --template template0",
            )
        if self._asked("SELECT current_schema()") is None:
            raise Incomplete(
                "No schema of the search path is there, or may be used.", "Make one: docs/postgres.md"
            )
        told = kept.begin(self.db)
        portal = self.reader.meta("portal")
        if told.portal not in {"", portal}:
            raise Incomplete(
                f"The schema holds portal {told.portal}, and the dump is of {portal}. Nothing was changed.",
                "Give each portal a schema of its own: docs/postgres.md",
            )
        listed = tables(self.reader, self.types, hard_delete=self.order.hard_delete)
        # What is no value is counted once all else is loaded.
        laid = layout.laid_out([*listed, unparsed([])], told.made)
        there = kept.agree(self.db, laid, told.made)
        if told.layout:
            views.give_way(self.db, told.layout, told.made, laid)
        made = self._altered(laid, {name: of for name, of in told.made.items() if name in there})
        about = _about(laid, hard_delete=self.order.hard_delete)
        changed = self._changed(listed) if (told.about, made) == (about, told.made) else None
        if told.mark not in self.order.known or not told.made.keys() <= there:
            changed = None
        self._written(laid[:-1], changed)
        unfit = kept.unfit(self.db)
        self._if_other(replace(laid[-1], table=unparsed(unfit)))
        lay_out = views.Laying(self.db, self.reader, laid, told.layout)
        kept.keep(self.db, Told(portal, self.order.mark, about, made, lay_out.done(self.order.layout)))
        return Loaded(
            sum(self.reader.count(type_.name) for type_ in self.types),
            self.rows,
            self.reader.mended + self.reader.items.mended,
            tuple(unfit),
            strange(listed),
            tuple(self._told()),
        )

    def _told(self) -> Iterator[str]:
        if self.noughts:
            yield (
                f"{self.noughts} texts loaded into PostgreSQL have U+FFFD in the place of U+0000, which it cannot "
                "hold. _raw has them as they came."
            )

    def _asked(self, query: LiteralString, *values: str) -> Any:
        row = self.db.execute(query, values or None).fetchone()
        return row[0] if row else None

    def _changed(self, listed: Sequence[Table]) -> Stale | None:
        return stale(listed, partial(kept.stamps, self.db), kept.number_of_stamps(self.db))

    def _altered(self, laid: Sequence[Laid], made: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        """Make tables and columns that are not there; what there is then. A column that no property has stays."""
        db, now = self.db, dict(made)
        for one in laid:
            before, columns = made.get(one.name, {}), one.columns
            if not before:
                _make(db, one)
                self._new.append(one.name)
            for name, type_ in columns.items():
                if before and name not in before:
                    _alter(db, one, "ADD COLUMN {} {}", name, type_)
                elif before and before[name] != type_:
                    _alter(db, one, "ALTER COLUMN {} TYPE {} USING NULL", name, type_)
            now[one.name] = before | columns
        return now

    def _written(self, laid: Sequence[Laid], changed: Stale | None) -> None:
        """Write what changed; where rows turn out to be missing then, or too many, all of them."""
        if changed is not None:
            try:
                with self.db.transaction():
                    return self._write(laid, changed)
            except Incomplete:
                self.rows = 0
        return self._write(laid, None)

    def _write(self, laid: Sequence[Laid], changed: Stale | None) -> None:
        merged = None
        if changed is not None:
            before = self.db.execute(
                "SELECT type, old_id, id FROM merges WHERE known_by <> 'answer'"
            ).fetchall()
            merged = merges_since(self.reader, self.types, before, changed)
        for one in laid:
            if merged and one.table.name == MERGES:
                self._if_other(replace(one, table=merged))
            elif not one.table.parts:
                self._if_other(one, laid)
            elif changed is None:
                self._parts(one)
                if one.name in self._new:
                    _index(self.db, one)
            else:
                for part in one.table.parts:
                    if these := changed[one.table.name, part.type]:
                        self._some(one, part, these)
            self._once(one if not (merged and one.table.name == MERGES) else replace(one, table=merged))

    def _parts(self, one: Laid) -> None:
        """All rows of a table that has parts."""
        self._empty(one)
        self._pour(one, one.table.texts(), _whose(one.table))
        for part in one.table.parts:
            kept.restamp(self.db, one.table.name, part.type, part.stamps())

    def _some(self, one: Laid, part: Part, these: dict[int, int | None]) -> None:
        """The rows of some records."""
        where = sql.SQL("{} = ANY({})").format(sql.Identifier(one.of(part.column)), list(map(str, these)))
        if part.of:
            where += sql.SQL(" AND {} = {}").format(sql.Identifier(one.of(part.of)), part.type)
        self.db.execute(sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(one.name), where))
        kept.forget(self.db, one.table.name, part.type, list(these))
        rows = replace(one.table, rows=lambda: part.rows(sorted(these))).texts()
        self._pour(one, rows, _whose(one.table))
        kept.restamp(self.db, one.table.name, part.type, iter(these.items()))

    def _if_other(self, one: Laid, laid: Sequence[Laid] = ()) -> None:
        """All rows of a table without parts, unless they are those that are there."""
        rows = one.table.texts()
        digest = hashlib.blake2b(digest_size=8)
        for row in layout.told(rows, laid) if one.table.name == COLUMNS else rows:
            digest.update(msgspec.json.encode(row))
        stamp = int.from_bytes(digest.digest(), "big", signed=True)
        before = self._asked(
            "SELECT stamp FROM _hubdump_stamps WHERE \"table\" = %s AND type = ''", one.table.name
        )
        if before == stamp and self._count(one) == (one.table.count(), 0):
            return
        self._whole(one, laid)
        kept.restamp(self.db, one.table.name, "", iter([(0, stamp)]))

    def _whole(self, one: Laid, laid: Sequence[Laid] = ()) -> None:
        self._empty(one)
        rows = one.table.texts()
        self._pour(one, layout.told(rows, laid) if one.table.name == COLUMNS else rows, lambda _: ("", 0))

    def _empty(self, one: Laid) -> None:
        # Not TRUNCATE: who reads an older snapshot would find nothing there.
        self.db.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(one.name)))
        kept.forget(self.db, one.table.name)

    def _pour(self, one: Laid, rows: Iterable[Row], whose: Callable[[Row], tuple[str, int]]) -> None:
        """COPY rows, and keep what of them is no value."""
        columns = sql.SQL(", ").join(map(sql.Identifier, one.columns))
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(one.name), columns)
        lines = Lines(one, whose)
        blocks = lines.of(rows)
        for first in blocks:
            with self.db.cursor() as cursor, cursor.copy(copy) as into:
                into.write(first)
                while len(lines.odd) < _ODD_MAX and (block := next(blocks, None)):
                    into.write(block)
            kept.keep_odd(self.db, one.table.name, lines.odd)
            lines.odd.clear()
        self.rows += lines.rows
        self.noughts += lines.noughts

    def _once(self, one: Laid) -> None:
        """Incomplete unless a table holds every row of the store, once."""
        rows, twice = self._count(one)
        if (rows, twice) != (one.table.count(), 0):
            raise Incomplete(
                f"{one.name} would hold {rows} rows, {twice} of them twice, and the store has {one.table.count()}. "
                "Nothing was changed."
            )

    def _count(self, one: Laid) -> tuple[int, int]:
        """How many rows there are, and how many of them twice."""
        doubles: sql.Composable = sql.SQL("0")
        if one.table.key:
            doubles = sql.SQL("count(*) - count(DISTINCT {})").format(sql.Identifier(one.of(one.table.key)))
        row = self.db.execute(
            sql.SQL("SELECT count(*), {} FROM {}").format(doubles, sql.Identifier(one.name))
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


def _about(laid: Sequence[Laid], *, hard_delete: bool) -> str:
    """All that rows depend on besides the records themselves."""
    shapes = [
        (one.name, one.names, [(c.name, c.kind.value, c.key) for c in one.table.columns])
        for one in laid
        if one.table.parts
    ]
    return msgspec.json.encode((kept.FORMAT, __version__, hard_delete, shapes)).decode()


def _make(db: Db, one: Laid) -> None:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_)) for name, type_ in one.columns.items()
    )
    db.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(one.name), columns))


def _index(db: Db, one: Laid) -> None:
    """Make a table's indexes, when its first rows are there: that takes less than to keep them up to date with each."""
    for names in _indexed(one):
        of = sql.SQL(", ").join(map(sql.Identifier, names))
        db.execute(sql.SQL("CREATE INDEX ON {} ({})").format(sql.Identifier(one.name), of))


def _indexed(one: Laid) -> Iterator[tuple[str, ...]]:
    """What rows are found by: the records whose they are; and associations by their other end."""
    for part in one.table.parts[:1]:
        yield (one.of(part.column), *([one.of(part.of)] if part.of else []))
        if part.of == "from_type":
            yield ("to_id", "to_type")


def _alter(db: Db, one: Laid, what: str, column: str, type_: str) -> None:
    """Alter a table; where a view holds on to what would change, say so."""
    try:
        db.execute(
            sql.SQL("ALTER TABLE {} " + what).format(
                sql.Identifier(one.name), sql.Identifier(column), sql.SQL(type_)
            )
        )
    except psycopg.errors.FeatureNotSupported as error:
        raise Incomplete(
            f"{one.name}.{column} must become {type_}, as HubSpot changed the property, and a view uses it. Nothing "
            "was changed.",
            "Drop the view, load again, make the view anew",
        ) from error


def _whose(table: Table) -> Callable[[Row], tuple[str, int]]:
    """By which record a row is told."""
    names = [column.name for column in table.columns]
    (first, *_) = table.parts
    at, of = names.index(first.column), names.index(first.of) if first.of else None

    def whose(row: Row) -> tuple[str, int]:
        return (row[of] or "") if of is not None else first.type, int(row[at] or 0)

    return whose
