"""What a failed call means, and when it is tried again."""

from __future__ import annotations

import json

import pytest

from hubdump.hubspot.retry import Meaning, failure, is_retryable_error, no_answer, wait_s
from hubdump.model import Response


def meaning(status: int, body: object = "", headers: dict[str, str] | None = None) -> Meaning:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return failure(Response(status, headers or {}, data), data, now_s=0).meaning


@pytest.mark.parametrize("status", [0, 301, 307, 423, 429, 500, 502, 503, 504, 520, 522, 524])
def test_what_may_pass_is_retryable(status: int) -> None:
    assert is_retryable_error(status)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 405, 409, 414, 415, 422])
def test_what_would_be_refused_again_is_not(status: int) -> None:
    assert not is_retryable_error(status)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, {"policyName": "TEN_SECONDLY_ROLLING", "message": "x"}, Meaning.RETRY),
        (429, {"policyName": "DAILY", "message": "x"}, Meaning.DAILY_LIMIT),
        (429, {"message": "You have reached your secondly limit.", "category": "RATE_LIMITS"}, Meaning.RETRY),
        (401, {"category": "INVALID_AUTHENTICATION"}, Meaning.TOKEN_REFUSED),
        (530, "<html>", Meaning.TOKEN_REFUSED),
        (403, {"category": "MISSING_SCOPES"}, Meaning.SCOPE_MISSING),
        (403, {"message": "proper permissions! (requires any of [x])"}, Meaning.SCOPE_MISSING),
        (403, {"message": "This account does not have it.", "category": "FORBIDDEN"}, Meaning.REFUSED),
        (403, "<html>blocked</html>", Meaning.RETRY),
        (477, "", Meaning.ACCOUNT_MOVING),
        (502, "<html>Bad gateway</html>", Meaning.RETRY),
        (404, {"message": "resource not found"}, Meaning.REFUSED),
        (414, "", Meaning.REFUSED),
        (500, "[1, 2]", Meaning.RETRY),
    ],
)
def test_each_refusal_means_what_hubspot_documents(status: int, body: object, expected: Meaning) -> None:
    assert meaning(status, body) is expected


def test_the_scopes_that_are_missing_are_named_once() -> None:
    body = {
        "errors": [{"message": "m", "context": {"requiredGranularScopes": ["a.read", "b.read", "a.read"]}}]
    }
    data = json.dumps(body).encode()
    assert failure(Response(403, {}, data), data, 0).scopes == ("a.read", "b.read")


def test_waits_grow_from_two_to_thirty_seconds() -> None:
    assert [wait_s(attempt, 0.0) for attempt in range(1, 8)] == [2, 4, 8, 16, 30, 30, 30]
    assert all(2 <= wait_s(attempt, chance) <= 30 for attempt in range(1, 60) for chance in (0.0, 0.5, 0.99))
    assert wait_s(1, 0.9) > wait_s(1, 0.1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7),
        ("0", 0),
        ("86400", 86400),
        ("9" * 400, 999_999_999),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 7),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 7),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("Sun, 99 Nov 99999 08:49:37 GMT", None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(text: str, expected: float | None) -> None:
    found = failure(Response(503, {"retry-after": text}, b""), b"", now_s=784111770.0)
    assert found.retry_after_s == expected


def test_retry_after_is_obeyed_but_a_short_one_only_twice() -> None:
    assert [wait_s(attempt, 0.0, retry_after_s=0.0) for attempt in range(1, 5)] == [0, 0, 8, 16]
    assert [wait_s(attempt, 0.5, retry_after_s=86400.0) for attempt in (1, 9)] == [86400, 86400]


def test_error_texts_are_cut_at_200_characters() -> None:
    body = ("<html>" + "x" * 5000).encode()
    assert len(failure(Response(502, {}, body), body, 0).text) == 200
    assert len(no_answer("y" * 900).text) == 200


def test_a_page_with_nothing_but_a_title_is_told_by_its_title() -> None:
    body = b"<html><head><title>414 Too Large</title></head><body></body></html>"
    assert failure(Response(414, {}, body), body, 0.0).text == "414 Too Large"


def test_a_page_of_the_edges_is_told_without_its_tags() -> None:
    body = b"""<html>\n<head><style>p{}</style></head><body><STYLE a>b</STYLE><h1>502 Bad\nGateway</h1>
        <p>cloudflare<script>\nlet x</script></body>"""
    told = failure(Response(502, {}, body), body, 0.0)
    assert told.text == "502 Bad Gateway cloudflare"


def test_of_a_long_page_the_beginning_is_told_whatever_bytes_it_is_of() -> None:
    body = b"\xff" + b" " * 4094 + b"ab"
    assert failure(Response(502, {}, body), body, 0.0).text == "\ufffd a"


def test_what_hubspot_says_of_a_failure_is_kept() -> None:
    said = {"message": "slow down", "policyName": "SECONDLY", "correlationId": "of the body"}
    data = json.dumps(said).encode()
    told = failure(Response(429, {"x-hubspot-correlation-id": "c" * 70}, data), data, 0.0)
    assert (told.status, told.text, told.policy) == (429, "slow down", "SECONDLY")
    assert (told.correlation_id, told.retry_after_s, told.scopes) == ("c" * 64, None, ())
    assert failure(Response(429, {}, data), data, 0.0).correlation_id == "of the body"


@pytest.mark.parametrize(
    ("status", "tells"), [(0, True), (499, False), (500, True), (502, True), (429, False), (423, False)]
)
def test_a_broken_record_may_be_the_reason_of_5xx_and_of_no_answer_only(status: int, tells: bool) -> None:
    found = failure(Response(status, {}, b""), b"", 0.0) if status else no_answer("reset")
    assert found.tells_of_a_record is tells
    assert no_answer("reset").meaning is Meaning.RETRY
