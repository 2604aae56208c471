"""What records say, in an answer and on the pages of the store, to hold the one against the other."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from hubdump.errors import DiskFailure
from hubdump.model import Otherwise, Response
from hubdump.store.bodies import plain, records_in, unpacked
from hubdump.store.database import disk_errors

_ACTIVE = """
SELECT page, position, id FROM records
WHERE type = ? AND state = 0 AND id IN (SELECT value FROM json_each(?)) ORDER BY page
"""


class _Said(Struct):
    properties: dict[str, Any] = {}


_SAID = msgspec.json.Decoder(_Said)


def of(response: Response) -> list[Raw]:
    """The records of an answer, by their positions."""
    return records_in(plain(response).text)


def stored(
    db: sqlite3.Connection, path: Path, rows: Sequence[tuple[int, ...]]
) -> Iterator[tuple[tuple[int, ...], Raw]]:
    """The bytes of each of some rows (page, position, ...), which are in the order of their pages; nothing of those on
    a page that is damaged.
    """
    sql = "SELECT encoding, crc, body FROM pages WHERE number = ?"
    for number, members in groupby(rows, itemgetter(0)):
        try:
            page = unpacked(db.execute(sql, (number,)).fetchone(), f"Page {number} of {path}")
        except DiskFailure:
            continue
        results = records_in(page.text)
        for row in members:
            yield row, results[row[1]]


def otherwise(db: sqlite3.Connection, path: Path, type_: int, asked: Otherwise) -> list[int]:
    """The ids of those records of an answer that are stored with other values of some properties."""
    now = of(asked.response)
    said = {ref.id: _values(now[ref.position], asked.names) for ref in asked.records}
    with disk_errors(path):
        rows = db.execute(_ACTIVE, (type_, json.dumps(list(said)))).fetchall()
        return [row[2] for row, raw in stored(db, path, rows) if _values(raw, asked.names) != said[row[2]]]


def _values(record: Raw, names: Collection[str]) -> Mapping[str, Any]:
    """The values of some properties; none is the same as no property."""
    try:
        said = _SAID.decode(record).properties
    except msgspec.DecodeError:  # nothing that we know the properties of
        return {}
    return {name: value for name in names if (value := said.get(name)) is not None}
