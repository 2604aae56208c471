"""kill -9 while the collections around the records are read, between any two calls that change their store."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hubdump.around import by_name
from hubdump.store.store import Store
from tests.conftest import Serve, Served, User
from tests.syscalls import Call, at_call, kill, watched
from tests.test_around_runs import in_duckdb, in_files, in_truth

PORTAL = ("--portal", "owners=205,lists=3,forms=5,form_submissions=60,files=210", "--faults", "none")
ROWS = tuple(
    by_name(name) for name in ("owners", "files", "lists", "list_memberships", "forms", "form_submissions")
)
# That many of them are under way at once: each may lose the answer that it has not committed.
AT_ONCE = 4
RUN = ("run", *(word for row in ROWS for word in ("--only", row.name)))
KILLED = -9


def of_the_store() -> Callable[[Call], bool]:
    """The calls by which the first process changes its store."""
    process: list[int] = []

    def matching(call: Call) -> bool:
        process[:] = process or [call.process]
        return call.process == process[0] and call.file.startswith("store.sqlite")

    return matching


def change(served: Served) -> None:
    """An owner leaves, one comes, and a form is sent in."""
    bodies = served.ask("truth?items=owners,forms")["bodies"]
    served.tell("clock", {"advance_s": 7200})
    served.tell("items", {"edits": [
        {"do": "remove", "collection": "owners", "key": min(bodies["owners"][""])},
        {"do": "create", "collection": "owners", "fields": {"email": "new@example.com"}},
        {"do": "create", "collection": "form_submissions", "parent": min(bodies["forms"][""])},
    ]})  # fmt: skip


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(8))
def test_a_run_killed_between_two_changes_of_its_store_loses_no_item_and_no_page(
    seed: int, serve: Serve, user: User
) -> None:
    served, later = serve(*PORTAL), seed % 2 == 1
    user.at(served)
    if later:
        assert user.types(*RUN).status == 0
        change(served)
        user.forget_the_last_window()
    before = len(served.ask("requests")["requests"])
    # Of a whole run these are some hundred calls, from the first that makes the store.
    number = random.Random(seed).randrange(10, 90)
    with watched(at_call(number, of_the_store(), kill)) as watch:
        assert user.types(*RUN, preexec_fn=watch.enter).status == KILLED
    user.forget_the_last_window()
    told = user.types(*RUN, "--json")
    assert told.status == 0, told.err
    for row in ROWS:
        assert in_files(user.dump, row) == in_duckdb(user.dump, row) == in_truth(served, row, set()), row.name
    assert user.types("verify", "--level", "local").status == 0
    log = served.ask("requests")["requests"][before:]
    pages = Counter(
        (one["path"], one["query"], one["body_crc"]) for one in log if "account-info" not in one["path"]
    )
    assert len(pages) >= 15
    assert sum(pages.values()) - len(pages) <= AT_ONCE, pages.most_common(8)


def test_primary_keys_come_first_or_quick_check_sees_damage_where_none_is(tmp_path: Path) -> None:
    """A run that was killed is checked so when it is continued; SQLite 3.40 takes another order for damage."""
    Store(tmp_path / "store.sqlite").close()
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as db:
        tables = db.execute("SELECT name FROM pragma_table_list WHERE wr AND schema = 'main'").fetchall()
        keys = {
            name: db.execute("SELECT cid FROM pragma_table_info(?) WHERE pk ORDER BY pk", name).fetchall()
            for (name,) in ((one,) for one in tables)
        }
    assert {"records", "items", "item_fields"} <= {name for (name,) in keys}
    assert [name for name, cids in keys.items() if [cid for (cid,) in cids] != list(range(len(cids)))] == []
