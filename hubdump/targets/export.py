"""What `--to parquet:FOLDER` means: the tables in one format, at a place of the user's choice.

An export is kept with the dump, so that `verify` knows it and no file of somebody else's is ever replaced.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hubdump.errors import UsageError, installing
from hubdump.store.reader import Reader
from hubdump.targets.database import Database, database, is_database
from hubdump.targets.written import Unfit

# With an export's name: the key under which the store keeps its `Kept`.
EXPORT = "export:"
# No target at all: the store alone.
NOTHING = "none"
# What a dump itself consists of; an export in the dump stands beside it.
_OF_THE_DUMP = {"as-of", "raw", "runs", "manifest.json", "report.html", "SHA256SUMS"}


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the table; only the process that writes or compares an export loads its module.

    The module has make(job) -> Made, which writes every table where job.path_of says; found(path, table), which reads
    the rows of a table from there by other means; and expected(table), the same rows by the store. Where reading one
    column costs less, it has keys(path, table, at), the texts of that one alone. Where its tables
    are not those of a dump, it has tables(reader, types), and takes(type), whether one's records are in them.
    An export is one file of all tables, or a folder with a file for each, whose name ends in `ending` where that is
    not the format's. With `labels` it can have labels in the place of names; it `needs` a library that is not there
    by itself.
    """

    module: str
    one_file: bool = False
    labels: bool = False
    needs: str = ""
    ending: str = ""


FORMATS = {
    "duckdb": Format("hubdump.targets.duckdb_export", one_file=True),
    "json": Format("hubdump.targets.json_export"),
    "parquet": Format("hubdump.targets.parquet_files"),
    "csv": Format("hubdump.targets.csv_files", labels=True),
    "import": Format("hubdump.targets.import_files", ending="csv"),
    "jsonl": Format("hubdump.targets.jsonl_files"),
    "xlsx": Format("hubdump.targets.xlsx_files", one_file=True, labels=True, needs="xlsxwriter"),
}


class Export(Struct, frozen=True):
    """The tables in one format at one place: its path from the dump, absolute where it is not in it; by `labels`,
    and `hard_delete` where it has what is there only.
    """

    format: str
    place: str
    labels: bool = False
    hard_delete: bool = False

    @property
    def name(self) -> str:
        return f"{self.format}:{self.place}"

    def asked(self, dump: Path) -> str:
        """How it is asked for, from where the dump is called `dump`."""
        place = self.format if self.place == _usual(self.format) else f"{self.format}:{dump / self.place}"
        flags = " --labels" * self.labels + " --hard-delete" * self.hard_delete
        return shlex.quote(place) + flags

    @property
    def one_file(self) -> bool:
        return FORMATS[self.format].one_file

    def file_of(self, table: str) -> str:
        """The path of the file that holds a table, as `place`."""
        ending = FORMATS[self.format].ending or self.format
        return self.place if self.one_file else str(Path(self.place) / f"{table}.{ending}")


class Kept(Struct, frozen=True):
    """What a dump knows of one of its exports: the SHA-256s under which each file is hubdump's (two, while one takes
    the other's place), its records, and what it holds of each type (`Bookmark.content`): none while it is not whole;
    `items` is the same for each collection.
    """

    export: Export
    files: dict[str, list[str]] = {}
    records: int = 0
    rounds: dict[str, str] | None = None
    items: dict[str, str] = {}


def kept_in(reader: Reader) -> list[Kept]:
    """The exports of a dump."""
    return [msgspec.json.decode(told, type=Kept) for told in reader.metas(EXPORT).values()]


