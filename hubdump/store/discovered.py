"""What was found out of the portal itself: its custom objects, and what of it cannot be read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from hubdump import around
from hubdump.catalog import STANDARD, Catalogue, with_sensitive
from hubdump.model import CUSTOM, ObjectType, Unread
from hubdump.naming import named
from hubdump.store.database import disk_errors

SCOPES = ("crm.objects.custom.read", "crm.schemas.custom.read")
_CUSTOM = "SELECT name, type_id, singular, qualified FROM custom_types ORDER BY number"
_EACH_CUSTOM = "SELECT number, name, type_id, singular, qualified, label FROM custom_types"
_UNREAD = "SELECT what, why, scopes, absent FROM unread ORDER BY what"


def catalogue_of(db: sqlite3.Connection) -> Catalogue:
    """HubSpot's own types and the custom objects that were ever discovered, without a network."""
    custom = (
        with_sensitive(ObjectType(name, type_id, singular, CUSTOM, SCOPES, qualified=qualified), CUSTOM)
        for name, type_id, singular, qualified in db.execute(_CUSTOM)
    )
    return Catalogue((*STANDARD.types, *custom))


def unread_of(db: sqlite3.Connection) -> tuple[Unread, ...]:
    """What cannot be read, as the last run that asked for it found."""
    return tuple(
        Unread(what, why, tuple(json.loads(scopes)), bool(absent))
        for what, why, scopes, absent in db.execute(_UNREAD)
    )


class Discovered:
    """Asks and tells the one writing connection."""

    def __init__(
        self,
        path: Path,
        db: sqlite3.Connection,
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.path, self._db, self._transaction = path, db, transaction

    def catalogue(self) -> Catalogue:
        """Every type there is, by name for ever."""
        with disk_errors(self.path):
            return catalogue_of(self._db)

    def keep(self, found: Iterable[tuple[ObjectType, str]]) -> None:
        """Keep custom objects that HubSpot lists now, each with its label; one that is known keeps its name."""
        with self._transaction():
            known = {type_.type_id: type_.name for type_ in self.catalogue().types}
            taken = set(known.values()) | STANDARD.groups.keys() | set(around.tables())
            for type_, label in found:
                name = known.get(type_.type_id) or named((label, type_.singular), type_.type_id, taken)
                taken.add(name)
                self._db.execute(
                    "INSERT INTO custom_types (type_id, name, singular, qualified, label) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (type_id) DO UPDATE SET singular = excluded.singular,"
                    " qualified = excluded.qualified, label = excluded.label",
                    (type_.type_id, name, type_.singular, type_.qualified, label),
                )

    def take_over(self, other: Discovered) -> None:
        """Know what another store knows; nothing may be kept here yet."""
        kept = (("custom_types", _EACH_CUSTOM), ("unread", _UNREAD))
        with self._transaction():
            for table, sql in kept:
                with disk_errors(other.path):
                    rows = other._db.execute(sql)
                    names = ", ".join(column[0] for column in rows.description)
                    places = ", ".join("?" * len(rows.description))
                    insert = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - our own words
                    self._db.executemany(insert, rows.fetchall())

    def set_unread(self, what: str, why: str, scopes: Iterable[str] = (), *, absent: bool = False) -> None:
        """Keep that a type, or something else of the portal, cannot be read; `absent`: it is not there."""
        with self._transaction():
            row = (what, why, json.dumps(list(scopes)), absent)
            self._db.execute("INSERT OR REPLACE INTO unread VALUES (?, ?, ?, ?)", row)

    def set_read(self, what: str) -> None:
        """Nothing keeps this from being read any more."""
        with self._transaction():
            self._db.execute("DELETE FROM unread WHERE what = ?", (what,))

    def absent(self) -> dict[str, str]:
        """What this portal does not have, and why that is known."""
        return {one.what: one.why for one in self.unread() if one.absent}

    def unread(self) -> tuple[Unread, ...]:
        """What cannot be read."""
        with disk_errors(self.path):
            return unread_of(self._db)
