"""What is planned is what a run then asks for: of first runs, later ones, and those that were cut short."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hubdump.errors import UsageError
from hubdump.estimate.estimate import Estimate
from hubdump.estimate.types import Foreseen
from hubdump.extract.bearer import Bearer, ServiceKey
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.plan import Wishes
from hubdump.extract.sending import Means
from hubdump.extract.wanted import wanted
from hubdump.hubspot.pacing import Budgets
from hubdump.model import Request, Response, Secret
from hubdump.planning import Asked, Planning, stores
from hubdump.sandbox import InProcess
from hubdump.session import Access
from hubdump.store.store import Store
from tests.conftest import Serve, Served, Told, User
from tests.worlds import Emulated, JumpingClock, extracted

NOTE = "/crm/v3/objects/notes"
NONE = Wishes()
SELECTED = ("notes", "contacts", "deals", "tasks")


def world(portal: str = "notes=530,contacts=130,deals=7,tasks=0", **options: Any) -> InProcess:
    chosen: Any = {"faults": "none", "overload": False} | options
    return InProcess(portal, **chosen)


class Cut(Exception):
    """The end of everything, at once."""


class Counting(Emulated):
    """Counts what is sent by budget; dies at the request of a given number."""

    def __init__(self, sandbox: InProcess, clock: JumpingClock, dies_at: int = 0) -> None:
        super().__init__(sandbox, clock)
        self.sent: Counter[str] = Counter()
        self._dies_at = dies_at

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        self.sent[request.budget.value] += 1
        if self.sent.total() == self._dies_at:
            raise Cut
        return await super().send(request, token)


def ran(
    sandbox: InProcess, folder: Path, types: tuple[str, ...] = SELECTED, wishes: Wishes = NONE
) -> Counter[str]:
    """The requests of a run, by budget; what was asked before it HubSpot counts no more."""
    sandbox.advance(20)
    by: list[Counting] = []
    failed = extracted(
        sandbox, folder, types, wishes=wishes, through=lambda clock: _kept(by, Counting(sandbox, clock))
    )
    assert failed == {}
    return by[0].sent


def _kept(by: list[Counting], one: Counting) -> Counting:
    by.append(one)
    return one


def planned(
    sandbox: InProcess,
    folder: Path,
    types: tuple[str, ...] = SELECTED,
    wishes: Wishes = NONE,
    history: tuple[str, ...] = (),
    *,
    files: bool = False,
) -> Estimate:
    clock, budgets = JumpingClock(), Budgets(None)
    bearer = ServiceKey(Secret(sandbox.portal.token))
    means = Means(
        Emulated(sandbox, clock), Bearer(bearer, clock), budgets, clock, lambda _: None, chance=lambda: 0.5
    )
    access = Access("", bearer, None, Patience())
    asked = Asked(folder, access, wishes, types, (), history, files)
    with stores(folder) as (held, found):
        planning = Planning(asked, held, found, clock, lambda _: None)
        return asyncio.run(planning.estimate(Exchange(means, Patience()), budgets))


def by_budget(estimate: Estimate) -> Counter[str]:
    return Counter(estimate.calls.by_budget())


def of(estimate: Estimate, name: str) -> Foreseen:
    return next(one for one in estimate.types if one.name == name)


def test_first_and_later_runs_take_what_was_planned(tmp_path: Path) -> None:
    sandbox = world()
    first = planned(sandbox, tmp_path)
    assert not list(tmp_path.iterdir()), "a plan leaves nothing behind"
    assert by_budget(first) == ran(sandbox, tmp_path)
    assert of(first, "contacts").steps["records"].general == 4, "contacts have too many properties for a URL"
    assert of(first, "tasks").steps["look"].general == 2
    sandbox.advance(5000)
    for id_ in sandbox.portal.truth("notes")["live"]["notes"][:150]:
        sandbox.portal.edit("PATCH", f"{NOTE}/{id_}", {"properties": {"hs_note_body": "changed"}})
    later = planned(sandbox, tmp_path)
    assert of(later, "notes").steps["changes"].by_budget() == {"general": 2, "associations": 0, "search": 1}
    assert "proof" not in of(later, "notes").steps
    assert by_budget(later) == ran(sandbox, tmp_path)
    proving = Wishes(prove=True)
    assert by_budget(planned(sandbox, tmp_path, wishes=proving)) == ran(sandbox, tmp_path, wishes=proving)


def test_bytes_take_a_request_for_each_file_that_is_listed(tmp_path: Path) -> None:
    sandbox = world("calls=5,files=17")
    without, found = (planned(sandbox, tmp_path, ("files",), files=wish) for wish in (False, True))
    assert found.calls.general - without.calls.general == 17
    assert any("only records name" in text for text in found.unsure)


@pytest.mark.parametrize("dies_at", [9, 16, 24, 31, 34])
def test_a_run_that_was_cut_short_is_planned_to_its_end(tmp_path: Path, dies_at: int) -> None:
    sandbox = world("narrow,notes=1130,contacts=9,companies=3,deals=2,tickets=2")
    whole = by_budget(planned(sandbox, tmp_path, ("notes",)))
    with pytest.raises(Cut):
        extracted(sandbox, tmp_path, ("notes",), through=lambda clock: Counting(sandbox, clock, dies_at))
    rest = by_budget(planned(sandbox, tmp_path, ("notes",)))
    assert rest.total() < whole.total()
    assert rest == ran(sandbox, tmp_path, ("notes",))


def test_a_second_sweep_for_values_that_can_be_read_now_is_planned_to_its_end(tmp_path: Path) -> None:
    sandbox = world("notes=530")
    sandbox.portal.drift("property-created:notes:mood", "property-archived:notes:mood")
    sandbox.advance(100_000)
    ran(sandbox, tmp_path, ("notes",))
    sandbox.portal.drift("property-restored:notes:mood")
    sandbox.advance(100_000)
    with pytest.raises(Cut):
        extracted(sandbox, tmp_path, ("notes",), through=lambda clock: Counting(sandbox, clock, 8))
    rest = planned(sandbox, tmp_path, ("notes",))
    assert 0 < of(rest, "notes").steps["records"].general < 6
    assert by_budget(rest) == ran(sandbox, tmp_path, ("notes",))


def test_what_a_run_that_was_cut_short_completed_is_not_planned_again(tmp_path: Path) -> None:
    sandbox = world("narrow,notes=30,deals=30")
    extracted(sandbox, tmp_path, ("deals",), to_its_end=False)
    assert [one.name for one in planned(sandbox, tmp_path, ("notes", "deals")).types] == ["notes"]


def test_histories_are_planned_once_and_then_of_what_changed(tmp_path: Path) -> None:
    sandbox, history = world("notes=130"), ("notes:hs_note_body",)
    wishes = Wishes(history=wanted(history))
    first = planned(sandbox, tmp_path, ("notes",), history=history)
    assert of(first, "notes").steps["history"].general == 3
    assert by_budget(first) == ran(sandbox, tmp_path, ("notes",), wishes)
    sandbox.advance(5000)
    assert "history" not in of(planned(sandbox, tmp_path, ("notes",), history=history), "notes").steps
    more = ("notes:hs_note_body,hs_object_id",)
    assert of(planned(sandbox, tmp_path, ("notes",), history=more), "notes").steps["history"].general == 3


def test_fewer_records_than_the_dump_has_are_told_with_what_that_may_take(tmp_path: Path) -> None:
    sandbox = world("narrow,notes=330")
    extracted(sandbox, tmp_path, ("notes",))
    sandbox.advance(5000)
    for id_ in sandbox.portal.truth("notes")["live"]["notes"][:5]:
        sandbox.portal.edit("POST", "/crm/v3/objects/notes/gdpr-delete", {"objectId": id_})
    told = planned(sandbox, tmp_path, ("notes",))
    assert ["5 fewer" in text and "4 requests more" in text for text in told.unsure] == [True]
    assert ran(sandbox, tmp_path, ("notes",)).total() >= told.calls.all + 4


def test_archived_records_that_nobody_counts_are_estimated_and_told(tmp_path: Path) -> None:
    sandbox = world("narrow,notes=1200")
    for id_ in sandbox.portal.truth("notes")["live"]["notes"][::4]:
        sandbox.portal.edit("DELETE", f"{NOTE}/{id_}", {})
    estimate = planned(sandbox, tmp_path, ("notes",))
    archived = len(sandbox.portal.truth("notes")["archived"]["notes"])
    assert archived >= 300
    (told,) = estimate.unsure
    about = int(told.split("about ")[1].split(",")[0])
    assert abs(about - archived) < 0.1 * archived
    real = ran(sandbox, tmp_path, ("notes",))
    assert abs(estimate.calls.all - real.total()) <= 0.1 * real.total()


def test_a_type_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    token = "pat-one:crm.objects.contacts.read+oauth"
    sandbox = world("narrow,deals=130,contacts=5", tokens=(token,))
    told = planned(sandbox, tmp_path, ("deals", "contacts"))
    assert of(told, "contacts").items == 5
    assert of(told, "deals").unsure[0].startswith("deals: ")


def test_an_unknown_type_and_the_dump_of_another_portal_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no object type 'dragons'"):
        planned(world("narrow,notes=3"), tmp_path, ("dragons",))
    store = Store(tmp_path / "store.sqlite")
    store.bind_portal(7)
    store.close()
    before = (tmp_path / "store.sqlite").read_bytes()
    with pytest.raises(UsageError, match="dump of portal 7"):
        planned(world("narrow,notes=3"), tmp_path, ("notes",))
    assert (tmp_path / "store.sqlite").read_bytes() == before


def files(dump: Path) -> dict[str, bytes]:
    """The files of a dump, but those by which SQLite's readers and writer agree."""
    found = (path for path in dump.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal")))
    return {str(path): path.read_bytes() for path in found}


def far(plan: dict[str, Any], told: Told) -> dict[str, tuple[int, int]]:
    """The budgets of which a run took more than a tenth more or less than was planned: planned, taken."""
    both = {budget: (plan["requests"][budget], took) for budget, took in told.summary["requests"].items()}
    return {
        budget: (number, took) for budget, (number, took) in both.items() if abs(number - took) > 0.1 * took
    }


def read_by_a_person(served: Served) -> None:
    """A window passes before the next command is typed: requests of the last one count no more."""
    served.tell("clock", {"advance_s": 11})


def test_the_command_plans_what_the_next_run_takes_and_leaves_the_dump_as_it_is(
    serve: Serve, user: User
) -> None:
    served = serve("--portal", "narrow,notes=130,contacts=3", "--faults", "none", "--overload", "off")
    user.only = "notes owners list_memberships forms"
    (plan,) = user.at(served).types("plan", "--json").events
    assert not user.dump.exists()
    read_by_a_person(served)
    assert far(plan, user.types("run", "--json", "--to", "json")) == {}
    user.forget_the_last_window()
    before = files(user.dump)
    (later,) = user.types("plan", "--json").events
    assert files(user.dump) == before
    assert later["types"]["notes"]["steps"].keys() == {"definitions", "changes", "count"}
    whole = plan["types"]["notes"]["requests"]["associations"]
    assert whole > 0
    assert (plan["choices"], later["requests"]["associations"]) == (
        {"changed": whole, "all": whole, "never": 0},
        0,
    )
    assert later["choices"] == {"changed": 0, "all": whole, "never": 0}
    (all_,) = user.types("plan", "--json", "--associations", "all").events
    assert all_["types"]["notes"]["requests"]["associations"] == whole


@pytest.mark.prove
def test_a_whole_portal_takes_what_was_planned_within_a_tenth(serve: Serve, user: User) -> None:
    served = serve("--portal", "script", "--faults", "none", "--overload", "off")
    user.only = ""
    user.at(served)
    for _ in range(2):
        (plan,) = user.types("plan", "--json").events
        assert plan["requests"]["general"] > 100
        read_by_a_person(served)
        assert far(plan, user.types("run", "--json", "--to", "json")) == {}
        user.forget_the_last_window()
        read_by_a_person(served)


def test_a_person_is_told_a_table_and_the_command_of_the_run(serve: Serve, user: User) -> None:
    user.only = ""
    user.at(serve("--portal", "narrow,notes=130", "--faults", "none"))
    told = user.types("run", "--dry-run", "--only", "notes")
    assert told.status == 0
    assert [line.split()[:2] for line in told.out.splitlines()[:2]] == [["type", "records"], ["notes", "130"]]
    assert told.err.strip() == "next: hubdump run --only notes"
    assert not user.dump.exists()
