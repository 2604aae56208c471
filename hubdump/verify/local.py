"""Level local: what this disk alone can prove, without one call to HubSpot."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from hubdump.errors import DiskFailure
from hubdump.model import ObjectType
from hubdump.store.links import Links
from hubdump.store.reader import Reader
from hubdump.targets import TARGETS, child, expected, items_in
from hubdump.targets.compared import Differences
from hubdump.targets.export import Kept, kept_in
from hubdump.targets.written import HELD, WANTED, Contents, mark_of
from hubdump.verify import around, stored
from hubdump.verify.findings import Finding, unchecked, wrong


def check(dump: Path, types: Sequence[ObjectType]) -> Iterator[Finding]:
    """The store is what was written, agrees with itself, and the targets hold it, once and nothing else."""
    reader, links = Reader(dump / "store.sqlite"), Links(dump / "store.sqlite")
    try:
        yield stored.pages(reader, links)
        for type_ in types:
            yield from stored.of_type(reader, type_)
        yield from stored.sides(links, _read_from_both_sides(reader.pairs(), types))
        read = {type_.name for type_ in types}
        for type_ in types:
            yield from stored.ends(links, type_.name, read)
        yield from around.check_here(reader)
        yield from _targets(dump, reader, types)
        yield from _exports(dump, reader, types)
        yield from _files(dump, reader)
    finally:
        reader.close()
        links.close()


def _read_from_both_sides(
    pairs: Sequence[tuple[str, str]], types: Sequence[ObjectType]
) -> list[tuple[str, str]]:
    names = {type_.name for type_ in types}
    return [(a, b) for a, b in pairs if a <= b and (b, a) in pairs and {a, b} <= names]


def _targets(dump: Path, reader: Reader, types: Sequence[ObjectType]) -> Iterator[Finding]:
    """Every target that we wrote holds each record and association of the store as it is there; one that the last
    run was not to fill is not held to what was read since.
    """
    now, left = contents(reader, types), set(TARGETS) - set(reader.meta(WANTED).split())
    counts = {t: reader.count(t.name) for t in types if reader.bookmark(t.name).fresh_us is not None}
    for target in TARGETS:
        there = expected(target, counts, reader.files())
        items = items_in(target, reader)
        if not (there or items):
            continue
        held = reader.meta(HELD + target)
        if held and target in left and msgspec.json.decode(held, type=Contents) != now:
            told = "is older than the dump, as the last run was not to fill it; it was not compared"
            yield Finding("targets", target, f"{told}: {_load(dump)} {target}")
            continue
        try:
            found = child.compare(target, dump, [type_.name for type_ in there])
        except DiskFailure as error:
            yield unchecked("targets", target, error.message)
            continue
        for what, differences in found.items():
            yield from differing(what, differences)
        if all(differences.none for differences in found.values()):
            text = f"{sum(there.values()):,} records, each once, every value and association as in the store"
            if items:
                text += f"; and {items:,} items around them"
            yield Finding("targets", target, text)


def _exports(dump: Path, reader: Reader, types: Sequence[ObjectType]) -> Iterator[Finding]:
    """Every export that is still there, and as new as the store, holds what that does."""
    rounds, items = contents(reader, types)
    for kept in kept_in(reader):
        name, again = kept.export.name, f"{_load(dump)} {kept.export.asked(dump)}"
        if not (dump / kept.export.place).exists():
            yield Finding("targets", name, "is no longer there")
        elif kept.rounds is None:
            yield wrong("targets", name, f"is not whole: {again}")
        elif (kept.rounds, kept.items) != (rounds, items) or not all({**rounds, **items}.values()):
            yield Finding("targets", name, f"is older than the dump, and was not compared: {again}")
        else:
            yield from _export(dump, kept)


def _load(dump: Path) -> str:
    return f"hubdump load --dump {shlex.quote(str(dump))}"


def contents(reader: Reader, types: Sequence[ObjectType]) -> Contents:
    """What the store has now, in the words of what a target was filled with."""
    marks = [reader.bookmark(type_.name) for type_ in types]
    rounds = {mark.type: mark.content for mark in marks if mark.fresh_us is not None}
    return rounds, {
        one.collection.name: one.content for one in reader.items.held() if one.fresh_us is not None
    }


def _export(dump: Path, kept: Kept) -> Iterator[Finding]:
    name = kept.export.name
    try:
        found = child.compare_export(kept.export, dump, list(kept.rounds or ()))
    except DiskFailure as error:
        yield unchecked("targets", name, error.message)
        return
    for what, differences in found.items():
        yield from differing(what, differences)
    if all(differences.none for differences in found.values()):
        yield Finding("targets", name, f"{kept.records:,} records, each once, every value as in the store")


def differing(what: str, differences: Differences) -> Iterator[Finding]:
    """What a target has otherwise than the store, or that it cannot be read."""
    if differences.unreadable:
        yield wrong("targets", what, f"cannot be read: {differences.unreadable}")
    for kind, names in differences.kinds:
        if names:
            yield wrong("targets", what, kind, names)


def _files(dump: Path, reader: Reader) -> Iterator[Finding]:
    marks = {file.path: file.mark for file in reader.files() if file.mark}
    changed = [path for path in marks if not (dump / path).exists() or mark_of(dump / path) != marks[path]]
    for path in changed:
        yield wrong("files", path, "missing, or changed since it was written")
    if marks and not changed:
        yield Finding("files", "files", f"{len(marks)} as they were written")
