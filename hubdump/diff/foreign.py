"""Opens what somebody else made: JSON, CSV, Parquet or a DuckDB file, as tables of rows ascending by record id.

Nothing in it is believed to be complete, typed or there only once; every value comes as a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import msgspec

from hubdump.catalog import Catalogue
from hubdump.errors import DiskFailure, UsageError
from hubdump.model import ObjectType
from hubdump.targets.filling import connected
from hubdump.targets.sql import quoted, text

# Names of columns that hold a record's id: HubSpot's API and its exports, Fivetran, Airbyte, dlt.
_IDS = ("id", "hs_object_id", "record id", "record_id", "engagement_id", "property_hs_object_id",
        "properties_hs_object_id", "properties__hs_object_id")  # fmt: skip
_BATCH = 1_000
_OBJECT_BYTES_MAX = 64 * 1024 * 1024
_WORDS = re.compile(r"[^0-9a-z]+")
# What tools put before the name of a type.
_BEFORE = re.compile(r"^((airbyte|raw|stg|hubspot|engagements?)_)+")
KINDS = "a JSON file (an array or lines), a CSV file, a Parquet file or folder, or a DuckDB file"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Foreign:
    """The rows of one type in what somebody else made; `name` is what to call the table."""

    name: str
    type: ObjectType
    sql: str


class Opened:
    """A file of somebody else's, open for reading."""

    def __init__(self, db: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[Foreign]) -> None:
        self._db, self.path, self.tables = db, path, tables

    def groups(self, table: Foreign) -> Iterator[tuple[int | None, list[Row]]]:
        """The rows of each record id, ascending; first those that bear none, under None."""
        sql = f"SELECT TRY_CAST(trim(id) AS BIGINT) AS number, row FROM ({table.sql}) ORDER BY number NULLS FIRST"  # noqa: S608 - quoted
        for number, rows in groupby(self._fetched(sql), itemgetter(0)):
            if number is None:
                yield from ((None, [_decoded(row)]) for _, row in rows)
            else:
                yield number, [_decoded(row) for _, row in rows]

    def rows(self, table: Foreign) -> Iterator[Row]:
        """Every row, in any order."""
        for _, row in self._fetched(table.sql):
            yield _decoded(row)

    def _fetched(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with _readable(self.path):
            cursor = self._db.cursor().execute(sql)
            while rows := cursor.fetchmany(_BATCH):
                yield from rows


@contextmanager
def opened(path: Path, catalogue: Catalogue, type_: ObjectType | None) -> Iterator[Opened]:
    """What a path holds of the types of a portal, or of the one that is named; UsageError where it is nothing."""
    if not path.exists():
        raise UsageError(f"There is no {path}.", f"Name {KINDS}.")
    with TemporaryDirectory(prefix="hubdump-diff-") as spill, connected() as db, _readable(path):
        db.execute(f"SET temp_directory = {text(spill)}")
        yield Opened(db, path, _tables(db, path, catalogue, type_))


def _tables(
    db: duckdb.DuckDBPyConnection, path: Path, catalogue: Catalogue, type_: ObjectType | None
) -> list[Foreign]:
    match _form(path):
        case "duckdb":
            found = _attached(db, path, catalogue, type_)
        case "json":
            found = _objects(db, path, catalogue, type_)
        case "csv":
            source = f"read_csv({text(str(path))}, all_varchar = true, header = true)"
            found = [_table(db, path.name, type_ or _only_type(path, catalogue), source)]
        case _:
            files = path / "**" / "*.parquet" if path.is_dir() else path
            source = f"read_parquet({text(str(files))}, union_by_name = true)"
            found = [_table(db, path.name, type_ or _only_type(path, catalogue), source)]
    if not found:
        raise UsageError(
            f"No table of {path} is called as a type of this dump.",
            "Name it: hubdump diff FILE --type contacts",
        )
    return found


def _form(path: Path) -> str:
    """What a path is, by its first bytes; a text that is neither is CSV."""
    if path.is_dir():
        return "parquet"
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] == b"PAR1":
        return "parquet"
    if head[8:12] == b"DUCK":
        return "duckdb"
    return "json" if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"[", b"{"} else "csv"


