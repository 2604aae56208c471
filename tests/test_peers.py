"""What other extractors lose, scenario by scenario (docs/peers.md), and hubdump must not: no record, none twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubdump.errors import Incomplete, Stopped
from hubdump.model import Request, Response, Secret, State
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from tests.test_histories import FEW, SOME, Dump
from tests.worlds import Emulated, JumpingClock, extracted, stored, true_of

DOCS = Path(__file__).parent.parent / "docs" / "peers.md"
DAY_S = 86_400
CONTACT = "/crm/v3/objects/contacts"
Happening = Callable[[Request[Any], Response], None]


@dataclass(frozen=True, slots=True)
class Wrong:
    """How many records, associations or past values a dump lacks, and how many it has twice or as they never were."""

    lost: int
    twice: int

    @classmethod
    def between(cls, here: Iterable[Any], there: Iterable[Any]) -> Wrong:
        held, true = Counter(here), Counter(there)
        assert true, "a portal without anything proves nothing"
        return cls((true - held).total(), (held - true).total())

    def __add__(self, other: Wrong) -> Wrong:
        return Wrong(self.lost + other.lost, self.twice + other.twice)


EXACTLY_RIGHT = Wrong(lost=0, twice=0)


class Killed(Exception):
    """The process ends here; that of a real one at any call is shown by tests/test_kills.py."""


class Between(Emulated):
    """The network, where something happens after each answer, and the process is killed at one of its requests."""

    def __init__(self, sandbox: InProcess, clock: JumpingClock, happening: Happening, killed_at: int) -> None:
        super().__init__(sandbox, clock)
        self._happening, self._left = happening, killed_at

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        self._left -= 1
        if self._left == 0:
            raise Killed
        came = await super().send(request, token)
        self._happening(request, came)
        return came


class Home:
    """A portal, and the dump of some of its types."""

    def __init__(self, folder: Path, portal: str, types: Sequence[str] = ("contacts",), **more: Any) -> None:
        options: dict[str, Any] = {"faults": "none", "overload": False} | more
        self.folder, self.types, self.sandbox = folder, types, InProcess(portal, **options)
        self.asked: list[tuple[str, str]] = []

    def run(
        self,
        happening: Happening = lambda _request, _came: None,
        *,
        killed_at: int = 0,
        later_s: float = 5000,
    ) -> dict[str, Incomplete]:
        """One run, more than an hour after the one before; what is incomplete."""
        self.sandbox.advance(later_s)

        def kept(request: Request[Any], came: Response) -> None:
            self.asked.append((request.path, repr((request.query, request.body))))
            happening(request, came)

        return extracted(
            self.sandbox,
            self.folder,
            self.types,
            through=lambda clock: Between(self.sandbox, clock, kept, killed_at),
        )

    def wrong(self, property_: str = "hs_object_id") -> Wrong:
        """The dump held against the truth: active and archived records, values of a property, associations."""
        (ids, rows), (true_ids, true_rows) = (
            stored(self.folder, self.types),
            true_of(self.sandbox, self.types),
        )
        here = [(name, id_) for name, found in ids.items() for id_ in found]
        there = [(name, id_) for name, found in true_ids.items() for id_ in found]
        values = Wrong.between(self.here(property_), self.there(property_))
        return Wrong.between([*here, *rows], [*there, *true_rows]) + values

    def here(self, property_: str) -> list[tuple[str, str | None]]:
        """(id, value) of each active record, as it is in the dump; of the first type."""
        reader = Reader(self.folder / "store.sqlite")
        try:
            pages = reader.pages(self.types[0], State.ACTIVE)
            return [(str(one.id), _value(bytes(one.raw), property_)) for page in pages for one in page]
        finally:
            reader.close()

    def there(self, property_: str) -> list[tuple[str, str | None]]:
        """The same, as HubSpot lists it."""
        found: list[tuple[str, str | None]] = []
        after: str | None = "0"
        while after:
            self.sandbox.advance(1)
            page = self.sandbox.request(
                "GET",
                f"/crm/v3/objects/{self.types[0]}",
                params={"limit": "100", "after": after, "properties": property_},
                headers={"authorization": f"Bearer {self.sandbox.portal.token}"},
            ).json()
            found += [(one["id"], one["properties"].get(property_)) for one in page["results"]]
            after = page.get("paging", {}).get("next", {}).get("after")
        return found

    def live(self, type_: str = "contacts") -> list[str]:
        found: list[str] = self.sandbox.portal.truth(type_)["live"][type_]
        return found

    def edit(self, id_: str, value: str, name: str = "firstname") -> None:
        self.sandbox.portal.edit("PATCH", f"{CONTACT}/{id_}", {"properties": {name: value}})

    def post(self, path: str, **body: Any) -> Any:
        return self.sandbox.portal.edit("POST", f"/crm/v3/objects/{path}", body)


def _value(record: bytes, property_: str) -> str | None:
    value: str | None = json.loads(record)["properties"].get(property_)
    return value


def edited_while_paged(folder: Path) -> Wrong:
    """450 records changed since; while they are searched for, one of each page is edited and moves to the end."""
    home, edited = Home(folder, "narrow,contacts=450"), list[str]()
    home.run()
    for id_ in home.live():
        home.edit(id_, "changed")

    def moves(request: Request[Any], came: Response) -> None:
        results = json.loads(came.body)["results"] if request.path.endswith("/search") else []
        if len(results) > 1:
            edited.append(results[0]["id"])
            home.edit(edited[-1], "changed while it is read")

    assert home.run(moves) == {}
    assert len(edited) >= 3
    others = [one for one in home.here("firstname") if one[0] not in edited]
    missed = Wrong.between(others, ((id_, "changed") for id_ in home.live() if id_ not in edited))
    assert home.run() == {}
    return missed + home.wrong("firstname")


def many_associations(folder: Path) -> Wrong:
    """Contacts with 700 companies each: HubSpot tells 500 of them, and a cursor."""
    home = Home(folder, "contacts=2,companies=700", ("contacts", "companies"))
    companies = home.live("companies")
    for contact in home.live():
        pairs = [{"from": {"id": contact}, "to": {"id": company}} for company in companies]
        path = "/crm/v4/associations/contacts/companies/batch/associate/default"
        home.sandbox.portal.edit("POST", path, {"inputs": pairs})
    assert home.run() == {}
    return home.wrong()


def one_millisecond(folder: Path) -> Wrong:
    """10,500 records are changed in one millisecond, as an import or a workflow does: more than a search can page."""
    home = Home(folder, "narrow,contacts=10500", life="mass:contacts:10500@4000")
    home.run(later_s=1)
    home.asked.clear()
    assert home.run() == {}
    assert sum(path.endswith("/search") for path, _ in home.asked) > 50
    return home.wrong("hs_lastmodifieddate")


def associations_fail(folder: Path) -> Wrong:
    """All that asks for associations is answered by 500, for longer than anybody waits; later it is not."""
    home = Home(
        folder, "contacts=20,companies=9", ("contacts", "companies"), faults="500=1@/crm/associations"
    )
    try:
        told: Any = home.run()
    except Stopped as error:
        told = error
    assert told, "a run without its associations passed for complete"
    home.sandbox.portal.calm()
    assert home.run() == {}
    return home.wrong()


def killed_halfway(folder: Path) -> Wrong:
    """The process is killed at half of 50 pages; what was read is not read again."""
    home = Home(folder, "narrow,contacts=5000")
    with pytest.raises(Killed):
        home.run(killed_at=33)
    before = {one for one in home.asked if one[0].endswith("/contacts")}
    home.asked.clear()
    assert home.run() == {}
    assert len(before) > 20
    return home.wrong() + Wrong(0, len(before & set(home.asked)))


def many_properties(folder: Path) -> Wrong:
    """500 properties more, whose names do not fit into a URL."""
    home = Home(folder, "contacts=30")
    names = [f"a_property_that_somebody_made_for_a_reason_{number}" for number in range(500)]
    home.sandbox.portal.drift(*(f"property-created:contacts:{name}" for name in names))
    home.edit(home.live()[3], "the last of them", names[-1])
    assert home.run() == {}
    return home.wrong(names[-1])


def outage(folder: Path) -> Wrong:
    """HubSpot answers nothing but 502 for a minute."""
    home = Home(folder, "contacts=450,companies=9", ("contacts", "companies"), faults="outage:12:60")
    assert home.run() == {}
    assert any(one["fault"] for one in home.sandbox.portal.requests())
    return home.wrong()


def associated_later(folder: Path) -> Wrong:
    """Associations come and go after their records were read; no record's modified time tells it."""
    home = Home(folder, "contacts=20,companies=9", ("contacts", "companies"))
    home.run()
    contact = home.live()[4]
    rows = [
        row for row in home.sandbox.portal.truth()["associations"] if row[:3:2] == ["contacts", "companies"]
    ]
    old = next(row for row in rows if row[1] != contact)
    new = next(
        id_ for id_ in home.live("companies") if [contact, id_] not in [[row[1], row[3]] for row in rows]
    )
    for method, (one, other) in (
        ("PUT", (contact, f"default/companies/{new}")),
        ("DELETE", (old[1], f"companies/{old[3]}")),
    ):
        home.sandbox.portal.edit(method, f"/crm/v4/objects/contacts/{one}/associations/{other}", None)
    # All associations are read again once a day; between, those of what changed, and each run says as of when all are.
    assert home.run(later_s=DAY_S) == {}
    return home.wrong()


