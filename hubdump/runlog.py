"""The files of one run: runs/<id>.log for people, runs/<id>.jsonl for programs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from hubdump.events import Event
from hubdump.printable import clean
from hubdump.store.database import disk_errors
from hubdump.wording import lines

_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class RunLog:
    """Writes every event to both files as it happens; DiskFailure when that cannot be done."""

    def __init__(self, folder: Path, run: str) -> None:
        self._path = folder / f"{run}.log"
        with disk_errors(self._path):
            folder.mkdir(parents=True, exist_ok=True)
            self._text = self._path.open("a", encoding="utf-8")
            self._json = (folder / f"{run}.jsonl").open("ab", buffering=0)

    def emit(self, event: Event) -> None:
        """Write one event."""
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        with disk_errors(self._path):
            line_of_json = msgspec.json.encode({"at": at, **as_json(event)}).decode()
            self._json.write(clean(line_of_json).encode() + b"\n")
            for line in lines(event):
                if line:
                    self._text.write(f"{at} {line}\n")
            self._text.flush()

    def close(self) -> None:
        """Close both files."""
        with disk_errors(self._path):
            self._text.close()
            self._json.close()


def as_json(event: Event) -> dict[str, Any]:
    """An event as JSON holds it: its class in snake case as `type`, and its fields.

    A field that is itself called `type` is an object type, and stands as `object_type`.
    """
    fields = msgspec.to_builtins(event)
    object_type = {"object_type": fields.pop("type")} if "type" in fields else {}
    return {"type": _INNER_CAPITAL.sub("_", type(event).__name__).lower(), **object_type, **fields}


def ended_as(folder: Path, run: str) -> int | None:
    """The exit status of a run by its log; None where it did not end, or left none."""
    log = folder / f"{run}.jsonl"
    lines = log.read_bytes().splitlines() if log.exists() else []
    ends = [line for line in lines if b'"type":"run_ended"' in line]
    return int(msgspec.json.decode(ends[-1])["exit"]) if ends else None
