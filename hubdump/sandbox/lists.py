"""The lists of a portal, and who is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import NamedTuple

from hubdump.sandbox.answers import Refused, Response, ok, whole
from hubdump.sandbox.calls import Call
from hubdump.sandbox.items import Body, Collection, Items
from hubdump.sandbox.moments import iso
from hubdump.sandbox.numbers import CHANGED_MS, CREATED_MS, mix
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.types import BY_NAME

SEARCH_MAX = 500
MEMBERS_MAX = 250
COUNTED_MAX = 20_000


class Filling(NamedTuple):
    """Of what a list is made: of how many records one is in it, among the first `reach` (None: all; 0: none)."""

    type_: str
    share: int
    reach: int | None


# Id, name, type, how it is filled, and of how many records one is in it.
_FIRST = (
    ("3", "Newsletter", "contacts", "DYNAMIC", 3), ("4", "Customers of last year", "companies", "SNAPSHOT", 5),
    ("7", "Webinar", "contacts", "MANUAL", 11), ("12", "Everybody", "contacts", "DYNAMIC", 1),
    ("19", "Open deals", "deals", "DYNAMIC", 2),
)  # fmt: skip
_OTHER_TYPES, _PROCESSING = ("contacts", "companies", "deals", "tickets"), ("MANUAL", "SNAPSHOT", "DYNAMIC")
_OTHERS_FROM, _WRITTEN_FROM, _REACH = 20, 100_000, 40


def _list(portal: Portal, _: str, index: int) -> Body:
    """A list; those beyond the count are new, and nobody is in them yet."""
    if index < len(_FIRST):
        id_, name, type_, processing, _share = _FIRST[index]
    else:
        new = index >= portal.spec.items["lists"]
        id_, name = str(index + (_WRITTEN_FROM if new else _OTHERS_FROM)), f"List {index}"
        type_, processing = _OTHER_TYPES[index % 4], "MANUAL" if new else _PROCESSING[index % 3]
    made = iso(CREATED_MS + int(id_) % 600 * 86_400_000 + 738)
    return {
        "listId": id_, "listVersion": 1, "createdAt": made, "updatedAt": made, "filtersUpdatedAt": made,
        "processingStatus": "COMPLETE", "createdById": "441", "updatedById": "441",
        "processingType": processing, "objectTypeId": BY_NAME[type_].type_id, "name": name,
    }  # fmt: skip


LISTS = Collection(
    "lists", lambda body: str(body["listId"]), _list, lambda portal, _: portal.spec.items["lists"]
)
MEMBERSHIPS = Collection(
    "list_memberships", lambda body: str(body["recordId"]), lambda _, __, ___: {"membershipTimestamp": iso(0)},
    lambda _, __: 0, dates=("membershipTimestamp",), changed="", derived=True,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lists:
    """Answers for lists."""

    objects: Objects
    items: Items

    def search(self, call: Call) -> Response:
        """Lists by a part of their name, paged by offset (recorded: not by a cursor)."""
        body = call.body()
        cut = self.objects.beliefs["lists-count-over-max"] == "cut"
        count = min(SEARCH_MAX, whole(body.get("count", 20), "count", None if cut else SEARCH_MAX))
        offset = whole(body.get("offset", 0), "offset")
        text = str(body.get("query") or "").casefold()
        found = [one for one in self.items.there(LISTS) if text in one["name"].casefold()]
        page = found[offset : offset + count]
        more = offset + count < len(found)
        return ok(
            {
                "offset": offset + len(page), "hasMore": more, "lists": [self.written(one) for one in page],
                "total": len(found),
            }
        )  # fmt: skip

    def one(self, call: Call) -> Response:
        found = self.written(self._found(call.parts["id"]))
        if call.query.flag("includeFilters"):
            found["filterBranch"] = {"filterBranchType": "OR", "filterBranches": [], "filters": []}
        return ok({"list": found})

    def members(self, call: Call) -> Response:
        """Who is in a list, ascending by record id, at most 250 a page."""
        limit = max(1, whole(call.query.one("limit", "100"), "limit", MEMBERS_MAX))
        after = whole(call.query.one("after") or "0", "after")
        one = self._found(call.parts["id"])
        page = list(islice(self.inside(one, after), limit + 1))
        return self._page(call, one, page, limit, str(page[limit]) if len(page) > limit else "")

    def joined(self, call: Call) -> Response:
        """The same in the order of joining; the cursor is how many went before."""
        limit = max(1, whole(call.query.one("limit", "100"), "limit", MEMBERS_MAX))
        after = whole(call.query.one("after") or "0", "after")
        one = self._found(call.parts["id"])
        every = sorted(
            self.inside(one, 0), key=lambda id_: (self.member(one, id_)["membershipTimestamp"], id_)
        )
        page = every[after : after + limit + 1]
        return self._page(call, one, page, limit, str(after + limit) if len(page) > limit else "")

    def inside(self, one: Body, above: int) -> Iterator[int]:
        """The records in a list, ascending from an id on."""
        type_, share, reach = self._filling(one)
        shelf = self.objects.portal.shelves[type_]
        written = self.items.of(MEMBERSHIPS, one["listId"])
        ids = shelf.ids(above=above) if reach is None else islice(shelf.ids(), reach)
        made = (
            id_ for id_ in ids
            if id_ >= above and mix(id_ ^ int(one["listId"])) % share == 0 and str(id_) not in written
        )  # fmt: skip
        added = sorted(int(id_) for id_, item in written.items() if not item.gone)
        return merge(made, (id_ for id_ in added if id_ >= above and shelf.is_live(id_)))

    def member(self, one: Body, id_: int) -> Body:
        """A membership as it is answered."""
        written = self.items.of(MEMBERSHIPS, one["listId"]).get(str(id_))
        made = iso(_joined_ms(one["listId"], id_))
        return written.body if written else {"recordId": str(id_), "membershipTimestamp": made}

    def written(self, one: Body) -> Body:
        """A list as it is answered, with its size."""
        dynamic = one["processingType"] == "DYNAMIC"
        added = str(CHANGED_MS - 1000 * int(one["listId"]))
        return one | {
            "additionalProperties": {"hs_list_size": str(self._size(one)), "hs_list_reference_count": "0"}
            | ({"hs_last_record_added_at": added} if dynamic else {}),
        }

    def _page(self, call: Call, one: Body, ids: list[int], limit: int, after: str) -> Response:
        more = {"paging": call.paging(after)} if after else {}
        return ok({"results": [self.member(one, id_) for id_ in ids[:limit]], **more})

    def _found(self, id_: str) -> Body:
        item = self.items.of(LISTS).get(id_)
        if item is None or item.gone:
            raise Refused(404, f"List does not exist with ID {id_}.", "OBJECT_NOT_FOUND")
        return item.body

    def _filling(self, one: Body) -> Filling:
        kind = self.objects.portal.kind(one["objectTypeId"])
        assert kind is not None
        share = next((row[4] for row in _FIRST if row[0] == one["listId"]), None)
        if share:
            return Filling(kind.name, share, None)
        return Filling(kind.name, 3, _REACH if int(one["listId"]) < _WRITTEN_FROM else 0)

    def _size(self, one: Body) -> int:
        """How many are in a list; of a large one only about how many, as HubSpot's own number lags too."""
        type_, share, reach = self._filling(one)
        live = self.objects.portal.shelves[type_].live
        large = reach is None and live > COUNTED_MAX
        return live // share if large else sum(1 for _ in self.inside(one, 0))


def _joined_ms(list_: str, id_: int) -> int:
    """When a record came into a list."""
    return CREATED_MS + mix(id_ + int(list_)) % (CHANGED_MS - CREATED_MS)
