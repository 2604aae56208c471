"""The JSON files of the collections: an array each, of what is there, an item on a line as HubSpot sent it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from hubdump.around import Collection
from hubdump.store.item_reader import ItemReader, StoredItem
from hubdump.store.reader import Reader
from hubdump.targets.json_files import items_of, write_array
from hubdump.targets.written import Written, replacing


def write(dump: Path, row: Collection) -> Written:
    """Write the file of one collection; the old one stays until the new one is whole."""
    reader = Reader(dump / "store.sqlite")
    try:
        with replacing(dump / items_of(row)) as draft:
            number = write_array(draft, _elements(row, reader.items))
            mark = draft.mark
        return Written(items_of(row), number, mark, reader.items.mended)
    finally:
        reader.close()


def _elements(row: Collection, reader: ItemReader) -> Iterator[bytes]:
    return (element_of(row, item) for item in reader.items(row) if not item.gone)


def element_of(row: Collection, item: StoredItem) -> bytes:
    """An item on one line; with its parent, where it has one that it does not name itself."""
    content = {"parent": item.parent, "item": item.raw} if row.parent else item.raw
    return msgspec.json.encode(content).replace(b"\n", b" ")
