"""Writes or compares one target or export in a process of its own, which `child` starts.

Arguments: write or compare and the target, or build or hold and an export as JSON, or load or read and a
database as JSON, whose password is the first line of stdin; the dump, the names of the types. The last line of stdout
is JSON: `child.Answer`. Ends when its stdin does: whoever started it has died.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import msgspec

from hubdump.errors import HubdumpError
from hubdump.model import ObjectType
from hubdump.store.reader import Reader
from hubdump.targets import TARGETS, exports
from hubdump.targets.child import Answer
from hubdump.targets.database import DLT, Load
from hubdump.targets.export import Export


def main(verb: str, target: str, dump: str, *names: str) -> int:
    # A service manager tells all processes to stop: the one that started us decides.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    password = _line() if verb in {"load", "read"} else ""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        of_databases = {"load": partial(_load, password=password), "read": partial(_read, password=password)}
        answer = (_VERBS | of_databases)[verb](target, Path(dump), names)
    except HubdumpError as error:
        answer = Answer(exit=int(error.exit), message=error.message, hint=error.hint)
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    return 0


def _write(target: str, dump: Path, names: Sequence[str]) -> Answer:
    module, types = import_module(TARGETS[target].module), _types(dump, names)
    return Answer(written=module.write(dump, types), counts=module.counts(dump, types))


def _compare(target: str, dump: Path, names: Sequence[str]) -> Answer:
    return Answer(differences=import_module(TARGETS[target].held).differences(dump, _types(dump, names)))


def _build(export: str, dump: Path, names: Sequence[str]) -> Answer:
    return Answer(built=exports.build(dump, msgspec.json.decode(export, type=Export), _types(dump, names)))


def _hold(export: str, dump: Path, names: Sequence[str]) -> Answer:
    asked = msgspec.json.decode(export, type=Export)
    return Answer(differences=exports.differences(dump, asked, _types(dump, names)))


def _load(order: str, dump: Path, names: Sequence[str], password: str) -> Answer:
    asked, types = msgspec.json.decode(order, type=Load), _types(dump, names)
    if asked.url.startswith(DLT):
        return Answer(loaded=import_module("hubdump.targets.dlt_load").load(dump, asked, types))
    return Answer(loaded=import_module("hubdump.targets.postgres").load(dump, asked, password, types))


def _read(asked: str, dump: Path, names: Sequence[str], password: str) -> Answer:
    url = msgspec.json.decode(asked, type=dict[str, str])["url"]
    differences = import_module("hubdump.targets.postgres_held").differences
    return Answer(differences=differences(dump, url, password, _types(dump, names)))


def _line() -> str:
    """The first line of stdin."""
    found = b""
    while not found.endswith(b"\n") and (byte := os.read(0, 1)):
        found += byte
    return found.decode().rstrip("\n")


def _types(dump: Path, names: Sequence[str]) -> list[ObjectType]:
    reader = Reader(dump / "store.sqlite")
    try:
        catalogue = reader.catalogue()
    finally:
        reader.close()
    return [catalogue.by_name(name) for name in names]


_VERBS = {"write": _write, "compare": _compare, "build": _build, "hold": _hold}


def _end_with_parent() -> None:
    # Not by way of sys.stdin: its lock, held by this thread, would abort the interpreter at its end.
    while os.read(0, 4096):
        continue
    os._exit(75)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
