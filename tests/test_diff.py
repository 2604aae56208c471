"""`hubdump diff FILE`: what a dump and data that somebody else made lack of each other, and what time explains."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hubdump.diff import told
from hubdump.diff.differing import Difference, Kind, Tally
from hubdump.diff.same import same
from hubdump.diff.whole import compared
from hubdump.errors import UsageError
from hubdump.hubspot.schema import defined
from hubdump.hubspot.wire import instant_us
from hubdump.model import Association, AssociationsRead, RecordRef, RecordsRead, Response, Settled, WalkKey
from hubdump.store.store import Store
from tests.conftest import Serve, User

Row = dict[str, Any]
DEFINED: dict[str, Row] = {
    "hs_object_id": {"type": "number", "label": "Record ID"},
    "email": {"type": "string", "label": "Email"},
    "amount": {"type": "number", "label": "Amount"},
    "stage": {
        "type": "enumeration",
        "label": "Stage",
        "options": [{"value": "1", "label": "Lead"}, {"value": "2", "label": "Customer"}],
    },
    "tags": {
        "type": "enumeration",
        "fieldType": "checkbox",
        "label": "Tags",
        "options": [{"value": "a", "label": "Alpha"}, {"value": "b", "label": "Beta"}],
    },
    "born": {"type": "date", "label": "Born"},
    "vip": {"type": "bool", "label": "VIP", "options": [{"value": "true", "label": "Yes"}]},
    "createdate": {"type": "datetime", "label": "Create Date"},
    "lastmodifieddate": {"type": "datetime", "label": "Last Modified Date"},
    "hubspot_owner_id": {"type": "enumeration", "label": "Contact owner", "referencedObjectType": "OWNER"},
    "score": {"type": "number", "label": "Score", "calculated": True},
}
MADE = "2026-02-01T00:00:00Z"


def contact(id_: int, day: str = "", updated: str = "", **properties: str | None) -> Row:
    """A contact of a day in January, as HubSpot would answer it."""
    created = day or f"2026-01-{id_:02}T10:30:20.123Z"
    values = {
        "hs_object_id": str(id_),
        "email": f"{id_}@example.com",
        "amount": "12.50",
        "stage": "1",
        "tags": "a;b",
        "born": "1999-12-31",
        "vip": "true",
        "createdate": created,
        "lastmodifieddate": updated or created,
        "hubspot_owner_id": "77",
        "score": "3",
    }
    return {
        "id": str(id_),
        "properties": values | properties,
        "createdAt": created,
        "updatedAt": updated or created,
        "archived": False,
    }


# What the dump holds: 7 was edited, and 9 made, after theirs was; 8 is archived, 10 gone.
HERE = [
    *(contact(id_) for id_ in (1, 2, 3, 4, 5, 6, 11)),
    contact(7, updated="2026-02-10T00:00:00Z"),
    contact(9, "2026-02-05T00:00:00Z"),
]
THERE = [
    *(contact(id_) for id_ in (1, 2, 4, 5, 5)),
    contact(6, amount="12.60", stage="2"),
    contact(7, email="old@example.com"),
    contact(8),
    contact(10),
    contact(11, score="2"),
    contact(12),
]
EXPECTED = {
    ("3", Kind.LACKS, ()),
    ("5", Kind.TWICE, ()),
    ("6", Kind.DIFFERS, ("amount", "stage")),
    ("7", Kind.CHANGED_SINCE, ("email", "lastmodifieddate")),
    ("8", Kind.ARCHIVED, ()),
    ("9", Kind.CREATED_SINCE, ()),
    ("10", Kind.GONE, ()),
    ("11", Kind.COMPUTED, ("score",)),
    ("12", Kind.UNKNOWN, ()),
}


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with closing(Store(folder / "store.sqlite")) as store:
        store.set_definitions(
            "contacts", [(name, json.dumps(said).encode()) for name, said in DEFINED.items()]
        )
        store.begin_round("contacts", 1)
        for rows, archived in ((HERE, False), ([contact(8)], True), ([contact(10)], False)):
            refs = [
                RecordRef(int(row["id"]), at, instant_us(row["updatedAt"]), archived)
                for at, row in enumerate(rows)
            ]
            body = json.dumps({"results": rows}).encode()
            page = RecordsRead(Response(200, {}, body), refs, "", done=False)
            store.commit_records(WalkKey("contacts", "sweep"), page, 0.0)
        store.commit_settled(WalkKey("contacts", "settle"), Settled("", done=True, removed={10: None}), 0.0)
        links = [Association(1, to, "HUBSPOT_DEFINED", 1, None) for to in (21, 22)]
        read = AssociationsRead([1, 2], links, {}, "", done=True)
        store.commit_associations(WalkKey("contacts", "companies"), read, 0.0)
        store.finish_round("contacts", instant_us("2026-02-11T00:00:00Z") or 0, 1)
    return folder


def as_array(rows: Sequence[Row], folder: Path) -> Path:
    path = folder / "contacts.json"
    path.write_text("\ufeff" + json.dumps(rows, indent=1), "utf-8")
    return path


def as_lines(rows: Sequence[Row], folder: Path) -> Path:
    path = folder / "hubspot_contacts.jsonl"
    flat = [{"id": int(row["id"]), "updatedAt": row["updatedAt"], **row["properties"]} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in flat), "utf-8")
    return path


def as_export(rows: Sequence[Row], folder: Path) -> Path:
    """HubSpot's own CSV: labels above and in the columns, instants by the minute in another zone, names of owners."""
    path = folder / "hubspot-crm-exports-all-contacts-2026-02-01.csv"
    labels = {"stage": {"1": "Lead", "2": "Customer"}, "tags": {"a;b": "Alpha;Beta"}, "vip": {"true": "Yes"}}
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([said["label"] for said in DEFINED.values()])
        for row in rows:
            values = row["properties"] | {"hubspot_owner_id": "Ann Owner"}
            for name in ("createdate", "lastmodifieddate"):
                hour = int(values[name][11:13]) + 2
                values[name] = f"{values[name][:10]} {hour:02}{values[name][13:16]}"
            writer.writerow([labels.get(name, {}).get(values[name], values[name]) for name in DEFINED])
    at_s = (instant_us(MADE) or 0) / 1e6
    os.utime(path, (at_s, at_s))
    return path


