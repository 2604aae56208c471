"""Reads what is committed of the collections, without the writer: what targets and verify see of them."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from msgspec import Raw

from hubdump.around import COLLECTIONS, Collection, LeftOut, items_of
from hubdump.store.bodies import unpacked
from hubdump.store.database import disk_errors
from hubdump.store.items import Mark, mark_of


class StoredItem(NamedTuple):
    """One item: its bytes as HubSpot last sent them, mended where they are no JSON; `gone` where no pass shows it."""

    parent: str
    key: str
    raw: Raw
    archived: bool
    gone: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of one collection: items that are there, archived ones among them, and gone ones.

    `fresh_us` and `content` as in a bookmark, `unread` says why nobody may read it here, `left_out` whose items could
    not be read.
    """

    collection: Collection
    items: int
    archived: int
    gone: int
    fresh_us: int | None
    unread: str
    left_out: tuple[LeftOut, ...]
    content: str


class ItemReader:
    """A view of the collections that cannot write; `mended` counts values as `Reader` does."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path, self._db = path, db
        self._mended: dict[int, int] = {}

    @property
    def mended(self) -> int:
        return sum(self._mended.values())

    def held(self) -> list[Held]:
        """Every collection that a run asked for, in the order of the table."""
        with disk_errors(self.path):
            numbers: dict[str, int] = dict(self._db.execute("SELECT name, number FROM collections"))
            known = [row for row in COLLECTIONS if row.name in numbers]
            return [self._held(row, numbers[row.name], mark_of(self._db, row.name)) for row in known]

    def whole(self) -> list[Collection]:
        """The collections that were ever read whole."""
        return [one.collection for one in self.held() if one.fresh_us is not None]

    def fields(self, row: Collection) -> list[str]:
        """The fields that items of a collection ever had, in the order they were met."""
        sql = (
            "SELECT item_fields.name FROM item_fields JOIN collections ON number = collection"
            " WHERE collections.name = ? ORDER BY position"
        )
        with disk_errors(self.path):
            return [name for (name,) in self._db.execute(sql, (row.name,))]

    def items(self, row: Collection, *, gone: bool = True) -> Iterator[StoredItem]:
        """Every item that was ever seen, or of those only what is not gone, once, a page of them in memory at a time;
        DiskFailure where one is damaged.
        """
        sql = (
            "SELECT page, position, parent, key, archived, gone FROM items JOIN collections ON number = collection"
            " WHERE name = ? AND gone <= ? ORDER BY page, position"
        )
        with disk_errors(self.path):
            for page, members in groupby(self._db.execute(sql, (row.name, gone)), itemgetter(0)):
                found = items_of(row, self._body(page))
                for _, at, parent, key, archived, no_more in members:
                    yield StoredItem(parent, key, found[at], bool(archived), bool(no_more))

    def damaged_pages(self) -> list[str]:
        """The collections of pages whose bytes are not those that were committed."""
        sql = "SELECT name, crc, body FROM item_pages JOIN collections ON collections.number = collection"
        with disk_errors(self.path):
            return [name for name, crc, body in self._db.execute(sql) if zlib.crc32(body) != crc]

    def _held(self, row: Collection, number: int, mark: Mark) -> Held:
        counts = (
            "SELECT count(*) FILTER (WHERE NOT gone), count(*) FILTER (WHERE archived AND NOT gone),"
            " count(*) FILTER (WHERE gone) FROM items WHERE collection = ?"
        )
        items, archived, gone = self._db.execute(counts, (number,)).fetchone()
        out = self._db.execute(
            "SELECT parent, reason, failed FROM left_out WHERE collection = ? ORDER BY parent", (number,)
        )
        left_out = tuple(LeftOut(parent, reason, bool(failed)) for parent, reason, failed in out)
        return Held(row, items, archived, gone, mark.fresh_us, mark.unread, left_out, mark.content)

    def _body(self, page: int) -> bytes:
        row = self._db.execute(
            "SELECT encoding, crc, body FROM item_pages WHERE number = ?", (page,)
        ).fetchone()
        body = unpacked(row, f"Page {page} of what is around the records in {self.path}")
        if body.values:
            self._mended[page] = body.values
        return body.text
