"""The store stays below twice the size of what is live, and packing it loses nothing, however it ends."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hubdump.model import RecordRef, RecordsRead, Response, State, WalkKey
from hubdump.store import packing
from hubdump.store.database import check_structure
from hubdump.store.packing import FULL
from hubdump.store.reader import Reader
from hubdump.store.store import Store

SWEEP = WalkKey("calls", "sweep")
Record = dict[str, Any]


class Weeks:
    """Hourly runs on a small portal: what HubSpot says is known here, to hold the store against."""

    def __init__(self, folder: Path, seed: int, records: int, *, keep: bool = False) -> None:
        self.path, self.chance, self.keep = folder / "store.sqlite", random.Random(seed), keep
        self.number, self.there = 0, dict[int, Record]()
        self.run(range(1, records + 1))

    def run(self, changed: Iterable[int]) -> None:
        """One run, of `hubdump run`'s own calls: these records are other ones than before."""
        self.number += 1
        with closing(Store(self.path)) as store:
            after = store.packing.last_page()
            store.runs.begin(f"run {self.number}", self.number, keep=self.keep or None)
            store.begin_round("calls", self.number)
            self.there |= (seen := {id_: self.record(id_) for id_ in changed})
            write(store, seen, self.number)
            store.finish_round("calls", self.number, self.number)
            store.runs.end(self.number)
            store.packing.pack(after)
            store.packing.give_back()

    def hour(self, most: int = 12) -> None:
        self.run(self.chance.sample(sorted(self.there), self.chance.randrange(1, most)))

    def record(self, id_: int) -> Record:
        text = self.chance.randbytes(200).hex()
        return {"id": str(id_), "properties": {"hs_call_title": f"{self.number}", "hs_call_body": text}}


def write(store: Store, records: Mapping[int, Record], updated_us: int) -> None:
    """Commit records in pages as HubSpot's are."""
    ids = list(records)
    for at in range(0, len(ids), FULL):
        some = ids[at : at + FULL]
        body = json.dumps({"results": [records[id_] for id_ in some]}).encode()
        refs = [RecordRef(id_, n, updated_us) for n, id_ in enumerate(some)]
        store.commit_records(SWEEP, RecordsRead(Response(200, {}, body), refs, "", done=False), 0.0)


def live_bytes(folder: Path, records: Mapping[int, Record]) -> int:
    """The size of a store that was just made, and holds these records."""
    path = folder / "live" / "store.sqlite"
    with closing(Store(path)) as store:
        write(store, records, 1)
    size = path.stat().st_size
    path.unlink()
    return size


def held(path: Path) -> dict[int, Record]:
    with closing(Reader(path)) as reader:
        return {one.id: json.loads(bytes(one.raw)) for page in reader.pages("calls", *State) for one in page}


def kept(path: Path) -> set[tuple[int, int, str]]:
    """(id, its first run, what its title says) of each version that is kept."""
    sql = "SELECT id, run, position, body FROM superseded JOIN pages ON pages.number = superseded.page"
    with closing(sqlite3.connect(path)) as db:
        return {
            (id_, run, json.loads(zlib.decompress(body))["results"][at]["properties"]["hs_call_title"])
            for id_, run, at, body in db.execute(sql)
        }


def test_the_store_stays_below_twice_what_is_live_and_holds_it(tmp_path: Path) -> None:
    weeks = Weeks(tmp_path, 7, 600)
    for _ in range(3):
        for _ in range(10):
            weeks.hour()
        assert weeks.path.stat().st_size < 2 * live_bytes(tmp_path, weeks.there), weeks.number
    assert held(weeks.path) == weeks.there
    check_structure(weeks.path)


def test_where_everything_was_read_anew_the_space_of_what_was_before_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "FREE_MIN", 10)
    weeks = Weeks(tmp_path, 7, 1_000)
    weeks.run(range(1, 1_001))
    assert weeks.path.stat().st_size < 1.3 * live_bytes(tmp_path, weeks.there)
    assert held(weeks.path) == weeks.there


def test_kept_versions_are_packed_with_the_others_and_none_is_lost(tmp_path: Path) -> None:
    weeks, versions = Weeks(tmp_path, 7, 300, keep=True), set[tuple[int, int, str]]()
    for _ in range(25):
        before = dict(weeks.there)
        weeks.hour()
        versions |= {
            (id_, int(was["properties"]["hs_call_title"]), was["properties"]["hs_call_title"])
            for id_, was in before.items()
            if weeks.there[id_] != was
        }
    assert kept(weeks.path) == versions
    assert held(weeks.path) == weeks.there
    with closing(sqlite3.connect(weeks.path)) as db:
        assert db.execute("SELECT count(*) FROM pages").fetchone()[0] < 20, "they were packed"


@pytest.mark.parametrize("step", ["INSERT INTO pages", "UPDATE records", "DELETE FROM pages", "COMMIT"])
def test_who_is_killed_while_packing_leaves_the_store_whole(step: str, tmp_path: Path) -> None:
    weeks = Weeks(tmp_path, 7, 300)
    with closing(Store(weeks.path)) as store:
        for weeks.number in range(2, 30):
            changed = {id_: weeks.record(id_) for id_ in weeks.chance.sample(range(1, 301), 5)}
            weeks.there |= changed
            write(store, changed, weeks.number)
    child = os.fork()
    if not child:
        killed_at(step, weeks.path)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    check_structure(weeks.path)
    assert held(weeks.path) == weeks.there
    weeks.hour()
    assert held(weeks.path) == weeks.there
    with closing(Reader(weeks.path)) as reader:
        assert reader.damaged_pages() == []


def killed_at(step: str, path: Path) -> None:
    """Pack as a process that is killed the second time it comes to a statement."""
    store, times = Store(path), 0

    def die(statement: str) -> None:
        nonlocal times
        times += statement.strip().startswith(step)
        if times == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    store._db.set_trace_callback(die)
    store.packing.pack(0)
    os._exit(0)


def test_a_record_keeps_its_bytes_and_a_page_that_is_no_json_or_damaged_stays(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    odd = {id_: b'{"id": "%d",  "properties":{"a":"\\u00e9"}, "other": [1.50]}' % id_ for id_ in range(1, 60)}
    with closing(Store(path)) as store:
        store.begin_round("calls", 1)
        for id_, raw in [
            *odd.items(),
            (60, b'{"id": "60", "properties": {"a": NaN}}'),
            (61, b'{"id": "61"}'),
        ]:
            body = b'{"results":[%s]}' % raw
            refs = [RecordRef(id_, 0, 1)]
            store.commit_records(SWEEP, RecordsRead(Response(200, {}, body), refs, "", done=False), 0.0)
        store._db.execute("UPDATE pages SET body = x'00' WHERE number = 61")
        assert store.packing.pack(0) == 59
    with closing(Reader(path)) as reader:
        assert {one.id: bytes(one.raw) for one in reader.some("calls", list(odd))} == odd
        assert reader.damaged_pages() == [61]
        pages = reader._db.execute("SELECT number, body FROM pages ORDER BY number").fetchall()
    assert [number for number, _ in pages] == [60, 61, 62]
    assert b"NaN" in zlib.decompress(pages[0][1])


def test_a_type_that_did_not_change_is_not_packed(tmp_path: Path) -> None:
    weeks = Weeks(tmp_path, 7, 300)
    with closing(Store(weeks.path)) as store:
        for number in range(2, 30):
            write(store, {number: weeks.record(number)}, number)
        assert store.packing.pack(store.packing.last_page()) == 0
        assert store.packing.pack(store.packing.last_page() - 1) == 28
