"""What the verbs that do not extract do with a dump: prove it, describe it, load it again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from hubdump import load, seal
from hubdump.clock import SystemClock, instant_text
from hubdump.errors import UsageError
from hubdump.events import Emit
from hubdump.extract import plan
from hubdump.extract.around import Around
from hubdump.extract.plan import Wishes
from hubdump.manifest import read_manifest
from hubdump.model import Bookmark, ObjectType
from hubdump.session import Access, opened
from hubdump.store.as_of import AS_OF
from hubdump.store.database import check_structure
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets.database import Database
from hubdump.targets.export import Wanted
from hubdump.verify import around, fetched, local, there
from hubdump.verify import databases as databases_held
from hubdump.verify.findings import Asked, Finding, Level, wrong
from hubdump.verify.portal import Portal
from hubdump.wording import fetched_line

# What a record may name, and by which property; recordings are at whoever made the call.
NAMING_FILES = (("attachments", "hs_attachment_ids"), ("a recording", "hs_call_recording_url"))


def check_here(dump: Path, databases: Sequence[Database] = ()) -> list[Finding]:
    """The proofs that need no HubSpot: of this disk, and of `databases` that it was loaded into."""
    sealed = dict(seal.changed(dump))
    if sealed.get(seal.STORE, True):  # as after a crash: where no sum speaks for it, its structure has to do
        check_structure(dump / seal.STORE)
    found = [*local.check(dump, _types_in(dump)), *fetched.check(dump, sealed)]
    found += databases_held.check(dump, _types_in(dump), databases)
    told = {finding.what for finding in found}
    changed = [p for p, gone in sealed.items() if gone and p not in told and not p.startswith("files/")]
    found += [wrong("files", path, f"not what {seal.NAME} says") for path in changed]
    if sealed and not any(sealed.values()):
        found.append(Finding("files", seal.NAME, f"{len(sealed)} files as it says"))
    return found


def check_there(dump: Path, asked: Asked, access: Access, emit: Emit) -> list[Finding]:
    """Hold each type against HubSpot, and keep in the dump when it was proved."""
    with held(dump) as store:
        return asyncio.run(_compare(dump, store, asked, access, emit))


async def _compare(dump: Path, store: Store, asked: Asked, access: Access, emit: Emit) -> list[Finding]:
    clock, types = SystemClock(), _types_in(dump)
    async with opened(access, access.budgets(), store, clock, emit) as session:
        proofs = await there.check(Portal(session.exchange, session.api, clock), dump, types, asked)
        for name, proof in proofs.items():
            if proof.proved_us is not None:
                store.prove(name, proof.proved_us)
        found = [finding for proof in proofs.values() for finding in proof.findings]
        if asked.level in {Level.IDS, Level.FULL} and asked.piece == 1:
            beside = Around(session.exchange, store, clock, emit, store.discovered.catalogue(), Wishes())
            full = asked.level is Level.FULL
            found += await around.check_there(dump, session.exchange, beside.parents, full=full)
    return found


def describe(dump: Path, *, as_json: bool) -> Iterator[str]:
    """What the dump holds and how fresh it is, a line a type."""
    types = _types_in(dump)
    manifest = read_manifest(dump)
    if as_json:
        yield msgspec.json.encode(manifest).decode()
        return
    reader = Reader(dump / "store.sqlite")
    try:
        past = f", as run {run} left it" if (run := reader.meta(AS_OF)) else ""
        yield f"{dump}: portal {reader.meta('portal') or 'unknown'}{past}"
        for type_ in types:
            mark = reader.bookmark(type_.name)
            fresh = instant_text(mark.fresh_us) if mark.fresh_us else "never"
            cut = "" if mark.complete else "; cut short, hubdump run continues it"
            yield f"{type_.name}: {reader.count(type_.name):,} records, fresh at {fresh}, {_proof(mark)}{cut}"
        yield from _associated(reader, manifest)
        yield from _around(reader)
        yield from _files(reader)
        if kept := reader.past.kept():
            yield f"versions are kept since the end of run {kept.told}: hubdump diff {kept.name}"
    finally:
        reader.close()
    if "run" in manifest:
        yield from _not_here(manifest)
        yield f"Last run {manifest['run']}: exit {manifest['exit']}, {manifest['verdict']}"


def _proof(mark: Bookmark) -> str:
    """When a type was proved, and when a run proves it again by itself."""
    if mark.proved_us is None:
        return "not proved: the next run compares all ids"
    due_us = mark.proved_us + int(Wishes().prove_within_s) * 1_000_000
    return f"proved at {instant_text(mark.proved_us)} (due again {instant_text(due_us)[:10]})"


def _associated(reader: Reader, manifest: Mapping[str, Any]) -> Iterator[str]:
    """As of when associations are there, and when a run reads all of them again by itself."""
    whole_us = min(reader.linked_us().values(), default=None)
    if whole_us:
        since, due = instant_text(whole_us), instant_text(whole_us + plan.LINKS_KEPT_US)
        yield f"associations: all read at {since} or later (again from {due} on), and of what changed since"
    elif whole_us == 0:
        yield "associations: not all were ever read; the next run reads them"
    if (manifest.get("associations") or {}).get("read") == plan.Linking.NEVER:
        yield "associations: not read by the last run (--associations never)"


def _not_here(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What the last run could not read, and what its user leaves out."""
    for what, told in manifest.get("unread", {}).items():
        yield f"not read: {what}: {told['why']}"
    if left_out := manifest.get("excluded"):
        yield f"left out, as you say: {', '.join(left_out)}"


