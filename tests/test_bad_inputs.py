"""Every bad input of the table: the right value in store and targets, or quarantine by name; no silent change."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubdump.events import RunEnded, TypeSummary
from hubdump.extract.bearer import Bearer, ServiceKey
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.hubspot.endpoints import Endpoints
from hubdump.hubspot.pacing import Budgets
from hubdump.manifest import read_manifest, write_manifest
from hubdump.missing import what_is_missing
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from tests.bad_inputs import TABLE, Answers, BadInput, Names, Quarantined, Records, Values, line, of
from tests.conftest import ROOT
from tests.tampering import Home, home, records, untouched
from tests.worlds import JumpingClock, Script, answer, page, stored, true_of

VALUES = [(row, *pair) for row in of(Values) for pair in row.how.pairs]  # type: ignore[union-attr]  # of that kind
NAMES = [(row, name) for row in of(Names) for name in row.how.names]  # type: ignore[union-attr]  # of that kind
FIELDS = [fields for row in of(Records) for fields in row.how.fields]  # type: ignore[union-attr]  # of that kind
# How many values of a row are no JSON: they stand as text, and are counted.
MENDED = {1: 2, 7: 2, 9: 1, 10: 3, 13: 1, 16: 1}


def test_the_table_has_84_rows_each_with_a_test_or_a_reason() -> None:
    assert [row.number for row in TABLE] == list(range(1, 85))
    assert len({row.name for row in TABLE}) == 84
    for row in TABLE:
        named = getattr(row.how, "test", "")
        path, _, test = named.rpartition("::")
        there = "\n".join(
            p.read_text("utf-8") for p in ([ROOT / path] if path else ROOT.glob("tests/test_bad*.py"))
        )
        assert not named or f"def {test}(" in there, f"{row.number}: {named}"
        assert getattr(row.how, "why", "reason")


def test_the_table_of_the_docs_is_this_one() -> None:
    text = (ROOT / "docs/reliability.md").read_text("utf-8")
    section = text[text.index("\n## Bad inputs\n") :].split("\n## ")[1]
    assert re.findall(r"^\| \d+ \|.*$", section, re.MULTILINE) == [line(row) for row in TABLE]


def with_bad_names(request: Request[Any], response: Response) -> Response:
    """The definitions of notes, with the bad names among them."""
    if request.path != "/crm/properties/2026-09/notes":
        return response
    content = json.loads(response.body)
    content["results"] += [{"name": name, "type": "string", "label": name} for _, name in NAMES]
    return replace(response, body=json.dumps(content).encode())


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One portal with all bad values (calls), names (notes) and fields (meetings), read and loaded once."""
    sandbox = InProcess(f"calls={len(VALUES)},notes=2,meetings={len(FIELDS)}")
    truth = sandbox.portal.truth("calls", "meetings", "notes")["live"]
    places = {
        id_: place
        for type_ in ("calls", "meetings")
        for place, id_ in enumerate(sorted(truth[type_], key=int))
    }

    def of_call(record: dict[str, Any]) -> dict[str, bytes]:
        if record["id"] not in places:  # an archived one
            return {}
        place = places[record["id"]]
        wire = VALUES[place][1]
        if wire is None:
            record["properties"].pop("hs_call_body", None)
            return {}
        record["properties"]["hs_call_body"] = f"@{place}@"
        return {f"@{place}@": wire}

    def of_note(record: dict[str, Any]) -> dict[str, bytes]:
        record["properties"] |= {name: f"value of {name}" for _, name in NAMES}
        return {}

    def of_meeting(record: dict[str, Any]) -> dict[str, bytes]:
        for name, value in FIELDS[places[record["id"]]].items() if record["id"] in places else ():
            record[name] = value
            if value is ...:
                del record[name]
        return {}

    def change(request: Request[Any], response: Response) -> Response:
        response = with_bad_names(request, response)
        for type_, edit in (("calls", of_call), ("notes", of_note), ("meetings", of_meeting)):
            response = records(edit, type_)(request, response)
        return response

    came = home(tmp_path_factory.mktemp("everything"), sandbox, change, ("calls", "notes", "meetings"))
    assert came.failed == {}
    came.load()
    return came


