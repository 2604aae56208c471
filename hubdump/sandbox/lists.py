"""The lists of a portal, and who is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hubdump.sandbox.answers import Refused, Response, ok, whole
from hubdump.sandbox.calls import Call
from hubdump.sandbox.moments import iso
from hubdump.sandbox.numbers import CHANGED_MS, CREATED_MS, mix
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.records import Shelf
from hubdump.sandbox.types import BY_NAME, Kind

SEARCH_MAX = 500
MEMBERS_MAX = 250
COUNTED_MAX = 20_000
# Id, name, type, how it is filled, and of how many records one is in it.
_LISTS = (
    ("3", "Newsletter", "contacts", "DYNAMIC", 3), ("4", "Customers of last year", "companies", "SNAPSHOT", 5),
    ("7", "Webinar", "contacts", "MANUAL", 11), ("12", "Everybody", "contacts", "DYNAMIC", 1),
    ("19", "Open deals", "deals", "DYNAMIC", 2),
)  # fmt: skip


Row = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Lists:
    """Answers for lists."""

    objects: Objects

    def search(self, call: Call) -> Response:
        """Lists by a part of their name, paged by offset (recorded: not by a cursor)."""
        body = call.body()
        cut = self.objects.beliefs["lists-count-over-max"] == "cut"
        count = min(SEARCH_MAX, whole(body.get("count", 20), "count", None if cut else SEARCH_MAX))
        offset = whole(body.get("offset", 0), "offset")
        text = str(body.get("query") or "").casefold()
        found = [one for one in _LISTS if text in one[1].casefold()]
        page = found[offset : offset + count]
        more = offset + count < len(found)
        return ok(
            {
                "offset": offset + len(page), "hasMore": more, "lists": [self._written(one) for one in page],
                "total": len(found),
            }
        )  # fmt: skip

    def one(self, call: Call) -> Response:
        found = self._written(self._list(call.parts["id"]))
        if call.query.flag("includeFilters"):
            found["filterBranch"] = {"filterBranchType": "OR", "filterBranches": [], "filters": []}
        return ok({"list": found})

    def members(self, call: Call) -> Response:
        """Who is in a list, ascending by record id, at most 250 a page."""
        limit = max(1, whole(call.query.one("limit", "100"), "limit", MEMBERS_MAX))
        after = whole(call.query.one("after") or "0", "after")
        one = self._list(call.parts["id"])
        page = list(islice(self._inside(one, after), limit + 1))
        return self._page(call, one, page, limit, str(page[limit]) if len(page) > limit else "")

    def joined(self, call: Call) -> Response:
        """The same in the order of joining; the cursor is how many went before."""
        limit = max(1, whole(call.query.one("limit", "100"), "limit", MEMBERS_MAX))
        after = whole(call.query.one("after") or "0", "after")
        one = self._list(call.parts["id"])
        every = sorted(self._inside(one, 0), key=lambda id_: (_joined_ms(one[0], id_), id_))
        page = every[after : after + limit + 1]
        return self._page(call, one, page, limit, str(after + limit) if len(page) > limit else "")

    def _page(self, call: Call, one: Row, ids: list[int], limit: int, after: str) -> Response:
        results = [
            {"recordId": str(id_), "membershipTimestamp": iso(_joined_ms(one[0], id_))} for id_ in ids[:limit]
        ]
        more = {"paging": call.paging(after)} if after else {}
        return ok({"results": results, **more})

    def _list(self, id_: str) -> Row:
        found = next((one for one in _LISTS if one[0] == id_), None)
        if found is None:
            raise Refused(404, f"List does not exist with ID {id_}.", "OBJECT_NOT_FOUND")
        return found

    def _inside(self, one: Row, above: int) -> Iterator[int]:
        shelf: Shelf = self.objects.portal.shelves[one[2]]
        return (id_ for id_ in shelf.ids(above=above) if mix(id_ ^ int(one[0])) % one[4] == 0)

    def _written(self, one: Row) -> dict[str, Any]:
        id_, name, type_, processing, _ = one
        kind: Kind = BY_NAME[type_]
        made = iso(CREATED_MS + int(id_) * 86_400_000 + 738)
        return {
            "listId": id_, "listVersion": 1, "createdAt": made, "updatedAt": made, "filtersUpdatedAt": made,
            "processingStatus": "COMPLETE", "createdById": "441", "updatedById": "441",
            "processingType": processing, "objectTypeId": kind.type_id, "name": name,
            "additionalProperties": {"hs_list_size": str(self._size(one)), "hs_list_reference_count": "0"}
            | ({"hs_last_record_added_at": str(CHANGED_MS - 1000 * int(id_))} if processing == "DYNAMIC" else {}),
        }  # fmt: skip

    def _size(self, one: Row) -> int:
        """How many are in a list; of a large one only about how many, as HubSpot's own number lags too."""
        live = self.objects.portal.shelves[one[2]].live
        return live // one[4] if live > COUNTED_MAX else sum(1 for _ in self._inside(one, 0))


def _joined_ms(list_: str, id_: int) -> int:
    """When a record came into a list."""
    return CREATED_MS + mix(id_ + int(list_)) % (CHANGED_MS - CREATED_MS)
