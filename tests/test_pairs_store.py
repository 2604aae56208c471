"""What the store keeps of pairs of types: their association types, from which side they are read, what was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubdump.model import Association, AssociationsRead, RecordRef, RecordsRead, Response, Settled, WalkKey
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