@pytest.fixture(scope="module")
def both(everything: Home) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By type the elements of the JSON files and the rows of the DuckDB file, in the order of ids."""
    return {
        type_: (everything.elements(type_), everything.active(type_))
        for type_ in ("calls", "notes", "meetings")
    }


def as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("row", of(Values), ids=lambda row: f"{row.number} {row.name}")
def test_a_bad_value_is_the_right_one_in_store_and_targets(
    row: BadInput, everything: Home, both: Any
) -> None:
    elements, rows = both["calls"]
    assert len(elements) == len(rows) == len(VALUES)
    ids = sorted(elements, key=int)
    shown = 0
    for id_, (of_row, wire, text) in zip(ids, VALUES, strict=True):
        if of_row is not row:
            continue
        shown += 1
        properties = elements[id_]["properties"]
        assert rows[id_]["property_hs_call_body"] == (text or None)
        assert as_text(properties.get("hs_call_body")) == text
        assert ("hs_call_body" in properties) == (wire is not None)
        assert as_text(msgspec.json.decode(rows[id_]["_raw"])["properties"].get("hs_call_body", None)) in {
            text, _as_double(wire),
        }  # fmt: skip
        if wire is not None:
            assert b'"hs_call_body": ' + wire in stored_bytes(everything)
    assert shown == len(row.how.pairs)  # type: ignore[union-attr]  # of that kind


def _as_double(wire: bytes | None) -> str | None:
    # What a reader makes of a number that JSON holds exactly and a double does not.
    return as_text(float(wire)) if wire and re.fullmatch(rb"[0-9.]+", wire) and len(wire) < 400 else None


def stored_bytes(came: Home) -> bytes:
    """All pages of a store as they came."""
    import sqlite3
    import zlib

    with sqlite3.connect(came.folder / "store.sqlite") as db:
        rows = db.execute("SELECT encoding, body FROM pages").fetchall()
    return b"".join(zlib.decompress(body, 31 if encoding == "gzip" else 15) for encoding, body in rows)


def manifest_of(came: Home, types: tuple[str, ...]) -> dict[str, Any]:
    """The manifest that a run would write of it."""
    store = Store(came.folder / "store.sqlite")
    write_manifest(
        came.folder, "run", store, RunEnded(0, "", 1.0, {}, 0, {name: TypeSummary() for name in types})
    )
    store.close()
    return read_manifest(came.folder)


def test_what_was_mended_is_counted_and_told(everything: Home) -> None:
    expected = sum(MENDED.values())
    notes = [note for note in everything.notes if "stand there as text" in note]
    assert [int(note.split()[0]) for note in notes] == [expected] * 3, everything.notes
    assert any(
        f"{expected} values of /crm/objects/2026-09/calls are no JSON" in note for note in everything.notes
    )
    files = ("hubdump.duckdb", "raw/engagements.json", "raw/engagements_call_partial.json")
    assert manifest_of(everything, ("calls", "notes", "meetings"))["mended"] == dict.fromkeys(files, expected)


@pytest.mark.parametrize("row", of(Names), ids=lambda row: f"{row.number} {row.name}")
def test_a_bad_name_has_a_column_of_its_own_and_its_name_in_the_files(
    row: BadInput, everything: Home, both: Any
) -> None:
    elements, rows = both["notes"]
    reader = Reader(everything.folder / "store.sqlite")
    columns = json.loads(reader.meta("columns:notes"))
    reader.close()
    assert len({column.casefold() for column in columns.values()}) == len(columns)
    for name in row.how.names:  # type: ignore[union-attr]  # of that kind
        assert {note["properties"][name] for note in elements.values()} == {f"value of {name}"}
        assert {note[columns[name]] for note in rows.values()} == {f"value of {name}"}
        assert columns[name].startswith(f"property_{name}")


# Of the texts that stand in the place of an instant, those that are one; all others are NULL.
INSTANTS = {
    "2099-01-01T00:00:00Z": datetime(2099, 1, 1, tzinfo=UTC),
    "2020-01-01T00:00:00Z": datetime(2020, 1, 1, tzinfo=UTC),
    1700000000000: datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    "1700000000000": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    "0001-01-01T00:00:00Z": datetime(1, 1, 1, tzinfo=UTC),
    "9999-12-31T23:59:59.999999999+1400": datetime(9999, 12, 31, 9, 59, 59, 999999, tzinfo=UTC),
}


@pytest.mark.parametrize("fields", FIELDS, ids=repr)
def test_a_record_with_an_unusual_field_is_kept_with_it_as_it_is(fields: dict[str, Any], both: Any) -> None:
    elements, rows = both["meetings"]
    id_ = sorted(elements, key=int)[FIELDS.index(fields)]
    assert len(rows) == len(elements) == len(FIELDS)
    for name, value in fields.items():
        column = {"updatedAt": "updated_at", "createdAt": "created_at"}[name]
        assert rows[id_][column] == INSTANTS.get(value if isinstance(value, str | int) else None)
        there = (
            None
            if value is ... or value is None
            else str(value)
            if isinstance(value, int)
            else as_text(value)
        )
        assert as_text(msgspec.json.decode(rows[id_]["_raw"]).get(name)) == there
        assert as_text(elements[id_][name]) == there


SMALL = answer(page([7]))
API = Endpoints()


@pytest.mark.parametrize("row", of(Answers), ids=lambda row: f"{row.number} {row.name}")
def test_a_bad_answer_is_understood_or_asked_for_again_and_again(row: BadInput) -> None:
    assert isinstance(row.how, Answers)
    request = API.list(_calls(), ("hs_call_body",), "")
    for bad in row.how.made(SMALL):
        clock, script = JumpingClock(), Script(bad, bad, SMALL)
        exchange = Exchange(Means(
            script, Bearer(ServiceKey(Secret("a-token")), clock), Budgets(None), clock, lambda _: None,
            chance=lambda: 0.5,
        ), Patience())  # fmt: skip
        (raw,) = asyncio.run(exchange.ask(request)).content.results
        assert json.loads(bytes(raw))["id"] == "7"
        assert len(script.sent) == 1 + 2 * row.how.waits


def _calls() -> Any:
    from hubdump.catalog import STANDARD

    return STANDARD.by_name("calls")


@pytest.fixture(scope="module")
def good_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The JSON file of three calls whose answers are as they should be."""
    came = home(tmp_path_factory.mktemp("good"), InProcess("calls=3"), untouched, ["calls"])
    came.write("json")
    return (came.folder / "raw/engagements_call_partial.json").read_bytes()


