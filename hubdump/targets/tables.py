"""The tables of a dump, the same in every target that has tables.

To add a table, write a function here (or in a file of its own) that makes a `Table` of the store's Reader, and list
it in `tables`. Its rows are JSON objects of texts and nulls, an object a row; how a text becomes a value is the
business of the column's kind, and what cannot become one is counted by whoever loads it. Nothing else is to be done:
the targets make, fill and count the table, and verify holds it against the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import chain

import msgspec

from hubdump import around
from hubdump.hubspot.schema import Kind
from hubdump.model import Association, ObjectType, State
from hubdump.store.reader import Reader
from hubdump.targets import columns, item_tables, merges, rows
from hubdump.targets.stale import Stale
from hubdump.targets.table import RAW, Column, Encoded, Fields, Part, Table
from hubdump.targets.written import Unfit

ASSOCIATIONS = "associations"
UNPARSED = "_unparsed"
COLUMNS = "_columns"
HISTORY = "property_history"
MERGES = "merges"
# Tables about whatever is read.
OF_ALL = frozenset({ASSOCIATIONS, MERGES, HISTORY, COLUMNS, "properties", "property_options"})
_IDS = 1000


def tables(reader: Reader, types: Sequence[ObjectType], *, hard_delete: bool = False) -> list[Table]:
    """Every table of a dump of these types, in the order in which they are loaded.

    With `hard_delete` a record that is archived, gone or merged has no row, and neither have its past values; nor has
    an item that is gone. An archived item has one: records refer to it, an owner who left still owns.
    """
    states = (State.ACTIVE,) if hard_delete else tuple(State)
    of_types = [_of_type(reader, type_, states) for type_ in types]
    past = [_history(reader, types, active=hard_delete)] if reader.histories.asked() else []
    merged = merges_of(reader, types, partial(merges.said, reader))
    around = item_tables.tables(reader, gone=not hard_delete)
    return [*of_types, _associations(reader, types), merged, *past, *around, _columns(of_types)]


def read_for(named: Sequence[str]) -> tuple[str, ...]:
    """What `--only` is to say for tables of these names; nothing for those that are about whatever is read."""
    inline = {table: row.name for row in around.COLLECTIONS for _, table in row.inline}
    return tuple(dict.fromkeys(inline.get(name, name) for name in named if name not in OF_ALL))


def strange(listed: Sequence[Table]) -> tuple[str, ...]:
    """HubSpot's types of properties that we do not know, each once."""
    properties = (column.property for table in listed for column in table.columns)
    return tuple(dict.fromkeys(p.type for p in properties if p and p.type and not p.known))


def unparsed(found: Sequence[Unfit]) -> Table:
    """The table that says of which columns some texts could not become values."""
    kinds = {"as_null": Kind.INTEGER, "cut": Kind.INTEGER}
    rows = [{name: str(value) for name, value in zip(Unfit._fields, row, strict=True)} for row in found]
    columns = tuple(Column(name, kinds.get(name, Kind.VERBATIM)) for name in Unfit._fields)
    return Table(UNPARSED, columns, lambda: map(msgspec.json.encode, rows), lambda: len(rows))


def _of_type(reader: Reader, type_: ObjectType, states: Sequence[State]) -> Table:
    """The records of a type in these states, with a column for each property that is defined."""
    named = columns.of(reader, type_.name)
    keys = rows.keys(named)
    defined = columns.defined(reader, type_.name)
    head = (
        Column("id"),
        Column("created_at", Kind.INSTANT),
        Column("updated_at", Kind.INSTANT),
        Column("archived", Kind.BOOL),
        Column("archived_at", Kind.INSTANT),
    )
    tail = (
        Column("_deleted", Kind.BOOL),
        Column("_merged_into"),
        Column("_extracted_at", Kind.INSTANT),
        Column(RAW),
    )
    of_properties = (Column(named[p.name], p.kind, p, keys[p.name]) for p in defined)
    return Table(
        type_.name,
        (*head, *of_properties, *tail),
        Encoded(lambda: rows.records(reader, type_.name, states, keys)),
        lambda: sum(reader.count(type_.name, state) for state in states),
        "id",
        type_,
        lambda row: f"{type_.name} {row[0]}",
        (
            Part(
                type_.name,
                "id",
                lambda: reader.stamps.records(type_.name),
                lambda ids: map(msgspec.json.encode, rows.records(reader, type_.name, states, keys, ids)),
                again=lambda raw: rows.again(raw, keys),
            ),
        ),
    )


