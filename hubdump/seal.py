"""SHA256SUMS: the files of a dump as we left them, so that `sha256sum -c` proves them without us."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hubdump import manifest
from hubdump.errors import DiskFailure, HubdumpError
from hubdump.store.database import check_structure
from hubdump.store.fetched import path_of
from hubdump.store.lock import Lock
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets.written import mark_of, replacing, take_away

NAME = "SHA256SUMS"
STORE = "store.sqlite"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


@contextmanager
def held(dump: Path, started: str) -> Iterator[Store]:
    """Hold a dump to change it: nobody else does, its store is as it was left, and at the end it is sealed anew.

    InUse when another process holds it, DiskFailure when the store is not what was left there.
    """
    lock = Lock(dump, started)
    try:
        _open_seal(dump)
        store = Store(dump / STORE)
        try:
            yield store
        except HubdumpError:
            with suppress(DiskFailure):  # the error under way says more than that the disk is full
                _close(dump, store)
            raise
        except BaseException:
            store.close()
            raise
        _close(dump, store)
    finally:
        lock.release()


def _close(dump: Path, store: Store) -> None:
    """Close the store, read every file of ours anew and write the sums; DiskFailure when one is not as written."""
    reader = Reader(dump / STORE)
    try:
        marks = {file.path: file.mark for file in reader.files()}
        fetched = dict(_fetched(dump, reader))
    finally:
        reader.close()
        store.close()
    # With its last connection the store's journal is gone, and its bytes stay as they are. Where somebody still
    # reads it they may yet change: then it has no sum.
    store_too = [] if _size(dump / f"{STORE}-wal") else [STORE]
    found = {path: mark_of(dump / path) for path in (*marks, manifest.NAME, *store_too) if _size(dump / path)}
    for path, mark in marks.items():
        if mark and found.get(path) != mark:
            raise DiskFailure(
                f"{dump / path} is not what was written to it. The extraction is safe in the store.",
                "Look after the disk, then: hubdump load",
            )
    with replacing(dump / NAME) as draft:
        draft.write(
            "".join(f"{mark}  {path}\n" for path, mark in sorted({**found, **fetched}.items())).encode()
        )


def _fetched(dump: Path, reader: Reader) -> Iterator[tuple[str, str]]:
    """The bytes of files by the sums they were written with: gigabytes are not read again by every run."""
    for id_, size, mark in reader.fetched.there():
        path = path_of(dump, id_)
        if path.exists() and path.stat().st_size == size:
            yield path.relative_to(dump).as_posix(), mark


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def sums(dump: Path) -> dict[str, str]:
    """The SHA-256 of each file of a dump as it was left; empty while it is written, and after a crash."""
    path = dump / NAME
    lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
    return {found[2]: found[1] for line in lines if (found := _LINE.fullmatch(line))}


def changed(dump: Path) -> Iterator[tuple[str, bool]]:
    """Each file that is sealed, and whether it is no longer what it was."""
    for path, mark in sums(dump).items():
        there = dump / path
        yield path, not there.exists() or mark_of(there) != mark


def _open_seal(dump: Path) -> None:
    """Trust the store by its sum, or after a crash by its structure; from now on no sum holds."""
    left = sums(dump).get(STORE)
    store = dump / STORE
    if left is None:
        if store.exists():
            check_structure(store)
        return
    if not store.exists() or mark_of(store) != left:
        raise DiskFailure(
            f"{store} is not what hubdump left there: its SHA-256 is not the one in {NAME}. Nothing was changed.",
            f"Restore {dump} from a copy, or keep it and use another folder with --dump. If you changed the "
            f"store on purpose: rm {dump / NAME}",
        )
    take_away(dump / NAME)