def removed(folder: Path) -> Wrong:
    """Records are archived, deleted for good (GDPR) and merged: each is told as what it is."""
    home = Home(folder, "contacts=60")
    home.run()
    archived, gone, primary, merged = home.live()[:4]
    home.sandbox.portal.edit("DELETE", f"{CONTACT}/{archived}", None)
    home.post("contacts/gdpr-delete", objectId=gone)
    survivor = home.post("contacts/merge", primaryObjectId=primary, objectIdToMerge=merged)["id"]
    assert home.run() == {}
    reader = Reader(folder / "store.sqlite")
    try:
        states = {
            str(one.id): (one.state, one.merged_into and str(one.merged_into))
            for page in reader.pages("contacts", *State)
            for one in page
        }
    finally:
        reader.close()
    assert states[archived] == (State.ARCHIVED, None)
    assert states[gone] == (State.GONE, None)
    assert states[merged] == (State.MERGED, survivor)
    return home.wrong()


def history_twice(folder: Path) -> Wrong:
    """Property histories are read again after an edit; what did not change is not kept again."""
    dump = Dump(folder)
    assert dump.run(SOME) == {}
    dump.edit(dump.live("contacts")[7], lifecyclestage="customer")
    assert dump.run(SOME) == {}
    return Wrong.between(dump.here("contacts"), dump.there("contacts", FEW))


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of docs/peers.md: what happens, what it did to others (run by us, or read in their source)."""

    happens: str
    others: str
    ours: Callable[[Path], Wrong]
    seconds: int = 0


SCENARIOS = (
    Scenario("records are edited while an incremental run pages by offset",
             "Airbyte 5.7.0, Meltano 0.10.1, ingestr 0.15.9: one other record lost for each record edited, exit 0",
             edited_while_paged),
    Scenario("20 contacts with 700 companies each",
             "Airbyte 5.7.0, Meltano 0.10.1, ingestr 0.15.9: 4,000 of 14,000 associations lost, exit 0; "
             "Estuary, PostHog, hotglue: by their source the same; dlt: none lost",
             many_associations),
    Scenario("10,500 records are changed in one millisecond",
             "Meltano 0.10.1: never ends; hotglue, PostHog: by their source end silently, refuse",
             one_millisecond, seconds=20),
    Scenario("the associations endpoint answers 500",
             'ingestr 0.15.9: all associations lost, "completed successfully"',
             associations_fail, seconds=3),
    Scenario("kill -9 at half of 50 pages",
             "dlt, singer 4.5.0, Meltano 0.10.1, Airbyte 5.7.0: all 50 pages read again",
             killed_halfway, seconds=4),
    Scenario("500 properties more",
             "dlt, singer 4.5.0, Meltano 0.10.1: end with 414, nothing read; PostHog: by its source drops properties",
             many_properties),
    Scenario("an outage of 60 s",
             "singer 4.5.0 gives up after 5 times 10 s, Airbyte 5.7.0 after 5 tries",
             outage, seconds=3),
    Scenario("an association is edited after its record was read, and the next run comes a day later",
             "every extractor that goes by modified times: by their source never seen again",
             associated_later),
    Scenario("records are archived, deleted for good, merged",
             "stay for ever; archived ones are seen by ingestr, and of deals and owners by Airbyte; merges by none",
             removed),
    Scenario("property history is read twice",
             "dlt: by its source all of it kept twice, and a page is dropped after its first record without history",
             history_twice),
)  # fmt: skip


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(one, id=one.happens, marks=pytest.mark.prove(seconds=one.seconds) if one.seconds else ())
        for one in SCENARIOS
    ],
)
def test_what_others_lose_is_there_exactly_once(scenario: Scenario, tmp_path: Path) -> None:
    assert scenario.ours(tmp_path) == EXACTLY_RIGHT


def test_the_table_of_the_documents_is_that_of_the_tests() -> None:
    told = DOCS.read_text("utf-8")
    rows = [f"| {one.happens} | {one.others} | `{one.ours.__name__}` |" for one in SCENARIOS]
    assert [row for row in rows if row not in told] == []
    assert told.count("\n| ") == len(rows) + 1
