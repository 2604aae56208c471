"""Drives flows: commits each page before its flow may move on, so that a run can be cut anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from hubdump import marks
from hubdump.catalog import STANDARD, Catalogue
from hubdump.clock import Clock, instant_text
from hubdump.errors import ABSENT, GONE, BeliefRefuted, Incomplete, Poison, RequestRefused
from hubdump.events import Emit, Noted, PageCommitted, TypeAbsent, TypeCompleted, TypeFailed, TypeStarted
from hubdump.extract import announcing, defining, discovery, drifting, plan
from hubdump.extract.associating import Associating
from hubdump.extract.comparing import Comparing
from hubdump.extract.defining import Defined, Defining
from hubdump.extract.driving import drive
from hubdump.extract.exchange import Exchange
from hubdump.extract.pairing import Pairing
from hubdump.extract.plan import Wishes
from hubdump.extract.ranging import Ranging
from hubdump.extract.taken import Taken, taken
from hubdump.extract.together import all_of, beside
from hubdump.extract.turns import OF_TYPE
from hubdump.hubspot import flows
from hubdump.hubspot.endpoints import LIST_LADDER, Endpoints
from hubdump.model import (
    CUSTOM,
    AssociationsRead,
    Bookmark,
    DueLinks,
    Effect,
    Flow,
    HistoriesDue,
    HistoriesRead,
    Known,
    Met,
    ObjectType,
    Otherwise,
    Quarantined,
    Question,
    RecordsRead,
    Refuted,
    Request,
    Settled,
    StoredIds,
    Unseen,
    Wait,
    WalkKey,
)
from hubdump.store.store import Store
from hubdump.store.walks import whole

Completed = Callable[[ObjectType], Awaitable[None]]
Properties = tuple[str, ...]
# Of the properties that all records are read again for.
NAMED_MAX = 5


class Engine:
    """Brings object types up to date, all at once; the exchange bounds how many requests are under way."""

    def __init__(
        self,
        api: Endpoints,
        exchange: Exchange,
        store: Store,
        clock: Clock,
        emit: Emit,
        wishes: Wishes = Wishes(),  # noqa: B008 - frozen
        catalogue: Catalogue = STANDARD,
    ) -> None:
        self._api, self._exchange, self._store = api, exchange, store
        self._clock, self._emit, self._wishes = clock, emit, wishes
        self._catalogue = catalogue
        self._defining = Defining(api, exchange)
        self._ranging = Ranging(store, exchange, self._perform, self._refute)
        self._comparing = Comparing(api, exchange, store, wishes, self._walk, self._ranging)
        # How many records HubSpot counts of each type, by type id; asked where a type is new.
        self.counted: dict[str, int] = {}

    def due(self, types: Sequence[ObjectType]) -> tuple[ObjectType, ...]:
        """The types that this run has to read; a run that was cut short is continued, not begun anew.

        What that one completed is read again only where the history of more is wanted now.
        """
        began_us = self._store.began_us(self._exchange.server_time_us())
        self._exchange.not_before(began_us)
        marks_ = self._store.bookmarks(type_.name for type_ in types)
        due = plan.due(marks_, began_us, self._exchange.server_time_us())
        return plan.in_order(types, [*due, *(type_.name for type_ in types if self._history_due(type_))])

    async def extract(self, types: Sequence[ObjectType], completed: Completed) -> dict[str, Incomplete]:
        """Read each type that is due to its end, calling `completed` the moment it is; what failed, by type.

        What ends the whole run (token, disk, stop) is raised, with every other walk stopped at a page.
        """
        failed: dict[str, Incomplete] = {}

        async def one(type_: ObjectType) -> None:
            OF_TYPE.set(type_.name)
            try:
                await self._up_to_date(type_)
                await completed(type_)
            except Incomplete as error:
                self._pairing.tell_read(type_, failed=True)
                if await self._is_absent(type_, error):
                    self._emit(TypeAbsent(type_.name))
                    return
                failed[type_.name] = error
                self._emit(TypeFailed(type_.name, type_.engagement or "", error.message, error.hint))

        due = self.due(types)
        self._pairing = Pairing(
            self._api,
            self._exchange,
            self._store,
            await self._taken(due),
            self._emit,
            both=self._wishes.compares_sides,
        )
        self._associating = Associating(
            self._api,
            self._exchange,
            self._store,
            self._pairing,
            self._wishes,
            self._catalogue,
            self._walk,
            self._refute,
        )
        self._exchange.expect({type_.name: self._before(type_) for type_ in due})
        await all_of(one(type_) for type_ in due)
        self._pairing.compare(failed)
        return failed

    async def _taken(self, due: Sequence[ObjectType]) -> Taken:
        """All types that the portal has, and which of them this run reads; HubSpot counts what is new."""
        types, store = self._catalogue.types, self._store
        marks_ = store.bookmarks(type_.name for type_ in types)
        found = taken(types, store.discovered.absent(), due, self.due(types), marks_, self._wishes.without)
        if due and found.uncounted(store.asked.known()):
            self.counted |= await discovery.usage(self._exchange, self._api)
        return replace(found, counted=self.counted)

    def _before(self, type_: ObjectType) -> int:
        """About how many requests a type takes that is read whole."""
        records = max(self.counted.get(type_.type_id, 0), self._store.asked.records(type_.name))
        return plan.requests_about(records)

    async def _is_absent(self, type_: ObjectType, error: Incomplete) -> bool:
        """Whether HubSpot does not have a type that not every portal has, and of which this dump holds nothing; or a
        custom object that was removed since the run began.
        """
        if not isinstance(error, RequestRefused):
            return False
        if type_.group == CUSTOM and error.status in GONE:
            return await discovery.is_unlisted(self._exchange, self._api, self._store, self._emit, type_)
        unknown = error.status in ABSENT and not type_.everywhere
        if unknown and not self._store.asked.knows(type_.name):
            self._store.discovered.set_unread(type_.name, discovery.UNKNOWN, absent=True)
            return True
        return False

    async def _up_to_date(self, type_: ObjectType) -> None:
        """One round; another one where the first was begun by a run that was cut short long ago."""
        continued = plan.resumed(self._store.bookmark(type_.name))
        await self._round(type_)
        if continued and self.due([type_]):
            marks.hit("round of long ago")
            await self._round(type_)

    async def _round(self, type_: ObjectType) -> None:
        """Every step of the algorithm of one type (docs/design.md), each from where it stands in the store."""
        mark = self._store.bookmark(type_.name)
        again = plan.resumed(mark)
        if not again and await self._is_empty(type_, mark):
            self._pairing.tell_read(type_)
            return
        stored = self._store.asked.records(type_.name) if again else 0
        self._emit(TypeStarted(type_.name, type_.engagement or "", again, stored))
        defined = await self._defined(type_, mark)
        with self._store.transaction():  # a run that continues this round does not ask for definitions again
            if not again:
                since_us = self._exchange.server_time_us() if mark.fresh_us is None else mark.fresh_us
                mark = self._store.begin_round(type_.name, since_us)
            if defined:
                self._define(type_, defined, mark)
        properties = self._store.property_names(type_.name)
        await self._sweep(type_, mark, properties)
        # Taken before anything looks for changes, and kept: it says no more than they can have seen.
        seen_us = mark.seen_us or self._store.begin_catch_up(type_.name, self._exchange.server_time_us())
        self._pairing.tell_swept(type_)
        # What they read is so as of then, too; of what is committed meanwhile they are read again.
        ahead = self._associating.ahead(type_), self._history_ahead(type_)
        proved = await beside(ahead, self._caught_up(type_, mark, properties))
        await all_of([self._associating.read(type_), self._history(type_)])
        self._finish(type_, plan.fresh_us(seen_us), proved=proved)
        self._wishes.history.check(type_, self._store.certain_names(type_.name))

    async def _caught_up(self, type_: ObjectType, mark: Bookmark, properties: Properties) -> bool:
        """Read what the sweep missed, or could not read, as far as that has to be; whether the type is proved."""
        await self._walk(
            WalkKey(type_.name, plan.REREAD), lambda at: flows.reread(self._api, type_, properties, at)
        )
        # Before the search: what comes back or is made after it would stand in for what is gone.
        count = await self._comparing.counted(type_, mark)
        found = await self._catch_up(type_, mark, properties)
        proved = await self._comparing.of(type_, mark, properties, count, needed=not found)
        self._pairing.tell_read(type_)  # others wait for it, and what is read ahead waits for them
        return proved

    async def _sweep(self, type_: ObjectType, mark: Bookmark, properties: Properties) -> None:
        """Read all active records, where none were read so far or some lack values."""
        swept = WalkKey(type_.name, plan.SWEEP)
        if mark.fresh_us is None:
            self._store.begin(swept, lists=True)
        if self._store.begun(swept):
            counted = self.counted.get(type_.type_id, 0)
            records = counted if mark.fresh_us is None else self._store.asked.records(type_.name)
            await self._ranging.read(
                type_, plan.SWEEP, lambda at: flows.sweep(self._api, type_, properties, at), records
            )

    async def _is_empty(self, type_: ObjectType, mark: Bookmark) -> bool:
        """Finish the round of a type of which neither the dump nor HubSpot has a record: its lists are the proof.

        Where HubSpot counts records of a new type, it is not looked.
        """
        if self._store.asked.knows(type_.name) or (mark.fresh_us is None and self.counted.get(type_.type_id)):
            return False
        since_us = self._exchange.server_time_us()
        for archived in (False, True):
            request = self._api.list(type_, flows.ID_ONLY, "", archived=archived, limit=LIST_LADDER[-1])
            try:
                page = (await self._exchange.ask(request)).content
            except Poison:
                return False  # the sweep finds out which record it is
            if page.results or page.paging:
                return False
        if type_.engagement:  # whose users look for the line; of all the others one line tells at the end
            self._emit(TypeStarted(type_.name, type_.engagement))
        self._store.begin_round(type_.name, since_us)
        self._store.begin_catch_up(type_.name, since_us)
        self._finish(type_, plan.fresh_us(since_us), proved=True)
        return True

    async def _catch_up(self, type_: ObjectType, mark: Bookmark, properties: Properties) -> bool:
        """Read what changed; False where search cannot be relied on: then the proof has to find it."""
        since_us = plan.changes_since_us(mark)
        try:
            await self._walk(
                WalkKey(type_.name, plan.CATCH_UP),
                lambda at: flows.changes(self._api, type_, since_us, mark.since_us, properties, at),
            )
        except BeliefRefuted as error:
            self._refute(error.belief, error.seen)
        except (Poison, RequestRefused) as error:
            self._emit(Noted(f"{error.message} All ids of {type_.name} are compared instead."))
        else:
            return True
        marks.hit("search given up")
        return False

    def _finish(self, type_: ObjectType, fresh_us: int, *, proved: bool) -> None:
        """Mark the round finished; Incomplete where it would remove more than a person would believe."""
        removed, records = (
            self._store.asked.removals(type_.name),
            self._store.asked.records(type_.name),
        )
        if plan.too_many(removed, records, self._wishes):
            marks.hit("removals withheld")
            raise Incomplete(
                f"HubSpot does not have {removed:,} of {records:,} {type_.name} any more: nothing was removed.",
                "If that is right: hubdump run --accept-deletes. If not: has the token lost a scope or a team?",
            )
        self._store.finish_round(type_.name, fresh_us, fresh_us if proved else None)
        self._store.discovered.set_read(type_.name)
        self._emit(
            TypeCompleted(
                type_.name,
                type_.engagement or "",
                self._store.asked.totals(type_.name),
                instant_text(fresh_us),
            )
        )

    def _refute(self, belief: str, seen: str) -> None:
        """Keep that HubSpot behaves against a belief, and say so once."""
        if belief not in self._store.refuted():
            self._emit(Noted(f"HubSpot refuted the belief '{belief}': {seen}. This run does not rely on it."))
        self._store.refute(belief, seen)

    async def _history_ahead(self, type_: ObjectType) -> None:
        with suppress(Incomplete):  # it is asked for again, and told, when the records are read
            await self._history(type_)

    async def _history(self, type_: ObjectType) -> None:
        if names := self._wishes.history.names(type_, self._store.certain_names(type_.name)):
            key = WalkKey(type_.name, plan.HISTORY)
            await self._walk(key, lambda _: flows.histories(self._api, type_, names))

    def _history_due(self, type_: ObjectType) -> bool:
        if type_.name not in self._wishes.history.of:
            return False
        names = self._wishes.history.names(type_, self._store.certain_names(type_.name))
        return bool(names and self._store.histories.due(type_.name, 0, 1, names).ids)

    async def _defined(self, type_: ObjectType, mark: Bookmark) -> Defined | None:
        """The properties of a type as HubSpot has them now; None where they are as they were, or the round that began
        with them goes on.
        """
        before = self._store.definitions(type_.name)
        # Who may not read a sensitive property any more is refused whatever is asked for together with it.
        if plan.resumed(mark) and before and not defining.guarded(before):
            return None
        now_us, asked_us = self._exchange.server_time_us(), self._store.defined_us(type_.name)
        if plan.definitions_due(asked_us, mark, self._wishes, now_us):
            return await self._defining.of(type_, before)
        return await self._defining.changed(type_, before)

    def _define(self, type_: ObjectType, found: Defined, mark: Bookmark) -> None:
        """Keep which properties a type has; all its records are read again where they lack values of some."""
        name, certain = type_.name, self._store.certain_names(type_.name)
        late = defining.late(found, certain, plan.changes_since_us(mark)) if certain else ()
        if late:
            self._emit(Noted(f"All {name} are read again, for the values of {', '.join(late[:NAMED_MAX])}."))
        if told := drifting.of_properties(name, self._store.definitions(name), found.all):
            self._emit(Noted(told))
        again = WalkKey(name, plan.SWEEP) if late else None
        now_us = self._exchange.server_time_us()
        self._store.set_definitions(name, list(found.all.items()), found.uncertain, again, now_us)
        announcing.tell_sensitive(self._store, self._emit, defining.told(type_, found.unread))

    async def _walk(self, key: WalkKey, start: Callable[[str], Flow]) -> None:
        """Drive one flow from where it stands in the store to its end."""
        cursor, done = self._store.walk(key)
        if done:
            return
        try:
            await drive(start(cursor), partial(self._perform, key))
        except (BeliefRefuted, RequestRefused):
            # The cursor may be what is wrong: every later run would come by the same error.
            self._store.begin(key, anew=True)
            raise

    async def _perform(self, key: WalkKey, effect: Effect) -> Any:
        match effect:
            case Request():
                return await self._exchange.ask(effect)
            case Wait(seconds):
                await self._clock.sleep(seconds)
            case Refuted(belief, seen):
                self._refute(belief, seen)
            case RecordsRead():
                self._store.commit_records(key, effect, self._clock.wall_s())
                if effect.records:
                    self._pairing.tell(self._catalogue.by_name(key.type), filled=True)
                self._emit(PageCommitted(key.type, whole(key)[0].purpose, records=len(effect.records)))
            case Settled():
                self._store.commit_settled(key, effect, self._clock.wall_s())
                self._emit(PageCommitted(key.type, whole(key)[0].purpose))
            case AssociationsRead():
                self._store.commit_associations(key, effect, self._clock.wall_s())
                self._emit(PageCommitted(key.type, key.purpose, associations=len(effect.rows)))
            case HistoriesRead():
                self._store.commit_histories(key, effect, self._clock.wall_s())
                self._emit(PageCommitted(key.type, key.purpose, past_values=len(effect.values)))
            case _:
                return self._answered(key, effect)
        return None

    def _answered(self, key: WalkKey, question: Question) -> Any:
        match question:
            case StoredIds(after, count):
                return self._store.asked.ids(key.type, after, count)
            case DueLinks():
                return self._store.associations.due(key.type, key.purpose, question)
            case Unseen(after, count):
                return self._store.asked.unseen(key.type, after, count)
            case Quarantined(after, count):
                return self._store.asked.quarantined(key.type, after, count)
            case Known(ids):
                return self._store.asked.versions(key.type, ids)
            case Met():
                return self._store.walks.met(key, question)
            case Otherwise():
                return self._store.asked.otherwise(key.type, question)
            case HistoriesDue(after, count, names):
                return self._store.histories.due(key.type, after, count, names)
