"""What a view of a layout is, as data: its columns, and the tables of a dump they are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

Names = tuple[str, ...]
# The table of all associations.
LINKS = "links"
KINDS = ("text", "int", "number", "float", "bool", "time", "object")


class Column(NamedTuple):
    """A column: its name, one of `KINDS`, and what it is of: a field of the table, a way into one
    (`metadata.isClosed`), SQL behind `=`, or `-` where it cannot be filled.
    """

    name: str
    kind: str
    of: str

    @property
    def empty(self) -> bool:
        return self.of == "-"


@dataclass(frozen=True, slots=True)
class Select:
    """Rows of one table, with more tables and conditions in SQL, where `{table}` is a table and `{table.field:kind}` a
    value of it; either may be missing. Of `LINKS`, all associations seen from both ends, `ends` are the types at these.

    `columns` stand as `name kind of`, with semicolons between: without `of`, it is the field of that name, and without
    `kind` a text.
    """

    table: str
    columns: str
    more: str = ""
    where: str = ""
    ends: tuple[Names, Names] = ((), ())

    def listed(self) -> Iterator[Column]:
        for words in (text.split(maxsplit=2) for text in self.columns.split(";") if text.strip()):
            name, kind = words[0], words[1] if len(words) > 1 else "text"
            yield Column(name, kind, words[2] if len(words) > 2 else name)


@dataclass(frozen=True, slots=True)
class View:
    """A view: the rows of all its selects, each once where it is `distinct`; all have the columns of the first.

    With `properties`, every property of the table is a column too, but for those `hidden`. `switch` is what switches
    off in dbt what reads it.
    """

    name: str
    selects: tuple[Select, ...]
    distinct: bool = False
    properties: bool = False
    hidden: Names = ()
    switch: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(self.selects[0].listed())

    @property
    def missing(self) -> tuple[str, ...]:
        """The columns that cannot be filled."""
        return tuple(column.name for column in self.columns if column.empty)
