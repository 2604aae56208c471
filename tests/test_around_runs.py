"""The collections around the records, run as a user runs them: real processes, killed ones too."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from hubdump.around import COLLECTIONS, TYPE, Collection, by_name
from tests.collections_world import TRUE_NAMES, bodies
from tests.conftest import Serve, Served, User

SMALL = (
    "contacts=60,deals=5,owners=105,lists=3,forms=5,form_submissions=60,marketing_emails=105,email_events=1050,"
    "subscription_changes=30,files=110,workflows=105,currencies=3,subscription_types=3"
)
ONLY = (
    "--only",
    "contacts",
    "--only",
    "marketing",
    "--only",
    "owners",
    "--only",
    "lists",
    "--only",
    "list_memberships",
)


def in_files(dump: Path, row: Collection) -> Counter[str]:
    """What the JSON file of a collection holds, as texts of items in one order of fields."""
    found = json.loads((dump / f"raw/{row.name}.json").read_bytes())
    return Counter(_text(one["item"] if row.parent else one) for one in found)


def in_duckdb(dump: Path, row: Collection) -> Counter[str]:
    """What the table of a collection holds, in the same form."""
    with duckdb.connect(dump / "hubdump.duckdb", read_only=True) as db:
        rows = db.execute(f"SELECT _raw FROM {row.name} WHERE NOT _deleted").fetchall()
    return Counter(_text(json.loads(raw)) for (raw,) in rows)


def in_truth(served: Served, row: Collection, types: set[str]) -> Counter[str]:
    told = served.ask(f"truth?items={TRUE_NAMES.get(row.name, row.name)}")
    there = {key: body for key, body in bodies(told, row).items() if row.parent != TYPE or key[0] in types}
    assert there, f"no {row.name} prove nothing"
    return Counter(map(_text, there.values()))


def _text(item: Any) -> str:
    return msgspec.json.encode(item, order="sorted").decode()


@pytest.mark.prove
def test_the_default_portal_comes_home_with_all_that_is_around_its_records_in_few_requests(
    serve: Serve, user: User
) -> None:
    served, user.only = serve(), ""
    told = user.at(served).types("run", "--json")
    assert told.status == 0, told.err
    with_records = {name for name, of in told.summary["types"].items() if of["records"]}
    for row in COLLECTIONS:
        there = in_truth(served, row, with_records)
        assert in_files(user.dump, row) == there, row.name
        assert in_duckdb(user.dump, row) == there, row.name
        assert told.summary["around"][row.name]["items"] == there.total()
        assert told.summary["around"][row.name]["fresh_at"]
    log = served.ask("requests")["requests"]
    assert len(log) == sum(told.summary["requests"].values()) <= 600
    with duckdb.connect(user.dump / "hubdump.duckdb", read_only=True) as db:
        stages = db.execute("SELECT parent, pipeline_id, id FROM pipeline_stages ORDER BY ALL").fetchall()
        options = db.execute("SELECT count(*) FROM property_options").fetchone()
    told_of = served.ask("truth?items=pipelines")["bodies"]["pipelines"]
    assert stages == sorted(
        (type_, pipeline, stage["id"])
        for type_, pipelines in told_of.items()
        for pipeline, body in pipelines.items()
        for stage in body["stages"]
        if type_ in with_records
    )
    assert options is not None
    assert options[0] > 100


@pytest.mark.prove
def test_what_is_named_by_only_is_all_that_is_read(serve: Serve, user: User) -> None:
    served = serve("--portal", SMALL, "--faults", "none")
    told = user.at(served).types("run", "--only", "owners", "--json")
    assert told.status == 0, told.err
    assert (told.summary["types"], list(told.summary["around"])) == ({}, ["owners"])
    parts = Counter(
        request["path"].split("?")[0].split("/")[2] for request in served.ask("requests")["requests"]
    )
    assert parts.keys() == {"details", "owners"} or parts.keys() == {"2026-09", "owners"}
    row = by_name("owners")
    assert in_files(user.dump, row) == in_duckdb(user.dump, row) == in_truth(served, row, set())
    assert "around the records: owners 105" in user.types("status").out
    assert user.types("run", "--only", "nothing-of-that-name").status == 2
    assert user.types("load", "jsonl").status == 0
    whole = user.types("verify", "--level", "local")
    assert whole.status == 0, whole.out
    assert whole.out.count("and 105 items around them") == 2
    rows = [json.loads(line) for line in (user.dump / "jsonl/owners.jsonl").read_bytes().splitlines()]
    assert Counter(_text(json.loads(one["_raw"])) for one in rows) == in_truth(served, row, set())
    file = user.dump / "raw/owners.json"
    file.write_bytes(file.read_bytes().replace(b'"PERSON"', b'"PERSOM"', 1))
    spoiled = user.types("verify", "--level", "local")
    assert spoiled.status == 3
    assert "raw/owners.json" in spoiled.out


@pytest.mark.prove
def test_verify_names_an_item_that_was_changed_behind_its_back_and_one_that_hubspot_has_besides(
    serve: Serve, user: User
) -> None:
    served = serve("--portal", SMALL, "--faults", "none")
    assert user.at(served).types("run", "--only", "owners", "--only", "workflows").status == 0
    assert user.types("verify", "--level", "full").status == 0
    with user.in_the_store() as db:
        number = "(SELECT number FROM collections WHERE name = 'workflows')"
        db.execute(f"DELETE FROM items WHERE collection = {number} AND key = '1500000017'")
    served.tell("items", {"edits": [{"do": "remove", "collection": "owners", "key": "81000137"}]})
    told = user.types("verify", "--level", "ids", "--json")
    assert told.status == 3
    wrong = {(one["what"], *one["ids"]) for one in told.of("finding") if one["verdict"] == "wrong"}
    assert ("workflows", "1500000017") in wrong  # at HubSpot, and no longer in the store
    assert ("owners", "81000137") in wrong  # in the store, and no longer at HubSpot
    with user.in_the_store() as db:
        db.execute(
            "UPDATE item_pages SET body = zeroblob(length(body)) WHERE number = (SELECT min(number) FROM item_pages)"
        )
    assert user.types("verify", "--level", "local").status == 3


@pytest.mark.prove
@pytest.mark.parametrize("belief", ["", "worst"])
def test_runs_that_are_killed_at_any_moment_end_the_same_under_many_faults(
    serve: Serve, user: User, belief: str
) -> None:
    flags = ("--belief", belief) if belief else ()
    served = serve("--portal", SMALL, "--faults", "many", "--overload", "off", *flags)
    user.at(served)
    chance = random.Random(f"kills {belief}")
    killed = 0
    for _ in range(6):
        process = subprocess.Popen(
            user.command("run", *ONLY),
            cwd=user.folder,
            env=user.env(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        asked, wait_until = len(served.ask("requests")["requests"]), chance.randint(3, 25)
        while process.poll() is None and len(served.ask("requests")["requests"]) < asked + wait_until:
            time.sleep(0.02)
        killed += process.poll() is None
        process.kill()
        process.wait()
        user.forget_the_last_window()
    assert killed >= 4
    told = user.types("run", *ONLY, "--json")
    assert told.status == 0, told.err
    rows = [row for row in COLLECTIONS if row.name in told.summary["around"]]
    assert len(rows) >= 10
    for row in rows:
        there = in_truth(served, row, set())
        if belief and row.name == "form_submissions":  # forms for comments answer 404 there
            assert in_files(user.dump, row) <= there
        else:
            assert in_files(user.dump, row) == there, row.name
        assert in_duckdb(user.dump, row) == in_files(user.dump, row)
