"""The sandbox's budgets: sliding windows, days, headers and refusals as the facts' sections 3 and 12 say."""

from __future__ import annotations

from typing import Any

import pytest

from hubdump.sandbox import InProcess, SandboxError
from hubdump.sandbox.apps import App
from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.config import TIERS, SandboxConfig, Tier
from hubdump.sandbox.in_process import Answer
from hubdump.sandbox.limits import Limits
from hubdump.sandbox.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

LIST, SEARCH = "/crm/v3/objects/calls", "/crm/v3/objects/calls/search"
ASSOCIATIONS = "/crm/v4/associations/calls/contacts/batch/read"
BURST = ("Max", "Remaining", "Interval-Milliseconds", "Secondly", "Secondly-Remaining")
# 1 June 2026, 04:00 in Greenwich: midnight in New York, in summer.
MIDNIGHT_S = 1_780_286_400.0


def quiet(**options: Any) -> InProcess:
    return InProcess("tiny", start_s=1_000_000.0, **{"overload": False, **options})


def limit(answer: Answer, name: str) -> str | None:
    return answer.headers.get(f"X-HubSpot-RateLimit-{name}")


def test_the_window_is_the_present_second_and_the_nine_before_it() -> None:
    client = quiet()
    left = []
    for _ in range(3):
        left.append(limit(client.request("GET", LIST), "Remaining"))
        client.advance(0.5)  # 0.0, 0.5 and 1.0
    assert left == ["189", "188", "187"]
    client.advance(8.49)  # 9.99: the first second is still one of the ten
    assert limit(client.request("GET", LIST), "Remaining") == "186"
    client.advance(0.01)  # 10.0: the two of the first second are gone at once
    assert limit(client.request("GET", LIST), "Remaining") == "187"


def test_the_191st_request_is_refused_byte_for_byte_and_ten_seconds_later_the_next_one_passes() -> None:
    client = quiet()
    answers = [client.request("GET", LIST) for _ in range(191)]
    assert [a.status for a in answers] == [200] * 190 + [429]
    id_ = answers[-1].headers["X-HubSpot-Correlation-Id"]
    assert answers[-1].body.decode() == (
        '{"status":"error","message":"You have reached your ten_secondly_rolling limit.",'
        f'"errorType":"RATE_LIMIT","correlationId":"{id_}","policyName":"TEN_SECONDLY_ROLLING",'
        f'"groupName":"publicapi:private_app-api-calls-ten-secondly:1500001:{client.portal_id}"}}'
    )
    assert limit(answers[-1], "Remaining") == "0"
    client.advance(9.9)
    assert client.request("GET", LIST).status == 429
    client.advance(0.1)
    assert client.request("GET", LIST).status == 200


def test_searches_have_five_a_second_for_the_whole_account_and_no_burst_headers() -> None:
    client = quiet(tokens=("one", "two"))
    answers = [
        client.request("POST", SEARCH, json={}, headers={"Authorization": f"Bearer {token}"})
        for token in ("one", "two", "one", "two", "one", "two")
    ]
    assert [a.status for a in answers] == [200] * 5 + [429]
    id_ = answers[-1].headers["X-HubSpot-Correlation-Id"]
    assert answers[-1].body.decode() == (
        '{"status":"error","message":"You have reached your secondly limit.",'
        f'"correlationId":"{id_}","category":"RATE_LIMITS"}}'
    )
    assert {limit(a, name) for a in answers for name in BURST} == {None}
    assert "Retry-After" not in answers[-1].headers
    # A refused search is counted against the day too.
    assert [limit(a, "Daily-Remaining") for a in answers] == [str(n) for n in range(624_999, 624_993, -1)]
    client.advance(1.0)
    assert client.request("POST", SEARCH, json={}, headers={"Authorization": "Bearer two"}).status == 200


