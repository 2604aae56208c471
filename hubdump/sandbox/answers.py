"""Requests and responses of the sandbox's core, and HubSpot's envelopes of errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

HTML = "text/html; charset=UTF-8"
JSON = "application/json;charset=utf-8"
# A long of Java, which HubSpot's ids are: more digits are no number.
DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class Request:
    """One call: header names in lower case, `query` as it stood in the URL, in order; `raw_query` for the log.

    `redact_emails`: its app may not read what emails say, and is answered without it. `scopes` are those of
    its app; None where it has all.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    url_chars: int = 0
    redact_emails: bool = False
    scopes: frozenset[str] | None = None
    raw_query: str = ""


@dataclass(slots=True)
class Response:
    """What to answer: `delay_s` beyond the latency, `breakage` 'reset' or 'cut' where the connection breaks."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    breakage: str = ""


class Refused(Exception):
    """HubSpot's refusal of a request; `fields` are those its envelope has beside message and correlation id.

    Some recorded refusals have no category: '' leaves it out.
    """

    def __init__(self, status: int, message: str, category: str = "VALIDATION_ERROR", **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.fields = fields | ({"category": category} if category else {})


def ok(content: Any, status: int = 200) -> Response:
    """An answer of JSON."""
    return Response(status, msgspec.json.encode(content), {"Content-Type": JSON})


def refusal(error: Refused, correlation_id: str) -> Response:
    """The envelope of an error, with the correlation id of its header."""
    head = {"status": "error", "message": str(error), "correlationId": correlation_id}
    return ok(head | error.fields, error.status)


def too_long(empty: bool) -> Response:
    """A URL longer than the edge takes."""
    text = (
        b"" if empty else b"<html><head><title>414 Request-URI Too Large</title></head><body></body></html>"
    )
    return Response(414, text, {"Content-Type": HTML})


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a POST; Refused when it is none, or is said to be something else."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "Unsupported Media Type", "UNSUPPORTED_MEDIA_TYPE")
    return object_of(request)


def object_of(request: Request) -> dict[str, Any]:
    """The JSON object in a body, whatever it is said to be; Refused when it is none."""
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, RecursionError):
        raise Refused(400, "Invalid input JSON: the body cannot be read") from None
    if not isinstance(body, dict):
        raise Refused(400, "Invalid input JSON on line 1, column 1: an object was expected")
    return body


def whole(text: object, name: str, most: int | None = None) -> int:
    """A number of a query or a body; Refused when it is none, negative, or more than `most`."""
    if isinstance(text, bool) or not str(text).isdecimal() or len(str(text)) > DIGITS_MAX:
        raise Refused(400, f"Invalid value for {name}: '{text}' is not a valid number")
    number = int(str(text))
    if most is not None and number > most:
        raise Refused(400, f"{name} must be less than or equal to {most}, was {number}")
    return number
