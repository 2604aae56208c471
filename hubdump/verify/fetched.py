"""The bytes of HubSpot's files: there, and as they were fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hubdump.store.fetched import path_of
from hubdump.store.reader import Reader
from hubdump.targets.written import mark_of
from hubdump.verify.findings import Finding, wrong


def check(dump: Path, sealed: Mapping[str, bool]) -> Iterator[Finding]:
    """Hold them against the store; those that are `sealed` were read already, and are changed or not."""
    reader = Reader(dump / "store.sqlite")
    try:
        whole, bad = 0, []
        for id_, _, mark in reader.fetched.there():
            path = path_of(dump, id_)
            changed = sealed.get(path.relative_to(dump).as_posix())
            if changed is None:
                changed = not path.exists() or mark_of(path) != mark
            whole += not changed
            bad += [id_] if changed else []
    finally:
        reader.close()
    if bad:
        yield wrong(
            "files",
            "files/",
            "bytes missing, or changed since they came: take them away, then hubdump run --files",
            bad,
        )
    elif whole:
        yield Finding("files", "files/", f"the bytes of {whole:,} files")
