"""Makes of the views of a layout the SQL that DuckDB and PostgreSQL both take.

Every column has its type whatever was read: what would be of a table or field that is not there is NULL, and what is no
value of its kind too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hubdump.hubspot.schema import Kind
from hubdump.targets.layouts.shelf import Shelf, Source
from hubdump.targets.layouts.view import LINKS, Column, Select, View
from hubdump.targets.sql import quoted, text

TYPES = {
    "text": "TEXT",
    "object": "TEXT",
    "int": "BIGINT",
    "number": "DECIMAL(38,10)",
    "float": "FLOAT8",
    "bool": "BOOLEAN",
    "time": "TIMESTAMP",
}
_OWN = "archived", "_deleted"
_SYNCED, _DELETED, _PORTAL = "_fivetran_synced", ("_fivetran_deleted", "is_deleted"), "portal_id"
_PLACE = re.compile(r"\{(\w+)(?:\.([\w.]+))?(?::(\w+))?\}")
_DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_INSTANT = rf"^{_DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})$"
_MS = "^-?[0-9]{1,14}$"
# A text as a value of a kind. A cast stands behind a pattern: PostgreSQL's raise an error, and DuckDB's guess.
_OF_TEXT = {
    "text": "{x}",
    "int": "CASE WHEN {x} ~ '^-?[0-9]{1,18}$' THEN CAST({x} AS BIGINT) END",
    "number": r"CASE WHEN {x} ~ '^-?[0-9]{1,28}(\.[0-9]{1,10})?$' THEN CAST({x} AS DECIMAL(38,10)) END",
    "float": r"CASE WHEN {x} ~ '^-?[0-9]{1,30}(\.[0-9]{1,30})?$' THEN CAST({x} AS FLOAT8) END",
    "bool": "CASE lower({x}) WHEN 'true' THEN true WHEN 'false' THEN false END",
    "time": f"CASE WHEN {{x}} ~ '{_INSTANT}' THEN CAST({{x}} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' WHEN {{x}} ~ '{_MS}'"
    " THEN TIMESTAMP '1970-01-01' + CAST({x} || ' milliseconds' AS INTERVAL) END",
}
# Values of other kinds; any other pair goes by way of the text.
_OF_KIND = {
    (Kind.NUMBER, "number"): "{x}",
    (
        Kind.NUMBER,
        "int",
    ): "CASE WHEN {x} = trunc({x}) AND abs({x}) < 1000000000000000000 THEN CAST({x} AS BIGINT) END",
    (Kind.INTEGER, "int"): "{x}",
    (Kind.BOOL, "bool"): "{x}",
    (Kind.INSTANT, "time"): "{x} AT TIME ZONE 'UTC'",
    (Kind.DATE, "time"): "CAST({x} AS TIMESTAMP)",
    (Kind.LIST, "text"): "array_to_string({x}, ';')",
}
_TEXTS = {Kind.VERBATIM, Kind.TEXT}
# How a property that is in no table of the layout stands in its view: as it is, where it says nothing else.
_AS_IT_IS = {Kind.INSTANT: "time", Kind.LIST: "text", Kind.JSON: "text"}


def sql(view: View, shelf: Shelf) -> str:
    """The query of a view."""
    return " UNION ALL ".join(_Selecting(view, select, shelf).sql() for select in view.selects)


def _valued(x: str, kind: Kind, to: str) -> str:
    """A value of a column's kind as one of a layout's."""
    if found := _OF_KIND.get((kind, to)):
        return found.replace("{x}", x)
    return _OF_TEXT[to].replace("{x}", x if kind in _TEXTS else f"CAST({x} AS TEXT)")


@dataclass(frozen=True, slots=True)
class _Selecting:
    """One select of a view."""

    view: View
    select: Select
    shelf: Shelf

    def sql(self) -> str:
        select, table = self.select, self.select.table
        where = " AND ".join(part for part in (self._placed(select.where), self._ends()) if part)
        from_ = f" FROM {self._from(table)} AS {table}{self._placed(select.more)}" if table else ""
        listed = ", ".join(self._columns())
        distinct = "DISTINCT " if self.view.distinct else ""
        return f"SELECT {distinct}{listed}{from_} WHERE {where or (bool(table) and 'true') or 'false'}"

    def _columns(self) -> Iterator[str]:
        columns = list(self.select.listed())
        for column in columns:
            yield f"CAST({self._value(column)} AS {TYPES[column.kind]}) AS {quoted(column.name)}"
        if self.view.properties:
            taken = {column.name.casefold() for column in columns} | set(self.view.hidden)
            for name, called in self._source.properties.items():
                if called.casefold() not in taken:
                    yield self._property(name, called)

    def _property(self, name: str, called: str) -> str:
        x, kind = self._field(self.select.table, name)
        return f"{_valued(x, kind, _AS_IT_IS[kind]) if kind in _AS_IT_IS else x} AS {quoted(called)}"

    def _value(self, column: Column) -> str:
        """The SQL of one column."""
        if column.empty or not self.select.table:
            return "NULL"
        if column.of.startswith("="):
            made = f"({self._placed(column.of[1:])})"
            return _valued(made, Kind.TEXT, "int") if column.kind == "int" else made
        if column.of != column.name:
            return self._of(column.of, column.kind)
        return self._by_name(column)

    def _by_name(self, column: Column) -> str:
        """What has the same meaning in every table, else the field of that name."""
        if column.name == _SYNCED:
            return self._synced()
        if column.name in _DELETED:
            return self._gone()
        if column.name == "active":
            return f"NOT ({self._gone()})"
        if column.name == _PORTAL:
            return self.shelf.portal or "NULL"
        return self._of(column.name, column.kind)

    def _synced(self) -> str:
        if "_extracted_at" in self._source.columns:
            return self._of("_extracted_at", "time")
        return self.shelf.read.get(self.select.table, "NULL")

    def _gone(self) -> str:
        return " OR ".join(f"coalesce({self._of(name, 'bool')}, false)" for name in _OWN)

    def _of(self, field: str, kind: str) -> str:
        """The value of a field of this select's table."""
        return self._placed(f"{{{self.select.table}.{field}:{kind}}}")

    @property
    def _source(self) -> Source:
        return self.shelf.sources.get(self.select.table, Source(""))

    def _placed(self, template: str) -> str:
        """SQL with what stands in braces in its place."""

        def place(found: re.Match[str]) -> str:
            table, field, kind = found.groups()
            if not field:
                return self._from(table)
            x, is_ = self._field(table, *field.split("."))
            if kind == "object":
                return self._object(x)
            return _valued(x, is_, kind or "text") if kind or is_ not in _TEXTS else x

        return _PLACE.sub(place, template)

    def _from(self, table: str) -> str:
        """A table; no row where it is not there."""
        if table == LINKS and "associations" in self.shelf.sources:
            return self._links()
        there = self.shelf.sources.get(table)
        return there.sql if there else "(SELECT 1 WHERE false)"

    def _field(self, table: str, name: str, *path: str) -> tuple[str, Kind]:
        """A field of a table, or what is at a path in its JSON, with its kind."""
        if table == LINKS:
            return f"{LINKS}.{name}", Kind.INTEGER if name == "type_id" else Kind.VERBATIM
        there = self.shelf.sources.get(table)
        if there is None or name not in there.columns:
            return "CAST(NULL AS TEXT)", Kind.TEXT
        held, kind = there.columns[name]
        x = held.replace("{t}", table)
        return (_inner(x, path), Kind.TEXT) if path else (x, kind)

    def _object(self, x: str) -> str:
        """The singular of a type's name."""
        whens = " ".join(f"WHEN {text(name)} THEN {text(one)}" for name, one in self.shelf.singular.items())
        return f"CASE {x} {whens} ELSE {x} END" if whens else x

    def _links(self) -> str:
        """Associations as seen from both ends: of a pair that is read from one side, the other one is that turned
        around, with the type id that the same category and label have there.
        """
        from_, to = self.select.ends
        of = self.shelf.sources["associations"].sql
        return (
            f"(SELECT a.from_type, a.from_id, a.to_type, a.to_id, a.category, a.type_id FROM {of} a"  # noqa: S608 - our own
            f" WHERE a.from_type IN ({_listed(from_)}) AND a.to_type IN ({_listed(to)})"
            " UNION ALL SELECT r.to_type, r.to_id, r.from_type, r.from_id, r.category,"
            f" {self._turned()} FROM {of} r"
            f" WHERE r.to_type IN ({_listed(from_)}) AND r.from_type IN ({_listed(to)}) AND NOT EXISTS (SELECT 1"
            f" FROM {of} o WHERE o.from_type = r.to_type AND o.from_id = r.to_id AND o.to_type = r.from_type"
            " AND o.to_id = r.from_id))"
        )

    def _turned(self) -> str:
        from_, to = self.select.ends
        ids: dict[tuple[str, str, str, str | None], set[int]] = {}
        for one in self.shelf.kinds:
            if one.from_type in from_ and one.to_type in to:
                ids.setdefault((one.from_type, one.to_type, one.category, one.label), set()).add(one.type_id)
        whens = " ".join(
            f"WHEN r.to_type = {text(a)} AND r.from_type = {text(b)} AND r.category = {text(category)}"
            f" AND r.label {'IS NULL' if label is None else '= ' + text(label)} THEN {min(found)}"
            for (a, b, category, label), found in ids.items()
            if len(found) == 1
        )
        return f"CASE {whens} END" if whens else "CAST(NULL AS BIGINT)"

    def _ends(self) -> str:
        """That the records at both ends are there, where their types are."""
        from_, to = self.select.ends
        return " AND ".join(filter(None, (self._alive("from", from_), self._alive("to", to))))

    def _alive(self, end: str, types: Sequence[str]) -> str:
        there = [name for name in types if name in self.shelf.sources]
        if not there:
            return ""
        rows = " UNION ALL ".join(
            f"SELECT {text(name)}, id FROM {self.shelf.sources[name].sql} WHERE NOT (archived OR _deleted)"  # noqa: S608 - quoted
            for name in there
        )
        found = f"({LINKS}.{end}_type, {LINKS}.{end}_id) IN ({rows})"
        unread = [name for name in types if name not in there]
        return f"({found} OR {LINKS}.{end}_type IN ({_listed(unread)}))" if unread else found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(text, names))


def _inner(x: str, path: Sequence[str]) -> str:
    """What stands at a path in a field's JSON; nothing where PostgreSQL could not read it."""
    found = f"CAST({x} AS JSON)"
    for key in path[:-1]:
        found = f"({found} -> {text(key)})"
    return f"(CASE WHEN {x} LIKE '{{%' AND strpos({x}, '\\u0000') = 0 THEN {found} ->> {text(path[-1])} END)"
