"""What the store keeps of pairs of types: their association types, from which side they are read, what was read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hubdump.model import (
    Association,
    AssociationsRead,
    DueLinks,
    Reach,
    RecordRef,
    RecordsRead,
    Response,
    Settled,
    WalkKey,
)
from hubdump.store.pairs import AssociationType, Side
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from tests.test_pairs import rows


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store(tmp_path / "store.sqlite")
    yield one
    one.close()


def linked(store: Store, from_: str, to: str, *ends: tuple[int, int]) -> None:
    found = [Association(a, b, "HUBSPOT_DEFINED", 1, None) for a, b in ends]
    page = AssociationsRead([a for a, _ in ends], found, {9: "broken"}, "", done=False)
    store.commit_associations(WalkKey(from_, to), page, 0.0)


def test_a_side_that_is_not_read_any_more_keeps_what_it_showed_until_the_other_one_was_read(
    store: Store, tmp_path: Path
) -> None:
    store.pairs.choose("deals", "leads", read=False)
    assert store.pairs.side("deals", "leads") is Side.UNREAD
    store.pairs.choose("deals", "leads", read=True)
    linked(store, "deals", "leads", (1, 2))
    linked(store, "deals", "tickets", (1, 3))
    store.pairs.choose("deals", "leads", read=False)
    assert store.pairs.side("deals", "leads") is Side.LEFT
    assert store.pairs.side("leads", "deals") is Side.UNREAD
    assert store.pairs.has_any("deals", "leads")
    store.pairs.forget("deals", "leads")
    assert store.pairs.side("deals", "leads") is Side.UNREAD
    assert not store.pairs.has_any("deals", "leads")
    assert store.pairs.has_any("deals", "tickets")
    assert [one.purpose for one in store.asked.failures("deals")] == ["tickets"]
    assert rows(tmp_path, "deals", "tickets") == [("deals", "1", "tickets", "3", "HUBSPOT_DEFINED", 1, None)]


def test_a_record_that_was_removed_while_another_type_read_its_associations_keeps_none(
    store: Store, tmp_path: Path
) -> None:
    store.begin_round("tickets", 1)
    refs = [RecordRef(id_, place, 1, archived=False) for place, id_ in enumerate((1, 2))]
    page = RecordsRead(Response(200, {}, b'{"results": [{}, {}]}'), refs, "", done=True)
    store.commit_records(WalkKey("tickets", "sweep"), page, 0.0)
    store.commit_settled(WalkKey("tickets", "settle"), Settled("", done=True, removed={1: None}), 0.0)
    store.finish_round("tickets", 1, 1)
    linked(store, "tickets", "companies", (1, 5), (2, 5))
    assert rows(tmp_path, "tickets", "companies") == [
        ("tickets", "2", "companies", "5", "HUBSPOT_DEFINED", 1, None)
    ]


def test_a_side_that_is_read_again_before_it_was_forgotten_is_as_it_was(store: Store) -> None:
    for read in (True, False, True):
        store.pairs.choose("deals", "leads", read=read)
    assert store.pairs.side("deals", "leads") is Side.READ
    assert store.pairs.led_to() == {"leads"}


def test_association_types_are_kept_by_direction_and_replaced_when_they_are_asked_for_again(
    store: Store, tmp_path: Path
) -> None:
    there = [
        AssociationType("deals", "leads", "USER_DEFINED", id_, label) for id_, label in ((7, "B"), (5, None))
    ]
    assert store.pairs.asked_us("deals", "leads") == 0
    store.pairs.keep_kinds(there, "deals", "leads", 1_000)
    store.pairs.keep_kinds([], "leads", "deals", 2_000)
    assert store.pairs.kinds("deals", "leads") == tuple(reversed(there))
    assert store.pairs.kinds("leads", "deals") == ()
    assert [store.pairs.asked_us(*ends) for ends in (("deals", "leads"), ("leads", "deals"))] == [
        1_000,
        2_000,
    ]
    store.pairs.keep_kinds(there[:1], "deals", "leads", 3_000)
    again = Reader(tmp_path / "store.sqlite")
    assert again.association_types() == there[:1]
    assert again.pairs() == ()
    again.close()


def test_that_a_pair_differs_is_kept_whichever_way_it_is_named(store: Store) -> None:
    store.pairs.set_differing("leads", "deals", differs=True)
    assert store.pairs.is_differing("deals", "leads")
    assert store.pairs.is_differing("leads", "deals")
    assert not store.pairs.is_differing("deals", "tickets")
    store.pairs.set_differing("deals", "leads", differs=False)
    assert not store.pairs.is_differing("leads", "deals")


def changes(path: Path) -> set[tuple[int, int, int, int]]:
    """(run, from id, to id, added) of every change of associations."""
    with closing(sqlite3.connect(path / "store.sqlite")) as db:
        return set(db.execute("SELECT run, from_id, to_id, added FROM association_changes"))


def paged(store: Store, ends: list[tuple[int, int]], fresh: tuple[int, ...] = (), **more: Any) -> None:
    """One page of deals and contacts; whole where nothing else is said."""
    found = [Association(a, b, "HUBSPOT_DEFINED", 3, None) for a, b in ends]
    store.commit_associations(
        DEALS, AssociationsRead(fresh, found, {}, "", more.pop("done", False), **more), 0.0
    )


DEALS = WalkKey("deals", "contacts")


def based(store: Store) -> None:
    """Deals 1 and 2, read whole by the first run, which is over."""
    store.runs.begin("first", 1)
    store.begin_round("deals", 1)
    refs = [RecordRef(id_, place, 1, archived=False) for place, id_ in enumerate((1, 2))]
    page = RecordsRead(Response(200, {}, b'{"results": [{}, {}]}'), refs, "", done=True)
    store.commit_records(WalkKey("deals", "sweep"), page, 0.0)
    store.begin_associations(DEALS, "", 5, 0)
    paged(store, [(1, 7), (1, 8), (2, 7)], (1, 2))
    paged(store, [], done=True, reach=Reach.LATE)
    store.runs.begin("second", 2)


def test_what_the_first_whole_reading_finds_is_no_change_and_what_later_ones_do_is(
    store: Store, tmp_path: Path
) -> None:
    based(store)
    assert (store.associations.last_read("deals", "contacts").whole_us, changes(tmp_path)) == (5, set())
    paged(store, [(1, 8), (1, 9)], (1, 2))
    assert changes(tmp_path) == {(2, 1, 7, 0), (2, 1, 9, 1), (2, 2, 7, 0)}
    paged(store, [(1, 7), (1, 8)], (1,))  # in the same run all was as it had been
    assert changes(tmp_path) == {(2, 2, 7, 0)}
    store.pairs.forget("deals", "contacts")
    assert changes(tmp_path) == {(2, 2, 7, 0)}
    assert store.associations.last_read("deals", "contacts").whole_us == 0


def test_of_a_record_of_several_pages_what_none_of_them_shows_goes_with_the_last_one(
    store: Store, tmp_path: Path
) -> None:
    based(store)
    paged(store, [(1, 8), (1, 9)], (1,), more=[1])
    paged(store, [(1, 10)], more=[1])
    assert {row[3] for row in rows(tmp_path, "deals", "contacts") if row[1] == "1"} == {"7", "8", "9", "10"}
    paged(store, [], last=[1])
    assert {row[3] for row in rows(tmp_path, "deals", "contacts") if row[1] == "1"} == {"8", "9", "10"}
    assert changes(tmp_path) == {(2, 1, 7, 0), (2, 1, 9, 1), (2, 1, 10, 1)}
    paged(store, [(1, 8)], (1,), more=[1])  # and begins anew with its first page
    paged(store, [(1, 11)], last=[1])
    assert {row[3] for row in rows(tmp_path, "deals", "contacts") if row[1] == "1"} == {"8", "11"}


def test_the_associations_of_a_removed_record_go_with_it(store: Store, tmp_path: Path) -> None:
    based(store)
    linked(store, "deals", "tickets", (1, 3))  # a side that was never read whole: no change either
    store.commit_settled(WalkKey("deals", "settle"), Settled("", done=True, removed={1: None}), 0.0)
    store.finish_round("deals", 1, 1)
    assert changes(tmp_path) == {(2, 1, 7, 0), (2, 1, 8, 0)}
    store.erasing.erase("deals", {1})
    assert changes(tmp_path) == set()


def test_a_list_holds_what_changed_what_failed_and_what_led_to_what_is_gone(store: Store) -> None:
    based(store)
    store.begin_round("contacts", 1)
    refs = [RecordRef(id_, 0, 1, archived=False) for id_ in (7, 8, 9)]
    page = RecordsRead(Response(200, {}, b'{"results": [{}, {}, {}]}'), refs, "", done=True)
    store.commit_records(WalkKey("contacts", "sweep"), page, 0.0)
    store.begin_associations(DEALS, "back", 6, 0)
    assert store.walk(DEALS) == ("back", False)
    assert due(store, back=True) == [7, 8, 9]
    assert due(store) == [1, 2]
    paged(store, [], done=True, reach=Reach.CHANGED)
    assert (due(store), due(store, back=True)) == ([], [])
    store.runs.begin("third", 3)
    store.commit_settled(WalkKey("contacts", "settle"), Settled("", done=True, removed={8: None}), 0.0)
    store.begin_associations(DEALS, "back", 7, 0)
    assert (due(store), due(store, back=True)) == ([1], [])
    failed = AssociationsRead((), (), {2: "no"}, "", done=True, reach=Reach.CHANGED)
    store.commit_associations(DEALS, failed, 0.0)
    store.pairs.choose("deals", "contacts", read=True)
    store.begin_round("deals", 8)
    assert [one.id for one in store.asked.failures("deals")] == [2], "named until it is read again"
    store.begin_associations(DEALS, "back", 9, 0)
    assert store.asked.failures("deals") == []
    assert 2 in due(store)


def committed(
    store: Store, *ids: int, archived: bool = False, type_: str = "deals", updated_us: int = 1
) -> None:
    """Records come in a page of the catch-up."""
    refs = [RecordRef(id_, place, updated_us, archived=archived) for place, id_ in enumerate(ids)]
    body = b'{"results": [%s]}' % b", ".join([b"{}"] * len(ids))
    store.commit_records(
        WalkKey(type_, "catch-up"), RecordsRead(Response(200, {}, body), refs, "", done=False), 0.0
    )


def test_what_is_committed_while_all_are_read_is_due_again_until_it_was_read(store: Store) -> None:
    based(store)
    store.begin_round("deals", 2)
    committed(store, 3)
    store.begin_associations(DEALS, "", 9, 0)
    assert late(store) == [], "it comes with all the others"
    committed(store, 1, 4)
    committed(store, 5, archived=True)
    assert (late(store), due(store)) == ([1, 4], [3])
    paged(store, [], (1, 2))
    assert (late(store), due(store)) == ([1, 4], [3]), "all is due until that is done, late or not"
    store.commit_associations(DEALS, AssociationsRead((), (), {4: "no"}, "late", done=False), 0.0)
    paged(store, [(1, 7), (4, 8)], (1, 4), reach=Reach.LATE)
    assert store.asked.failures("deals") == [], "what failed before was read after all"
    assert store.associations.last_read("deals", "contacts").whole_us == 5
    paged(store, [], done=True, reach=Reach.LATE)
    assert (late(store), due(store)) == ([], [])
    assert store.associations.last_read("deals", "contacts").whole_us == 9


def test_what_came_late_is_due_by_the_next_walk_where_its_own_was_not_continued(store: Store) -> None:
    based(store)
    store.begin_associations(DEALS, "", 9, 0)
    committed(store, 2)
    store.begin_round("deals", 10)
    store.begin_associations(DEALS, "back", 11, 0)
    assert (late(store), 2 in due(store)) == ([], True)
    committed(store, 2)
    assert late(store) == [2]
    store.pairs.forget("deals", "contacts")
    assert late(store) == due(store) == []


def test_what_came_late_is_known_to_the_next_process(store: Store, tmp_path: Path) -> None:
    based(store)
    store.begin_associations(DEALS, "", 9, 0)
    committed(store, 2)
    with closing(Store(tmp_path / "store.sqlite")) as again:
        assert late(again) == [2]


def test_what_a_later_run_commits_has_the_walks_of_an_earlier_one_begin_again(store: Store) -> None:
    based(store)
    committed(store, 7, type_="contacts")
    store.begin_associations(DEALS, "back", 11, 0)
    paged(store, [(2, 7)], (2,), done=True)
    assert not any(store.associations.behind("deals", "contacts", new_ones=True)), "it noted all there was"
    store.runs.begin("third", 3)
    committed(store, 3)
    committed(store, 7, 9, type_="contacts", updated_us=5)
    behind = store.associations.behind("deals", "contacts", new_ones=True)
    assert behind == ([(3, True)], [(7, True), (9, True)])
    of_known_ones = store.associations.behind("deals", "contacts", new_ones=False)
    assert of_known_ones == ([(3, True)], [(7, True)])
    store.begin_behind(DEALS, "back", behind)
    assert store.walk(DEALS) == ("back", False)
    assert (due(store), due(store, back=True)) == ([1, 2, 3], [7, 9]), "1 and 2 are tied to 7"
    assert not any(store.associations.behind("deals", "contacts", new_ones=True))


def late(store: Store) -> list[int]:
    return store.associations.due("deals", "contacts", DueLinks(0, 100, Reach.LATE))


def due(store: Store, *, back: bool = False) -> list[int]:
    reach = Reach.BACK if back else Reach.CHANGED
    return store.associations.due("deals", "contacts", DueLinks(0, 100, reach))
