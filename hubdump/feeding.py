"""A table of one portal for who reads many: its dump is brought up to date, then its rows are set aside and given.

Somebody else may do the same at the same time - another attempt of the task, an executor that everybody takes for dead.
The dump's lock lets one at a time run and read; the other waits, and goes on from what is there. No row is given while
the lock is held: who takes rows may wait for another's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

import pyarrow as pa

from hubdump import around, called
from hubdump.clock import instant_text
from hubdump.errors import Exit, HubdumpError, InUse, UsageError
from hubdump.events import RunEnded
from hubdump.extract.plan import Linking
from hubdump.manifest import read_manifest
from hubdump.portals import Portal
from hubdump.runlog import ended_as
from hubdump.seal import STORE
from hubdump.store.database import disk_errors
from hubdump.store.lock import Lock
from hubdump.store.past import Run
from hubdump.store.reader import Reader
from hubdump.targets.arrow_rows import batches
from hubdump.targets.export import NOTHING
from hubdump.targets.lacking import changed, with_removals
from hubdump.targets.table import Table
from hubdump.targets.tables import ASSOCIATIONS, HISTORY, OF_ALL, read_for, tables

T = TypeVar("T")
# How often somebody who waits for a dump looks whether it is free.
POLL_S = 0.5
WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of each portal: a table, up to date or, without `extract`, as the dump has it. `wishes` are those
    of `hubdump.run`; `wait_s` is how long somebody else may hold the dump.
    """

    table: str
    extract: bool = True
    wait_s: float = WAIT_S
    wishes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Between:
    """The changes from one turn to another, each the beginning of the names of its runs; all rows, where nothing is
    known of the first.
    """

    start: str
    end: str


def rows(portal: Portal, ask: Ask, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """All rows of a portal's table; HubdumpError where they cannot be had whole."""
    if ask.extract:
        _refuse_incomplete(ended(portal, ask))
    with _set_aside(portal, ask, schema, lambda _, table: table.rows()) as found:
        yield from found


def changes(portal: Portal, ask: Ask, between: Between, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a portal's table that changed from one turn to another, for which there is a run of its own."""

    def attempt() -> RunEnded | None:
        name = _name(portal, ask, between.end)
        return _run(portal, ask, name) if name else None

    if done := _waiting(ask, attempt):
        _refuse_incomplete(done)

    def lines(reader: Reader, table: Table) -> Iterator[bytes]:
        since, until = (_done(portal, _runs(reader, turn)) for turn in (between.start, between.end))
        if since is None or until is None or (not table.type and since.number < reader.past.links_since()):
            return table.rows()
        _, found = changed(reader, table, since.number, until.number)
        return found or iter(())

    with _set_aside(portal, ask, schema, lines) as found:
        yield from found


def refuse_unchanging(name: str) -> None:
    """UsageError where of a table no changes are known: of all but records and associations."""
    if name in {*OF_ALL, *around.tables()} - {ASSOCIATIONS}:
        raise UsageError(f"Of {name} no changes are known.", "Read it whole: spark.read")


def ended(portal: Portal, ask: Ask) -> RunEnded:
    """Bring the dump of a portal up to date for the table that is asked for; how that ended."""
    return _waiting(ask, lambda: _run(portal, ask))


def _run(portal: Portal, ask: Ask, name: str | None = None) -> RunEnded:
    wishes = {"only": read_for([ask.table]), "to": [NOTHING], **ask.wishes}
    with disk_errors(portal.dump):
        portal.dump.mkdir(0o700, parents=True, exist_ok=True)
    exclude = (*wishes.pop("exclude", ()), *portal.exclude)
    return called.run(
        portal.dump,
        exclude=exclude,
        token=portal.credentials(),
        sandbox=portal.sandbox,
        base_url=portal.base_url,
        name=name,
        **wishes,
    )


def _waiting(ask: Ask, do: Callable[[], T]) -> T:
    """Do what takes the dump to oneself, once nobody else has it; InUse where that takes too long."""
    give_up = time.monotonic() + ask.wait_s
    while True:
        try:
            return do()
        except InUse:
            if time.monotonic() >= give_up:
                raise
        time.sleep(POLL_S)


def _refuse_incomplete(ended: RunEnded) -> None:
    if ended.exit != Exit.COMPLETE:
        raise HubdumpError(
            f"{ended.verdict} {' '.join(ended.next)} No row was given.",
            'To read what its dump has: .option("extract", "false")',
        )


@contextmanager
def _reading(portal: Portal, ask: Ask) -> Iterator[Reader]:
    """The dump of a portal, to oneself."""
    if not (portal.dump / STORE).exists():
        raise UsageError(f"There is no dump in {portal.dump}.", "Make one: hubdump run")
    lock = _waiting(ask, lambda: Lock(portal.dump, instant_text(time.time_ns() // 1000)))
    try:
        with closing(Reader(portal.dump / STORE)) as reader:
            yield reader
    finally:
        lock.release()


@contextmanager
def _set_aside(
    portal: Portal, ask: Ask, schema: pa.Schema, lines: Callable[[Reader, Table], Iterator[bytes]]
) -> Iterator[Iterator[pa.RecordBatch]]:
    """Those rows of a table, in a file without a name: nothing of it is left, however we end."""
    with TemporaryFile() as file:
        with _reading(portal, ask) as reader, pa.ipc.new_stream(file, schema) as out:
            if table := _table(reader, ask.table):
                for batch in batches(portal.name, table, lines(reader, table), schema):
                    out.write_batch(batch)
        yield _given(file)


def _given(file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    file.seek(0)
    with pa.ipc.open_stream(file) as found:
        yield from found


def _table(reader: Reader, name: str) -> Table | None:
    """A table; None where the portal does not have what it is of. UsageError where it was never read whole."""
    told = read_manifest(reader.path.parent).get("associations")
    if name == ASSOCIATIONS and told and (told["read"], told["whole_at"]) == (Linking.NEVER, None):
        raise UsageError(
            f"{reader.path.parent} holds no associations.", "Read them: without associations=never"
        )
    whole = [type_ for type_ in reader.catalogue().types if reader.bookmark(type_.name).fresh_us is not None]
    if found := next((table for table in tables(reader, whole) if table.name == name), None):
        return with_removals(found)
    absent = {one.what for one in reader.unread() if one.absent}
    if name in OF_ALL - {HISTORY} or absent & {*read_for([name])}:
        return None
    hint = 'With .option("history", "all")' if name == HISTORY else "Read it: without extract=false"
    raise UsageError(f"{reader.path.parent} holds no whole table {name}.", hint)


def _name(portal: Portal, ask: Ask, turn: str) -> str | None:
    """What the run of a turn is to be called: as before where it was cut short and nobody ran since; None where one
    is done.
    """
    if not (portal.dump / STORE).exists():
        return f"{turn}00"
    with _reading(portal, ask) as reader:
        ours, last = _runs(reader, turn), next(reversed(reader.past.runs()), None)
    if _done(portal, ours):
        return None
    cut_short = ours and ours[-1] == last and last.ended_us is None
    return ours[-1].name if cut_short else f"{turn}{len(ours):02}"


def _runs(reader: Reader, turn: str) -> Sequence[Run]:
    """The runs of a turn, in their order."""
    return [run for run in reader.past.runs() if turn and run.name.startswith(turn)]


def _done(portal: Portal, runs: Sequence[Run]) -> Run | None:
    """The first of some runs that ended complete: its rows, and no later ones, are those of its turn."""
    return next((run for run in runs if ended_as(portal.dump / "runs", run.name) == Exit.COMPLETE), None)
