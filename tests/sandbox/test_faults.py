"""Errors on purpose: which request they strike, and what it gets."""

from __future__ import annotations

import gzip
import json

import pytest

from hubdump.sandbox import InProcess, SandboxError
from hubdump.sandbox.breakages import BOMB_BYTES
from hubdump.sandbox.faults import KINDS

LIST = "/crm/v3/objects/calls"
SEARCH = f"{LIST}/search"
PORTAL = "calls=30"


def struck(faults: str, number: int = 60, seed: int = 7) -> list[str]:
    """The faults of the first requests."""
    client = InProcess(PORTAL, seed=seed, faults=faults, overload=False)
    for _ in range(number):
        try:
            client.request("GET", LIST)
        except ConnectionResetError:
            continue
    return [request["fault"] for request in client.portal.requests()]


def test_few_are_one_of_each_common_kind_and_the_seed_decides_where() -> None:
    first = struck("few")
    assert sorted(filter(None, first)) == ["429", "500", "502", "503", "cut", "reset", "slow"]
    assert struck("few") == first
    assert struck("few", seed=8) != first


def answered(client: InProcess, page: int) -> bool:
    """Whether a page came whole."""
    try:
        answer = client.request("GET", LIST, params={"after": str(page)})
    except ConnectionResetError:
        return False
    return answer.status == 200 and answer.body.endswith(b"}")


def test_few_never_strike_a_request_again_that_was_just_struck() -> None:
    """A client that asks until it is answered waits once for a request, whatever the seed."""
    for seed in range(40):
        client = InProcess("calls=3000", seed=seed, faults="few", overload=False)
        for page in range(60):
            tries = next(number for number in range(9) if answered(client, page))
            assert tries <= 1, (seed, page)
        faults = [request["fault"] for request in client.portal.requests()]
        assert sorted(filter(None, faults)) == ["429", "500", "502", "503", "cut", "reset", "slow"]


def test_a_schedule_strikes_exactly_the_request_it_names() -> None:
    assert struck("at:2=502,at:5=477", 6) == ["", "502", "", "", "477", ""]


def test_a_share_strikes_so_many_and_only_where_it_is_told() -> None:
    client = InProcess(PORTAL, faults="500=0.5@/batch/read", overload=False)
    for _ in range(100):
        client.request("GET", LIST)
        client.request("POST", f"{LIST}/batch/read", json={"inputs": [{"id": "1"}]})
        client.advance(0.2)
    by: dict[str, list[str]] = {}
    for request in client.portal.requests():
        by.setdefault(request["path"], []).append(request["fault"])
    assert set(by[LIST]) == {""}
    assert 30 < by[f"{LIST}/batch/read"].count("500") < 70


def test_an_outage_lasts_so_many_seconds() -> None:
    client = InProcess(PORTAL, faults="outage:2:30", overload=False)
    statuses = []
    for _ in range(5):
        statuses.append(client.request("GET", LIST).status)
        client.advance(10)
    assert statuses == [200, 502, 502, 502, 200]


@pytest.mark.parametrize(
    ("kind", "status", "category"),
    [
        ("401", 401, "EXPIRED_AUTHENTICATION"),
        ("403", 403, "MISSING_SCOPES"),
        ("423", 423, "LOCKED"),
        ("477", 477, "MIGRATION"),
        ("500", 500, "INTERNAL_ERROR"),
    ],
)
def test_hubspots_errors_are_its_envelope(kind: str, status: int, category: str) -> None:
    client = InProcess(PORTAL, overload=False)
    client.portal.strike(kind)
    answer = client.request("GET", LIST)
    said = answer.json()
    assert (answer.status, said["status"], said["category"]) == (status, "error", category)
    assert said["correlationId"] == answer.headers["X-HubSpot-Correlation-Id"]
    assert ("Retry-After" in answer.headers) == (kind == "477")
    assert client.request("GET", LIST).status == 200


@pytest.mark.parametrize(
    ("kind", "policy"),
    [("429", "TEN_SECONDLY_ROLLING"), ("429-daily", "DAILY"), ("429-search", None)],
)
def test_all_three_429s_can_be_had(kind: str, policy: str | None) -> None:
    client = InProcess(PORTAL, overload=False)
    client.portal.strike(kind)
    answer = client.request("GET", LIST)
    assert (answer.status, answer.json().get("policyName")) == (429, policy)
    # A struck 429 takes nothing from a budget.
    assert client.request("GET", LIST).headers["X-HubSpot-RateLimit-Remaining"] == "189"


@pytest.mark.parametrize("status", [502, 503, 504, *range(520, 527)])
def test_the_edge_speaks_html_or_a_short_text_and_knows_no_budgets(status: int) -> None:
    for belief, type_, text in (
        ("html", "text/html", f"<title>{status} "),
        ("text", "text/plain", str(status)),
    ):
        client = InProcess(PORTAL, beliefs={"edge-bodies": belief}, overload=False)
        client.portal.strike(str(status))
        answer = client.request("GET", LIST)
        assert answer.status == status
        assert answer.headers["Content-Type"].startswith(type_)
        assert answer.headers["Server"] == "cloudflare"
        assert text in answer.body.decode()
        assert "X-HubSpot-RateLimit-Max" not in answer.headers


