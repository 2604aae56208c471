"""A portal is a function of its seed: the same for all who ask, without any record in memory."""

from __future__ import annotations

import tracemalloc

import pytest

from hubdump.sandbox import InProcess
from hubdump.sandbox.customs import USUAL
from hubdump.sandbox.numbers import CHANGED_MS, Numbers
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.portals import spec
from hubdump.sandbox.types import KINDS
from tests.sandbox.asking import OBJECTS, Asking

SIZES = (0, 1, 2, 3, 49, 50, 51, 99, 100, 1020, 5003)


@pytest.mark.parametrize("live", SIZES)
def test_ids_ascend_and_lead_back_to_their_records(live: int) -> None:
    numbers = Numbers(7, 3, 5_000_000_000, live, 2)
    ids = [numbers.id(index) for index in range(numbers.total)]
    assert ids == sorted(set(ids))
    assert [numbers.index(id_) for id_ in ids] == list(range(numbers.total))
    there = set(ids)
    assert all(numbers.index(id_ + 1) is None for id_ in ids if id_ + 1 not in there)
    assert all(numbers.index_from(id_) == place for place, id_ in enumerate(ids))
    assert all(numbers.index_from(id_ + 1) == place + 1 for place, id_ in enumerate(ids))


@pytest.mark.parametrize("live", SIZES)
def test_so_many_are_live_and_so_many_archived(live: int) -> None:
    numbers = Numbers(8, 5, 5_000_000_000, live, 2)
    there = [index for index in range(numbers.total) if not numbers.archived_ms(index)]
    assert len(there) == live
    assert numbers.total - live == live * 2 // 100
    assert there == list(numbers.indexes(0, archived=False))
    for start, end in ((0, numbers.total), (numbers.total // 3, numbers.total // 2), (5, 3)):
        assert numbers.live_between(start, end) == sum(start <= index < end for index in there)
        ranks = [numbers.rank(index) for index in there]
        assert numbers.live_changed_between(start, end) == sum(start <= rank < end for rank in ranks)


@pytest.mark.parametrize("live", SIZES)
def test_changes_are_a_permutation_that_ascends_in_time(live: int) -> None:
    numbers = Numbers(9, 1, 5_000_000_000, live, 2)
    ranks = range(numbers.total)
    assert sorted(map(numbers.at_rank, ranks)) == list(ranks)
    assert [numbers.rank(numbers.at_rank(rank)) for rank in ranks] == list(ranks)
    times = [numbers.changed_ms(rank) for rank in ranks]
    assert times == sorted(times)
    assert all(numbers.created_ms(index) < numbers.updated_ms(index) < CHANGED_MS for index in ranks)
    if live > 1000:
        assert len(set(times)) < len(times), "no two records were changed in the same millisecond"


def test_a_million_records_take_no_memory_and_any_page_is_near() -> None:
    tracemalloc.start()
    try:
        portal = Portal(spec("contacts=1000000,calls=1000000"), 7)
        shelf = portal.shelves["contacts"]
        middle = shelf.numbers.id(700_000)
        page = [id_ for _, id_ in zip(range(100), shelf.ids(above=middle), strict=False)]
        assert page[0] == middle
        assert shelf.live == 1_000_000
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_the_default_portal_is_the_old_scripts() -> None:
    live = Asking("script").truth()["live"]
    counts = {name: len(live[name]) for name in ("meetings", "calls", "emails", "notes", "tasks")}
    assert counts == {"meetings": 7, "calls": 1020, "emails": 1040, "notes": 1000, "tasks": 0}


def test_another_seed_is_another_portal_and_the_same_seed_the_same() -> None:
    one, again, other = Asking("small"), Asking("small"), Asking("small", seed=8)
    path = f"{OBJECTS}/contacts"
    assert one.get(path, limit="100") == again.get(path, limit="100") != other.get(path, limit="100")
    assert one.truth() == again.truth() != other.truth()


def test_every_type_answers_by_name_singular_id_and_capitals() -> None:
    portal = Asking("small")
    for kind in (*KINDS, *USUAL):
        names = [kind.name, kind.singular, kind.type_id, kind.name.upper()]
        if kind.custom:
            names.append(f"p{portal.client.portal_id}_{kind.singular}")
        answers = [portal.get(f"{OBJECTS}/{name}", limit="2")["results"] for name in names]
        assert answers[0], f"a portal without {kind.name} proves nothing"
        assert all(answer == answers[0] for answer in answers)


def test_versions_answer_alike() -> None:
    portal = Asking("small")
    paths = [
        "/crm/v3/objects/deals",
        "/crm/v4/objects/deals",
        "/crm/objects/2026-03/deals",
        "/crm/objects/2026-09/0-3",
    ]
    first, *others = [portal.get(path, limit="3")["results"] for path in paths]
    assert len(first) == 3
    assert all(other == first for other in others)
    assert portal.get("/crm/objects/2025-01/deals", 404)["category"] == "OBJECT_NOT_FOUND"


def test_every_association_is_seen_from_both_sides() -> None:
    rows = Asking("script").truth()["associations"]
    there = {(r[0], r[1], r[2], r[3]) for r in rows}
    assert len(there) > 5000
    assert there == {(r[2], r[3], r[0], r[1]) for r in rows}
    companies: dict[str, set[str]] = {}
    for from_, id_, to, other in there:
        if (from_, to) == ("companies", "contacts"):
            companies.setdefault(id_, set()).add(other)
    assert max(map(len, companies.values())) > 100, "no company has more contacts than a record shows"


def test_contracts_are_a_type_of_their_own_and_moved_no_other_type() -> None:
    client = InProcess("crm")
    by_name = client.request("GET", "/crm/objects/2026-09/contracts?limit=100").json()["results"]
    by_id = client.request("GET", "/crm/v3/objects/0-721?limit=100").json()["results"]
    assert len(by_name) == 40
    assert by_id == by_name
    assert [record["id"] for record in by_name] == client.portal.truth("contracts")["live"]["contracts"]
    few = InProcess("crm", tokens=("some:crm.objects.contacts.read",))
    refused = few.request("GET", "/crm/v3/objects/contracts").json()["errors"][0]
    assert refused["context"]["requiredGranularScopes"] == ["crm.objects.contracts.read"]
    pets = client.request("GET", "/crm/v3/objects/pets?limit=1").json()["results"][0]
    assert (int(pets["id"]) - 5_000_000_000) % 960 // 15 == 36  # its slot among the types, as before
