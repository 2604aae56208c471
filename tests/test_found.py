"""Bugs of the store that a blind reader planted and no test had seen: each has one here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubdump.model import Association, AssociationsRead, Settled, WalkKey
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from tests.test_store import TO, commit, held


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "store.sqlite")
    found.begin_round("calls", 1)
    yield found
    found.close()


def test_a_record_that_turns_up_after_all_is_not_removed_at_the_end_of_the_round(store: Store) -> None:
    commit(store, {1: 10, 2: 10})
    gone = Settled("2", done=True, removed={1: None, 2: None})
    store.commit_settled(WalkKey("calls", "reread"), gone, 0.0)
    commit(store, {1: 10}, "", "there")
    store.finish_round("calls", 300, None)
    assert held(store) == {1: "there"}


def test_the_associations_of_a_record_are_together_by_the_record_they_lead_to(store: Store) -> None:
    commit(store, {1: 10})
    rows = [Association(1, to, "HUBSPOT_DEFINED", type_id, None) for to, type_id in ((7, 1), (8, 1), (7, 3))]
    store.commit_associations(TO, AssociationsRead([1], rows, {}, "1", done=True), 0.0)
    reader = Reader(store.path)
    found = [(one.to_id, one.type_id) for _, one in reader.associations_of("calls", [1])[1]]
    reader.close()
    assert found == [(7, 1), (7, 3), (8, 1)]
