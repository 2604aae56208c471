"""A table as people name things: the labels of properties above its columns, the labels of options in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec

from hubdump.hubspot.schema import Kind
from hubdump.targets.table import Column, Table

Told = Callable[[str], str]


def labelled(table: Table) -> Table:
    """The table with labels in the place of internal names and of options' values, where HubSpot has them."""
    names = heads(table)
    columns = tuple(Column(name, column.kind) for name, column in zip(names, table.columns, strict=True))
    told = [_told(column) for column in table.columns]

    def rows() -> Iterator[bytes]:
        for row in table.texts():
            texts = (label(text) if label and text else text for label, text in zip(told, row, strict=True))
            yield msgspec.json.encode(dict(zip(names, texts, strict=True)))

    return replace(table, columns=columns, rows=rows)


def heads(table: Table) -> list[str]:
    """What stands above each column: the property's label; where others have it too, with its internal name."""
    labels = [column.property.label.strip() if column.property else "" for column in table.columns]
    bare = [column.name for column in table.columns if not column.property]
    count = Counter(name.casefold() for name in (*labels, *bare))
    taken = {name.casefold() for name in bare}
    found = []
    for column, label in zip(table.columns, labels, strict=True):
        name = (
            label if count[label.casefold()] == 1 else f"{label} ({column.property and column.property.name})"
        )
        name = name if label else column.name
        while column.property and name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        found.append(name)
    return found


def _told(column: Column) -> Told | None:
    """How a value of a column is called; None where all are called as they are."""
    options = dict(column.property.options) if column.property else {}
    if not options:
        return None
    if column.kind is Kind.LIST:
        return lambda text: ";".join(options.get(part, part) for part in text.split(";"))
    return lambda text: options.get(text, text)
