"""Where records end up: a target is a module with `write` and `counts`, listed in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hubdump.around import Collection
from hubdump.model import ObjectType
from hubdump.store.reader import Reader, StoredFile
from hubdump.targets import json_files
from hubdump.targets.export import Wanted, wanted
from hubdump.targets.written import Counts, Written

DUCKDB = "hubdump.duckdb"


@dataclass(frozen=True, slots=True)
class Target:
    """One row of the table; only the process that writes or compares a target loads its module.

    The module has write(dump, types) -> [Written]: puts the committed records of these types there, once each,
    or raises and leaves what was there before; and counts(dump, types) -> Counts, which reads the target.
    `held` is the module with differences(dump, types) -> what is there otherwise than in the store, by file or table.
    `path_of` a type, and `items_of` a collection, is the file it is in, `place` its file or folder in the dump.
    """

    module: str
    held: str
    path_of: Callable[[ObjectType], str]
    items_of: Callable[[Collection], str]
    place: str


TARGETS = {
    "json": Target(
        "hubdump.targets.json_files",
        "hubdump.targets.json_held",
        json_files.path_of,
        json_files.items_of,
        json_files.FOLDER,
    ),
    "duckdb": Target(
        "hubdump.targets.duckdb_file",
        "hubdump.targets.duckdb_held",
        lambda _: DUCKDB,
        lambda _: DUCKDB,
        DUCKDB,
    ),
}

__all__ = ["DUCKDB", "TARGETS", "Target", "Written", "Wrong", "asked_for", "check", "expected", "items_in"]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A difference between the store and a target."""

    target: str
    type: str
    expected: int
    found: int | None

    @property
    def told(self) -> str:
        """What was found, for people."""
        if self.found is None:
            return "nothing readable"
        return str(self.found) if self.found >= 0 else f"{-self.found} (some twice)"


def asked_for(
    words: Sequence[str],
    dump: Path,
    *,
    labels: bool = False,
    hard_delete: bool = False,
    layout: str | None = None,
) -> Wanted:
    """What `--to` names, on this dump; UsageError for what cannot be."""
    own = {name: target.place for name, target in TARGETS.items()}
    return replace(wanted(list(words), own, dump, labels=labels, hard_delete=hard_delete), layout=layout)


def expected(
    target: str, counts: Mapping[ObjectType, int], files: Iterable[StoredFile]
) -> dict[ObjectType, int]:
    """Of the records of each type in the store, `counts`, those that a target has a file of ours for."""
    ours = {file.path for file in files}
    return {type_: n for type_, n in counts.items() if TARGETS[target].path_of(type_) in ours}


def items_in(target: str, reader: Reader) -> int:
    """How many items of collections a target has a file of ours for."""
    ours = {file.path for file in reader.files()}
    return sum(
        one.items
        for one in reader.items.held()
        if one.fresh_us is not None and TARGETS[target].items_of(one.collection) in ours
    )


def check(target: str, counts: Mapping[ObjectType, int], found: Counts) -> list[Wrong]:
    """Compare the records of each type that must be in a target, `counts`, with those that were `found`."""
    wrong = {type_: n for type_, n in counts.items() if found[type_.name] != n}
    return [Wrong(target, type_.name, n, found[type_.name]) for type_, n in wrong.items()]
