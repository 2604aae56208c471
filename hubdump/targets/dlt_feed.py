"""The tables of a dump as resources of dlt: which there are, and what of them the destination lacks.

What it has is what dlt's state and the destination's agree on (lacking.py); where they do not, or in doubt, all of a
table is sent, in the place of what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from hubdump import around
from hubdump.catalog import STANDARD
from hubdump.errors import HubdumpError, UsageError
from hubdump.hubspot.schema import Kind
from hubdump.model import CUSTOM
from hubdump.store.reader import Reader
from hubdump.targets.lacking import DELETED, REMOVED, Had, Lacking, lacking, with_removals
from hubdump.targets.plain import LENGTH_MAX, plain
from hubdump.targets.table import Column, Table
from hubdump.targets.tables import ASSOCIATIONS, COLUMNS, OF_ALL, tables

if TYPE_CHECKING:
    from dlt.extract import DltResource, DltSource

# Brings a dump up to date for these tables.
Update = Callable[[Sequence[str]], None]
NAME = "hubspot"
# The custom objects of which nobody knew when the source was made.
CUSTOM_OBJECTS = "custom_objects"
_MERGED = {"disposition": "merge", "strategy": "delete-insert"}
_TYPES: Mapping[Kind, dict[str, object]] = {
    Kind.NUMBER: {"data_type": "decimal", "precision": 38, "scale": 10},
    Kind.INTEGER: {"data_type": "bigint"},
    Kind.BOOL: {"data_type": "bool"},
    Kind.DATE: {"data_type": "date"},
    Kind.INSTANT: {"data_type": "timestamp", "precision": 6},
}


def source(feed: Feed) -> DltSource:
    """A source of a dump's tables."""
    import dlt
    from dlt.extract import DltSource

    found = DltSource(dlt.Schema(NAME), NAME, [_resource(feed, name) for name in feed.named])
    found.max_table_nesting = 0
    return found


@dataclass(slots=True)
class _Hints:
    """What dlt is to know of the batch that was just yielded."""

    table: str = ""
    disposition: Any = "append"
    columns: list[dict[str, object]] = field(default_factory=list)


def _resource(feed: Feed, resource: str) -> DltResource:
    """One resource; dlt asks for its hints with each batch, since only then is it known how it is to be written."""
    import dlt

    hints = _Hints(resource)

    def rows() -> Iterator[Any]:
        yield from feed.rows(resource, hints)

    return dlt.resource(
        rows,
        name=resource,
        table_name=lambda _: hints.table,
        write_disposition=lambda _: hints.disposition,
        columns=lambda _: hints.columns,
    )


@dataclass(frozen=True, slots=True)
class How:
    """How tables are sent: with `hard_delete` without rows of what is not there any more; `anew` whatever the
    destination has; nothing is added to a last run that is `over`; in `scratch` is what is needed meanwhile.
    """

    hard_delete: bool = False
    anew: bool = False
    over: bool = False
    scratch: Path | None = None


class Feed:
    """Feeds the resources of one source from a dump, one table at a time, so that memory is that of one."""

    def __init__(self, folder: Path, update: Update | None, how: How) -> None:
        self._folder, self._update, self._how = folder, update, how
        self.named = _named(folder)
        self._turn: object = None
        self._view: _View | None = None
        self._left: set[str] = set()

    def rows(self, resource: str, hints: _Hints) -> Iterator[Any]:
        """The batches of a resource that are lacking, and None while it is another one's turn."""
        while self._turn is not None:
            yield None
        self._turn = hints
        try:
            yield from self._of(self.named[resource], hints)
        except HubdumpError as error:  # dlt tells no more than the message
            self._left.clear()
            raise HubdumpError(f"{error.message} {error.hint}".strip(), error.hint) from error
        finally:
            self._turn = None
            self._left.discard(resource)
            if not self._left:
                self._close()

    def _of(self, table: str, hints: _Hints) -> Iterator[Any]:
        view = self._viewed()
        if table != CUSTOM_OBJECTS:
            yield from view.batches(table, hints)
            return
        for name in view.customs:
            if name not in self.named.values():
                yield from view.batches(name, hints)

    def _viewed(self) -> _View:
        """The dump as one load sees it: as it is when its first resource asks, once it is up to date."""
        load = _load()
        if self._view is None or self._view.run.load != load:
            self._close()
            run = _Run.of(load)
            if self._update is not None:
                self._update([self.named[name] for name in run.selected if name in self.named])
            self._view = _View(self._folder, run, self._how)
            self._left = set(run.selected)
            self._view.refuse_another_portal()
        return self._view

    def _close(self) -> None:
        if self._view is not None:
            self._view.close()
            self._view = None


