"""What happened to the records of a dump from one of its runs to another, or to now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from hubdump.errors import UsageError
from hubdump.model import Association, State
from hubdump.store.changes import NOW, Change
from hubdump.store.past import Past, Run
from hubdump.store.reader import Reader


class Became(Enum):
    """What became of a record; what was active at neither end did not come or go."""

    CREATED = "created"
    CHANGED = "changed"
    RESTORED = "restored"
    ARCHIVED = "archived"
    GONE = "gone"
    MERGED = "merged"
    INACTIVE = "inactive"
    ASSOCIATED = "associated"
    DISSOCIATED = "dissociated"


@dataclass(frozen=True, slots=True)
class Told:
    """One difference: of a record, with (old, new) by property, no old ones where nobody knows them any more; or of an
    association, with the type it leads `to`.
    """

    type: str
    id: int
    became: Became
    properties: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    known: bool = True
    merged_into: int | None = None
    to: str = ""
    link: Association | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """From the end of which run to that of which, None: to now; how much was found of each type; and what is not known
    of it.
    """

    since: Run
    until: Run | None
    counts: dict[str, Counter[Became]]
    notes: list[str]


class _Content(Struct):
    properties: dict[str, Any] = {}


_CONTENT = msgspec.json.Decoder(_Content)
_BY_STATE = {State.ARCHIVED: Became.ARCHIVED, State.GONE: Became.GONE, State.MERGED: Became.MERGED}


def is_run(dump: Path, word: str) -> bool:
    """Whether a word names a run of a dump, and no file."""
    with closing(Reader(dump / "store.sqlite")) as reader:
        return not Path(word).exists() and reader.past.names(word)


def between(dump: Path, since: str, until: str, tell: Callable[[Told], None]) -> Between:
    """Tell what differs between the ends of two runs, or one's and now; UsageError where nobody knows."""
    with closing(Reader(dump / "store.sqlite")) as reader:
        first, last = reader.past.run(since), reader.past.run(until) if until else None
        if last and last.number < first.number:
            raise UsageError(f"Run {first.told} came after {last.told}.", f"hubdump diff {until} {since}")
        if last:
            reader.past.refuse_unknown(last)
        found = Between(first, last, {}, list(_notes(reader.past, first)))
        for type_ in reader.types():
            counts = found.counts.setdefault(type_, Counter())
            for told in _of(reader, type_, first.number, last.number if last else NOW):
                counts[told.became] += 1
                tell(told)
        return found


def _notes(past: Past, since: Run) -> Iterator[str]:
    """What is not known of the time since a run."""
    kept, links = past.since(), past.links_since()
    if kept and kept.number > since.number:
        yield (
            f"What records were before run {kept.told} is not known: versions were not kept. What was removed since"
            " may have been archived before."
        )
    if links > since.number:
        yield "What was associated and dissociated is known of the last runs only, and not of all of these."


def _of(reader: Reader, type_: str, since: int, until: int) -> Iterator[Told]:
    for change in reader.changes.records(type_, since, until):
        yield _told(type_, change)
    for to, link, came in reader.changes.associations(type_, since, until):
        became = Became.ASSOCIATED if came else Became.DISSOCIATED
        yield Told(type_, link.from_id, became, to=to, link=link)


def _told(type_: str, change: Change) -> Told:
    before, after = change.before, change.after
    was_active = not change.new if before is None else before.state is State.ACTIVE
    if after.state is not State.ACTIVE:
        became = _BY_STATE[after.state] if was_active else Became.INACTIVE
        return Told(type_, change.id, became, known=bool(before), merged_into=after.merged_into)
    if change.new:
        return Told(type_, change.id, Became.CREATED)
    if before is None:
        return Told(type_, change.id, Became.CHANGED, known=False)
    became = Became.CHANGED if was_active else Became.RESTORED
    return Told(type_, change.id, became, _properties(before.raw, after.raw))


def _properties(before: Raw, after: Raw) -> dict[str, tuple[str | None, str | None]]:
    """(old, new) of each property that differs; one that was not read is as one without a value."""
    old, new = _CONTENT.decode(before).properties, _CONTENT.decode(after).properties
    names: Sequence[str] = list(dict.fromkeys([*new, *old]))
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
