"""`--labels`: labels of properties above the columns and of options in them, none of two alike, none computed."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubdump.errors import UsageError
from hubdump.hubspot.schema import defined
from hubdump.model import Request, Response
from hubdump.sandbox import InProcess
from hubdump.targets.export import Export, wanted
from hubdump.targets.labels import heads, labelled
from hubdump.targets.table import Column, Table
from hubdump.verify import local
from hubdump.verify.findings import Finding, Verdict
from tests.tampering import Home, home, records

PICK = [{"value": "true", "label": "Yes"}, {"value": "a", "label": "=A"}, {"value": "", "label": "nothing"}]


def column(name: str, label: str, **more: Any) -> Column:
    property_ = defined(name, json.dumps({"label": label, "type": "string"} | more).encode())
    return Column(f"property_{name}", property_.kind, property_, name)


def table(columns: tuple[Column, ...], *rows: Mapping[str, str | None]) -> Table:
    lines = [json.dumps({"id": str(n), "properties": row}).encode() for n, row in enumerate(rows)]
    return Table("things", (Column("id"), *columns), lambda: iter(lines), lambda: len(lines), "id")


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({"a": "Name"}, ["Name"]),
        ({"a": "Same", "b": "same", "c": "Other"}, ["Same (a)", "same (b)", "Other"]),
        ({"a": "", "b": "  "}, ["property_a", "property_b"]),
        ({"a": "ID"}, ["ID (a)"]),
        ({"a": "X", "b": "X", "c": "X (a)"}, ["X (a)", "X (b)", "X (a)_"]),
        ({"a": " =1\n"}, ["=1"]),
    ],
)  # fmt: skip
def test_every_column_has_a_name_of_its_own(labels: dict[str, str], found: list[str]) -> None:
    columns = tuple(column(name, label) for name, label in labels.items())
    assert heads(table(columns)) == ["id", *found]


def test_options_are_called_by_their_labels_and_what_is_none_stays() -> None:
    columns = (
        column("one", "One", type="enumeration", options=PICK),
        column("some", "Some", type="enumeration", fieldType="checkbox", options=PICK),
        column("bool", "Bool", type="bool", options=PICK),
        column("odd", "Odd", type="enumeration", options={"true": 7}),
    )
    texts = ("true", "a;b;true;", None, "")
    made = labelled(table(columns, *({c.key: text for c in columns} for text in texts)))
    assert list(made.texts()) == [
        ("0", "Yes", "Yes", "Yes", "true"), ("1", "a;b;true;", "=A;b;Yes;nothing", "a;b;true;", "a;b;true;"),
        ("2", None, None, None, None), ("3", "", "", "", ""),
    ]  # fmt: skip
    assert [c.name for c in made.columns] == ["id", "One", "Some", "Bool", "Odd"]


def test_labels_are_for_targets_that_can_have_them() -> None:
    dump = Path("data")
    both = wanted(["csv", "parquet"], {}, dump, labels=True).exports
    assert both == (Export("csv", "csv", True), Export("parquet", "parquet"))
    with pytest.raises(UsageError, match="--labels is for csv and xlsx"):
        wanted(["parquet"], {}, dump, labels=True)
    assert Export("csv", "a b", labels=True).asked(dump) == "'csv:data/a b' --labels"


VALUES = ("true", "01234", "a;b\\;c;;d", "=1", "")
LABELLED: dict[str, dict[str, Any]] = {
    "pick": {
        "type": "enumeration", "fieldType": "select", "label": "=Pick",
        "options": [{"value": "true", "label": "Yes"}, {"value": "01234", "label": "=2"}],
    },
    "picks": {
        "type": "enumeration", "fieldType": "checkbox", "label": "Same",
        "options": [{"value": "a", "label": "A"}, {"value": "c", "label": "C,"}],
    },
    "same": {"type": "string", "label": "same"},
}  # fmt: skip


@pytest.fixture
def came(tmp_path: Path) -> Home:
    """Calls with these values, one in each, in properties with labels that mean harm."""
    sandbox = InProcess(f"calls={len(VALUES)}")
    places = {id_: n for n, id_ in enumerate(sandbox.portal.truth("calls")["live"]["calls"])}

    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        if record["id"] in places:
            record["properties"] |= dict.fromkeys(LABELLED, VALUES[places[record["id"]]])
        return {}

    def change(request: Request[Any], response: Response) -> Response:
        if request.path != "/crm/properties/2026-09/calls":
            return records(edit, "calls")(request, response)
        content = json.loads(response.body)
        content["results"] += [{"name": name} | one for name, one in LABELLED.items()]
        return replace(response, body=json.dumps(content).encode())

    return home(tmp_path / "dump", sandbox, change, ["calls"])


def test_verify_holds_a_csv_with_labels_by_its_labels(came: Home) -> None:
    came.export("csv", labels=True)
    with (came.folder / "csv/calls.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert {row["'=Pick"] for row in rows} == {"Yes", "'=2", "a;b\\;c;;d", "'=1", ""}
    assert {row["Same (picks)"] for row in rows} == {"true", "01234", "A;b\\;C,;;d", "'=1", ""}
    assert {row["same (same)"] for row in rows} == {"true", "01234", "a;b\\;c;;d", "'=1", ""}
    (said,) = held(came)
    assert (said.verdict, "every value as in the store" in said.text) == (Verdict.RIGHT, True)
    text = (came.folder / "csv/calls.csv").read_bytes()
    (came.folder / "csv/calls.csv").write_bytes(text.replace(b'"Yes"', b'"No"'))
    (said,) = held(came)
    assert (said.verdict, len(said.ids)) == (Verdict.WRONG, 1)
    came.export("csv")
    assert [said.verdict for said in held(came)] == [Verdict.RIGHT]


def held(came: Home) -> list[Finding]:
    return [one for one in local.check(came.folder, came.types()) if one.what.startswith("csv:")]


def test_a_column_may_be_called_as_what_holds_the_properties_of_records() -> None:
    """Items of a collection have fields of any name."""
    line = b'{"id": "1", "properties": "[]"}'
    columns = (Column("id"), Column("properties"), Column("other"))
    assert list(Table("forms", columns, lambda: iter([line]), lambda: 1).texts()) == [("1", "[]", None)]
    line = b'{"id": "1", "properties": {"name": "x"}, "_raw": "{}"}'
    of_record = (
        Column("id"),
        Column("property_name", key="name"),
        Column("_raw"),
        Column("property_b", key="b"),
    )
    assert list(Table("deals", of_record, lambda: iter([line]), lambda: 1).texts()) == [
        ("1", "x", "{}", None)
    ]