def _named(folder: Path) -> dict[str, str]:
    """The tables there may be, by their resources: those of every portal, and custom objects that are known."""
    listed = [type_.name for type_ in STANDARD.types]
    if (folder / "store.sqlite").exists():
        listed = list(_types_in(folder))
    listed += [CUSTOM_OBJECTS, *sorted(OF_ALL), *around.tables()]
    return {resource: table for table, resource in plain(listed).items()}


def _types_in(folder: Path) -> Sequence[str]:
    reader = Reader(folder / "store.sqlite")
    try:
        return [type_.name for type_ in reader.catalogue().types]
    finally:
        reader.close()


def _load() -> str:
    """The id of the load under way; none where somebody iterates without a pipeline."""
    from dlt import current
    from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable

    try:
        return str(current.load_package_state()["load_id"])
    except CurrentLoadPackageStateNotAvailable:
        return ""


@dataclass(frozen=True, slots=True)
class _Run:
    """One load of dlt's: its id, the resources that are selected, whether rows can be merged where they go, and what
    had arrived there by resource.
    """

    load: str
    selected: tuple[str, ...]
    merging: bool = False
    arrived: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(load: str) -> _Run:
        from dlt import current

        source = current.source()
        selected = tuple(source.resources.selected)
        if not load:
            return _Run(load, selected)
        pipeline = current.pipeline()
        return _Run(load, selected, _merges(pipeline), _arrived(pipeline, source.name))


def _merges(pipeline: Any) -> bool:
    """Whether a destination puts rows in the place of those of the same key."""
    if pipeline.destination is None:
        return False
    can = pipeline.destination.capabilities()
    found = can.supported_merge_strategies or []
    if can.merge_strategies_selector:
        found = can.merge_strategies_selector(found, table_schema={"name": NAME, "columns": {}})
    return _MERGED["strategy"] in found


def _arrived(pipeline: Any, source: str) -> Mapping[str, Any]:
    """The state of each resource that came with the last load that is whole in the destination."""
    from dlt.common.destination.client import WithStateSync
    from dlt.destinations.exceptions import DestinationUndefinedEntity
    from dlt.pipeline.state_sync import load_pipeline_state_from_destination

    if pipeline.destination is None:
        return {}
    with pipeline.destination_client() as client:
        if not isinstance(client, WithStateSync):
            return {}
        try:
            state = load_pipeline_state_from_destination(pipeline.pipeline_name, client)
        except DestinationUndefinedEntity:
            return {}
    found: Mapping[str, Any] = (state or {}).get("sources", {}).get(source, {}).get("resources", {})
    return found