def loaded(rows: Sequence[Row], folder: Path, statement: str, name: str) -> Path:
    """A file that DuckDB writes of the rows, which it sees as `here`: `id`, `updated`, `created`, and texts."""
    path = folder / name
    flat = [
        {"id": r["id"], "updated": r["updatedAt"], "made": r["createdAt"], **r["properties"]} for r in rows
    ]
    path.unlink(missing_ok=True)
    lines = folder / "rows.ndjson"
    lines.write_text("".join(json.dumps(row) + "\n" for row in flat), "utf-8")
    columns = ", ".join(f"{column}: 'VARCHAR'" for column in flat[0])
    with duckdb.connect() as db:
        db.execute(f"CREATE TABLE here AS SELECT * FROM read_json('{lines}', columns = {{{columns}}})")
        db.execute(statement.replace("PATH", str(path)))
    return path


TYPED = (
    "id::BIGINT AS id, property_email: email, property_amount: amount::DOUBLE, property_stage: stage,"
    " property_tags: tags, property_born: born::TIMESTAMP, property_vip: vip::BOOLEAN,"
    " property_createdate: createdate::TIMESTAMPTZ, property_lastmodifieddate: lastmodifieddate::TIMESTAMPTZ,"
    " property_hubspot_owner_id: hubspot_owner_id::BIGINT, property_score: score::DOUBLE"
)


def as_fivetran(rows: Sequence[Row], folder: Path) -> Path:
    """Typed columns with a prefix, a row for what is deleted, and when each was fetched."""
    statement = (
        "SET TimeZone = 'UTC'; ATTACH 'PATH' AS wh; CREATE SCHEMA wh.hubspot; CREATE TABLE wh.hubspot.contact AS"
        f" SELECT {TYPED}, false AS _fivetran_deleted, TIMESTAMPTZ '{MADE}' AS _fivetran_synced FROM here"
        " UNION ALL BY NAME SELECT 3 AS id, true AS _fivetran_deleted;"
        " CREATE TABLE wh.hubspot.contact_property_history AS SELECT 1 AS contact_id; DETACH wh"
    )
    return loaded(rows, folder, statement, "warehouse.duckdb")


def as_airbyte(rows: Sequence[Row], folder: Path) -> Path:
    """The properties once as an object and once as columns."""
    names = [name for name in DEFINED if name != "hs_object_id"]
    columns = ", ".join(f"properties_{name}: {name}" for name in names)
    packed = ", ".join(f"{name} := {name}" for name in names)
    statement = (
        f"COPY (SELECT id, updated AS updatedAt, made AS createdAt, false AS archived, {columns},"
        f" to_json(struct_pack({packed})) AS properties, TIMESTAMPTZ '{MADE}' AS _airbyte_extracted_at FROM here)"
        " TO 'PATH' (FORMAT parquet)"
    )
    return loaded(rows, folder, statement, "airbyte_raw_contacts.parquet")