def _around(reader: Reader) -> Iterator[str]:
    """What is around the records, in one line, and what this portal has none of in another."""
    held = reader.items.held()
    if whole := [one for one in held if one.fresh_us is not None]:
        named = ", ".join(f"{one.collection.name} {one.items:,}" for one in whole)
        oldest = instant_text(min(one.fresh_us or 0 for one in whole))
        yield f"around the records: {named}; fresh at {oldest} or later"
    if unread := [one.collection.name for one in held if one.unread]:
        yield f"not in this portal: {', '.join(unread)}"


def _files(reader: Reader) -> Iterator[str]:
    """The bytes of files that are there, and how many more there might be."""
    there = reader.fetched.summary()
    if there.files or there.failed:
        yield fetched_line(there)
    known = sum(one.items for one in reader.items.held() if one.collection.name == "files")
    filled = load.filled(reader.meta)
    named = [f"{known:,} files"] if known else []
    for what, property_ in NAMING_FILES:
        records = sum(of.get(property_, 0) for _, of in filled.values())
        named += [f"{records:,} records with {what}"] if records else []
    if named:
        hint = "" if there.files else ": hubdump run --files brings the bytes of files and attachments"
        yield f"known: {', '.join(named)}{hint}"


def load_again(dump: Path, asked: Wanted, emit: Emit) -> None:
    """Fill the targets from what is committed; those asked for, or those of every dump."""
    with held(dump) as store:
        load_into(dump, store, asked, emit)


def load_into(dump: Path, store: Store, asked: Wanted, emit: Emit) -> None:
    """The same, where the dump is held already."""
    types = [type_ for type_ in _types_in(dump) if store.bookmark(type_.name).fresh_us is not None]
    if not types and not load.whole_collections(store):
        raise UsageError(f"No type in {dump} is complete yet: there is nothing to load.", "hubdump run")
    if asked.has("json"):
        load.move_aside(dump, store, emit)
    load.fill(dump, types, store, asked, emit)


def held(dump: Path) -> AbstractContextManager[Store]:
    """A dump that is there, to change it."""
    if not (dump / "store.sqlite").exists():
        raise UsageError(f"There is no dump in {dump}.", "Make one: hubdump run")
    return seal.held(dump, instant_text(int(time.time() * 1_000_000)))


def _types_in(dump: Path) -> list[ObjectType]:
    reader = Reader(dump / "store.sqlite")
    try:
        catalogue = reader.catalogue()
        return [catalogue.by_name(name) for name in reader.types()]
    finally:
        reader.close()