@pytest.mark.parametrize("row", of(Answers), ids=lambda row: f"{row.number} {row.name}")
def test_a_bad_answer_changes_nothing_of_what_comes_home(
    row: BadInput, good_file: bytes, tmp_path: Path
) -> None:
    how = row.how
    assert isinstance(how, Answers)
    struck = count()

    def change(request: Request[Any], response: Response) -> Response:
        listed = request.path.endswith("/calls") and "/objects/" in request.path
        return how.made(response)[-1] if listed and (not how.waits or next(struck) == 0) else response

    came = home(tmp_path, InProcess("calls=3"), change, ["calls"])
    assert came.failed == {}
    assert came.retries == how.waits
    came.write("json")
    assert (tmp_path / "raw/engagements_call_partial.json").read_bytes() == good_file


def test_what_is_no_record_is_quarantined_by_name_and_the_rest_of_its_page_kept(tmp_path: Path) -> None:
    (row,) = of(Quarantined)
    assert isinstance(row.how, Quarantined)
    bad = row.how.records
    sandbox = InProcess("calls=3,notes=2")

    def change(request: Request[Any], response: Response) -> Response:
        if (
            not (request.path.endswith("/calls") and "/objects/" in request.path)
            or b'"results":[]' in response.body
        ):
            return response
        body = response.body.replace(b'},{"id"', b"}," + b",".join(bad) + b',{"id"', 1)
        assert body != response.body
        return replace(response, body=body)

    came = home(tmp_path, sandbox, change, ("calls", "notes"))
    assert came.failed == {}
    assert stored(tmp_path, ("calls", "notes"))[0] == true_of(sandbox, ("calls", "notes"))[0]
    manifest = manifest_of(came, ("calls", "notes"))
    told = [found["reason"] for found in manifest["quarantined"]["calls"]]
    assert manifest["quarantined"].keys() == {"calls"}
    assert len(told) == len(bad)
    for name in ("'007'", "no id", "'9223372036854775808'", "'-5'", "'70'", "'71'", "'72'"):
        assert any(name in reason for reason in told), (name, told)
    assert {found["id"] for found in manifest["quarantined"]["calls"]} == {None, "70", "71", "72"}
    store = Store(tmp_path / "store.sqlite")
    ending = what_is_missing(
        came.failed, {name: store.asked.failures(name) for name in ("calls", "notes")}, {}
    )
    store.close()
    assert ending is not None
    assert ending.exit == 3
    assert "calls without an id, 70, 71" in ending.message
    came.write("json", "duckdb")
    assert sorted(came.elements("calls")) == sorted(came.active("calls")) == true_of(sandbox)[0]["calls"]


