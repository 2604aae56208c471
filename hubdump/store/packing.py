"""Packs pages anew of which most is superseded, and gives free space back: the store grows with what it holds.

A record's own bytes stay exactly as HubSpot sent them; the answer that they came in does not.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from msgspec import Raw

from hubdump import strict
from hubdump.errors import DiskFailure
from hubdump.store.bodies import checked, records_in
from hubdump.store.database import disk_errors

# Records on a page that is packed; HubSpot's own hold as many at most.
FULL = 100
# A page on which fewer are referred to is thin. Of one type so many are packed at the end of a run, and not before it
# has a quarter more pages than it needs: a record is not moved much oftener than records change.
THIN = 67
THIN_MAX = 500
SPARE = 4
# Free pages of the file: below so many, and such a part of all, it stays as it is, and they are used again.
FREE_MIN = 256
FREE_PART = 5
_USED = """
SELECT page, position, id, NULL AS until FROM records WHERE type = ?1
UNION ALL SELECT page, position, id, until FROM superseded WHERE type = ?1
"""
_COUNTS = f"SELECT page, count(DISTINCT position) FROM ({_USED}) GROUP BY page"  # noqa: S608 - our own words
_ON = f"SELECT page, position, id, until FROM ({_USED}) WHERE page IN (SELECT value FROM json_each(?2))"  # noqa: S608 - as above
_MOVED = "UPDATE records SET page = ?1, position = ?2 WHERE type = ?3 AND id = ?4"
_MOVED_PAST = "UPDATE superseded SET page = ?1, position = ?2 WHERE type = ?3 AND id = ?4 AND until = ?5"


class _Place(NamedTuple):
    """Where a version lies on its page, and which it is: the present one of a record, or that superseded by `until`."""

    position: int
    id: int
    until: int | None


# All the versions that lie at one place, and their bytes: what became of a record since may have changed only.
_Kept = tuple[list[_Place], bytes]
_position: Callable[[_Place], int] = attrgetter("position")


class Packing:
    """Asks and tells the one writing connection."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.path, self._db, self._transaction = path, db, transaction

    def last_page(self) -> int:
        """The number of the newest page."""
        with disk_errors(self.path):
            return int(self._db.execute("SELECT coalesce(max(number), 0) FROM pages").fetchone()[0])

    def pack(self, after: int) -> int:
        """Pack the thin pages of the types that have pages above the number `after`; how many went."""
        sql = "SELECT DISTINCT type FROM pages WHERE number > ?"
        with disk_errors(self.path):
            types = [type_ for (type_,) in self._db.execute(sql, (after,)).fetchall()]
        return sum(self._pack_type(type_) for type_ in types)

    def rewrite(self, type_: int, pages: Sequence[int]) -> None:
        """Pack some pages of a type, whatever is on them; within a transaction of the caller's."""
        for group, kept in self._groups(pages, self._places(type_, pages), mended=True):
            self._replace(type_, group, kept)

    def vacuum(self) -> None:
        """Write the file anew, so that nothing of what was deleted is left in it."""
        with disk_errors(self.path):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def give_back(self) -> None:
        """The same where much of it is free; not where the disk has no room for that."""
        with disk_errors(self.path):
            free, pages = (
                self._db.execute(f"PRAGMA {of}").fetchone()[0] for of in ("freelist_count", "page_count")
            )
        if free >= FREE_MIN and free * FREE_PART >= pages:
            with suppress(DiskFailure):  # nothing is lost by it: the next run tries again
                self.vacuum()

    def _pack_type(self, type_: int) -> int:
        with disk_errors(self.path):
            used = dict(self._db.execute(_COUNTS, (type_,)).fetchall())
        thin = sorted(page for page, records in used.items() if records < THIN)[:THIN_MAX]
        needed = -(-sum(used.values()) // FULL)
        if len(thin) < 2 or 4 * len(used) <= 5 * needed + 4 * SPARE:
            return 0
        gone = 0
        for group, kept in self._groups(thin, self._places(type_, thin), mended=False):
            with self._transaction():
                self._replace(type_, group, kept)
            gone += len(group)
        return gone

    def _places(self, type_: int, pages: Sequence[int]) -> Mapping[int, list[_Place]]:
        places = defaultdict(list)
        with disk_errors(self.path):
            for page, *place in self._db.execute(_ON, (type_, json.dumps(list(pages)))):
                places[page].append(_Place(*place))
        return places

    def _groups(
        self, pages: Iterable[int], places: Mapping[int, list[_Place]], *, mended: bool
    ) -> Iterator[tuple[list[int], list[_Kept]]]:
        """Pages that go together into a full one or more, and what is to stay of them.

        What is damaged stays as it is; so does what is no JSON, unless it may be `mended`.
        """
        group, kept = list[int](), list[_Kept]()
        for page in pages:
            if (results := self._results(page, mended=mended)) is None:
                continue
            group.append(page)
            there = sorted(places.get(page, ()), key=_position)
            kept += [(list(of), bytes(results[at])) for at, of in groupby(there, _position)]
            if len(kept) >= FULL:
                yield group, kept
                group, kept = [], []
        if group:
            yield group, kept

    def _results(self, page: int, *, mended: bool) -> list[Raw] | None:
        """What is on a page; None where that is to stay as it is."""
        sql = "SELECT encoding, crc, body FROM pages WHERE number = ?"
        try:
            with disk_errors(self.path):
                text = strict.whole(
                    checked(self._db.execute(sql, (page,)).fetchone(), f"Page {page} of {self.path}")
                )
        except DiskFailure:  # damaged: verify names it
            return None
        return None if text.values and not mended else records_in(text.text)

    def _replace(self, type_: int, group: Sequence[int], kept: Sequence[_Kept]) -> None:
        """New pages instead of a group of them, and every reference led there."""
        for at in range(0, len(kept), FULL):
            part = kept[at : at + FULL]
            body = zlib.compress(b'{"results":[%s]}' % b",".join(raw for _, raw in part), 6)
            sql = "INSERT INTO pages (type, encoding, crc, body) VALUES (?, 'zlib', ?, ?)"
            page = self._db.execute(sql, (type_, zlib.crc32(body), body)).lastrowid
            moved = [(page, n, type_, one.id, one.until) for n, (of, _) in enumerate(part) for one in of]
            self._db.executemany(_MOVED, [row[:4] for row in moved if row[4] is None])
            self._db.executemany(_MOVED_PAST, [row for row in moved if row[4] is not None])
        self._db.executemany("DELETE FROM pages WHERE number = ?", ((page,) for page in group))
