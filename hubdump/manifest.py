"""manifest.json: what the dump holds, how far it is complete, and how the last run ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hubdump.events import RunEnded
from hubdump.hubspot.linking import SIDED
from hubdump.hubspot.listing import KEYSET, ORDER
from hubdump.hubspot.refs import MOVES, TYPED
from hubdump.hubspot.searching import FILTERED
from hubdump.printable import clean
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets import columns
from hubdump.targets.export import kept_in
from hubdump.targets.written import MENDED, UNFIT, Unfit, replacing
from hubdump.version import __version__

NAME = "manifest.json"
SCHEMA = 1
QUARANTINED_MAX = 1000  # of each type; the store has all
# What the promise rests on and a run can see for itself.
OBSERVED = (ORDER, KEYSET, FILTERED, MOVES, TYPED, SIDED)
# What it rests on and nobody can see from outside (A2, A3, A5 to A8 of docs/reliability.md).
ASSUMED = (
    "a read is at most 60 s behind",
    "a change is visible within 15 min of the instant stamped on it",
    "every change of a property moves updatedAt",
    "archived records stay listed as such for longer than a run takes",
    "an id is never used again",
    "the Date header is the clock that stamps records",
)


def write_manifest(dump: Path, run: str, store: Store, ended: RunEnded) -> None:
    """Write the manifest anew, whole or not at all."""
    reader = Reader(dump / "store.sqlite")
    try:
        content = {
            "schema": SCHEMA,
            "hubdump": __version__,
            "portal": store.meta("portal"),
            "run": run,
            "exit": ended.exit,
            "verdict": ended.verdict,
            "seconds": round(ended.seconds, 3),
            "requests": dict(ended.requests),
            "retries": ended.retries,
            "types": dict(ended.types),
            "not_in_portal": dict(ended.absent),
            "excluded": list(ended.excluded),
            "unread": {
                one.what: {"why": one.why, "scopes": one.scopes} for one in reader.unread() if not one.absent
            },
            "around": dict(ended.around),
            "associations": ended.associations,
            "fetched": _fetched(reader, ended),
            "beliefs": _beliefs(store.refuted(), ended),
            "files": {
                file.path: {"records": file.records, "sha256": file.mark}
                for file in reader.files()
                if file.mark
            },
            "exports": {
                kept.export.name: {"records": kept.records, "whole": kept.rounds is not None}
                for kept in kept_in(reader)
            },
            "quarantined": {
                name: found for name in ended.types if (found := list(_quarantined(reader, name)))
            },
            "mended": {
                file.path: int(told) for file in reader.files() if (told := reader.meta(MENDED + file.path))
            },
            "unparsed": {
                file.path: list(_unfit(told))
                for file in reader.files()
                if (told := reader.meta(UNFIT + file.path))
            },
            "columns": {
                name: more for name in ended.types if (more := columns.suffixed(columns.of(reader, name)))
            },
        }
    finally:
        reader.close()
    with replacing(dump / NAME) as draft:
        text = clean(msgspec.json.encode(content).decode())
        draft.write(msgspec.json.format(text, indent=2).encode() + b"\n")


def _beliefs(refuted: Mapping[str, str], ended: RunEnded) -> dict[str, str]:
    """Each belief as assumed, observed or refuted, and by what."""
    seen = {text: "refuted" if text in ended.verdict else "observed" for text in OBSERVED}
    return seen | {text: f"refuted: {by}" for text, by in refuted.items()} | dict.fromkeys(ASSUMED, "assumed")


def _fetched(reader: Reader, ended: RunEnded) -> dict[str, Any] | None:
    """What there is of the bytes of files, and by id why some are not there."""
    if ended.fetched is None:
        return None
    missing = {one.parent: one.reason for one in reader.fetched.missing()[:QUARANTINED_MAX]}
    return {**msgspec.to_builtins(ended.fetched), "missing": missing}


def _unfit(kept: str) -> Iterator[dict[str, str | int]]:
    """Of each column, how many texts could not become values."""
    return (one._asdict() for one in msgspec.json.decode(kept, type=list[Unfit]))


def _quarantined(reader: Reader, type_: str) -> Iterator[dict[str, str | None]]:
    """What HubSpot could not be made to give of a type; what is no record at all has no id."""
    for found in reader.quarantined(type_)[:QUARANTINED_MAX]:
        yield {
            "id": str(found.id) if found.id > 0 else None,
            "purpose": found.purpose,
            "reason": found.reason,
        }


def read_manifest(dump: Path) -> dict[str, Any]:
    """The manifest as it is on disk; an empty one where there is none."""
    path = dump / NAME
    return dict(msgspec.json.decode(path.read_bytes())) if path.exists() else {}
