"""Walks a type of the dump and somebody else's table of it side by side, by id: what each lacks, and what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from hubdump.diff.fields import LINKS, SYNCED, Fields, is_deleted
from hubdump.diff.foreign import Foreign, Opened, Row
from hubdump.diff.same import same
from hubdump.hubspot.schema import defined
from hubdump.hubspot.wire import instant_us
from hubdump.model import State
from hubdump.store.reader import Reader, StoredState

_CHUNK = 500


class Kind(StrEnum):
    """How a record is in one of the two and not in the other, or not the same; the words are those of --json."""

    LACKS = "only here"  # it was there before theirs was made, and is there still
    CREATED_SINCE = "created since"
    UNKNOWN = "only there"  # this dump never saw it
    NEWER = "created there since"
    ARCHIVED = "archived here"
    GONE = "gone here"
    MERGED = "merged here"
    TWICE = "more than once there"
    DIFFERS = "differs"
    CHANGED_SINCE = "changed since"
    CHANGED_THERE = "changed there since"
    COMPUTED = "computed by HubSpot since"
    NAMELESS = "without an id there"


# What time does not explain: somebody lost it, or made it up.
UNEXPLAINED = (Kind.LACKS, Kind.UNKNOWN, Kind.TWICE, Kind.DIFFERS, Kind.NAMELESS)
_STATES = {State.ARCHIVED: Kind.ARCHIVED, State.GONE: Kind.GONE, State.MERGED: Kind.MERGED}


@dataclass(frozen=True, slots=True)
class Difference:
    """One record that is not the same in both, and in which properties it differs."""

    type: str
    id: str
    kind: Kind
    properties: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """What was found of one table; `as_of_us` is when it was made (UTC), as far as `by` tells."""

    type: str
    table: str
    as_of_us: int
    by: str
    here: int = 0
    there: int = 0
    found: Counter[Kind] = field(default_factory=Counter)
    properties: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, str] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether both hold the same, but for what time explains."""
        return not any(self.found[kind] for kind in UNEXPLAINED)


class _Content(Struct, rename="camel"):
    properties: dict[str, str | None] = {}
    created_at: str | None = None


class _Ours(NamedTuple):
    """A record of the dump, its content where it is active, and to which ids of other types it leads."""

    state: StoredState
    content: _Content | None
    links: dict[str, set[str]]


_CONTENT = msgspec.json.Decoder(_Content)

Tell = Callable[[Difference], None]


def differing(reader: Reader, opened: Opened, table: Foreign, as_of_us: int | None, tell: Tell) -> Tally:
    """Compare one table with its type, telling each difference; `as_of_us` where the user knows when it was made."""
    properties = {name: defined(name, raw) for name, raw in reader.definitions(table.type.name)}
    fields = Fields(table.type, properties)
    made = _made(opened, table, fields)
    at = (as_of_us, "as you say") if as_of_us is not None else (made.at_us, made.by)
    walk = _Walk(reader, fields, Tally(table.type.name, table.name, *at), tell, made.linked)
    walk.whole(opened.groups(table))
    return walk.tally


class _Made(NamedTuple):
    """When a table was made, by what, and to which types its rows have associations."""

    at_us: int
    by: str
    linked: frozenset[str]


def _made(opened: Opened, table: Foreign, fields: Fields) -> _Made:
    """By a first look at every row: its tool's own instant, else its newest change, else the file's time."""
    fetched = changed = 0
    linked: set[str] = set()
    for row in opened.rows(table):
        fetched = max(fetched, *(instant_us(row.get(column)) or 0 for column in SYNCED))
        changed = max(changed, fields.updated_us(row) or 0, fields.created_us(row) or 0)
        linked.update(row.get(LINKS) or ())
    file_us = int(opened.path.stat().st_mtime * 1_000_000)
    known = ((fetched, "as its tool says"), (changed, "its newest change"), (file_us, "the file's time"))
    return _Made(*next(one for one in known if one[0]), frozenset(linked))


