"""How to read a collection: a generator that yields what it needs and is sent what came (no I/O).

Nothing may lie between two pages. Cursors that are ids or opaque lead on by themselves. Where they count items, what is
removed shifts every page behind it: then a page has to begin with an item that was seen, else it is asked for from
further back. A page is handed over together with the cursor it leads to.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct, structs

from hubdump import marks, strict
from hubdump.around import (
    TYPE,
    Collection,
    ItemRef,
    ItemsRead,
    LeftOut,
    Paging,
    Parents,
    SeenItem,
    Sent,
    Since,
    fields_of,
    is_archived,
    items_of,
    key_of,
    number_in,
    number_of,
)  # fmt: skip
from hubdump.errors import BeliefRefuted, Incomplete, Poison, RequestRefused, ScopeMissing, is_forbidden
from hubdump.hubspot.batches import TRIES
from hubdump.hubspot.body import decoded
from hubdump.hubspot.item_requests import Wanted, Window, next_after, page
from hubdump.hubspot.listing import ORDER
from hubdump.hubspot.refs import MOVES
from hubdump.model import FAILURES_MAX, Answer, Refuted, Request

INPUTS = 100
OPAQUE = "cursors around the records do not count items"
Step = Request[Any] | Parents | Since | SeenItem | Refuted | ItemsRead
Collecting = Generator[Step, Any, None]
_Refusal = RequestRefused | ScopeMissing | Poison


class Place(Struct, frozen=True, omit_defaults=True):
    """Where a walk stands: `parent` is under way (`begun`) or the last that is done.

    `count` items of the present list were seen, the last of them of the instant `oldest`; `counting` says how its
    cursors count ('': they do not). `version` is set once HubSpot answered; it stays for the whole pass.
    """

    version: str = ""
    parent: str = ""
    begun: bool = False
    archived: bool = False
    after: str = ""
    count: int = 0
    counting: str = ""
    oldest: int = 0
    shuffled: bool = False
    done: bool = False


def collect(row: Collection, window: Window, cursor: str) -> Collecting:
    """Every item of a collection, from where `cursor` says; only what is new of those that only grow."""
    walk = _Walk(row, window, cursor)
    if row.sent is Sent.INPUTS:
        yield from walk.batches()
    elif row.parent:
        yield from walk.parents()
    else:
        yield from walk.listed("")


class _Walk:
    """One pass over a collection."""

    def __init__(self, row: Collection, window: Window, cursor: str) -> None:
        self._row, self._window, self._since_ms = row, window, window.since_ms
        self._place = msgspec.json.decode(cursor, type=Place) if cursor else Place()
        self._sizes = list(row.sizes)
        self._size = self._sizes[0]
        self._met: set[str] = set()
        self._refusal: _Refusal | None = None

    @property
    def _cursor(self) -> str:
        return msgspec.json.encode(self._place).decode()

    def parents(self) -> Collecting:
        """The items of each parent, one after the other; a parent that cannot be read is left out."""
        if self._place.begun:
            yield from self._of_parent(self._place.parent)
        while True:
            found: list[tuple[str, str]] = yield Parents(self._place.parent, INPUTS)
            if not found and self._refusal and not self._place.version:
                raise self._refusal  # nothing was answered for any of them
            if not found:
                return
            for parent, _ in found:
                self._place = Place(self._place.version, parent, begun=True)
                yield from self._of_parent(parent)

    def _of_parent(self, parent: str) -> Collecting:
        if self._row.instant:
            self._since_ms = yield Since(parent)
        try:
            yield from self.listed(parent)
        except (RequestRefused, ScopeMissing, Poison) as error:
            # Who may read none of them need not ask for each; types have scopes of their own.
            if is_forbidden(error) and not self._place.version and self._row.parent != TYPE:
                raise
            self._refusal = error
            self._place = Place(self._place.version, parent)
            yield ItemsRead(self._cursor, left_out=[self._left_out(parent, error)])

    def listed(self, parent: str) -> Collecting:
        """All pages of one list, and of its archived items where they have one of their own."""
        self._place = structs.replace(self._place, begun=not self._place.done)
        while self._place.begun:
            answer, items = yield from self._next(parent)
            refs, fields, instants = self._read(parent, items)
            after = next_after(self._row, answer.content, refs[-1].key if refs else "")
            if self._row.paging is Paging.ID:
                self._check_order(refs)
            yield from self._move(len(refs), instants, after)
            yield ItemsRead(self._cursor, answer.response, refs, fields, whole=self._ended(parent))

    def _ended(self, parent: str) -> str:
        return "" if self._place.begun else parent

    def batches(self) -> Collecting:
        """The items of all parents, a hundred of them a request; by halves where that fails for ever."""
        while True:
            found: list[tuple[str, str]] = yield Parents(self._place.parent, INPUTS)
            if not found:
                return
            yield from self._batch(found)
            self._place = structs.replace(self._place, parent=found[-1][0])
            yield ItemsRead(self._cursor)

    def _batch(self, found: Sequence[tuple[str, str]]) -> Collecting:
        asked = {email.casefold(): parent for parent, email in found}
        try:
            answer = yield from self._ask(Wanted("", inputs=[email for _, email in found]))
        except (Poison, RequestRefused) as error:
            if isinstance(error, RequestRefused) and error.status != 400:
                raise
            if len(found) > 1:
                marks.hit("poison bisect")
                middle = len(found) // 2
                yield from self._batch(found[:middle])
                yield from self._batch(found[middle:])
                return
            yield ItemsRead(self._cursor, left_out=[self._left_out(found[0][0], error)])
            return
        refs, fields, _ = self._read("", self._items(answer), asked)
        yield ItemsRead(self._cursor, answer.response, refs, fields)

    def _next(self, parent: str) -> Generator[Step, Any, tuple[Answer[Any], list[msgspec.Raw]]]:
        """The next page; where cursors count, one that begins with what was seen."""
        answer = yield from self._page(parent)
        items = self._items(answer)
        back = 1
        while self._place.counting and self._start > 0:
            if items and (yield SeenItem(parent, self._key(items[0]))):
                break
            marks.hit("boundary repair")
            self._place = structs.replace(
                self._place, after=_counted(self._place.counting, max(0, self._start - back))
            )
            back *= 2
            answer = yield from self._page(parent)
            items = self._items(answer)
        return answer, items

    def _page(self, parent: str) -> Generator[Step, Any, Answer[Any]]:
        """One page, by fewer items where more of them fail for ever."""
        least = 2 if self._place.counting or self._row.paging is Paging.ID else 1
        while True:
            wanted = Wanted("", parent, self._place.after, self._size, self._place.archived)
            try:
                answer = yield from self._ask(wanted)
            except Poison:
                if self._row.paging is Paging.NONE or self._size // 2 < least:
                    raise
                marks.hit("poison bisect")
                self._size //= 2
            else:
                self._size = min(self._size * 2, self._sizes[0])
                return answer

    def _ask(self, wanted: Wanted) -> Generator[Step, Any, Answer[Any]]:
        """Ask; for fewer items once HubSpot refuses so many. The version is that of the first answer."""
        versions = [self._place.version] if self._place.version else list(self._row.versions)
        while True:
            narrowed = 0 < wanted.size < self._sizes[0]
            request = page(self._row, replace(wanted, version=versions[0]), self._window)
            tries = TRIES if narrowed and wanted.size > 2 else FAILURES_MAX
            try:
                answer: Answer[Any] = yield replace(request, failures_max=tries, narrowed=narrowed)
            except RequestRefused as error:
                if error.status == 404 and len(versions) > 1:
                    versions.pop(0)
                elif error.status == 400 and len(self._sizes) > 1 and wanted.size == self._sizes[0]:
                    marks.hit("smaller page")
                    self._sizes.pop(0)
                    self._size = self._sizes[0]
                    wanted = replace(wanted, size=self._size)
                else:
                    raise
            else:
                self._place = structs.replace(self._place, version=versions[0])
                return answer

    def _items(self, answer: Answer[Any]) -> list[msgspec.Raw]:
        try:
            return items_of(self._row, strict.whole(decoded(answer.response)).text)
        except msgspec.DecodeError as error:
            raise Incomplete(f"What came as {self._row.name} is none: {error}") from error

    def _key(self, item: msgspec.Raw) -> str:
        return key_of(self._row, fields_of(item), item)

    def _read(
        self, parent: str, items: Sequence[msgspec.Raw], of: dict[str, str] | None = None
    ) -> tuple[list[ItemRef], list[str], list[int]]:
        """The items of one answer, the fields they have, and their instants; `of` says whose they are by an email."""
        refs, names, instants = list[ItemRef](), dict[str, None](), list[int]()
        for position, item in enumerate(items):
            fields = fields_of(item)
            key = key_of(self._row, fields, item)
            whose = of.get(key.rpartition(":")[0].casefold(), parent) if of else parent
            archived = self._place.archived or is_archived(fields)
            refs.append(ItemRef(whose, key, position, archived))
            names |= dict.fromkeys(fields)
            instant = number_of(fields.get(self._row.instant))
            instants += [] if instant is None else [instant]
        return refs, list(names), instants

    def _move(self, number: int, instants: Sequence[int], after: str) -> Iterator[Step]:
        """Go behind a page of `number` items: to the next one, to the archived items, or to the end of this list."""
        place, start = self._place, self._start
        if after and not place.counting and (after == place.after or after in self._met):
            marks.hit("repeated cursor")
            raise BeliefRefuted(MOVES, f"the list of {self._row.name} gave the cursor {after[:40]} twice")
        self._met.add(after)
        counting = place.counting
        if counting and after and _number(after, counting) <= start:
            marks.hit("repeated cursor")
            raise BeliefRefuted(
                MOVES, f"the list of {self._row.name} counted {after[:40]} behind {start:,} items"
            )
        if not counting and place.count == 0 and number and self._row.paging is not Paging.ID:
            counting = _counting(after, number)
            if counting and self._row.paging is Paging.AFTER:
                marks.hit("counting cursor")
                yield Refuted(OPAQUE, f"the cursor of {self._row.name} counts items ({after})")
        shuffled = place.shuffled or _ascends([place.oldest or 2**63, *instants])
        oldest = instants[-1] if instants else place.oldest
        if counting and after:
            # From the last item of this page on: it shows whether anything before it was removed meanwhile.
            after = _counted(counting, start + max(1, number - 1))
        self._place = Place(
            place.version,
            place.parent,
            True,
            place.archived,
            after,
            place.count + number,
            counting,
            oldest,
            shuffled,
        )
        if after and not self._is_known(instants):
            return
        self._met.clear()
        if self._row.archived and not place.archived:
            self._place = Place(place.version, place.parent, begun=True, archived=True)
        else:
            self._place = Place(place.version, place.parent, done=not self._row.parent)

    def _is_known(self, instants: Sequence[int]) -> bool:
        """Whether what lies behind a page was read by an earlier pass: newest first, and older than it was then."""
        if self._row.window or self._place.shuffled or not instants:
            return False
        return min(instants) < self._since_ms

    def _check_order(self, refs: Sequence[ItemRef]) -> None:
        """Where the last id leads to the next page, ids ascend."""
        ids = [number_in(ref.key) for ref in refs]
        if any(a >= b for a, b in pairwise(ids)) or (ids and ids[0] < int(self._place.after or 0)):
            raise BeliefRefuted(ORDER, f"{self._row.name} are not sorted by id, as was asked for")

    def _left_out(self, parent: str, error: _Refusal) -> LeftOut:
        """Only that a parent is not there, or a type has no such items, is no failure."""
        nothing = {400, 403, 404} if self._row.parent == TYPE else {404}
        failed = not (isinstance(error, RequestRefused) and error.status in nothing)
        return LeftOut(parent, error.message, failed, error.scopes if isinstance(error, ScopeMissing) else ())

    @property
    def _start(self) -> int:
        """How many items lie before the page of a counting cursor."""
        return _number(self._place.after, self._place.counting) if self._place.counting else 0


def _counted(way: str, number: int) -> str:
    """The cursor behind so many items."""
    return b64encode(b"%d" % number).decode() if way == "base64" else str(number)


def _counting(after: str, number: int) -> str:
    """How a cursor counts, where it is the number of items so far."""
    ways = ("plain", "base64")
    return next((way for way in ways if after and _number(after, way) == number), "")


def _number(after: str, way: str) -> int:
    """The number that a cursor is, -1 where it is none; that of the beginning is 0."""
    if way == "base64":
        try:
            after = b64decode(after, validate=True).decode()
        except ValueError:
            return -1
    return int(after or 0) if after.isdecimal() or not after else -1


def _ascends(instants: Sequence[int]) -> bool:
    """Whether a later instant stands behind an earlier one somewhere."""
    return any(a < b for a, b in pairwise(instants))
