"""Holds the JSON files against the store: every element's values byte for byte, and every association."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from hubdump.catalog import STANDARD
from hubdump.model import ObjectType
from hubdump.store.database import disk_errors
from hubdump.store.reader import Reader
from hubdump.targets import items_held
from hubdump.targets.compared import Content, Differences, compare
from hubdump.targets.json_files import ALL, path_of, read_array

_NULL = Raw(b"null")


class _Stored(Struct):
    properties: Raw
    createdAt: Raw = _NULL  # noqa: N815 - HubSpot's name
    updatedAt: Raw = _NULL  # noqa: N815 - HubSpot's name
    archived: bool = False


class _Type(Struct):
    category: str
    typeId: int  # noqa: N815 - HubSpot's name
    label: str | None


class _Linked(Struct):
    id: str
    types: list[_Type]


class _Element(Struct):
    id: str
    type: str
    properties: Raw
    createdAt: Raw  # noqa: N815 - HubSpot's name
    updatedAt: Raw  # noqa: N815 - HubSpot's name
    archived: bool
    associations: dict[str, list[_Linked]]


_NAMES = {type_.singular: type_.name for type_ in STANDARD.types}
_STORED = msgspec.json.Decoder(_Stored)
_ELEMENT = msgspec.json.Decoder(_Element)


def differences(dump: Path, types: Sequence[ObjectType]) -> dict[str, Differences]:
    """What differs, by file; of the types whose files are ours, and the one file of all engagements."""
    reader = Reader(dump / "store.sqlite")
    try:
        ours = {file.path for file in reader.files()}
        engagements = [type_ for type_ in types if type_.engagement]
        files = {path_of(type_): [type_] for type_ in engagements} | {ALL: engagements}
        found = {path: _of_file(dump / path, reader, held) for path, held in files.items() if path in ours}
        return found | items_held.of_files(dump, reader)
    finally:
        reader.close()


def _of_file(path: Path, reader: Reader, types: Sequence[ObjectType]) -> Differences:
    if not path.exists():
        return Differences(unreadable="there is no such file")
    try:
        with disk_errors(path):
            return compare(lambda: _expected(reader, types), lambda: _found(path))
    except (msgspec.DecodeError, ValueError) as error:
        return Differences(unreadable=f"not as hubdump writes it ({error})")


def _expected(reader: Reader, types: Sequence[ObjectType]) -> Iterator[Content]:
    for type_ in types:
        for page in reader.pages(type_.name):
            for record in page:
                stored = _STORED.decode(record.raw)
                values = (stored.properties, stored.createdAt, stored.updatedAt)
                yield _record(type_.name, str(record.id), values, archived=stored.archived)
        for to, link in reader.associations(type_.name):
            yield _association(
                type_.name, str(link.from_id), to, str(link.to_id), link.category, link.type_id, link.label
            )


def _found(path: Path) -> Iterator[Content]:
    with path.open("rb") as file:
        for element in read_array(file):
            yield from _contents(_ELEMENT.decode(element))


def _contents(element: _Element) -> Iterator[Content]:
    name = _NAMES.get(element.type, element.type)
    values = (element.properties, element.createdAt, element.updatedAt)
    yield _record(name, element.id, values, archived=element.archived)
    for to, linked in element.associations.items():
        for other in linked:
            for label in other.types:
                yield _association(name, element.id, to, other.id, label.category, label.typeId, label.label)


def _record(type_: str, id_: str, values: Sequence[Raw], *, archived: bool) -> Content:
    name = f"{type_} {id_}"
    # A JSON text may break lines between its values; the file has each element on one line.
    texts = (bytes(value).replace(b"\n", b" ") for value in values)
    return name, b"\0".join((name.encode(), *texts, b"%d" % archived))


def _association(
    type_: str, id_: str, to: str, to_id: str, category: str, type_id: int, label: str | None
) -> Content:
    name = f"{type_} {id_} to {to} {to_id} ({category} {type_id})"
    return name, f"{name}\0{label}".encode()
