"""The schema `easy` of a DuckDB file, for questions by hand: views of what is there now, with bare names and labels.

Nothing is stored in it: each view is the SQL over the tables of `main`. A view has its columns whatever was read; what
it would take from a table that is not there (owners, where only contacts were asked for) is NULL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hubdump.hubspot.schema import Kind, Property
from hubdump.targets.sql import quoted, text
from hubdump.targets.table import Column, Table

if TYPE_CHECKING:
    import duckdb

_NONE = "NULL::VARCHAR"
# HubSpot's properties that hold an id of a pipeline, or of a stage of one, and the tables that have the labels.
_PIPELINES = {
    "pipeline": "pipelines",
    "hs_pipeline": "pipelines",
    "dealstage": "pipeline_stages",
    "hs_pipeline_stage": "pipeline_stages",
}
# What a record is called by: the first of these that its type has.
_CALLED = (
    "name", "dealname", "subject", "hs_name", "hs_title", "hs_lead_name", "hs_order_name", "hs_cart_name",
    "hs_meeting_title", "hs_call_title", "hs_email_subject", "hs_task_subject", "hs_event_name",
)  # fmt: skip
_TITLES = ("hs_meeting_title", "hs_call_title", "hs_email_subject", "hs_task_subject", "hs_postal_mail_title")
_BODIES = (
    "hs_meeting_body", "hs_call_body", "hs_email_text", "hs_email_html", "hs_note_body", "hs_task_body",
    "hs_communication_body", "hs_body_preview",
)  # fmt: skip
_LINKED = {
    "contacts": "contact_ids",
    "companies": "company_ids",
    "deals": "deal_ids",
    "tickets": "ticket_ids",
}
_OWNER = "hubspot_owner_id"


def add(db: duckdb.DuckDBPyConnection, listed: Sequence[Table]) -> None:
    """Make the schema in the database in use, which has these tables."""
    db.execute("BEGIN")
    for sql in _views(listed):
        db.execute(sql)
    db.execute("COMMIT")


def _views(listed: Sequence[Table]) -> Iterator[str]:
    """The SQL of the schema and of every view in it, in an order in which each finds those it stands on."""
    tables = {table.name: table for table in listed}
    of_types = [table for table in listed if table.type]
    names = _Names("owners", "names", "links", "engagements", "changes")
    yield "CREATE SCHEMA easy"
    yield _create("owners", _owners(tables.get("owners")))
    for table in of_types:
        yield _create(names.free(table.name), _of_type(table, tables))
    if of_types:
        yield _create("changes", " UNION ALL ".join(map(_changes, of_types)))
    yield _create("names", " UNION ALL ".join(map(_names, of_types)) or _NAMELESS)
    yield _create("links", _LINKS)
    engagements = [table for table in of_types if table.type and table.type.engagement]
    if engagements:
        yield _create("engagements", " UNION ALL ".join(map(_engagement, engagements)))


def _create(name: str, sql: str) -> str:
    return f"CREATE VIEW easy.{quoted(name)} AS {sql}"


def _owners(table: Table | None) -> str:
    """Who owns records: id, name, email, archived."""
    has = {column.name for column in table.columns} if table else set()
    names = ", ".join(quoted(name) for name in ("firstName", "lastName") if name in has)
    email = "email" if "email" in has else _NONE
    name = f"nullif(trim(concat_ws(' ', {names})), '')" if names else _NONE
    columns = f"id, coalesce({name}, {email}) AS name, {email} AS email, archived"
    if table:
        return f"SELECT {columns} FROM main.owners WHERE NOT _deleted"  # noqa: S608 - quoted
    return f"SELECT {_NONE} AS id, {_NONE} AS name, {_NONE} AS email, NULL::BOOLEAN AS archived WHERE false"


class _Names:
    """Names of a view's columns, no two alike to who does not tell case apart."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)

    def free(self, *wanted: str) -> str:
        """The first of some names that is free, the last one with underscores if need be."""
        name = next((name for name in wanted if name.casefold() not in self._taken), wanted[-1])
        while name.casefold() in self._taken:
            name += "_"
        self._taken.add(name.casefold())
        return name


def _of_type(table: Table, tables: dict[str, Table]) -> str:
    """Records that are neither archived nor gone, every property under its own name, labels in the place of codes."""
    heads = ("id", "created_at", "updated_at")
    names = _Names(*heads)
    columns = [f"t.{head}" for head in heads]
    for column, p in _properties(table):
        name = names.free(p.name or column.name, column.name)
        columns.append(f"{_value(table.name, column, p, tables)} AS {quoted(name)}")
    for column, p in _properties(table):
        if p.name.endswith("owner_id"):
            name = names.free(f"{p.name.removesuffix('_id')}_name")
            columns.append(f"{_owner(f't.{quoted(column.name)}')} AS {quoted(name)}")
    if table.name == "deals":
        columns.append(f"{_currency(table, tables)} AS {quoted(names.free('currency'))}")
    return (
        f"SELECT {', '.join(columns)} FROM main.{quoted(table.name)} t WHERE NOT (t._deleted OR t.archived)"  # noqa: S608 - quoted
    )


def _properties(table: Table) -> Iterator[tuple[Column, Property]]:
    return ((column, column.property) for column in table.columns if column.property)


def _having(table: Table, name: str) -> str:
    """The column of a property as SQL over the table `t`, empty where the type has none of that name."""
    return next((f"t.{quoted(column.name)}" for column, p in _properties(table) if p.name == name), "")


