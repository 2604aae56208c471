"""Puts the dump into its targets: files that were there before us are moved aside, none is half written."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import msgspec

from hubdump.around import COLLECTIONS, Collection
from hubdump.errors import Incomplete
from hubdump.events import Emit, FileWritten, Noted
from hubdump.model import ObjectType
from hubdump.store.database import disk_errors
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets import DUCKDB, TARGETS, check, child, columns, expected, json_files, json_items, layouts
from hubdump.targets.database import DATABASE, DLT, Database, Load
from hubdump.targets.export import EXPORT, Built, Export, Kept, Wanted
from hubdump.targets.layouts import LAYOUT, LAYOUTS, NONE
from hubdump.targets.written import (
    FILLED,
    HARD_DELETE,
    HELD,
    LOADED,
    MENDED,
    UNFIT,
    Contents,
    Counts,
    Filled,
    Unfit,
    Written,
    beside,
    mark_of,
    put_in_place,
)

# Above this many records the JSON files are written only when asked for: they are read whole by most.
JSON_RECORDS_MAX = 200_000
UNFIT_NAMED_MAX = 3


def fill(
    dump: Path,
    types: Sequence[ObjectType],
    store: Store,
    asked: Wanted,
    emit: Emit,
    *,
    written: Container[ObjectType] = (),
    failed: Container[str] = (),
) -> None:
    """Fill every target that is asked for with these types, and look whether each holds what the store does, but for
    what `failed`. `written` are the types whose JSON files are there already.
    """
    if asked.has("json"):
        named = "json" in asked.named
        if types:
            write_partials(dump, [t for t in types if t not in written], store, emit, asked=named)
            write_json(dump, types, store, emit, asked=named)
        write_items(dump, store, emit, asked=named)
    in_duckdb: Counts = {}
    if types or whole_collections(store):
        if asked.has("duckdb"):
            in_duckdb = write_duckdb(
                dump, types, store, emit, hard_delete=asked.hard_delete, layout=asked.layout
            )
        write_exports(dump, asked.exports, types, store, emit)
        write_databases(dump, asked.databases, types, store, emit, layout=asked.layout)
    targets = list(filter(asked.has, TARGETS))
    check_targets(dump, [t for t in types if t.name not in failed], targets, in_duckdb)
    remember_filled(store, types, targets)


def move_aside(dump: Path, store: Store, emit: Emit) -> None:
    """Move files in raw/ that we did not write to raw/before-hubdump-<date>/, told in one line."""
    folder = dump / json_files.FOLDER
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        foreign = [
            path
            for path in sorted(folder.iterdir())
            if not path.name.startswith((".", "before-hubdump-"))
            and store.file_mark(f"{json_files.FOLDER}/{path.name}") is None
        ]
        _move(foreign, folder, emit)


def _move(foreign: Sequence[Path], folder: Path, emit: Emit) -> None:
    """Move somebody else's files out of the way, into a new folder beside them."""
    if foreign:
        aside = _free_folder(folder)
        aside.mkdir()
        for path in foreign:
            path.rename(aside / path.name)
        emit(Noted(f"Moved {len(foreign)} files that hubdump did not write to {aside}"))


def partial_wanted(type_: ObjectType, store: Store, *, asked: bool) -> bool:
    """Whether the JSON file of a type is to be written: small enough, asked for, or there already."""
    if not type_.engagement:
        return False
    path = json_files.path_of(type_)
    return asked or store.file_mark(path) is not None or store.asked.records(type_.name) <= JSON_RECORDS_MAX


def begin(store: Store, path: str) -> None:
    """Remember that a file is ours, and not whole, before it is touched."""
    store.mark_file(path, "", 0)


def write_partials(dump: Path, types: Sequence[ObjectType], store: Store, emit: Emit, *, asked: bool) -> None:
    """Write the JSON file of each type for which it is wanted."""
    for type_ in types:
        if partial_wanted(type_, store, asked=asked):
            begin(store, json_files.path_of(type_))
            keep(store, emit, dump, json_files.write_type(dump, type_))


def write_json(dump: Path, types: Sequence[ObjectType], store: Store, emit: Emit, *, asked: bool) -> None:
    """Write the one JSON file of all engagements; where it is too large for that, say how to get it."""
    records = sum(store.asked.records(type_.name) for type_ in types)
    if asked or store.file_mark(json_files.ALL) is not None or records <= JSON_RECORDS_MAX:
        begin(store, json_files.ALL)
        keep(store, emit, dump, json_files.write_all(dump, types))
        return
    emit(
        Noted(
            f"{json_files.ALL} is not written: {records:,} records are more than {JSON_RECORDS_MAX:,}.",
            "Ask for it: hubdump load --to json",
        )
    )


