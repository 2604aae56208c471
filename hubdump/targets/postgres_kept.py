"""What hubdump keeps in PostgreSQL of its own tables: what it made, for which store, and the stamps of the rows there.

All of it changes with the rows, in one transaction: whoever lost the connection learns from it what became of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from msgspec import Raw, Struct
from psycopg import Connection, Error, sql
from psycopg import connect as connect_to

from hubdump.errors import Incomplete
from hubdump.store.stamps import Stamps
from hubdump.targets.postgres_layout import Laid
from hubdump.targets.postgres_values import escaped
from hubdump.targets.table import Part, Table
from hubdump.targets.written import Unfit

# To be raised where the same version of hubdump would write another row.
FORMAT = 1
_BATCH = 10_000
_MADE = """
CREATE TABLE IF NOT EXISTS _hubdump (told text NOT NULL);
CREATE TABLE IF NOT EXISTS _hubdump_stamps (
    "table" text, type text, number bigint, stamp bigint NOT NULL, PRIMARY KEY ("table", type, number));
CREATE TABLE IF NOT EXISTS _hubdump_unfit (
    "table" text, type text, number bigint, "column" text, kind text, as_null int, cut int);
CREATE INDEX IF NOT EXISTS _hubdump_unfit_of ON _hubdump_unfit ("table", type, number);
LOCK TABLE _hubdump IN EXCLUSIVE MODE
"""
Db = Connection[tuple[Any, ...]]


class Told(Struct):
    """What is there: of which portal, under which mark (database.py), all that rows depend on besides the records, and
    the type of each column of each table that hubdump made; which layout there are views of.
    """

    portal: str = ""
    mark: str = ""
    about: str = ""
    made: dict[str, dict[str, str]] = {}
    layout: str = ""


def connect(url: str, password: str) -> Db:
    """A connection; libpq finds the password where it is none."""
    return connect_to(url, password=password or None, application_name="hubdump", client_encoding="utf8")


def said(error: Error, password: str) -> str:
    """The first line of what went wrong, without the password."""
    told = str(error) or type(error).__name__
    return told.replace(password or "\0", "***").strip().partition("\n")[0]


def begin(db: Db) -> Told:
    """Begin the transaction: make what is not there, wait for another load, and say what is there."""
    db.execute("SET LOCAL client_min_messages = warning")
    db.execute(_MADE)
    return there(db)


def there(db: Db) -> Told:
    """What is there; nothing where no load ever ended."""
    row = db.execute("SELECT told FROM _hubdump").fetchone()
    return msgspec.json.decode(row[0], type=Told) if row else Told()


def hard_deleted(told: Told) -> bool:
    """Whether rows of what is not there any more were left out."""
    return bool(told.about) and bool(msgspec.json.decode(told.about, type=tuple[int, str, bool, Raw])[2])


def keep(db: Db, told: Told) -> None:
    """Keep it anew."""
    db.execute("DELETE FROM _hubdump")
    db.execute("INSERT INTO _hubdump VALUES (%s)", [msgspec.json.encode(told).decode()])


def stamps(db: Db, table: Table, part: Part) -> Stamps:
    """The stamps of a part as they were loaded."""
    with db.cursor(name="stamps") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(
            'SELECT number, stamp FROM _hubdump_stamps WHERE "table" = %s AND type = %s ORDER BY number',
            [table.name, part.type],
        )
        yield from cursor


def number_of_stamps(db: Db) -> int:
    """How many there are, of all parts."""
    row = db.execute("SELECT count(*) FROM _hubdump_stamps WHERE type <> ''").fetchone()
    assert row is not None
    return int(row[0])


def restamp(db: Db, table: str, type_: str, now: Iterator[tuple[int, int | None]]) -> None:
    """Write stamps whose numbers have none."""
    copy = 'COPY _hubdump_stamps ("table", type, number, stamp) FROM STDIN'
    of = f"{escaped(table)}\t{escaped(type_)}"
    lines = (f"{of}\t{number}\t{stamp}\n" for number, stamp in now if stamp is not None)
    with db.cursor() as cursor, cursor.copy(copy) as rows:
        while some := "".join(islice(lines, _BATCH)):
            rows.write(some)


@dataclass(frozen=True, slots=True)
class Odd:
    """A text of a row that became NULL, or says more than its value does."""

    type: str
    number: int
    column: str
    kind: str
    as_null: int
    cut: int


def keep_odd(db: Db, table: str, found: list[Odd]) -> None:
    """Keep them, so that what is counted stays right when their rows are written anew."""
    copy = 'COPY _hubdump_unfit ("table", type, number, "column", kind, as_null, cut) FROM STDIN'
    with db.cursor() as cursor, cursor.copy(copy) as rows:
        for one in found:
            rows.write_row((table, one.type, one.number, one.column, one.kind, one.as_null, one.cut))


def unfit(db: Db) -> list[Unfit]:
    """How many there are in each column."""
    found = db.execute(
        'SELECT "table", "column", kind, sum(as_null)::bigint, sum(cut)::bigint FROM _hubdump_unfit'
        ' GROUP BY "table", "column", kind ORDER BY "table", "column"'
    )
    return [Unfit(*row) for row in found]


def forget(db: Db, table: str, type_: str | None = None, numbers: list[int] | None = None) -> None:
    """Forget what is kept of a table's rows, of all or of some."""
    for kept in ("_hubdump_stamps", "_hubdump_unfit"):
        where = sql.SQL('"table" = {}').format(table)
        if numbers is not None:
            where += sql.SQL(" AND type = {} AND number = ANY({})").format(type_, numbers)
        db.execute(sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(kept), where))


def agree(db: Db, laid: Sequence[Laid], made: Mapping[str, Mapping[str, str]]) -> set[str]:
    """The names of tables that are there. Incomplete where one is not as hubdump made it, or was made by others."""
    there = _tables(db)
    for name in dict.fromkeys([*made, *(one.name for one in laid)]):
        if name in there and name not in made:
            raise Incomplete(
                f"There is a table or view {name!r} in the schema that hubdump did not make. Nothing was changed.",
                "Give hubdump a schema of its own: docs/postgres.md",
            )
        for column, type_ in (made[name] if name in there and name in made else {}).items():
            if there[name].get(column) != type_:
                became = f"is {there[name][column]} now" if column in there[name] else "is not there any more"
                raise Incomplete(
                    f"The table {name!r} was changed: its column {column!r}, which was {type_}, {became}. "
                    "Nothing was loaded, and nothing is lost.",
                    "Change it back; or drop the table, and the next load makes it anew",
                )
        if name in there and (more := there[name].keys() - made[name].keys()):
            raise Incomplete(
                f"The table {name!r} has columns that hubdump did not make: {', '.join(sorted(more))}. Nothing was "
                "loaded, as rows are written anew, and what stands there would be lost.",
                "Keep them in a table of your own, by id",
            )
    return set(there)


def _tables(db: Db) -> dict[str, dict[str, str]]:
    """What is called like a table in the schema: the type of each column."""
    found: dict[str, dict[str, str]] = {}
    for name, column, type_ in db.execute(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c LEFT JOIN pg_attribute a"
        " ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))"
        " AND c.relkind NOT IN ('i', 'I', 't', 'c')"
    ):
        of = found.setdefault(name, {})
        if column is not None:
            of[column] = type_
    return found
