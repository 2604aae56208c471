"""What a portal has around its records, as items of collections: a function of the seed, and what was written since."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hubdump.sandbox.moments import iso
from hubdump.sandbox.numbers import CHANGED_MS, CREATED_MS, mix
from hubdump.sandbox.portal import Portal

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection: `one` makes the item of an index, of which there are `count` before anybody writes.

    `dates` are set where an item is made, `changed` where it is changed ('': nothing tells). Of what `archives`,
    HubSpot lists archived items, which bear the `archived_date`, where there is one. A `derived` one follows
    from the portal's records: its items here are only what was written over that, or taken away. What of an
    item follows from the rest of it, `settled` sets where it is written: of the portal, the item, what was given.
    """

    name: str
    key: Callable[[Body], str]
    one: Callable[[Portal, str, int], Body]
    count: Callable[[Portal, str], int]
    dates: tuple[str, ...] = ("createdAt", "updatedAt")
    changed: str = "updatedAt"
    archives: bool = False
    archived_date: str = ""
    derived: bool = False
    settled: Callable[[Portal, Body, Body], Body] = lambda _portal, body, _given: body


@dataclass(slots=True)
class Item:
    """One item as HubSpot answers it; a `gone` one only keeps its place, and nobody sees one before `seen_ms`."""

    body: Body
    gone: bool = False
    seen_ms: int = 0

    @property
    def archived(self) -> bool:
        return self.body.get("archived") is True


class Items:
    """The items of one portal, by collection and parent; made when they are first asked for."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self._made: dict[tuple[str, str], dict[str, Item]] = {}
        self._fresh = 0

    def of(self, collection: Collection, parent: str = "") -> dict[str, Item]:
        """All items, the first made first; those that are gone and archived too."""
        place = collection.name, parent
        if place not in self._made:
            bodies = (
                collection.one(self.portal, parent, index)
                for index in range(collection.count(self.portal, parent))
            )
            self._made[place] = {collection.key(body): Item(body) for body in bodies}
        return self._made[place]

    def there(
        self, collection: Collection, parent: str = "", *, archived: bool | None = None
    ) -> Iterator[Body]:
        """The items that are there: live or archived ones, or both."""
        for item in self.of(collection, parent).values():
            if not item.gone and archived in {None, item.archived}:
                yield item.body

    def add(self, collection: Collection, parent: str, given: Body, now_ms: int, seen_ms: int) -> str:
        """Make one more, dated now, of what is given and else like the others; its key."""
        every = self.of(collection, parent)
        self._fresh += 1
        index = collection.count(self.portal, parent) + 1000 * self._fresh
        body = collection.one(self.portal, parent, index)
        body |= {name: _written(body[name], now_ms) for name in collection.dates} | given
        key = collection.key(body)
        every[key] = Item(collection.settled(self.portal, body, given), seen_ms=seen_ms)
        return key

    def hide(self, collection: Collection, parent: str, key: str) -> None:
        """Take away what follows from the records."""
        self.of(collection, parent)[key] = Item({}, gone=True)

    def write(self, collection: Collection, item: Item, given: Body, now_ms: int) -> None:
        """Change an item, and the date of its last change."""
        date = collection.changed
        body = item.body | ({date: iso(now_ms, "3")} if date else {}) | given
        item.body = collection.settled(self.portal, body, given)

    def archive(self, collection: Collection, item: Item, now_ms: int, *, archived: bool) -> None:
        """Archive an item, or bring it back; the dates are those its collection has."""
        date = collection.archived_date
        item.body = {name: value for name, value in item.body.items() if name != date} | {
            "archived": archived
        }
        if date and archived:
            item.body[date] = iso(now_ms, "3")
        self.write(collection, item, {}, now_ms)


def _written(like: object, ms: int) -> object:
    """An instant, written as the one it takes the place of."""
    return ms if isinstance(like, int) else iso(ms, "3")


def chance(portal: Portal, collection: str, parent: str, index: int) -> int:
    """What stands for chance in all that an item is."""
    return mix(portal.seed * 1_000_003 ^ zlib.crc32(f"{collection}:{parent}:{index}".encode()))


def guid(number: int) -> str:
    """An id of the form that forms, submissions and events have."""
    return str(uuid.UUID(int=mix(number) << 64 | mix(number + 1), version=4))


def since_ms(number: int, from_ms: int = CREATED_MS) -> int:
    """An instant before anything is read; later than another one, where that is given."""
    return from_ms + mix(number) % max(1, CHANGED_MS - from_ms)