def write_items(dump: Path, store: Store, emit: Emit, *, asked: bool) -> None:
    """Write the JSON file of each collection that was ever read whole; of a large one, only where it is asked for."""
    for row, number in whole_collections(store):
        path = json_files.items_of(row)
        if asked or store.file_mark(path) is not None or number <= JSON_RECORDS_MAX:
            begin(store, path)
            keep(store, emit, dump, json_items.write(dump, row))


def whole_collections(store: Store) -> list[tuple[Collection, int]]:
    """The collections that were ever read whole, and how many items they have."""
    rows = [row for row in COLLECTIONS if store.items.mark(row.name).fresh_us is not None]
    return [(row, store.items.totals(row.name)[0]) for row in rows]


def write_duckdb(
    dump: Path,
    types: Sequence[ObjectType],
    store: Store,
    emit: Emit,
    *,
    hard_delete: bool = False,
    layout: str | None = None,
) -> Counts:
    """Build the DuckDB file in a process of its own, which reads from the store whether what is not there any more
    is to have rows, as verify does, and which layout there is: the one of the last load, unless one is said. How many
    records that process found in it, reading it again.
    """
    if store.file_mark(DUCKDB) is None:
        with disk_errors(dump):
            _move([path for path in (dump / DUCKDB,) if path.exists()], dump, emit)
        begin(store, DUCKDB)
    if bool(store.meta(HARD_DELETE + DUCKDB)) != hard_delete:
        store.set_meta(HARD_DELETE + DUCKDB, "yes" if hard_delete else "")
    if layout is not None:
        store.set_meta(LAYOUT + DUCKDB, "" if layout == NONE else layout)
    for type_ in types:
        columns.keep(store, type_.name)
    written, counts = child.write("duckdb", dump, [type_.name for type_ in types])
    for one in written:
        keep(store, emit, dump, one)
    _tell_layout(DUCKDB, layout, dump, types, emit)
    return counts


def _tell_layout(place: str, layout: str | None, dump: Path, types: Sequence[ObjectType], emit: Emit) -> None:
    """Say of a layout that was asked for what of it is empty, and why."""
    if layout in LAYOUTS:
        with closing(Reader(dump / "store.sqlite")) as reader:
            for line in layouts.told(layout, place, [type_.name for type_ in types], reader):
                emit(Noted(*line))


def remember_filled(store: Store, types: Sequence[ObjectType], targets: Sequence[str]) -> None:
    """Remember what these targets were filled with, so that none is accused of what was read since."""
    for target in targets:
        store.set_meta(HELD + target, msgspec.json.encode(_contents(store, types)).decode())


def _contents(store: Store, types: Sequence[ObjectType]) -> Contents:
    rounds = {type_.name: store.bookmark(type_.name).content for type_ in types}
    return rounds, {row.name: store.items.mark(row.name).content for row, _ in whole_collections(store)}


def filled(meta: Callable[[str], str]) -> Filled:
    """How many records bear each property, as the last load of the DuckDB file found; nothing where there was none."""
    kept = meta(FILLED + DUCKDB)
    return msgspec.json.decode(kept, type=Filled) if kept else {}


def write_exports(
    dump: Path, exports: Sequence[Export], types: Sequence[ObjectType], store: Store, emit: Emit
) -> None:
    """Write the tables of `types` into each export, one after the other, in processes of their own."""
    for type_ in types if exports else ():
        columns.keep(store, type_.name)
    for export in exports:
        built = child.build(export, dump, [type_.name for type_ in types])
        _place(dump, export, built, store, emit)
        files = {path: [mark] for path, mark in built.files.items()}
        _remember(store, Kept(export, files, built.records, *_contents(store, types)))
        emit(FileWritten(str(dump / export.place), built.records))
        _tell_mended(export.name, built.mended, emit)
        _tell_unfit(export.name, built.unfit, built.strange, emit)
        for text in built.told:
            emit(Noted(text))


def write_databases(
    dump: Path,
    databases: Sequence[Database],
    types: Sequence[ObjectType],
    store: Store,
    emit: Emit,
    *,
    layout: str | None = None,
) -> None:
    """Bring databases up to date, one after the other, in processes of their own.

    The mark that a database gets is kept before it is: what a lost connection left there is known either way.
    """
    for type_ in types if databases else ():
        columns.keep(store, type_.name)
    for one in databases:
        before, mark = tuple(store.meta(DATABASE + one.url).split()), token_hex(16)
        store.set_meta(DATABASE + one.url, " ".join((*before, mark)))
        order = Load(one.url, before, mark, one.hard_delete, layout)
        loaded = child.load(order, one.password, dump, [type_.name for type_ in types])
        store.set_meta(DATABASE + one.url, mark)
        remember_filled(store, types, [one.url])
        emit(FileWritten(one.url, loaded.records))
        _tell_mended(one.url, loaded.mended, emit)
        _tell_unfit(one.url, loaded.unfit, loaded.strange, emit)
        for text in loaded.told:
            emit(Noted(text))
        if not one.url.startswith(DLT):
            _tell_layout(one.url, layout, dump, types, emit)