def _associations(reader: Reader, types: Sequence[ObjectType]) -> Table:
    names = ("from_type", "from_id", "to_type", "to_id", "category", "type_id", "label")
    kinds = {"type_id": Kind.INTEGER}

    def fields(from_: str, found: Iterable[tuple[str, Association]]) -> Iterator[Fields]:
        for to, link in found:
            yield {
                "from_type": from_,
                "to_type": to,
                "category": link.category,
                "type_id": str(link.type_id),
                "label": link.label,
                "from_id": str(link.from_id),
                "to_id": str(link.to_id),
            }

    def some(from_: str, ids: Sequence[int]) -> Iterator[bytes]:
        for at in range(0, len(ids), _IDS):
            of_each = reader.associations_of(from_, ids[at : at + _IDS])
            yield from map(msgspec.json.encode, fields(from_, chain.from_iterable(of_each.values())))

    return Table(
        ASSOCIATIONS,
        tuple(Column(name, kinds.get(name, Kind.VERBATIM)) for name in names),
        Encoded(lambda: chain.from_iterable(fields(t.name, reader.associations(t.name)) for t in types)),
        lambda: sum(reader.count_associations(type_.name) for type_ in types),
        called=lambda row: "{} {} to {} {} ({} {})".format(*row),
        parts=tuple(
            Part(
                type_.name,
                "from_id",
                partial(reader.stamps.associations, type_.name),
                partial(some, type_.name),
                "from_type",
            )
            for type_ in types
        ),
    )


def _history(reader: Reader, types: Sequence[ObjectType], *, active: bool) -> Table:
    """What the properties of records, or of `active` ones, held before, where it was ever asked for."""
    names = (
        "type", "id", "property", "value", "timestamp",
        "source_type", "source_id", "source_label", "updated_by_user_id",
    )  # fmt: skip

    def found(type_: str, ids: Sequence[int] | None = None) -> Iterator[bytes]:
        for past in reader.histories.values(type_, active=active, ids=ids):
            source = (past.source_type, past.source_id, past.source_label, past.updated_by_user_id)
            row = (type_, str(past.id), past.property, past.value, past.timestamp, *source)
            yield msgspec.json.encode(dict(zip(names, row, strict=True)))

    return Table(
        HISTORY,
        tuple(Column(name) for name in names),
        lambda: chain.from_iterable(found(type_.name) for type_ in types),
        lambda: sum(reader.histories.count(type_.name, active=active) for type_ in types),
        called=lambda row: "{} {} {} {} ({} {})".format(row[0], row[1], row[2], *row[4:7]),
        parts=tuple(
            Part(
                type_.name,
                "id",
                partial(reader.stamps.histories, type_.name, active=active),
                partial(found, type_.name),
                "type",
            )
            for type_ in types
        ),
    )


def merges_of(reader: Reader, types: Sequence[ObjectType], said: merges.Said) -> Table:
    """Who became whom: `old_id` was merged into `id`, as the survivor says, an answer, or both."""
    names = ("type", "old_id", "id", "known_by")
    found = cache(lambda: merges.found(reader, types, said))
    return Table(
        MERGES,
        tuple(Column(name) for name in names),
        lambda: (msgspec.json.encode(dict(zip(names, row, strict=True))) for row in found()),
        lambda: len(found()),
        called=lambda row: "{} {} into {}".format(*row),
    )


def merges_since(
    reader: Reader, types: Sequence[ObjectType], kept: Iterable[tuple[str, str, str]], stale: Stale
) -> Table:
    """The same: what unchanged survivors say is `kept`, as (type, old_id, id), those that are stale are asked again."""
    before = list(kept)
    said: dict[str, list[tuple[str, str]]] = {}
    for type_ in types:
        name, these = type_.name, stale[type_.name, type_.name]
        said[name] = [(old, id_) for of, old, id_ in before if of == name and int(id_) not in these]
        said[name] += merges.said(reader, name, sorted(these))
    return merges_of(reader, types, said.__getitem__)


def _columns(of_types: Sequence[Table]) -> Table:
    """Which column holds which property, and what HubSpot says of it."""
    names = ("table", "column", "property", "type", "field_type", "label", "kind")
    found = [
        (table.name, column.name, p.name, p.type, p.field_type, p.label, column.kind.value)
        for table in of_types
        for column in table.columns
        if (p := column.property)
    ]
    return Table(
        COLUMNS,
        tuple(Column(name) for name in names),
        lambda: (msgspec.json.encode(dict(zip(names, row, strict=True))) for row in found),
        lambda: len(found),
    )
