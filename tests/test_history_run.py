"""`hubdump run --history` as its user types it: in the DuckDB file, in what is told, in verify, and after a kill."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import TOKEN, Serve, Served, User

PORTAL = ("--portal", "contacts=120,deals=20,notes=5", "--faults", "none")
NAMES = ("email", "fax", "lifecyclestage")
HISTORY = ("--history", "contacts:email,fax", "--history", "contacts:lifecyclestage")
CONTACTS = ("--only", "contacts", *HISTORY)
Row = tuple[str | None, ...]


def there(served: Served) -> list[Row]:
    """What HubSpot lists of the past of contacts, as rows of the table."""
    rows: list[Row] = []
    after: str | None = "0"
    while after:
        path = f"crm/v3/objects/contacts?limit=50&after={after}&propertiesWithHistory={','.join(NAMES)}"
        asked = urllib.request.Request(f"{served.url}/{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(asked) as answer:
            page = json.load(answer)
        rows += [_row(one["id"], name, value) for one in page["results"] for name, value in _past(one)]
        after = page.get("paging", {}).get("next", {}).get("after")
    assert len(rows) > 300
    return sorted(rows, key=repr)


def _past(record: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, value) for name, values in record["propertiesWithHistory"].items() for value in values]


def _row(id_: str, name: str, value: dict[str, Any]) -> Row:
    said = [
        value.get(key)
        for key in ("value", "timestamp", "sourceType", "sourceId", "sourceLabel", "updatedByUserId")
    ]
    return ("contacts", id_, name, *(None if one is None else str(one) for one in said))


def here(dump: Path) -> list[Row]:
    with duckdb.connect(dump / "hubdump.duckdb", read_only=True) as db:
        return sorted(db.execute("SELECT * FROM property_history").fetchall(), key=repr)


def test_past_values_are_in_the_duckdb_file_and_told_and_verified(serve: Serve, user: User) -> None:
    served, user.only = serve(*PORTAL), "contacts deals"
    told = user.at(served).types("run", "--json", *HISTORY)
    assert told.status == 0, told.err
    assert here(user.dump) == there(served)
    assert told.summary["types"]["contacts"]["past_values"] == len(there(served))
    assert told.summary["types"]["deals"]["past_values"] == 0
    assert "past values, each once and as written" in user.types("verify", "--level", "local").out
    user.forget_the_last_window()
    checked = user.types("verify", "--level", "full")
    assert (checked.status, checked.err) == (0, "")
    assert f"contacts: {len(there(served)):,} past values at HubSpot, all here" in checked.out


@pytest.mark.prove
def test_verify_finds_a_past_value_that_was_lost_and_accuses_none_that_came_since(
    serve: Serve, user: User
) -> None:
    served = serve(*PORTAL)
    assert user.at(served).types("run", "-q", *CONTACTS).status == 0
    lost = there(served)[7]
    served.tell("clock", {"advance_s": 600})
    edit = {"method": "PATCH", "path": f"/crm/v3/objects/contacts/{there(served)[90][1]}"}
    served.tell("edits", {"edits": [edit | {"body": {"properties": {"fax": "since"}}}]})
    user.forget_the_last_window()
    checked = user.types("verify", "--level", "full")
    assert checked.status == 0, checked.out
    assert f"{len(there(served)) - 1:,} past values at HubSpot, all here; 1 since the run" in checked.out
    with user.in_the_store() as db:
        where = (int(str(lost[1])), lost[2], lost[4])
        sql = "DELETE FROM histories WHERE id = ? AND property = ? AND timestamp = ?"
        assert db.execute(sql, where).rowcount == 1
    user.forget_the_last_window()
    checked = user.types("verify", "--level", "full")
    assert checked.status == 3
    assert f"past values missing here: {lost[1]} {lost[2]} {lost[4]}" in checked.out
    assert f"{len(there(served)) - 2:,} past values, {len(there(served)) - 1:,} were written" in checked.out
    assert "hubdump.duckdb property_history: not in the store" in checked.out


@pytest.mark.prove
def test_the_wish_may_stand_in_the_toml_file_or_the_environment(serve: Serve, user: User) -> None:
    user.at(serve(*PORTAL))
    (user.folder / "hubdump.toml").write_text('history = ["contacts:fax", "deals:dealname"]\n')
    few = ("run", "-q", "--to", "duckdb", "--only", "contacts", "--only", "deals")
    assert user.types(*few).status == 0
    kinds = "SELECT DISTINCT type, property FROM property_history ORDER BY 1"
    with duckdb.connect(user.dump / "hubdump.duckdb", read_only=True) as db:
        assert db.execute(kinds).fetchall() == [("contacts", "fax"), ("deals", "dealname")]
    user.environment["HUBDUMP_HISTORY"] = "contacts:email deals:dealname"
    user.forget_the_last_window()
    assert user.types(*few).status == 0
    with duckdb.connect(user.dump / "hubdump.duckdb", read_only=True) as db:
        assert ("contacts", "email") in db.execute(kinds).fetchall()
    told = user.types("run", "--history", "dragons")
    assert (told.status, "There is no object type 'dragons'" in told.err) == (2, True)


# hubdump, killed in the middle of the transaction of a page of histories: its values written, its end not.
_KILLED = """
import os, signal, sys
from hubdump.cli import main
from hubdump.store.histories import Histories
whole, pages = Histories.append, []
def cut(self, type_, page):
    whole(self, type_, page)
    pages.append(page)
    if len(pages) == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
Histories.append = cut
sys.argv[0] = "hubdump"
main()
"""


def read(dump: Path) -> int:
    """Of how many records the history is committed."""
    with closing(sqlite3.connect(dump / "store.sqlite")) as db:
        return int(db.execute("SELECT count(*) FROM history_reads").fetchone()[0])


@pytest.mark.prove
@pytest.mark.parametrize("number", [1, 3])
def test_a_run_killed_while_it_keeps_histories_loses_none_and_keeps_none_twice(
    number: int, serve: Serve, user: User
) -> None:
    served = serve("--portal", "contacts=180", "--faults", "none")
    user.at(served)
    program = [sys.executable, "-c", _KILLED.format(number=number), "run", *CONTACTS]
    assert subprocess.run(program, cwd=user.folder, env=user.env(), check=False).returncode == -9
    assert read(user.dump) == (number - 1) * 50
    user.forget_the_last_window()
    assert user.types("run", "-q", *CONTACTS).status == 0
    assert here(user.dump) == there(served)
    assert user.types("verify", "--level", "local").status == 0
