"""Says what a run would read and what it takes: asks HubSpot for counts, and leaves the dump as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from hubdump import around
from hubdump.around import EMAILS, TYPE
from hubdump.clock import SECOND_NS, Clock
from hubdump.estimate.beside import Beside
from hubdump.estimate.calls import Calls
from hubdump.estimate.estimate import Estimate, Limits
from hubdump.estimate.foretold import Expected, Foretold
from hubdump.estimate.types import Foreseen, Types
from hubdump.events import Emit
from hubdump.extract import announcing, discovery, plan
from hubdump.extract import around as passes
from hubdump.extract.exchange import Exchange
from hubdump.extract.pairing import Pairing
from hubdump.extract.plan import Wishes
from hubdump.extract.sending import Transport
from hubdump.extract.taken import taken
from hubdump.extract.together import all_of
from hubdump.extract.wanted import wanted
from hubdump.hubspot.endpoints import Endpoints
from hubdump.hubspot.pacing import Budgets
from hubdump.model import ObjectType, Request, Response, Secret
from hubdump.seal import STORE
from hubdump.session import Access, preflight, reached, wait_out_the_last_run
from hubdump.store.database import open_for_reading
from hubdump.store.store import Store

FILES = "files"


@dataclass(frozen=True, slots=True)
class Asked:
    """The run that is asked for; the words are those of its flags."""

    dump: Path
    access: Access
    wishes: Wishes
    only: Sequence[str] = ()
    exclude: Sequence[str] = ()
    history: Sequence[str] = ()
    files: bool = False


def foreseen(asked: Asked, clock: Clock, emit: Emit) -> Estimate:
    """What a run would take now; UsageError for a selection of nothing, or where the dump is another portal's."""
    with stores(asked.dump) as (held, found):
        return asyncio.run(Planning(asked, held, found, clock, emit).whole())


@contextmanager
def stores(dump: Path) -> Iterator[tuple[Store, Store]]:
    """What the dump holds, which nobody can change by it, and a store that is thrown away, for what is discovered."""
    with TemporaryDirectory(prefix="hubdump-") as folder:
        found = Store(Path(folder) / STORE)
        held = Store(dump / STORE, open_for_reading) if (dump / STORE).exists() else found
        try:
            if held is not found:
                found.discovered.take_over(held.discovered)
                found.pairs.take_over(held.pairs)
            yield held, found
        finally:
            found.close()
            if held is not found:
                held.close()


class _Timed:
    """A transport that measures how long answers take."""

    def __init__(self, inner: Transport, clock: Clock, took_s: list[float]) -> None:
        self._inner, self._clock, self._took_s = inner, clock, took_s

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        began_ns = self._clock.now_ns()
        response = await self._inner.send(request, token)
        self._took_s.append((self._clock.now_ns() - began_ns) / SECOND_NS)
        return response