def test_each_app_has_a_window_of_its_own() -> None:
    client = quiet(tier="free", tokens=("one", "two"))
    by = {token: {"Authorization": f"Bearer {token}"} for token in ("one", "two")}
    assert {client.request("GET", LIST, headers=by["one"]).status for _ in range(100)} == {200}
    assert client.request("GET", LIST, headers=by["one"]).status == 429
    other = client.request("GET", LIST, headers=by["two"])
    assert other.status == 200
    assert limit(other, "Remaining") == "99"
    assert limit(other, "Daily-Remaining") == str(250_000 - 102)


@pytest.mark.parametrize(("belief", "passed"), [("separate", 150), ("shared", 90)])
def test_associations_have_a_budget_of_their_own_or_not(belief: str, passed: int) -> None:
    client = quiet(beliefs={"association-budget": belief})
    assert {client.request("GET", LIST).status for _ in range(100)} == {200}
    statuses = [
        client.request("POST", ASSOCIATIONS, json={"inputs": [{"id": "1"}]}).status for _ in range(160)
    ]
    assert 429 not in statuses[:passed]
    assert set(statuses[passed:]) == {429}


def test_the_day_ends_at_the_accounts_midnight() -> None:
    client = InProcess("tiny", start_s=MIDNIGHT_S - 60, limits=Tier(190, 150, daily=3))
    answers = [client.request("GET", LIST) for _ in range(4)]
    assert [a.status for a in answers] == [200, 200, 200, 429]
    assert answers[-1].json() == {
        "status": "error",
        "message": "You have reached your daily limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": answers[-1].headers["X-HubSpot-Correlation-Id"],
        "policyName": "DAILY",
        "requestId": answers[-1].headers["X-HubSpot-Correlation-Id"],
    }
    assert limit(answers[-1], "Daily-Remaining") == "0"
    client.advance(59)
    assert client.request("GET", LIST).status == 429
    client.advance(1)
    assert client.request("GET", LIST).status == 200


def test_associations_have_a_day_of_their_own() -> None:
    client = quiet(limits=Tier(190, 150, daily=100, associations_daily=2))
    asked = [client.request("POST", ASSOCIATIONS, json={"inputs": [{"id": "1"}]}) for _ in range(3)]
    assert [a.status == 429 for a in asked] == [False, False, True]
    assert asked[-1].json()["policyName"] == "DAILY"
    assert client.request("GET", LIST).status == 200


def test_headers_stand_on_4xx_too_and_oauth_has_no_days() -> None:
    missing = quiet().request("GET", f"{LIST}/1")
    assert missing.status == 404
    assert all(limit(missing, name) for name in BURST)
    assert limit(missing, "Secondly") == "19"
    assert limit(missing, "Secondly-Remaining") == "18"
    gone = quiet().request("POST", f"{LIST}/batch/archive", json={"inputs": [{"id": "1"}]})
    assert (gone.status, limit(gone, "Remaining"), limit(gone, "Daily-Remaining")) == (204, "189", "624999")
    listed = quiet(tier="oauth").request("GET", LIST)
    assert (limit(listed, "Max"), limit(listed, "Daily")) == ("110", None)


@pytest.mark.parametrize(
    ("belief", "path", "header"),
    [
        ("burst-headers-on-search", SEARCH, "Remaining"),
        ("headers-on-associations", ASSOCIATIONS, "Remaining"),
        ("daily-headers-on-search", SEARCH, "Daily"),
    ],
)
def test_which_answers_bear_which_headers_is_a_belief(belief: str, path: str, header: str) -> None:
    body = {"inputs": [{"id": "1"}]} if path == ASSOCIATIONS else {}
    for value in ("yes", "no"):
        answer = quiet(beliefs={belief: value}).request("POST", path, json=body)
        assert (limit(answer, header) is not None) == (value == "yes"), value


def test_the_window_can_be_exact_or_fixed() -> None:
    exact, fixed = (
        quiet(tier="free", beliefs={"window": "exact"}),
        quiet(tier="free", beliefs={"window": "fixed"}),
    )
    for client in (exact, fixed):
        client.advance(5.5)
        assert [client.request("GET", LIST).status for _ in range(101)][-2:] == [200, 429]
        client.advance(4.5)  # a new span of the clock begins
    assert fixed.request("GET", LIST).status == 200
    assert exact.request("GET", LIST).status == 429
    exact.advance(5.5)
    assert exact.request("GET", LIST).status == 200


