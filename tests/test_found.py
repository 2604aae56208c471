"""Bugs that blind readers planted, or saw, and no test had found: each has one here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hubdump import seal
from hubdump.errors import DiskFailure
from hubdump.hubspot import flows
from hubdump.hubspot.pacing import TEN_SECONDLY, Budgets
from hubdump.hubspot.window import SECOND_NS
from hubdump.model import Association, AssociationsRead, Budget, Known, RecordsRead, Request, Settled, WalkKey
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets.written import mark_of
from tests.test_flows import API, CALLS, reply
from tests.test_rounds import Dump, world
from tests.test_store import TO, commit, held
from tests.worlds import page


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


def test_a_record_that_is_listed_again_as_it_was_is_not_removed_at_the_end_of_the_round(store: Store) -> None:
    commit(store, {1: 10, 2: 10, 3: 10})
    store.commit_settled(
        WalkKey("calls", "reread"), Settled("3", done=True, removed={1: None, 2: 3, 3: None}), 0.0
    )
    listed = Settled("", done=True, seen=[1], unreadable={2: "HTTP 500"})
    store.commit_settled(WalkKey("calls", "identify"), listed, 0.0)
    store.finish_round("calls", 300, None)
    assert set(held(store)) == {1, 2}


def test_changes_that_take_several_batches_are_all_read_wherever_they_are_cut() -> None:
    changed = list(range(1000, 1150))

    def answered(request: Request[Any]) -> object:
        body = json.loads(request.body or b"")
        if "inputs" in body:
            return page([int(one["id"]) for one in body["inputs"]])
        ((_, above),) = (group["filters"] for group in body["filterGroups"])
        left = [id_ for id_ in changed if id_ > int(above["value"])]
        return page(left[:200], total=len(left))

    def read(cursor: str, commits: int) -> tuple[list[int], str, bool]:
        """What the flow hands over until so many commits, and where it stands then."""
        flow, found = flows.changes(API, CALLS, 0, 0, ["a"], cursor), list[int]()
        effect: Any = next(flow)
        while True:
            sent: Any = None
            if isinstance(effect, RecordsRead):
                found += [ref.id for ref in effect.records]
                commits -= 1
                if effect.done or not commits:
                    return found, effect.cursor, effect.done
            else:
                sent = {} if isinstance(effect, Known) else reply(effect, answered(effect))
            effect = flow.send(sent)

    for cut in (1, 2):
        first, cursor, done = read("", cut)
        second = [] if done else read(cursor, 9)[0]
        assert sorted({*first, *second}) == changed, f"cut behind commit {cut}"
    assert len(read("", 1)[0]) < len(changed), "one batch took all: nothing was cut"


def test_a_record_that_hubspot_counts_and_the_store_lacks_has_all_ids_compared(tmp_path: Path) -> None:
    dump = Dump(tmp_path, world())
    assert dump.run() == {}
    lost = int(dump.live("contacts")[7])
    store = Store(tmp_path / "store.sqlite")
    with store.transaction():
        sql = "DELETE FROM records WHERE type = (SELECT number FROM types WHERE name = 'contacts') AND id = ?"
        assert store._db.execute(sql, (lost,)).rowcount == 1
    store.close()
    assert dump.run() == {}
    dump.same()
    assert dump.asked("contacts")["ids"] == 2
    assert dump.asked("notes")["ids"] == 0


def test_a_search_that_the_general_limit_refuses_pauses_searches_and_the_others() -> None:
    budgets = Budgets(None)
    assert budgets.take(Budget.SEARCH, 0) == 0
    budgets.answered(Budget.SEARCH, 0)
    budgets.refused(Budget.SEARCH, 0, 7 * SECOND_NS, TEN_SECONDLY)
    for budget in (Budget.SEARCH, Budget.GENERAL):
        assert budgets.take(budget, 2 * SECOND_NS) == 5 * SECOND_NS, budget
        assert budgets.take(budget, 7 * SECOND_NS) == 0, budget


@pytest.mark.parametrize("harm", ["gone", "empty"])
def test_a_file_of_ours_that_is_gone_or_empty_at_the_end_is_told(harm: str, tmp_path: Path) -> None:
    folder, path = tmp_path / "dump", "raw/engagements.json"
    (folder / "raw").mkdir(parents=True)
    held_open = ExitStack()
    store = held_open.enter_context(seal.held(folder, "now"))
    (folder / path).write_bytes(b"[]\n")
    store.mark_file(path, mark_of(folder / path), 0)
    (folder / path).write_bytes(b"")
    if harm == "gone":
        (folder / path).unlink()
    with pytest.raises(DiskFailure, match="is not what was written to it"):
        held_open.close()
    assert seal.sums(folder) == {}
