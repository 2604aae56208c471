"""The views of Fivetran's layout hold what HubSpot has: by its own lists and the sandbox's truth, in both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import duckdb
import pytest

from hubdump.targets.layouts import LAYOUTS
from hubdump.targets.layouts.fivetran import VIEWS
from tests.conftest import ROOT, User, started
from tests.fivetran_world import CRM, ENGAGEMENTS, HISTORY, PORTAL, World, happened, instant

if TYPE_CHECKING:
    from tests.postgres_server import Server

# A whole portal comes home for it.
pytestmark = pytest.mark.prove(seconds=15)
LISTED = [line.split(":") for line in (ROOT / "tests/fivetran_columns.txt").read_text("utf-8").split()]
# What dbt's package takes as it comes, and is no whole number at HubSpot: an amount has cents, ids of forms are GUIDs.
# Users it joins with the numbers that owners name.
OTHERWISE = {
    "users.id": "int",
    "company.property_annualrevenue": "number", "contact.property_annualrevenue": "number",
    "deal.property_amount": "number", "form.guid": "string", "contact_form_submission.form_id": "string",
    "contact_form_submission.conversion_id": "string",
}  # fmt: skip
# A database that does not tell case apart has one of them.
COLLIDING = {"email_event_dropped.FROM", "email_event_sent.FROM"}
TYPES = {
    "int": {"BIGINT", "bigint"}, "bigint": {"BIGINT", "bigint"}, "string": {"VARCHAR", "text"},
    "boolean": {"BOOLEAN", "boolean"}, "timestamp": {"TIMESTAMP", "timestamp without time zone"},
    "float": {"DOUBLE", "double precision"}, "number": {"DECIMAL(38,10)", "numeric"},
}  # fmt: skip
COLUMNS = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'fivetran'"


@pytest.fixture(scope="module")
def dumped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[User, Any]]:
    with ExitStack() as stack:
        served = started(stack, "--portal", PORTAL, "--faults", "none")
        happened(served)
        user = User(tmp_path_factory.mktemp("fivetran"), only="engagements crm account marketing").at(served)
        history = [word for wish in HISTORY for word in ("--history", wish)]
        told = user.types("run", *history, "--to", "duckdb", "--layout", "fivetran")
        assert told.status == 0, told.err
        assert "role.requires_billing_write" in told.err + told.out
        # What the tests ask, as fast as they can, is not tried again.
        served.tell("tier", {"tier": "unlimited"})
        yield user, served


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def world(request: pytest.FixtureRequest, dumped: tuple[User, Any]) -> Iterator[World]:
    user, served = dumped
    if request.param == "postgres":
        server: Server = request.getfixturevalue("server")
        schema = server.schema()
        told = user.types("load", server.url(schema), "--layout", "fivetran")
        assert told.status == 0, told.err
        with server.connect(schema) as pg:
            pg.execute("SET TimeZone = 'America/New_York'")
            yield World(served, lambda sql: pg.execute(sql).fetchall())
            pg.execute("DROP SCHEMA fivetran CASCADE")
        return
    with duckdb.connect(user.dump / "hubdump.duckdb", read_only=True) as db:
        # Whatever its reader's clock says.
        db.execute("SET TimeZone = 'America/New_York'")
        yield World(served, lambda sql: db.execute(sql).fetchall())


def test_every_table_and_column_of_the_layout_is_there_with_its_type(world: World) -> None:
    there = {f"{table}.{column}": type_ for table, column, type_ in world.rows(COLUMNS)}
    wanted = {name: OTHERWISE.get(name, type_) for name, type_ in LISTED if name not in COLLIDING}
    assert len(wanted) == 437
    assert {name: there.get(name) for name in wanted if there.get(name) not in TYPES[wanted[name]]} == {}
    assert {name.partition(".")[0] for name in there} == {name.partition(".")[0] for name in wanted}
    # The package cuts "property_hs_" off, and has one of that name already.
    assert not [name for name in there if name.endswith(".property_hs_engagement_type")]
    assert "engagement_call.property_hs_call_title" in there


def test_every_view_can_be_read_and_what_is_not_said_to_be_empty_is_filled(world: World) -> None:
    empty = {f"{view.name}.{column}" for view in VIEWS for column in view.missing}
    filled: dict[str, int] = {}
    for view in VIEWS:
        counts = ", ".join(f'count("{column.name}")' for column in view.columns)
        (row,) = world.rows(f"SELECT {counts} FROM fivetran.{view.name}")
        filled |= {f"{view.name}.{c.name}": n for c, n in zip(view.columns, row, strict=True)}
    assert [name for name in empty if filled[name]] == []
    # What no record or item of this portal has.
    absent = ("email_event", "form.", "users.role_id", "property.show_currency_symbol")
    unfilled = {name for name, n in filled.items() if not n} - empty
    assert {one for one in unfilled if ".property_" not in one and not one.startswith(absent)} == set()
    assert len(unfilled) < 110


@pytest.mark.parametrize("type_", CRM)
def test_records_are_those_of_the_portal_and_what_is_gone_is_marked(world: World, type_: str) -> None:
    id_ = "deal_id" if type_ == "deals" else "id"
    sql = f"SELECT {id_}, _fivetran_deleted FROM fivetran.{CRM[type_]}"
    if type_ != "contacts":
        sql = (
            f"SELECT {id_}, _fivetran_deleted FROM fivetran.{CRM[type_]} WHERE is_deleted = _fivetran_deleted"
        )
    found: dict[int, bool] = dict(world.rows(sql))
    live = {int(one) for one in world.truth["live"][type_]}
    assert {one for one, gone in found.items() if not gone} == live
    assert len(live) > 5
    archived = {int(one) for one in world.truth["archived"][type_]}
    assert archived <= {one for one, gone in found.items() if gone}
    assert len(found) == len(world.rows(sql))


def test_contacts_that_were_merged_are_named_by_the_one_they_became(world: World) -> None:
    truth = world.truth["merged"]["contacts"]
    merged = {(int(old), int(new)) for old, new in (truth.items() if isinstance(truth, dict) else truth)}
    said = world.rows(
        "SELECT id, property_hs_merged_object_ids FROM fivetran.contact WHERE NOT _fivetran_deleted"
    )
    assert {(int(old), id_) for id_, olds in said for old in (olds or "").split(";") if old} == merged
    assert len(merged) >= 2
    # As the models of dbt's package take them out.
    unmerged = {id_ for id_, _ in said} - {old for old, _ in merged}
    assert unmerged == {int(one) for one in world.truth["live"]["contacts"]}
    audit = world.rows("SELECT vid_to_merge, canonical_vid, contact_id FROM fivetran.contact_merge_audit")
    assert {(old, new) for old, new, _ in audit} == merged == {(old, new) for old, _, new in audit}
    deals = world.truth["merged"]["deals"]
    assert world.rows("SELECT merged_deal_id, deal_id FROM fivetran.merged_deal") == [
        (int(old), int(new)) for old, new in (deals.items() if isinstance(deals, dict) else deals)
    ]


def test_deals_have_their_values(world: World) -> None:
    names = ("dealname", "amount", "closedate", "createdate", "pipeline", "dealstage", "hubspot_owner_id")
    expected = {
        id_: (
            p["dealname"], p["amount"] and float(p["amount"]), instant(p["closedate"]), instant(p["createdate"]),
            p["pipeline"], p["dealstage"], p["hubspot_owner_id"] and int(p["hubspot_owner_id"]),
        )
        for id_, p in world.records("deals", *names).items()
    }  # fmt: skip
    found = world.rows(
        "SELECT deal_id, property_dealname, CAST(property_amount AS FLOAT8), property_closedate, property_createdate,"
        " deal_pipeline_id, deal_pipeline_stage_id, owner_id FROM fivetran.deal WHERE NOT is_deleted"
    )
    assert {row[0]: row[1:] for row in found} == expected
    assert len({row[6] for row in expected.values()}) > 2
    assert {row[2] for row in expected.values()} != {None}


def test_engagements_are_there_by_type_and_what_is_archived_is_marked(world: World) -> None:
    live = {(type_, int(id_)) for name, type_ in ENGAGEMENTS.items() for id_ in world.truth["live"][name]}
    assert set(world.rows("SELECT type, id FROM fivetran.engagement")) == live
    assert Counter(world.rows("SELECT type FROM fivetran.engagement")) == Counter(
        (type_,) for type_, _ in live
    )
    for name, type_ in list(ENGAGEMENTS.items())[:6]:
        view = f"fivetran.engagement_{type_.lower()}"
        names = ("hs_timestamp", "hs_createdate", "hubspot_owner_id", "hubspot_team_id")
        expected = {
            (id_, type_, instant(p[names[0]]), instant(p[names[1]]), *(p[n] and int(p[n]) for n in names[2:]))
            for id_, p in world.records(name, *names).items()
        }
        columns = ", ".join(f"property_{one}" for one in names)
        found = world.rows(f"SELECT engagement_id, type, {columns} FROM {view} WHERE NOT _fivetran_deleted")
        assert len(found) == len(expected) > 2
        assert set(found) == expected
        gone = {id_ for (id_,) in world.rows(f"SELECT engagement_id FROM {view} WHERE _fivetran_deleted")}
        assert {int(one) for one in world.truth["archived"][name]} == gone
    assert world.truth["archived"]["calls"]
    notes = {id_: p["hs_note_body"] for id_, p in world.records("notes", "hs_note_body").items()}
    assert dict(world.rows("SELECT engagement_id, body FROM fivetran.engagement_note")) == notes


PAIRS: dict[str, tuple[dict[str, Any], str, dict[str, Any], str]] = {
    "engagement_contact": ({**ENGAGEMENTS}, "engagement_id", {"contacts": 0}, "contact_id"),
    "engagement_company": ({**ENGAGEMENTS}, "engagement_id", {"companies": 0}, "company_id"),
    "engagement_deal": ({**ENGAGEMENTS}, "engagement_id", {"deals": 0}, "deal_id"),
    "ticket_contact": ({"tickets": 0}, "ticket_id", {"contacts": 0}, "contact_id"),
    "ticket_company": ({"tickets": 0}, "ticket_id", {"companies": 0}, "company_id"),
    "ticket_deal": ({"tickets": 0}, "ticket_id", {"deals": 0}, "deal_id"),
    "ticket_engagement": ({"tickets": 0}, "ticket_id", {**ENGAGEMENTS}, "engagement_id"),
}


@pytest.mark.parametrize("view", PAIRS)
def test_what_is_associated_is_that_of_the_portal_once_with_its_category(world: World, view: str) -> None:
    froms, from_id, tos, to_id = PAIRS[view]
    expected = {ends for a in froms for b in tos for ends in world.ends(a, b)}
    found = world.rows(f"SELECT {from_id}, {to_id}, category FROM fivetran.{view}")
    assert {(one, other) for one, other, _ in found} == expected
    assert len(found) == len(set(found))
    assert expected
    told = {(a, b, c) for one in froms for other in tos for a, b, c, _ in world.linked(one, other)}
    assert not told or set(found) >= told


@pytest.mark.parametrize(("view", "to"), [("deal_company", "companies"), ("deal_contact", "contacts")])
def test_deals_are_associated_by_the_type_ids_of_their_own_side(world: World, view: str, to: str) -> None:
    found = world.rows(f"SELECT deal_id, {CRM[to]}_id, category, type_id FROM fivetran.{view}")
    assert sorted(found) == sorted(world.linked("deals", to))
    assert len(found) > 5


HISTORIES = {
    "companies": ("company", "company_id", "timestamp"), "contacts": ("contact", "contact_id", "timestamp"),
    "deals": ("deal", "deal_id", "timestamp"), "tickets": ("ticket", "ticket_id", "timestamp_instant"),
}  # fmt: skip


@pytest.mark.parametrize("type_", HISTORIES)
def test_past_values_are_those_of_the_portal(world: World, type_: str) -> None:
    name, id_, at = HISTORIES[type_]
    found = world.rows(f"SELECT {id_}, name, {at}, value, source FROM fivetran.{name}_property_history")
    live = set(world.truth["live"][type_])
    expected = Counter(
        (int(record), property_, instant(version[0]), version[1] or "", version[2])
        for record, of in world.truth["history"][type_].items()
        if record in live
        for property_, versions in of.items()
        for version in versions[:20]
        if property_ in {row[1] for row in found}
    )
    theirs = Counter((*row[:3], row[3] or "", row[4]) for row in found if str(row[0]) in live)
    assert theirs == expected
    assert expected.total() > 20


def test_a_value_of_a_ticket_holds_until_the_next_one_of_its_property(world: World) -> None:
    found: dict[tuple[int, str], list[tuple[Any, ...]]] = {}
    for id_, name, since, until in world.rows(
        "SELECT ticket_id, name, _fivetran_start, _fivetran_end FROM fivetran.ticket_property_history ORDER BY 3"
    ):
        found.setdefault((id_, name), []).append((since, until))
    for rows in found.values():
        starts = [since for since, _ in rows]
        ends = [at - timedelta(milliseconds=1) for at in starts[1:]]
        assert [until for _, until in rows] == [*ends, instant("9999-12-31T23:59:59")]
    assert {name for _, name in found} == {"subject", "hs_pipeline_stage"}
    assert max(map(len, found.values())) > 1


def test_stages_of_deals_follow_each_other_and_the_last_one_is_active(world: World) -> None:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in world.rows(
        "SELECT deal_id, date_entered, value, _fivetran_start, _fivetran_end, _fivetran_active, source"
        " FROM fivetran.deal_stage ORDER BY 1, 2"
    ):
        found.setdefault(row[0], []).append(row[1:])
    live = world.truth["live"]["deals"]
    expected = {}
    for record in live:
        versions = sorted(
            (instant(at), value, source)
            for at, value, source in world.truth["history"]["deals"][record]["dealstage"]
        )
        nexts = [*(at for at, *_ in versions[1:]), None]
        expected[int(record)] = [
            (
                at,
                value,
                at,
                end - timedelta(milliseconds=1) if end else instant("9999-12-31T23:59:59"),
                end is None,
                source,
            )
            for (at, value, source), end in zip(versions, nexts, strict=True)
        ]
    assert {id_: rows for id_, rows in found.items() if str(id_) in live} == expected
    assert max(map(len, expected.values())) > 1
    stages: dict[int, str] = dict(world.rows("SELECT deal_id, deal_pipeline_stage_id FROM fivetran.deal"))
    assert all(rows[-1][1] == stages[id_] for id_, rows in found.items())


def test_pipelines_and_stages_are_those_of_the_portal(world: World) -> None:
    for name, types in (("deal", "deals"), ("ticket", "tickets")):
        pipelines = {
            key: body for (parent, key), body in world.bodies("pipelines").items() if parent == types
        }
        columns = "pipeline_id, label, display_order, active, _fivetran_deleted, created_at"
        assert world.rows(f"SELECT {columns} FROM fivetran.{name}_pipeline") == [
            (key, b["label"], b["displayOrder"], True, False, instant(b["createdAt"]))
            for key, b in pipelines.items()
        ]
        more = "probability, closed_won" if name == "deal" else "ticket_state, active"
        expected = {
            (
                key, stage["id"], stage["label"], stage["displayOrder"], stage["metadata"]["isClosed"] == "true",
                *(
                    (float(stage["metadata"]["probability"]), stage["id"] == "closedwon")
                    if name == "deal"
                    else (stage["metadata"]["ticketState"], True)
                ),
            )
            for key, body in pipelines.items()
            for stage in body["stages"]
        }  # fmt: skip
        columns = f"pipeline_id, stage_id, label, display_order, is_closed, {more}"
        found = world.rows(f"SELECT {columns} FROM fivetran.{name}_pipeline_stage")
        assert len(found) == len(expected) > 3
        assert set(found) == expected


def test_owners_users_and_teams_are_those_of_the_portal(world: World) -> None:
    owners = world.bodies("owners").values()
    columns = "owner_id, active_user_id, created_at, email, first_name, last_name, type"
    names = ("email", "firstName", "lastName", "type")
    assert set(world.rows(f"SELECT {columns} FROM fivetran.owner")) == {
        (int(o["id"]), o.get("userId"), instant(o["createdAt"]), *map(o.get, names)) for o in owners
    }
    assert set(world.rows("SELECT owner_id, team_id, is_team_primary FROM fivetran.owner_team")) == {
        (int(o["id"]), int(t["id"]), t["primary"]) for o in owners for t in o.get("teams", [])
    }
    teams = world.bodies("teams").values()
    assert set(world.rows("SELECT id, name FROM fivetran.team")) == {(int(t["id"]), t["name"]) for t in teams}
    assert sorted(world.rows("SELECT team_id, user_id, is_secondary_user FROM fivetran.team_user")) == sorted(
        (int(t["id"]), int(user), secondary)
        for t in teams
        for secondary, field in ((False, "userIds"), (True, "secondaryUserIds"))
        for user in t[field]
    )
    assert set(world.rows("SELECT id, email, first_name, primary_team_id FROM fivetran.users")) == {
        (int(u["id"]), u["email"], u["firstName"], u["primaryTeamId"] and int(u["primaryTeamId"]))
        for u in world.bodies("users").values()
    }


def test_lists_of_contacts_have_their_members(world: World) -> None:
    lists = {key: body for (_, key), body in world.bodies("lists").items() if body["objectTypeId"] == "0-1"}
    columns = "id, name, dynamic, list_version, created_at, metadata_size"
    assert set(world.rows(f"SELECT {columns} FROM fivetran.contact_list")) == {
        (int(key), b["name"], b["processingType"] == "DYNAMIC", b["listVersion"], instant(b["createdAt"]),
         int(b["additionalProperties"]["hs_list_size"]))
        for key, b in lists.items()
    }  # fmt: skip
    assert set(
        world.rows("SELECT contact_list_id, contact_id, added_at FROM fivetran.contact_list_member")
    ) == {
        (int(list_), int(record), instant(body["membershipTimestamp"]))
        for (list_, record), body in world.bodies("list_memberships").items()
        if list_ in lists
    }
    assert len(lists) < len(world.bodies("lists"))


def test_forms_submissions_and_email_events_are_those_of_the_portal(world: World) -> None:
    assert set(world.rows("SELECT guid, name, form_type, created_at, submit_text FROM fivetran.form")) == {
        (key, b["name"], b["formType"], instant(b["createdAt"]), b["displayOptions"]["submitButtonText"])
        for (_, key), b in world.bodies("forms").items()
    }
    submissions = world.bodies("form_submissions")
    assert set(world.rows('SELECT form_id, page_url, "timestamp" FROM fivetran.contact_form_submission')) == {
        (form, b.get("pageUrl"), instant(b["submittedAt"])) for (form, _), b in submissions.items()
    }
    events = world.bodies("email_events").values()
    found = world.rows("SELECT id, type, recipient, created, sent_by_id FROM fivetran.email_event")
    assert Counter(found) == Counter(
        (e["id"], e["type"], e["recipient"], instant(e["created"]), e.get("sentBy", {}).get("id"))
        for e in events
    )
    for name, type_ in (
        ("open", "OPEN"),
        ("click", "CLICK"),
        ("status_change", "STATUSCHANGE"),
        ("sent", "SENT"),
    ):
        assert world.rows(f"SELECT count(*) FROM fivetran.email_event_{name}") == [
            (sum(e["type"] == type_ for e in events),)
        ]


def test_properties_are_those_that_the_portal_defines(world: World) -> None:
    defined = {
        (name, d["type"], d["label"])
        for name, d in world.truth["definitions"]["deals"].items()
        if not d.get("archived")
    }
    found = world.rows("SELECT name, type, label FROM fivetran.property WHERE hubspot_object = 'deal'")
    assert set(found) == defined
    assert world.rows(
        "SELECT count(*) FROM fivetran.property_option o WHERE NOT EXISTS"
        " (SELECT 1 FROM fivetran.property p WHERE p._fivetran_id = o.property_id)"
    ) == [(0,)]


def test_settings_know_the_layouts_there_are() -> None:
    from hubdump.settings import Layout

    assert {*LAYOUTS, "none"} == set(get_args(Layout))