def test_a_page_of_20_mb_comes_home(tmp_path: Path) -> None:
    bodies = {}

    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        if record.get("archived"):
            return {}
        bodies[record["id"]] = f"<p>{record['id']}</p>" + "<br>0123456789 abcdef\n" * 9_500
        record["properties"]["hs_call_body"] = bodies[record["id"]]
        return {}

    came = home(tmp_path, InProcess("calls=100"), records(edit, "calls"), ["calls"])
    assert came.failed == {}
    assert sum(map(len, bodies.values())) > 20 * 10**6
    came.write("json", "duckdb")
    assert {id_: e["properties"]["hs_call_body"] for id_, e in came.elements("calls").items()} == bodies
    assert {id_: row["property_hs_call_body"] for id_, row in came.active("calls").items()} == bodies


def test_a_property_that_nobody_defined_stays_in_raw_and_in_the_files(tmp_path: Path) -> None:
    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        record["properties"]["brand_new"] = "v"
        return {}

    came = home(tmp_path, InProcess("calls=2"), records(edit, "calls"), ["calls"])
    came.write("json", "duckdb")
    assert [e["properties"]["brand_new"] for e in came.elements("calls").values()] == ["v", "v"]
    rows = came.active("calls").values()
    assert [json.loads(row["_raw"])["properties"]["brand_new"] for row in rows] == ["v", "v"]
    assert not any("property_brand_new" in row for row in rows)


def test_a_value_that_changes_at_each_read_is_one_of_them_and_the_same_everywhere(tmp_path: Path) -> None:
    numbers = count()

    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        record["properties"]["hs_call_body"] = f"read {next(numbers)}"
        return {}

    came = home(tmp_path, InProcess("calls=2"), records(edit, "calls"), ["calls"])
    assert came.failed == {}
    came.write("json", "duckdb")
    rows = came.rows("calls")
    for id_, element in came.elements("calls").items():
        assert re.fullmatch(r"read \d+", element["properties"]["hs_call_body"])
        assert rows[id_]["property_hs_call_body"] == element["properties"]["hs_call_body"]


@pytest.mark.parametrize(("portal", "records_there"), [("calls=0", 0), ("calls=1", 1)])
def test_a_type_with_no_record_or_one_is_complete(portal: str, records_there: int, tmp_path: Path) -> None:
    came = home(tmp_path, InProcess(portal), untouched, ["calls"])
    assert came.failed == {}
    came.write("json", "duckdb")
    assert len(came.elements("calls")) == len(came.active("calls")) == records_there
    reader = Reader(tmp_path / "store.sqlite")
    assert reader.bookmark("calls").complete
    reader.close()
