"""The one writer: commits each page together with the cursor it leads to, in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hubdump.errors import UsageError
from hubdump.model import (
    AssociationsRead,
    Bookmark,
    HistoriesRead,
    RecordsRead,
    Settled,
    WalkKey,
)
from hubdump.store import records
from hubdump.store.associations import Associations, Behind
from hubdump.store.bookmarks import DEFINED, UNCERTAIN, bookmark_of, bookmarks_of, meta_of, uncertain_of
from hubdump.store.database import DEFINITIONS, HISTORY, RECORD, disk_errors, open_for_writing
from hubdump.store.discovered import Discovered
from hubdump.store.erasing import Erasing
from hubdump.store.fetched import Fetched
from hubdump.store.histories import Histories
from hubdump.store.items import Items
from hubdump.store.packing import Packing
from hubdump.store.pairs import Pairs
from hubdump.store.questions import Questions
from hubdump.store.runs import Runs
from hubdump.store.walks import OF_LIST, Walks

_UNPROVE_WHERE_NAMELESS = """
UPDATE types SET proved_us = NULL WHERE number = ?1 AND EXISTS (SELECT 1 FROM failures WHERE type = ?1 AND id < 0)
"""


class Store:
    """What is on disk and trusted. Every method that writes is one transaction; `asked` and `walks` are questions only,
    `runs` says which run this is, `discovered` is the portal itself, `items` what is around the records, `fetched` the
    bytes of its files, `pairs` which of its types are associated.
    Where it is opened for reading, whoever writes nevertheless gets DiskFailure.
    """

    def __init__(self, path: Path, opened: Callable[[Path], sqlite3.Connection] = open_for_writing) -> None:
        self.path = path
        self._db = opened(path)
        with disk_errors(path):
            self._types: dict[str, int] = dict(self._db.execute("SELECT name, number FROM types"))
        self.runs = Runs(path, self._db, self.transaction)
        self.asked = Questions(path, self._db, self._types)
        self.walks = Walks(path, self._db, self._types)
        self.histories = Histories(path, self._db)
        self.discovered = Discovered(path, self._db, self.transaction)
        self.items = Items(path, self._db, self.transaction)
        self.fetched = Fetched(path, self._db, self.transaction)
        self.pairs = Pairs(path, self._db, self._types, self.transaction)
        self.associations = Associations(path, self._db, self._types, self.runs, self.asked)
        self.packing = Packing(path, self._db, self.transaction)
        self.erasing = Erasing(path, self._db, self._types, self.transaction, self.packing)

    def close(self) -> None:
        with disk_errors(self.path):
            self._db.close()

    def bind_portal(self, portal: int) -> None:
        """Make this the dump of one portal, for ever; UsageError when it is another's."""
        self.refuse_another(portal)
        if not self.meta("portal"):
            self.set_meta("portal", str(portal))

    def refuse_another(self, portal: int) -> None:
        """UsageError when this is the dump of another portal."""
        held = self.meta("portal")
        if held and int(held) != portal:
            raise UsageError(
                f"{self.path.parent} is the dump of portal {held}, but the token is of portal {portal}. "
                "Nothing was changed.",
                f"Use another folder: hubdump run --dump data-{portal}",
            )

    def meta(self, key: str) -> str:
        with disk_errors(self.path):
            return meta_of(self._db, key)

    def set_meta(self, key: str, value: str) -> None:
        with self.transaction():
            self._set_meta(key, value)

    def bookmark(self, type_: str) -> Bookmark:
        """How far a type is complete."""
        with disk_errors(self.path):
            return bookmark_of(self._db, type_)

    def bookmarks(self, types: Iterable[str]) -> list[Bookmark]:
        """How far each of some types is complete, by one question."""
        with disk_errors(self.path):
            found = bookmarks_of(self._db)
        return [found.get(type_, Bookmark(type_)) for type_ in types]

    def begin_round(self, type_: str, since_us: int) -> Bookmark:
        """Bring a type up to date from `since_us` of server time; what is there stays until the end.

        Records that could not be read stay quarantined until they are; what has no id, until it is looked for anew.
        """
        with self.transaction():
            number = self._number(type_)
            for sql in (
                "DELETE FROM walks WHERE type = ?",
                "DELETE FROM removals WHERE type = ?",
                # What has no id cannot be asked for again: only a proof shows whether it is still there.
                _UNPROVE_WHERE_NAMELESS,
                f"DELETE FROM failures WHERE type = ? AND (purpose = '{HISTORY}' OR id < 0)",  # noqa: S608 - our own word
            ):
                self._db.execute(sql, (number,))
            self.associations.begin_round(type_)
            self._db.execute(
                "UPDATE types SET round = round + 1, since_us = ?, seen_us = 0, complete = 0 WHERE number = ?",
                (since_us, number),
            )
        return self.bookmark(type_)

    def begin_catch_up(self, type_: str, seen_us: int) -> int:
        """Keep `seen_us`, the server time before which the present round of a type will have seen every change."""
        with self.transaction():
            self._db.execute("UPDATE types SET seen_us = ? WHERE name = ?", (seen_us, type_))
        return seen_us

    def begin(self, key: WalkKey, *, lists: bool = False, anew: bool = False) -> None:
        """Keep that a walk is to be done in this round from its start, unless it is under way and not begun `anew`.

        One that `lists` its type is a pass: what it does not show may be looked into.
        """
        if anew or not self.begun(key):
            with self.transaction():
                self._begin(key, lists=lists)

    def finish_round(self, type_: str, fresh_us: int, proved_us: int | None) -> None:
        """Mark a type complete up to `fresh_us`, and proved where it was; records found removed are so from now on."""
        with self.transaction():
            number = self._number(type_)
            self.associations.unlink(number, records.remove(self._db, self.runs, number))
            records.drop_pages(self._db, number)
            self._db.execute(
                "UPDATE types SET complete = 1, fresh_us = ?, proved_us = coalesce(?, proved_us) WHERE number = ?",
                (fresh_us, proved_us, number),
            )

    def end_run(self) -> None:
        """The run came to its end: the next one begins anew instead of continuing it."""
        with self.transaction():
            self._db.execute("DELETE FROM meta WHERE key = 'began_us' OR key LIKE 'refuted:%'")

    def began_us(self, now_us: int) -> int:
        """When the present run began, in microseconds of server time: now unless it continues one, and after all that
        an earlier one saw.
        """
        if not self.meta("began_us"):
            self.set_meta("began_us", str(self.asked.next_run_us(now_us)))
        return int(self.meta("began_us"))

    def refute(self, belief: str, seen: str) -> None:
        """Keep that this run saw HubSpot behave against a belief."""
        self.set_meta(f"refuted:{belief}", seen)

    def refuted(self) -> dict[str, str]:
        """The beliefs that this run saw refuted, and by what."""
        with disk_errors(self.path):
            rows = self._db.execute("SELECT substr(key, 9), value FROM meta WHERE key LIKE 'refuted:%'")
            return dict(rows.fetchall())

    def prove(self, type_: str, proved_us: int) -> None:
        """Keep that the ids of a type were compared whole, and were HubSpot's at `proved_us`."""
        with self.transaction():
            self._db.execute("UPDATE types SET proved_us = ? WHERE name = ?", (proved_us, type_))

    def begun(self, key: WalkKey) -> bool:
        """Whether the present round has begun a walk."""
        with disk_errors(self.path):
            sql = "SELECT count(*) FROM walks WHERE type = ? AND purpose = ?"
            return bool(self._db.execute(sql, (self._types.get(key.type, 0), key.purpose)).fetchone()[0])

    def walk(self, key: WalkKey) -> tuple[str, bool]:
        """Where a walk stands: its cursor ('' at the start) and whether it is done."""
        with disk_errors(self.path):
            row = self._db.execute(
                "SELECT cursor, done FROM walks WHERE type = ? AND purpose = ?",
                (self._types.get(key.type, 0), key.purpose),
            ).fetchone()
        return (row[0], bool(row[1])) if row else ("", False)

    def commit_records(self, key: WalkKey, page: RecordsRead, active_s: float) -> None:
        """Put one page of records and its cursor on disk together; `active_s` is the wall clock."""
        with self.transaction():
            number = self._number(key.type)
            if page.records:
                records.put(self._db, self.runs, number, self._pass(number), page)
                self._readable(number, [ref.id for ref in page.records])
                self.associations.unlink(number, [ref.id for ref in page.records if ref.archived])
                self.associations.note_late(number, [ref.id for ref in page.records])
            self._move(key, page.cursor, done=page.done)
            self._set_meta("active_s", repr(active_s))

    def commit_settled(self, key: WalkKey, found: Settled, active_s: float) -> None:
        """Put what was found out of some records and the cursor on disk together."""
        with self.transaction():
            number, there = self._number(key.type), json.dumps([*found.seen, *found.unreadable])
            of_these = "type = ? AND id IN (SELECT value FROM json_each(?))"
            self._db.execute(
                f"UPDATE records SET seen = ? WHERE {of_these}",  # noqa: S608 - our own words
                (self._pass(number), number, there),
            )
            # Whatever was found of them before in this round.
            self._db.execute(f"DELETE FROM removals WHERE {of_these}", (number, there))  # noqa: S608 - as above
            self._db.executemany(
                "INSERT OR REPLACE INTO removals VALUES (?, ?, ?)",
                ((number, id_, into) for id_, into in found.removed.items()),
            )
            self._readable(number, found.removed)
            self._db.executemany(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)",
                ((number, id_, RECORD, reason) for id_, reason in found.unreadable.items()),
            )
            self._move(key, found.cursor, done=found.done)
            self._set_meta("active_s", repr(active_s))

    def begin_associations(self, key: WalkKey, cursor: str, now_us: int, overlap_us: int) -> None:
        """Begin the walk of one side of a pair at `cursor`, and keep what changed since the last one."""
        with self.transaction():
            self._number(key.type), self._number(key.purpose)
            self.associations.note_due(key.type, key.purpose, now_us, overlap_us)
            self._move(key, cursor, done=False)

    def begin_behind(self, key: WalkKey, cursor: str, found: Behind) -> None:
        """Begin a walk of an earlier run once more at `cursor`, for what it could not know."""
        with self.transaction():
            self.associations.note_behind(key.type, key.purpose, found)
            self._move(key, cursor, done=False)

    def commit_associations(self, key: WalkKey, page: AssociationsRead, active_s: float) -> None:
        """Put the associations of some records to the type `key.purpose` and the cursor on disk together."""
        with self.transaction():
            self._number(key.type), self._number(key.purpose)
            self.associations.apply(key.type, key.purpose, page)
            self._move(key, page.cursor, done=page.done)
            self._set_meta("active_s", repr(active_s))

    def commit_histories(self, key: WalkKey, page: HistoriesRead, active_s: float) -> None:
        """Put the histories of some records, and that they are read, on disk together."""
        with self.transaction():
            number = self._number(key.type)
            self.histories.append(number, page)
            self._db.executemany(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)",
                ((number, id_, HISTORY, reason) for id_, reason in page.unreadable.items()),
            )
            self._set_meta("active_s", repr(active_s))

    def set_definitions(
        self,
        type_: str,
        definitions: Sequence[tuple[str, bytes]],
        uncertain: Iterable[str] = (),
        again: WalkKey | None = None,
        asked_us: int = 0,
    ) -> None:
        """Replace what is known of a type's properties: (name, HubSpot's JSON) in HubSpot's order, as of `asked_us`.

        Values of `uncertain` ones may not come with its records. `again` is the walk that reads all its records anew.
        """
        with self.transaction():
            self._set_meta(UNCERTAIN + type_, json.dumps(sorted(uncertain)))
            self._set_meta(DEFINED + type_, str(asked_us))
            if again:
                self._begin(again, lists=True)
            number = self._number(type_)
            self._db.execute("DELETE FROM properties WHERE type = ?", (number,))
            self._db.executemany(
                "INSERT OR REPLACE INTO properties VALUES (?, ?, ?, ?)",
                ((number, name, position, raw) for position, (name, raw) in enumerate(definitions)),
            )

    def definitions(self, type_: str) -> dict[str, bytes]:
        """A type's properties in HubSpot's order, and HubSpot's JSON of each."""
        with disk_errors(self.path):
            return dict(self._db.execute(DEFINITIONS, (self._types.get(type_, 0),)).fetchall())

    def defined_us(self, type_: str) -> int:
        """When all properties of a type were asked for (microseconds of server time; 0: never)."""
        return int(self.meta(DEFINED + type_) or 0)

    def property_names(self, type_: str) -> tuple[str, ...]:
        """A type's property names in HubSpot's order."""
        return tuple(self.definitions(type_))

    def certain_names(self, type_: str) -> tuple[str, ...]:
        """The names of those properties whose values come with its records."""
        with disk_errors(self.path):
            uncertain = uncertain_of(self._db, type_)
        return tuple(name for name in self.definitions(type_) if name not in uncertain)

    def file_mark(self, path: str) -> str | None:
        """The mark under which we wrote a file, None for a file that is not ours."""
        with disk_errors(self.path):
            row = self._db.execute("SELECT mark FROM files WHERE path = ?", (path,)).fetchone()
        return row[0] if row else None

    def mark_file(self, path: str, mark: str, records: int) -> None:
        """Remember that a file is ours and what it holds."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (path, mark, records))

    def _pass(self, number: int) -> int:
        return int(self._db.execute("SELECT passes FROM types WHERE number = ?", (number,)).fetchone()[0])

    def _readable(self, number: int, ids: Iterable[int]) -> None:
        """Nothing keeps these records from being known any more."""
        sql = "DELETE FROM failures WHERE type = ? AND purpose = ? AND id IN (SELECT value FROM json_each(?))"
        self._db.execute(sql, (number, RECORD, json.dumps(list(ids))))

    def _begin(self, key: WalkKey, *, lists: bool) -> None:
        sql = "UPDATE types SET passes = passes + ? WHERE number = ?"
        self._db.execute(sql, (lists, self._number(key.type)))
        self._db.execute(f"DELETE FROM walks WHERE {OF_LIST}", (self._number(key.type), key.purpose))  # noqa: S608 - our own words
        self._move(key, "", done=False)

    def _move(self, key: WalkKey, cursor: str, *, done: bool) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO walks VALUES (?, ?, ?, ?)",
            (self._number(key.type), key.purpose, cursor, done),
        )

    def _set_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _number(self, type_: str) -> int:
        if type_ not in self._types:
            cursor = self._db.execute("INSERT INTO types (name) VALUES (?)", (type_,))
            assert cursor.lastrowid is not None
            self._types[type_] = cursor.lastrowid
        return self._types[type_]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within is on disk together, or none of it; one within another is part of that."""
        with disk_errors(self.path):
            within = self._db.in_transaction
            if within:
                yield
                return
            types = dict(self._types)
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._types.clear()
                self._types.update(types)
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
