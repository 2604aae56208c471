"""The main job in reading order: hold the dump, plan, extract, load, check, and say how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubdump import around, load
from hubdump.around import Collection
from hubdump.clock import SECOND_NS, Clock, instant_text
from hubdump.errors import Exit, HubdumpError, Incomplete, ScopeMissing, TokenRefused
from hubdump.estimate.today import forewarned
from hubdump.events import (
    Associated,
    CollectionFailed,
    CollectionSummary,
    Emit,
    Noted,
    RunEnded,
    RunStarted,
    TypeSummary,
)
from hubdump.extract import announcing, discovery
from hubdump.extract.around import Around
from hubdump.extract.engine import Engine
from hubdump.extract.plan import Linking, Wishes
from hubdump.extract.wanted import wanted
from hubdump.fetching import Fetching
from hubdump.hubspot.downloads import Downloads
from hubdump.manifest import write_manifest
from hubdump.missing import any_hint, is_unreadable, what_is_missing
from hubdump.model import ObjectType
from hubdump.seal import held
from hubdump.session import Access, Session, opened
from hubdump.stopping import Stop, heard
from hubdump.store.store import Store
from hubdump.targets import TARGETS, json_files
from hubdump.targets.export import Wanted
from hubdump.targets.written import WANTED

FILES = "files"


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is to do. `command` writes a verb as its user would call it on this dump; `asked` are
    the targets named by `--to`; `only` and `exclude` words for types and groups,
    `history` whose history is wanted (extract/wanted.py), `files` whether the bytes of files are; `keep_versions` as
    `Runs.begin`.
    """

    run: str
    dump: Path
    access: Access
    command: Callable[[str], str]
    asked: Wanted = Wanted()  # noqa: RUF009 - frozen
    wishes: Wishes = Wishes()  # noqa: RUF009 - frozen
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    files: bool = False
    keep_versions: bool | None = None


def run(order: Order, clock: Clock, emit: Emit) -> RunEnded:
    """Bring the dump up to date and say how it ended; HubdumpError where it could not even begin.

    Whatever ended it, everything committed is kept and the next run continues there.
    """
    with heard(emit) as stop:
        return under(stop, order, clock, emit)


def under(stop: Stop, order: Order, clock: Clock, emit: Emit) -> RunEnded:
    """The same, where somebody else hears the signals."""
    with held(order.dump, instant_text(int(clock.wall_s() * 1_000_000))) as store:
        ended = _Run(order, clock, emit, store, stop).whole()
    # Told only now: every file was read again, and its sum is on disk.
    emit(ended)
    return ended


