"""What of a table is sent to who says what they had: what changed, and in doubt all of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hubdump.store.reader import Reader
from hubdump.targets.lacking import REMOVED, Had, lacking, with_removals
from hubdump.targets.plain import LENGTH_MAX, is_plain, plain
from hubdump.targets.tables import tables
from tests import hostile
from tests.dlt_world import changed, ended, lived
from tests.filled_store import TYPES, Life

# What is due: rows, or None; whether in the place of all there is; what they have then.
Found = tuple[list[dict[str, str]] | None, bool, Had]


def due(life: Life, name: str, had: Had | None, *, merging: bool = True, hard_delete: bool = False) -> Found:
    with closing(Reader(life.folder / "store.sqlite")) as reader:
        listed = {table.name: table for table in tables(reader, TYPES, hard_delete=hard_delete)}
        table = with_removals(listed[name]) if merging else listed[name]
        lines, anew, then = lacking(reader, table, had, hard_delete=hard_delete, merging=merging)
        return None if lines is None else list(map(json.loads, lines)), anew, then


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return lived(tmp_path / "dump", 3)


def had(life: Life, name: str, **how: bool) -> Had:
    rows, anew, then = due(life, name, None, **how)
    assert rows
    assert anew
    assert due(life, name, then, **how) == (None, False, then)
    return then


def test_rows_of_records_that_changed_are_due(life: Life) -> None:
    before = had(life, "deals")
    ended(life, 2, lambda: changed(life))
    rows, anew, then = due(life, "deals", before)
    assert rows is not None
    assert sorted((row["id"], row["archived"]) for row in rows) == [
        ("1", "false"),
        ("2", "false"),
        ("3", "true"),
    ]
    assert not anew
    assert due(life, "deals", then) == (None, False, then)


def test_who_wants_no_row_of_what_is_not_there_gets_a_word_for_each_that_goes(life: Life) -> None:
    before = had(life, "deals", hard_delete=True)
    ended(life, 2, lambda: changed(life))
    rows, anew, _ = due(life, "deals", before, hard_delete=True)
    assert rows is not None
    assert [(row["id"], row.get("_deleted")) for row in rows] == [
        ("3", "true"),
        ("1", "false"),
        ("2", "false"),
    ]
    assert not anew


def test_all_associations_of_a_record_are_due_when_one_changed_and_a_word_when_it_has_none(
    life: Life,
) -> None:
    before = had(life, "associations")
    ended(life, 2, lambda: changed(life))
    rows, anew, _ = due(life, "associations", before)
    assert rows is not None
    assert not anew
    now, _, _ = due(life, "associations", None)
    assert now is not None
    whose = {(row["from_type"], row["from_id"]) for row in rows}
    assert {("deals", "9"), ("deals", "10")} >= {one for one in whose if one[0] == "deals"}
    assert [row for row in rows if REMOVED not in row] == [
        r for r in now if (r["from_type"], r["from_id"]) in whose
    ]
    gone = {(row["from_type"], row["from_id"]) for row in rows if REMOVED in row}
    assert gone
    assert not gone & {(row["from_type"], row["from_id"]) for row in now}


_HARM = {
    "erased": "DELETE FROM records WHERE type = 1 AND id = 7",
    "unlogged": "DELETE FROM associations WHERE (from_type, from_id, to_type, to_id, label) IN"
    " (SELECT from_type, from_id, to_type, to_id, label FROM associations WHERE from_id > 20 LIMIT 1)",
    "forgotten": "DELETE FROM association_changes WHERE (run, from_type, from_id, to_type, to_id, label) IN"
    " (SELECT run, from_type, from_id, to_type, to_id, label FROM association_changes LIMIT 1)",
}


def behind_its_back(life: Life, sql: str) -> None:
    with closing(sqlite3.connect(life.folder / "store.sqlite")) as db, db:
        assert db.execute(sql).rowcount == 1


def define(life: Life) -> None:
    with life.store() as store:
        for type_ in TYPES:
            store.set_definitions(type_.name, [("one", b'{"type": "number"}')])


@pytest.mark.parametrize("doubt", ["erased", "another property", "unlogged", "forgotten", "another store"])
def test_in_doubt_all_rows_are_due_in_the_place_of_those_that_are_there(
    doubt: str, life: Life, tmp_path: Path
) -> None:
    name = "associations" if doubt in {"unlogged", "forgotten"} else "deals"
    before = had(life, name)
    ended(life, 2, lambda: changed(life))
    if doubt == "another property":
        define(life)
    elif doubt == "another store":
        life = lived(tmp_path / "other", 3)
        ended(life, 2, lambda: changed(life))
    else:
        behind_its_back(life, _HARM[doubt])
    rows, anew, then = due(life, name, before)
    assert rows == due(life, name, None)[0]
    assert anew
    assert due(life, name, then) == (None, False, then)


def test_what_a_run_under_way_has_changed_is_sent_and_is_not_forgotten_when_it_is_over(life: Life) -> None:
    before = had(life, "deals")
    life.run = "under way"
    with life.store() as store:
        life.seen(store, "deals", [1])
    rows, anew, then = due(life, "deals", before)
    assert rows is not None
    assert ([row["id"] for row in rows], anew) == (["1"], False)
    with life.store() as store:
        life.seen(store, "deals", [2])
        store.runs.end(3)
    life.run = ""
    rows, _, _ = due(life, "deals", then)
    assert rows is not None
    assert {"1", "2"} <= {row["id"] for row in rows}


def test_who_cannot_merge_gets_whole_tables_where_anything_changed(life: Life) -> None:
    deals, contacts = had(life, "deals", merging=False), had(life, "contacts", merging=False)
    with life.store() as store:
        life.seen(store, "deals", [1])
    rows, anew, _ = due(life, "deals", deals, merging=False)
    assert rows is not None
    assert (len(rows), anew) == (40, True)
    assert due(life, "contacts", contacts, merging=False)[0] is None


def test_names_are_plain_and_each_its_own() -> None:
    names = [
        *hostile.NAMES,
        "createdAt",
        "created_at",
        "a__b",
        "a_",
        "Closed",
        "closed",
        "1st",
        "",
        "_raw",
        "x" * 99,
    ]
    found = plain(names)
    assert list(found) == list(dict.fromkeys(names))
    assert all(map(is_plain, found.values()))
    assert len({name.casefold() for name in found.values()}) == len(found)
    assert max(map(len, found.values())) <= LENGTH_MAX
    assert [found[name] for name in ("created_at", "_raw", "closed")] == ["created_at", "_raw", "closed"]
    assert found["createdAt"].startswith("created_at_x")
    assert plain(["firstName"]) == {"firstName": "first_name"}