class Built(Struct, frozen=True):
    """An export that is whole, beside its place: the SHA-256 of each file; `told` is what else a person should know,
    the rest is as in `Written`.
    """

    files: dict[str, str]
    records: int
    mended: int = 0
    unfit: tuple[Unfit, ...] = ()
    strange: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which targets somebody asks for: those of every dump by name, exports, databases; for none, all of the first.

    With `hard_delete`, what is archived, gone or merged has no row in them. `layout` is the one of layouts/ of which
    databases get views, None where they keep what they have.
    """

    named: tuple[str, ...] = ()
    exports: tuple[Export, ...] = ()
    hard_delete: bool = False
    databases: tuple[Database, ...] = ()
    layout: str | None = None

    def has(self, target: str) -> bool:
        """Whether a target of every dump is to be loaded."""
        return target in self.named or not (self.named or self.exports or self.databases)


def wanted(
    asked: list[str], own: dict[str, str], dump: Path, *, labels: bool = False, hard_delete: bool = False
) -> Wanted:
    """The targets that these words ask for, with `labels` those that can have them; UsageError for one that cannot be.

    `own` are the targets of every dump, with the path of each in it.
    """
    words = dict.fromkeys(asked)
    databases = tuple(database(text, hard_delete=hard_delete) for text in words if is_database(text))
    if NOTHING in words:
        if len(words) > 1:
            raise UsageError(f"'{NOTHING}' is no target beside others.", "Name the others, or none.")
        return Wanted((NOTHING,), hard_delete=hard_delete)
    found = [_export(text, own, dump) for text in words if not is_database(text)]
    exports = [
        replace(one, labels=labels and FORMATS[one.format].labels, hard_delete=hard_delete)
        for one in found
        if isinstance(one, Export)
    ]
    if labels and not any(export.labels for export in exports):
        can = " and ".join(name for name, row in FORMATS.items() if row.labels)
        raise UsageError(f"--labels is for {can}, and none is asked for.", "hubdump load csv --labels")
    named = [one for one in found if isinstance(one, str)]
    return Wanted(
        tuple(dict.fromkeys(named)),
        tuple({one.name: one for one in exports}.values()),
        hard_delete,
        databases,
    )


def _export(asked: str, own: dict[str, str], dump: Path) -> str | Export:
    format_, colon, path = asked.partition(":")
    if format_ not in FORMATS:
        listed = [*own, *(f"{name}:{'FILE' if row.one_file else 'FOLDER'}" for name, row in FORMATS.items())]
        listed += ["postgresql://user@host/database", "dlt:DESTINATION"]
        raise UsageError(f"There is no target '{_secretless(asked)}'. Targets: {', '.join(listed)}.")
    if colon and path in {"", "-"}:
        raise UsageError(f"'{asked}' names no place.", f"hubdump load {format_}:out")
    place = _from(dump, Path(path) if path else dump / (own.get(format_) or _usual(format_)))
    if place == own.get(format_):
        return format_
    _check(Export(format_, place), dump, own)
    return Export(format_, place)


def _secretless(asked: str) -> str:
    """A word without what may be a password in it."""
    scheme, found, _ = asked.partition("://")
    return f"{scheme}://..." if found else asked


def _usual(format_: str) -> str:
    """Where an export is in the dump if no place is named."""
    return f"hubdump.{format_}" if FORMATS[format_].one_file else format_


def _from(dump: Path, path: Path) -> str:
    """A path from the dump, absolute where it is not in it."""
    there, home = path.resolve(), dump.resolve()
    return str(there.relative_to(home)) if there.is_relative_to(home) else str(there)


def _check(export: Export, dump: Path, own: dict[str, str]) -> None:
    """UsageError where an export would stand in the way of the dump itself, or of what is no file of its kind."""
    path, needs = dump / export.place, FORMATS[export.format].needs
    if needs and find_spec(needs) is None:
        raise UsageError(f"{export.format} needs {needs}, which is not installed.", installing(needs))
    if export.one_file and path.suffix != f".{export.format}":
        raise UsageError(
            f"{path} does not end in .{export.format}.",
            f"hubdump load {export.format}:{path}.{export.format}",
        )
    kind = "file" if export.one_file else "folder"
    first = Path(export.place).parts[:1]
    if (
        not first
        or first[0] in {*_OF_THE_DUMP, *own.values()}
        or first[0].startswith(("store.", "lock.", "."))
    ):
        raise UsageError(
            f"{path} is the dump's own: an export needs a {kind} of its own. Nothing was done.",
            f"hubdump load {export.format}:{kind}",
        )
    if path.exists() and not (path.is_file() if export.one_file else path.is_dir()):
        raise UsageError(
            f"{path} is no {kind}. Nothing was done.", f"hubdump load {export.format}:another-{kind}"
        )
