"""Reads what is committed, a page at a time and without the writer: what targets and verify see."""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from msgspec import Raw

from hubdump import strict
from hubdump.catalog import Catalogue
from hubdump.model import Association, Bookmark, Quarantine, State, Unread
from hubdump.store.associations import whole_of
from hubdump.store.bodies import checked, records_in
from hubdump.store.bookmarks import bookmark_of, meta_of, uncertain_of
from hubdump.store.changes import Changes
from hubdump.store.database import DEFINITIONS, FAILURES, disk_errors, open_for_reading
from hubdump.store.discovered import catalogue_of, unread_of
from hubdump.store.fetched import FetchedReader
from hubdump.store.histories import Histories
from hubdump.store.item_reader import ItemReader
from hubdump.store.pairs import AssociationType, association_types_of, read_pairs
from hubdump.store.past import Past
from hubdump.store.stamps import Stamped

# By number: of each record, the enum itself would take longer to ask.
_STATES = tuple(State)


class StoredRecord(NamedTuple):
    """One record: its bytes as HubSpot last sent them, mended where they are no JSON, and what it is there since."""

    id: int
    raw: Raw
    state: State
    merged_into: int | None


class StoredState(NamedTuple):
    """What is known of one record without its bytes; `updated_us` is its version in microseconds (UTC)."""

    id: int
    state: State
    updated_us: int | None
    merged_into: int | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file we wrote: its mark, and the records it held."""

    path: str
    mark: str
    records: int


class Reader:
    """A view of the store that cannot write; also usable in another process than the writer's.

    `mended` counts the values, in the pages read so far, that JSON cannot hold as HubSpot sent them, each once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Of each page that was read, so that whether it is JSON is looked at once.
        self._mended: dict[tuple[int, int], int] = {}
        self._db: sqlite3.Connection = open_for_reading(path)
        with disk_errors(path):
            self._types: dict[str, int] = dict(self._db.execute("SELECT name, number FROM types"))
        self._names = {number: name for name, number in self._types.items()}
        self.histories = Histories(path, self._db)
        self.items = ItemReader(path, self._db)
        self.fetched = FetchedReader(path, self._db)
        self.stamps = Stamped(path, self._db)
        self.past = Past(path, self._db)
        self.changes = Changes(path, self._db, self._types, self._results)

    def close(self) -> None:
        self._db.close()

    def meta(self, key: str) -> str:
        with disk_errors(self.path):
            return meta_of(self._db, key)

    def metas(self, prefix: str) -> dict[str, str]:
        """What is kept under the keys that begin so, by what follows."""
        sql = "SELECT substr(key, length(?1) + 1), value FROM meta WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key"
        with disk_errors(self.path):
            return dict(self._db.execute(sql, (prefix,)))

    def catalogue(self) -> Catalogue:
        """Every type there is, of HubSpot's own and of this portal."""
        with disk_errors(self.path):
            return catalogue_of(self._db)

    def unread(self) -> tuple[Unread, ...]:
        """What of the portal cannot be read."""
        with disk_errors(self.path):
            return unread_of(self._db)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The (from, to) whose associations are read."""
        with disk_errors(self.path):
            return read_pairs(self._db)

    def linked_us(self) -> dict[tuple[str, str], int]:
        """When the last whole reading of each side of a pair that is read, (from, to), began."""
        with disk_errors(self.path):
            return whole_of(self._db)

    def association_types(self) -> list[AssociationType]:
        """The kinds of associations that HubSpot knows between the types that have records."""
        with disk_errors(self.path):
            return list(association_types_of(self._db))

    def types(self) -> tuple[str, ...]:
        """Types that were read, in the order of the store."""
        with disk_errors(self.path):
            return tuple(
                n for (n,) in self._db.execute("SELECT name FROM types WHERE round > 0 ORDER BY number")
            )

    @property
    def mended(self) -> int:
        return sum(self._mended.values())

    def bookmark(self, type_: str) -> Bookmark:
        with disk_errors(self.path):
            return bookmark_of(self._db, type_)

    def count(self, type_: str, state: State = State.ACTIVE) -> int:
        """Records of a type in one state."""
        with disk_errors(self.path):
            sql = "SELECT count(*) FROM records WHERE type = ? AND state = ?"
            return int(self._db.execute(sql, (self._types.get(type_, 0), state)).fetchone()[0])

    def pages(
        self,
        type_: str,
        *states: State,
        ids: Sequence[int] | None = None,
        saying: re.Pattern[bytes] | None = None,
    ) -> Iterator[list[StoredRecord]]:
        """The records of a type in these states (none named: active ones), once each, in groups of at most a page; of
        some `ids` only, if they are given. Pages of which no record has anything `saying` are passed over.

        Raises DiskFailure when a page's checksum is wrong.
        """
        sql = (
            "SELECT page, position, id, state, merged_into FROM records"
            " WHERE type = ? AND state IN (SELECT value FROM json_each(?))"
        )
        asked = [self._types.get(type_, 0), json.dumps(states or (State.ACTIVE,))]
        if ids is not None:
            sql += " AND id IN (SELECT value FROM json_each(?))"
            asked.append(json.dumps(list(ids)))
        with disk_errors(self.path):
            rows = self._db.execute(f"{sql} ORDER BY page, position", asked)
            for page, members in groupby(rows, itemgetter(0)):
                if results := self._results(page, saying):
                    yield [
                        StoredRecord(id_, results[at], _STATES[state], into)
                        for _, at, id_, state, into in members
                    ]

    def some(self, type_: str, ids: Sequence[int]) -> list[StoredRecord]:
        """Those of some ids that are in the store, whatever became of them."""
        sql = (
            "SELECT page, position, id, state, merged_into FROM records"
            " WHERE type = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY page, position"
        )
        with disk_errors(self.path):
            rows = self._db.execute(sql, (self._types.get(type_, 0), json.dumps(list(ids)))).fetchall()
            return [
                StoredRecord(id_, results[at], _STATES[state], into)
                for page, members in groupby(rows, itemgetter(0))
                for results in [self._results(page)]
                for _, at, id_, state, into in members
            ]

    def versions(self, type_: str) -> Iterator[tuple[int, int | None]]:
        """(id, microseconds of updatedAt) of every active record, ascending by id."""
        sql = "SELECT id, updated_us FROM records WHERE type = ? AND state = 0 ORDER BY id"
        with disk_errors(self.path):
            yield from self._db.execute(sql, (self._types.get(type_, 0),))

    def states(self, type_: str) -> Iterator[StoredState]:
        """What is known of every record of a type, whatever became of it, ascending by id."""
        sql = "SELECT id, state, updated_us, merged_into FROM records WHERE type = ? ORDER BY id"
        with disk_errors(self.path):
            for id_, state, updated_us, into in self._db.execute(sql, (self._types.get(type_, 0),)):
                yield StoredState(id_, State(state), updated_us, into)

    def merges(self, type_: str) -> Iterator[tuple[int, int]]:
        """(id, id of the record it was merged into) of every record that was, ascending by id."""
        sql = "SELECT id, merged_into FROM records WHERE type = ? AND merged_into IS NOT NULL ORDER BY id"
        with disk_errors(self.path):
            yield from self._db.execute(sql, (self._types.get(type_, 0),))

    def quarantined(self, type_: str) -> list[Quarantine]:
        """What HubSpot could not be made to give of a type's records."""
        with disk_errors(self.path):
            return [Quarantine(*row) for row in self._db.execute(FAILURES, (self._types.get(type_, 0),))]

    def associations_of(self, type_: str, ids: Sequence[int]) -> dict[int, list[tuple[str, Association]]]:
        """Of at most a page of ids, their associations as (other type, association), in stable order."""
        found: dict[int, list[tuple[str, Association]]] = {}
        sql = (
            "SELECT from_id, to_type, to_id, category, type_id, labels.label FROM associations"
            " JOIN labels ON labels.number = associations.label"
            " WHERE from_type = ? AND from_id IN (SELECT value FROM json_each(?))"
            " ORDER BY from_id, to_type, to_id, type_id"
        )
        with disk_errors(self.path):
            for from_id, to_type, *rest in self._db.execute(
                sql, (self._types.get(type_, 0), json.dumps(list(ids)))
            ):
                found.setdefault(from_id, []).append((self._names[to_type], Association(from_id, *rest)))
        return found

    def associations(self, type_: str) -> Iterator[tuple[str, Association]]:
        """Every association read from a type's side, as (other type, association), ascending by id."""
        sql = (
            "SELECT from_id, to_type, to_id, category, type_id, labels.label FROM associations"
            " JOIN labels ON labels.number = associations.label WHERE from_type = ?"
        )
        with disk_errors(self.path):
            for from_id, to_type, *rest in self._db.execute(sql, (self._types.get(type_, 0),)):
                yield self._names[to_type], Association(from_id, *rest)

    def count_associations(self, type_: str) -> int:
        """How many associations were read from a type's side."""
        with disk_errors(self.path):
            sql = "SELECT count(*) FROM associations WHERE from_type = ?"
            return int(self._db.execute(sql, (self._types.get(type_, 0),)).fetchone()[0])

    def definitions(self, type_: str) -> list[tuple[str, bytes]]:
        """A type's properties in HubSpot's order: (name, HubSpot's JSON)."""
        with disk_errors(self.path):
            return list(self._db.execute(DEFINITIONS, (self._types.get(type_, 0),)))

    def certain_names(self, type_: str) -> list[str]:
        """The names of those properties whose values come with its records."""
        with disk_errors(self.path):
            uncertain = uncertain_of(self._db, type_)
        return [name for name, _ in self.definitions(type_) if name not in uncertain]

    def files(self) -> list[StoredFile]:
        """The files we wrote."""
        with disk_errors(self.path):
            rows = self._db.execute("SELECT path, mark, records FROM files ORDER BY path")
            return [StoredFile(*row) for row in rows]

    def damaged_pages(self) -> list[int]:
        """Numbers of pages whose bytes are not those that were committed."""
        with disk_errors(self.path):
            rows = self._db.execute("SELECT number, crc, body FROM pages")
            return [number for number, crc, body in rows if zlib.crc32(body) != crc]

    def _results(self, page: int, saying: re.Pattern[bytes] | None = None) -> list[Raw]:
        row = self._db.execute("SELECT encoding, crc, body FROM pages WHERE number = ?", (page,)).fetchone()
        text = checked(row, f"Page {page} of {self.path}")
        # Zeros among the first bytes: no UTF-8, in which it could be told.
        if saying and not saying.search(text) and 0 not in text[:4]:
            return []
        this = page, row[1]  # a page that was dropped leaves its number to another
        if self._mended.get(this) != 0:
            body = strict.whole(text)
            text, self._mended[this] = body.text, body.values
        return records_in(text)
