"""What a fault makes of an answer: each takes the request and what came, and gives what comes instead."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import msgspec

from hubdump.model import Request, Response
from hubdump.sandbox.in_process import START_S
from tests.simulation.striker import MADE_UP, NOT_NOW, Spoil

Content = dict[str, Any]
# Changes the content of an answer; False where there is nothing in it to change.
Edit = Callable[[Request[Any], Content], bool]

FOREIGN_ID = 4_242_424_242
# What grows beyond this is too much, while a bomb of these few kilobytes strikes.
BODY_BYTES_FREE = 100_000
BOMB = gzip.compress(b" " * 1_000_000, 9, mtime=0)
PAGE = b"<html><head><title>Error</title></head><body><h1>Something is wrong at the edge</h1></body></html>"


def status(number: int, body: bytes = b"", **headers: str) -> Spoil:
    """An answer of this status, with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def spoil(_request: Request[Any], came: Response) -> Response:
        kept = {name: came.headers[name] for name in ("date",) if name in came.headers}
        return Response(number, {**kept, **named}, body)

    return spoil


def json_status(number: int, message: str, category: str) -> Spoil:
    """A refusal of HubSpot's own."""
    said = {"status": "error", "message": message, "correlationId": "1-2-3", "category": category}
    return status(number, msgspec.json.encode(said), content_type="application/json;charset=utf-8")


def too_many(*, retry_after: str = "", policy: str = "TEN_SECONDLY_ROLLING") -> Spoil:
    """A 429 of a policy, with or without Retry-After."""
    said = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "policyName": policy,
    }
    headers = {"retry-after": retry_after} if retry_after else {}
    return status(429, msgspec.json.encode(said), **headers)


A_MINUTE_ON = too_many(retry_after=formatdate(START_S + 60, usegmt=True))


def body(content: bytes, type_: str = "application/json") -> Spoil:
    """A 200 with other bytes."""

    def spoil(_request: Request[Any], came: Response) -> Response:
        return replace(
            came, status=200, body=content, encoding="", headers={**came.headers, "content-type": type_}
        )

    return spoil