class _Run:
    """One execution on a dump that nobody else writes to."""

    def __init__(self, order: Order, clock: Clock, emit: Emit, store: Store, stop: Stop) -> None:
        self._order, self._clock, self._emit, self._store, self._stop = order, clock, emit, store, stop
        self._budgets = order.access.budgets()
        self._began_ns = clock.now_ns()
        self._retries = 0
        self._bound = False
        self._written: set[ObjectType] = set()
        self._counted: dict[str, int] = {}
        self._types = discovery.known(store, order.only, order.exclude)
        self._rows = around.selected(order.only, order.exclude)
        self._targets = list(filter(order.asked.has, TARGETS))
        self._failed_around: dict[str, Incomplete] = {}
        self._last_page = store.packing.last_page()

    def whole(self) -> RunEnded:
        try:
            failed = self._stop.run(self._extract())
            # Before anything is loaded: targets look at what lies elsewhere now.
            self._store.packing.pack(self._last_page)
            error = self._load(failed)
        except HubdumpError as early:
            if not self._bound:  # the dump may be another portal's
                raise
            return self._end(early, "")
        without = self._order.wishes.associations is Linking.NEVER
        ended = self._end(error, "Complete but for the associations" if without else "Complete")
        self._store.packing.give_back()
        # Only now: a run that dies before its manifest is written is continued by the next, not begun anew.
        self._store.end_run()
        return ended

    async def _extract(self) -> dict[str, Incomplete]:
        """Read what is due; the types that could not be read whole, and why."""
        order = self._order
        async with opened(
            order.access, self._budgets, self._store, self._clock, self._tell, self._stop.gate
        ) as session:
            self._bound = True
            forgot = self._store.runs.begin(order.run, self._now_us(), keep=order.keep_versions)
            if forgot:
                self._tell(
                    Noted(f"{forgot:,} superseded versions are forgotten: versions are not kept any more.")
                )
            load.move_aside(order.dump, self._store, self._tell)
            self._store.set_meta(WANTED, " ".join(self._targets))
            self._types = await discovery.selected(
                session.exchange, session.api, self._store, self._tell, order.only, order.exclude
            )
            catalogue = self._store.discovered.catalogue()
            wishes = replace(
                order.wishes,
                history=wanted(order.history, catalogue),
                without=discovery.named(catalogue, order.exclude),
            )
            engine = Engine(
                session.api, session.exchange, self._store, self._clock, self._tell, wishes, catalogue
            )
            self._counted = engine.counted
            due = engine.due(self._types)
            names = tuple(type_.name for type_ in due)
            self._tell(RunStarted(order.run, session.portal, str(order.dump), names, order.access.rate))
            new = [type_ for type_ in due if self._store.bookmark(type_.name).fresh_us is None]
            if warning := await forewarned(session.exchange, session.api, self._budgets, new):
                self._tell(warning)
            failed = await engine.extract(due, self._completed)
            beside = Around(session.exchange, self._store, self._clock, self._tell, catalogue, wishes)
            self._failed_around = await beside.extract(self._rows, order.only)
            await self._fetch(session)
            announcing.remember(self._store, failed | self._failed_around, [row.name for row in self._rows])
            await announcing.announce(session.exchange, session.api, self._store, self._tell, order.exclude)
        if due and len(failed) == len(due) and all(map(is_unreadable, failed.values())):
            raise TokenRefused(
                "Nothing is readable with this token: it has none of the scopes.", any_hint(failed)
            )
        return failed | discovery.lacking(self._store, order.only, order.exclude)

    async def _fetch(self, session: Session) -> None:
        """Bring the bytes of files, where they are wished for and not left out."""
        order = self._order
        left_out = around.by_name(FILES) not in around.selected((), order.exclude)
        if not order.files or left_out or isinstance(self._failed_around.get(FILES), ScopeMissing):
            return
        try:
            async with Downloads(order.access.base_url) as downloads:
                await Fetching(session, downloads, self._store, self._clock, self._tell).fetch()
        except Incomplete as error:
            self._failed_around.setdefault(FILES, error)
            self._tell(CollectionFailed(FILES, error.message, error.hint))

    async def _completed(self, type_: ObjectType) -> None:
        dump, store, path = self._order.dump, self._store, json_files.path_of(type_)
        asked = self._order.asked
        if asked.has("json") and load.partial_wanted(type_, store, asked="json" in asked.named):
            load.begin(store, path)
            load.keep(store, self._tell, dump, await asyncio.to_thread(json_files.write_type, dump, type_))
            self._written.add(type_)

    def _load(self, failed: dict[str, Incomplete]) -> HubdumpError | None:
        """Fill the targets with every type that was ever read whole, by this run or an earlier one; what is still
        to be said at the end.
        """
        order, store = self._order, self._store
        every = store.discovered.catalogue().types
        whole = [type_ for type_ in every if store.bookmark(type_.name).fresh_us is not None]
        # Not written yet are those, too, that an earlier run completed, and could not write before it was cut short.
        load.fill(order.dump, whole, store, order.asked, self._tell, written=self._written, failed=failed)
        unread = {t.name: store.asked.failures(t.name) for t in self._types}
        out = {row.name: store.items.left_out(row.name) for row in self._rows}
        if order.files:
            out["the bytes"] = store.fetched.missing()
        return what_is_missing(failed | self._failed_around, unread, out, order.exclude)

    def _end(self, error: HubdumpError | None, verdict: str) -> RunEnded:
        """Keep how the run ended."""
        order = self._order
        absent, fetched = self._absent(), self._store.fetched.summary()
        ended = RunEnded(
            int(error.exit if error else Exit.COMPLETE),
            error.message if error else verdict,
            (self._clock.now_ns() - self._began_ns) / SECOND_NS,
            self._budgets.sent(),
            self._retries,
            {type_.name: self._summary(type_) for type_ in self._types if type_.name not in absent},
            files=(str(order.dump),),
            next=_next(order, error),
            bound_s=self._budgets.bound_s(),
            rate=order.access.rate,
            around={row.name: told for row in self._rows if (told := self._around(row))},
            timeline=self._budgets.timeline(),
            limits=self._budgets.limits(),
            absent=absent,
            excluded=order.exclude,
            fetched=fetched if order.files or fetched.files else None,
            filled=load.filled(self._store.meta),
            associations=self._associated(),
        )
        self._store.runs.end(self._now_us())
        write_manifest(order.dump, order.run, self._store, ended)
        return ended

    def _associated(self) -> Associated | None:
        """Which associations this run read, and as of when all are."""
        whole_us = self._store.associations.whole_us({type_.name for type_ in self._types})
        never = self._order.wishes.associations is Linking.NEVER
        if whole_us is None and not never:
            return None
        old = whole_us and whole_us < int(self._store.meta("began_us") or 0)
        read = Linking.NEVER if never else Linking.CHANGED if old else Linking.ALL
        return Associated(read.value, instant_text(whole_us) if whole_us else None)

    def _absent(self) -> dict[str, str]:
        """What of the selection this portal does not have, and why."""
        chosen = {t.name for t in discovery.known(self._store, self._order.only, self._order.exclude)}
        return {what: why for what, why in self._store.discovered.absent().items() if what in chosen}

    def _summary(self, type_: ObjectType) -> TypeSummary:
        mark, totals = self._store.bookmark(type_.name), self._store.asked.totals(type_.name)
        return TypeSummary(
            totals.records,
            totals.archived,
            totals.associations,
            totals.failed,
            instant_text(mark.fresh_us) if mark.complete and mark.fresh_us else None,
            instant_text(mark.proved_us) if mark.proved_us else None,
            counted=self._counted.get(type_.type_id),
            past_values=self._store.histories.count(type_.name),
        )

    def _around(self, row: Collection) -> CollectionSummary | None:
        """What the dump holds of a collection; None where nobody asked for it yet."""
        items = self._store.items
        mark, (number, archived, gone) = items.mark(row.name), items.totals(row.name)
        if not (mark.passes or mark.unread):
            return None
        return CollectionSummary(
            number,
            archived,
            gone,
            instant_text(mark.fresh_us) if mark.complete and mark.fresh_us else None,
            mark.unread,
            {one.parent: one.reason for one in items.left_out(row.name)},
        )

    def _now_us(self) -> int:
        return int(self._clock.wall_s() * 1_000_000)

    def _tell(self, event: Any) -> None:
        self._retries += type(event).__name__ == "RetryScheduled"
        self._emit(event)


def _next(order: Order, error: HubdumpError | None) -> tuple[str, ...]:
    if error:
        return tuple(error.hint.splitlines())
    return order.command("verify"), order.command("status")
