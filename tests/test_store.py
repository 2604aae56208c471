"""The store: a page and its cursor together, the newest version wins, what a round did not see is gone."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from hubdump.errors import DiskFailure, UsageError
from hubdump.model import (
    Association,
    AssociationsRead,
    Bookmark,
    Quarantine,
    RecordRef,
    RecordsRead,
    Response,
    Settled,
    State,
    Version,
    WalkKey,
)
from hubdump.store.database import check_structure
from hubdump.store.reader import Reader, StoredFile
from hubdump.store.store import Store
from tests.worlds import record

SWEEP = WalkKey("calls", "sweep")
TO = WalkKey("calls", "contacts")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.sqlite")
    store.begin_round("calls", 1)
    yield store
    store.close()


def commit(store: Store, versions: dict[int, int], cursor: str = "", title: str = "") -> None:
    body = json.dumps({"results": [record(id_, hs_call_title=title) for id_ in versions]}).encode()
    refs = [RecordRef(id_, n, updated) for n, (id_, updated) in enumerate(versions.items())]
    store.commit_records(SWEEP, RecordsRead(Response(200, {}, body), refs, cursor, done=not cursor), 0.0)


def held(store: Store) -> dict[int, str]:
    reader = Reader(store.path)
    try:
        pages = [record for page in reader.pages("calls") for record in page]
        return {r.id: json.loads(bytes(r.raw))["properties"]["hs_call_title"] for r in pages}
    finally:
        reader.close()


def test_a_page_and_its_cursor_are_there_together_after_reopening(store: Store) -> None:
    commit(store, {1: 10, 2: 10}, "3", "first")
    again = Store(store.path)
    assert again.walk(SWEEP) == ("3", False)
    assert held(again) == {1: "first", 2: "first"}
    again.close()


def test_an_older_version_does_not_replace_a_newer_one_whatever_the_order(store: Store) -> None:
    commit(store, {1: 10, 2: 20}, "3", "swept")
    commit(store, {1: 30, 2: 5}, "", "found again")
    assert held(store) == {1: "found again", 2: "swept"}


def test_what_is_removed_waits_for_the_end_of_its_round_and_comes_back_when_seen(store: Store) -> None:
    commit(store, {1: 10, 2: 10, 3: 10}, "", "one")
    store.finish_round("calls", 100, 100)
    store.begin_round("calls", 200)
    settled = WalkKey("calls", "settle")
    store.commit_settled(settled, Settled("3", done=True, removed={2: None, 3: 1}), 0.0)
    assert (sorted(held(store)), store.asked.removals("calls")) == ([1, 2, 3], 2)
    store.finish_round("calls", 300, None)
    assert sorted(held(store)) == [1]
    reader = Reader(store.path)
    assert [(r.id, r.state, r.merged_into) for r in reader.states("calls")] == [
        (1, State.ACTIVE, None), (2, State.GONE, None), (3, State.MERGED, 1)
    ]  # fmt: skip
    assert (list(reader.merges("calls")), reader.bookmark("calls").proved_us) == ([(3, 1)], 100)
    reader.close()
    store.begin_round("calls", 400)
    commit(store, {1: 10, 2: 10}, "", "three")
    store.finish_round("calls", 500, 500)
    assert sorted(held(store)) == [1, 2]


def test_a_removal_of_a_round_that_was_never_finished_is_forgotten(store: Store) -> None:
    commit(store, {1: 10})
    store.commit_settled(WalkKey("calls", "settle"), Settled("1", done=True, removed={1: None}), 0.0)
    store.begin_round("calls", 200)
    store.finish_round("calls", 300, None)
    assert sorted(held(store)) == [1]


def test_what_the_latest_pass_did_not_show_is_unseen(store: Store) -> None:
    proof = WalkKey("calls", "identify")
    store.begin(SWEEP, lists=True)
    commit(store, {1: 10, 2: 10, 3: 10, 4: 10})
    assert store.asked.unseen("calls", 0, 9) == []
    store.begin(proof, lists=True)
    store.begin(proof, lists=True)
    assert store.asked.unseen("calls", 1, 2) == [2, 3]
    store.commit_settled(proof, Settled("x", done=True, seen=[1, 3], unreadable={4: "HTTP 500"}), 0.0)
    assert store.asked.unseen("calls", 0, 9) == [2]


def test_a_record_that_cannot_be_read_stays_quarantined_until_it_is_read(store: Store) -> None:
    store.commit_settled(SWEEP, Settled("", done=True, unreadable={5: "HTTP 500"}), 0.0)
    store.begin_round("calls", 200)
    assert (store.asked.quarantined("calls", 0, 9), store.asked.unread("calls")) == ([5], 1)
    assert store.asked.totals("calls").failed == 1
    commit(store, {5: 10})
    assert (store.asked.quarantined("calls", 0, 9), store.asked.totals("calls").failed) == ([], 0)


def test_an_archived_record_keeps_its_bytes_and_loses_its_associations(store: Store) -> None:
    commit(store, {1: 10}, "", "kept")
    row = Association(1, 7, "HUBSPOT_DEFINED", 194, None)
    store.commit_associations(TO, AssociationsRead([1], [row], {}, "1", done=True), 0.0)
    body = json.dumps({"results": [record(1, hs_call_title="kept") | {"archived": True}]}).encode()
    ref = RecordRef(1, 0, 10, archived=True)
    store.commit_records(SWEEP, RecordsRead(Response(200, {}, body), [ref], "", done=True), 0.0)
    totals = store.asked.totals("calls")
    assert (totals.records, totals.archived, totals.associations) == (0, 1, 0)
    reader = Reader(store.path)
    (((id_, _, state, _),),) = reader.pages("calls", State.ARCHIVED)
    reader.close()
    assert (id_, state) == (1, State.ARCHIVED)


def test_an_error_in_the_middle_of_a_page_leaves_nothing_of_it(store: Store) -> None:
    commit(store, {1: 10}, "2", "whole")
    bad = RecordsRead(Response(200, {}, b"{}"), [RecordRef(5, 0, 1), RecordRef(None, 1, 1)], "9", done=False)  # type: ignore[arg-type]  # a bug planted
    with pytest.raises(Exception, match=r"."):
        store.commit_records(SWEEP, bad, 0.0)
    assert store.walk(SWEEP) == ("2", False)
    assert list(held(store)) == [1]


def test_after_an_error_the_store_goes_on_as_if_nothing_had_been_tried(store: Store) -> None:
    deals, link = WalkKey("deals", "sweep"), Association(1, 7, "HUBSPOT_DEFINED", 206, None)
    bad = RecordsRead(Response(200, {}, b"{}"), [RecordRef(None, 0, 1)], "9", done=False)  # type: ignore[arg-type]  # a bug planted
    for _ in range(2):
        with pytest.raises(Exception, match=r"."):
            store.commit_records(deals, bad, 0.0)
    # `deals` had its number in what was taken back: it gets another one, or the first again.
    store.begin_round("tickets", 1)
    store.commit_associations(WalkKey("calls", "deals"), AssociationsRead([1], [link], {}, "9", True), 0.0)
    reader = Reader(store.path)
    assert list(reader.associations("calls")) == [("deals", link)]
    assert reader.types() == ("calls", "tickets")
    reader.close()


def test_associations_of_a_record_are_replaced_whole_and_counted_once(store: Store) -> None:
    commit(store, {1: 10, 2: 10})
    rows = [Association(1, to, "HUBSPOT_DEFINED", 194, None) for to in (7, 8, 8)]
    store.commit_associations(TO, AssociationsRead([1], rows, {}, "1", done=False), 0.0)
    assert store.asked.totals("calls").associations == 2
    # A second page of the same record adds, it does not replace.
    more = [Association(1, 9, "USER_DEFINED", 3, "Caller")]
    store.commit_associations(TO, AssociationsRead([], more, {2: "no answer"}, "2", done=True), 0.0)
    totals = store.asked.totals("calls")
    assert (totals.associations, totals.failed, totals.without) == (3, 1, 1)
    store.commit_associations(TO, AssociationsRead([1], more, {}, "2", done=True), 0.0)
    assert store.asked.totals("calls").associations == 1


def test_a_label_that_was_renamed_is_there_by_its_new_name_once_its_associations_are_read_again(
    store: Store,
) -> None:
    commit(store, {1: 10, 2: 10})
    for label in ("Caller", "Chair", None):
        row = Association(1, 9, "USER_DEFINED", 3, label)
        store.commit_associations(TO, AssociationsRead([1], [row], {}, "1", done=True), 0.0)
        reader = Reader(store.path)
        assert list(reader.associations("calls")) == [("contacts", row)]
        reader.close()


def test_a_dump_belongs_to_one_portal_for_ever(store: Store) -> None:
    store.bind_portal(11)
    store.bind_portal(11)
    with pytest.raises(UsageError, match="portal 11, but the token is of portal 12") as told:
        store.bind_portal(12)
    assert told.value.hint == "Use another folder: hubdump run --dump data-12"
    assert store.meta("portal") == "11"


@pytest.fixture
def reader(store: Store) -> Iterator[Reader]:
    """What another process sees of the store."""
    store.begin_round("contacts", 2)
    reader = Reader(store.path)
    yield reader
    reader.close()


def test_how_far_a_type_is_complete_is_the_same_to_its_writer_and_to_readers(
    store: Store, reader: Reader
) -> None:
    store.begin_catch_up("calls", 70)
    assert store.bookmark("calls") == Bookmark("calls", 1, 1, 70) == reader.bookmark("calls")
    store.finish_round("calls", 60, 50)
    store.begin_round("calls", 80)
    store.prove("contacts", 90)
    assert store.bookmark("calls") == Bookmark("calls", 2, 80, 0, False, 60, 50) == reader.bookmark("calls")
    store.finish_round("calls", 65, None)
    assert store.bookmark("calls") == Bookmark("calls", 2, 80, 0, True, 65, 50) == reader.bookmark("calls")
    assert store.bookmark("deals") == Bookmark("deals") == reader.bookmark("deals")
    assert reader.bookmark("contacts").proved_us == 90
    assert reader.types() == ("calls", "contacts")


def test_what_is_asked_of_one_type_is_not_answered_by_another(store: Store, reader: Reader) -> None:
    """`calls` is the first type of the store: what is not known must not be taken for it."""
    commit(store, {1: 10, 2: 20})
    store.commit_settled(SWEEP, Settled("", True, removed={1: None}, unreadable={2: "a", 7: "b"}), 0.0)
    link = Association(1, 7, "HUBSPOT_DEFINED", 194, "Caller")
    store.commit_associations(TO, AssociationsRead([1], [link], {9: "c"}, "1", done=True), 0.0)
    store.set_definitions("calls", [("b", b"{}"), ("a", b"[]")])
    failures = [Quarantine(2, "record", "a"), Quarantine(7, "record", "b"), Quarantine(9, "contacts", "c")]
    asked = store.asked
    assert (asked.ids("calls", 0, 9), asked.removals("calls"), asked.unread("calls")) == ([1, 2], 1, 1)
    assert asked.failures("calls") == reader.quarantined("calls") == failures
    assert asked.versions("calls", [1, 5]) == {1: Version(10, State.ACTIVE)}
    assert store.property_names("calls") == ("b", "a")
    assert store.walk(TO) == ("1", True)
    assert (store.begun(TO), store.begun(WalkKey("calls", "deals"))) == (True, False)
    assert list(reader.versions("calls")) == [(1, 10), (2, 20)]
    assert (reader.count("calls"), reader.definitions("calls")) == (2, [("b", b"{}"), ("a", b"[]")])
    assert list(reader.associations("calls")) == [("contacts", link)]
    assert reader.associations_of("calls", [1, 2]) == {1: [("contacts", link)]}
    for other in ("contacts", "unheard of"):
        assert (asked.ids(other, 0, 9), asked.removals(other), asked.unread(other)) == ([], 0, 0)
        assert asked.failures(other) == reader.quarantined(other) == []
        assert (asked.unseen(other, 0, 9), asked.quarantined(other, 0, 9)) == ([], [])
        assert asked.versions(other, [1, 2]) == {}
        assert (asked.totals(other).records, asked.totals(other).failed) == (0, 0)
        assert store.property_names(other) == ()
        assert store.walk(WalkKey(other, "sweep")) == ("", False)
        assert not store.begun(WalkKey(other, "sweep"))
        assert not [*reader.versions(other), *reader.states(other), *reader.pages(other)]
        assert (reader.count(other), reader.definitions(other)) == (0, [])
        assert list(reader.associations(other)) == [] == list(reader.merges(other))
        assert reader.associations_of(other, [1, 2]) == {}


def test_records_are_found_in_the_states_that_are_asked_for(store: Store, reader: Reader) -> None:
    commit(store, {1: 10, 2: 10, 3: 10})
    store.commit_settled(SWEEP, Settled("", True, removed={2: 1, 3: None}), 0.0)
    store.finish_round("calls", 100, None)
    found = [(r.id, r.state, r.merged_into) for p in reader.pages("calls", *State) for r in p]
    assert found == [(1, State.ACTIVE, None), (2, State.MERGED, 1), (3, State.GONE, None)]
    assert [r.id for p in reader.pages("calls", State.GONE) for r in p] == [3]
    commit(store, {4: 10}, "", "of another page")
    some = [
        (r.id, r.state, r.merged_into, msgspec.json.decode(r.raw)["id"])
        for r in reader.some("calls", [2, 4, 5])
    ]
    assert some == [(2, State.MERGED, 1, "2"), (4, State.ACTIVE, None, "4")]
    assert reader.some("contacts", [2, 4]) == []
    assert [reader.count("calls", state) for state in State] == [2, 0, 1, 1]
    assert [(r.id, r.updated_us) for r in reader.states("calls")] == [(1, 10), (2, 10), (3, 10), (4, 10)]


def test_the_bytes_of_a_page_are_kept_as_they_came_and_a_change_of_them_is_told(
    store: Store, reader: Reader
) -> None:
    body = gzip.compress(json.dumps({"results": [record(1, hs_call_title="zipped")]}).encode())
    whole = RecordsRead(Response(200, {}, body, "gzip"), [RecordRef(1, 0, 10)], "", done=True)
    store.commit_records(SWEEP, whole, 0.0)
    commit(store, {2: 10}, "", "plain")
    assert held(store) == {1: "zipped", 2: "plain"}
    assert (reader.damaged_pages(), reader.mended) == ([], 0)
    with sqlite3.connect(store.path) as db:
        assert db.execute("SELECT body FROM pages WHERE encoding = 'gzip'").fetchall() == [(body,)]
        db.execute("UPDATE pages SET body = ? WHERE encoding = 'gzip'", (body[:-1] + b"?",))
    db.close()
    assert reader.damaged_pages() == [1]
    with pytest.raises(DiskFailure, match=r"Page 1 of .* is not what was written") as told:
        held(store)
    assert "Restore the folder from a copy" in told.value.hint
    check_structure(store.path)


def test_what_a_run_noted_lasts_as_long_as_the_run(store: Store) -> None:
    assert (store.began_us(500), store.began_us(900)) == (500, 500)
    store.refute("cursors move on", "twice")
    assert store.refuted() == {"cursors move on": "twice"}
    store.set_meta("portal", "7")
    store.end_run()
    assert (store.refuted(), store.meta("portal"), store.meta("none")) == ({}, "7", "")
    assert store.began_us(900) == 900


def test_a_run_begins_after_all_that_an_earlier_one_saw(store: Store) -> None:
    assert (store.begin_round("notes", 0).type, store.begin_catch_up("notes", 600)) == ("notes", 600)
    store.items.begin("owners", 700)
    assert [store.asked.next_run_us(us) for us in (699, 700, 701, 900)] == [701, 701, 701, 900]
    assert store.began_us(700) == 701


def test_files_are_ours_by_their_mark(store: Store, reader: Reader) -> None:
    assert store.file_mark("raw/a.json") is None
    store.mark_file("raw/b.json", "first", 3)
    store.mark_file("raw/a.json", "other", 4)
    store.mark_file("raw/b.json", "second", 5)
    assert store.file_mark("raw/b.json") == "second"
    assert reader.files() == [StoredFile("raw/a.json", "other", 4), StoredFile("raw/b.json", "second", 5)]


def test_whatever_is_asked_of_a_damaged_store_the_answer_names_it(store: Store, reader: Reader) -> None:
    tables = ["meta", "types", "walks", "pages", "records", "removals", "labels", "associations", "failures"]
    with sqlite3.connect(store.path) as db:
        for table in [*tables, "properties", "files"]:
            db.execute(f"DROP TABLE {table}")
    db.close()
    asked, key = store.asked, WalkKey("calls", "sweep")
    for ask in (
        *(partial(one, "calls", 0, 9) for one in (asked.ids, asked.unseen, asked.quarantined)),
        *(partial(one, "calls") for one in (asked.failures, asked.removals, asked.unread, asked.records)),
        *(
            partial(one, "calls")
            for one in (asked.totals, store.bookmark, store.property_names, store.file_mark)
        ),
        *(partial(one, key) for one in (store.begun, store.walk)),
        *(partial(one, "calls", 5) for one in (store.begin_round, store.begin_catch_up, store.prove)),
        *(
            partial(one, "calls")
            for one in (reader.bookmark, reader.count, reader.quarantined, reader.definitions)
        ),
        *(partial(one, "calls", [1]) for one in (asked.versions, reader.some, reader.associations_of)),
        *(partial(list, one("calls")) for one in (reader.pages, reader.versions, reader.states)),
        *(partial(list, one("calls")) for one in (reader.associations, reader.merges)),
        *(reader.types, reader.files, reader.damaged_pages, store.refuted, store.end_run),
        *(partial(one, "portal") for one in (store.meta, reader.meta)),
    ):
        with pytest.raises(DiskFailure, match=r"is damaged or no store of hubdump's") as told:
            ask()
        assert str(store.path) in told.value.message, ask
        assert str(store.path.parent) in told.value.hint


def test_the_folder_of_a_store_is_made_and_what_is_there_already_stays(tmp_path: Path) -> None:
    path = tmp_path / "of" / "mine" / "store.sqlite"
    for _ in range(2):
        store = Store(path)
        store.close()
    assert path.exists()


@pytest.mark.parametrize("at", ["file/store.sqlite", "folder"])
def test_where_no_store_can_be_made_the_disk_is_named(at: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DiskFailure, match="Everything committed before is intact") as told:
        Store(tmp_path / at)
    assert "give write access" in told.value.hint


def test_there_is_nothing_to_read_before_the_first_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no dump in") as told:
        Reader(tmp_path / "store.sqlite")
    assert told.value.hint == "Make one: hubdump run"
    sqlite3.connect(tmp_path / "store.sqlite").close()
    with pytest.raises(UsageError, match=r"There is nothing in .* yet") as told:
        Reader(tmp_path / "store.sqlite")
    assert told.value.hint == "Make a dump: hubdump run"


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("PRAGMA user_version = 99", "has version 99, this hubdump reads versions 5 to"),
        ("PRAGMA user_version = 1", "has version 1, this hubdump reads versions 5 to"),
        ("CREATE TABLE theirs (a)", "damaged or no store of hubdump's (tables of another program)"),
    ],
)
def test_a_store_of_another_version_or_program_is_named_and_not_touched(
    sql: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as db:
        db.execute(sql)
    db.close()
    before = path.read_bytes()
    with pytest.raises((UsageError, DiskFailure)) as error:
        Store(path)
    assert told in error.value.message
    assert path.read_bytes() == before
