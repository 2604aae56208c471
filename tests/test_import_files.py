"""CSV for HubSpot's importer: what a user may set of active records, told as its help asks, once, by Record ID."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hubdump.around import ItemRef, ItemsRead
from hubdump.catalog import STANDARD
from hubdump.model import RecordRef, RecordsRead, Response, WalkKey
from hubdump.store.store import Store
from hubdump.targets import exports, import_files
from hubdump.targets.export import Built, Export

NOT_WRITABLE: tuple[dict[str, Any], ...] = (
    {"calculated": True},
    {"hidden": True},
    {"archived": True},
    {"modificationMetadata": {"readOnlyValue": True}},
    {"modificationMetadata": "who knows"},
)
DEFINED: dict[str, dict[str, Any]] = {
    "name": {"type": "string", "label": " Deal name ", "modificationMetadata": {"readOnlyValue": False}},
    "hubspot_owner_id": {"type": "enumeration", "label": "Owner", "referencedObjectType": "OWNER"},
    "closed": {"type": "datetime", "label": "Closed"},
    "closed_day": {"type": "date", "label": "closed"},
    "when": {"type": "date", "label": "Day"},
    "kinds": {"type": "enumeration", "fieldType": "checkbox", "label": "Kinds"},
    "mine": {"type": "string", "label": "record id"},
    "unlabelled": {"type": "bool"},
    **{f"not_{n}": {"type": "string", "label": f"Not {n}"} | said for n, said in enumerate(NOT_WRITABLE)},
}
HEADS = ["Record ID", "Deal name", "Owner", "closed", "closed_day", "Day", "Kinds", "mine", "unlabelled"]
VALUES = {
    1: ('=1+1\r\n"x"', "11", "2026-01-02T12:00:00.123Z", "2026-01-02", "1767312000000", "a;b", "5", "true"),
    2: ("é", "12", "2026-01-02T12:00:00.1234Z", "soon", "2026-01-03", "", None, "false"),
    3: ("archived", "11", None, None, None, None, None, None),
}
# Noon of 2026-01-02 is 20,455 days and a half after 1970.
NOON_MS = (20_455 * 24 + 12) * 3_600_000
ROWS = [
    ["1", '=1+1\r\n"x"', "ann@example.com", str(NOON_MS + 123), "2026-01-02", "2026-01-02", "a;b", "5", "true"],
    ["2", "é", "12", "2026-01-02T12:00:00.1234Z", "soon", "2026-01-03", "", "", "false"],
]  # fmt: skip


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Two deals and one that is archived; of two owners, one is known by his email."""
    with closing(Store(tmp_path / "store.sqlite")) as store:
        store.bind_portal(1)
        store.set_definitions("deals", [(name, json.dumps(said).encode()) for name, said in DEFINED.items()])
        store.begin_round("deals", 1)
        texts = {id_: dict(zip(list(DEFINED)[:8], of, strict=True)) for id_, of in VALUES.items()}
        of_each = [
            {"id": str(id_), "properties": of | {f"not_{n}": "x" for n in range(5)}}
            for id_, of in texts.items()
        ]
        body = json.dumps({"results": of_each}).encode()
        refs = [RecordRef(id_, n, 1, id_ == 3) for n, id_ in enumerate(VALUES)]
        read = RecordsRead(Response(200, {}, body), refs, "", done=False)
        store.commit_records(WalkKey("deals", "sweep"), read, 0.0)
        store.finish_round("deals", 1, 1)
        body = b'{"results":[{"id":"11","email":"ann@example.com"},{"id":"12","email":null}]}'
        owners = [ItemRef("", "11", 0), ItemRef("", "12", 1)]
        store.items.begin("owners", 1)
        store.items.commit("owners", ItemsRead("", Response(200, {}, body), owners, ("id", "email")), 0.0)
        store.items.finish("owners", 1, growing=False)
    return tmp_path


def built(dump: Path, *types: str) -> Built:
    of = [STANDARD.by_name(name) for name in types]
    made = exports.build(dump, Export("import", "import"), of)
    for path in made.files:
        (dump / path).with_name(f".{Path(path).name}.new").rename(dump / path)
    assert all(one.none for one in exports.differences(dump, Export("import", "import"), of).values())
    return made


def rows(path: Path) -> list[list[str]]:
    """A file as bytes, without a mark that would become part of its first header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def test_active_records_are_told_as_the_importer_takes_them_and_only_what_a_user_may_set(dump: Path) -> None:
    made = built(dump, "deals")
    assert (list(made.files), made.records, made.told) == (["import/deals.csv"], 2, ())
    assert rows(dump / "import/deals.csv") == [HEADS, *ROWS]


def test_a_file_that_differs_from_the_store_is_seen(dump: Path) -> None:
    built(dump, "deals")
    path = dump / "import/deals.csv"
    path.write_bytes(path.read_bytes().replace(b"2026-01-03", b"2026-01-04"))
    (found,) = exports.differences(dump, Export("import", "import"), [STANDARD.by_name("deals")]).values()
    assert [names for _, names in found.kinds if names] == [["deals 2"]]


def test_engagements_that_the_importer_would_make_once_more_have_no_file(dump: Path) -> None:
    made = built(
        dump, "meetings", "emails", "notes", "tasks", "communications", "postal_mail", "calls", "deals"
    )
    assert sorted(made.files) == ["import/calls.csv", "import/deals.csv"]
    assert rows(dump / "import/calls.csv") == [["Record ID"]]


def test_more_rows_and_columns_than_hubspot_takes_are_parted_among_files_each_with_ids(
    dump: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_files, "ROWS_MAX", 2)
    monkeypatch.setattr(import_files, "COLUMNS_MAX", 4)
    made = built(dump, "deals")
    names = ["deals", *(f"deals {n}" for n in range(2, 7))]
    assert list(made.files) == [f"import/{name}.csv" for name in names]
    assert [text for text in made.told if "2 rows and 4 columns in one: deals" in text]
    columns = [HEADS[1:4], HEADS[4:7], HEADS[7:]]
    parts = [dict(zip(HEADS, row, strict=True)) for row in ROWS]
    for n, name in enumerate(names):
        heads = ["Record ID", *columns[n % 3]]
        assert rows(dump / f"import/{name}.csv") == [heads, [parts[n // 3][head] for head in heads]]


def test_a_file_larger_than_hubspot_takes_is_told(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_files, "BYTES_MAX", 200)
    assert [text for text in built(dump, "deals").told if "deals.csv is larger than" in text]
