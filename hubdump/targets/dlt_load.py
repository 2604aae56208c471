"""Loads a dump into a destination of dlt's, as dlt's own settings say, and counts what is there then.

dlt works in a folder of the dump that is gone afterwards: what it needs to know of its work lies in the destination. It
tells nobody that it ran.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hubdump.errors import Incomplete
from hubdump.model import ObjectType
from hubdump.store.database import disk_errors
from hubdump.store.reader import Reader
from hubdump.targets.database import DLT, Load, Loaded
from hubdump.targets.dlt_feed import NAME, Feed, How, source
from hubdump.targets.plain import plain
from hubdump.targets.tables import strange, tables

# Also what a DuckDB file is called of which dlt's settings say nothing.
PIPELINE = "hubdump_dlt"
_FOLDER = ".dlt.new"
_SECRET = re.compile(r"//[^@\s]*@")


def load(dump: Path, order: Load, types: Sequence[ObjectType]) -> Loaded:
    """Bring the destination up to date; Incomplete where dlt fails, or where other rows are there than should be.

    Where they are, somebody else changed them: then all of them are written once more.
    """
    again = f"Load again: hubdump load {order.url}\nWhat dlt needs to know, and where: docs/dlt.md"
    with closing(Reader(dump / "store.sqlite")) as reader:
        listed = tables(reader, types, hard_delete=order.hard_delete)
        names = plain(table.name for table in listed)
        expected = {names[table.name]: table.count() for table in listed}
        wrong = ""
        for anew in (False, True):
            try:
                with _folder(dump) as folder:
                    sent, found = _run(dump, order, folder, expected, anew=anew)
            except Exception as error:
                raise Incomplete(
                    f"{order.url} could not be loaded: {_told(error)}. The extraction is safe in the store.",
                    again,
                ) from error
            wrong = "; ".join(
                f"{name} has {found.get(name, 0)} rows, not {n}"
                for name, n in expected.items()
                if found.get(name, 0) != n
            )
            if not wrong:
                records = sum(expected[names[type_.name]] for type_ in types)
                return Loaded(records, sent, strange=strange(listed))
        raise Incomplete(f"What is in {order.url} now is not what the store has: {wrong}.", again)


def _run(
    dump: Path, order: Load, folder: Path, tables: Iterable[str], *, anew: bool
) -> tuple[int, dict[str, int]]:
    """How many rows were sent, and how many each of these tables has then."""
    import dlt
    from dlt.common.runtime.telemetry import stop_telemetry

    dlt.config["runtime.dlthub_telemetry"] = False
    stop_telemetry()
    pipeline = dlt.pipeline(
        PIPELINE, destination=order.url.removeprefix(DLT), dataset_name=NAME, pipelines_dir=str(folder)
    )
    feed = Feed(dump, None, How(order.hard_delete, anew, over=True, scratch=folder))
    pipeline.run(source(feed))
    info = pipeline.last_trace.last_normalize_info
    sent = {name: n for name, n in info.row_counts.items() if not name.startswith("_dlt")} if info else {}
    return sum(sent.values()), _counts(pipeline, tables)


def _counts(pipeline: Any, tables: Iterable[str]) -> dict[str, int]:
    there = (
        pipeline.default_schema.data_table_names(seen_data_only=True) if pipeline.default_schema_name else ()
    )
    with pipeline.sql_client() as client:
        return {
            name: client.execute_sql(f"SELECT count(*) FROM {client.make_qualified_table_name(name)}")[0][0]  # noqa: S608 - quoted
            for name in tables
            if name in there
        }


@contextmanager
def _folder(dump: Path) -> Iterator[Path]:
    """A folder for what dlt needs meanwhile, in clear; gone afterwards, or before the next load of who was killed."""
    folder = dump / _FOLDER
    with disk_errors(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _told(error: BaseException) -> str:
    """What was wrong in the first place, without what may be a password in it."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    lines: list[Any] = str(error).strip().splitlines() or [type(error).__name__]
    return _SECRET.sub("//***@", lines[0])