class _Walk:
    """One walk over both sides, ascending by id."""

    def __init__(
        self, reader: Reader, fields: Fields, tally: Tally, tell: Tell, linked: frozenset[str]
    ) -> None:
        self.tally = tally
        self._reader, self._fields, self._tell, self._linked = reader, fields, tell, linked
        self._fresh_us = reader.bookmark(tally.type).fresh_us or 0

    def whole(self, theirs: Iterator[tuple[int | None, list[Row]]]) -> None:
        """Every record of both sides, once."""
        found = next(theirs, None)
        for ours in self._ours():
            while found and (found[0] is None or found[0] < ours.state.id):
                self._only_there(*found)
                found = next(theirs, None)
            if found and found[0] == ours.state.id:
                self._both(ours, found[1])
                found = next(theirs, None)
            else:
                self._only_here(ours)
        while found:
            self._only_there(*found)
            found = next(theirs, None)
        self.tally.unknown = self._fields.unknown

    def _ours(self) -> Iterator[_Ours]:
        states = self._reader.states(self.tally.type)
        while chunk := list(islice(states, _CHUNK)):
            ids = [one.id for one in chunk if one.state is State.ACTIVE]
            raws = {one.id: _CONTENT.decode(one.raw) for one in self._reader.some(self.tally.type, ids)}
            links = self._reader.associations_of(self.tally.type, ids) if self._linked else {}
            for one in chunk:
                to: dict[str, set[str]] = {}
                for other, link in links.get(one.id, ()):
                    to.setdefault(other, set()).add(str(link.to_id))
                yield _Ours(one, raws.get(one.id), to)

    def _only_here(self, ours: _Ours) -> None:
        if ours.content:
            self.tally.here += 1
            created_us = instant_us(ours.content.created_at)
            since = created_us is not None and created_us > self.tally.as_of_us
            self._found(ours.state.id, Kind.CREATED_SINCE if since else Kind.LACKS)

    def _only_there(self, id_: int | None, rows: list[Row]) -> None:
        live = [row for row in rows if not is_deleted(row)]
        self.tally.there += len(live)
        if id_ is None:
            self._found("", Kind.NAMELESS)
        elif live:
            self._twice(id_, live)
            created_us = self._fields.created_us(live[0])
            newer = created_us is not None and created_us > self._fresh_us
            self._found(id_, Kind.NEWER if newer else Kind.UNKNOWN)

    def _both(self, ours: _Ours, rows: list[Row]) -> None:
        live = [row for row in rows if not is_deleted(row)]
        if not live:
            self._only_here(ours)
            return
        self.tally.there += len(live)
        self._twice(ours.state.id, live)
        if ours.content is None:
            self._found(ours.state.id, _STATES[ours.state.state])
            return
        self.tally.here += 1
        self._compare(ours, ours.content, max(live, key=lambda row: self._fields.updated_us(row) or 0))

    def _compare(self, ours: _Ours, content: _Content, row: Row) -> None:
        known, values = self._fields.properties, self._fields.values(row)
        differ = [n for n, value in values.items() if not same(known[n], content.properties.get(n), value)]
        links: dict[str, Any] = row.get(LINKS) or {}
        differ += [
            f"associations to {other}"
            for other in sorted(self._linked)
            if {_id(one) for one in links.get(other) or ()} != ours.links.get(other, set())
        ]
        if differ:
            self.tally.properties.update(differ)
            self._found(ours.state.id, self._why(ours.state, row, differ), tuple(differ))

    def _why(self, state: StoredState, row: Row, differ: list[str]) -> Kind:
        """Which of the two is older, if their versions tell; what HubSpot computes moves none."""
        theirs_us = self._fields.updated_us(row)
        if theirs_us is not None and state.updated_us is not None and theirs_us > state.updated_us:
            return Kind.CHANGED_THERE
        if (state.updated_us or 0) > (theirs_us if theirs_us is not None else self.tally.as_of_us):
            return Kind.CHANGED_SINCE
        known = self._fields.properties
        if all(name in known and not known[name].writable for name in differ):
            return Kind.COMPUTED
        return Kind.DIFFERS

    def _twice(self, id_: int, live: list[Row]) -> None:
        if len(live) > 1:
            self._found(id_, Kind.TWICE)

    def _found(self, id_: int | str, kind: Kind, properties: tuple[str, ...] = ()) -> None:
        self.tally.found[kind] += 1
        self._tell(Difference(self.tally.type, str(id_), kind, properties))


def _id(link: Any) -> str:
    """An associated record in the old script's form, or its id alone."""
    return str(link.get("id") or link.get("toObjectId")) if isinstance(link, dict) else str(link)
