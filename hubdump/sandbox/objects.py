"""Records: list, read one, batch read."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice

import msgspec

from hubdump.sandbox import sensitive
from hubdump.sandbox.answers import JSON, Refused, Response, whole
from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.calls import (
    BATCH_MAX,
    HISTORY_BATCH_MAX,
    Call,
    id_text,
    inputs_of,
    missing_objects,
    texts_of,
)  # fmt: skip
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.records import Entry, Shelf, State
from hubdump.sandbox.types import ENGAGEMENTS
from hubdump.sandbox.written import Wish, Writer

HISTORY_MAX = 50
ANY = {"engagements", "engagement"}
EMAIL_CONTENT = (
    "hs_email_html",
    "hs_email_text",
    "hs_email_subject",
    "hs_body_preview",
    "hs_body_preview_html",
)
Found = tuple[Shelf, int]


@dataclass(frozen=True, slots=True)
class Objects:
    """Answers for records of a portal."""

    portal: Portal
    beliefs: Beliefs
    writer: Writer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "writer", Writer(self.portal))

    def shelves(self, type_: str) -> list[Shelf]:
        """The records a name stands for: one type's, or every engagement's under the generic name."""
        if type_.lower() in ANY and self.beliefs["generic-engagements"] == "yes":
            return [self.portal.shelves[name] for name in ENGAGEMENTS]
        kind = self.portal.kind(type_)
        if kind is None and self.portal.names.kind(type_) and self.beliefs["gone-type"] == "404":
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        if kind is None:  # recorded, without a category
            raise Refused(400, f"Unable to infer object type from: {type_}", "")
        return [self.portal.shelves[kind.name]]

    def shelf(self, type_: str) -> Shelf:
        """The records of one type."""
        return self.shelves(type_)[0]

    def one(self, call: Call) -> Response:
        """One record by id, or by the unique property that `idProperty` names; a merged id gives the survivor."""
        query, shelves = call.query, self.shelves(call.parts["type"])
        wish = self._wish(call, shelves[0])
        found = self.find(shelves, call.parts["id"], query.one("idProperty"))
        if found is None or self._archived(found) != query.flag("archived"):
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        return Response(200, self._page([found], wish, call)[1:-1], {"Content-Type": JSON})

    def batch(self, call: Call) -> Response:
        """Up to 100 records by id (50 with history); those not there are named in one error."""
        body, shelves = call.body(), self.shelves(call.parts["type"])
        asked = Wish(texts_of(body, "properties") or None, texts_of(body, "propertiesWithHistory") or ())
        wish = self.readable(call, shelves[0], asked)
        if wish.history:
            inputs = inputs_of(body, HISTORY_BATCH_MAX, of="a batch request for property histories")
        else:
            inputs = inputs_of(body, BATCH_MAX)
        archived = call.query.flag("archived")
        id_property = str(body.get("idProperty") or "")
        there: dict[Found, None] = {}
        missing = []
        for id_ in dict.fromkeys(id_text(one["id"]) for one in inputs):
            found = self.find(shelves, id_, id_property)
            if found is None or self._archived(found) != archived:
                missing.append(id_)
            else:
                there[found] = None
        named = list(there)
        if self.beliefs["batch-order"] == "shuffled":
            named.sort(key=lambda one: zlib.crc32(str(one[1]).encode()))
        return self._batched(call, self._page(named, wish, call), shelves[0], missing)

    def find(self, shelves: Sequence[Shelf], id_: str, property_: str = "") -> Found | None:
        """A record, archived or not; merged-away ids lead to the survivor."""
        for shelf in shelves:
            found = locate(shelf, id_, property_)
            if found is not None:
                return shelf, found
        return None

    def written(self, shelf: Shelf, id_: int, properties: Sequence[str] | None = None) -> msgspec.Raw:
        """One record, for an answer that is put together."""
        return msgspec.Raw(self.writer.record(shelf, id_, Wish(tuple(properties) if properties else None)))

    def page(self, call: Call) -> Response:
        """A page of records, ascending by id; `after` is the id the page begins with."""
        query, shelves = call.query, self.shelves(call.parts["type"])
        wish = self._wish(call, shelves[0])
        limit = self._limit(query.one("limit", "10"), with_history=bool(wish.history))
        found = self._from(
            shelves, query.one("after"), self._view(call.now_ms), archived=query.flag("archived")
        )
        page = list(islice(found, limit + 1))
        lag_ms = 1000 * self.beliefs.number("list-lag-s")
        body = b'{"results":' + self._page(page[:limit], wish, call, lag_ms)
        if len(page) > limit:
            body += b',"paging":' + msgspec.json.encode(call.paging(self._cursor(call, page, limit)))
        return Response(200, body + b"}", {"Content-Type": JSON})

    def _batched(self, call: Call, results: bytes, shelf: Shelf, missing: list[str]) -> Response:
        content = call.batch({"results": msgspec.Raw(results)})
        status = 200
        if missing:
            content |= {"numErrors": 1, "errors": [missing_objects(shelf.kind.singular, missing)]}
            status = call.partial(self.beliefs)
        return Response(status, msgspec.json.encode(content), {"Content-Type": JSON})

    def readable(self, call: Call, shelf: Shelf, wish: Wish) -> Wish:
        """What of a wish the app that asks may read; Refused where it may not and is told so."""
        if self.beliefs["archived-values"] == "refused":
            for name in (*(wish.properties or ()), *wish.history):
                if name in shelf.definitions and shelf.definitions[name].archived:
                    raise Refused(400, f'Property "{name}" does not exist')
        refusing = self.beliefs["sensitive-without-scope"] == "refused"
        return sensitive.readable(shelf, wish, call.request.scopes, refusing=refusing)

    def _wish(self, call: Call, shelf: Shelf) -> Wish:
        query = call.query
        kinds = (self.portal.kind(name) for name in query.many("associations") or ())
        asked = Wish(
            tuple(query.many("properties") or ()) or None,
            tuple(query.many("propertiesWithHistory") or ()),
            tuple(dict.fromkeys(kind for kind in kinds if kind is not None)),
            call.base,
        )
        return self.readable(call, shelf, asked)

    def _limit(self, text: str, *, with_history: bool) -> int:
        most = (
            min(HISTORY_MAX, self.beliefs.number("list-max"))
            if with_history
            else self.beliefs.number("list-max")
        )
        if self.beliefs["list-over-max"] == "capped":
            return min(whole(text, "limit"), most)
        if self.beliefs["refusal-texts"] == "generic" and whole(text, "limit") > most:
            raise Refused(400, "Invalid input")
        return max(1, whole(text, "limit", most))

    def _page(self, found: Sequence[Found], wish: Wish, call: Call, lag_ms: int = 0) -> bytes:
        blank = EMAIL_CONTENT if call.request.redact_emails else ()
        return self.writer.page(found, wish, blank=blank, as_of_ms=call.now_ms - lag_ms if lag_ms else None)

    def _view(self, now_ms: int) -> Callable[[Entry], State | None] | None:
        """How a list sees records that were written to: as they were before the belief's lag."""
        lag_ms = 1000 * self.beliefs.number("list-lag-s")
        return (lambda entry: entry.as_of(now_ms - lag_ms)) if lag_ms else None

    def _from(
        self,
        shelves: Sequence[Shelf],
        after: str,
        view: Callable[[Entry], State | None] | None,
        *,
        archived: bool,
    ) -> Iterator[Found]:
        meaning = self.beliefs["list-after"]
        start = _opened(after) if meaning == "opaque" else whole(after or "0", "after")
        if meaning == "position":
            return islice(self._ordered(shelves, 0, view, archived=archived), start, None)
        taken = self.beliefs["list-after-any-id"]
        if taken != "yes" and after and not _handed_out(shelves, start):
            if taken == "no":
                raise Refused(400, f"Invalid value for after: '{after}'")
            if taken == "empty":
                return iter(())
            start = 0
        return self._ordered(shelves, start, view, archived=archived)

    def _ordered(
        self,
        shelves: Sequence[Shelf],
        above: int,
        view: Callable[[Entry], State | None] | None,
        *,
        archived: bool,
    ) -> Iterator[Found]:
        if self.beliefs["list-order"] == "text":
            every = [(s, i) for s in shelves for i in s.ids(archived=archived, view=view)]
            every.sort(key=lambda found: str(found[1]))
            return (found for found in every if str(found[1]) >= str(above or ""))
        runs = [_with(s, s.ids(archived=archived, above=above, view=view)) for s in shelves]
        return runs[0] if len(runs) == 1 else merge(*runs, key=lambda found: found[1])

    def _cursor(self, call: Call, page: Sequence[Found], limit: int) -> str:
        meaning = self.beliefs["list-after"]
        if meaning == "position":
            return str(whole(call.query.one("after") or "0", "after") + limit)
        last = self.beliefs["list-cursor"] == "last-plus-one" and self.beliefs["list-order"] == "id"
        start = page[limit - 1][1] + 1 if last else page[limit][1]
        return base64.urlsafe_b64encode(f"c:{start}".encode()).decode() if meaning == "opaque" else str(start)

    def _archived(self, found: Found) -> bool:
        times = found[0].times(found[1])
        return times is not None and bool(times.archived_ms)


