"""What of a table somebody lacks, told by what they had of it: nothing, the rows of some records, or all rows.

The run that committed a record's present version, and the changes of associations that runs logged, say which rows
are others than they were. They are believed only where the account balances: what was there and what changed is what
there is. Else all rows are due, to take the place of those that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

import msgspec
from msgspec import Struct

from hubdump.hubspot.schema import Kind
from hubdump.model import Association, State
from hubdump.store.changes import NOW
from hubdump.store.reader import Reader
from hubdump.store.runs import BEFORE
from hubdump.targets.table import Column, Table
from hubdump.targets.tables import ASSOCIATIONS
from hubdump.version import __version__

# A row of associations that says: the record has none any more.
REMOVED = "_removed"
DELETED = "_deleted"
_IDS = 1000
_MODULUS = 1 << 64


class Had(Struct, frozen=True):
    """What somebody had of a table: `shape` is all that rows depend on besides the store, `account` sums them up, as
    of the end of `run` of the store of a portal whose runs until then were `runs`.
    """

    portal: str

    shape: str
    account: str
    run: int
    runs: str


class Lacking(NamedTuple):
    """What is to be sent, none where nothing is, `anew` if it takes the place of all there is; what they have then."""

    lines: Iterator[bytes] | None
    anew: bool
    then: Had


def with_removals(table: Table) -> Table:
    """The table with a column that says of a row that it stands for the removal of others."""
    removed = Column(REMOVED, Kind.BOOL)
    return replace(table, columns=(*table.columns, removed)) if table.name == ASSOCIATIONS else table


def lacking(
    reader: Reader, table: Table, had: Had | None, *, hard_delete: bool, merging: bool, over: bool = False
) -> Lacking:
    """What of a table is lacking to who `had` that, and can merge rows into others, or not. The last run is `over`
    if the caller knows that nothing is added to it any more, though it may not have ended.
    """
    last = _last(reader, over=over)
    logged = merging and last > BEFORE and (bool(table.type) or table.name == ASSOCIATIONS)
    shape = _digest(msgspec.json.encode((__version__, hard_delete, logged, _columns(table))))
    now = Had(reader.meta("portal"), shape, _account(reader, table, logged=logged), last, _runs(reader, last))
    if had is None or (had.portal, had.shape) != (now.portal, now.shape):
        return Lacking(table.rows(), True, now)
    if not logged:
        same = had.account == now.account
        return Lacking(None if same else table.rows(), not same, now)
    if not had.run <= last or had.runs != _runs(reader, had.run):
        return Lacking(table.rows(), True, now)
    more, lines = changed(reader, table, had.run, NOW, hard_delete=hard_delete)
    if (int(had.account) + more) % _MODULUS != int(now.account):
        return Lacking(table.rows(), True, now)
    return Lacking(lines, False, now)


def _columns(table: Table) -> list[tuple[str, str, str]]:
    return [(column.name, column.kind.value, column.key) for column in table.columns]


def _last(reader: Reader, *, over: bool) -> int:
    """The last run that nobody adds to any more."""
    runs = reader.past.runs()
    return BEFORE if not runs else runs[-1].number - (not over and runs[-1].ended_us is None)


def _runs(reader: Reader, last: int) -> str:
    """Which store this is: what it went through until the end of a run."""
    runs = [(run.name, run.began_us) for run in reader.past.runs() if run.number <= last]
    return _digest(msgspec.json.encode(runs))


def _account(reader: Reader, table: Table, *, logged: bool) -> str:
    """Of records their number, whatever became of them; of associations a sum of them; of others a digest."""
    if logged and table.type:
        return str(sum(reader.count(table.type.name, state) for state in State))
    if logged:
        rows = (_weight(part.type, *row) for part in table.parts for row in reader.associations(part.type))
        return str(sum(rows) % _MODULUS)
    found = blake2b(digest_size=16)
    for part in table.parts:
        found.update(part.type.encode())
        for stamp in part.stamps():
            found.update(b"%d %d " % stamp)
    for row in () if table.parts else table.rows():
        found.update(b"%d " % len(row))
        found.update(row)
    return found.hexdigest()


def changed(
    reader: Reader, table: Table, since: int, until: int, *, hard_delete: bool = False
) -> tuple[int, Iterator[bytes] | None]:
    """By how much the account of a table of records, or of associations, is another one from the end of one run to
    that of another, and the rows that are others.
    """
    if table.type:
        return _records(reader, table, since, until, hard_delete)
    return _associations(reader, table, since, until)


def _records(
    reader: Reader, table: Table, since: int, until: int, hard_delete: bool
) -> tuple[int, Iterator[bytes] | None]:
    """How many records of a type are new between the ends of two runs, and the rows of those that are others."""
    (part,) = table.parts
    new, ids, gone = 0, list[int](), list[bytes]()
    for change in reader.changes.records(part.type, since, until):
        new += change.new
        if hard_delete and change.after.state is not State.ACTIVE:
            gone.append(b'{"id":"%d","_deleted":"true","properties":{}}' % change.id)
        else:
            ids.append(change.id)
    rows = (part.rows(ids[at : at + _IDS]) for at in range(0, len(ids), _IDS))
    return new, chain(gone, chain.from_iterable(rows)) if ids or gone else None


def _associations(reader: Reader, table: Table, since: int, until: int) -> tuple[int, Iterator[bytes] | None]:
    """By how much the sum of associations is another one between the ends of two runs, and the rows of each record of
    which some came or went.
    """
    more, stale = 0, dict[str, list[int]]()
    for part in table.parts:
        ids = dict[int, None]()
        for to, link, came in reader.changes.associations(part.type, since, until):
            more += _weight(part.type, to, link) * (1 if came else -1)
            ids[link.from_id] = None
        if ids:
            stale[part.type] = list(ids)
    return more, _of_stale(reader, table, stale) if stale else None


def _of_stale(reader: Reader, table: Table, stale: dict[str, list[int]]) -> Iterator[bytes]:
    for part in (part for part in table.parts if part.type in stale):
        ids = stale[part.type]
        for at in range(0, len(ids), _IDS):
            these = ids[at : at + _IDS]
            yield from part.rows(these)
            yield from _without(part.type, these, reader.associations_of(part.type, these))


def _without(
    type_: str, ids: Sequence[int], some: dict[int, list[tuple[str, Association]]]
) -> Iterator[bytes]:
    """A row for each record that has no associations any more."""
    for id_ in (id_ for id_ in ids if id_ not in some):
        yield msgspec.json.encode({"from_type": type_, "from_id": str(id_), REMOVED: "true"})


def _weight(from_: str, to: str, link: Association) -> int:
    told = f"{from_} {link.from_id} {to} {link.to_id} {link.category} {link.type_id} {link.label}"
    return int.from_bytes(blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _digest(told: bytes) -> str:
    return blake2b(told, digest_size=16).hexdigest()
