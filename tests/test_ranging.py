"""One list read by several walks, fed by hand: whatever an id means that no page gave, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from hubdump import marks
from hubdump.catalog import STANDARD
from hubdump.errors import BeliefRefuted, Poison, RequestRefused
from hubdump.estimate.standing import left_to_list
from hubdump.extract import ranging, splitting
from hubdump.extract.ranging import ENTERED, Ranging
from hubdump.extract.splitting import Range, middle, middle_known
from hubdump.hubspot import flows, listing
from hubdump.hubspot.endpoints import Endpoints
from hubdump.hubspot.listing import Spot
from hubdump.model import Answer, Effect, Known, Met, RecordsRead, Request, Response, Settled, WalkKey
from hubdump.store.store import Store
from hubdump.store.walks import part
from tests.worlds import page

CALLS = STANDARD.by_name("calls")
SWEEP = WalkKey("calls", "sweep")
API = Endpoints()
PAGE = 10
# Old ids and new ones, far apart, with gaps of their own.
CLUMPED = [*range(1_001, 1_601, 3), *range(5_000_000, 5_004_000, 20)]


class Cut(Exception):
    """The end of everything, at once."""


@dataclass
class There:
    """A list at HubSpot: its `order`, and what `after` is taken for where no page gave it."""

    ids: list[int]
    entry: str = "id"
    order: Callable[[int], Any] = int
    poison: int = 0
    dies_at: int = 0
    asked: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    happens: Callable[[There], None] = lambda _: None

    def answer(self, request: Request[Any]) -> Answer[Any]:
        if request.body:
            raise Poison(500, "/crm/objects", "internal error")  # of the record that breaks lists
        query = dict(request.query)
        after, limit = query.get("after", ""), int(query["limit"])
        self.asked.append(after)
        if len(self.asked) == self.dies_at:
            raise Cut
        self.happens(self)
        return _answer(request, self._page(after, limit))

    def _page(self, after: str, limit: int) -> dict[str, Any]:
        ids = sorted(self.ids, key=self.order)
        strange = bool(after) and after not in self.given
        if strange and self.entry == "refused":
            raise RequestRefused(400, "/crm/objects", "Invalid value for after")
        if strange and self.entry == "empty":
            return page([])
        if after and not (strange and self.entry == "start"):
            ids = [id_ for id_ in ids if self.order(id_) >= self.order(int(after))]
        if self.poison in ids[:limit]:
            raise Poison(500, "/crm/objects", "internal error")
        next_ = str(ids[limit]) if len(ids) > limit else ""
        if strange and self.entry == "stuck":
            next_ = after
        self.given.add(next_)
        return page(ids[:limit], next_)


def _answer(request: Request[Any], content: object) -> Answer[Any]:
    body = msgspec.json.encode(content)
    return Answer(msgspec.json.decode(body, type=request.expects), Response(200, {}, body))


@dataclass
class Idling:
    """An exchange that has room, or has none."""

    room: bool = True

    def idles(self) -> bool:
        return self.room


class Run:
    """Reads the calls of `there` into a store, page by page."""

    def __init__(self, store: Store, there: There, *, room: bool = True) -> None:
        self.store, self.there, self.refuted = store, there, dict[str, str]()
        self.ranging = Ranging(store, Idling(room), self.perform, self.refute)  # type: ignore[arg-type]  # it asks no more of one

    def refute(self, belief: str, seen: str) -> None:
        self.refuted[belief] = seen
        self.store.refute(belief, seen)

    async def perform(self, key: WalkKey, effect: Effect) -> Any:
        match effect:
            case Request():
                await asyncio.sleep(0)
                reply = self.there.answer(effect)
                await asyncio.sleep(0)
                return reply
            case Met():
                return self.store.walks.met(key, effect)
            case Known(ids):
                return self.store.asked.versions(key.type, ids)
            case RecordsRead():
                self.store.commit_records(key, effect, 0.0)
            case Settled():
                self.store.commit_settled(key, effect, 0.0)
        return None

    def read(self, records: int = 0, purpose: str = "sweep", *, known: bool = False) -> Run:
        def start(cursor: str) -> Any:
            if purpose == "identify":
                return flows.identify(API, CALLS, ["a"], [], cursor)
            return flows.sweep(API, CALLS, ["a"], cursor)

        key = WalkKey("calls", purpose)
        if not self.store.begun(key):
            self.store.begin(key, lists=True)
        asyncio.run(self.ranging.read(CALLS, purpose, start, records, known=known))
        assert all(done for _, done in self.store.walks.of(key).values())
        return self

    @property
    def walks(self) -> int:
        return len(self.store.walks.of(SWEEP))


@pytest.fixture(autouse=True)
def small_pages() -> Iterable[None]:
    ladder = (PAGE, 2, 1)
    with (
        patch.object(listing, "LIST_LADDER", ladder),
        patch.object(ranging, "LIST_LADDER", ladder),
        patch.object(splitting, "HALF_PAGES_LEAST", 1),
        patch.object(splitting, "PAGES_A_SPLIT", 4),
    ):
        yield


@pytest.fixture
def store(tmp_path: Path) -> Iterable[Store]:
    store = Store(tmp_path / "store.sqlite")
    store.runs.begin("first", 1)
    yield store
    store.close()


def held(store: Store) -> list[int]:
    return store.asked.ids("calls", 0, 100_000)


@pytest.mark.parametrize("ids", [CLUMPED, list(range(7, 4_007, 10)), list(range(1, 401))])
def test_a_long_list_is_read_by_several_walks_each_record_once_but_for_a_page_a_split(
    store: Store, ids: list[int]
) -> None:
    there = There(ids)
    run = Run(store, there).read(len(ids))
    assert held(store) == ids
    assert 3 < run.walks <= 1 + len(ids) // PAGE // 4
    assert len(there.asked) <= len(ids) // PAGE + 1 + (run.walks - 1) + splitting.MISSES_MAX
    assert sum(len(walk.cursor) > 0 for walk in store.walks.of(SWEEP).values()) == run.walks
    assert run.refuted == {}


@pytest.mark.parametrize(("records", "room"), [(len(CLUMPED), False), (30, True)])
def test_it_stays_one_walk_where_nothing_idles_or_it_is_short(store: Store, records: int, room: bool) -> None:
    there = There(CLUMPED[:records])
    run = Run(store, there, room=room).read(records)
    assert held(store) == CLUMPED[:records]
    assert (run.walks, len(there.asked)) == (1, records // PAGE)


def test_a_list_that_nobody_counted_is_split_as_it_turns_out_to_be_long(store: Store) -> None:
    run = Run(store, There(CLUMPED)).read()
    assert held(store) == CLUMPED
    assert run.walks > 1


@pytest.mark.parametrize("entry", ["empty", "start", "refused"])
def test_what_an_id_leads_to_that_no_page_gave_is_believed_only_when_it_came(
    store: Store, entry: str
) -> None:
    there = There(CLUMPED, entry)
    run = Run(store, there).read(len(CLUMPED))
    assert held(store) == CLUMPED
    assert run.walks == 1
    assert len(there.asked) <= len(CLUMPED) // PAGE + splitting.MISSES_MAX + splitting.AT_ONCE + 1
    assert (ENTERED in run.refuted) == (entry != "empty")


def test_nothing_where_the_store_knows_records_beyond_refutes_the_belief(store: Store) -> None:
    there = There(CLUMPED)
    run = Run(store, there)
    there.happens = lambda there: setattr(there, "entry", "empty" if run.walks > 2 else "id")
    run.read(len(CLUMPED))
    assert held(store) == CLUMPED


@pytest.mark.parametrize("gone", [1, PAGE, 3 * PAGE])
def test_a_range_whose_first_records_go_away_is_met_all_the_same(store: Store, gone: int) -> None:
    there, left = There(list(range(100, 900, 2))), set[int]()

    def removes(there: There) -> None:
        for start in store.walks.of(SWEEP):
            if start and start not in left:
                left.add(start)
                at = there.ids.index(start) if start in there.ids else len(there.ids)
                del there.ids[at : at + gone]

    there.happens = removes
    run = Run(store, there).read(400)
    assert left
    assert set(held(store)) >= set(there.ids)
    assert run.walks > 1


def test_a_list_in_the_order_of_texts_loses_nothing(store: Store) -> None:
    ids = [*range(1_000, 1_150), *range(10_000, 11_500, 11), *range(2, 90)]
    there = There(ids, order=str)
    Run(store, there).read(len(ids))
    assert held(store) == sorted(ids)


def test_a_walk_from_the_middle_whose_cursors_lead_nowhere_gives_way_to_one_from_the_beginning(
    store: Store,
) -> None:
    there = There(CLUMPED, "stuck")
    with marks.heard() as heard:
        run = Run(store, there).read(len(CLUMPED))
    assert held(store) == CLUMPED
    assert (run.walks, heard["ranges given up"]) == (1, 1)
    assert "gave the cursor" in run.refuted[ENTERED]


def test_what_ends_the_first_walk_ends_the_list_and_it_begins_anew(store: Store) -> None:
    there = There(CLUMPED)

    def circles(there: There) -> None:
        if len(there.asked) == 3:
            raise BeliefRefuted("cursors move on", "the list of calls gave the cursor 1 twice")

    there.happens = circles
    with pytest.raises(BeliefRefuted):
        Run(store, there).read(len(CLUMPED))
    assert store.walks.of(SWEEP) == {0: ("", False)}


@pytest.mark.parametrize("number", [2, 9, 20, 35])
def test_cut_at_any_request_the_next_run_goes_on_with_every_walk_and_loses_nothing(
    store: Store, number: int
) -> None:
    there = There(CLUMPED, dies_at=number)
    with pytest.raises(Cut):
        Run(store, there).read(len(CLUMPED))
    before = [walk for walk in store.walks.of(SWEEP).values() if not walk.done]
    first = set(there.asked)
    there.asked.clear()
    there.dies_at = 0
    Run(store, there).read(len(CLUMPED))
    assert held(store) == CLUMPED
    assert {msgspec.json.decode(walk.cursor, type=Spot).after for walk in before if walk.cursor} <= {
        *there.asked
    }
    # Of each walk at most the page that was under way.
    assert len(first & {*there.asked}) <= len(before)


def test_a_record_that_breaks_every_list_is_left_out_by_name_wherever_the_ranges_lie(store: Store) -> None:
    ids = list(range(100, 900, 2))
    there = There(ids, poison=600)
    Run(store, there).read(len(ids))
    assert held(store) == [id_ for id_ in ids if id_ != 600]
    assert [one.id for one in store.asked.failures("calls")] == [600]


def test_what_is_left_to_list_is_what_no_walk_has_seen(store: Store) -> None:
    assert left_to_list(store, CALLS, "sweep", 400) == 400
    there = There(CLUMPED, dies_at=25)
    with pytest.raises(Cut):
        Run(store, there).read(len(CLUMPED))
    left = left_to_list(store, CALLS, "sweep", len(CLUMPED))
    assert left is not None
    assert 0 < left <= len(CLUMPED) - len(held(store))
    there.dies_at = 0
    Run(store, there).read(len(CLUMPED))
    assert left_to_list(store, CALLS, "sweep", len(CLUMPED)) is None


def _range(start: int, last: int, density: float = 0.1, floor: int = 0, *, done: bool = False) -> Range:
    key = part(SWEEP, start) if start else SWEEP
    return Range(floor or start, start, key, Spot(str(last + 1), last, 1), last, density, done)


def test_the_longest_rest_is_halved_where_its_records_are_expected() -> None:
    # 100 records at 0.1 for each id lie on the next 1,000.
    assert middle([_range(0, 500)], 100, PAGE) == 500 + 1 + 500
    # Up to where the next one was looked for, not where it was found: between lies nothing.
    assert middle([_range(0, 500), _range(90_000, 95_000, floor=1_001, done=True)], 900, PAGE) == 501 + 250
    # What the first one has is no more to be had by the second.
    assert middle([_range(0, 500), _range(1_000, 1_101)], 200, PAGE) == 1_102 + 750
    assert middle([_range(0, 500), _range(1_000, 1_101)], 200, PAGE, ceiling=1_401) == 501 + 250


def test_where_the_ids_are_known_the_rest_with_most_of_them_is_halved() -> None:
    known = [*range(1_000, 2_000, 100), *range(900_000, 900_400, 100)]  # each stands for five records
    assert middle_known([_range(0, 500, density=0.0)], known, 5, PAGE) == 1_700
    # Of 1,000 to 1,900 the first has shown all but four, and between 901 and 899,999 lies nothing.
    assert middle_known([_range(0, 1_550), _range(900_000, 900_000)], known, 10, PAGE) == 1_800
    assert middle_known([_range(0, 1_850), _range(900_000, 900_000)], known, 10, PAGE) == 900_200
    # Short, and what is not open.
    assert middle_known([_range(0, 1_850), _range(900_000, 900_000)], known, 6, PAGE) is None
    assert middle_known([_range(0, 500, done=True)], known, 5, PAGE) is None


@pytest.mark.parametrize("ids", [CLUMPED, list(range(7, 4_007, 10))])
def test_what_is_listed_again_is_split_where_the_store_knows_its_records_and_no_request_misses(
    store: Store, ids: list[int]
) -> None:
    there = There(ids)
    run = Run(store, there).read(len(ids))
    there.asked.clear()
    run.read(len(ids), "identify", known=True)
    walks = len(store.walks.of(WalkKey("calls", "identify")))
    assert 6 < walks <= 1 + len(ids) // PAGE // 4
    assert len(there.asked) <= len(ids) // PAGE + walks
    assert store.asked.unseen("calls", 0, 1_000) == []


def test_the_store_tells_ids_that_lie_so_many_records_apart(store: Store) -> None:
    Run(store, There(CLUMPED)).read(len(CLUMPED))
    assert store.asked.apart("calls", 99) == [CLUMPED[99], CLUMPED[199], CLUMPED[299], CLUMPED[399]]
    assert store.asked.apart("calls", 400) == store.asked.apart("notes", 9) == []


def test_it_is_not_split_where_it_is_short_not_known_yet_or_no_list_of_ids() -> None:
    assert middle([_range(0, 500)], 2 * PAGE - 1, PAGE) is None
    assert middle([_range(0, 500, density=0.0)], 900, PAGE) is None
    # The longest has shown one page only: another one would be the wrong one.
    assert middle([_range(0, 500), _range(2_001, 2_101, density=0.0)], 900, PAGE) is None
    for spot in (Spot("abc", 500, 1), Spot("600", 500, 1, textual=True), Spot("600", 500, 1, counting=True)):
        one = _range(0, 500)
        one.spot = spot
        assert middle([one], 900, PAGE) is None


def test_records_for_each_id_are_those_of_the_last_page() -> None:
    one = Range(0, 0, SWEEP)
    one.moved(Spot("5001", 5_000, 10))
    assert one.density == 0.0
    one.moved(Spot("5101", 5_100, 20))
    assert (one.density, one.last) == (0.1, 5_100)


def test_a_refusal_that_is_not_of_the_cursor_ends_the_list_and_refutes_nothing(store: Store) -> None:
    there = There(CLUMPED)

    def vanishes(there: There) -> None:
        if len(there.asked) > 12:
            raise RequestRefused(404, "/crm/objects", "no such type")

    there.happens = vanishes
    run = Run(store, there)
    with pytest.raises(RequestRefused):
        run.read(len(CLUMPED))
    assert run.refuted == {}
