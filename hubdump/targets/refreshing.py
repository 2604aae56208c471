"""Brings a DuckDB file up to date by what changed since it was loaded.

Of a table that has parts only the rows of records whose stamps differ are written, every other table anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from hubdump.hubspot.schema import Kind
from hubdump.model import ObjectType
from hubdump.store.reader import Reader
from hubdump.targets import casts, loaded, rows, views
from hubdump.targets.filling import Texts, counted, doubtful, fill, once, pour, unfit
from hubdump.targets.sql import quoted, text
from hubdump.targets.stale import Stale, stale
from hubdump.targets.table import RAW, Column, Part, Table
from hubdump.targets.tables import MERGES, merges_since, unparsed
from hubdump.targets.written import Unfit

_ROWS = 500


@dataclass(frozen=True, slots=True)
class Refresh:
    """A file under way, its connection, and what is to be in it."""

    db: duckdb.DuckDBPyConnection
    scratch: Path
    reader: Reader
    types: Sequence[ObjectType]
    listed: Sequence[Table]

    def stale(self) -> Stale | None:
        """What changed; None where that is too much."""
        return stale(self.listed, partial(loaded.stamps, self.db), loaded.number_of_stamps(self.db))

    def write(self, stale: Stale) -> list[Unfit]:
        """Write it, and all tables without parts; the texts that are no values, of every table."""
        views.drop(self.db)
        listed = [self._merges(stale) if table.name == MERGES else table for table in self.listed]
        self._drop({table.name for table in listed if table.parts})
        found: list[Unfit] = []
        for table in listed:
            found += self._refreshed(table, stale) if table.parts else fill(self.db, self.scratch, table)
        fill(self.db, self.scratch, unparsed(found))
        views.add(self.db, self.reader, self.listed)
        return found

    def _refreshed(self, table: Table, stale: Stale) -> list[Unfit]:
        db = self.db
        db.execute("BEGIN")
        texts = loaded.texts(db, table)
        for part in table.parts:
            if these := stale[table.name, part.type]:
                texts = self._replaced(table, part, these, texts)
        loaded.keep_texts(db, table, texts)
        if table.type:
            self._extracted(table, table.type)
        db.execute("COMMIT")
        once(db, table)
        return unfit(db, table, texts)

    def _replaced(
        self, table: Table, part: Part, these: Mapping[int, int | None], texts: Mapping[Column, Texts]
    ) -> dict[Column, Texts]:
        """Take the rows of some records out and write them anew; how many texts there are then."""
        db, where = self.db, loaded.rows_of(part)
        db.execute(
            "CREATE OR REPLACE TEMP TABLE stale AS"
            " SELECT unnest($1::BIGINT[]) AS number, unnest($2::BIGINT[]) AS stamp",
            [list(these), list(these.values())],
        )
        less = self._texts_of(table, part, where)
        db.execute(f"DELETE FROM {quoted(table.name)} WHERE {where}")  # noqa: S608 - quoted
        more = pour(db, self.scratch, table, part.rows(sorted(these)))
        loaded.restamp(db, table, part)
        return {column: there - less[column] + more[column] for column, there in texts.items()}

    def _texts_of(self, table: Table, part: Part, where: str) -> dict[Column, Texts]:
        """The texts of rows that are there, by their raw; where there is none, each text became a value."""
        db, columns = self.db, doubtful(table)
        if part.again:
            db.execute(
                f"CREATE OR REPLACE TEMP TABLE before AS SELECT row_number() OVER () AS n, {RAW}"  # noqa: S608 - quoted
                f" FROM {quoted(table.name)} WHERE {where}"
            )
            return counted(db, self.scratch, table, map(part.again, self._raws()))
        counts = ["count(*)", *(f"count({quoted(column.name)})" for column in columns)]
        row = db.execute(f"SELECT {', '.join(counts)} FROM {quoted(table.name)} WHERE {where}").fetchone()  # noqa: S608 - quoted
        assert row is not None
        return dict(zip(columns, map(Texts, row[1:]), strict=True))

    def _raws(self) -> Iterator[str]:
        """What is in the table `before`, a few at a time: other things are asked meanwhile."""
        sql, at = f"SELECT {RAW} FROM before WHERE n > $1 AND n <= $1 + {_ROWS}", 0  # noqa: S608 - our own
        while found := self.db.execute(sql, [at]).fetchall():
            yield from (raw for (raw,) in found)
            at += _ROWS

    def _extracted(self, table: Table, type_: ObjectType) -> None:
        """When a type was read is the same for all its records."""
        at = casts.value(Kind.INSTANT, text(rows.extracted(self.reader, type_.name)))
        self.db.execute(
            f"UPDATE {quoted(table.name)} SET _extracted_at = {at} WHERE _extracted_at IS DISTINCT FROM {at}"  # noqa: S608 - quoted
        )

    def _merges(self, stale: Stale) -> Table:
        """Who became whom: what unchanged survivors say is there."""
        kept = self.db.execute("SELECT type, old_id, id FROM merges WHERE known_by <> 'answer'").fetchall()
        return merges_since(self.reader, self.types, kept, stale)

    def _drop(self, kept: Iterable[str]) -> None:
        sql = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'dump' AND schema_name = 'main'"
        for (name,) in self.db.execute(sql).fetchall():
            if name not in kept:
                self.db.execute(f"DROP TABLE {quoted(name)}")