def test_a_414_is_struck_or_earned() -> None:
    client = InProcess(PORTAL, overload=False)
    client.portal.strike("414")
    assert client.request("GET", LIST).status == 414
    long = ",".join(f"property_{number}" for number in range(1_500))
    assert client.request("GET", LIST, params={"properties": long}).status == 414
    assert client.request("GET", LIST, params={"properties": long[:9_000]}).status == 200
    short = InProcess(PORTAL, overload=False, beliefs={"url-chars-max": 8_000, "body-of-414": "empty"})
    refused = short.request("GET", LIST, params={"properties": long[:9_000]})
    assert (refused.status, refused.body) == (414, b"")


def test_200_may_hold_nothing_garbage_or_html() -> None:
    client = InProcess(PORTAL, overload=False)
    for kind in ("empty", "garbage", "html"):
        client.portal.strike(kind)
        answer = client.request("GET", LIST)
        assert answer.status == 200
        with pytest.raises(ValueError, match=r"."):
            json.loads(answer.body)
    assert client.request("GET", LIST).json()["results"]


def test_a_bomb_is_small_until_it_is_unpacked() -> None:
    client = InProcess(PORTAL, overload=False)
    client.portal.strike("bomb")
    answer = client.request("GET", LIST)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.body) < BOMB_BYTES // 500
    assert gzip.decompress(answer.body[: len(answer.body) // 16]) == b" " * (BOMB_BYTES // 16)


def test_a_repeated_cursor_leads_to_itself() -> None:
    client = InProcess(PORTAL, overload=False)
    first = client.request("GET", LIST).json()["paging"]["next"]["after"]
    client.portal.strike("repeat")
    assert client.request("GET", LIST, params={"after": first}).json()["paging"]["next"]["after"] == first
    second = client.request("GET", LIST, params={"after": first}).json()["paging"]["next"]["after"]
    assert second != first
    client.portal.strike("repeat")
    found = client.request("POST", SEARCH, json={"after": "10", "limit": 5}).json()
    assert found["paging"]["next"]["after"] == "10"


def test_a_poisoned_record_breaks_every_answer_it_is_in() -> None:
    ids = InProcess(PORTAL).portal.truth("calls")["live"]["calls"]
    client = InProcess(PORTAL, faults=f"poison:{ids[3]}", overload=False)
    assert client.request("GET", LIST).status == 500
    assert client.request("GET", LIST, params={"limit": "3"}).status == 200
    assert client.request("GET", LIST, params={"after": ids[4]}).status == 200
    for id_, status in ((ids[3], 500), (ids[4], 200)):
        body = {"inputs": [{"id": ids[0]}, {"id": id_}]}
        assert client.request("POST", f"{LIST}/batch/read", json=body).status == status
    assert [r["fault"] for r in client.portal.requests()] == ["poison", "", "", "poison", ""]


def test_a_broken_connection_is_broken() -> None:
    client = InProcess(PORTAL, overload=False)
    for kind in ("reset", "cut"):
        client.portal.strike(kind)
        with pytest.raises(ConnectionResetError, match=kind):
            client.request("GET", LIST)


def test_a_slow_answer_takes_three_seconds_more() -> None:
    client = InProcess(PORTAL, overload=False, latency=100)
    began = client.now_s
    client.request("GET", LIST)
    assert client.now_s - began == pytest.approx(0.1)
    client.portal.strike("slow")
    client.request("GET", LIST)
    assert client.now_s - began == pytest.approx(3.2)


def test_faults_can_be_asked_for_one_by_one_seen_and_cleared() -> None:
    client = InProcess(PORTAL, faults="502=0.5", overload=False)
    ask = client.request
    assert ask("POST", "/_sandbox/faults", json={"next": [{"kind": "503", "path": "/search"}]}).status == 200
    told = ask("GET", "/_sandbox/faults").json()
    assert told["next"] == [{"kind": "503", "path": "/search"}]
    assert told["shares"] == [{"kind": "502", "share": 0.5, "part": ""}]
    assert ask("POST", SEARCH, json={}).status == 503
    ask("DELETE", "/_sandbox/faults")
    assert {ask("GET", LIST).status for _ in range(30)} == {200}
    plain = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl -d says, whatever it sends
    asked = ask("POST", "/_sandbox/faults", json={"next": [{"kind": "504"}]}, headers=plain)
    assert asked.json()["next"] == [{"kind": "504", "path": ""}]
    assert ask("POST", SEARCH, json={}, headers=plain).status == 504
    assert ask("POST", SEARCH, json={}, headers=plain).status == 415
    refused = ask("POST", "/_sandbox/faults", json={"next": [{"kind": "wrath"}]})
    assert refused.status == 400
    assert "wrath" in refused.json()["message"]


@pytest.mark.parametrize(
    "text", ["rain", "500", "500=x", "at:x=500", "at:5=rain", "outage:1", "poison:x", "rain=0.5"]
)
def test_a_text_that_names_no_fault_is_refused(text: str) -> None:
    with pytest.raises(SandboxError, match="faults is"):
        InProcess(PORTAL, faults=text)


def test_account_details_meet_no_random_fault() -> None:
    client = InProcess(PORTAL, faults="500=1")
    assert client.request("GET", "/account-info/v3/details").status == 200
    assert client.request("GET", LIST).status == 500


def test_every_kind_can_be_struck() -> None:
    for kind in KINDS:
        client = InProcess(PORTAL, overload=False)
        client.portal.strike(kind)
        try:
            client.request("GET", LIST)
        except ConnectionResetError:
            assert kind in {"cut", "reset"}
        assert [r["fault"] for r in client.portal.requests()] == [kind]
