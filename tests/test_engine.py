"""The engine and the store against a scripted HubSpot: stopped after any answer, it goes on and ends the same."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubdump.catalog import STANDARD
from hubdump.errors import Incomplete, TokenRefused
from hubdump.events import PageCommitted, TypeCompleted, TypeFailed, TypeStarted
from hubdump.extract.bearer import Bearer, ServiceKey
from hubdump.extract.engine import Engine
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.hubspot.endpoints import LADDER, Endpoints
from hubdump.hubspot.pacing import Budgets
from hubdump.model import ObjectType, Request, Response, Secret
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from tests.worlds import DATE, JumpingClock, answer, page

NOTES = STANDARD.by_name("notes")
IDS = list(range(11, 261))
FILLED = ("notes", "contacts", "companies", "deals", "tickets")
LINKED = {id_: [id_ * 10, id_ * 10 + 1] for id_ in IDS if id_ % 3}


class Cut(Exception):
    """The end of everything, at once."""


class Portal:
    """250 notes, two thirds of them with two contacts each; dies at the request of a given number."""

    def __init__(self, dies_at: int = 0, refuses: str = "", status: int = 403, date: str = DATE) -> None:
        self.asked: list[tuple[str, tuple[tuple[str, str], ...], bytes | None]] = []
        self._dies_at, self._refuses, self._status, self._date = dies_at, refuses, status, date

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        came = await self._answered(request, token)
        return replace(came, headers={**came.headers, "date": self._date})

    async def _answered(self, request: Request[Any], _token: Secret | None) -> Response:
        self.asked.append((request.template, request.query, request.body))
        if len(self.asked) == self._dies_at:
            raise Cut
        if self._refuses and self._refuses in request.template:
            return answer({"message": "no", "category": "MISSING_SCOPES"}, self._status)
        body = json.loads(request.body or b"{}")
        if "limits" in request.template:
            counted = [
                {"objectTypeId": type_.type_id, "usage": 250 if type_.name in FILLED else 0}
                for type_ in STANDARD.types
            ]
            return answer({"hubspotDefinedObjectTypes": counted})
        if "properties" in request.template.split("/")[2:3]:
            return answer({"results": [{"name": "hs_note_body"}, {"name": "hs_object_id"}]})
        if request.template.endswith("/search"):
            return answer({"total": 0, "results": []})
        if request.template.endswith("/labels"):
            return answer({"results": [{"category": "HUBSPOT_DEFINED", "typeId": 202, "label": None}]})
        if "associations" in request.template:
            return answer(self._linked(body, "contacts" in request.path or "0-1/" in request.path))
        if dict(request.query)["archived"] == "true":
            return answer(page([]))
        after = int(dict(request.query).get("after", "0"))
        ids = [id_ for id_ in IDS if id_ >= after]
        return answer(page(ids[:100], str(ids[100]) if len(ids) > 100 else ""))

    def _linked(self, body: dict[str, Any], contacts: bool) -> dict[str, Any]:
        found, none = [], []
        for one in body["inputs"]:
            to = LINKED.get(int(one["id"]), []) if contacts else []
            if to:
                types = [{"category": "HUBSPOT_DEFINED", "typeId": 202, "label": None}]
                found.append(
                    {
                        "from": {"id": one["id"]},
                        "to": [{"toObjectId": str(t), "associationTypes": types} for t in to],
                    }
                )
            else:
                none.append(one["id"])
        sub = "crm.associations.NO_ASSOCIATIONS_FOUND"
        errors = [
            {"category": "OBJECT_NOT_FOUND", "subCategory": sub, "context": {"fromObjectId": [i]}}
            for i in none
        ]
        return {"results": found, "errors": errors}


def extract(folder: Path, portal: Portal) -> tuple[dict[str, Incomplete], list[Any]]:
    clock, told = JumpingClock(), list[Any]()
    store = Store(folder / "store.sqlite")
    api = Endpoints(LADDER[0])
    exchange = Exchange(Means(
        portal, Bearer(ServiceKey(Secret("t")), clock), Budgets(None), clock, told.append,
        chance=lambda: 0.0,
    ), Patience(60))  # fmt: skip
    engine = Engine(api, exchange, store, clock, told.append)

    async def completed(type_: ObjectType) -> None:
        told.append(type_.name)

    async def main() -> dict[str, Incomplete]:
        await exchange.ask(api.properties(NOTES))  # for HubSpot's Date
        return await engine.extract([NOTES], completed)

    try:
        return asyncio.run(main()), told
    finally:
        store.close()


def held(folder: Path) -> tuple[list[int], dict[int, list[int]]]:
    reader = Reader(folder / "store.sqlite")
    try:
        ids = sorted(r.id for some in reader.pages("notes") for r in some)
        links: dict[int, list[int]] = {}
        for _, one in reader.associations("notes"):
            links.setdefault(one.from_id, []).append(one.to_id)
        return ids, {from_: sorted(to) for from_, to in links.items()}
    finally:
        reader.close()


def test_a_type_is_read_whole_and_its_end_is_told_after_its_last_page(tmp_path: Path) -> None:
    failed, told = extract(tmp_path, Portal())
    assert failed == {}
    assert held(tmp_path) == (IDS, LINKED)
    (done,) = [event for event in told if isinstance(event, TypeCompleted)]
    assert (done.totals.records, done.totals.associations) == (250, 2 * len(LINKED))
    assert done.totals.without == 250 - len(LINKED)
    assert told[-1] == "notes"


def test_what_is_read_is_told_page_by_page_and_where_a_run_goes_on(tmp_path: Path) -> None:
    with pytest.raises(Cut):
        extract(tmp_path, Portal(dies_at=7))
    _, told = extract(tmp_path, Portal())
    assert told[0] == TypeStarted("notes", "NOTE", True, 200)
    told = extract(tmp_path / "another", Portal())[1]
    assert told[0] == TypeStarted("notes", "NOTE", False, 0)
    pages = [event for event in told if isinstance(event, PageCommitted)]
    assert [(page.purpose, page.records) for page in pages if page.records] == [
        ("sweep", 100), ("sweep", 100), ("sweep", 50)
    ]  # fmt: skip
    assert [(page.purpose, page.associations) for page in pages if page.associations] == [
        ("contacts", 2 * len(LINKED))
    ]
    assert {page.type for page in pages} == {"notes"}
    (done,) = [event for event in told if isinstance(event, TypeCompleted)]
    assert (done.type, done.engagement, done.fresh_at) == ("notes", "NOTE", "2026-11-24T09:59:00Z")


@pytest.mark.parametrize(("hour", "rounds"), [("10:59", 1), ("11:01", 2)])
def test_a_round_of_over_an_hour_ago_is_finished_and_followed_by_another_one(
    hour: str, rounds: int, tmp_path: Path
) -> None:
    with pytest.raises(Cut):
        extract(tmp_path, Portal(dies_at=WHOLE))
    failed, told = extract(tmp_path, Portal(date=f"Tue, 24 Nov 2026 {hour}:00 GMT"))
    assert failed == {}
    started = [event.resumed for event in told if isinstance(event, TypeStarted)]
    assert started == [True, False][:rounds]
    fresh = [event.fresh_at for event in told if isinstance(event, TypeCompleted)]
    assert fresh == ["2026-11-24T09:59:00Z", "2026-11-24T11:00:00Z"][:rounds]
    assert held(tmp_path) == (IDS, LINKED)


def test_a_wall_clock_tells_the_next_run_when_this_one_last_asked(tmp_path: Path) -> None:
    extract(tmp_path, Portal())
    reader = Reader(tmp_path / "store.sqlite")
    assert reader.meta("active_s") == "1700000000.0"
    reader.close()


# Requests of a whole run, two for properties and four for association types; those that bring records, none of the
# archived, ids, or associations.
WHOLE, PAGES = 16 + 4, 3 + 1 + 3 + 4


@pytest.mark.parametrize("dies_at", range(2, WHOLE + 1))
def test_stopped_at_any_request_the_next_run_ends_the_same_and_asks_for_nothing_it_has(
    dies_at: int, tmp_path: Path
) -> None:
    first, second = Portal(dies_at), Portal()
    with pytest.raises(Cut):
        extract(tmp_path, first)
    failed, _ = extract(tmp_path, second)
    assert failed == {}
    assert held(tmp_path) == (IDS, LINKED)
    cut = first.asked.pop(dies_at - 1)
    answered = [one for one in first.asked if _brings_data(one[0])]
    again = [one for one in second.asked if one in answered]
    # Each walk has one page under way at most; the four walks of associations go on at once.
    in_flight = 3 if "associations" in cut[0] else 0
    assert len(again) <= in_flight
    assert all("associations" in template for template, _, _ in again)
    assert sum(_brings_data(one[0]) for one in first.asked + second.asked) == PAGES + len(again)


def _brings_data(template: str) -> bool:
    return template.endswith(("/notes", "/batch/read")) and "properties" not in template


def test_a_whole_run_is_as_many_requests_as_the_tests_above_believe(tmp_path: Path) -> None:
    portal = Portal()
    extract(tmp_path, portal)
    assert len(portal.asked) == WHOLE


def test_a_type_that_may_not_be_read_fails_by_name_and_keeps_what_is_there(tmp_path: Path) -> None:
    failed, told = extract(tmp_path, Portal(refuses="associations"))
    assert list(failed) == ["notes"]
    (event,) = [event for event in told if isinstance(event, TypeFailed)]
    assert event.type == "notes"
    assert "notes" not in told
    assert held(tmp_path)[0] == IDS


def test_a_token_refused_ends_the_run_not_the_type(tmp_path: Path) -> None:
    with pytest.raises(TokenRefused):
        extract(tmp_path, Portal(refuses="associations", status=401))
    assert held(tmp_path)[0] == IDS


def test_the_bytes_on_disk_are_those_that_came(tmp_path: Path) -> None:
    extract(tmp_path, Portal())
    reader = Reader(tmp_path / "store.sqlite")
    raws = {r.id: msgspec.json.decode(r.raw) for some in reader.pages("notes") for r in some}
    reader.close()
    assert raws[11] == page([11])["results"][0]