def test_retry_after_and_jumps_are_beliefs() -> None:
    client = quiet(tier="free", beliefs={"retry-after-on-429": "yes", "remaining-jumps": "yes"})
    answers = [client.request("GET", LIST) for _ in range(101)]
    assert answers[-1].headers["Retry-After"] == "10"
    left = [int(limit(a, "Remaining") or "-1") for a in answers[:100]]
    assert left != sorted(left, reverse=True)
    assert min(left) >= 0


def test_searches_can_be_counted_in_the_general_budget_too() -> None:
    client = quiet(tier="free", beliefs={"search-budget": "shared"})
    assert {client.request("GET", LIST).status for _ in range(100)} == {200}
    refused = client.request("POST", SEARCH, json={})
    assert refused.json()["policyName"] == "TEN_SECONDLY_ROLLING"


def test_a_refused_request_can_fill_the_window() -> None:
    statuses = {}
    for value in ("no", "yes"):
        client = quiet(tier="free", beliefs={"refusals-fill-window": value})
        for _ in range(100):
            client.request("GET", LIST)
        client.advance(9)
        assert client.request("GET", LIST).status == 429
        client.advance(1)
        statuses[value] = [client.request("GET", LIST).status for _ in range(100)].count(200)
    assert statuses == {"no": 100, "yes": 99}


def test_limits_refuse_nothing_that_is_not_asked_for() -> None:
    assert TIERS["pro"] == Tier(190, 150, 5, 625_000, 500_000)
    assert SandboxConfig(limits=Tier(1, 1)).tier_limits == Tier(1, 1)
    assert limit(quiet(tier="oauth", limits=Tier(7, 7)).request("GET", LIST), "Max") == "7"
    with pytest.raises(SandboxError, match="tier is 'gold'"):
        SandboxConfig(tier="gold")
    assert Beliefs()["window"] == "sliding"


def test_without_limits_nothing_is_refused_and_no_answer_tells_of_one() -> None:
    beliefs = {"burst-headers-on-search": "yes", "headers-on-associations": "yes"}
    client = InProcess("tiny", start_s=1_000_000.0, tier="unlimited", beliefs=beliefs)
    asked = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    token = client.request(
        "POST", "/oauth/v1/token", form=asked | {"refresh_token": REFRESH_TOKEN}, authorized=False
    )
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    answers = [client.request("GET", LIST) for _ in range(500)]
    answers += [client.request("GET", LIST, headers=bearer) for _ in range(200)]
    answers += [client.request("POST", SEARCH, json={}) for _ in range(100)]
    answers += [client.request("POST", ASSOCIATIONS, json={"inputs": [{"id": "1"}]}) for _ in range(300)]
    assert len(answers) == 1_100
    assert {a.status for a in answers} <= {200, 207}
    client.portal.strike("429")
    answers.append(client.request("GET", LIST))
    assert answers[-1].status == 429
    assert [name for a in answers for name in a.headers if "RateLimit" in name] == []
    told = client.request("GET", "/account-info/v3/api-usage/daily/private-apps").json()
    assert told == {"results": []}
    assert client.now_s == 1_000_000.0  # no answer was late either


def test_without_limits_no_day_is_ever_spent_and_windows_forget_what_is_past() -> None:
    limits, app = Limits(TIERS["unlimited"], Beliefs(), 1), App(1)
    for budget in ("general", "associations", "search"):
        assert limits.admit(app, budget, 0.0, MIDNIGHT_S, "") is None
        limits.day.used = limits.associations_day.used = 10_000_000
        assert limits.admit(app, budget, 0.0, MIDNIGHT_S, "") is None
        assert limits.admit(app, budget, 60.0, MIDNIGHT_S, "") is None
    assert [c.count(60.0) for c in limits._counters(app, "general").values()] == [1]
    assert [len(c._arrived) for c in limits._counters(app, "search").values()] == [1]


