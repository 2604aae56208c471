"""Holds the files of the collections against the store: every item, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from hubdump.around import Collection
from hubdump.store.item_reader import ItemReader
from hubdump.store.reader import Reader
from hubdump.targets import json_files, json_items
from hubdump.targets.compared import Content, Differences, compare


def of_files(dump: Path, reader: Reader) -> dict[str, Differences]:
    """What differs, by file."""
    ours = {file.path for file in reader.files()}
    whole = {json_files.items_of(row): row for row in reader.items.whole()}
    return {path: _of_file(dump / path, reader.items, row) for path, row in whole.items() if path in ours}


def _of_file(path: Path, items: ItemReader, row: Collection) -> Differences:
    def expected() -> Iterator[Content]:
        for item in items.items(row):
            if not item.gone:
                yield _content(json_items.element_of(row, item))

    if not path.exists():
        return Differences(unreadable="there is no such file")
    try:
        return compare(expected, lambda: _found(path))
    except (msgspec.DecodeError, ValueError) as error:
        return Differences(unreadable=f"not as hubdump writes it ({error})")


def _found(path: Path) -> Iterator[Content]:
    with path.open("rb") as file:
        yield from map(_content, json_files.read_array(file))


def _content(line: bytes) -> Content:
    msgspec.json.decode(line)
    return line[:80].decode(errors="replace"), line