@dataclass(slots=True)
class Planning:
    """One estimate."""

    asked: Asked
    held: Store
    found: Store
    clock: Clock
    emit: Emit
    took_s: list[float] = field(default_factory=list)

    async def whole(self) -> Estimate:
        access = self.asked.access
        budgets = access.budgets()
        await wait_out_the_last_run(self.held, self.clock, self.emit)
        async with reached(
            access,
            budgets,
            self.clock,
            self.emit,
            through=lambda inner: _Timed(inner, self.clock, self.took_s),
        ) as exchange:
            return await self.estimate(exchange, budgets)

    async def estimate(self, exchange: Exchange, budgets: Budgets) -> Estimate:
        """The same by an exchange that is open, and counts what it sends in `budgets`."""
        account, api = await preflight(exchange)
        self.held.refuse_another(account.portalId)
        selected = await discovery.selected(
            exchange, api, self.found, self.emit, self.asked.only, self.asked.exclude
        )
        opening = _sent(budgets)  # a run begins with the same
        types = await self._types(exchange, api)
        due = types.due(selected)
        pairing, new = self._pairing(exchange, api, types, due)
        told = await _each(types.foresee(type_, pairing) for type_ in due)
        opening += Calls(**{budget.value: number for budget, number in pairing.asked.items()})
        beside = await self._around(exchange, api, types, due, told)
        if self.asked.files:
            beside.append(self._bytes(beside))
        again = announcing.lacking_and_left_out(api, self.found, self.asked.exclude)
        limits = Limits(
            budgets.limits(),
            self.asked.access.number,
            median(self.took_s or [0.0]),
            budgets.daily_max,
            budgets.daily_left(),
            budgets.reserve,
        )
        absent = self.found.discovered.absent()
        opening += Calls(int(new) + len(again))
        return Estimate(account.portalId, told, beside, opening, _sent(budgets), limits, absent)

    async def _types(self, exchange: Exchange, api: Endpoints) -> Types:
        catalogue = self.found.discovered.catalogue()
        wishes = replace(
            self.asked.wishes,
            history=wanted(self.asked.history, catalogue),
            without=discovery.named(catalogue, self.asked.exclude),
        )
        counted = await discovery.usage(exchange, api)
        return Types(api, exchange, self.held, catalogue, wishes, counted, self._oldest_us(exchange))

    def _pairing(
        self, exchange: Exchange, api: Endpoints, types: Types, due: Sequence[ObjectType]
    ) -> tuple[Pairing, bool]:
        """The pairs of such a run, and whether it asks HubSpot for its count; what is decided is thrown away."""
        every = types.catalogue.types
        marks = self.held.bookmarks(type_.name for type_ in every)
        run = taken(every, self.found.discovered.absent(), due, types.due(every), marks, types.wishes.without)
        asks = bool(due and run.uncounted(self.held.asked.known()))
        run = replace(run, counted=types.counted if asks else {})
        expected = Expected(self.held.asked, types.expected)
        store = Foretold(self.found.path, expected, self.found.pairs, self.found.discovered)
        return Pairing(api, exchange, store, run, self.emit, both=types.wishes.prove), asks

    def _oldest_us(self, exchange: Exchange) -> int:
        """From when on what is fresh is not read again."""
        now_us = exchange.server_time_us()
        return plan.oldest_us(int(self.held.meta("began_us") or self.held.asked.next_run_us(now_us)), now_us)

    def _bytes(self, beside: Sequence[Foreseen]) -> Foreseen:
        """A request for each file whose bytes are not there, as far as the file manager lists it."""
        listed = next((one.items for one in beside if one.name == FILES), self.held.items.totals(FILES)[0])
        number = max(0, listed - self.held.fetched.summary().files)
        unsure = ("files that only records name: their bytes take a request more each",)
        return Foreseen("bytes of files", number, {"bytes": Calls(number)} if number else {}, unsure=unsure)

    async def _around(
        self,
        exchange: Exchange,
        api: Endpoints,
        types: Types,
        due: Sequence[ObjectType],
        told: Sequence[Foreseen],
    ) -> list[Foreseen]:
        """The collections that would be read, those that hang on others after these."""
        there = {type_.name for type_ in due} | {
            type_.name
            for type_ in types.catalogue.types
            if self.held.bookmark(type_.name).fresh_us is not None
        }
        filled = {one.name for one in told if one.items} | {
            name for name in there if self.held.property_names(name)
        }
        whole = [type_ for type_ in types.catalogue.types if type_.name in there]
        beside = Beside(api, exchange, self.held, types.catalogue, whole, frozenset(filled))
        rows = passes.due(self.held, around.selected(self.asked.only, self.asked.exclude), types.oldest_us)
        hanging = [row for row in rows if row.parent not in {"", TYPE, EMAILS}]
        first = await _each(beside.foresee(row) for row in rows if row not in hanging)
        return [*first, *await _each(beside.foresee(row) for row in hanging)]


async def _each(works: Iterable[Coroutine[Any, Any, Foreseen]]) -> list[Foreseen]:
    """What is foreseen of each, in their order; asked for all at once."""
    found: dict[int, Foreseen] = {}

    async def one(place: int, work: Coroutine[Any, Any, Foreseen]) -> None:
        found[place] = await work

    await all_of(one(place, work) for place, work in enumerate(works))
    return [found[place] for place in sorted(found)]


def _sent(budgets: Budgets) -> Calls:
    return Calls(**budgets.sent())
