"""Search: filters, one sort, an offset, and no way past 10,000."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from hubdump.sandbox.answers import JSON, Refused, Response, whole
from hubdump.sandbox.calls import Call, texts_of
from hubdump.sandbox.filters import Filter, comparable, groups_of, sort_of
from hubdump.sandbox.index import Index, Question
from hubdump.sandbox.objects import EMAIL_CONTENT, Found, Objects
from hubdump.sandbox.properties import filterable
from hubdump.sandbox.records import Shelf
from hubdump.sandbox.written import Wish

REACH_MAX = 10_000
CHARS_MAX = 3000


@dataclass(frozen=True, slots=True)
class Search:
    """Searches the records of a portal."""

    objects: Objects

    def answer(self, call: Call) -> Response:
        """A page of what matches, its `total`, and the offset of the next page."""
        beliefs = self.objects.beliefs
        whole_body = beliefs["search-body"] == "whole"
        if whole_body and len(call.request.body.decode("utf-8", "replace")) > CHARS_MAX:
            raise self._refused(f"The request body must be at most {CHARS_MAX} characters")
        body = call.body()
        limit = whole(body.get("limit", 10), "limit", beliefs.number("search-max"))
        offset = whole(body.get("after") or 0, "after")
        if offset + limit > REACH_MAX:
            raise self._refused(
                f"The total number of results cannot exceed {REACH_MAX}: after plus limit is more"
            )
        shelves = self.objects.shelves(call.parts["type"])
        question = self._question(body, shelves, call.now_ms)
        total, found = self._found(shelves, question, offset + limit)
        return self._page(call, body, total, found[offset:], (offset, limit))

    def _question(self, body: dict[str, Any], shelves: Sequence[Shelf], now_ms: int) -> Question:
        groups = groups_of(body)
        for one in (one for group in groups for one in group):
            self._check(one, shelves[0])
        by, descending = sort_of(body)
        text = body.get("query") or ""
        if not isinstance(text, str):
            raise Refused(400, "Invalid input JSON: query must be a text")
        if len(text) > CHARS_MAX:
            raise self._refused(f"query must be at most {CHARS_MAX} characters")
        return Question(groups, text.casefold(), by, descending, now_ms)

    def _check(self, one: Filter, shelf: Shelf) -> None:
        """Refuse a filter that search does not take, and fall over one that it falls over (seen by a connector)."""
        kind = shelf.kind
        if one.name.startswith("associations."):
            other = self.objects.portal.kind(one.name.removeprefix("associations."))
            if other is None or other.custom or one.operator != "EQ":
                raise Refused(400, f"Invalid input: a filter by {one.name} is not supported")
        definition = shelf.definitions.get(one.name)
        secret = definition is not None and definition.sensitivity == "highly_sensitive"
        if not filterable(kind, one.name) or secret:
            raise Refused(400, f"Invalid input: property '{one.name}' cannot be filtered by")
        dated = one.name in {kind.created, kind.modified}
        at_epoch = dated and 0 in [comparable(value, number=True) for value in one.operands]
        if at_epoch and self.objects.beliefs["search-at-epoch"] == "500":
            raise Refused(500, "internal error", "INTERNAL_ERROR")

    def _found(self, shelves: Sequence[Shelf], question: Question, end: int) -> tuple[int, list[Found]]:
        indexes = [(shelf, Index(self.objects.portal, shelf)) for shelf in shelves]
        if len(indexes) == 1:
            shelf, index = indexes[0]
            total, ids = index.find(question, end)
            return total, [(shelf, id_) for id_ in ids]
        every = [(key, (shelf, id_)) for shelf, index in indexes for key, id_ in index.keyed(question)]
        every.sort(key=lambda one: one[0], reverse=question.descending)
        return len(every), [found for _, found in islice(every, end)]

    def _page(
        self, call: Call, body: dict[str, Any], total: int, found: list[Found], span: tuple[int, int]
    ) -> Response:
        """The page as it is read: what is no longer there is counted, but not shown (recorded: a stale index)."""
        offset, limit = span
        beliefs, ends = self.objects.beliefs, offset + limit >= total
        every = beliefs.number("search-empty-pages")
        empty = bool(every) and not ends and (offset // max(limit, 1)) % every == every - 1
        asked, shelf = Wish(texts_of(body, "properties") or None), self.objects.shelf(call.parts["type"])
        wish = self.objects.readable(call, shelf, asked)
        there = [] if empty else [one for one in found if one[0].is_live(one[1])]
        blank = EMAIL_CONTENT if call.request.redact_emails else ()
        content: dict[str, Any] = {
            "total": min(total, REACH_MAX) if beliefs["search-total"] == "capped" else total,
            "results": msgspec.Raw(self.objects.writer.page(there, wish, blank=blank)),
        }
        if not ends:
            content["paging"] = {"next": {"after": str(offset + limit)}}
        return Response(200, msgspec.json.encode(content), {"Content-Type": JSON})

    def _refused(self, text: str) -> Refused:
        """HubSpot's own words for these are not known."""
        return Refused(400, text if self.objects.beliefs["refusal-texts"] == "specific" else "Invalid input")