def halved(_request: Request[Any], came: Response) -> Response | None:
    """The first half of a body; nothing says that there was more."""
    return replace(came, body=came.body[: len(came.body) // 2])


def squeezed(_request: Request[Any], came: Response) -> Response | None:
    """A gzip that breaks off."""
    whole = gzip.compress(came.body, mtime=0)
    return replace(came, body=whole[: len(whole) * 2 // 3], encoding="gzip")


def as_text(_request: Request[Any], came: Response) -> Response | None:
    """The right bytes under a wrong type."""
    return replace(came, headers={**came.headers, "content-type": "text/plain"})


def bomb(_request: Request[Any], came: Response) -> Response | None:
    """A few kilobytes that are megabytes of white space."""
    return replace(came, status=200, body=BOMB, encoding="gzip")


def edited(edit: Edit, status: int = 0) -> Spoil:
    """The content of an answer, changed."""

    def spoil(request: Request[Any], came: Response) -> Response | None:
        if came.status not in {200, 207}:
            return None
        content = msgspec.json.decode(came.body)
        if not edit(request, content):
            return None
        return replace(came, status=status or came.status, body=msgspec.json.encode(content))

    return spoil


def without_results(request: Request[Any], content: Content) -> bool:
    """A key that must be there is not."""
    key = "portalId" if "/account-info" in request.path else "results"
    return content.pop(key, None) is not None


def null_results(request: Request[Any], content: Content) -> bool:
    """A key that must be there is null."""
    content["portalId" if "/account-info" in request.path else "results"] = None
    return True


def paged(request: Request[Any]) -> bool:
    """Whether a request asks for a page of records: of a list or a search."""
    return request.path.endswith("/search") or request.method == "GET"


def _asked_after(request: Request[Any]) -> str:
    if request.path.endswith("/search"):
        return str(msgspec.json.decode(request.body or b"{}").get("after", ""))
    return dict(request.query).get("after", "")


def cursor_again(request: Request[Any], content: Content) -> bool:
    """The next page is the one that was asked for; of associations, every record has such a next page."""
    if "/crm/associations" in request.path:
        return _next_associations(content, lambda _id: MADE_UP[0])
    after = _asked_after(request)
    if not paged(request) or not after:
        return False
    content["paging"] = {"next": {"after": after}}
    return True


def cursor_back(request: Request[Any], content: Content) -> bool:
    """After a later page the first one again."""
    if not paged(request) or not _asked_after(request) or not content.get("results"):
        return False
    content["paging"] = {"next": {"after": "1"}}
    return True


def cursor_in_circles(request: Request[Any], content: Content) -> bool:
    """Two empty pages, each the next one of the other; of associations, two pages of one record."""
    if "/crm/associations" in request.path:
        afters = {
            one["id"]: one.get("after", "") for one in msgspec.json.decode(request.body or b"")["inputs"]
        }
        return _next_associations(content, lambda id_: MADE_UP[afters.get(id_) == MADE_UP[0]])
    if not paged(request):
        return False
    content["results"] = []
    content["paging"] = {"next": {"after": "9002" if _asked_after(request) == "9001" else "9001"}}
    return True


def _next_associations(content: Content, after: Callable[[str], str]) -> bool:
    for one in content["results"]:
        one["paging"] = {"next": {"after": after(one["from"]["id"])}}
    return bool(content["results"])


def empty_page(request: Request[Any], content: Content) -> bool:
    """No records, and yet a next page: the one that was asked for, by another cursor."""
    if not paged(request) or not content.get("results"):
        return False
    first = int(content["results"][0]["id"])
    after = "0" if request.path.endswith("/search") else str(first - 1)
    content["results"], content["paging"] = [], {"next": {"after": after}}
    return True


def twice(_request: Request[Any], content: Content) -> bool:
    """The first of the results again, behind it."""
    results = content["results"]
    content["results"] = [*results[:1], *results]
    return bool(results)


def last_again(request: Request[Any], content: Content) -> bool:
    """The next page begins with the last record of this one."""
    if request.method != "GET" or "paging" not in content or not content.get("results"):
        return False
    content["paging"] = {"next": {"after": content["results"][-1]["id"]}}
    return True


def foreign(request: Request[Any], content: Content) -> bool:
    """The first result is another record's: its id does not fit what it says of itself, or was never asked for."""
    if not content.get("results"):
        return False
    first = content["results"][0]
    if "/crm/associations" in request.path:
        first["from"]["id"] = str(FOREIGN_ID)
    else:
        first["properties"]["hs_object_id"] = str(FOREIGN_ID)
    return True


def other_type(request: Request[Any], content: Content) -> bool:
    """The first result says that it is of another type."""
    if not content.get("results") or "/crm/associations" in request.path:
        return False
    content["results"][0]["properties"]["hs_engagement_type"] = "MEETING"
    return True


def stranger(request: Request[Any], content: Content) -> bool:
    """A batch read gives another record in place of one that was asked for."""
    if (
        "/objects" not in request.path
        or not request.path.endswith("/batch/read")
        or not content.get("results")
    ):
        return False
    first = content["results"][0]
    first["id"] = first["properties"]["hs_object_id"] = str(FOREIGN_ID)
    return True


def total_jumps(_request: Request[Any], content: Content) -> bool:
    """The total of a search is a thousand more than there are."""
    content["total"] += 1000
    return True


def total_falls(_request: Request[Any], content: Content) -> bool:
    """The total of a search is none."""
    content["total"] = 0
    return True


def failed_in(category: str) -> Spoil:
    """A 207 that names the first input of a batch as failed, whatever it would have said of it; without a category
    it says nothing of it at all.
    """

    def fail(request: Request[Any], content: Content) -> bool:
        of_associations = "/crm/associations" in request.path
        key = "fromObjectId" if of_associations else "ids"
        every = {int(one["from"]["id"] if of_associations else one["id"]): one for one in content["results"]}
        errors = [one for one in content.get("errors", []) if one["context"].get(key)]
        if not every and not errors:
            return False
        struck = min(every) if every else int(errors[0]["context"][key].pop(0))
        content["results"] = [one for id_, one in every.items() if id_ != struck]
        content["errors"] = [one for one in errors if one["context"][key]]
        if category:
            said = {
                "status": "error",
                "category": category,
                "message": NOT_NOW,
                "context": {key: [str(struck)]},
            }
            content["errors"].append(said)
        return True

    return edited(fail, 207)
