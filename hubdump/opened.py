"""A dump in Python: its tables as Arrow, pandas or Polars, and SQL over all of them; reads the DuckDB file only."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hubdump.errors import DiskFailure, UsageError, installing
from hubdump.manifest import read_manifest
from hubdump.targets import DUCKDB

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars  # noqa: ICN001 - `pl` is a method here
    import pyarrow as pa

MADE_BY = "Make it: hubdump run, or hubdump load --to duckdb"


class Table:
    """One table of a dump, as `dump.contacts` or `dump["contacts"]`; nothing is read before it is asked for."""

    def __init__(self, name: str, relation: duckdb.DuckDBPyRelation) -> None:
        self.name, self.relation = name, relation

    def __len__(self) -> int:
        """Rows, archived and removed records too."""
        return int(self.relation.count("*").fetchall()[0][0])

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self):,} rows, {len(self.columns)} columns>"

    def __str__(self) -> str:
        """Its first rows, drawn."""
        return str(self.relation)

    @property
    def columns(self) -> list[str]:
        return list(self.relation.columns)

    def active(self) -> Table:
        """Only what HubSpot has as an active record."""
        return Table(self.name, self.relation.filter("NOT (archived OR _deleted)"))

    def rows(self) -> list[dict[str, Any]]:
        """Every row as a dict, in Python's own types."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.relation.fetchall()]

    def df(self) -> pd.DataFrame:
        """As a pandas DataFrame; needs pandas."""
        _needed("pandas")
        return self.relation.df()

    def pl(self) -> polars.DataFrame:
        """As a Polars DataFrame; needs polars and pyarrow."""
        _needed("polars", "pyarrow")
        found: polars.DataFrame = self.relation.pl()
        return found

    def arrow(self) -> pa.Table:
        """As an Arrow table; needs pyarrow."""
        _needed("pyarrow")
        return self.relation.to_arrow_table()

    def excel(self, path: str | Path) -> Path:
        """As an Excel workbook at `path`, in the place of what is there; needs xlsxwriter."""
        _needed("xlsxwriter")
        from hubdump.targets import xlsx_asked

        if Path(path).suffix != ".xlsx":
            raise UsageError(f"{path} does not end in .xlsx.", f'.excel("{path}.xlsx")')
        xlsx_asked.write(Path(path), self.name, self.relation)
        return Path(path)


class Dump:
    """A dump that is open for reading; close it, or use it in a `with`. A run may replace its file meanwhile:
    what is open stays as it was.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._db = _connected(folder / DUCKDB)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getitem__(self, name: str) -> Table:
        if name not in self.tables:
            raise KeyError(f"{self.folder} has no table {name!r}; it has {', '.join(self.tables)}")
        return Table(name, self._db.table('"' + name.replace('"', '""') + '"'))

    def __getattr__(self, name: str) -> Table:
        if name.startswith("_") or name not in self.tables:
            raise AttributeError(f"{self.folder} has no table {name!r}; it has {', '.join(self.tables)}")
        return self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.tables]

    @property
    def tables(self) -> list[str]:
        """The names of the tables, in the order of the alphabet."""
        sql = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' ORDER BY ALL"
        return [name for (name,) in self._db.execute(sql).fetchall()]

    @property
    def manifest(self) -> dict[str, Any]:
        """manifest.json: how the last run ended, and since when what is there is complete and proved."""
        return read_manifest(self.folder)

    def sql(self, query: str, *parameters: Any) -> Table:
        """What a query says, as a table; `?` in it stand for the parameters."""
        return Table("query", self._db.sql(query, params=list(parameters) or None))

    def close(self) -> None:
        self._db.close()


def open(folder: str | Path = "data") -> Dump:  # noqa: A001 - `hubdump.open` says what it does
    """Open a dump for reading. UsageError where there is none, DiskFailure where its file is damaged."""
    return Dump(Path(folder))


def _connected(path: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    if not path.exists():
        raise UsageError(f"There is no {path}.", MADE_BY)
    try:
        return duckdb.connect(path, read_only=True)
    except duckdb.Error as error:
        raise DiskFailure(f"{path} cannot be read: {str(error).partition(chr(10))[0]}", MADE_BY) from error


def _needed(*libraries: str) -> None:
    """UsageError where a library is not there that somebody asked for."""
    from importlib.util import find_spec

    missing = [name for name in libraries if find_spec(name) is None]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise UsageError(f"{' and '.join(missing)} {are} not installed.", installing(*missing))
