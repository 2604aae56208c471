"""How the tables of a dump are laid out in PostgreSQL: names of 63 bytes at most, and rows that fit into a page.

A row must fit into a page of 8 KB once its long values are stored apart, each for 18 bytes, so that a table can have
some 440 columns that are all filled. So of a type with more properties than `TYPED` the most filled have a column, the
others stand in `_more`, a JSONB object of their texts by internal name.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from hubdump.hubspot.schema import Kind
from hubdump.targets.postgres_values import TYPES, clean
from hubdump.targets.table import Column, Table

TYPED = 400
MORE = "_more"
_BYTES = 63
# What PostgreSQL has in every table itself.
_SYSTEM = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}


@dataclass(frozen=True, slots=True)
class Laid:
    """A table as it is there: its name, the column of each of the table's columns, `MORE` where it has none of its own,
    and their types.
    """

    table: Table
    name: str
    names: tuple[str, ...]

    @property
    def columns(self) -> dict[str, str]:
        """The type of each column that is there."""
        typed = {
            name: TYPES[column.kind]
            for name, column in zip(self.names, self.table.columns, strict=True)
            if name != MORE
        }
        return typed | ({MORE: "jsonb"} if MORE in self.names else {})

    @property
    def own(self) -> list[bool]:
        """Whether each of the table's columns has one there."""
        return [name != MORE for name in self.names]

    def of(self, column: str) -> str:
        """What a column is called there."""
        return self.names[[one.name for one in self.table.columns].index(column)]


def named(name: str) -> str:
    """A name that PostgreSQL takes as it is; a longer one is cut, with a suffix made of all of it."""
    told = clean(name)
    if told == name and len(name.encode()) <= _BYTES and name not in _SYSTEM:
        return name
    suffix = f"_x{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return told.encode()[: _BYTES - len(suffix)].decode(errors="ignore") + suffix


def laid_out(listed: Sequence[Table], before: Mapping[str, Mapping[str, str]]) -> list[Laid]:
    """Every table; what had a column `before`, by table, keeps it."""
    return [_laid(table, before.get(named(table.name), {})) for table in listed]


def as_made(table: Table, made: Mapping[str, Mapping[str, str]]) -> Laid:
    """A table as it was made: what has no column of its own there is in `MORE`, if that is there at all."""
    name = named(table.name)
    there = made.get(name, {})
    names = [named(column.name) for column in table.columns]
    return Laid(table, name, tuple(one if one in there or MORE not in there else MORE for one in names))


def _laid(table: Table, before: Mapping[str, str]) -> Laid:
    names = [named(column.name) for column in table.columns]
    properties = [column for column in table.columns if column.key]
    # Columns of properties that are no longer defined stay, and take room.
    gone = len(set(before) - set(names) - {MORE})
    if len(properties) + gone > TYPED:
        kept = {column for column, name in zip(table.columns, names, strict=True) if name in before}
        free = max(TYPED - sum(1 for column in properties if column in kept) - gone, 0)
        new = [column for column in properties if column not in kept]
        kept.update(_most_filled(table, new)[:free] if free else [])
        names = [
            name if not column.key or column in kept else MORE
            for column, name in zip(table.columns, names, strict=True)
        ]
    return Laid(table, named(table.name), tuple(names))


def _most_filled(table: Table, new: Sequence[Column]) -> list[Column]:
    """Columns, those with the most texts first."""
    count: Counter[Column] = Counter(dict.fromkeys(new, 0))
    wanted = [column in count for column in table.columns]
    order = list(compress(table.columns, wanted))
    for row in table.texts():
        count.update(compress(order, map(bool, compress(row, wanted))))
    return [column for column, _ in count.most_common()]


def told(rows: Iterable[tuple[str | None, ...]], laid: Sequence[Laid]) -> Iterator[tuple[str | None, ...]]:
    """Rows of the table `_columns`, with tables and columns as they are called there."""
    of = {one.table.name: one for one in laid}
    for table, column, *rest in rows:
        assert table is not None
        assert column is not None
        yield (of[table].name, of[table].of(column), *rest)


def kinds(laid: Laid) -> list[Kind]:
    """The kind of each of the table's columns."""
    return [column.kind for column in laid.table.columns]
