"""`hubdump purge`: what is erased is nowhere in the dump any more, and nothing else is touched."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hubdump import checking
from hubdump.errors import UsageError
from hubdump.model import HistoriesRead, PastValue, State, WalkKey
from hubdump.purging import purge
from hubdump.store.database import open_for_writing
from hubdump.store.erasing import Erased
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from tests.conftest import TOKEN, Serve, User, held
from tests.filled_store import Life

COMPANY = "/crm/v3/objects/companies"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
SECRET = "Zq7-nobody-may-read-this"


def texts(dump: Path) -> dict[str, str]:
    """All that can be read in a dump, by where it is: pages as they were compressed, and each table."""
    found = {
        str(path): path.read_bytes().decode("utf-8", "replace")
        for path in dump.rglob("*")
        if path.is_file() and path.suffix in {".json", ".csv", ".jsonl", ".log", ".html"}
    }
    with closing(sqlite3.connect(dump / "store.sqlite")) as db:
        for number, encoding, body in db.execute("SELECT number, encoding, body FROM pages"):
            found[f"page {number}"] = zlib.decompress(body, 31 if encoding == "gzip" else 15).decode()
        found |= {
            f"past {row[1]} {row[2]} {row[3]}": str(row) for row in db.execute("SELECT * FROM histories")
        }
    with duckdb.connect(dump / "hubdump.duckdb", read_only=True) as db_:
        for name in ("companies", "notes", "property_history"):
            rows = db_.execute(f"SELECT * FROM {name}").fetchall()
            found |= {f"{name} {at}": str(row) for at, row in enumerate(rows)}
    return found


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        names = ("records", "associations", "histories", "history_reads", "failures")
        return {name: sorted(db.execute(f"SELECT * FROM {name}").fetchall(), key=str) for name in names}


def contents(path: Path) -> dict[int, bytes]:
    """The bytes of each record of deals, by its id."""
    with closing(Reader(path)) as reader:
        return {record.id: bytes(record.raw) for page in reader.pages("deals", *State) for record in page}


def test_what_is_erased_is_nowhere_in_the_dump_and_the_rest_is_as_it_was(serve: Serve, user: User) -> None:
    served, user.only = serve("--portal", "companies=130,notes=40", "--faults", "none"), "companies notes"
    chosen, other = served.truth(("companies", "notes"))["live"]["companies"][3:5]
    for text in (f"{SECRET} before", SECRET):
        body = json.dumps({"properties": {"city": text}}).encode()
        asked = urllib.request.Request(f"{served.url}{COMPANY}/{chosen}", body, HEADERS, method="PATCH")
        urllib.request.urlopen(asked).close()
    everywhere = ("run", "--to", "json", "--to", "duckdb", "--to", "csv:out", "--history", "companies:city")
    assert user.at(served).types(*everywhere).status == 0
    assert sum(SECRET in text for text in texts(user.dump).values()) >= 4
    assert SECRET in (user.folder / "out/companies.csv").read_text("utf-8")
    assert SECRET.encode() in (user.dump / "hubdump.duckdb").read_bytes()
    before_ids, before_links = held(user.dump)
    told = user.types("purge", f"companies:{chosen}")
    assert (told.status, f"would erase: companies {chosen} (active)" in told.out) == (2, True)
    assert any(SECRET in text for text in texts(user.dump).values())
    done = user.types("purge", f"companies:{chosen}", "--yes")
    assert done.status == 0, done.err
    assert "erased: 1 companies, with" in done.out
    assert "HubSpot: what it still has comes back" in done.out
    assert [where for where, text in texts(user.dump).items() if SECRET in text] == []
    assert SECRET not in (user.folder / "out/companies.csv").read_text("utf-8")
    for path in (path for path in user.dump.rglob("*") if path.is_file()):
        assert SECRET.encode() not in path.read_bytes(), path
    ids, links = held(user.dump)
    assert sorted({*before_ids["companies"]} - {*ids["companies"]}) == [chosen]
    assert ids["notes"] == before_ids["notes"]
    gone = [row for row in before_links if chosen in {row[1], row[3]}]
    assert len(gone) > 0
    assert sorted(links, key=str) == sorted((row for row in before_links if row not in gone), key=str)
    verified = user.types("verify", "--level", "local")
    assert verified.status == 0, verified.out
    assert (other in ids["companies"], chosen in ids["companies"]) == (True, False)


def test_a_purge_that_is_cut_short_is_completed_by_typing_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(tmp_path / "dump", 5)
    life.load()
    with monkeypatch.context() as patch:
        patch.setattr(checking, "load_into", cut)
        with pytest.raises(KeyboardInterrupt):
            purge(life.folder, ["deals:7"], lambda _: None)
    assert "7" in held(life.folder)[0]["deals"]
    done = purge(life.folder, ["deals:7"], lambda _: None)
    assert done.erased["deals"].records == 0, "the first time had erased it from the store"
    assert "7" not in held(life.folder)[0]["deals"]
    with pytest.raises(UsageError, match="There is no deals 7 in the dump"):
        purge(life.folder, ["deals:7"], lambda _: None)


def cut(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("123", "names no record"),
        ("contacts:x", "names no record"),
        ("dragons:1", "no object type 'dragons'"),
    ],
)
def test_what_names_no_record_erases_nothing(word: str, said: str, user: User) -> None:
    Life(user.dump, 1)
    before = tables(user.dump / "store.sqlite")
    told = user.types("purge", "deals:1", word, "--yes")
    assert (told.status, said in told.err) == (2, True)
    assert tables(user.dump / "store.sqlite") == before


@pytest.mark.parametrize("seed", range(3))
def test_the_store_is_as_if_the_record_had_never_been_read(seed: int, tmp_path: Path) -> None:
    life = Life(tmp_path / "dump", seed)
    for _ in range(12):
        life.round()
    path = life.folder / "store.sqlite"
    ids = {3, 4, 55}
    before, bytes_before = tables(path), contents(path)
    with life.store() as store:
        merged = set(store.erasing.with_merged("deals", sorted(ids)))
        (number,) = (n for n, name in enumerate(("", "deals", "contacts")) if name == "deals")
        erased = store.erasing.erase("deals", merged)
        store.packing.vacuum()
    into = {row[1] for row in before["records"] if row[0] == number and row[6] in ids}
    assert merged >= ids | into
    after = tables(path)
    assert contents(path) == {id_: raw for id_, raw in bytes_before.items() if id_ not in merged}
    for name, rows in before.items():
        kept = [row for row in rows if not (row[0] == number and row[1] in merged)]
        if name == "associations":
            kept = [row for row in kept if not (row[2] == number and row[3] in merged)]
        assert [_but_where(name, row) for row in after[name]] == [_but_where(name, row) for row in kept], name
    assert erased == Erased(
        len(merged),
        len(before["histories"]) - len(after["histories"]),
        len(before["associations"]) - len(after["associations"]),
    )
    with closing(sqlite3.connect(path)) as db:
        for encoding, body in db.execute("SELECT encoding, body FROM pages WHERE type = ?", (number,)):
            page = json.loads(zlib.decompress(body, 31 if encoding == "gzip" else 15))
            assert not {int(one["id"]) for one in page["results"] if one} & merged
    with closing(Reader(path)) as reader:
        assert reader.damaged_pages() == []
        there = {record.id for page in reader.pages("deals", *State) for record in page}
        assert there == {row[1] for row in after["records"] if row[0] == number}
        assert reader.histories.count("deals") == len([r for r in after["histories"] if r[0] == number])


def _but_where(name: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row without the page and the position of a record: pages are packed."""
    return (*row[:2], *row[4:]) if name == "records" else row


def test_nothing_is_left_in_the_free_space_of_the_store(
    tmp_path: Path,
) -> None:
    def careless(path: Path) -> sqlite3.Connection:
        """As a SQLite that was built to leave what is deleted where it is."""
        db = open_for_writing(path)
        db.execute("PRAGMA secure_delete = OFF")
        return db

    path = Life(tmp_path / "dump", 1).folder / "store.sqlite"
    value = PastValue(7, "name", 1, "at 1", SECRET, None, None, None, None)
    with closing(Store(path, careless)) as store:
        store.commit_histories(WalkKey("deals", "history"), HistoriesRead(["name"], {7: 1}, [value]), 0.0)
        store.erasing.erase("deals", {7})
        store.packing.vacuum()
    assert SECRET.encode() not in path.read_bytes()
