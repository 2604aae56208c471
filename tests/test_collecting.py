"""How a collection is read, against lists that are fed by hand and change between two pages."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle
from typing import Any

import pytest

from hubdump.around import COLLECTIONS, TYPE, Paging, Sent, by_name, tables
from hubdump.catalog import STANDARD
from hubdump.errors import BeliefRefuted, Poison, RequestRefused, ScopeMissing
from hubdump.model import Request
from hubdump.targets.tables import ASSOCIATIONS, COLUMNS, HISTORY
from tests.walks import LIST, Walked, item, query, walk


class Counted:
    """A list whose cursors count the items before them; after a page something happens to it."""

    def __init__(self, ids: Sequence[int], way: str, happens: dict[int, Callable[[list[int]], None]]) -> None:
        self.ids, self._way, self._happens, self._pages = list(ids), way, happens, 0

    def __call__(self, request: Request[Any]) -> dict[str, Any]:
        asked = json.loads(request.body) if request.body else query(request)
        start, size = self._read(str(asked.get("after", asked.get("offset", "")))), self._size(asked)
        ids, more = self.ids[start : start + size], start + size < len(self.ids)
        self._pages += 1
        if happens := self._happens.get(self._pages):
            happens(self.ids)
        end = start + len(ids)
        if self._way == "offset":
            return {"results": [item(id_) for id_ in ids], "hasMore": more, "offset": end}
        paging = {"paging": {"next": {"after": self._write(end)}}} if more else {}
        return {"results": [item(id_) for id_ in ids], **paging}

    def _size(self, asked: dict[str, Any]) -> int:
        return int(asked.get("limit", asked.get("count", 0)))

    def _read(self, after: str) -> int:
        return int(b64decode(after) if self._way == "base64" and after else after or 0)

    def _write(self, number: int) -> str:
        return b64encode(str(number).encode()).decode() if self._way == "base64" else str(number)


OFFSET = replace(LIST, paging=Paging.OFFSET, sent=Sent.BODY, size="count")


@pytest.mark.parametrize("way", ["plain", "base64", "offset"])
def test_what_is_removed_from_a_list_whose_cursors_count_hides_nothing(way: str) -> None:
    row = OFFSET if way == "offset" else LIST
    for after_page in (1, 2, 3):
        for removed in range(13):
            for number in (1, 3, 6):
                gone = list(range(removed, min(removed + number, 13)))
                server = Counted(range(13), way, {after_page: partial(_remove, gone)})
                found = walk(row, server)
                assert set(found.keys) >= {str(id_) for id_ in range(13) if id_ not in gone}, (
                    after_page,
                    gone,
                )


def _insert(number: int, ids: list[int]) -> None:
    ids[:0] = range(100, 100 + number)


def _remove(gone: Sequence[int], ids: list[int]) -> None:
    ids[:] = [id_ for id_ in ids if id_ not in gone]


@pytest.mark.parametrize("way", ["plain", "base64", "offset"])
def test_what_is_new_in_front_of_a_list_whose_cursors_count_hides_nothing(way: str) -> None:
    row = OFFSET if way == "offset" else LIST
    for number in (1, 4, 5, 9):
        server = Counted(range(13), way, {1: partial(_insert, number)})
        found = walk(row, server)
        assert set(found.keys) >= {str(id_) for id_ in range(13)}


def test_a_list_whose_cursors_count_is_told_as_against_the_belief_and_one_of_ids_is_not() -> None:
    counted = walk(LIST, Counted(range(13), "base64", {}))
    assert len(counted.refuted) == 1
    assert len(counted.asked) == 3
    opaque = walk(LIST, lambda request: _after_last(request, range(1, 14)))
    assert opaque.refuted == []
    assert [query(one).get("after") for one in opaque.asked] == [None, "id-5", "id-10"]
    assert len(opaque.keys) == 13


def _after_last(request: Request[Any], ids: Sequence[int]) -> dict[str, Any]:
    """Cursors are the last id, in a form of their own."""
    asked = query(request)
    last = int(asked.get("after", "id-0").removeprefix("id-"))
    found = [id_ for id_ in ids if id_ > last][: int(asked["limit"])]
    more = bool(found) and found[-1] != max(ids)
    paging = {"paging": {"next": {"after": f"id-{found[-1]}"}}} if more else {}
    return {"results": [item(id_) for id_ in found], **paging}


@pytest.mark.parametrize("cursors", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_cursors_that_lead_in_a_circle_end_the_walk_by_name(cursors: list[str]) -> None:
    pages = cycle(cursors)
    ids = iter(range(20))

    def server(_: Request[Any]) -> dict[str, Any]:
        return {"results": [item(next(ids))], "paging": {"next": {"after": next(pages)}}}

    with pytest.raises(BeliefRefuted, match="gave the cursor a twice"):
        walk(LIST, server)


@pytest.mark.parametrize("way", ["plain", "offset"])
def test_a_list_that_counts_and_never_moves_on_ends_the_walk_by_name(way: str) -> None:
    def server(_: Request[Any]) -> dict[str, Any]:
        page: dict[str, Any] = {"results": [item(id_) for id_ in range(5)]}
        return page | (
            {"hasMore": True, "offset": 5} if way == "offset" else {"paging": {"next": {"after": "5"}}}
        )

    with pytest.raises(BeliefRefuted, match="counted 5 behind 8 items"):
        walk(OFFSET if way == "offset" else LIST, server)


def test_an_empty_or_short_page_is_not_the_end_and_a_page_without_paging_is() -> None:
    pages = {
        "": {"results": [item(1)], "paging": {"next": {"after": "x"}}},
        "x": {"results": [], "paging": {"next": {"after": "y"}}},
        "y": {"results": [item(2)], "paging": {}},
    }
    found = walk(LIST, lambda request: pages[query(request).get("after", "")])
    assert found.keys == ["1", "2"]
    assert len(found.asked) == 3


def test_fewer_items_are_asked_for_where_so_many_are_refused() -> None:
    def server(request: Request[Any]) -> dict[str, Any]:
        if int(query(request)["limit"]) > 2:
            raise RequestRefused(400, request.template, "limit must be less than or equal to 2")
        return _after_last(request, range(1, 6))

    found = walk(LIST, server)
    assert len(found.keys) == 5
    assert [query(one)["limit"] for one in found.asked] == ["5", "2", "2", "2"]


def test_the_version_is_found_once_and_never_changed_in_the_middle() -> None:
    row = replace(LIST, versions=("2026-09", "2026-03", "v3"))

    def server(request: Request[Any]) -> dict[str, Any]:
        if "2026-03" not in request.path or query(request).get("after") == "id-10":
            raise RequestRefused(404, request.template, "resource not found")
        return _after_last(request, range(1, 14))

    found = Walked()
    with pytest.raises(RequestRefused):
        walk(row, server, into=found)
    paths = [one.path for one in found.asked]
    assert paths == ["/things/2026-09/list", *["/things/2026-03/list"] * 3]


def test_a_walk_goes_on_from_any_of_its_cursors_and_asks_for_no_page_again() -> None:
    row = replace(LIST, path=("things", "", "{parent}/list"), parent="lists", archived=True)
    parents = [("1", "1"), ("2", "2"), ("3", "3")]

    def server(request: Request[Any]) -> dict[str, Any]:
        base = int(request.path.split("/")[-2]) * 100 + 50 * (query(request)["archived"] == "true")
        return _after_last(request, range(base, base + 12))

    whole = walk(row, server, parents=parents)
    assert len(whole.keys) == 72
    assert sum(whole.seen.values()) == 36
    for place, cursor in enumerate(whole.cursors):
        rest = walk(row, server, parents=parents, cursor=cursor)
        assert [(one.path, one.query) for one in rest.asked] == [
            (one.path, one.query) for one in whole.asked[place + 1 :]
        ]


def test_a_list_without_a_parent_that_is_done_is_not_asked_for_again() -> None:
    whole = walk(LIST, lambda request: _after_last(request, range(1, 8)))
    assert walk(LIST, lambda _: {}, cursor=whole.cursors[-1]).asked == []


def test_a_page_that_fails_for_ever_is_asked_for_by_fewer_items_and_a_parent_of_it_is_left_out_by_name() -> (
    None
):
    row = replace(LIST, path=("things", "", "{parent}/list"), parent="lists")

    def server(request: Request[Any]) -> dict[str, Any]:
        asked, base = query(request), int(request.path.split("/")[-2]) * 100
        last = int(asked.get("after", f"id-{base}").removeprefix("id-"))
        if base == 200 and last < 208 <= last + int(asked["limit"]):
            raise Poison(500, request.template, "internal error")
        return _after_last(request, range(max(base, last) + 1, base + 13))

    found = walk(row, server, parents=[("1", "1"), ("2", "2"), ("3", "3")])
    assert found.left_out == {"2": True}
    expected = {*range(101, 113), *range(201, 208), *range(301, 313)}
    assert {int(key) for key in found.keys} == expected


def test_a_parent_that_is_not_there_is_left_out_and_no_failure() -> None:
    row = replace(LIST, path=("things", "", "{parent}/list"), parent="lists")

    def server(request: Request[Any]) -> dict[str, Any]:
        if "/2/" in request.path:
            raise RequestRefused(404, request.template, "List does not exist with ID 2.")
        return _after_last(request, [int(request.path.split("/")[-2]) * 10])

    found = walk(row, server, parents=[("1", "1"), ("2", "2"), ("3", "3")])
    assert (found.left_out, found.keys) == ({"2": False}, ["10", "30"])


def test_where_nothing_is_answered_for_any_parent_the_collection_is_not_there() -> None:
    row = replace(LIST, path=("things", "", "{parent}/list"), parent="lists")

    def refused(request: Request[Any]) -> Any:
        raise RequestRefused(404, request.template, "resource not found")

    with pytest.raises(RequestRefused):
        walk(row, refused, parents=[("1", "1"), ("2", "2")])


def test_who_may_not_read_a_collection_does_not_ask_for_every_parent_of_it() -> None:
    found = Walked()

    def refused(request: Request[Any]) -> Any:
        raise ScopeMissing(request.template, ())

    parents = [("1", "1"), ("2", "2"), ("3", "3")]
    row = replace(LIST, path=("things", "", "{parent}/list"), parent="lists")
    with pytest.raises(ScopeMissing):
        walk(row, refused, parents=parents, into=found)
    assert len(found.asked) == 1
    with pytest.raises(ScopeMissing):
        walk(replace(row, parent=TYPE), refused, parents=parents, into=found)
    assert len(found.asked) == 1 + 3


class Files:
    """A search sorted by id that leads to 10 files only by its own cursors."""

    def __init__(self, number: int, *, sorted_: bool = True) -> None:
        self._ids, self._sorted = range(1, number + 1), sorted_

    def __call__(self, request: Request[Any]) -> dict[str, Any]:
        asked = query(request)
        assert "after" not in asked
        ids = [id_ for id_ in self._ids if id_ >= int(asked.get("idGte", 0))]
        if not self._sorted:
            ids.reverse()
        size = int(asked["limit"])
        paging = {"paging": {"next": {"after": str(size)}}} if len(ids) > size else {}
        return {"results": [item(id_) for id_ in ids[:size]], **paging}


def test_files_come_beyond_what_one_search_leads_to() -> None:
    row = replace(by_name("files"), sizes=(5, 2))
    found = walk(row, Files(43))
    assert len(found.keys) == 43
    assert len(found.asked) == 11


def test_files_that_are_not_sorted_by_id_end_the_walk_by_name() -> None:
    with pytest.raises(BeliefRefuted, match="files are not sorted by id"):
        walk(replace(by_name("files"), sizes=(5, 2)), Files(43, sorted_=False))


def test_every_row_can_be_asked_for_and_none_is_called_as_a_type_is() -> None:
    names = [row.name for row in COLLECTIONS]
    types = {type_.name for type_ in STANDARD.types} | {ASSOCIATIONS, COLUMNS, HISTORY}
    assert types.isdisjoint(tables())
    assert len(set(names)) == len(names) >= 20
    for row in COLLECTIONS:
        assert row.parent in {"", TYPE, "emails", *names}
        assert list(row.sizes) == sorted(row.sizes, reverse=True)
        assert ("{parent}" in row.path[2]) == (row.parent not in {"", "emails"})
