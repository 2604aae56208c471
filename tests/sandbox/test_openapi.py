"""The sandbox's description of itself, and what it says to input that nobody should send."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hubdump.sandbox import Core, InProcess, SandboxConfig
from hubdump.sandbox.answers import Request
from hubdump.sandbox.config import Tier
from hubdump.sandbox.in_process import Answer
from hubdump.sandbox.openapi import QUERIES
from hubdump.sandbox.openapi_bodies import BODIES
from hubdump.sandbox.routes import TABLE

LIST = "/crm/v3/objects/contacts"
WITH_BODY = [(row.method, row.paths()[-1]) for row in TABLE if (row.method, row.family, row.rest) in BODIES]
NO_OBJECTS = (
    b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"inputs":' * 50_000,
)  # fmt: skip
WRONG_TYPES = (
    b'{"inputs": 5, "filterGroups": 5, "properties": 5}',
    b'{"inputs": [5], "filterGroups": [5]}',
    b'{"inputs": [{"id": {}}], "filterGroups": [{"filters": [{"propertyName": {}}]}], "sorts": 5}',
    b'{"inputs": [{"id": []}], "filters": {}, "limit": "x", "properties": [[]]}',
    b'{"inputs": [null], "sorts": [5], "limit": -1, "after": [], "query": {}}',
    b'{"inputs": [{"from": 5, "to": [], "types": 5, "properties": {"a": {}}, "id": 1e400}]}',
    b'{"limit": 99999999999999999999999, "after": "99999999999999999999"}',
    b'{"properties": {"firstname": [1]}, "associations": 5, "inputs": [{"properties": []}]}',
)


def client() -> InProcess:
    return InProcess("tiny", overload=False, tier="addon")


def filled(path: str) -> str:
    """A path with something in the place of its {names}."""
    return re.sub(r"{(\w+)}", lambda m: {"type": "contacts", "to": "companies"}.get(m[1], "1"), path)


def is_refusal(answer: Answer, *statuses: int) -> bool:
    said = answer.json()
    return answer.status in statuses and said["status"] == "error" and bool(said["message"])


def test_the_description_names_every_route_and_what_it_names_is_there() -> None:
    document = client().request("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    named = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    assert named == {(row.method, path) for row in TABLE for path in row.paths()}
    ids = [o["operationId"] for methods in document["paths"].values() for o in methods.values()]
    assert len(ids) == len(set(ids)) > 40
    for method, path in named:
        answer = client().request(method, filled(path), json={} if method != "GET" else None)
        assert answer.status != 405, path
        assert answer.status < 500, path


def test_every_route_that_takes_a_body_has_its_described() -> None:
    rows = {(row.method, row.family, row.rest) for row in TABLE}
    taking = {row for row in rows if row[0] in {"POST", "PATCH"}}
    assert taking - set(BODIES) == set()
    assert set(QUERIES) - rows == set()
    assert set(BODIES) - rows == set()


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_a_body_that_makes_no_sense_is_a_400(method: str, path: str) -> None:
    limits = Tier(1_000, 1_000, 1_000)
    core = Core(SandboxConfig(portal="tiny", faults="none", limits=limits))
    headers = {"authorization": "Bearer pat-na1-sandbox", "content-type": "application/json"}

    def status(body: bytes) -> int:
        return core.handle(Request(method, filled(path), (), headers, body), 0.0, 1.0e9).status

    # Where the records in the path are looked up first, they are not there.
    refused = {400, 404} if method == "PUT" else {400}
    assert [body[:20] for body in NO_OBJECTS if status(body) not in refused] == []
    assert [body for body in WRONG_TYPES if status(body) >= 500] == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "-1"}, {"limit": "x"}, {"limit": "1e9"}, {"limit": "9" * 5_000}, {"limit": "1001"},
        {"limit": ""}, {"after": "x"}, {"after": "-5"}, {"after": "9" * 5_000}, {"after": "?"},
    ],
    ids=lambda query: str(query)[:20],
)  # fmt: skip
def test_a_number_that_is_none_is_a_400(query: dict[str, str]) -> None:
    assert is_refusal(client().request("GET", LIST, params=query), 400)


@pytest.mark.parametrize(
    "path",
    [
        "/", "//", "/crm", "/crm/v3", "/crm/v9/objects/contacts", "/crm/objects/2020-01/contacts",
        f"{LIST}/%ff", f"{LIST}/%00", f"{LIST}/..%2f..", f"{LIST}/1/2/3/4/5", f"{LIST}/{'9' * 6_000}",
        f"{LIST}/-1", f"{LIST}/1.5", f"{LIST}/\u0663", "/oauth/v9/token", "/crm/v3/properties/contacts/%20",
    ],
    ids=range(16),
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_a_404(path: str) -> None:
    assert is_refusal(client().request("GET", path), 400, 404)


def test_a_type_that_is_none_is_named_without_a_category() -> None:
    said = client().request("GET", "/crm/v3/objects/butterflies").json()
    assert said["message"] == "Unable to infer object type from: butterflies"
    assert "category" not in said


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"])
def test_a_method_that_is_not_for_this_path_is_a_405(method: str) -> None:
    assert is_refusal(client().request(method, "/account-info/v3/details"), 405)


@pytest.mark.parametrize(
    "type_", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
def test_a_body_of_another_type_is_refused(type_: str) -> None:
    answer = client().request("POST", f"{LIST}/search", json={}, headers={"Content-Type": type_})
    assert is_refusal(answer, 415)


def test_absurd_headers_do_no_harm() -> None:
    wrong: dict[str, Any] = {"Host": "h\udcff\xe9", "Authorization": "Bearer \udcff"}
    assert is_refusal(client().request("GET", LIST, headers=wrong), 401)
    asked = client().request(
        "GET", "/crm/v3/objects/calls", headers={"Host": "\udcff"}, params={"limit": "1"}
    )
    assert asked.status == 200


@pytest.mark.parametrize("beliefs", [["worst"], ["list-after=opaque", "batch-order=shuffled"]])
def test_no_belief_breaks_a_route(beliefs: list[str]) -> None:
    asked = InProcess("crm", overload=False, limits=Tier(1_000, 1_000, 1_000), beliefs=beliefs)
    ids = {
        name: live[:2] for name, live in asked.portal.truth("contacts", "companies")["live"].items() if live
    }
    body = {"inputs": [{"id": id_} for id_ in ids["contacts"]]}
    for row in TABLE:
        for path in row.paths() if row.method == "GET" else []:
            answer = asked.request("GET", filled(path))
            assert answer.status in {200, 400, 403, 404}, path
    for path in ("/crm/v3/objects/contacts/batch/read", "/crm/objects/2026-09/contacts/batch/read"):
        results = asked.request("POST", path, json=body).json()["results"]
        assert sorted(r["id"] for r in results) == sorted(ids["contacts"])
    for version in ("/crm/v4/associations", "/crm/associations/2026-09"):
        told = asked.request("POST", f"{version}/contacts/companies/batch/read", json=body)
        assert told.status in {200, 207}
    assert asked.request("POST", f"{LIST}/search", json={"limit": 100}).json()["total"] > 0
