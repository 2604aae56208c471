"""One request -> one trusted answer, under everything that may come back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hubdump.catalog import STANDARD
from hubdump.errors import HubdumpError, RequestRefused, ScopeMissing, Stopped, TokenRefused
from hubdump.events import Noted, RetryScheduled
from hubdump.extract.bearer import Bearer, Credentials, OAuthApp, ServiceKey
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.hubspot.endpoints import LADDER, Endpoints
from hubdump.hubspot.pacing import Budgets
from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Response, Secret
from tests.worlds import DATE_US, JumpingClock, Reply, Script, answer, page

API = Endpoints(LADDER[0])
CALLS = STANDARD.by_name("calls")
KEY = ServiceKey(Secret("pat-secret"))
APP = OAuthApp("app", Secret("client-secret"), Secret("refresh-secret"))


class World:
    """An exchange with a script in HubSpot's place, and what it told."""

    def __init__(
        self, *replies: Reply, credentials: Credentials = KEY, budgets: Budgets | None = None, **patience: Any
    ) -> None:
        self.clock, self.script, self.told = JumpingClock(), Script(*replies), list[Any]()
        self.bearer = Bearer(credentials, self.clock)
        self.exchange = Exchange(Means(
            self.script, self.bearer, budgets or Budgets(None), self.clock, self.told.append,
            chance=lambda: 0.5,
        ), Patience(**patience))  # fmt: skip

    def ask(self) -> list[bytes]:
        return [
            bytes(raw) for raw in asyncio.run(self.exchange.ask(API.list(CALLS, ["x"], ""))).content.results
        ]


HTML = Response(502, {}, b"<html><head><title>502</title></head><body>Bad gateway</body></html>")
GOOD = answer(page([7]))


@pytest.mark.parametrize(
    "bad",
    [
        NoAnswer("connection reset"),
        HTML,
        answer({"status": "error", "message": "internal", "category": "INTERNAL_ERROR"}, 500),
        answer({"message": "your ten_secondly_rolling limit.", "policyName": "TEN_SECONDLY_ROLLING"}, 429),
        Response(200, {}, b"<html>maintenance</html>"),
        Response(200, {}, json.dumps(page([7])).encode()[:-5]),
        Response(200, {}, b"{}"),
        Response(200, {}, b"\x1f\x8b not gzip", "gzip"),
        Response(423, {}, b'{"message":"locked"}'),
        Response(403, {}, b"<html>blocked by the edge</html>"),
    ],
)  # fmt: skip
def test_what_may_pass_is_asked_again_until_the_whole_answer_comes(bad: Reply) -> None:
    world = World(bad, bad, GOOD)
    (raw,) = world.ask()
    assert json.loads(raw)["id"] == "7"
    assert len(world.script.sent) == 3
    assert world.exchange.retries == 2
    assert [type(event) for event in world.told] == [RetryScheduled] * 2
    assert all(wait >= 2 for wait in [event.wait_s for event in world.told])


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (answer({"message": "no", "category": "INVALID_AUTHENTICATION"}, 401), TokenRefused),
        (answer({"message": "no", "category": "MISSING_SCOPES"}, 403), ScopeMissing),
        (answer({"message": "daily", "policyName": "DAILY"}, 429), Stopped),
        (answer({"message": "moving"}, 477), Stopped),
        (answer({"message": "bad", "category": "VALIDATION_ERROR"}, 400), RequestRefused),
    ],
)
def test_what_would_be_the_same_again_is_sent_once(bad: Response, error: type[Exception]) -> None:
    world = World(bad)
    with pytest.raises(error):
        world.ask()
    assert len(world.script.sent) == 1
    assert world.told == []


def test_a_token_that_an_answer_repeats_is_not_told() -> None:
    world = World(answer({"message": "token pat-secret is bad"}, 500), GOOD)
    world.ask()
    assert world.told[0].text == "token *** is bad"


@pytest.mark.parametrize("answers", [True, False])
def test_a_token_that_was_renewed_while_its_request_was_under_way_is_not_told_either(answers: bool) -> None:
    def late(_: object) -> Response:
        world.bearer._token = Secret("two")
        if not answers:
            raise NoAnswer("token one is bad, not two")
        return answer({"message": "token one is bad, not two"}, 500)

    world = World(answer({"access_token": "one", "expires_in": 1800}), late, GOOD, credentials=APP)
    world.ask()
    assert world.told[0].text == "token *** is bad, not ***"


def test_patience_ends_by_the_clock() -> None:
    world = World(HTML, give_up_after_s=300)
    with pytest.raises(Stopped, match="Everything committed is kept"):
        world.ask()
    assert 270 <= world.clock.ns / 1e9 <= 300
    assert len(world.script.sent) > 10


def test_max_retries_ends_it_by_count() -> None:
    world = World(HTML, failures_max=3)
    with pytest.raises(Stopped, match="3 times, MAX_RETRIES is 3"):
        world.ask()
    assert len(world.script.sent) == 3


def test_time_is_hubspots_latest_date() -> None:
    late, early = "Tue, 24 Nov 2026 10:00:05 GMT", "Tue, 24 Nov 2026 10:00:01 GMT"
    world = World(answer(page([1]), date=late), answer(page([1]), date="soon"), answer(page([1]), date=early))
    with pytest.raises(HubdumpError, match="bore a Date"):
        world.exchange.server_time_us()
    for _ in range(3):
        world.ask()
    assert world.exchange.server_time_us() == DATE_US + 5_000_000


