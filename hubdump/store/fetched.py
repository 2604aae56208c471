"""What the store knows of HubSpot's files whose bytes are, or are to be, in the dump."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from hubdump.around import LeftOut
from hubdump.events import FetchedSummary
from hubdump.store.database import disk_errors

# Those of which something was wrong the last time have their turn after the others.
FIRST, LAST = 1, 2
_NAME = f"""
INSERT INTO fetched (id, turn, wanted, size, md5, url) VALUES (?, {FIRST}, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET turn = iif(reason = '', {FIRST}, {LAST}), wanted = excluded.wanted,
    size = excluded.size, md5 = excluded.md5, url = excluded.url
"""  # noqa: S608 - our own numbers
_COUNTS = (
    "SELECT count(*) FILTER (WHERE sha256 <> ''), coalesce(sum(bytes) FILTER (WHERE sha256 <> ''), 0),"
    " count(*) FILTER (WHERE sha256 <> '' AND NOT turn), count(*) FILTER (WHERE turn AND absent),"
    " count(*) FILTER (WHERE turn AND reason <> '' AND NOT absent) FROM fetched"
)


def path_of(dump: Path, id_: str) -> Path:
    """Where the bytes of a file are in a dump: by its id, never by a name that HubSpot gives it."""
    return dump / "files" / id_


class NamedFile(NamedTuple):
    """A file that HubSpot names: `version`, `size`, `md5` and the public `url` as its metadata say.

    All empty where an attachment's id is all there is.
    """

    id: str
    version: str = ""
    size: int | None = None
    md5: str = ""
    url: str = ""


class Due(NamedTuple):
    """A file whose turn it is, and how many bytes of the version HubSpot names are in the dump; None where none are."""

    file: NamedFile
    bytes: int | None


class FetchedReader:
    """Questions about files; `path` is that of the store."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path, self._db = path, db

    def summary(self) -> FetchedSummary:
        """How many files there are, and what is not."""
        with disk_errors(self.path):
            files, size, gone, absent, failed = self._db.execute(_COUNTS).fetchone()
        return FetchedSummary(files, size, gone, absent, failed)

    def missing(self) -> list[LeftOut]:
        """The files whose bytes could not be had, and why; `failed` unless HubSpot does not have them."""
        sql = "SELECT id, reason, NOT absent FROM fetched WHERE turn AND reason <> '' ORDER BY id"
        with disk_errors(self.path):
            return [LeftOut(id_, reason, bool(failed)) for id_, reason, failed in self._db.execute(sql)]

    def there(self) -> Iterator[tuple[str, int, str]]:
        """The id, bytes and SHA-256 of each file in the dump, also of those that HubSpot removed since."""
        sql = "SELECT id, bytes, sha256 FROM fetched WHERE sha256 <> '' ORDER BY id"
        with disk_errors(self.path):
            yield from self._db.execute(sql)


class Fetched(FetchedReader):
    """The same, for the one who writes it."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[None]]
    ) -> None:
        super().__init__(path, db)
        self._transaction = transaction

    def name(self, files: Iterable[NamedFile]) -> None:
        """These are all the files that HubSpot names now, the better known of two alike last."""
        with self._transaction():
            self._db.execute("UPDATE fetched SET turn = 0")
            self._db.executemany(_NAME, files)

    def due(self, turn: int, after: str, count: int) -> list[Due]:
        """Up to `count` files of a turn, ascending by id behind `after`."""
        sql = (
            "SELECT id, wanted, size, md5, url, iif(version = wanted, bytes, NULL) FROM fetched"
            " WHERE turn = ? AND id > ? ORDER BY id LIMIT ?"
        )
        with disk_errors(self.path):
            rows = self._db.execute(sql, (turn, after, count)).fetchall()
        return [Due(NamedFile(*row[:5]), row[5]) for row in rows]

    def replace(self, id_: str) -> None:
        """What lies there of a file is about to be another."""
        with self._transaction():
            self._db.execute("UPDATE fetched SET version = NULL, sha256 = '' WHERE id = ?", (id_,))

    def keep(self, file: NamedFile, size: int, sha256: str) -> None:
        """The bytes of a file are in the dump."""
        with self._transaction():
            self._db.execute(
                "UPDATE fetched SET version = ?, bytes = ?, sha256 = ?, reason = '', absent = 0 WHERE id = ?",
                (file.version, size, sha256, file.id),
            )

    def fail(self, id_: str, reason: str, *, absent: bool) -> None:
        """They cannot be had, `absent` where HubSpot does not have them, or shows them to others only."""
        with self._transaction():
            self._db.execute("UPDATE fetched SET reason = ?, absent = ? WHERE id = ?", (reason, absent, id_))