def _value(type_: str, column: Column, p: Property, tables: dict[str, Table]) -> str:
    held = f"t.{quoted(column.name)}"
    labelled = _options(held, column, p)
    source = _PIPELINES.get(p.name)
    if source not in tables:
        return labelled
    found = f"SELECT any_value(label) FROM main.{source} s WHERE s.parent = {text(type_)} AND s.id = {held}"  # noqa: S608 - quoted
    return f"coalesce(({found}), {labelled})"


def _options(held: str, column: Column, p: Property) -> str:
    """The label of each option; a value that HubSpot does not define any more stays as it is."""
    options = {value: label for value, label in p.options if label and label != value}
    if not options or column.kind not in {Kind.TEXT, Kind.LIST}:
        return held
    whens = " ".join(f"WHEN {text(value)} THEN {text(label)}" for value, label in options.items())
    if column.kind is Kind.LIST:
        return f"list_transform({held}, lambda v: CASE v {whens} ELSE v END)"
    return f"CASE {held} {whens} ELSE {held} END"


def _owner(held: str) -> str:
    return f"(SELECT any_value(o.name) FROM easy.owners o WHERE o.id = {held})"  # noqa: S608 - quoted


def _currency(deals: Table, tables: dict[str, Table]) -> str:
    """What the amounts of a deal are in: its own currency, else the company's."""
    held = _having(deals, "deal_currency_code") or _NONE
    company = tables.get("company_currency")
    if company and any(column.name == "currencyCode" for column in company.columns):
        return f'coalesce({held}, (SELECT any_value("currencyCode") FROM main.company_currency))'  # noqa: S608 - our own
    return held


def _names(table: Table) -> str:
    """What each record is called by."""
    return (
        f"SELECT {text(table.name)} AS type, t.id, {_called(table)} AS name"  # noqa: S608 - quoted
        f" FROM main.{quoted(table.name)} t WHERE NOT (t._deleted OR t.archived)"
    )


def _changes(table: Table) -> str:
    """When each record, whatever became of it, last changed; of one that is gone, before it was."""
    state = (
        "CASE WHEN t._merged_into IS NOT NULL THEN 'merged' WHEN t._deleted THEN 'gone'"
        " WHEN t.archived THEN 'archived' ELSE 'active' END"
    )
    return (
        f"SELECT {text(table.name)} AS type, t.id, {_called(table)} AS name, {state} AS state, t.created_at,"  # noqa: S608 - quoted
        f" greatest(t.updated_at, t.archived_at) AS changed_at FROM main.{quoted(table.name)} t"
    )


def _called(table: Table) -> str:
    """What a record is called by, else its id."""
    called = [held for name in _CALLED if (held := _having(table, name))]
    first, last, email = (_having(table, name) for name in ("firstname", "lastname", "email"))
    if first and last:
        called = [f"nullif(trim(concat_ws(' ', {first}, {last})), '')", *([email] if email else []), *called]
    return f"coalesce({', '.join(called)}, t.id)" if called else "t.id"


# Of a dump without any type.
_NAMELESS = f"SELECT {_NONE} AS type, {_NONE} AS id, {_NONE} AS name WHERE false"
# A pair that HubSpot shows alike from both sides was read from one: the other one is what that says, turned around.
_LINKS = (
    "WITH a AS (SELECT * FROM main.associations UNION ALL"
    " SELECT r.to_type, r.to_id, r.from_type, r.from_id, r.category, r.type_id, r.label FROM main.associations r"
    " WHERE NOT EXISTS (SELECT 1 FROM main.associations o WHERE o.from_type = r.to_type AND o.from_id = r.to_id"
    " AND o.to_type = r.from_type AND o.to_id = r.from_id))"
    " SELECT a.from_type, a.from_id, f.name AS from_name, a.to_type, a.to_id, t.name AS to_name, a.category, a.label"
    " FROM a"
    " LEFT JOIN easy.names f ON f.type = a.from_type AND f.id = a.from_id"
    " LEFT JOIN easy.names t ON t.type = a.to_type AND t.id = a.to_id"
)


def _engagement(table: Table) -> str:
    """One shape for all engagements: when, what, by whom, and with whom it is associated."""
    at, owner = _having(table, "hs_timestamp") or "t.created_at", _having(table, _OWNER)
    columns = {
        "type": text(table.type.singular if table.type else table.name),
        "id": "t.id",
        "happened_at": at,
        "title": _first(table, _TITLES),
        "body": _first(table, _BODIES),
        "owner_id": owner or _NONE,
        "owner_name": _owner(owner) if owner else _NONE,
        **{name: _linked(table.name, to) for to, name in _LINKED.items()},
        "created_at": "t.created_at",
        "updated_at": "t.updated_at",
    }
    listed = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"SELECT {listed} FROM main.{quoted(table.name)} t WHERE NOT (t._deleted OR t.archived)"  # noqa: S608 - quoted


def _first(table: Table, names: Sequence[str]) -> str:
    held = [found for name in names if (found := _having(table, name))]
    return f"coalesce({', '.join(held)})" if held else _NONE


def _linked(from_: str, to: str) -> str:
    """The ids of another type that a record is associated with, each once."""
    return (
        f"coalesce((SELECT list(DISTINCT a.to_id ORDER BY a.to_id) FROM main.associations a"  # noqa: S608 - quoted
        f" WHERE a.from_type = {text(from_)} AND a.from_id = t.id AND a.to_type = {text(to)}), [])"
    )