def test_an_oauth_token_is_renewed_before_its_end_and_once_after_a_401() -> None:
    def granted(name: str) -> Response:
        return answer({"access_token": name, "expires_in": 1800})

    refused = answer({"message": "expired", "category": "EXPIRED_AUTHENTICATION"}, 401)
    world = World(
        granted("one"), GOOD, granted("two"), GOOD, refused, granted("three"), GOOD, credentials=APP
    )
    world.ask()
    world.clock.ns += 1750 * 10**9
    world.ask()
    world.ask()
    tokens = [token.reveal() if token else request.form for request, token in world.script.sent]
    assert tokens == [True, "one", True, "two", "two", True, "three"]
    form = world.script.sent[0][0].body or b""
    assert b"refresh_token=refresh-secret" in form


def test_two_401_in_a_row_end_the_run() -> None:
    granted = answer({"access_token": "one", "expires_in": 1800})
    refused = answer({"message": "expired", "category": "EXPIRED_AUTHENTICATION"}, 401)
    world = World(granted, refused, granted, refused, credentials=APP)
    with pytest.raises(TokenRefused):
        world.ask()
    assert len(world.script.sent) == 4


def test_a_retry_after_beyond_patience_stops_at_once_and_says_until_when() -> None:
    world = World(Response(503, {"retry-after": "86400"}, b"{}"))
    with pytest.raises(Stopped, match="not to be sent again before 2023-11-15T22:13:20Z") as stopped:
        world.ask()
    assert "after 2023-11-15T22:13:20Z" in stopped.value.hint
    assert world.clock.ns == 0
    assert len(world.script.sent) == 1


def test_a_retry_after_within_patience_is_waited_for_and_told() -> None:
    world = World(Response(503, {"retry-after": "1800"}, b"{}"), GOOD)
    world.ask()
    assert world.clock.ns == 1800 * 10**9
    assert world.told[0].wait_s == 1800


def test_a_retry_after_of_nothing_without_end_is_no_storm() -> None:
    world = World(answer({"message": "wait"}, 429, retry_after="0"), give_up_after_s=300)
    with pytest.raises(Stopped):
        world.ask()
    assert len(world.script.sent) < 20


@pytest.mark.parametrize("status", [401, 530])
def test_a_static_token_that_is_refused_is_sent_once(status: int) -> None:
    world = World(Response(status, {}, b"error code: 1016"))
    with pytest.raises(TokenRefused):
        world.ask()
    assert len(world.script.sent) == 1


def test_what_forbids_all_further_sending_leaves_as_it_is() -> None:
    def untrusted(_: object) -> Response:
        raise HubdumpError("The certificate is not trusted. Nothing was sent.")

    world = World(untrusted)
    with pytest.raises(HubdumpError, match="certificate"):
        world.ask()
    assert len(world.script.sent) == 1


def test_from_the_first_failure_on_the_event_says_until_when_it_is_tried() -> None:
    world = World(HTML, HTML, HTML, HTML, GOOD, give_up_after_s=600)
    world.ask()
    assert [event.attempt for event in world.told] == [1, 2, 3, 4]
    assert {event.until for event in world.told} == {"2023-11-14T22:23:20Z"}


def test_what_is_asked_once_is_sent_in_an_outage_too_and_nothing_of_it_is_raised_or_tried_again() -> None:
    world = World(GOOD, *[HTML] * 5, GOOD)
    found = [asyncio.run(world.exchange.once(API.list(CALLS, ["x"], ""))) for _ in range(7)]
    assert [getattr(one, "status", 200) for one in found] == [200, 502, 502, 502, 502, 502, 200]
    assert (len(world.script.sent), world.told, world.clock.slept) == (7, [], [])
    assert {token.reveal() for _, token in world.script.sent if token} == {"pat-secret"}


def test_a_failure_is_told_with_all_that_is_known_of_it() -> None:
    broken = answer({"message": "internal", "correlationId": "abc"}, 500)
    world = World(broken, GOOD)
    world.ask()
    assert world.told == [
        RetryScheduled(
            template="/crm/objects/2026-09/calls",
            status=500,
            text="internal",
            attempt=1,
            wait_s=2.5,
            at="2023-11-14T22:13:20Z",
            until="2023-11-14T23:13:20Z",
            correlation_id="abc",
        )
    ]


def test_what_others_use_of_a_budget_is_told_once() -> None:
    refused = answer({"message": "limit", "policyName": "TEN_SECONDLY_ROLLING"}, 429)
    world = World(*[refused] * 12, GOOD)
    world.ask()
    noted = [event.text for event in world.told if isinstance(event, Noted)]
    assert len(noted) == 1
    assert "another app may use it" in noted[0]


def test_a_refusal_holds_back_all_requests_of_its_budget() -> None:
    world = World(answer({"message": "limit"}, 429, retry_after="7"), GOOD)
    asyncio.run(world.exchange.once(API.list(CALLS, ["x"], "")))
    asyncio.run(world.exchange.once(API.search(CALLS, [[]], ())))
    assert world.clock.ns == 0
    asyncio.run(world.exchange.once(API.list(CALLS, ["x"], "3")))
    assert world.clock.ns == 7 * 10**9


def test_values_that_are_no_json_are_told_with_where_they_came_from() -> None:
    world = World(Response(200, {}, b'{"results": [{"id": "7", "properties": {"a": NaN}}]}'))
    assert len(world.ask()) == 1
    assert [event.text for event in world.told] == [
        "1 values of /crm/objects/2026-09/calls are no JSON: read as text, kept as they came in the store."
    ]
