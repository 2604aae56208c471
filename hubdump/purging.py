"""Erases records from a dump for good: from its store, their past, and every target; and says what is out of reach."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hubdump import checking
from hubdump.as_of import dumps_in
from hubdump.errors import UsageError
from hubdump.events import Emit
from hubdump.model import ObjectType, State
from hubdump.seal import STORE
from hubdump.store.database import open_for_reading
from hubdump.store.erasing import Erased
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets import DUCKDB, json_files
from hubdump.targets.database import DATABASE
from hubdump.targets.export import EXPORT, Kept, Wanted
from hubdump.targets.written import HARD_DELETE, LOADED

# The key under which the store keeps what is being purged: whoever is cut short types the same again.
_UNDER_WAY = "purging"
# Collections whose items tell of contacts by an id or an address.
TELLING = (
    "list_memberships",
    "form_submissions",
    "subscription_statuses",
    "email_events",
    "subscription_changes",
)
Chosen = Mapping[ObjectType, Mapping[int, State]]


@dataclass(frozen=True, slots=True)
class Purged:
    """What was erased of each type, and what may tell of it still."""

    erased: Mapping[str, Erased]
    beyond: Sequence[str]


def chosen(dump: Path, words: Sequence[str]) -> Chosen:
    """The records that words as contacts:123 name, with those that were merged into them; UsageError for any other."""
    with closing(Store(dump / STORE, open_for_reading)) as store:
        return _chosen(store, words)


def purge(dump: Path, words: Sequence[str], emit: Emit) -> Purged:
    """Erase them from the store, then write every target anew; who is cut short in between types the same again."""
    with checking.held(dump) as store:
        these = _chosen(store, words)
        for folder in dumps_in(
            dump
        ):  # before the dump itself: of what is not there any more they cannot be asked
            with checking.held(folder) as past:
                ids = {type_: past.erasing.with_merged(type_.name, list(of)) for type_, of in these.items()}
                _erase(folder, past, ids, emit)
        store.set_meta(_UNDER_WAY, " ".join(words))
        erased = _erase(dump, store, these, emit)
        store.set_meta(_UNDER_WAY, "")
        return Purged(erased, tuple(_beyond(dump, store)))


def _erase(dump: Path, store: Store, these: Chosen, emit: Emit) -> dict[str, Erased]:
    """Erase records from one store, and have its targets written anew."""
    # What is deleted from a DuckDB file leaves its bytes there: it is built anew, by whichever load comes next.
    store.set_meta(LOADED + DUCKDB, "")
    erased = {type_.name: store.erasing.erase(type_.name, ids) for type_, ids in these.items()}
    store.packing.vacuum()
    if wanted := _there(store):
        checking.load_into(dump, store, wanted, emit)
    return erased


def _chosen(store: Store, words: Sequence[str]) -> Chosen:
    catalogue, asked = store.discovered.catalogue(), dict[ObjectType, dict[int, str]]()
    for word in words:
        name, _, id_ = word.rpartition(":")
        if not (name and id_.isdecimal()):
            raise UsageError(
                f"'{word}' names no record. Nothing was erased.", "Name it by type and id: contacts:123"
            )
        asked.setdefault(catalogue.by_name(name), {})[int(id_)] = word
    under_way = store.meta(_UNDER_WAY).split()
    found = {type_: store.erasing.with_merged(type_.name, list(ids)) for type_, ids in asked.items()}
    for type_, ids in asked.items():
        for number, word in ids.items():
            if number not in found[type_] and word not in under_way:
                raise UsageError(
                    f"There is no {type_.name} {number} in the dump. Nothing was erased.",
                    "Leave it out, or look for it: hubdump status",
                )
    return found


def _there(store: Store) -> Wanted | None:
    """Every target that the dump has, as it was made."""
    named = [target for target in (DUCKDB, json_files.ALL) if store.file_mark(target) is not None]
    with closing(Reader(store.path)) as reader:
        kept = [msgspec.json.decode(told, type=Kept) for told in reader.metas(EXPORT).values() if told]
    if not named and not kept:
        return None
    names = tuple({DUCKDB: "duckdb", json_files.ALL: "json"}[target] for target in named)
    return Wanted(
        names, tuple(one.export for one in kept), hard_delete=bool(store.meta(HARD_DELETE + DUCKDB))
    )


def _beyond(dump: Path, store: Store) -> Iterator[str]:
    """What may tell of the erased records still."""
    if told := [name for name in TELLING if any(store.items.totals(name))]:
        yield f"items around the records, which name contacts by id or address: {', '.join(told)}"
    if (dump / "files").is_dir():
        yield f"bytes of files that they named: {dump / 'files'}"
    if aside := sorted(path.name for path in dump.rglob("before-hubdump-*")):
        yield f"files that were there before hubdump: {', '.join(aside)}"
    with closing(Reader(store.path)) as reader:
        yield from (
            f"what was loaded elsewhere, until the next load: hubdump load {shlex.quote(key.removeprefix(DATABASE))}"
            for key in reader.metas(DATABASE)
        )
    yield "copies and backups of the dump, exports that were moved elsewhere, and free space of the disk"
    yield "HubSpot: what it still has comes back with the next run; delete it there"
