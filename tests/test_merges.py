"""The table of merges: who became whom, as survivors say and as ids answer, over a chain of three."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hubdump import load
from hubdump.catalog import STANDARD
from hubdump.model import RecordRef, RecordsRead, Response, WalkKey
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets import duckdb_held
from tests.tampering import home, records, untouched

CONTACT = "/crm/v3/objects/contacts"
CONTACTS = [STANDARD.by_name("contacts")]
Row = tuple[str, str, str, str]


class Merging:
    """A dump of contacts, and a portal in which they are merged."""

    def __init__(self, folder: Path, merge_id: str = "new", *, silent: bool = False) -> None:
        self.folder, self._change = folder, records(_without_property) if silent else untouched
        self.sandbox = InProcess(
            "narrow,contacts=40", faults="none", overload=False, beliefs={"merge-id": merge_id}
        )

    def run(self) -> None:
        self.sandbox.advance(5000)
        assert home(self.folder, self.sandbox, self._change, ["contacts"]).failed == {}

    def merge(self, primary: str, other: str) -> str:
        """The id of who survives."""
        self.sandbox.portal.edit(
            "POST", f"{CONTACT}/merge", {"primaryObjectId": primary, "objectIdToMerge": other}
        )
        survivor: str = self.sandbox.portal.truth("contacts")["merged"]["contacts"][other]
        return survivor

    def rows(self) -> list[Row]:
        store = Store(self.folder / "store.sqlite")
        try:
            load.write_duckdb(self.folder, CONTACTS, store, lambda _: None)
        finally:
            store.close()
        assert all(one.none for one in duckdb_held.differences(self.folder, CONTACTS).values())
        with duckdb.connect(self.folder / "hubdump.duckdb", read_only=True) as db:
            return db.execute("SELECT type, old_id, id, known_by FROM merges").fetchall()


def _without_property(record: dict[str, Any]) -> dict[str, bytes]:
    record["properties"].pop("hs_merged_object_ids", None)
    return {}


@pytest.mark.parametrize("survivor_is", ["new", "primary"])
def test_a_chain_of_merges_is_there_link_by_link_and_whole(tmp_path: Path, survivor_is: str) -> None:
    portal = Merging(tmp_path, survivor_is)
    a, b, c, d = portal.sandbox.portal.truth("contacts")["live"]["contacts"][:4]
    portal.run()
    first = portal.merge(b, a)
    portal.run()
    second = portal.merge(c, first)
    third = portal.merge(d, second)
    portal.run()
    assert len({first, second, third} - {b, c, d}) == (3 if survivor_is == "new" else 0)
    rows = portal.rows()
    became = {(row[1], row[2]) for row in rows}
    olds = {a, b, c, d, first, second} - {third}
    assert {old for old, into in became if into == third} == olds  # each became who is there now
    assert {(a, first), (b, first)} - {(first, first)} <= became  # and whom, when a run saw it in between
    assert len(rows) == len(became)


def test_what_only_an_answer_or_only_a_property_says_is_a_row_and_what_both_say_is_one(
    tmp_path: Path,
) -> None:
    portal = Merging(tmp_path, "primary")
    a, b, c, d = portal.sandbox.portal.truth("contacts")["live"]["contacts"][:4]
    unseen = portal.merge(b, a)  # before the first run: no id is left that could answer
    portal.run()
    seen = portal.merge(d, c)
    portal.run()
    assert sorted(portal.rows()) == sorted(
        [("contacts", a, unseen, "property"), ("contacts", c, seen, "both")]
    )


def test_where_no_survivor_says_so_the_answer_of_an_id_does(tmp_path: Path) -> None:
    portal = Merging(tmp_path, silent=True)
    a, b = portal.sandbox.portal.truth("contacts")["live"]["contacts"][:2]
    portal.run()
    survivor = portal.merge(b, a)
    portal.run()
    assert sorted(portal.rows()) == sorted(("contacts", old, survivor, "answer") for old in (a, b))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32"])
def test_pages_that_say_nothing_of_merges_are_passed_over_and_no_others(
    tmp_path: Path, encoding: str
) -> None:
    key = WalkKey("contacts", "sweep")
    with closing(Store(tmp_path / "store.sqlite")) as store:
        store.begin_round("contacts", 1)
        for ids, said, encoded in (((1, 2), "nothing", "utf-8"), ((3, 4), "a word", encoding)):
            body = json.dumps({"results": [{"id": str(id_), "said": said} for id_ in ids]}).encode(encoded)
            refs = [RecordRef(id_, at, 1) for at, id_ in enumerate(ids)]
            store.commit_records(key, RecordsRead(Response(200, {}, body), refs, "", done=True), 0.0)
        with closing(Reader(store.path)) as reader:
            found = [[r.id for r in page] for page in reader.pages("contacts", saying=re.compile(b"a word"))]
    assert found == [[3, 4]]