class _View:
    """The tables of a dump as one load sees them."""

    def __init__(self, folder: Path, run: _Run, how: How) -> None:
        self.run, self._how = run, how
        self._reader = Reader(folder / "store.sqlite")
        every = self._reader.catalogue().types
        types = [type_ for type_ in every if self._reader.bookmark(type_.name).fresh_us is not None]
        listed = tables(self._reader, types, hard_delete=how.hard_delete)
        self._tables = {t.name: with_removals(t) if run.merging else t for t in listed}
        self._names = plain(self._tables)
        self.customs = [type_.name for type_ in types if type_.group == CUSTOM]

    def close(self) -> None:
        self._reader.close()

    def refuse_another_portal(self) -> None:
        """UsageError where the destination has another portal's tables."""
        portal = self._reader.meta("portal")
        there = {told["portal"] for of_one in self.run.arrived.values() for told in of_one.values()}
        if not there <= {portal}:
            raise UsageError(
                f"The dataset holds portal {', '.join(there)}, and the dump is of {portal}. Nothing was loaded.",
                "Give each portal a pipeline and a dataset of its own.",
            )

    def batches(self, name: str, hints: _Hints) -> Iterator[Any]:
        """What the destination lacks of a table; dlt's state says then that it has it."""
        from dlt import current, mark

        from hubdump.targets.arrow_batches import batches

        if name not in self._tables:
            return
        table = self._tables[name]
        state = current.resource_state()
        due = self._due(table, state)
        if due.lines is not None:
            columns = self._columns(table)
            lines = self._told(due.lines) if name == COLUMNS else due.lines
            hints.table, hints.disposition = self._names[name], "replace" if due.anew else _MERGED
            mark_of_removal = "" if due.anew else _mark(table, hard_delete=self._how.hard_delete)
            hints.columns = [
                _column(table, column, columns[column.name]) | {"hard_delete": column.name == mark_of_removal}
                for column in table.columns
            ]
            with TemporaryDirectory(prefix="hubdump-", dir=self._how.scratch) as scratch:
                for batch in batches(table, lines, columns, Path(scratch) / "rows.ndjson"):
                    yield mark.with_table_name(batch, hints.table)
        state[name] = msgspec.to_builtins(due.then)

    def _columns(self, table: Table) -> dict[str, str]:
        """The name of each column. One whose property was of another type when the destination got it stays as it is
        there, as dlt can change no type: there is another one, with its type in its name.
        """
        from dlt import current

        names = plain(column.name for column in table.columns)
        there = current.source_schema().tables.get(self._names[table.name], {}).get("columns", {})
        for column in table.columns:
            name, type_ = names[column.name], _type(column)["data_type"]
            if there.get(name, {}).get("data_type", type_) != type_:
                names[column.name] = f"{name[: LENGTH_MAX - 12]}_x{type_}"
        return names

    def _due(self, table: Table, state: Mapping[str, Any]) -> Lacking:
        """Decided by what dlt's state says, if the destination says the same: what was extracted may not have arrived,
        and what had arrived may be wanted anew.
        """
        from dlt import current

        told = state.get(table.name)
        same = told == self.run.arrived.get(current.resource_name(), {}).get(table.name)
        had = msgspec.convert(told, Had) if told and same and not self._how.anew else None
        how = self._how
        return lacking(
            self._reader, table, had, hard_delete=how.hard_delete, merging=self.run.merging, over=how.over
        )

    def _told(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The rows of `_columns`, with the names by which tables and columns come through."""
        columns = {table.name: self._columns(table) for table in self._tables.values()}
        for line in lines:
            row = msgspec.json.decode(line)
            name = row["table"]
            yield msgspec.json.encode(
                row | {"table": self._names[name], "column": columns[name][row["column"]]}
            )


def _mark(table: Table, *, hard_delete: bool) -> str:
    """The column that says of a row that it stands for the removal of others."""
    if table.name == ASSOCIATIONS:
        return REMOVED
    return DELETED if hard_delete and table.type else ""


def _type(column: Column) -> Mapping[str, object]:
    return _TYPES.get(column.kind, {"data_type": "text"})


def _column(table: Table, column: Column, name: str) -> dict[str, object]:
    """What dlt is to know of a column."""
    found = {"name": name, **_type(column)}
    if column.name == table.key:
        found |= {"primary_key": True, "nullable": False}
    if table.name == ASSOCIATIONS and column.name in {"from_type", "from_id"}:
        found["merge_key"] = True
    return found
