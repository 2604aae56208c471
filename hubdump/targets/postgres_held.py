"""Holds what is in PostgreSQL against the store: every column of every table, value by value, read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from hubdump.hubspot.schema import Kind
from hubdump.model import ObjectType
from hubdump.store.reader import Reader
from hubdump.targets import postgres_kept as kept
from hubdump.targets.compared import Content, Differences, compare
from hubdump.targets.meant import meant
from hubdump.targets.postgres_kept import Db
from hubdump.targets.postgres_layout import MORE, Laid, as_made, told
from hubdump.targets.postgres_values import clean
from hubdump.targets.table import Column, Row
from hubdump.targets.tables import COLUMNS, tables

_ROWS = 500
# A value in its canonical text (meant.py).
_BACK = {
    Kind.INSTANT: "(extract(epoch FROM {}) * 1000000)::bigint::text",
    Kind.LIST: "array_to_string({}, ';')",
}
# When a load wrote the row: later ones write only what changed.
_EXTRACTED = "_extracted_at"


def differences(dump: Path, url: str, password: str, types: Sequence[ObjectType]) -> dict[str, Differences]:
    """What differs, by table; nothing is written, and all is read as of one moment."""
    reader = Reader(dump / "store.sqlite")
    try:
        with kept.connect(url, password) as db:
            db.isolation_level, db.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
            db.execute("SET LOCAL DateStyle = 'ISO'")
            return _of_all(db, reader, types)
    except psycopg.errors.UndefinedTable:
        return {"the schema": Differences(unreadable="hubdump loaded nothing into it")}
    except psycopg.Error as error:
        return {"PostgreSQL": Differences(unreadable=kept.said(error, password))}
    finally:
        reader.close()


def _of_all(db: Db, reader: Reader, types: Sequence[ObjectType]) -> dict[str, Differences]:
    there = kept.there(db)
    if there.portal != reader.meta("portal"):
        return {
            "the schema": Differences(unreadable=f"it holds portal {there.portal or 'none'}, not this dump's")
        }
    listed = tables(reader, types, hard_delete=kept.hard_deleted(there))
    laid = [as_made(table, there.made) for table in listed]
    return {one.name: _of_table(db, one, laid) for one in laid}


def _of_table(db: Db, one: Laid, laid: Sequence[Laid]) -> Differences:
    try:
        with db.transaction():
            return compare(lambda: _expected(one, laid), lambda: _found(db, one))
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return Differences(unreadable=kept.said(error, ""))


def _expected(one: Laid, laid: Sequence[Laid]) -> Iterator[Content]:
    """What the store has, by Python's own understanding of it."""
    kinds = [
        Kind.VERBATIM if name == MORE else column.kind
        for name, column in zip(one.names, one.table.columns, strict=True)
    ]
    compared = [column.name != _EXTRACTED for column in one.table.columns]
    rows = one.table.texts()
    for row in told(rows, laid) if one.table.name == COLUMNS else rows:
        values = map(meant, kinds, row)
        yield _content(
            one,
            tuple(
                value and clean(value) if wanted else None
                for value, wanted in zip(values, compared, strict=True)
            ),
        )


def _found(db: Db, one: Laid) -> Iterator[Content]:
    """What is there, every value as its canonical text."""
    own = {name: column for name, column in zip(one.names, one.table.columns, strict=True) if name != MORE}
    asked = [
        sql.SQL(_BACK.get(c.kind, "{}::text")).format(sql.Identifier(name))
        if c.name != _EXTRACTED
        else sql.SQL("NULL")
        for name, c in own.items()
    ]
    more = sql.SQL(", {}::text").format(sql.Identifier(MORE)) if MORE in one.names else sql.SQL("")
    query = sql.SQL("SELECT {}{} FROM {}").format(sql.SQL(", ").join(asked), more, sql.Identifier(one.name))
    whole = _whole(one)
    with db.cursor(name="held") as cursor:
        cursor.itersize = _ROWS
        for row in cursor.execute(query):
            yield _content(one, whole(row))


def _whole(one: Laid) -> Callable[[Row], Row]:
    """A row as the table has it: what stands in `MORE` in its place."""
    if MORE not in one.names:
        return tuple
    keys = [
        _key(column) if name == MORE else ""
        for name, column in zip(one.names, one.table.columns, strict=True)
    ]

    def whole(row: Row) -> Row:
        *own, told_more = row
        more = msgspec.json.decode(told_more or "{}", type=dict[str, str])
        left = iter(own)
        return tuple(more.get(key) if key else next(left) for key in keys)

    return whole


def _key(column: Column) -> str:
    return clean(column.property.name if column.property else column.key)


def _content(one: Laid, row: Row) -> Content:
    return one.table.called(row), msgspec.json.encode(row)
