"""What a target wrote, and how a file is replaced: whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hubdump.catalog import STANDARD
from hubdump.errors import UsageError
from hubdump.model import ObjectType
from hubdump.store.database import disk_errors

# With a file's path: the key under which the store keeps how many values in it are mended.
MENDED = "mended:"
# Likewise, how many texts in each column of it became NULL or lost something.
UNFIT = "unfit:"
# Likewise, how many records bear each property: by type its active records, and by property those that have a value.
FILLED = "filled:"
# Likewise, that what is archived, gone or merged has no row in it.
HARD_DELETE = "hard_delete:"
# Likewise, what the next load has to know of a file to go on from it.
LOADED = "loaded:"
# With a target's name: `Contents` of the dump as they were when it was last filled.
HELD = "held:"
# The targets that the last run was to fill.
WANTED = "wanted"
# What is held of each type (`Bookmark.content`), and of each collection.
Contents = tuple[dict[str, str], dict[str, str]]
Filled = dict[str, tuple[int, dict[str, int]]]
# By type, the records that a target holds: negative where one is there twice, None where none can be read.
Counts = dict[str, int | None]
_CHUNK_BYTES = 1024 * 1024
_TYPE_ID = re.compile(r"[0-9]+-[0-9]+\Z")


class Unfit(NamedTuple):
    """Of a column: how many texts are NULL because they are no value of its kind, and how many values say less than
    their text (an instant, below the microsecond).
    """

    table: str
    column: str
    kind: str
    as_null: int
    cut: int


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the dump: its path in it, the records it holds, and its SHA-256 where it has one to keep.

    `mended` values stand in it as text, since JSON cannot hold them as HubSpot sent them. `unfit` are those that
    are no value of their column's kind, `strange` HubSpot's types of properties that we do not know, and `filled`
    says how many records bear each property; `loaded` is what the next load has to know of it, `told` what a person
    should.
    """

    path: str
    records: int
    mark: str = ""
    mended: int = 0
    unfit: tuple[Unfit, ...] = ()
    strange: tuple[str, ...] = ()
    filled: Filled = field(default_factory=dict)
    loaded: str = ""
    told: str = ""


def file_name(type_: ObjectType) -> str:
    """What files of a type are called: as the catalogue calls it, else its type id; labels may be anything."""
    if type_ in STANDARD.types:
        return type_.singular
    if not _TYPE_ID.match(type_.type_id):
        raise UsageError(f"{type_.type_id!r} is no type id of HubSpot's: no file is named by it.")
    return type_.type_id


class Draft:
    """A file under way; `mark` is the SHA-256 of what was written so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)

    @property
    def mark(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Draft]:
    """Write a new content of `path` beside it; it takes its place on leaving, whole and on disk.

    A file that already has this content stays as it is, with its time of change.
    """
    new = beside(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new.open("wb") as file:
                draft = Draft(file)
                yield draft
                file.flush()
                os.fsync(file.fileno())
            if not path.exists() or mark_of(path) != draft.mark:
                put_in_place(new, path)
        finally:
            new.unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """Where a new content of `path` is made before it takes its place."""
    return path.with_name(f".{path.name}.new")


def put_in_place(new: Path, path: Path) -> None:
    """Rename a complete file over `path`, and make the renaming itself last."""
    new.replace(path)
    _make_last(path.parent)


def copied(path: Path, new: Path) -> str:
    """Copy a file; the mark of what was copied."""
    with path.open("rb") as old, new.open("wb") as file:
        draft = Draft(file)
        while chunk := old.read(_CHUNK_BYTES):
            draft.write(chunk)
    return draft.mark


def on_disk(path: Path) -> str:
    """The mark of a file that outlasts a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return mark_of(path)


def take_away(path: Path) -> None:
    """Remove a file so that no power cut brings it back."""
    with disk_errors(path):
        path.unlink()
        _make_last(path.parent)


def _make_last(names_in: Path) -> None:
    if os.name == "posix":
        folder = os.open(names_in, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def mark_of(path: Path) -> str:
    """The mark of a file as it is on disk."""
    with disk_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
