"""Layouts in which a database has views over the tables of a dump: a table of them, each a module with `VIEWS`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hubdump.around import tables
from hubdump.errors import UsageError
from hubdump.store.reader import Reader
from hubdump.targets.database import DLT
from hubdump.targets.export import Wanted
from hubdump.targets.layouts import fivetran
from hubdump.targets.layouts.view import LINKS, View

LAYOUTS: dict[str, tuple[View, ...]] = {"fivetran": fivetran.VIEWS}
# What takes the views away again.
NONE = "none"
# With a file's path: the key under which the store keeps the layout that its loads give it.
LAYOUT = "layout:"

__all__ = ["LAYOUT", "LAYOUTS", "NONE", "View", "checked", "told"]


def checked(asked: Wanted, layout: str | None) -> Wanted:
    """The same targets; UsageError where a layout was typed for what has no views."""
    databases = [one for one in asked.databases if not one.url.startswith(DLT)]
    if layout is not None and not (asked.has("duckdb") or databases):
        raise UsageError(
            "--layout is for the DuckDB file and PostgreSQL, which have views; none of them is asked for. Nothing was "
            "done.",
            f"hubdump load duckdb --layout {layout}",
        )
    return asked


def told(layout: str, place: str, types: Sequence[str], reader: Reader) -> Iterator[tuple[str, str]]:
    """What of the views of a layout is empty, as lines with what to do about it."""
    views = LAYOUTS[layout]
    empty = {view.name: view.missing for view in views if view.missing}
    columns = sum(len(view.columns) for view in views)
    listed = ", ".join(f"{view}.{name}" for view, names in empty.items() for name in names)
    found = f"{place} has {len(views)} views in the schema {layout}, with {columns} columns"
    yield f"{found}. Empty, as HubSpot does not tell: {listed}", f"What dbt is to leave out: docs/{layout}.md"
    there = {*types, *_around(reader), "associations", LINKS, "merges"}
    there |= {"property_history"} if reader.histories.asked() else set()
    without = [view for view in views if not any(select.table in there for select in view.selects)]
    if without:
        switches = sorted({view.switch for view in without})
        yield (
            f"No rows, as what they are of was not read: {', '.join(view.name for view in without)}",
            "vars in dbt_project.yml: " + ", ".join(f"{switch}: false" for switch in switches),
        )


def _around(reader: Reader) -> Iterator[str]:
    """The tables of what was ever read around the records."""
    yield from tables(reader.items.whole())
