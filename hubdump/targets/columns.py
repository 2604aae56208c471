"""The column of each property: its internal name, and where two would be one column, a suffix that stays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from hubdump.hubspot import schema
from hubdump.store.reader import Reader
from hubdump.store.store import Store

_KEY = "columns:"


def assigned(properties: Iterable[str], before: Mapping[str, str]) -> dict[str, str]:
    """The column of each property, those of `before` as they were; databases do not tell case apart.

    A name that is taken gets a suffix made of the name itself, so that it does not hang on who came first today.
    """
    found = dict(before)
    taken = {column.casefold() for column in found.values()}
    for name in properties:
        if name in found:
            continue
        column, chars = f"property_{name}", 4
        while column.casefold() in taken:
            column = f"property_{name}_x{hashlib.sha256(name.encode()).hexdigest()[:chars]}"
            chars += 1
        taken.add(column.casefold())
        found[name] = column
    return found


def suffixed(columns: Mapping[str, str]) -> dict[str, str]:
    """Those columns that are not called as their property is."""
    return {name: column for name, column in columns.items() if column != f"property_{name}"}


def of(reader: Reader, type_: str) -> dict[str, str]:
    """The column of each property that is defined for a type, as kept with the dump; the others are not loaded."""
    names = [name for name, _ in reader.definitions(type_)]
    columns = assigned(names, _kept(reader.meta(_KEY + type_)))
    return {name: columns[name] for name in names}


def defined(reader: Reader, type_: str) -> list[schema.Property]:
    """The properties of a type, in HubSpot's order."""
    return [schema.defined(name, definition) for name, definition in reader.definitions(type_)]


def keep(store: Store, type_: str) -> dict[str, str]:
    """Assign a column to each property of a type that has none yet, for ever."""
    before = _kept(store.meta(_KEY + type_))
    columns = assigned(store.property_names(type_), before)
    if columns != before:
        store.set_meta(_KEY + type_, msgspec.json.encode(columns).decode())
    return columns


def _kept(text: str) -> dict[str, str]:
    return msgspec.json.decode(text, type=dict[str, str]) if text else {}
