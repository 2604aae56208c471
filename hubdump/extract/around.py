"""Reads the collections around the records into the store: each answer is committed before the next is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from hubdump.around import EMAILS, TYPE, Collection, ItemsRead, LeftOut, Parents, SeenItem, Since
from hubdump.catalog import Catalogue
from hubdump.clock import Clock, instant_text
from hubdump.errors import ABSENT, BeliefRefuted, Incomplete, RequestRefused, ScopeMissing
from hubdump.events import CollectionCompleted, CollectionFailed, Emit, ItemsCommitted, Noted
from hubdump.extract import drifting, plan
from hubdump.extract.driving import drive
from hubdump.extract.exchange import Exchange
from hubdump.extract.plan import Wishes
from hubdump.extract.together import all_of
from hubdump.hubspot.collecting import Step, collect
from hubdump.hubspot.item_requests import Window
from hubdump.model import CUSTOM, ObjectType, Refuted, Request
from hubdump.store.items import Mark
from hubdump.store.reader import Reader
from hubdump.store.store import Store

CONTACTS = "contacts"
PIPELINES = "pipelines"
MANY = 1_000_000


class _Addressed(Struct):
    class Properties(Struct):
        email: str | None = None

    properties: Properties


def due(store: Store, rows: Sequence[Collection], oldest_us: int) -> list[Collection]:
    """The collections that were not read whole since an instant."""
    held = {row.name: store.items.mark(row.name) for row in rows}
    return [row for row in rows if not held[row.name].complete or (held[row.name].fresh_us or 0) < oldest_us]


def may_have(type_: ObjectType, row: Collection, *, defined: bool) -> bool:
    """Whether a type may have items of a collection; where its row does not say so, one whose properties are known."""
    return type_.name in row.of or type_.group == CUSTOM if row.of else defined


class Around:
    """Brings collections up to date, all at once; those that hang on another one after that."""

    def __init__(
        self,
        exchange: Exchange,
        store: Store,
        clock: Clock,
        emit: Emit,
        catalogue: Catalogue,
        wishes: Wishes,
    ) -> None:
        self._exchange, self._store, self._clock, self._emit = exchange, store, clock, emit
        self._catalogue, self._wishes = catalogue, wishes

    def due(self, rows: Sequence[Collection]) -> list[Collection]:
        """The collections that this run has to read; those a run that was cut short completed are not read again."""
        now_us = self._exchange.server_time_us()
        return due(self._store, rows, plan.oldest_us(self._store.began_us(now_us), now_us))

    async def extract(self, rows: Sequence[Collection], named: Sequence[str] = ()) -> dict[str, Incomplete]:
        """Read each collection that is due to its end; what failed, by name. Those `named` were asked for by name."""
        failed: dict[str, Incomplete] = {}

        async def one(row: Collection) -> None:
            try:
                if self._has_parents(row, failed, asked=row.name in named):
                    await self._up_to_date(row)
            except Incomplete as error:
                failed[row.name] = error
                self._emit(CollectionFailed(row.name, error.message, error.hint))

        hanging = [row for row in rows if row.parent not in {"", TYPE, EMAILS}]
        for wave in ([row for row in rows if row not in hanging], hanging):
            await all_of(one(row) for row in self.due(wave))
        return failed

    async def _up_to_date(self, row: Collection) -> None:
        """One pass; another one where the first was begun by a run that was cut short long ago."""
        items = self._store.items
        for _ in range(2):
            try:
                await self._pass(row)
            except (RequestRefused, ScopeMissing, BeliefRefuted) as error:
                absent = self._is_absent(row, error)
                items.begin_anew(row.name)
                if not absent:
                    raise
                items.set_unread(row.name, f"not in this portal: {error.message}")
                return
            if not self.due([row]):
                return

    def _is_absent(self, row: Collection, error: Incomplete) -> bool:
        """Whether HubSpot does not have, or not for this portal, what not every portal has; as of types."""
        if not isinstance(error, RequestRefused) or error.status not in ABSENT:
            return False
        mark = self._store.items.mark(row.name)
        return not (row.everywhere or mark.cursor or mark.fresh_us)

    def _has_parents(self, row: Collection, failed: Mapping[str, Incomplete], *, asked: bool) -> bool:
        """Whether it is known whose items are to be read; where not, it is told why."""
        if not row.parent or self._knows_parents(row):
            return True
        if row.parent in failed:
            raise failed[row.parent]
        if row.parent not in {TYPE, EMAILS}:
            why = self._store.items.mark(row.parent).unread
            self._store.items.set_unread(row.name, f"{row.parent}: {why}")
            return False
        of = CONTACTS if row.parent == EMAILS else "types that have some"
        told = f"{row.name} are not read: they are those of {of}, and none are whole in this dump."
        hint = f"hubdump run --only {row.of[0] if row.of else CONTACTS} --only {row.name}"
        if asked:
            raise Incomplete(told, hint)
        self._emit(Noted(told, hint))
        return False

    def _knows_parents(self, row: Collection) -> bool:
        if row.parent == EMAILS:
            return self._store.bookmark(CONTACTS).fresh_us is not None
        if row.parent == TYPE:
            return bool(self._words(row))
        return self._store.items.mark(row.parent).fresh_us is not None

    async def _pass(self, row: Collection) -> None:
        """Read a collection from where it stands in the store; what is not there any more is gone at the end."""
        items = self._store.items
        mark = items.mark(row.name)
        before = items.keys(row.name, "", MANY) if row.name == PIPELINES and mark.fresh_us else []
        if mark.complete or not mark.cursor:
            mark = items.begin(row.name, self._exchange.server_time_us())
        await self._walk(row, window(row, mark), mark.cursor)
        removed, there = items.not_shown(row.name)
        if not (row.parent or row.instant) and plan.too_many(removed, there, self._wishes):
            items.begin_anew(row.name)
            raise Incomplete(
                f"HubSpot does not have {removed:,} of {there:,} {row.name} any more: nothing was marked as deleted.",
                "If that is right: hubdump run --accept-deletes. If not: what has the token lost?",
            )
        fresh_us = plan.fresh_us(mark.began_us)
        items.finish(row.name, fresh_us, growing=bool(row.instant))
        if told := drifting.of_items(row.name, before, items.keys(row.name, "", MANY) if before else ()):
            self._emit(Noted(told))
        self._emit(CollectionCompleted(row.name, items.totals(row.name)[0], instant_text(fresh_us)))

    async def _walk(self, row: Collection, window: Window, cursor: str) -> None:
        if row.parent == TYPE:
            self._leave_the_others(row, cursor)
        await drive(collect(row, window, cursor), partial(self._perform, row))

    async def _perform(self, row: Collection, step: Step) -> Any:
        match step:
            case Request():
                return await self._exchange.ask(step)
            case Parents():
                return self.parents(row, step)
            case Since(parent):
                return _since_ms(self._store.items.read_us(row.name, parent))
            case SeenItem(parent, key):
                return self._store.items.seen(row.name, parent, key)
            case Refuted(belief, seen):
                if belief not in self._store.refuted():
                    self._emit(
                        Noted(f"HubSpot refuted the belief '{belief}': {seen}. It is read another way.")
                    )
                self._store.refute(belief, seen)
            case ItemsRead():
                self._store.items.commit(row.name, step, self._clock.wall_s(), growing=bool(row.instant))
                self._emit(ItemsCommitted(row.name, len(step.refs)))
        return None

    def parents(self, row: Collection, asked: Parents) -> list[tuple[str, str]]:
        """Whose items are asked for: types that were read whole, contacts with an email, or another collection."""
        if row.parent == EMAILS:
            return self._addressed(int(asked.after or 0), asked.count)
        if row.parent == TYPE:
            words = sorted(self._words(row))
        else:
            words = self._store.items.keys(row.parent, asked.after, asked.count)
        return [(word, word) for word in words if word > asked.after][: asked.count]

    def _words(self, row: Collection) -> list[str]:
        """What the types are called whose items are read."""
        return [
            type_.path
            for type_ in self._catalogue.types
            if may_have(type_, row, defined=bool(self._store.property_names(type_.name)))
            and self._store.bookmark(type_.name).fresh_us is not None
        ]

    def _leave_the_others(self, row: Collection, cursor: str) -> None:
        """What is stored of types that are not asked for stays as it is."""
        others = set(self._store.items.parents(row.name)) - set(self._words(row))
        out = [LeftOut(parent, "not asked for") for parent in sorted(others)]
        self._store.items.commit(row.name, ItemsRead(cursor, left_out=out), self._clock.wall_s())

    def _addressed(self, after: int, count: int) -> list[tuple[str, str]]:
        """Up to `count` contacts with an email, by their ids."""
        found: list[tuple[str, str]] = []
        reader = Reader(self._store.path)
        try:
            while ids := self._store.asked.ids(CONTACTS, after, count - len(found)):
                emails = {
                    record.id: msgspec.json.decode(record.raw, type=_Addressed).properties.email
                    for record in reader.some(CONTACTS, ids)
                }
                found += [(str(id_), email) for id_ in ids if (email := emails.get(id_))]
                after = ids[-1]
        finally:
            reader.close()
        return found


def window(row: Collection, mark: Mark) -> Window:
    """What the present pass over a collection reads."""
    since_ms = _since_ms(mark.fresh_us or 0) if row.instant and not row.parent else 0
    return Window(since_ms, mark.began_us // 1000)


def _since_ms(fresh_us: int) -> int:
    """From when on items may be new to one who knows those up to an instant; 0: all are."""
    return max(0, fresh_us - plan.OVERLAP_LATER_US) // 1000
