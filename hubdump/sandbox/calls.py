"""A request on its way to its answer: what its path and query said, and how pages are linked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from hubdump.sandbox.answers import Refused, Request, Response, body_of, ok, whole
from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.moments import iso

DATED = ("2026-03", "2026-09")
BATCH_MAX = 100
HISTORY_BATCH_MAX = 50


class Query:
    """A URL's parameters: lists by comma, or by the name repeated."""

    def __init__(self, request: Request) -> None:
        self._pairs = request.query

    def one(self, name: str, default: str = "") -> str:
        return next((value for key, value in self._pairs if key == name), default)

    def many(self, name: str) -> list[str] | None:
        """None where the parameter is not there at all."""
        values = [value for key, value in self._pairs if key == name]
        return (
            [part.strip() for value in values for part in value.split(",") if part.strip()]
            if values
            else None
        )

    def flag(self, name: str) -> bool:
        """true, also as Python's clients write it (True); Refused when neither true nor false."""
        value = self.one(name, "false").lower()
        if value not in {"true", "false", ""}:
            raise Refused(400, f"Invalid value for {name}: '{value}' is not true or false")
        return value == "true"


@dataclass(frozen=True, slots=True)
class Call:
    """`parts` are what the template's {names} stood for; `base` the host that was asked."""

    request: Request
    base: str
    now_ms: int
    version: str
    parts: Mapping[str, str]

    @property
    def dated(self) -> bool:
        return self.version in DATED

    @property
    def query(self) -> Query:
        return Query(self.request)

    def body(self) -> dict[str, Any]:
        """The JSON object that was sent; Refused when it is none."""
        return body_of(self.request)

    def paging(self, after: int | str) -> dict[str, Any]:
        """Where the next page begins, and a link to it on the host that was asked."""
        rest = [(name, value) for name, value in self.request.query if name != "after"]
        link = f"{self.base}{self.request.path}?{urlencode([*rest, ('after', str(after))])}"
        return {"next": {"after": str(after), "link": link}}

    def partial(self, beliefs: Beliefs) -> int:
        """The status of a batch of which some inputs failed."""
        return int(beliefs["dated-partial-status"]) if self.dated else 207

    def batch(self, content: dict[str, Any]) -> dict[str, Any]:
        """The envelope of a batch's answer."""
        times = {"startedAt": iso(self.now_ms, "3"), "completedAt": iso(self.now_ms + 4, "3")}
        return {"status": "COMPLETE", **content, **times}


def inputs_of(
    body: dict[str, Any], most: int, *, key: str = "id", of: str = "a batch"
) -> list[dict[str, Any]]:
    """A batch's inputs, each an object with this key; Refused when they are not, or too many."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(i, dict) and (not key or key in i) for i in inputs):
        raise Refused(
            400, "Invalid input JSON: inputs must be a list of objects" + f" with '{key}'" * bool(key)
        )
    if len(inputs) > most:  # recorded, 2024
        text = f"The maximum number of inputs supported in {of} is {most}."
        raise Refused(400, f"{text} Please reduce the number of items and try again")
    return inputs


def texts_of(body: dict[str, Any], name: str) -> tuple[str, ...] | None:
    """A list of names in a body; None where there is none."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused(400, f"Invalid input JSON: {name} must be a list of texts")
    return tuple(value)


def id_text(value: object) -> str:
    """An id as text, however it was sent; Refused when it is no scalar."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused(400, "Invalid input JSON: an id must be a text or a number")
    return str(value)


def no_content() -> Response:
    """Done, with nothing to say."""
    return Response(204, b"", {})


def missing_objects(singular: str, ids: list[str]) -> dict[str, Any]:
    """The one error that names all ids of a batch that are not there (recorded)."""
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {singular.upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "context": {"ids": ids},
    }


def answered(
    call: Call, beliefs: Beliefs, results: list[Any], errors: list[dict[str, Any]], status: int
) -> Response:
    """The answer of a batch: `status` where all went well, else that of a partial one."""
    content = call.batch({"results": results})
    if not errors:
        return ok(content, status)
    return ok(content | {"numErrors": len(errors), "errors": errors}, call.partial(beliefs))


def page_limit(text: str, most: int) -> int:
    return whole(text, "limit", most)