def test_the_tier_changes_while_the_portal_runs_and_what_was_counted_stays_counted() -> None:
    client = quiet()
    assert {client.request("GET", LIST).status for _ in range(120)} == {200}
    client.advance(5)
    told = client.request("POST", "/_sandbox/tier", json={"tier": "free"})
    assert told.json() == {
        "tier": "free",
        "limits": {
            "general": 100, "associations": 100, "search": 5, "daily": 250_000, "associations_daily": None,
        },
    }  # fmt: skip
    refused = client.request("GET", LIST)
    assert (refused.status, limit(refused, "Max"), limit(refused, "Remaining")) == (429, "100", "0")
    assert limit(refused, "Daily") == "250000"
    assert limit(refused, "Daily-Remaining") == str(250_000 - 121)
    client.portal.change_tier("addon")
    passed = client.request("GET", LIST)
    assert (passed.status, limit(passed, "Max"), limit(passed, "Remaining")) == (200, "250", "129")
    assert limit(passed, "Daily-Remaining") == str(2_000_000 - 122)
    client.portal.change_tier("free")
    client.advance(5)  # the 120 are out of the window, the one of five seconds later is not
    assert [client.request("GET", LIST).status for _ in range(100)] == [200] * 99 + [429]


def test_days_and_associations_change_with_the_tier() -> None:
    client = quiet(limits=Tier(190, 2, 2, daily=3, associations_daily=2))
    body = {"inputs": [{"id": "1"}]}
    paths = [(ASSOCIATIONS, body), (ASSOCIATIONS, body), (SEARCH, {})]
    assert 429 not in [client.request("POST", path, json=sent).status for path, sent in paths]
    assert client.request("GET", LIST).json()["policyName"] == "DAILY"
    assert client.request("POST", ASSOCIATIONS, json=body).json()["policyName"] == "DAILY"
    client.portal.change_tier("pro")
    assert 429 not in [client.request("POST", ASSOCIATIONS, json=body).status for _ in range(148)]
    assert client.request("POST", ASSOCIATIONS, json=body).status == 429
    searched = [client.request("POST", SEARCH, json={}).status for _ in range(5)]
    assert searched == [200] * 4 + [429]  # five a second, one of which came before
    client.portal.reset()
    assert client.request("GET", LIST).headers["X-HubSpot-RateLimit-Daily"] == "3"


def test_tiers_without_a_day_or_without_limits_are_entered_and_left() -> None:
    client = quiet(tier="oauth")
    assert {client.request("GET", LIST).status for _ in range(110)} == {200}
    assert client.request("GET", LIST).status == 429
    client.portal.change_tier("unlimited")
    assert {client.request("GET", LIST).status for _ in range(300)} == {200}
    client.portal.change_tier("oauth")
    refused = client.request("GET", LIST)
    assert (refused.status, limit(refused, "Max"), limit(refused, "Daily")) == (429, "110", None)
    client.portal.change_tier("free")
    client.advance(10)
    passed = client.request("GET", LIST)
    assert (passed.status, limit(passed, "Remaining"), limit(passed, "Daily")) == (200, "99", "250000")


@pytest.mark.parametrize("tier", ["gold", "", None, 5, ["free"]])
def test_a_tier_that_there_is_not_is_refused_with_those_there_are(tier: object) -> None:
    client = quiet(tier="free")
    refused = client.request("POST", "/_sandbox/tier", json={"tier": tier})
    assert refused.status == 400
    names = "free, pro, enterprise, addon, oauth, unlimited"
    assert refused.json()["message"] == f"tier is '{tier}', but must be one of: {names}"
    assert client.request("POST", "/_sandbox/tier", json={}).status == 400
    assert limit(client.request("GET", LIST), "Max") == "100"


def test_the_daily_usage_is_what_was_counted() -> None:
    client = InProcess("tiny", start_s=MIDNIGHT_S - 3_600, limits=Tier(190, 150, daily=100))
    for _ in range(7):
        client.request("GET", LIST)
    told = client.request("GET", "/account-info/v3/api-usage/daily/private-apps").json()["results"][0]
    assert (told["usageLimit"], told["currentUsage"]) == (100, 8)
    assert told["resetsAt"] == "2026-06-01T04:00:00Z"