def _attached(
    db: duckdb.DuckDBPyConnection, path: Path, catalogue: Catalogue, type_: ObjectType | None
) -> list[Foreign]:
    """The tables of a DuckDB file that are called as a type; of two of one type the one that has more columns."""
    db.execute(f"ATTACH {text(str(path))} AS there (READ_ONLY)")
    sql = (
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'there' AND NOT internal"
        " ORDER BY column_count DESC, schema_name, table_name"
    )
    found: dict[str, Foreign] = {}
    for schema, name in db.execute(sql).fetchall():
        of = _named(name, catalogue)
        if of and (type_ is None or of == type_) and of.name not in found:
            source = f"there.{quoted(schema)}.{quoted(name)}"
            if _id_of(db, of, source):
                found[of.name] = _table(db, f"{schema}.{name}", of, source)
    return list(found.values())


def _objects(
    db: duckdb.DuckDBPyConnection, path: Path, catalogue: Catalogue, type_: ObjectType | None
) -> list[Foreign]:
    """The objects of a JSON file, by the type they say they are of; else the file is of one type."""
    with path.open("rb") as file:
        array = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
    form = "array" if array else "newline_delimited"
    source = (
        f"read_json_objects({text(str(path))}, format = '{form}', maximum_object_size = {_OBJECT_BYTES_MAX})"
    )
    ids = ", ".join(f"json ->> {text('$.' + quoted(name))}" for name in _IDS)
    rows = f"SELECT coalesce({ids}) AS id, json AS row, json ->> '$.type' AS said FROM {source}"  # noqa: S608 - quoted
    said = [one for (one,) in db.execute(f"SELECT DISTINCT said FROM ({rows}) ORDER BY ALL").fetchall()]  # noqa: S608 - quoted
    types = {one: catalogue.called(one or "") for one in said}
    if type_ is None and said and all(types.values()):
        return [
            Foreign(path.name, of, f"SELECT id, row FROM ({rows}) WHERE said IN ({', '.join(words)})")  # noqa: S608 - quoted
            for of in dict.fromkeys(filter(None, types.values()))
            for words in [[text(one) for one in said if types[one] == of]]
        ]
    of = type_ or _only_type(path, catalogue)
    return [Foreign(path.name, of, f"SELECT id, row FROM ({rows})")]  # noqa: S608 - quoted


def _table(db: duckdb.DuckDBPyConnection, name: str, type_: ObjectType, source: str) -> Foreign:
    """A table with its values as texts: instants as HubSpot writes them, lists with ';' between."""
    id_ = _id_of(db, type_, source)
    if id_ is None:
        raise UsageError(
            f"{name} has no column with the ids of records (as 'id' or 'Record ID').",
            "Export it again with that column.",
        )
    columns = db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 - quoted
    packed = ", ".join(
        f"{quoted(column)} := {_as_text(quoted(column), kind)}" for column, kind, *_ in columns
    )
    row = f"to_json(struct_pack({packed}))"
    return Foreign(name, type_, f"SELECT {quoted(id_)}::VARCHAR AS id, {row} AS row FROM {source}")  # noqa: S608 - quoted


def _id_of(db: duckdb.DuckDBPyConnection, type_: ObjectType, source: str) -> str | None:
    columns = [name for name, *_ in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]  # noqa: S608 - quoted
    low = {name.casefold(): name for name in reversed(columns)}
    wanted = (*_IDS, f"{type_.singular}_id", f"{type_.singular} id")
    return next((low[name] for name in wanted if name in low), None)


def _as_text(column: str, kind: str) -> str:
    if kind.startswith("TIMESTAMP"):
        return f"strftime({column}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind.endswith("]"):
        return f"array_to_string({column}, ';')"
    return column if kind.startswith(("STRUCT", "MAP", "JSON")) else f"{column}::VARCHAR"


def _only_type(path: Path, catalogue: Catalogue) -> ObjectType:
    """The type that the name of a file names."""
    words = [word for word in _WORDS.split(path.stem.casefold()) if word]
    pairs = [f"{one}_{other}" for one, other in pairwise(words)]
    found = {of.name: of for word in [*pairs, *words] if (of := _named(word, catalogue))}
    if len(found) != 1:
        raise UsageError(
            f"The name of {path} says not of which type it is.",
            f"Name it: hubdump diff {path} --type contacts",
        )
    return next(iter(found.values()))


def _named(name: str, catalogue: Catalogue) -> ObjectType | None:
    """The type that a table or a word is called after, with or without what tools put before it."""
    low = name.casefold()
    return catalogue.called(low) or catalogue.called(_BEFORE.sub("", low))


def _decoded(row: str) -> Row:
    found = msgspec.json.decode(row)
    return found if isinstance(found, dict) else {}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.IOException as error:
        raise DiskFailure(f"{path} cannot be read: {_first(error)}") from error
    except duckdb.Error as error:
        raise UsageError(f"{path} cannot be read: {_first(error)}", f"It must be {KINDS}.") from error


def _first(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]
