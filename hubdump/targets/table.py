"""What a table of a dump is: columns, and rows as the store has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import msgspec

from hubdump.hubspot.schema import Kind, Property
from hubdump.model import ObjectType

RAW = "_raw"
Row = tuple[str | None, ...]
# A row before it is JSON: texts by column, those of properties in an object of their own.
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows as JSON objects, made of `fields`, which who wants their texts takes as they are."""

    fields: Callable[[], Iterator[Fields]]

    def __call__(self) -> Iterator[bytes]:
        return map(msgspec.json.encode, self.fields())


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and where its texts stand in a row: under its name, else under `key` in the row's `properties`."""

    name: str
    kind: Kind = Kind.VERBATIM
    property: Property | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Those rows of a table that are told by a record of one type, whose id is in `column`; where `of` is given, a
    column that holds the type's name. `stamps` of its records change where their rows do (store/stamps.py), `rows` are
    those of some ids, and `again` makes of a row's raw its texts.
    """

    type: str
    column: str
    stamps: Callable[[], Iterator[tuple[int, int]]]
    rows: Callable[[Sequence[int]], Iterator[bytes]]
    of: str = ""
    again: Callable[[str], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the rows that the store has for it; `count` says how many these are, and `key` names a column in
    which no two may be alike. `type` is the object type whose records they are, if they are records; `parts` are all
    its rows, where what changed of them can be told.
    """

    name: str
    columns: tuple[Column, ...]
    rows: Callable[[], Iterator[bytes]]
    count: Callable[[], int]
    key: str = ""
    type: ObjectType | None = None
    called: Callable[[Row], str] = lambda row: " ".join(map(str, row))
    parts: tuple[Part, ...] = ()

    def texts(self) -> Iterator[Row]:
        """The rows, each as the texts of its columns."""
        runs = [
            (of_properties, [column.key or column.name for column in run])
            for of_properties, run in groupby(self.columns, lambda column: bool(column.key))
        ]
        of = self.rows
        for row in of.fields() if isinstance(of, Encoded) else map(msgspec.json.decode, of()):
            yield tuple(
                chain.from_iterable(
                    map((row["properties"] if within else row).get, names) for within, names in runs
                )
            )
