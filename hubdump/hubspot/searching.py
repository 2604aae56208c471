"""One search by keyset: every page is a fresh query for ids above the last one, so that the cap is never met."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from hubdump import marks
from hubdump.errors import BeliefRefuted, RequestRefused
from hubdump.hubspot import wire
from hubdump.hubspot.endpoints import SEARCH_LADDER, Endpoints
from hubdump.hubspot.listing import ORDER
from hubdump.hubspot.refs import MOVES, TYPED, Page, next_after, record_refs
from hubdump.model import Answer, Effect, ObjectType, RecordRef

FILTERED = "search filters and sorts ids in the same order"

FilterGroups = Sequence[Sequence[Mapping[str, Any]]]


class Search:
    """A search that is walked; `last` is the last id it found, `done` whether there are more."""

    def __init__(
        self, api: Endpoints, type_: ObjectType, groups: FilterGroups, properties: Sequence[str], last: int
    ) -> None:
        self.last = last
        self.done = False
        self._api, self._type, self._properties = api, type_, properties
        self._groups = [list(filters) for filters in groups] or [[]]
        self._limits = list(SEARCH_LADDER)
        self._expected = -1
        # One that is continued does not know how many were to come: what it skips would not show.
        self._suspicious = last > 0
        self._gaps: list[tuple[int, int]] = []

    def next_page(self) -> Generator[Effect, Any, Page]:
        """Read one page; moves `last`, and sets `done` at the end."""
        answer = yield from self._answer(self._groups, self.last)
        page = answer.content
        refs, strange = record_refs(self._type, page.results)
        if strange:  # a list names it; here nothing behind it could be told from it
            raise BeliefRefuted(TYPED, f"a search of {self._type.name} gave what is no record")
        self._check_order(refs)
        for ref in refs:
            if len(str(ref.id)) > len(str(self.last)):
                self._gaps.append((self.last, 10 ** (len(str(ref.id)) - 1)))
            self.last = ref.id
        # Fewer left than should be: the index still counts removed records, or it sorts ids as text and
        # the filter skipped some that the sort would have brought later.
        self._suspicious = self._suspicious or page.total < self._expected
        self._expected = page.total - len(refs)
        self.done = not next_after(page.paging)
        if self.done and (self._suspicious or self._expected > 0):
            yield from self._look_into_gaps()
        return answer.response, refs

    def _check_order(self, refs: Sequence[RecordRef]) -> None:
        for before, after in pairwise([self.last, *(ref.id for ref in refs)]):
            if after <= before:
                raise BeliefRefuted(ORDER, f"a search gave {self._type.name} {after} after {before}")

    def _look_into_gaps(self) -> Generator[Effect, Any, None]:
        """Nothing may lie between two ids of different length that came one after the other, nor behind the last."""
        for low, high in self._gaps:
            below = {"propertyName": "hs_object_id", "operator": "LT", "value": str(high)}
            answer = yield from self._answer([[*filters, below] for filters in self._groups], low)
            if answer.content.results:
                raise BeliefRefuted(
                    FILTERED, f"a search of {self._type.name} skipped ids from {low} to {high}"
                )
        # Compared as texts, longer ids may be below the last one, and shorter ones above any longer one.
        longer = yield from self._answer(self._groups, 10 ** len(str(self.last)))
        if longer.content.results:
            raise BeliefRefuted(
                FILTERED, f"a search of {self._type.name} ended at {self.last} and skipped longer ids"
            )

    def _answer(self, groups: FilterGroups, last: int) -> Generator[Effect, Any, Answer[wire.SearchPage]]:
        """An answer with records, or the last: an empty page with a next one is real (recorded traffic)."""
        above = {"propertyName": "hs_object_id", "operator": "GT", "value": str(last)}
        groups = [[*filters, above] for filters in groups]
        after, met = "", set[str]()
        while True:
            answer = yield from self._ask(groups, after)
            ahead = next_after(answer.content.paging)
            if answer.content.results or not ahead:
                return answer
            marks.hit("empty search page")
            if ahead in met:
                raise BeliefRefuted(MOVES, f"the search of {self._type.name} gave the cursor {after} twice")
            after = ahead
            met.add(after)

    def _ask(self, groups: FilterGroups, after: str) -> Generator[Effect, Any, Answer[wire.SearchPage]]:
        """Ask for a page; where HubSpot refuses so many records, for fewer from then on."""
        while True:
            request = self._api.search(self._type, groups, self._properties, after, limit=self._limits[0])
            try:
                answer: Answer[wire.SearchPage] = yield request
            except RequestRefused as error:
                if error.status != 400 or len(self._limits) == 1:
                    raise
                marks.hit("smaller page")
                self._limits.pop(0)
                continue
            return answer
