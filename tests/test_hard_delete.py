"""`--hard-delete`: what HubSpot does not show as active has no row, verify holds a target to that, and the next load
without it brings the rows back.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from hubdump import load
from hubdump.around import by_name
from hubdump.catalog import STANDARD
from hubdump.extract.plan import Wishes
from hubdump.extract.wanted import wanted as histories
from hubdump.model import ObjectType, State
from hubdump.sandbox import InProcess
from hubdump.store.store import Store
from hubdump.targets import child, duckdb_file, duckdb_held, exports
from hubdump.targets.export import Export, wanted
from hubdump.verify import local
from hubdump.verify.findings import Verdict
from tests.collections_world import collected
from tests.conftest import User

TICKET = "/crm/v3/objects/tickets"
TICKETS = [STANDARD.by_name("tickets")]


class Removed(NamedTuple):
    """A dump, and the ids of what is no longer active in it."""

    folder: Path
    archived: str
    gone: str
    merged: str
    owner: str

    @property
    def removed(self) -> set[str]:
        return {self.archived, self.gone, self.merged}

    @contextmanager
    def store(self) -> Iterator[Store]:
        with closing(Store(self.folder / "store.sqlite")) as store:
            yield store

    def load(self, *, hard_delete: bool) -> None:
        with self.store() as store:
            load.write_duckdb(self.folder, TICKETS, store, lambda _: None, hard_delete=hard_delete)

    def export(self, place: str, *, hard_delete: bool) -> None:
        asked = wanted([place], {}, self.folder, hard_delete=hard_delete).exports
        with self.store() as store:
            load.write_exports(self.folder, asked, TICKETS, store, lambda _: None)

    def ids(self, source: str = "tickets", column: str = "id") -> set[str]:
        with duckdb.connect(self.folder / "hubdump.duckdb", read_only=True) as db:
            return {id_ for (id_,) in db.execute(f"SELECT {column} FROM {source}").fetchall()}

    def wrong(self) -> list[str]:
        found = list(local.check(self.folder, TICKETS))
        assert sum(one.check == "targets" for one in found) > 0
        return [one.what for one in found if one.verdict is not Verdict.RIGHT]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's own code without its process, which takes longest to start."""

    def types(names: Sequence[str]) -> list[ObjectType]:
        return [STANDARD.by_name(name) for name in names]

    for name, instead in {
        "write": lambda _, dump, names: (duckdb_file.write(dump, types(names)), {}),
        "compare": lambda _, dump, names: duckdb_held.differences(dump, types(names)),
        "build": lambda export, dump, names: exports.build(dump, export, types(names)),
        "compare_export": lambda export, dump, names: exports.differences(dump, export, types(names)),
    }.items():
        monkeypatch.setattr(child, name, instead)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Removed:
    """Tickets with histories of which one is archived, one erased and one merged, and owners of which one is gone."""
    folder = tmp_path_factory.mktemp("made")
    sandbox = InProcess("tickets=8,owners=4", faults="none", overload=False, beliefs={"merge-id": "primary"})
    wishes = Wishes(prove=True, accept_deletes=True, history=histories(["tickets:subject"]))

    def run() -> None:
        assert collected(sandbox, folder, [by_name("owners")], wishes=wishes, types=["tickets"]) == {}

    run()
    archived, gone, primary, merged = sandbox.portal.truth("tickets")["live"]["tickets"][:4]
    sandbox.portal.edit("DELETE", f"{TICKET}/{archived}", None)
    sandbox.portal.edit("POST", f"{TICKET}/gdpr-delete", {"objectId": gone})
    sandbox.portal.edit("POST", f"{TICKET}/merge", {"primaryObjectId": primary, "objectIdToMerge": merged})
    sandbox.advance(5000)
    run()
    with closing(sqlite3.connect(folder / "store.sqlite", isolation_level=None)) as db:
        states = dict(
            db.execute("SELECT id, state FROM records WHERE id IN (?, ?, ?)", (archived, gone, merged))
        )
        (owner,) = db.execute("SELECT min(key) FROM items").fetchone()
        assert db.execute("UPDATE items SET gone = 1 WHERE key = ?", (owner,)).rowcount == 1
    assert states == {int(archived): State.ARCHIVED, int(gone): State.GONE, int(merged): State.MERGED}
    return Removed(folder, archived, gone, merged, owner)


def test_what_is_not_active_has_no_row_until_a_load_without_the_wish(made: Removed) -> None:
    made.load(hard_delete=False)
    every, past, owners = made.ids(), made.ids("property_history"), made.ids("owners")
    assert every > made.removed
    assert past > made.removed
    assert made.owner in owners
    assert made.wrong() == []

    made.load(hard_delete=True)
    assert made.ids() == every - made.removed
    assert made.ids("property_history") == past - made.removed
    assert made.ids("owners") == owners - {made.owner}
    assert made.merged in made.ids("merges", "old_id")  # who became whom is known still
    assert made.wrong() == []

    made.load(hard_delete=False)
    assert (made.ids(), made.ids("property_history"), made.ids("owners")) == (every, past, owners)
    assert made.wrong() == []


def test_a_load_that_was_killed_before_its_file_was_there_leaves_one_that_is_right(made: Removed) -> None:
    made.load(hard_delete=False)
    with closing(sqlite3.connect(made.folder / "store.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE meta SET value = 'yes' WHERE key = 'hard_delete:hubdump.duckdb'")
    assert made.wrong() == []


def test_verify_names_a_row_that_must_not_be_there(made: Removed) -> None:
    made.load(hard_delete=True)
    with duckdb.connect(made.folder / "hubdump.duckdb") as db:
        db.execute("INSERT INTO tickets (id, archived, _deleted) VALUES (?, false, true)", [made.gone])
    assert made.wrong() == ["hubdump.duckdb tickets"]
    made.load(hard_delete=True)
    assert made.wrong() == []


def test_each_export_is_held_to_what_it_was_asked_to_be(made: Removed, tmp_path: Path) -> None:
    made.export(f"jsonl:{tmp_path / 'hard'}", hard_delete=True)
    made.export(f"jsonl:{tmp_path / 'soft'}", hard_delete=False)
    hard, soft = ((tmp_path / name / "tickets.jsonl").read_bytes() for name in ("hard", "soft"))
    assert soft.count(b"\n") - hard.count(b"\n") == len(made.removed)
    assert made.wrong() == []
    (tmp_path / "hard/tickets.jsonl").write_bytes(soft)
    assert made.wrong() == [f"jsonl:{tmp_path / 'hard'} tickets"]
    assert (
        Export("csv", "out", labels=True, hard_delete=True).asked(Path("d"))
        == "csv:d/out --labels --hard-delete"
    )


def test_the_wish_may_stand_in_a_file_and_a_flag_comes_first(made: Removed, user: User) -> None:
    shutil.copytree(made.folder, user.dump)
    (user.folder / "hubdump.toml").write_text("hard_delete = true\n", "utf-8")
    for flags in (["jsonl:hard"], ["jsonl:soft", "--no-hard-delete"]):
        told = user.types("load", *flags)
        assert told.status == 0, told.err
    hard, soft = (
        len((user.folder / name / "tickets.jsonl").read_text("utf-8").splitlines())
        for name in ("hard", "soft")
    )
    assert soft - hard == len(made.removed)
