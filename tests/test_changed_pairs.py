"""Associations by difference: which are read by a run that does not read all, and what one that does finds changed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hubdump.errors import Stopped
from hubdump.extract.plan import Linking, Wishes
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import InProcess
from tests.conftest import Serve, User
from tests.test_pairs import pairs, quiet, rows, true
from tests.worlds import Emulated, JumpingClock, extracted

HOUR_S, DAY_S = 3600, 86_400
ENDS = ("contacts", "companies")


class Life:
    """A dump of contacts and companies, run by run, and the portal that it is of."""

    def __init__(self, folder: Path, portal: str = "narrow,contacts=6,companies=5") -> None:
        self.folder, self.sandbox, self.types = folder, quiet(portal), portal_types(portal)
        self.run()
        self.sandbox.advance(2 * HOUR_S)
        self.run()  # what the making of the portal changed just before is over now

    def run(self, after_s: int = HOUR_S, associations: Linking | None = None, **more: Any) -> list[str]:
        """One run; the pairs, as `from/to`, of each request for associations."""
        self.sandbox.advance(after_s)
        before = len(self.sandbox.portal.requests())
        wishes = Wishes(associations=associations, prove=more.pop("prove", False))
        assert extracted(self.sandbox, self.folder, self.types, wishes=wishes, **more) == {}
        return asked(self.sandbox, before)

    def edit(self, method: str, path: str, body: object = None) -> Any:
        return self.sandbox.portal.edit(method, path, body)

    def ids(self, type_: str) -> list[str]:
        found: list[str] = self.sandbox.portal.truth(type_)["live"][type_]
        return found

    def made(self, type_: str, name: str = "name") -> str:
        return str(self.edit("POST", f"/crm/v3/objects/{type_}", {"properties": {name: "new"}})["id"])

    def changed(self, type_: str, id_: str, name: str = "name") -> None:
        self.edit("PATCH", f"/crm/v3/objects/{type_}/{id_}", {"properties": {name: "other"}})

    def tie(self, from_: str, id_: str, to: str, other: str, label: tuple[str, int] | None = None) -> None:
        path = f"/crm/v4/objects/{from_}/{id_}/associations"
        if label is None:
            self.edit("PUT", f"{path}/default/{to}/{other}", {})
            return
        named = [{"associationCategory": label[0], "associationTypeId": label[1]}]
        self.edit("PUT", f"{path}/{to}/{other}", named)

    def untie(self, from_: str, id_: str, to: str, other: str) -> None:
        self.edit("DELETE", f"/crm/v4/objects/{from_}/{id_}/associations/{to}/{other}")

    def untied(self) -> tuple[str, str]:
        """A contact and a company that are not tied."""
        there = {(row[1], row[3]) for row in self.true()}
        return next(
            (one, other)
            for one in self.ids(ENDS[0])
            for other in self.ids(ENDS[1])
            if (one, other) not in there
        )

    def true(self) -> list[tuple[Any, ...]]:
        return true(self.sandbox, *self.side)

    def held(self) -> list[tuple[Any, ...]]:
        return rows(self.folder, *self.side)

    @property
    def side(self) -> tuple[str, str]:
        """The side from which contacts and companies, or the only pair there is, are read."""
        (side,) = {pair for pair in pairs(self.folder) if set(pair) == set(self.types[:2])}
        return side

    def changes(self) -> list[tuple[Any, ...]]:
        """What the latest run saw come (1) and go (0) of the side: (from id, to id, added)."""
        sql = """
        SELECT from_id, to_id, added FROM association_changes
        JOIN types here ON here.number = from_type JOIN types there ON there.number = to_type
        WHERE run = (SELECT max(number) FROM runs) AND here.name = ? AND there.name = ? ORDER BY from_id, to_id, added
        """
        with closing(sqlite3.connect(self.folder / "store.sqlite")) as db:
            return [(str(one), str(other), added) for one, other, added in db.execute(sql, self.side)]


def portal_types(portal: str) -> list[str]:
    return [word.partition("=")[0] for word in portal.split(",")[1:]]


def asked(sandbox: InProcess, since: int) -> list[str]:
    log = [one["path"] for one in sandbox.portal.requests()[since:] if "/crm/associations/" in one["path"]]
    return ["/".join(path.split("/")[4:6]) for path in log if path.endswith("/batch/read")]


@pytest.fixture
def life(tmp_path: Path) -> Life:
    found = Life(tmp_path)
    assert found.held() == found.true() != []
    return found


def test_where_nothing_changed_no_association_is_asked_for_and_none_is_written(life: Life) -> None:
    with closing(sqlite3.connect(life.folder / "store.sqlite")) as db:
        db.executescript(
            "CREATE TABLE touched (what TEXT);"
            + "".join(
                f"CREATE TRIGGER on_{what.lower()} AFTER {what} ON associations"
                f" BEGIN INSERT INTO touched VALUES ('{what}'); END;"
                for what in ("INSERT", "UPDATE", "DELETE")
            )
        )
    touched = "SELECT count(*) FROM touched"
    assert life.run() == []
    assert life.run(associations=Linking.ALL) != []
    with closing(sqlite3.connect(life.folder / "store.sqlite")) as db:
        assert db.execute(touched).fetchone() == (0,)
    assert life.changes() == []


def test_what_a_new_record_is_tied_to_is_read_whichever_side_the_pair_is_read_from(life: Life) -> None:
    one, other = life.side
    old = {name: life.ids(name)[0] for name in life.side}
    new = {one: life.made(one, "name" if one == "companies" else "firstname")}
    new[other] = life.made(other, "name" if other == "companies" else "firstname")
    life.tie(one, new[one], other, old[other])
    life.tie(other, new[other], one, old[one])
    sent = life.run()
    assert life.held() == life.true()
    assert {(new[one], old[other], 1), (old[one], new[other], 1)} <= set(life.changes())
    assert sent.count(f"{one}/{other}") == sent.count(f"{other}/{one}") == 1


def test_what_is_tied_between_old_records_is_read_when_all_are_once_a_day(life: Life) -> None:
    contact, company = life.untied()
    gone = life.true()[0]
    before = life.held()
    life.tie("contacts", contact, "companies", company)
    life.untie(gone[0], gone[1], gone[2], gone[3])
    assert life.run() == []
    assert life.held() == before != life.true()
    assert life.run(after_s=DAY_S)
    assert life.held() == life.true()
    ends = (contact, company) if life.side == ENDS else (company, contact)
    assert set(life.changes()) == {(*ends, 1), (gone[1], gone[3], 0)}
    assert life.run() == []
    assert life.changes() == []


def test_what_changed_just_before_the_last_reading_is_read_once_more(life: Life) -> None:
    contact, company = life.untied()
    life.changed("companies", company)
    life.run(after_s=60)
    life.tie("contacts", contact, "companies", company)
    assert life.run() != []
    assert life.held() == life.true()
    assert life.run() == []


def test_a_label_that_is_changed_is_one_that_goes_and_one_that_comes(life: Life) -> None:
    from_, id_, to, other, *_ = life.true()[0]
    primary = 1 if from_ == "contacts" else 2
    kinds = {row[5] for row in life.true() if row[1:4:2] == (id_, other)}
    life.untie(from_, id_, to, other)
    life.tie(from_, id_, to, other, ("HUBSPOT_DEFINED", primary) if primary not in kinds else None)
    life.run(associations=Linking.ALL)
    assert life.held() == life.true()
    assert {kind for kind in life.changes() if kind[:2] == (id_, other)}


def test_what_led_to_a_record_that_is_archived_or_merged_goes_and_comes_back_with_it(life: Life) -> None:
    other = next(row[3] for row in life.true()) if life.side == ENDS else next(row[1] for row in life.true())
    life.edit("DELETE", f"/crm/v3/objects/companies/{other}")
    life.run()
    assert life.held() == life.true()
    assert {added for *_, added in life.changes()} == {0}
    life.sandbox.portal.restore("companies", other)
    life.run(prove=True, associations=Linking.CHANGED)
    assert life.held() == life.true()
    assert {added for *_, added in life.changes()} == {1}
    into = next(id_ for id_ in life.ids("companies") if id_ != other)
    life.edit("POST", "/crm/v3/objects/companies/merge", {"primaryObjectId": into, "objectIdToMerge": other})
    life.run()
    assert life.held() == life.true()


def test_the_user_says_which_are_read(life: Life) -> None:
    contact, company = life.untied()
    life.tie("contacts", contact, "companies", company)
    assert life.run(after_s=2 * DAY_S, associations=Linking.CHANGED) == []
    new = life.made("companies")
    life.tie("companies", new, "contacts", contact)
    assert life.run(after_s=2 * DAY_S, associations=Linking.NEVER) == []
    before = life.held()
    assert before != life.true()
    life.run(associations=Linking.CHANGED)  # what changed while none were read is not forgotten
    assert {new, contact} <= {end for row in life.held() for end in (row[1], row[3])}
    assert {row for row in life.true() if row not in life.held()} <= {
        row for row in life.true() if {row[1], row[3]} == {contact, company}
    }
    life.run(associations=Linking.ALL)
    assert life.held() == life.true()


def test_never_reads_none_of_a_new_dump_and_the_next_run_all(tmp_path: Path) -> None:
    sandbox = quiet("narrow,contacts=3,companies=2")
    wishes = Wishes(associations=Linking.NEVER)
    assert extracted(sandbox, tmp_path, ENDS, wishes=wishes) == {}
    assert (asked(sandbox, 0), pairs(tmp_path)) == ([], set())
    sandbox.advance(HOUR_S)
    assert extracted(sandbox, tmp_path, ENDS, wishes=Wishes(associations=Linking.CHANGED)) == {}
    (side,) = {pair for pair in pairs(tmp_path) if set(pair) == set(ENDS)}
    assert rows(tmp_path, *side) == true(sandbox, *side) != []


def test_of_a_pair_that_hubspot_shows_from_one_side_only_all_are_read_where_the_other_type_changed(
    tmp_path: Path,
) -> None:
    life = Life(tmp_path, "narrow,leads=5,deals=4")
    assert life.side == ("leads", "deals")
    assert life.run() == []
    deal = life.made("deals", "dealname")
    life.tie("leads", life.ids("leads")[0], "deals", deal)
    assert "leads/deals" in life.run()
    assert life.held() == life.true()


def test_the_command_says_which_were_read_and_status_as_of_when(user: User, serve: Serve) -> None:
    served = serve("--portal", "narrow,contacts=5,companies=3", "--faults", "none", "--overload", "off")
    user.only = "contacts companies"
    (user.folder / "hubdump.toml").write_text('associations = "never"\n', "utf-8")
    never = user.at(served).types("run", "--json", "--to", "json").events[-1]
    assert (never["exit"], never["verdict"]) == (0, "Complete but for the associations")
    assert never["associations"] == {"read": "never", "whole_at": None}
    assert "associations: not read by the last run (--associations never)" in user.types("status").out
    user.forget_the_last_window()
    whole = user.types("run", "--json", "--to", "json", "--associations", "changed").events[-1]
    assert (whole["verdict"], whole["associations"]["read"]) == ("Complete", "all")
    assert (
        f"associations: all read at {whole['associations']['whole_at']} or later" in user.types("status").out
    )
    refused = user.types("run", "--associations", "some")
    assert (refused.status, "must be: changed, all or never" in refused.err) == (2, True)


class Unanswering(Emulated):
    """HubSpot fails for ever to say what is tied to companies, or the run stops when it is to say so."""

    def __init__(self, sandbox: InProcess, clock: JumpingClock, side: str, *, killed: bool = False) -> None:
        super().__init__(sandbox, clock)
        self._side, self._killed = side, killed

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        if not request.path.endswith(f"/{self._side}/batch/read"):
            return await super().send(request, token)
        if self._killed:
            raise Stopped("cut")
        return Response(500, {}, json.dumps({"message": "no"}).encode())


def test_where_hubspot_does_not_say_what_changed_records_are_tied_to_all_are_read(life: Life) -> None:
    back = "/".join(reversed(life.side))
    new = life.made(life.side[1], "name" if life.side[1] == "companies" else "firstname")
    life.tie(life.side[1], new, life.side[0], life.ids(life.side[0])[0])
    life.run(through=lambda clock: Unanswering(life.sandbox, clock, back))
    assert life.held() == life.true()


@pytest.mark.parametrize("back", [False, True])
def test_a_run_that_is_cut_short_while_it_reads_what_changed_is_continued(back: bool, life: Life) -> None:
    one, other = life.side
    new = life.made(other, "name" if other == "companies" else "firstname")
    life.tie(other, new, one, life.ids(one)[0])
    side = f"{other}/{one}" if back else f"{one}/{other}"
    with pytest.raises(Stopped):
        life.run(through=lambda clock: Unanswering(life.sandbox, clock, side, killed=True))
    sent = life.run(after_s=1)
    assert life.held() == life.true()
    assert sent.count(f"{other}/{one}") == int(back), "what was looked back at before the cut is not again"
    assert life.run() == []
