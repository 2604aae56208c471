"""Associations of every pair of types that has any: from which side they are read, and what is asked for that."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hubdump.catalog import STANDARD
from hubdump.events import Noted
from hubdump.extract.plan import Wishes
from hubdump.hubspot.linking import SIDED
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from tests.conftest import Serve, User
from tests.worlds import Emulated, JumpingClock, extracted, stored, true_of

DAY_S = 86_400
Rows = list[tuple[Any, ...]]


def quiet(portal: str, **options: Any) -> InProcess:
    chosen: Any = {"faults": "none", "overload": False} | options
    return InProcess(portal, **chosen)


def pairs(folder: Path) -> set[tuple[str, str]]:
    reader = Reader(folder / "store.sqlite")
    try:
        return set(reader.pairs())
    finally:
        reader.close()


def rows(folder: Path, from_: str, to: str) -> Rows:
    reader = Reader(folder / "store.sqlite")
    try:
        return sorted(
            (from_, str(one.from_id), to, str(one.to_id), one.category, one.type_id, one.label)
            for other, one in reader.associations(from_)
            if other == to
        )
    finally:
        reader.close()


def true(sandbox: InProcess, from_: str, to: str) -> Rows:
    found = sandbox.portal.truth()["associations"]
    return sorted(tuple(row) for row in found if (row[0], row[2]) == (from_, to))


def asked(sandbox: InProcess, since: int = 0) -> list[str]:
    """The pairs, as `from/to`, whose association types HubSpot was asked for."""
    log = [one["path"] for one in sandbox.portal.requests()[since:]]
    return ["/".join(path.split("/")[4:6]) for path in log if path.endswith("/labels")]


def test_two_way_pairs_are_read_from_one_side_and_one_way_pairs_from_theirs(tmp_path: Path) -> None:
    sandbox = quiet("narrow,deals=12,leads=9,contacts=7,calls=8")
    assert extracted(sandbox, tmp_path, ["deals", "leads", "contacts", "calls"]) == {}
    among = {pair for pair in pairs(tmp_path) if pair[0] != pair[1]}
    assert among == {
        ("calls", "contacts"), ("calls", "deals"), ("leads", "deals"), ("contacts", "deals"),
        ("contacts", "leads"),
    }  # fmt: skip
    assert true(sandbox, "deals", "leads") == []
    for pair in among:
        assert rows(tmp_path, *pair) == true(sandbox, *pair)
    assert len(rows(tmp_path, "leads", "deals")) > 0
    assert len(rows(tmp_path, "calls", "contacts")) > 0


def test_types_without_records_are_never_asked_for_pairs(tmp_path: Path) -> None:
    sandbox = quiet("narrow,contacts=3,companies=2")
    assert extracted(sandbox, tmp_path, ["contacts", "companies", "deals", "leads", "products"]) == {}
    assert Counter(asked(sandbox)) == Counter(
        ["contacts/companies", "companies/contacts", "contacts/contacts", "companies/companies"]
    )


def test_of_an_engagement_hubspots_own_association_types_are_asked_for_from_its_side_only(
    tmp_path: Path,
) -> None:
    sandbox = quiet("narrow,calls=3,companies=2")
    assert extracted(sandbox, tmp_path, ["calls", "companies"]) == {}
    assert sorted(asked(sandbox)) == ["calls/companies", "companies/companies"]
    assert ("calls", "companies") in pairs(tmp_path)
    assert ("companies", "calls") not in pairs(tmp_path)


SOME = ("contacts", "companies", "deals", "tickets", "leads", "products", "taxes", "fees", "users", "orders", "carts",
    "invoices", "quotes")  # fmt: skip


class Miscounting(Emulated):
    """HubSpot counts leads, and there are none."""

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        came = await super().send(request, token)
        if not request.path.startswith("/crm/limits/"):
            return came
        content = json.loads(came.body)
        for one in content["hubspotDefinedObjectTypes"]:
            one["usage"] += 3 if one["objectTypeId"] == "0-136" else 0
        return said(came, content)


def test_a_pair_with_a_type_that_turned_out_empty_is_none_that_was_read_long_ago(tmp_path: Path) -> None:
    sandbox = quiet("narrow,deals=12,leads=0,calls=4")
    for days in (0, 3):
        sandbox.now_s += days * DAY_S
        through = lambda clock: Miscounting(sandbox, clock)  # noqa: E731 - called at once
        assert extracted(sandbox, tmp_path, ["deals", "leads", "calls"], through=through) == {}
        reader = Reader(tmp_path / "store.sqlite")
        assert {*reader.linked_us()} == {("deals", "deals"), ("calls", "deals")}
        reader.close()


class Speechless(Emulated):
    """No schema says what its type can be associated with."""

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        came = await super().send(request, token)
        return said(came, {"objectTypeId": "0-1"}) if "/schemas/" in request.path else came


def test_of_many_types_those_pairs_are_asked_for_that_a_schema_names_and_all_where_none_does(
    tmp_path: Path,
) -> None:
    for few, speechless in ((True, False), (False, True)):
        sandbox = quiet(",".join(("narrow", *(f"{name}=2" for name in SOME))))
        through = (lambda clock: Speechless(sandbox, clock)) if speechless else None  # noqa: B023 - called at once
        assert extracted(sandbox, tmp_path / str(few), SOME, through=through) == {}
        numbers = Counter(asked(sandbox))
        schemas = [one["path"] for one in sandbox.portal.requests() if "/schemas/" in one["path"]]
        assert set(numbers.values()) == {1}
        assert len(schemas) == (len(SOME) if few else 1)
        assert len(numbers) < 50 if few else len(numbers) == len(SOME) ** 2
        there = {
            (row[0], row[2]) for row in sandbox.portal.truth()["associations"] if {row[0], row[2]} <= {*SOME}
        }
        assert len(there) > 10
        assert {*there} <= {tuple(pair.split("/")) for pair in numbers}
        read = pairs(tmp_path / str(few))
        assert [ends for ends in there if ends not in read and ends[::-1] not in read] == []


def test_of_many_types_of_which_few_are_read_no_more_than_their_own_schemas_are_asked_for(
    tmp_path: Path,
) -> None:
    sandbox = quiet(",".join(("narrow", *(f"{name}=2" for name in SOME))))
    assert extracted(sandbox, tmp_path, ["leads", "products", "users"]) == {}
    schemas = {one["path"].split("/")[-1] for one in sandbox.portal.requests() if "/schemas/" in one["path"]}
    assert schemas == {"leads", "products", "users", "contacts", "companies", "deals", "tickets"}
    assert len(asked(sandbox)) < 10
    there = [true(sandbox, "leads", to) for to in ("contacts", "companies", "deals")]
    assert [rows(tmp_path, "leads", to) for to in ("contacts", "companies", "deals")] == there
    assert sum(map(len, there)) > 0


def test_association_types_are_asked_for_once_a_week(tmp_path: Path) -> None:
    sandbox = quiet("narrow,contacts=3,companies=2")
    numbers = []
    for wait_s in (DAY_S, 7 * DAY_S, 0):
        before = len(sandbox.portal.requests())
        assert extracted(sandbox, tmp_path, ["contacts", "companies"]) == {}
        numbers.append(len(asked(sandbox, before)))
        sandbox.advance(wait_s)
    assert numbers == [4, 0, 4]


def test_what_shows_nothing_from_the_side_that_is_read_is_looked_for_from_the_other_one(
    tmp_path: Path,
) -> None:
    sandbox, told = quiet("narrow,deals=5,leads=6", beliefs=("labels-show-one-way=yes",)), list[Any]()
    assert extracted(sandbox, tmp_path, ["deals", "leads"], told.append) == {}
    assert ("leads", "deals") in pairs(tmp_path)
    assert ("deals", "leads") not in pairs(tmp_path)
    assert rows(tmp_path, "leads", "deals") == true(sandbox, "leads", "deals") != []
    assert [event for event in told if isinstance(event, Noted) and SIDED in event.text]


def test_what_leads_to_a_record_that_cannot_be_read_is_read_until_it_can_be(tmp_path: Path) -> None:
    portal, types = "narrow,contacts=6,deals=5,notes=6", ["notes", "contacts", "deals"]
    live = quiet(portal).portal.truth()["live"]
    poison = ",".join(f"poison:{bad}" for bad in (live["notes"][0], *live["contacts"][:2]))
    sandbox = quiet(portal, faults=poison)
    assert extracted(sandbox, tmp_path, types) == {}
    for from_, to in (("contacts", "notes"), ("deals", "contacts")):
        assert rows(tmp_path, from_, to) == [
            row for row in true(sandbox, from_, to) if row[1] not in live["contacts"][:2]
        ]
    lost = {row[3] for row in rows(tmp_path, "deals", "contacts")}
    assert lost & {*live["contacts"][:2]}
    sandbox.portal.calm()
    sandbox.advance(5000)
    assert extracted(sandbox, tmp_path, types) == {}
    assert stored(tmp_path, types) == true_of(sandbox, types)


def test_a_run_of_one_type_reads_its_own_side_and_the_next_one_of_all_goes_back_to_one_side(
    tmp_path: Path,
) -> None:
    sandbox = quiet("narrow,contacts=5,companies=4,calls=3")
    every = ["contacts", "companies", "calls"]
    assert extracted(sandbox, tmp_path, every) == {}
    ends = {
        ("contacts", "companies"),
        ("companies", "contacts"),
        ("calls", "contacts"),
        ("contacts", "calls"),
    }
    assert pairs(tmp_path) & ends == {("contacts", "companies"), ("calls", "contacts")}
    first = sandbox.portal.truth()["live"]["contacts"][0]
    body = {"properties": {"name": "new"}}
    made = sandbox.portal.edit("POST", "/crm/v3/objects/companies", body)
    sandbox.portal.edit(
        "PUT", f"/crm/v4/objects/companies/{made['id']}/associations/default/contacts/{first}", {}
    )
    sandbox.advance(5000)
    assert extracted(sandbox, tmp_path, ["companies"]) == {}
    assert pairs(tmp_path) & ends == {
        ("contacts", "companies"),
        ("companies", "contacts"),
        ("calls", "contacts"),
    }
    assert rows(tmp_path, "companies", "contacts") == true(sandbox, "companies", "contacts")
    sandbox.advance(5000)
    assert extracted(sandbox, tmp_path, every) == {}
    assert pairs(tmp_path) & ends == {("contacts", "companies"), ("calls", "contacts")}
    assert rows(tmp_path, "contacts", "companies") == true(sandbox, "contacts", "companies")
    assert rows(tmp_path, "companies", "contacts") == []


def said(came: Response, content: Any, status: int = 200) -> Response:
    """The same answer with another content."""
    return replace(came, status=status, body=json.dumps(content).encode(), encoding="")


class Silent(Emulated):
    """Of the associations of contacts with companies HubSpot shows nothing from their side."""

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        came = await super().send(request, token)
        if not request.path.endswith("/contacts/companies/batch/read"):
            return came
        ids = [one["id"] for one in json.loads(request.body or b"")["inputs"]]
        sub = "crm.associations.NO_ASSOCIATIONS_FOUND"
        none = {"category": "OBJECT_NOT_FOUND", "subCategory": sub, "context": {"fromObjectId": ids}}
        return said(came, {"results": [], "errors": [none]}, 207)


def test_a_proof_compares_both_sides_and_reads_both_from_then_on_where_they_differ(tmp_path: Path) -> None:
    sandbox, told = quiet("narrow,contacts=5,companies=4"), list[Any]()
    ends = {("contacts", "companies"), ("companies", "contacts")}
    types = ["contacts", "companies"]
    silent = lambda clock: Silent(sandbox, clock)  # noqa: E731 - a name for it
    wishes = Wishes(prove=True)
    assert extracted(sandbox, tmp_path, types, told.append, wishes, through=silent) == {}
    assert [event.text for event in told if isinstance(event, Noted)] == [
        "contacts and companies show other associations each: both are read from now on."
    ]
    assert pairs(tmp_path) & ends == ends
    sandbox.advance(5000)
    assert extracted(sandbox, tmp_path, types, through=silent) == {}
    assert pairs(tmp_path) & ends == ends
    assert rows(tmp_path, "companies", "contacts") == true(sandbox, "companies", "contacts") != []
    sandbox.advance(5000)
    assert extracted(sandbox, tmp_path, types, wishes=wishes) == {}
    assert pairs(tmp_path) & ends == {("contacts", "companies")}
    assert rows(tmp_path, "contacts", "companies") == true(sandbox, "contacts", "companies")
    assert rows(tmp_path, "companies", "contacts") == []


class Refusing(Emulated):
    """What has `part` in its path is refused; HubSpot counts a record of some types that are not read."""

    def __init__(
        self, sandbox: InProcess, clock: JumpingClock, part: str, status: int, scopes: Sequence[str]
    ) -> None:
        super().__init__(sandbox, clock)
        self._part, self._status, self._scopes = part, status, list(scopes)

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        came = await super().send(request, token)
        if "/limits/" in request.path:
            counted = [
                {"objectTypeId": one.type_id, "usage": int(one.name in {"leads", "tickets"})}
                for one in STANDARD.types
            ]
            return said(came, {"hubspotDefinedObjectTypes": counted})
        if self._part in request.path:
            errors = [{"context": {"requiredGranularScopes": self._scopes}}] if self._scopes else []
            return said(came, {"message": "no", "category": "MISSING_SCOPES", "errors": errors}, self._status)
        return came


@pytest.mark.parametrize(
    ("other", "status", "scopes", "failed", "unread"),
    [
        ("leads", 404, (), [], []),
        ("leads", 403, (), [], ["associations to leads"]),
        ("leads", 403, ("crm.objects.leads.read",), [], ["associations to leads"]),
        ("tickets", 403, (), ["calls"], []),
    ],
)
def test_a_type_that_nobody_asked_for_and_that_cannot_be_read_keeps_no_other_from_its_end(
    other: str, status: int, scopes: tuple[str, ...], failed: list[str], unread: list[str], tmp_path: Path
) -> None:
    sandbox, told = quiet("narrow,calls=3,contacts=2,leads=1,tickets=1"), list[Any]()
    through = lambda clock: Refusing(sandbox, clock, f"/{other}/", status, scopes)  # noqa: E731 - a name for it
    assert list(extracted(sandbox, tmp_path, ["calls"], told.append, through=through)) == failed
    reader = Reader(tmp_path / "store.sqlite")
    assert [one.what for one in reader.unread()] == unread
    reader.close()
    assert [event.text[:31] for event in told if isinstance(event, Noted)] == [
        "What leads to leads is not read" for _ in unread
    ]
    if unread:
        sandbox.advance(5000)
        assert extracted(sandbox, tmp_path, ["calls"]) == {}
        again = Reader(tmp_path / "store.sqlite")
        assert again.unread() == ()
        again.close()


def test_what_leads_to_a_type_that_failed_is_read_once_that_can_be_though_the_other_type_is_not_due(
    tmp_path: Path,
) -> None:
    sandbox, types = quiet("narrow,calls=40,contacts=10,deals=12"), ("calls", "deals")
    through = lambda clock: Refusing(sandbox, clock, "/deals", 403, ("crm.objects.deals.read",))  # noqa: E731 - a name for it
    assert list(extracted(sandbox, tmp_path, types, through=through, to_its_end=False)) == ["deals"]
    assert extracted(sandbox, tmp_path, types) == {}
    there = {frozenset(row[:4]) for row in true_of(sandbox, types)[1] if {row[0], row[2]} == set(types)}
    assert {
        frozenset(row[:4]) for row in stored(tmp_path, types)[1] if {row[0], row[2]} == set(types)
    } == there
    assert len(there) > 1


OTHERS = "readings,foo_upper,foo_lower,own_projects,visits,visits_again,sizes,tests,selects,budgets"
DIRECTED = {"Driver", "Drives", "Guards", "Guarded by", "Replaces", "Replaced by", "Manager", "Employee"}


@pytest.mark.prove
def test_every_pair_of_custom_objects_with_labels_in_both_directions_comes_home(
    serve: Serve, user: User
) -> None:
    types = ("cars", "pets", "contacts", "leads")
    left_out = [one.name for one in STANDARD.types if one.name not in {*types, "deals"}]
    portal = ",".join(
        ("whole,cars=20,contacts=20,deals=9", *(f"{one}=0" for one in (*left_out, *OTHERS.split(","))))
    )
    only = [word for name in types for word in ("--only", name)]
    served = serve("--portal", portal, "--faults", "none")
    told = user.at(served).types("run", *only, "--to", "duckdb", "--json")
    assert told.status == 0, told.err
    with duckdb.connect(user.dump / "hubdump.duckdb", read_only=True) as db:
        here = db.execute("SELECT * FROM associations").fetchall()
    there, read = named(served.ask("truth"), user.dump), pairs(user.dump)
    assert len(here) == len(set(here))
    assert set(here) <= there
    for from_, to in {(row[0], row[2]) for row in there if row[0] in types}:
        if (from_, to) in read:
            assert between(here, from_, to) == between(there, from_, to)
        else:  # as seen from the other side, where a type of association has another id
            turned = {(*row[2:4], *row[:2], row[4], row[6]) for row in between(here, to, from_)}
            assert turned == {(*row[:5], row[6]) for row in between(there, from_, to)}
    assert {row[6] for row in here} >= DIRECTED
    assert user.types("verify", "--level", "local").status == 0


def between(found: Iterable[tuple[Any, ...]], from_: str, to: str) -> set[tuple[Any, ...]]:
    return {row for row in found if (row[0], row[2]) == (from_, to)}


def named(truth: dict[str, Any], dump: Path) -> set[tuple[Any, ...]]:
    """Every association there is, custom objects by the names that the dump has for them."""
    reader = Reader(dump / "store.sqlite")
    ours = {type_.type_id: type_.name for type_ in reader.catalogue().types}
    reader.close()
    names = {one["type"]: ours[one["objectTypeId"]] for one in truth["custom"]}
    return {
        (names.get(row[0], row[0]), row[1], names.get(row[2], row[2]), *row[3:])
        for row in truth["associations"]
    }
