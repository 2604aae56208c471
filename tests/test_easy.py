"""The schema `easy`: what it says is what HubSpot says, and every query of docs/cookbook.md runs on it."""

from __future__ import annotations

import json
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import ALL, ROOT, TOKEN, Served, User, started

COOKBOOK = (ROOT / "docs/cookbook.md").read_text("utf-8")
QUERIES = re.findall(r"^## (\d+)\. .*?^```sql\n(.*?)^```", COOKBOOK, re.MULTILINE | re.DOTALL)
# The portal's records are of that year, whenever this runs; and one question it has no answer to.
TODAY = "DATE '2026-08-20'"
EMPTY = {"9"}


@dataclass(frozen=True)
class Dumped:
    """A dump of a portal that is still there to be asked."""

    served: Served
    path: Path

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.path, read_only=True) as db:
            return db.execute(sql).fetchall()

    def asks(self, path: str) -> list[dict[str, Any]]:
        """What HubSpot answers, all pages of it."""
        found: list[dict[str, Any]] = []
        after = "0"
        while after:
            joined = "&" if "?" in path else "?"
            url = f"{self.served.url}/{path}{joined}limit=100" + (f"&after={after}" if after != "0" else "")
            asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
            with urllib.request.urlopen(asked) as answer:
                page = json.load(answer)
            found += page["results"]
            after = page.get("paging", {}).get("next", {}).get("after")
        return found


@pytest.fixture(scope="module")
def dumped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dumped]:
    with ExitStack() as stack:
        served = started(stack, "--portal", "seven", "--faults", "none")
        user = User(tmp_path_factory.mktemp("easy"), only="engagements crm account").at(served)
        told = user.types("run", "--to", "duckdb")
        assert told.status == 0, told.err
        yield Dumped(served, user.dump / "hubdump.duckdb")


def owners(dumped: Dumped) -> dict[str, str]:
    return {
        one["id"]: " ".join(part for part in (one["firstName"], one["lastName"]) if part) or one["email"]
        for archived in ("false", "true")
        for one in dumped.asks(f"crm/v3/owners?archived={archived}")
    }


def test_deals_bear_labels_of_stages_names_of_owners_and_a_currency(dumped: Dumped) -> None:
    (pipeline,) = dumped.asks("crm/v3/pipelines/deals")
    stages = {stage["id"]: stage["label"] for stage in pipeline["stages"]}
    names = owners(dumped)
    wanted = ("dealname", "dealstage", "pipeline", "hubspot_owner_id", "amount")
    expected = {
        deal["id"]: (
            p["dealname"], stages[p["dealstage"]], pipeline["label"], p["hubspot_owner_id"],
            names.get(p["hubspot_owner_id"]), p["amount"] and float(p["amount"]), "USD",
        )
        for deal in dumped.asks(f"crm/v3/objects/deals?properties={','.join(wanted)}")
        for p in [deal["properties"]]
    }  # fmt: skip
    sql = (
        "SELECT id, dealname, dealstage, pipeline, hubspot_owner_id, hubspot_owner_name, amount::DOUBLE, currency"
        " FROM easy.deals"
    )
    assert {row[0]: row[1:] for row in dumped.rows(sql)} == expected
    assert len(expected) == len(dumped.served.truth()["live"]["deals"]) > 10
    assert len({row[4] for row in expected.values()}) > 3


def test_engagements_of_all_types_are_one_view_with_whom_they_are_about(dumped: Dumped) -> None:
    truth = dumped.served.truth(ALL)
    found = dumped.rows(
        "SELECT type, id, contact_ids, company_ids, deal_ids, ticket_ids FROM easy.engagements"
    )
    types = {"meeting": "meetings", "call": "calls", "email": "emails", "note": "notes", "task": "tasks",
             "communication": "communications", "postal_mail": "postal_mail"}  # fmt: skip
    assert sorted((types[row[0]], row[1]) for row in found) == sorted(
        (name, id_) for name in types.values() for id_ in truth["live"][name]
    )
    linked = {
        (types[row[0]], row[1], to, other)
        for row in found
        for to, ids in zip(("contacts", "companies", "deals", "tickets"), row[2:], strict=True)
        for other in ids
    }
    there = {tuple(row[:4]) for row in truth["associations"] if row[0] in types.values()}
    assert linked == there
    assert Counter(to for _, _, to, _ in linked).keys() == {"contacts", "companies", "deals", "tickets"}


def test_every_view_can_be_read_whole_and_holds_what_is_at_hubspot(dumped: Dumped) -> None:
    views = [
        name for (name,) in dumped.rows("SELECT view_name FROM duckdb_views() WHERE schema_name = 'easy'")
    ]
    types = ("contacts", "deals", "tickets", "calls", "notes")
    assert {*types, "engagements", "links", "names", "owners"} <= set(views)
    live = dumped.served.truth((*types, "companies"))["live"]
    for name in views:
        rows = dumped.rows(f'SELECT * FROM easy."{name}"')
        if name in live:
            assert sorted(row[0] for row in rows) == sorted(live[name])


def test_it_is_read_by_another_database_too_under_another_name(dumped: Dumped) -> None:
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{dumped.path}' AS mine (READ_ONLY)")
        (row,) = db.execute("SELECT count(*), count(owner_name) FROM mine.easy.engagements").fetchall()
    assert row[0] > row[1] > 300


@pytest.mark.parametrize(("number", "sql"), QUERIES)
def test_every_query_of_the_cookbook_runs(number: str, sql: str, dumped: Dumped) -> None:
    rows = dumped.rows(sql.replace("current_date", TODAY))
    assert bool(rows) is (number not in EMPTY)


def test_the_cookbook_has_ten() -> None:
    assert [number for number, _ in QUERIES] == [str(n) for n in range(1, 11)]


def test_meetings_by_owner_are_those_of_the_month(dumped: Dumped) -> None:
    names = owners(dumped)
    expected = Counter(
        names.get(one["properties"]["hubspot_owner_id"])
        for one in dumped.asks("crm/v3/objects/meetings?properties=hubspot_owner_id,hs_timestamp")
        if one["properties"]["hs_timestamp"].startswith("2026-07")
    )
    assert dict(dumped.rows(QUERIES[0][1].replace("current_date", TODAY))) == expected
    assert len(expected) > 2