def as_dlt(rows: Sequence[Row], folder: Path) -> Path:
    statement = (
        "ATTACH 'PATH' AS p; CREATE SCHEMA p.crm; CREATE TABLE p.crm.contacts AS"
        " SELECT id, hs_object_id, email, amount::DECIMAL(10,3) AS amount, stage, string_split(tags, ';') AS tags,"
        " born::DATE AS born, vip::BOOLEAN AS vip, createdate::TIMESTAMP AS createdate,"
        " lastmodifieddate::TIMESTAMP AS lastmodifieddate, hubspot_owner_id, score::BIGINT AS score,"
        " '1767.5' AS _dlt_load_id FROM here; DETACH p"
    )
    return loaded(rows, folder, statement, "pipeline.duckdb")


FORMS = [as_array, as_lines, as_export, as_fivetran, as_airbyte, as_dlt]
Form = Callable[[Sequence[Row], Path], Path]


def found(
    dump: Path, file: Path, type_: str = "", as_of: str = ""
) -> tuple[list[Tally], set[tuple[Any, ...]]]:
    there: list[Difference] = []
    tallies = compared(dump, file, type_, instant_us(as_of) if as_of else None, there.append)
    assert len(set(there)) == len(there)
    return tallies, {(one.id, one.kind, tuple(sorted(one.properties))) for one in there}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_whatever_form_they_have_the_same_is_the_same_and_what_differs_is_told(
    form: Form, dump: Path, tmp_path: Path
) -> None:
    (tally,), differences = found(dump, form(THERE, tmp_path))
    assert differences == EXPECTED
    assert (tally.here, tally.there, tally.same) == (9, 11, False)
    assert set(tally.unknown) == ({"Contact owner"} if form is as_export else set())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_whole_copy_is_the_same(form: Form, dump: Path, tmp_path: Path) -> None:
    (tally,), differences = found(dump, form(HERE, tmp_path))
    assert (differences, tally.same, tally.here, tally.there) == (set(), True, 9, 9)


def test_when_it_was_made_is_its_tools_word_its_newest_change_the_files_time_or_the_users(
    dump: Path, tmp_path: Path
) -> None:
    for form, by, at in (
        (as_fivetran, "as its tool says", MADE),
        (as_array, "its newest change", "2026-01-12T10:30:20.123Z"),
        (as_export, "the file's time", MADE),
    ):
        (tally,), _ = found(dump, form(THERE, tmp_path))
        assert (tally.by, tally.as_of_us) == (by, instant_us(at)), form
    (tally,), differences = found(dump, as_fivetran(THERE, tmp_path), as_of="2026-03-01T00:00:00Z")
    assert tally.by == "as you say"
    assert ("9", Kind.LACKS, ()) in differences


def test_what_is_newer_there_is_told_from_what_is_lost_here(dump: Path, tmp_path: Path) -> None:
    after = "2026-02-12T00:00:00Z"  # the last run's `fresh_at` is a day before
    rows = [*HERE[1:], contact(1, updated=after, email="new@example.com"), contact(13, after)]
    (tally,), differences = found(dump, as_array(rows, tmp_path))
    assert differences == {
        ("1", Kind.CHANGED_THERE, ("email", "lastmodifieddate")),
        ("13", Kind.NEWER, ()),
    }
    assert tally.same


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_versions_of_a_record_the_newest_is_compared(
    order: int, dump: Path, tmp_path: Path
) -> None:
    older = contact(2, updated="2026-01-01T00:00:00Z", email="old@example.com")
    _, differences = found(dump, as_array([*HERE, older][::order], tmp_path))
    assert differences == {("2", Kind.TWICE, ())}


def test_associations_are_compared_where_theirs_has_any(dump: Path, tmp_path: Path) -> None:
    rows = [dict(row) for row in HERE]
    rows[0]["associations"] = {"companies": [{"id": "21", "types": []}, {"id": "22", "types": []}]}
    _, differences = found(dump, as_array(rows, tmp_path))
    assert differences == set()
    rows[0]["associations"] = {"companies": [{"id": "21", "types": []}]}
    rows[1]["associations"] = {"companies": [{"id": "23", "types": []}]}
    _, differences = found(dump, as_array(rows, tmp_path))
    assert differences == {(id_, Kind.DIFFERS, ("associations to companies",)) for id_ in "12"}