def _place(dump: Path, export: Export, built: Built, store: Store, emit: Emit) -> None:
    """Let each file of an export take its place; what is there and not hubdump's is moved aside.

    From before the first renaming until the last the store knows both, the old files and the new ones, as hubdump's:
    whoever is killed in between leaves no file that the next load would take for somebody else's.
    """
    known = store.meta(EXPORT + export.name)
    before = msgspec.json.decode(known, type=Kept).files if known else {}
    with disk_errors(dump / export.place):
        there = {path: mark_of(dump / path) for path in built.files if (dump / path).is_file()}
        foreign = [
            dump / path for path in built.files if _foreign(dump / path, there.get(path), before.get(path))
        ]
        _move(foreign, (dump / export.place).parent if export.one_file else dump / export.place, emit)
        both = {
            path: list(dict.fromkeys([*before.get(path, []), mark])) for path, mark in built.files.items()
        }
        _remember(store, Kept(export, before | both))
        for path, mark in built.files.items():
            if there.get(path) == mark:
                beside(dump / path).unlink()
            else:
                put_in_place(beside(dump / path), dump / path)


def _foreign(path: Path, mark: str | None, ours: Sequence[str] | None) -> bool:
    return path.is_symlink() or (path.exists() and mark not in (ours or ()))


def _remember(store: Store, kept: Kept) -> None:
    store.set_meta(EXPORT + kept.export.name, msgspec.json.encode(kept).decode())


def keep(store: Store, emit: Emit, dump: Path, written: Written) -> None:
    """Remember and tell that a file is written."""
    store.mark_file(written.path, written.mark, written.records)
    emit(FileWritten(str(dump / written.path), written.records))
    key = MENDED + written.path
    if written.mended or store.meta(key):
        store.set_meta(key, str(written.mended or ""))
    _tell_mended(written.path, written.mended, emit)
    if written.unfit or store.meta(UNFIT + written.path):
        store.set_meta(UNFIT + written.path, msgspec.json.encode(written.unfit).decode())
    if written.filled:
        store.set_meta(FILLED + written.path, msgspec.json.encode(written.filled).decode())
    if written.told:
        emit(Noted(written.told))
    if written.loaded:
        store.set_meta(LOADED + written.path, written.loaded)
    _tell_unfit(written.path, written.unfit, written.strange, emit)


def _tell_mended(path: str, mended: int, emit: Emit) -> None:
    if mended:
        emit(
            Noted(
                f"{mended} values in {path} stand there as text: JSON cannot hold them as HubSpot sent them. The store "
                "has them as they came."
            )
        )


def _tell_unfit(path: str, unfit: Sequence[Unfit], strange: Sequence[str], emit: Emit) -> None:
    for line in _unfit(path, unfit):
        emit(Noted(line))
    if strange:
        emit(Noted(f"Properties of types that hubdump does not know are texts: {', '.join(strange)}"))


def _unfit(path: str, found: Sequence[Unfit]) -> Iterator[str]:
    """How many texts are NULL in a file, or say more than their value does, in a line each."""
    told = {
        "are NULL: no values of their property's type": [(one.as_null, one) for one in found if one.as_null],
        "are cut to the microsecond": [(one.cut, one) for one in found if one.cut],
    }
    for became, counts in told.items():
        if counts:
            most = sorted(counts, reverse=True)[:UNFIT_NAMED_MAX]
            named = ", ".join(f"{one.table}.{one.column} {n}" for n, one in most)
            more = f" and {len(counts) - len(most)} more columns" if len(counts) > len(most) else ""
            total = sum(n for n, _ in counts)
            yield f"{total} texts in {path} {became} ({named}{more}). _raw has them; _unparsed counts them."


def check_targets(dump: Path, types: Sequence[ObjectType], targets: Sequence[str], in_duckdb: Counts) -> None:
    """Read the targets again; Incomplete unless each holds what the store does, once. `in_duckdb` was read again by the
    process that wrote it.
    """
    wrong = []
    with closing(Reader(dump / "store.sqlite")) as reader:
        counts = {type_: reader.count(type_.name) for type_ in types}
        for target in targets:
            due = expected(target, counts, reader.files())
            wrong += check(target, due, in_duckdb if target == "duckdb" else json_files.counts(dump, [*due]))
    if wrong:
        told = "; ".join(f"{w.target} holds {w.told} {w.type}, the store {w.expected}" for w in wrong)
        raise Incomplete(f"The targets do not hold what was extracted: {told}.", "Load again: hubdump load")


def _free_folder(folder: Path) -> Path:
    today = datetime.now(UTC).date()
    aside, number = folder / f"before-hubdump-{today.isoformat()}", 1
    while aside.exists():
        number += 1
        aside = folder / f"before-hubdump-{today.isoformat()}-{number}"
    return aside
