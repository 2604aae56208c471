"""The sandbox inside other programs: context manager, pytest fixture, command, controls."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hubdump.sandbox import Emulated, InProcess, Sandbox, SandboxError
from tests.conftest import ROOT

LIST = "/crm/v3/objects/contacts"
PROJECT = """
import json
import urllib.request

import pytest


def ids(portal):
    asked = urllib.request.Request(
        f"{portal.url}/crm/v3/objects/contacts", headers={"Authorization": f"Bearer {portal.token}"}
    )
    with urllib.request.urlopen(asked) as answer:
        return [record["id"] for record in json.load(answer)["results"]]


def test_one_contact(hubspot_sandbox):
    assert ids(hubspot_sandbox) == hubspot_sandbox.truth("contacts")["live"]["contacts"]
    assert len(ids(hubspot_sandbox)) == 1


@pytest.mark.hubspot_sandbox("contacts=3", seed=5, latency=1)
def test_three_contacts(hubspot_sandbox):
    assert len(ids(hubspot_sandbox)) == 3
    hubspot_sandbox.strike("500")
    with pytest.raises(urllib.error.HTTPError):
        ids(hubspot_sandbox)
"""


def get(portal: Emulated, path: str = LIST, **headers: str) -> http.client.HTTPResponse:
    sent = {"Authorization": f"Bearer {portal.token}"} | headers
    found: http.client.HTTPResponse = urllib.request.urlopen(
        urllib.request.Request(f"{portal.url}{path}", headers=sent)
    )
    return found


def test_a_portal_is_served_inside_a_with_and_gone_after_it() -> None:
    with Sandbox("contacts=3", seed=3, latency="1-2", beliefs={"dates": "epoch-ms"}) as portal:
        with get(portal) as answer:
            records = json.load(answer)["results"]
        assert [r["id"] for r in records] == portal.truth("contacts")["live"]["contacts"]
        assert len(records) == 3
        assert all(r["createdAt"].isdecimal() for r in records)
        assert [r["path"] for r in portal.requests()] == [LIST]
        portal.reset()
        assert portal.requests() == []
    with pytest.raises(urllib.error.URLError, match="refused"):
        get(portal)


def test_two_portals_at_once_are_two() -> None:
    with Sandbox("tiny", seed=1) as one, Sandbox("tiny", seed=2, token="another") as other:
        assert one.truth()["portal"] != other.truth()["portal"]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(Emulated(one.url, other.token, one.ask))


def test_what_cannot_be_served_is_refused_on_entering() -> None:
    with pytest.raises(SandboxError, match="portal is"), Sandbox("moon"):
        raise AssertionError
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SandboxError, match="cannot be had"), Sandbox("tiny", port=taken.getsockname()[1]):
            raise AssertionError


def test_an_answer_is_one_write_and_gzipped_when_asked() -> None:
    with Sandbox("contacts=50") as portal:
        with get(portal, **{"Accept-Encoding": "gzip"}) as packed, get(portal) as plain:
            assert packed.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(packed.read()) == plain.read()
        host = urlsplit(portal.url)
        with socket.create_connection((host.hostname, host.port)) as raw:
            raw.sendall(
                f"GET {LIST}?limit=5 HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: Bearer {portal.token}\r\n\r\n".encode()
            )
            first = raw.recv(1 << 20)
        head, _, body = first.partition(b"\r\n\r\n")
        assert b"200 OK" in head
        assert len(json.loads(body)["results"]) == 5


def test_a_name_that_was_led_here_by_a_page_in_a_browser_is_not_answered() -> None:
    with Sandbox("tiny") as portal:
        with pytest.raises(urllib.error.HTTPError, match="421") as caught:
            get(portal, Host="rebound.example")
        caught.value.close()
        with get(portal, Host=f"localhost:{urlsplit(portal.url).port}") as answer:
            assert answer.status == 200
        assert [r["status"] for r in portal.requests()] == [200]


def test_a_long_url_comes_through_and_a_longer_one_gets_the_edges_414_not_the_librarys_400() -> None:
    with Sandbox("tiny") as portal:
        with get(portal, f"{LIST}?properties={'a' * 15_000}") as answer:
            assert answer.status == 200
        for chars in (17_000, 100_000):
            with pytest.raises(urllib.error.HTTPError, match="414") as caught:
                get(portal, f"{LIST}?properties={'a' * chars}")
            assert caught.value.headers["Server"] == "cloudflare"
            caught.value.close()
        assert [r["status"] for r in portal.requests()] == [200, 414, 414]


def test_an_empty_project_gets_the_fixture_without_a_line_of_setup(tmp_path: Path) -> None:
    (tmp_path / "test_project.py").write_text(PROJECT, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n", "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path, env=kept, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_command_says_what_is_wrong_and_ends_with_2(tmp_path: Path) -> None:
    for flags, told in (
        (["--belief", "moon=cheese"], "there is no belief"),
        (["--beliefs", str(tmp_path / "none")], "cannot be read"),
        (["--latency", "soon"], "latency is"),
        (["--port", "99999"], "cannot be had"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "hubdump.sandbox", *flags],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert told in done.stderr


def test_the_tier_of_a_portal_that_is_served_can_be_changed() -> None:
    with Sandbox("tiny", tier="free") as portal:
        for tier, most in (("addon", "250"), ("unlimited", None), ("free", "100")):
            portal.change_tier(tier)
            with get(portal) as answer:
                assert answer.headers["X-HubSpot-RateLimit-Max"] == most
        with pytest.raises(ValueError, match="tier is 'gold', but must be one of: free, pro"):
            portal.change_tier("gold")


def test_the_clock_can_be_moved() -> None:
    client = InProcess("tiny", tier="free", overload=False)
    assert {client.request("GET", LIST).status for _ in range(100)} == {200}
    assert client.request("GET", LIST).status == 429
    client.portal.advance(10)
    assert client.request("GET", LIST).status == 200
    told = client.request("GET", "/_sandbox/clock").json()
    assert told["offset_s"] == 10
    assert told["wall_s"] == client.now_s + 10
    for wrong in (-1, "soon", True, None, 1e30):
        refused = client.request("POST", "/_sandbox/clock", json={"advance_s": wrong})
        assert refused.status == 400, wrong


def test_the_log_tells_the_route_the_app_and_whether_the_same_was_asked() -> None:
    client = InProcess("tiny")
    for limit in ("1", "1", "2"):
        client.request("GET", LIST, params={"limit": limit})
    body = {"inputs": [{"id": "1"}]}
    client.request("POST", "/crm/objects/2026-09/contacts/batch/read", json=body)
    client.request("GET", "/nowhere")
    log = client.portal.requests()
    assert [r["query"] for r in log] == ["limit=1", "limit=1", "limit=2", "", ""]
    assert [r["template"] for r in log] == [
        *["/crm/objects/{version}/{type}"] * 3, "/crm/objects/{version}/{type}/batch/read", "",
    ]  # fmt: skip
    assert [bool(r["body_crc"]) for r in log] == [False, False, False, True, False]
    assert {r["app"] for r in log} == {1_500_001}
    summary = client.request("GET", "/_sandbox/requests", params={"summary": "1"}).json()["routes"]
    assert summary["GET /crm/objects/{version}/{type}"] == {"200": 3}
    assert summary["GET /nowhere"] == {"404": 1}


def test_a_reset_makes_everything_anew() -> None:
    client = InProcess("tiny", faults="at:1=500")
    statuses = [client.request("GET", LIST).status for _ in range(2)]
    client.portal.advance(100)
    client.portal.reset()
    assert [client.request("GET", LIST).status for _ in range(2)] == statuses == [500, 200]
    assert client.request("GET", "/_sandbox/clock").json()["offset_s"] == 0


def test_what_is_not_there_names_what_is() -> None:
    told = InProcess("tiny").request("GET", "/_sandbox/moon")
    assert told.status == 404
    assert {"GET truth", "POST edits", "POST reset"} <= set(told.json()["there is"])


def test_beliefs_can_be_asked_for() -> None:
    client = InProcess("tiny", beliefs=["list-max=7"])
    assert client.request("GET", "/_sandbox/beliefs").json()["beliefs"]["list-max"] == "7"


def test_edits_are_hubspots_own_writes_without_budgets_or_log() -> None:
    client = InProcess("tiny", overload=False, faults="500=1")
    made = client.portal.edit("POST", LIST, {"properties": {"email": "new@example.com"}})
    live = client.portal.truth("contacts")["live"]["contacts"]
    assert made["id"] in live
    assert len(live) == 2
    assert client.portal.requests() == []
    client.portal.edit("DELETE", f"{LIST}/{made['id']}", None)
    told = client.portal.truth("contacts")
    assert made["id"] not in told["live"]["contacts"]
    assert made["id"] in told["archived"]["contacts"]
    edits = {"edits": [{"method": "GET", "path": "/moon"}, {"method": "POST", "path": LIST, "body": 5}]}
    results = client.request("POST", "/_sandbox/edits", json=edits).json()["results"]
    assert [result["status"] for result in results] == [404, 400]
    assert client.request("POST", "/_sandbox/edits", json={"edits": [5]}).status == 400


def test_items_are_edited_and_their_truth_told() -> None:
    with Sandbox("tiny") as portal:
        told = portal.truth("contacts", items=["forms"])["bodies"]["forms"][""]
        key = next(iter(told))
        assert portal.edit_item("change", "forms", key=key, name="Other")["body"]["name"] == "Other"
        assert portal.truth("contacts", items=["forms"])["bodies"]["forms"][""][key]["name"] == "Other"
        with pytest.raises(ValueError, match="there is no forms 'x'"):
            portal.edit_item("remove", "forms", key="x")