def test_rows_without_an_id_and_columns_that_are_no_property_are_told(dump: Path, tmp_path: Path) -> None:
    rows = [row | {"colour": "red"} for row in HERE] + [{"id": None, "email": "x"}]
    (tally,), differences = found(dump, as_array(rows, tmp_path))
    assert differences == {("", Kind.NAMELESS, ())}
    assert tally.unknown == {"colour": "no property"}
    assert not tally.same


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("contacts.csv", b"name,email\nAnn,a@example.com\n", "no column with the ids of records"),
        ("export.csv", b"Record ID\n1\n", "says not of which type it is"),
        ("contacts.json", b'[{"id": "1"}, {"id": ', "cannot be read"),
        ("contacts.parquet", b"PAR1 and no more", "cannot be read"),
        ("deals.csv", b"Record ID\n1\n", "The dump holds no deals"),
    ],
)
def test_what_cannot_be_compared_is_an_error_with_a_way_on(
    name: str, body: bytes, said: str, dump: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    with pytest.raises(UsageError, match=said) as told_:
        found(dump, path)
    assert told_.value.hint


def test_a_file_or_a_dump_that_is_not_there_is_an_error(dump: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no .*nothing\.csv"):
        found(dump, tmp_path / "nothing.csv")
    with pytest.raises(UsageError, match="There is no dump in"):
        found(tmp_path / "none", as_array(HERE, tmp_path))


@pytest.mark.parametrize(
    ("name", "ours", "theirs", "is_same"),
    [
        ("amount", "12.50", "12.5", True),
        ("amount", "0.1234567890123456789", "0.12345678901234568", True),
        ("amount", "12.50", "12.51", False),
        ("amount", "1200", "1,200", True),
        ("stage", "1", "Lead", True),
        ("stage", "1", "Customer", False),
        ("tags", "a;b", "Beta; Alpha", True),
        ("tags", "a;b", "a", False),
        ("born", "1999-12-31", "1999-12-31 00:00:00", True),
        ("born", "1999-12-31", "1999-12-30", False),
        ("vip", "true", "Yes", True),
        ("vip", "true", False, False),
        ("createdate", "2026-01-01T10:30:20.123Z", "2026-01-01 16:00", True),
        ("createdate", "2026-01-01T10:30:20.123Z", "2026-01-01 16:10", False),
        ("createdate", "2026-01-01T10:30:20.123Z", "2026-01-03 10:30", False),
        ("createdate", "2026-01-01T10:30:20.123Z", "2026-01-01T10:30:20Z", True),
        ("createdate", "2026-01-01T10:30:20.123Z", "2026-01-01T10:30:21Z", False),
        ("email", "a\r\nb ", "a\nb", True),
        ("email", "+49 30", "'+49 30", True),
        ("email", "a", "A", False),
        ("email", None, "", True),
        ("email", "a", None, False),
        ("email", None, "a", False),
    ],
)
def test_a_value_is_the_same_as_far_as_their_form_says(
    name: str, ours: str | None, theirs: Any, is_same: bool
) -> None:
    assert same(defined(name, json.dumps(DEFINED[name]).encode()), ours, theirs) is is_same


def test_the_command_says_it_in_lines_and_in_json(serve: Serve, user: User) -> None:
    """The old script's last step: is anything lost of what was there before?"""
    served, user.only = serve("--portal", "notes=40,calls=5", "--faults", "none"), "notes calls"
    assert user.at(served).types("run", "--to", "json").status == 0
    before = user.folder / "engagements.json"
    before.write_bytes((user.dump / "raw/engagements.json").read_bytes())
    told_ = user.types("diff", "engagements.json")
    assert told_.status == 0, told_.err
    assert "notes: 40 here, 40 there" in told_.out
    assert told_.out.splitlines()[-1] == "The same, but for what time explains."
    elements = json.loads(before.read_text("utf-8"))
    lost = elements.pop(7)
    before.write_text(json.dumps([*elements, elements[0]]), "utf-8")
    told_ = user.types("diff", "engagements.json")
    assert told_.status == 3
    assert f"only here, though made before that: 1: {lost['id']}" in told_.out
    assert f"there more than once: 1: {elements[0]['id']}" in told_.out
    *events, summary = user.types("diff", "engagements.json", "--json").events
    assert {(one["of"], one["id"], one["kind"]) for one in events} == {
        (f"{lost['type']}s", lost["id"], "only here"),
        (f"{elements[0]['type']}s", elements[0]["id"], "more than once there"),
    }
    assert (summary["type"], summary["exit"], len(summary["tables"])) == ("summary", 3, 2)
    assert user.types("diff", "engagements.json", "--as-of", "monday").status == 2


def test_people_see_the_first_of_many_and_how_many_there_are() -> None:
    kept, tally = told.Kept(), Tally("notes", "notes.json", 0, "the file's time", here=50)
    for id_ in range(50):
        kept.keep(Difference("notes", str(id_), Kind.LACKS))
        tally.found[Kind.LACKS] += 1
    lines = list(told.lines([tally], kept))
    assert lines[1].endswith("made before that: 50: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...")
    assert lines[-1].startswith("NOT the same: notes.")
