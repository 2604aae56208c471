"""Pages of items: which of them a cursor leads to, and the envelope they come in."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from itertools import islice

from hubdump.sandbox.answers import Refused, whole
from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.calls import Call
from hubdump.sandbox.items import Body, Item

Keyed = tuple[str, Item]


def limit_of(call: Call, default: int, most: int) -> int:
    """How many items a page shall have; Refused when that is too many, or no number."""
    return max(1, whole(call.query.one("limit") or default, "limit", most))


def page(
    every: Iterable[Keyed], shown: Callable[[Item], bool], after: str, limit: int, beliefs: Beliefs
) -> tuple[list[Body], str]:
    """The shown items behind a cursor ('': from the beginning), and the cursor of the next page ('': none).

    `every` has those that are gone too, which keep the places of the others.
    """
    by_key = beliefs["items-after"] == "key"
    rest = iter(every)
    told = opened(after)
    if by_key and after and not any(key == told for key, _ in rest):
        raise Refused(400, f"Invalid value for after: '{after}'")
    seen = ((key, item) for key, item in rest if not item.gone and shown(item))
    before = 0 if by_key or not after else whole(told, "after")
    found = list(islice(seen, before, before + limit + 1))
    bodies = [item.body for _, item in found[:limit]]
    if len(found) <= limit:
        return bodies, ""
    return bodies, sealed(found[limit - 1][0] if by_key else str(before + limit))


def listed(
    call: Call,
    every: Iterable[Keyed],
    shown: Callable[[Item], bool],
    beliefs: Beliefs,
    *,
    default: int,
    most: int,
) -> Body:
    """A page with `results` and, where more follow, `paging`."""
    bodies, after = page(every, shown, call.query.one("after"), limit_of(call, default, most), beliefs)
    return {"results": bodies, **({"paging": call.paging(after)} if after else {})}


def anything(_: Item) -> bool:
    """Items of which all are shown."""
    return True


def by_archived(call: Call) -> Callable[[Item], bool]:
    """The items that `archived` asks for: only live ones, or only archived ones."""
    wanted = call.query.flag("archived")
    return lambda item: item.archived == wanted


def sealed(text: str) -> str:
    """A cursor that says nothing to who is given it."""
    return urlsafe_b64encode(text.encode()).decode()


def opened(cursor: str) -> str:
    """What a cursor stands for; Refused when it was not handed out here."""
    try:
        return urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError, ValueError):
        raise Refused(400, f"Invalid value for after: '{cursor[:80]}'") from None
