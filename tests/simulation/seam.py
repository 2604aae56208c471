"""The one place where the simulation touches the core: how an extraction is started, and what it left behind."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol
from unittest.mock import patch

import duckdb
import msgspec

from hubdump import session
from hubdump.catalog import STANDARD
from hubdump.clock import Clock
from hubdump.errors import BeliefRefuted, Incomplete
from hubdump.events import Emit
from hubdump.extract import ranging, sending, splitting
from hubdump.extract.bearer import Credentials
from hubdump.extract.engine import Engine
from hubdump.extract.exchange import Patience
from hubdump.extract.pairing import LEADS_TO
from hubdump.extract.plan import Wishes
from hubdump.hubspot import client, listing
from hubdump.hubspot.endpoints import LIST_LADDER
from hubdump.hubspot.pacing import Budgets
from hubdump.model import ObjectType, Request, Response, Secret, State
from hubdump.session import Access
from hubdump.store.database import HISTORY, RECORD
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets import DUCKDB, duckdb_file
from hubdump.verify import there
from hubdump.verify.findings import Asked, Finding, Level
from hubdump.verify.portal import Portal
from tests.simulation.truth import Row

_RANGE = re.compile(r"nothing was read of ids (\d+) to (\d+)")


class Network(Protocol):
    """What stands in the place of the HTTP client."""

    async def send(self, request: Request[Any], token: Secret | None) -> Response: ...


@dataclass(frozen=True, slots=True)
class Wire:
    """A network that can be opened and closed, as the session does with its client."""

    network: Network

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        return await self.network.send(request, token)

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Order:
    """How one process is started."""

    path: Path
    types: tuple[str, ...]
    credentials: Credentials
    number: int | None
    in_flight: int
    give_up_s: float
    wishes: Wishes
    page: int = 100


@contextmanager
def _instead(order: Order, network: Network, chance: Callable[[], float]) -> Iterator[None]:
    with (
        patch.object(client, "Client", lambda *_: Wire(network)),
        patch.object(sending, "IN_FLIGHT_MAX", order.in_flight),
        patch.object(random, "random", chance),
        _paged(order.page),
    ):
        yield


@contextmanager
def _paged(page: int) -> Iterator[None]:
    """Small pages, and the lists that have them split wherever they may be."""
    if page == LIST_LADDER[0]:
        yield
        return
    ladder = (page, *(least for least in LIST_LADDER if least < page), 1)
    with (
        patch.object(listing, "LIST_LADDER", ladder),
        patch.object(ranging, "LIST_LADDER", ladder),
        patch.object(splitting, "HALF_PAGES_LEAST", 0.5),
        patch.object(splitting, "PAGES_A_SPLIT", 1),
    ):
        yield


@dataclass(frozen=True, slots=True)
class Done:
    """How an extraction came to its end: what failed, by type, and the beliefs that it saw refuted."""

    failed: dict[str, Incomplete]
    refuted: frozenset[str]


async def extraction(
    order: Order, network: Network, clock: Clock, emit: Emit, chance: Callable[[], float]
) -> Done:
    """One process: `hubdump run` from the opening of its store to its end."""
    store = Store(order.path)
    access = Access("http://sandbox.invalid", order.credentials, order.number, Patience(order.give_up_s))
    with _instead(order, network, chance):
        async with session.opened(access, Budgets(order.number), store, clock, emit) as opened:
            store.runs.begin(f"from {clock.now_ns()}", int(clock.wall_s() * 1e6))
            engine = Engine(opened.api, opened.exchange, store, clock, emit, order.wishes)
            failed = await engine.extract([STANDARD.by_name(name) for name in order.types], _no_file)
    named = {error.belief for error in failed.values() if isinstance(error, BeliefRefuted)}
    refuted = frozenset(store.refuted()) | named
    store.end_run()
    store.close()
    return Done(failed, refuted)


async def verification(
    order: Order, network: Network, clock: Clock, emit: Emit, chance: Callable[[], float]
) -> list[Finding]:
    """One process: `hubdump verify --level ids` on the store of an extraction."""
    store = Store(order.path)
    access = Access("http://sandbox.invalid", order.credentials, order.number, Patience(order.give_up_s))
    types = [STANDARD.by_name(name) for name in order.types]
    try:
        with _instead(order, network, chance):
            async with session.opened(access, Budgets(order.number), store, clock, emit) as opened:
                portal = Portal(opened.exchange, opened.api, clock)
                proofs = await there.check(portal, order.path.parent, types, Asked(Level.IDS))
    finally:
        store.close()
    return [finding for proof in proofs.values() for finding in proof.findings]


async def _no_file(_type: ObjectType) -> None:
    return None


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """One record as a fresh reader gives it."""

    id: int
    state: str
    content: bytes
    into: int = 0


@dataclass(frozen=True, slots=True)
class HeldType:
    """One type as a fresh reader gives it; instants in microseconds; `defined` are its properties (name, type).

    `unread` are ids named as not to be had, `ranges` spans of ids (first, last), `untied` the ids and types whose
    associations are, `unled` types to which none are had, `linked_us` when those to each type were last read whole.
    """

    records: list[HeldRecord]
    rows: list[Row]
    fresh_us: int | None
    proved_us: int | None
    unread: frozenset[int] = frozenset()
    untied: frozenset[tuple[int, str]] = frozenset()
    unled: frozenset[str] = frozenset()
    ranges: tuple[tuple[int, int], ...] = ()
    defined: frozenset[tuple[str, str]] = frozenset()
    linked_us: Mapping[str, int] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """All of it as a text that is the same in every process; the order of a set is not."""
        linked = sorted(self.linked_us.items())
        named = sorted(self.unread), sorted(self.untied), sorted(self.unled), self.ranges, linked
        return repr((self.records, self.rows, self.fresh_us, self.proved_us, named, sorted(self.defined)))

    def is_named(self, id_: int) -> bool:
        """Whether the dump says that it does not have this record."""
        return id_ in self.unread or any(first <= id_ <= last for first, last in self.ranges)


def read_back(path: Path, types: tuple[str, ...]) -> dict[str, HeldType]:
    """What a process that never saw the others finds in the store."""
    reader = Reader(path)
    try:
        return {name: _held(reader, name) for name in types}
    finally:
        reader.close()


def rebuilt(dump: Path, types: tuple[str, ...]) -> tuple[dict[str, list[int]], list[Row]]:
    """What a target made from the store holds: the ids of active records by type, and every association."""
    duckdb_file.write(dump, [STANDARD.by_name(name) for name in types])
    with duckdb.connect(dump / DUCKDB, read_only=True) as db:
        active = "SELECT CAST(id AS BIGINT) FROM {} WHERE NOT (_deleted OR archived)"
        ids = {name: [id_ for (id_,) in db.execute(active.format(name)).fetchall()] for name in types}
        rows = db.execute("SELECT * FROM associations").fetchall()
    return ids, [(from_, int(id_), to, int(other), *label) for from_, id_, to, other, *label in rows]


def _type_of(definition: bytes) -> str:
    return str(msgspec.json.decode(definition)["type"])


def _held(reader: Reader, name: str) -> HeldType:
    mark = reader.bookmark(name)
    records = [
        HeldRecord(one.id, one.state.name.lower(), bytes(one.raw), one.merged_into or 0)
        for page in reader.pages(name, *State)
        for one in page
    ]
    rows: list[Row] = [
        (name, one.from_id, to, one.to_id, one.category, one.type_id, one.label)
        for to, one in reader.associations(name)
    ]
    failed = reader.quarantined(name)
    unread = frozenset(one.id for one in failed if one.purpose == RECORD)
    return HeldType(
        records, rows, mark.fresh_us if mark.complete else None, mark.proved_us, unread,
        frozenset((one.id, one.purpose) for one in failed if one.purpose not in {RECORD, HISTORY}),
        frozenset(one.what.removeprefix(LEADS_TO) for one in reader.unread()),
        tuple((int(span[1]), int(span[2])) for one in failed if (span := _RANGE.search(one.reason))),
        frozenset((property_, _type_of(raw)) for property_, raw in reader.definitions(name)),
        {to: us for (from_, to), us in reader.linked_us().items() if from_ == name},
    )  # fmt: skip