def locate(shelf: Shelf, id_: str, property_: str = "") -> int | None:
    """The id of a record of one type by id or by a unique property (idProperty); Refused for any other property."""
    if property_ and property_ != "hs_object_id":
        definition = shelf.definitions.get(property_)
        if definition is None or definition.unique is None:
            raise Refused(
                400, f"Property '{property_}' does not exist or is not a unique identifier property"
            )
        return shelf.holder(property_, id_.lower() if property_ == "email" else id_)
    if not id_.isascii() or not id_.isdecimal() or len(id_) > 18:
        return None
    found = shelf.resolve(int(id_))
    return found if shelf.is_there(found) else None


def _with(shelf: Shelf, ids: Iterator[int]) -> Iterator[Found]:
    return ((shelf, id_) for id_ in ids)


def _opened(after: str) -> int:
    """What an opaque cursor holds."""
    if not after:
        return 0
    try:
        return int(base64.urlsafe_b64decode(after).decode().removeprefix("c:"))
    except ValueError:
        raise Refused(400, f"Invalid value for after: '{after[:40]}'") from None


def _handed_out(shelves: Sequence[Shelf], after: int) -> bool:
    """Whether this could be a cursor that a page ended with."""
    return any(s.times(i) is not None or i in s.entries for s in shelves for i in (after, after - 1))
