"""Search: what passes is what a scan of the whole list finds; caps, lag and its other traps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.asking import OBJECTS, Asking

MIDDLE = "2025-11-15T12:00:00.000Z"
Test = Callable[[dict[str, Any]], bool]


def everything(portal: Asking, type_: str, properties: str) -> list[dict[str, Any]]:
    """All records of a type, as lists have them."""
    return [
        r for page in portal.pages(f"{OBJECTS}/{type_}", limit="100", properties=properties) for r in page
    ]


def all_pages(portal: Asking, type_: str, *filters: tuple[str, str, Any], **more: Any) -> list[str]:
    """Every id that a search finds, page by page."""
    found: list[str] = []
    after, total = "0", 0
    while after:
        page = portal.search(type_, *filters, limit=200, after=after, **more)
        found += [r["id"] for r in page["results"]]
        total = page["total"]
        after = page.get("paging", {}).get("next", {}).get("after", "")
    assert len(found) == total
    return found


CASES: list[tuple[tuple[str, str, Any], Test]] = [
    (("lastmodifieddate", "GTE", MIDDLE), lambda r: r["updatedAt"] >= MIDDLE),
    (("lastmodifieddate", "LT", "1763208000000"), lambda r: r["updatedAt"] < MIDDLE),
    (
        ("createdate", "BETWEEN", ("2022-01-01T00:00:00Z", "2023-01-01T00:00:00Z")),
        lambda r: r["createdAt"][:4] == "2022",
    ),
    (("hs_object_id", "GT", "50000000000"), lambda r: int(r["id"]) > 50_000_000_000),
    (("lifecyclestage", "EQ", "lead"), lambda r: r["properties"]["lifecyclestage"] == "lead"),
    (("lifecyclestage", "NEQ", "lead"), lambda r: r["properties"]["lifecyclestage"] not in {None, "lead"}),
    (
        ("lifecyclestage", "IN", ["lead", "customer"]),
        lambda r: r["properties"]["lifecyclestage"] in {"lead", "customer"},
    ),
    (("lifecyclestage", "NOT_IN", ["lead"]), lambda r: r["properties"]["lifecyclestage"] not in {None, "lead"}),
    (("firstname", "HAS_PROPERTY", None), lambda r: r["properties"]["firstname"] is not None),
    (("email", "NOT_HAS_PROPERTY", None), lambda r: r["properties"]["email"] is None),
    (("numemployees", "GTE", "2500"), lambda r: int(r["properties"]["numemployees"] or 0) >= 2500),
    (("firstname", "CONTAINS_TOKEN", "ada"), lambda r: r["properties"]["firstname"] == "Ada"),
    (("email", "EQ", "person7@example.com"), lambda r: r["properties"]["email"] == "person7@example.com"),
]  # fmt: skip


@pytest.mark.parametrize(("filter_", "test"), CASES)
@pytest.mark.parametrize("by", ["lastmodifieddate", "hs_object_id", None])
def test_a_search_finds_what_a_scan_finds(filter_: tuple[str, str, Any], test: Test, by: str | None) -> None:
    portal = Asking("script")
    records = everything(portal, "contacts", "lifecyclestage,firstname,email,numemployees")
    wanted = [r["id"] for r in records if test(r)]
    assert 0 < len(wanted) < len(records)
    sorts = {"sorts": [{"propertyName": by, "direction": "ASCENDING"}]} if by else {}
    found = all_pages(portal, "contacts", filter_, **sorts)
    assert sorted(found, key=int) == wanted
    if by == "lastmodifieddate":
        at = {r["id"]: r["updatedAt"] for r in records}
        assert [at[id_] for id_ in found] == sorted(at[id_] for id_ in wanted)
    else:
        assert found == wanted


def test_descending_is_ascending_turned_round() -> None:
    portal = Asking("script")
    for name in ("hs_object_id", "lastmodifieddate", "firstname"):
        up = all_pages(portal, "contacts", sorts=[name])
        assert all_pages(portal, "contacts", sorts=[f"-{name}"]) == up[::-1]
        assert len(up) == 900


def test_one_group_of_several_must_pass_and_no_record_comes_twice() -> None:
    portal = Asking("script")
    records = everything(portal, "contacts", "lifecyclestage")
    groups = [
        {"filters": [{"propertyName": "lifecyclestage", "operator": "EQ", "value": "lead"}]},
        {"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": MIDDLE}]},
    ]
    wanted = [
        r["id"] for r in records if r["properties"]["lifecyclestage"] == "lead" or r["updatedAt"] >= MIDDLE
    ]
    assert all_pages(portal, "contacts", filterGroups=groups) == wanted


def test_the_keyset_inside_one_millisecond_passes_ten_thousand() -> None:
    portal = Asking("calls=10700", life="mass:calls:10500@2")
    portal.get(f"{OBJECTS}/calls", limit="1")
    portal.client.advance(5)
    newest = portal.search("calls", limit=1, sorts=["-hs_lastmodifieddate"])["results"][0]["updatedAt"]
    at = ("hs_lastmodifieddate", "EQ", newest)
    assert portal.search("calls", at, limit=1)["total"] == 10_500
    found: list[str] = []
    while True:
        above = ("hs_object_id", "GT", found[-1] if found else "0")
        page = portal.search("calls", at, above, limit=200, sorts=["hs_object_id"])["results"]
        if not page:
            break
        found += [r["id"] for r in page]
    assert found == sorted(set(found), key=int)
    assert len(found) == 10_500


def test_ids_sort_and_compare_as_text_where_that_is_believed() -> None:
    portal = Asking("calls=400", beliefs={"search-order": "text", "search-filter": "text"})
    ids = portal.truth("calls")["live"]["calls"]
    assert all_pages(portal, "calls", sorts=["hs_object_id"]) == sorted(ids)
    assert sorted(ids) != sorted(ids, key=int)
    found = all_pages(portal, "calls", ("hs_object_id", "GT", "470"))
    assert sorted(found) == sorted(id_ for id_ in ids if id_ > "470")


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201}, {"limit": -1}, {"after": "9995", "limit": 10}, {"after": "x"}, {"sorts": ["a", "b"]},
        {"filterGroups": [{"filters": []}] * 6},
        {"filters": [{"propertyName": "email", "operator": "LIKE", "value": "a"}]},
        {"filters": [{"propertyName": "email", "operator": "EQ", "value": "a"}] * 7},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "HAS_PROPERTY"}] * 5}] * 4},
        {"filters": [{"propertyName": "email", "operator": "EQ"}]}, {"filters": [{"operator": "EQ", "value": 1}]},
        {"filters": [{"propertyName": "email", "operator": "IN", "value": "a"}]}, {"query": "x" * 3001},
        {"filters": [{"propertyName": "associations.car", "operator": "EQ", "value": "1"}]},
        {"filters": [{"propertyName": "account_number", "operator": "EQ", "value": "1"}]}, {"filterGroups": [7]},
    ],
)  # fmt: skip
def test_a_search_refuses_what_it_cannot_do(body: dict[str, Any]) -> None:
    said = Asking("tiny").post(f"{OBJECTS}/contacts/search", body, 400)
    assert said["category"] == "VALIDATION_ERROR"


def test_the_last_page_within_ten_thousand_is_answered() -> None:
    portal = Asking("calls=10100")
    assert portal.search("calls", limit=200, after="9800")["total"] == 10_100
    portal.search("calls", limit=200, after="9801", status=400)
    capped = Asking("calls=10100", beliefs={"search-total": "capped"})
    assert capped.search("calls", limit=1)["total"] == 10_000


def test_a_search_since_the_epoch_falls_over() -> None:
    since = ("lastmodifieddate", "GTE", "1970-01-01T00:00:00.000Z")
    assert Asking("small").search("contacts", since, status=500)["category"] == "INTERNAL_ERROR"
    assert Asking("small", beliefs={"search-at-epoch": "found"}).search("contacts", since)["total"] == 60
    assert Asking("small").search("contacts", ("lastmodifieddate", "GTE", "1000"))["total"] == 60


def test_the_second_modified_date_of_contacts_finds_nothing() -> None:
    since = ("hs_lastmodifieddate", "GTE", "2020-01-01T00:00:00Z")
    assert Asking("small").search("contacts", since)["total"] == 0
    assert Asking("small").search("companies", since)["total"] == 20
    filled = Asking("small", beliefs={"contacts-hs-lastmodified": "filled"})
    assert filled.search("contacts", since, properties=["hs_lastmodifieddate"])["total"] == 60


def test_finer_than_a_millisecond_is_cut_off() -> None:
    portal = Asking("small")
    record = portal.get(f"{OBJECTS}/calls")["results"][0]
    finer = record["updatedAt"].removesuffix("Z") + ("999Z" if "." in record["updatedAt"] else ".000999Z")
    found = portal.search(
        "calls", ("hs_lastmodifieddate", "GTE", finer), ("hs_object_id", "EQ", record["id"])
    )
    assert found["total"] == 1


def test_the_index_lags_and_its_answers_are_stale() -> None:
    portal = Asking("small", beliefs={"search-lag-s": "60"})
    ids = portal.ids("contacts")
    new = portal.create("contacts", email="late@example.com")
    portal.ask("DELETE", f"{OBJECTS}/contacts/{ids[0]}", 204)
    gone = portal.search("contacts", ("hs_object_id", "EQ", ids[0]))
    assert (gone["total"], gone["results"]) == (1, []), "a stale index counts what it cannot show"
    assert portal.search("contacts", ("email", "EQ", "late@example.com"))["total"] == 0
    portal.client.advance(60)
    assert portal.search("contacts", ("hs_object_id", "EQ", ids[0]))["total"] == 0
    (found,) = portal.search("contacts", ("email", "EQ", "late@example.com"))["results"]
    assert found["id"] == new


def test_writes_come_into_the_index_out_of_order() -> None:
    portal = Asking("tiny", beliefs={"search-lag-s": "60"})
    new = [portal.create("companies", name=f"n{n}") for n in range(30)]
    seen: list[str] = []
    for _ in range(70):
        found = portal.search("companies", limit=100)["results"]
        seen += [r["id"] for r in found if r["id"] in new and r["id"] not in seen]
    assert sorted(seen, key=int) == new
    assert seen != new


def test_by_an_association() -> None:
    portal = Asking("script")
    rows = portal.truth("companies")["associations"]
    company = next(r[1] for r in rows if (r[0], r[2]) == ("companies", "contacts"))
    wanted = {r[3] for r in rows if (r[0], r[1], r[2]) == ("companies", company, "contacts")}
    found = all_pages(portal, "contacts", ("associations.company", "EQ", company))
    assert set(found) == wanted
    assert len(found) == len(wanted) > 0


def test_some_pages_are_empty_but_not_the_last() -> None:
    portal = Asking("calls=100", beliefs={"search-empty-pages": "2"})
    first, second = (portal.search("calls", limit=10, after=after) for after in ("0", "10"))
    assert (len(first["results"]), len(second["results"])) == (10, 0)
    assert second["paging"]["next"]["after"] == "20"
