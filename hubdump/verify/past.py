"""Level full: the histories that were read, read again: what HubSpot tells of the past must be here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hubdump.extract import plan
from hubdump.hubspot import flows
from hubdump.hubspot.rereading import Piece
from hubdump.model import Due, HistoriesDue, HistoriesRead, ObjectType, PastValue, Question
from hubdump.store.histories import Mark
from hubdump.store.reader import Reader
from hubdump.verify.findings import Finding, named, unchecked, wrong
from hubdump.verify.portal import Portal


@dataclass(slots=True)
class _Compared:
    """What HubSpot told: how many values are here, those `lost`, how many came since, and what it does not give."""

    here: int = 0
    lost: list[str] = field(default_factory=list)
    since: int = 0
    unreadable: list[int] = field(default_factory=list)


async def check(portal: Portal, dump: Path, type_: ObjectType, piece: Piece) -> list[Finding]:
    """What is missing of the histories of a piece of a type; values that HubSpot forgot are kept, and not accused."""
    reader, found, marks = Reader(dump / "store.sqlite"), _Compared(), dict[int, Mark]()

    def answered(question: Question) -> Due:
        assert isinstance(question, HistoriesDue)
        after = max(question.after, piece.low - 1)
        marks.clear()
        marks.update(reader.histories.read(type_.name, after, piece.high - 1, question.count))
        return Due(list(marks), sorted({name for mark in marks.values() for name in mark.names}))

    try:
        async for step in portal.steps(flows.histories(portal.api, type_, ()), answered):
            if isinstance(step, HistoriesRead):
                _compare(reader, type_, step, marks, found)
    finally:
        reader.close()
    return _findings(type_, found)


def _compare(
    reader: Reader, type_: ObjectType, step: HistoriesRead, marks: dict[int, Mark], found: _Compared
) -> None:
    asked = [value for value in step.values if value.property in marks[value.id].names]
    lacking = reader.histories.lacking(type_.name, asked)
    lost = [value for value in lacking if _was_there(value, marks[value.id], step)]
    found.here += len(asked) - len(lacking)
    found.since += len(lacking) - len(lost)
    found.lost += [f"{value.id} {value.property} {value.timestamp}" for value in lost]
    found.unreadable += step.unreadable


def _was_there(value: PastValue, mark: Mark, step: HistoriesRead) -> bool:
    """Whether a value was at HubSpot when the history of its record was read: that has changed nothing since."""
    return step.read[value.id] == mark.updated_us and value.at_us <= plan.fresh_us(mark.seen_us)


def _findings(type_: ObjectType, found: _Compared) -> list[Finding]:
    findings = []
    if found.unreadable:
        text = f"HubSpot fails to give the history of {named(found.unreadable)}"
        findings.append(unchecked("history", type_.name, text))
    if found.lost:
        findings.append(wrong("history", type_.name, "past values missing here", found.lost))
    if findings or not (found.here or found.since):
        return findings
    since = f"; {found.since:,} since the run" if found.since else ""
    return [Finding("history", type_.name, f"{found.here:,} past values at HubSpot, all here{since}")]
