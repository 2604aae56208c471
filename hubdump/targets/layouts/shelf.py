"""What the views of a layout stand on: the tables that are there, as SQL, and what was read of them when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hubdump.around import COLLECTIONS
from hubdump.hubspot.schema import Kind
from hubdump.store.pairs import AssociationType
from hubdump.store.reader import Reader
from hubdump.targets.layouts.view import LINKS
from hubdump.targets.sql import quoted
from hubdump.targets.table import Table


@dataclass(frozen=True, slots=True)
class Source:
    """A table: what it is called in SQL, and of each column its SQL, where `{t}` is the table's alias, and its kind.
    `properties` are columns that are a property's, with what they are called in a view.
    """

    sql: str
    columns: Mapping[str, tuple[str, Kind]] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The tables by name, SQL that says when each was read, the portal's id, and the kinds of associations there."""

    sources: Mapping[str, Source]
    read: Mapping[str, str]
    portal: str
    kinds: Sequence[AssociationType] = ()
    singular: Mapping[str, str] = field(default_factory=dict)


def source(table: Table, sql: str) -> Source:
    """A table whose columns are called as they are."""
    return Source(
        sql,
        {column.name: (f"{{t}}.{quoted(column.name)}", column.kind) for column in table.columns},
        {column.name: column.name for column in table.columns if column.property},
    )


def shelf(reader: Reader, sources: Mapping[str, Source], read: Mapping[str, str]) -> Shelf:
    """What the views of a dump with these tables stand on."""
    singular = {type_.name: type_.singular for type_ in reader.catalogue().types}
    return Shelf(sources, read, reader.meta("portal"), reader.association_types(), singular)


def read_us(reader: Reader, listed: Sequence[Table]) -> dict[str, int]:
    """When each table was read; of those that are of everything, when the newest type was."""
    types = {table.name: reader.bookmark(table.name).seen_us for table in listed if table.type}
    newest = max(types.values(), default=0)
    names = (LINKS, *(table.name for table in listed))
    return dict.fromkeys(names, newest) | types | dict(_around_us(reader))


def _around_us(reader: Reader) -> Iterator[tuple[str, int]]:
    fresh = {one.collection.name: one.fresh_us for one in reader.items.held()}
    for row in COLLECTIONS:
        at = fresh.get(row.name)
        if at is not None:
            yield row.name, at
            yield from ((name, at) for _, name in row.inline)
