"""The views of `easy` over tables made by hand: what no portal of the sandbox has."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from hubdump.hubspot.schema import Kind, Property
from hubdump.model import ObjectType
from hubdump.targets import easy
from hubdump.targets.table import Column, Table

HEADS = (Column("id"), Column("created_at"), Column("updated_at"))
ENDS = (Column("archived", Kind.BOOL), Column("_deleted", Kind.BOOL))
KINDS = {Kind.BOOL: "BOOLEAN", Kind.LIST: "VARCHAR[]"}
LINKS = ("from_type", "from_id", "to_type", "to_id", "category", "type_id", "label")


class Made:
    """A database with some tables, and the schema over them."""

    def __init__(self) -> None:
        self.db, self._tables = duckdb.connect(), list[Table]()

    def of_type(self, name: str, *columns: Column, rows: str, engagement: str | None = None) -> None:
        type_ = ObjectType(name, "2-1", name, engagement=engagement)
        self._add(Table(name, (*HEADS, *columns, *ENDS), lambda: iter(()), lambda: 0, "id", type_), rows)
        for column in ("archived_at", "_merged_into"):
            self.db.execute(f'ALTER TABLE "{name}" ADD COLUMN "{column}" VARCHAR')

    def table(self, name: str, *columns: str, rows: str = "") -> None:
        self._add(Table(name, tuple(map(Column, columns)), lambda: iter(()), lambda: 0), rows)

    def _add(self, table: Table, rows: str) -> None:
        listed = ", ".join(f'"{c.name}" {KINDS.get(c.kind, "VARCHAR")}' for c in table.columns)
        self.db.execute(f'CREATE TABLE "{table.name}" ({listed})')
        if rows:
            self.db.execute(f'INSERT INTO "{table.name}" VALUES {rows}')
        self._tables.append(table)

    def says(self, sql: str) -> list[tuple[object, ...]]:
        easy.add(self.db, self._tables)
        return self.db.execute(sql).fetchall()


@pytest.fixture
def made() -> Iterator[Made]:
    found = Made()
    yield found
    found.db.close()


def of(
    name: str, column: str = "", options: tuple[tuple[str, str], ...] = (), kind: Kind = Kind.TEXT
) -> Column:
    return Column(column or f"property_{name}", kind, Property(name, "string", "text", "", kind, options))


def test_options_of_a_multi_select_are_labels_and_what_is_no_option_stays(made: Made) -> None:
    options = (("a", "It's A"), ("b", "B"), ("c", ""))
    rows = "('1', NULL, NULL, ['a', 'gone', 'c'], 'b', false, false), ('2', NULL, NULL, NULL, 'gone', false, false)"
    made.of_type("things", of("many", "", options, Kind.LIST), of("one", "", options), rows=rows)
    made.table("associations", *LINKS)
    assert made.says("SELECT id, many, one FROM easy.things ORDER BY id") == [
        ("1", ["It's A", "gone", "c"], "B"),
        ("2", None, "gone"),
    ]


def test_what_changed_is_told_of_every_record_with_what_became_of_it(made: Made) -> None:
    states = ("false, false", "true, false", "false, true", "false, true")
    rows = ", ".join(f"('{n}', '2026-01-01', '2026-01-0{n + 2}', {state})" for n, state in enumerate(states))
    made.of_type("deals", rows=rows)
    made.table("associations", *LINKS)
    made.db.execute("UPDATE deals SET archived_at = '2026-02-01' WHERE id = '1'")
    made.db.execute("UPDATE deals SET _merged_into = '9' WHERE id = '3'")
    assert made.says(
        "SELECT type, id, name, state, created_at, changed_at FROM easy.changes ORDER BY id"
    ) == [
        ("deals", "0", "0", "active", "2026-01-01", "2026-01-02"),
        ("deals", "1", "1", "archived", "2026-01-01", "2026-02-01"),
        ("deals", "2", "2", "gone", "2026-01-01", "2026-01-04"),
        ("deals", "3", "3", "merged", "2026-01-01", "2026-01-05"),
    ]


def test_names_that_are_taken_are_told_apart_and_what_is_archived_or_gone_is_not_there(made: Made) -> None:
    columns = (of("ID"), of("foo"), of("Foo", "property_Foo_x1234"), of("my_owner_id"))
    states = ("false, false", "true, false", "false, true")
    rows = ", ".join(f"('{n}', NULL, NULL, 'a', 'b', 'c', 'd', {state})" for n, state in enumerate(states))
    made.of_type("links", *columns, rows=rows)
    made.table("associations", *LINKS)
    assert made.says("SELECT id, foo, my_owner_name FROM easy.links_") == [("0", "b", None)]
    made.db.execute("SELECT * FROM easy.links_")
    assert [column[0] for column in made.db.description or ()] == [
        "id", "created_at", "updated_at", "property_ID", "foo", "property_Foo_x1234", "my_owner_id", "my_owner_name",
    ]  # fmt: skip


def test_one_id_in_two_types_and_one_stage_in_two_pipelines_are_told_apart(made: Made) -> None:
    alike = "('1', NULL, NULL, {}false, false)"
    made.of_type("calls", rows=alike.format(""), engagement="CALL")
    made.of_type("notes", rows=alike.format(""), engagement="NOTE")
    made.of_type("deals", of("dealstage"), rows=alike.format("'won', "))
    made.of_type("tickets", of("hs_pipeline_stage"), rows=alike.format("'won', "))
    made.table(
        "pipeline_stages",
        "parent",
        "id",
        "label",
        rows="('deals', 'won', 'Sold'), ('tickets', 'won', 'Calm')",
    )
    links = "('calls', '1', 'contacts', '7', '', '1', NULL), ('notes', '1', 'contacts', '8', '', '1', NULL)"
    made.table("associations", *LINKS, rows=links)
    assert made.says("SELECT type, contact_ids FROM easy.engagements ORDER BY type") == [
        ("calls", ["7"]),
        ("notes", ["8"]),
    ]
    assert made.db.execute("SELECT dealstage FROM easy.deals").fetchall() == [("Sold",)]
    assert made.db.execute("SELECT hs_pipeline_stage FROM easy.tickets").fetchall() == [("Calm",)]


def test_links_are_seen_from_both_ends_and_once_from_each(made: Made) -> None:
    for name in ("deals", "contacts"):
        rows = "('1', NULL, NULL, false, false), ('2', NULL, NULL, false, false)"
        made.of_type(name, rows=rows)
    links = (
        "('deals', '1', 'contacts', '1', 'H', '3', 'buyer'), ('contacts', '1', 'deals', '1', 'H', '4', 'deal'),"
        " ('deals', '1', 'contacts', '2', 'H', '3', NULL), ('contacts', '1', 'contacts', '2', 'H', '9', 'boss')"
    )
    made.table("associations", *LINKS, rows=links)
    sql = "SELECT from_type, from_id, to_type, to_id, label FROM easy.links ORDER BY ALL"
    assert made.says(sql) == [
        ("contacts", "1", "contacts", "2", "boss"),
        ("contacts", "1", "deals", "1", "deal"),
        ("contacts", "2", "contacts", "1", "boss"),
        ("contacts", "2", "deals", "1", None),
        ("deals", "1", "contacts", "1", "buyer"),
        ("deals", "1", "contacts", "2", None),
    ]
