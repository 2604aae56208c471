"""The JSON files of the old script: one array for each engagement type, and one of them all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct

from hubdump.around import COLLECTIONS, Collection
from hubdump.catalog import STANDARD
from hubdump.model import Association, ObjectType
from hubdump.store.database import disk_errors
from hubdump.store.reader import Reader, StoredRecord
from hubdump.targets.written import Counts, Draft, Written, file_name, replacing

FOLDER = "raw"
ALL = f"{FOLDER}/engagements.json"
_NULL = Raw(b"null")


class _Record(Struct):
    id: str | int
    properties: Raw
    createdAt: Raw = _NULL  # noqa: N815 - HubSpot's name
    updatedAt: Raw = _NULL  # noqa: N815 - HubSpot's name
    archived: bool = False


class _Head(Struct):
    id: str | int


_RECORD = msgspec.json.Decoder(_Record)
_HEAD = msgspec.json.Decoder(_Head)


def path_of(type_: ObjectType) -> str:
    """Where the file of one type is, in the dump."""
    return f"{FOLDER}/engagements_{file_name(type_)}_partial.json"


def items_of(row: Collection) -> str:
    """Where the file of a collection is, in the dump."""
    return f"{FOLDER}/{row.name}.json"


def write_type(dump: Path, type_: ObjectType) -> Written:
    """Write the file of one type; the old one stays until the new one is whole."""
    return _write(dump, path_of(type_), [type_])


def write(dump: Path, types: Sequence[ObjectType]) -> list[Written]:
    """Write the file of every type, and the one of them all."""
    return [*(write_type(dump, type_) for type_ in types), write_all(dump, types)]


def write_all(dump: Path, types: Sequence[ObjectType]) -> Written:
    """Write the one file with the engagements of all `types`."""
    return _write(dump, ALL, [type_ for type_ in types if type_.engagement])


def counts(dump: Path, types: Sequence[ObjectType]) -> Counts:
    """Records in the file of each type, negative where one is there twice, None where none can be read."""
    return {type_.name: _count(dump / path_of(type_)) for type_ in types}


def _count(path: Path) -> int | None:
    if not path.exists():
        return None
    with disk_errors(path), path.open("rb") as file, closing(sqlite3.connect("")) as ids:
        ids.execute("CREATE TABLE ids (id INTEGER)")
        try:
            found = ((int(_HEAD.decode(element).id),) for element in read_array(file))
            ids.executemany("INSERT INTO ids VALUES (?)", found)
        except (msgspec.DecodeError, ValueError):
            return None
        rows, distinct = ids.execute("SELECT count(*), count(DISTINCT id) FROM ids").fetchone()
    return int(rows) if rows == distinct else -int(rows)


def read_array(file: BinaryIO) -> Iterator[bytes]:
    """The elements of an array, line by line as `write_array` wrote them; ValueError where it did not."""
    began, end = file.readline(), b""
    for line in file:
        end = line.rstrip(b",\n")
        if end != b"]":
            yield end
    if began != b"[]\n" and (began, end) != (b"[\n", b"]"):
        raise ValueError("no array of one element a line")


def ours(path: str) -> bool:
    """Whether a file of this name in the dump is one that this target writes."""
    of_types = {path_of(type_) for type_ in STANDARD.types if type_.engagement}
    return path == ALL or path in of_types or path in map(items_of, COLLECTIONS)


def _write(dump: Path, path: str, types: Sequence[ObjectType]) -> Written:
    reader = Reader(dump / "store.sqlite")
    try:
        with replacing(dump / path) as draft:
            records = write_array(draft, elements(reader, types))
            mark = draft.mark
        return Written(path, records, mark, reader.mended)
    finally:
        reader.close()


def write_array(draft: Draft | BinaryIO, found: Iterator[bytes]) -> int:
    """Write elements as a JSON array, one a line; how many they were."""
    records = 0
    draft.write(b"[")
    for element in found:
        draft.write((b",\n" if records else b"\n") + element)
        records += 1
    draft.write(b"\n]\n" if records else b"]\n")
    return records


def elements(reader: Reader, types: Sequence[ObjectType]) -> Iterator[bytes]:
    """The active records of types, each as its JSON on one line."""
    for type_ in types:
        for page in reader.pages(type_.name):
            found = reader.associations_of(type_.name, [record.id for record in page])
            for record in page:
                yield _element(type_, record, found.get(record.id, []))


def _element(
    type_: ObjectType, stored: StoredRecord, associations: Sequence[tuple[str, Association]]
) -> bytes:
    """One element on one line, its values as HubSpot sent them: a JSON text may break lines only between values."""
    record = _RECORD.decode(stored.raw)
    parts = {
        "id": str(record.id),
        "type": type_.singular,
        "properties": record.properties,
        "createdAt": record.createdAt,
        "updatedAt": record.updatedAt,
        "archived": record.archived,
        "associations": _associations(associations),
    }
    return msgspec.json.encode(parts).replace(b"\n", b" ")


def _associations(found: Sequence[tuple[str, Association]]) -> dict[str, list[dict[str, object]]]:
    return {
        to: [
            {"id": str(to_id), "types": [_type(association) for _, association in same]}
            for to_id, same in groupby(links, lambda link: link[1].to_id)
        ]
        for to, links in groupby(found, lambda link: link[0])
    }


def _type(association: Association) -> dict[str, object]:
    return {"category": association.category, "typeId": association.type_id, "label": association.label}
