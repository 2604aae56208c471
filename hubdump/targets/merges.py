"""Which records became which: what survivors say of themselves, and ids that answered with another record's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from hubdump.model import ObjectType, State
from hubdump.store.reader import Reader

# HubSpot's list of the ids a survivor had before, and of those that were merged into it: texts with ';' between.
PROPERTY = "hs_merged_object_ids"
_SAYS = re.compile(rb'"' + PROPERTY.encode() + rb'"\s*:\s*"')


class _Properties(Struct):
    hs_merged_object_ids: str | None = None


class _Record(Struct):
    properties: _Properties


_RECORD = msgspec.json.Decoder(_Record)
# type, the id that was, the id it became, where that is known from
Merge = tuple[str, str, str, str]


# What survivors of a type say: (the id that was, the survivor's id).
Said = Callable[[str], Iterable[tuple[str, str]]]


def found(reader: Reader, types: Sequence[ObjectType], said: Said) -> list[Merge]:
    """Every merge of records of these types that is `said` or that the store knows of, once each."""
    return [merge for type_ in types for merge in _of_type(reader, type_.name, said)]


def _of_type(reader: Reader, type_: str, said_of: Said) -> Iterator[Merge]:
    answered = {(str(old), str(into)) for old, into in reader.merges(type_)}
    said = dict.fromkeys(said_of(type_))
    for old, into in said:
        yield (type_, old, into, "both" if (old, into) in answered else "property")
    for old, into in sorted(answered - said.keys()):
        yield (type_, old, into, "answer")


def said(reader: Reader, type_: str, ids: Sequence[int] | None = None) -> Iterator[tuple[str, str]]:
    """What the survivors of a type, or those of some ids, say of themselves, whatever became of them."""
    if PROPERTY not in (name for name, _ in reader.definitions(type_)):
        return
    for page in reader.pages(type_, *State, ids=ids, saying=_SAYS):
        for record in page:
            if _SAYS.search(record.raw):
                olds = _RECORD.decode(record.raw).properties.hs_merged_object_ids or ""
                yield from ((old.strip(), str(record.id)) for old in olds.split(";") if old.strip())
