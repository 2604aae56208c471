"""What is around the records: what this disk says of it, and every item once more held against the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from hubdump.around import Collection, ItemsRead, Parents, SeenItem, Since, fields_of, items_of, number_of
from hubdump.clock import instant_text
from hubdump.errors import Incomplete
from hubdump.extract.driving import drive
from hubdump.extract.exchange import Exchange
from hubdump.hubspot import wire
from hubdump.hubspot.body import decoded
from hubdump.hubspot.collecting import Step, collect
from hubdump.hubspot.item_requests import Window
from hubdump.model import Request
from hubdump.store.item_reader import Held, ItemReader
from hubdump.store.reader import Reader
from hubdump.strict import whole
from hubdump.verify.findings import Finding, unchecked, wrong

WHERE = "around the records"
# Fields by which items say when they were made or changed.
_DATED = ("updatedAt", "createdAt", "membershipTimestamp", "timestamp", "effectiveAt")
ParentsOf = Callable[[Collection, Parents], list[tuple[str, str]]]


def check_here(reader: Reader) -> Iterator[Finding]:
    """Every page of items is as it was committed, and every collection that may be read was read whole."""
    damaged = reader.items.damaged_pages()
    if damaged:
        yield wrong("pages", WHERE, f"{len(damaged)} damaged pages", sorted(set(damaged)))
    held = [one for one in reader.items.held() if not one.unread]
    for one in held:
        if one.fresh_us is None:
            yield wrong("complete", one.collection.name, f"not complete ({one.items:,} items so far)")
        if failed := [out for out in one.left_out if out.failed]:
            yield wrong(
                "quarantine",
                one.collection.name,
                "HubSpot failed to give those of",
                [o.parent for o in failed],
            )
    fresh = [one.fresh_us for one in held if one.fresh_us is not None]
    if fresh:
        number = sum(one.items for one in held)
        told = f"{number:,} items of {len(fresh)} collections, complete up to {instant_text(min(fresh))}"
        yield Finding("complete", WHERE, told)


async def check_there(dump: Path, exchange: Exchange, parents: ParentsOf, *, full: bool) -> list[Finding]:
    """List every collection again, and name what is not as in the store; all values of it where `full`."""
    reader = Reader(dump / "store.sqlite")
    try:
        held = [one for one in reader.items.held() if one.fresh_us is not None and not one.unread]
        return [
            finding for one in held for finding in await _of(one, reader.items, exchange, parents, full=full)
        ]
    finally:
        reader.close()


async def _of(
    held: Held, items: ItemReader, exchange: Exchange, parents: ParentsOf, *, full: bool
) -> list[Finding]:
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        try:
            return await _Listing(db, held, exchange, parents).differing(items, full=full)
        except Incomplete as error:
            return [unchecked("ids", held.collection.name, error.message)]


class _Listing:
    """A collection as it is listed now, in a temporary file."""

    def __init__(self, db: sqlite3.Connection, held: Held, exchange: Exchange, parents: ParentsOf) -> None:
        self._db, self._row, self._held = db, held.collection, held
        self._exchange, self._parents = exchange, parents
        db.execute(
            "CREATE TABLE listed (parent TEXT, key TEXT, digest BLOB, dated_us INTEGER, here INTEGER DEFAULT 0,"
            " PRIMARY KEY (parent, key)) WITHOUT ROWID"
        )

    async def differing(self, items: ItemReader, *, full: bool) -> list[Finding]:
        now_ms = self._exchange.server_time_us() // 1000
        await drive(collect(self._row, Window(0, now_ms), ""), self._perform)
        name, fresh_us = self._row.name, self._held.fresh_us or 0
        left_out = {out.parent for out in self._held.left_out}
        lost, other, since = list[str](), list[str](), 0
        for item in items.items(self._row):
            listed = self._db.execute(
                "SELECT digest, dated_us FROM listed WHERE parent = ? AND key = ?", (item.parent, item.key)
            ).fetchone()
            if listed is None:
                if not (item.gone or self._row.instant or item.parent in left_out):
                    lost.append(f"{item.parent} {item.key}".strip())
                continue
            if item.gone or (full and listed[0] != _digest(self._row, item.raw)):
                if listed[1] > fresh_us:
                    since += 1
                else:
                    other.append(f"{item.parent} {item.key}".strip())
            self._db.execute(
                "UPDATE listed SET here = 1 WHERE parent = ? AND key = ?", (item.parent, item.key)
            )
        rows = self._db.execute("SELECT parent, key, dated_us FROM listed WHERE NOT here ORDER BY 1, 2")
        more = [(f"{parent} {key}".strip(), dated_us) for parent, key, dated_us in rows]
        since += sum(dated_us > fresh_us for _, dated_us in more)
        missing = [told for told, dated_us in more if dated_us <= fresh_us]
        (number,) = self._db.execute("SELECT count(*) FROM listed").fetchone()
        return list(_told(name, number, since, missing, lost, other))

    async def _perform(self, step: Step) -> Any:
        match step:
            case Request():
                return await self._exchange.ask(step)
            case Parents():
                return self._parents(self._row, step)
            case Since():
                return 0
            case SeenItem(parent, key):
                sql = "SELECT 1 FROM listed WHERE parent = ? AND key = ?"
                return self._db.execute(sql, (parent, key)).fetchone() is not None
            case ItemsRead(response=response, refs=refs) if response is not None:
                raws = items_of(self._row, whole(decoded(response)).text)
                self._db.executemany(
                    "INSERT OR REPLACE INTO listed (parent, key, digest, dated_us) VALUES (?, ?, ?, ?)",
                    ((r.parent, r.key, _digest(self._row, raws[r.position]), _dated_us(self._row, raws[r.position]))
                     for r in refs),
                )  # fmt: skip
        return None


def _told(
    name: str, number: int, since: int, missing: Iterable[str], lost: Iterable[str], other: Iterable[str]
) -> Iterator[Finding]:
    kinds = {
        "at HubSpot and not in the store": list(missing),
        "in the store and not at HubSpot (removed since the run, or wrong)": list(lost),
        "otherwise at HubSpot": list(other),
    }
    for told, names in kinds.items():
        if names:
            yield wrong("ids", name, told, names)
    if not any(kinds.values()):
        changed = f"; {since:,} made or changed since the run" if since else ""
        yield Finding("ids", name, f"{number:,} items at HubSpot, all in the store, none more{changed}")


def _digest(row: Collection, item: Raw) -> bytes:
    """Of all that does not change without the item being changed."""
    fields = {
        name: msgspec.json.decode(value)
        for name, value in fields_of(item).items()
        if name not in row.computed
    }
    return blake2b(msgspec.json.encode(fields, order="sorted"), digest_size=16).digest()


def _dated_us(row: Collection, item: Raw) -> int:
    """When an item was made or last changed, as far as it says so; 0 where it does not."""
    fields = fields_of(item)
    texts = [msgspec.json.decode(value) for name in _DATED if (value := fields.get(name))]
    instants = [wire.instant_us(text) or 0 for text in texts if isinstance(text, str | int)]
    return max([*instants, (number_of(fields.get(row.instant)) or 0) * 1000])
