"""Judges what a fresh reader found by what was true; knows nothing of how it was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from hubdump.sandbox.log import Arrival, fullest
from tests.simulation.contents import are_alike, lacking, version_of
from tests.simulation.seam import HeldRecord, HeldType
from tests.simulation.truth import ACTIVE, ARCHIVED, GONE, MERGED, NEVER, Key, Moment, Row, Truth

KINDS = {
    "LOST": "live at fresh_at, not removed since, and missing",
    "STALE": "older than the version at fresh_at",
    "DUPLICATE": "there twice",
    "GHOST": "removed before proved_at, and shown as active",
    "CORRUPT": "content of no version there ever was",
    "INVENTED": "no such record or association there ever was",
    "LACKING": "a property that was there all the time and is not known, or its value in a record",
    "MISTOLD": "archived, merged or gone by the dump, and never so in truth",
    "UNDULY": "named as incomplete, without a reason in the scenario",
    "UNFRESH": "a type that passed for complete, without a fresh_at of this run",
    "UNLINKED": "a pair of types whose associations were last read whole longer ago than promised",
    "UNPROVED": "a type that passed for complete, without a proof as young as was asked for",
    "TARGET": "a target made from the store holds other than the store",
    "LIMIT": "more requests in a window than allowed",
    "LEAK": "a token in a text, a log or the store",
    "NOT_DONE": "no end within the deadline after the last fault",
    "BUG": "ended with an error that is none of hubdump's",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of the promise."""

    kind: str
    about: str


@dataclass(frozen=True, slots=True)
class Reading:
    """When one type was read: since when, up to now, the least that its fresh_at must be, and how much older its
    proof may be (milliseconds); `named` are the types that were said to be incomplete. `late_ms`: how much older what a
    search shows may be than `fresh_at` allows for. Associations are as of the last whole reading of their pair, not
    before `linked_least_ms`; those of a record that the dump has in another version since as of the beginning of the
    run that saw it, `seen_ms`. What the dump says of time is by HubSpot's Date, `ahead_ms` before the true one.
    """

    began_ms: int
    now_ms: int
    fresh_least_ms: int
    proof_within_ms: int
    named: frozenset[str] = frozenset()
    late_ms: int = 0
    linked_least_ms: int = 0
    seen_ms: Mapping[Key, int] = field(default_factory=dict)
    ahead_ms: int = 0


def judge(name: str, every: Mapping[str, HeldType], truth: Truth, reading: Reading) -> Iterator[Violation]:
    """All that is wrong with one type; one that was named as incomplete is held to what may not be in any case."""
    held = every[name]
    records = {one.id: one for one in held.records}
    if len(records) != len(held.records):
        twice = [id_ for id_, count in Counter(one.id for one in held.records).items() if count > 1]
        yield Violation("DUPLICATE", f"{name} {twice[:3]}")
    versions = {
        one.id: version_of(truth.moments((name, one.id)), one, redefined=truth.is_redefined(name))
        for one in held.records
    }
    for id_, version in versions.items():
        yield from _impossible((name, id_), truth, version)
    yield from _associations(name, every, truth, reading)
    if name in reading.named:
        return
    if held.fresh_us is None or held.fresh_us // 1000 < reading.fresh_least_ms:
        yield Violation("UNFRESH", f"{name}: fresh_at is {held.fresh_us}")
        return
    for to, whole_us in held.linked_us.items():
        if whole_us // 1000 < reading.linked_least_ms:
            yield Violation("UNLINKED", f"{name} to {to}: read whole at {whole_us}")
    for told in lacking(name, held, versions, truth, (reading.began_ms, reading.now_ms)):
        yield Violation("LACKING", told)
    yield from _promised(name, held, versions, truth, reading)


def _promised(
    name: str, held: HeldType, versions: Mapping[int, Moment | None], truth: Truth, reading: Reading
) -> Iterator[Violation]:
    """What is not as `fresh_at` and `proved_at` of a type say."""
    records, now_ms = {one.id: one for one in held.records}, reading.now_ms
    fresh_ms, proved_ms = (held.fresh_us or 0) // 1000 - reading.late_ms, (held.proved_us or 0) // 1000
    for id_ in (one for one in truth.ids(name) if not held.is_named(one)):
        found = records.get(id_), versions.get(id_)
        yield from _missing((name, id_), truth, (fresh_ms, now_ms), *found)
        # Archived records that were never seen before are listed by a proof.
        since_ms = fresh_ms if found[0] else proved_ms
        yield from _unarchived((name, id_), truth, (since_ms, now_ms), found[0])
    if held.proved_us is None or proved_ms < reading.fresh_least_ms - reading.proof_within_ms:
        yield Violation("UNPROVED", f"{name}: proved_at is {held.proved_us}")
        return
    # Where nothing moves while a type is read, HubSpot's count shows each removal: no need of a proof.
    settled_ms = fresh_ms if truth.is_calm(name, fresh_ms, now_ms) else proved_ms
    yield from _ghosts(name, held, truth, (max(settled_ms, proved_ms), now_ms))
    for id_, version in versions.items():
        yield from _uncalculated((name, id_), truth, (proved_ms, now_ms), version)


def _impossible(key: Key, truth: Truth, version: Moment | None) -> Iterator[Violation]:
    if version is not None:
        return
    if all(moment.state == NEVER for moment in truth.moments(key)):
        yield Violation("INVENTED", f"{key}")
    else:
        yield Violation("CORRUPT", f"{key}")


def _missing(
    key: Key, truth: Truth, span: tuple[int, int], held: HeldRecord | None, version: Moment | None
) -> Iterator[Violation]:
    """LOST and STALE, of a record that was there all the time."""
    moments = truth.between(key, *span)
    states = {moment.state for moment in moments}
    if states == {ACTIVE}:
        if held is None or held.state != ACTIVE:
            yield Violation("LOST", f"{key} is {held.state if held else 'missing'}; {_told(truth, key)}")
        elif version is not None and _is_older(version, moments[0]):
            yield Violation("STALE", f"{key} as of {version.at_ms}; {_told(truth, key)}")


def _uncalculated(
    key: Key, truth: Truth, span: tuple[int, int], version: Moment | None
) -> Iterator[Violation]:
    """STALE, of an active record whose values HubSpot calculated anew before its ids and values were compared."""
    moments = truth.between(key, *span)
    if version and {moment.state for moment in moments} == {ACTIVE}:
        there = moments[0]
        same = version.at_ms >= there.at_ms or are_alike(version, there)
        if version.updated_ms == there.updated_ms and not same:
            yield Violation("STALE", f"{key} was calculated anew at {there.at_ms}")


def _unarchived(
    key: Key, truth: Truth, span: tuple[int, int], held: HeldRecord | None
) -> Iterator[Violation]:
    """LOST, of a record that was archived all the time."""
    states = {moment.state for moment in truth.between(key, *span)}
    if states == {ARCHIVED} and (held is None or held.state != ARCHIVED):
        yield Violation("LOST", f"archived {key} is {held.state if held else 'missing'}; {_told(truth, key)}")


def _is_older(version: Moment, than: Moment) -> bool:
    """Whether a version is older by HubSpot's own stamp, which may be of whole seconds: by it versions are promised."""
    stamps = {msgspec.json.decode(one.content)["updatedAt"] for one in (version, than)}
    return version.updated_ms < than.updated_ms and len(stamps) > 1


def _ghosts(name: str, held: HeldType, truth: Truth, span: tuple[int, int]) -> Iterator[Violation]:
    """GHOST and MISTOLD, where the ids of the type were compared whole."""
    for one in held.records:
        states = {moment.state for moment in truth.between((name, one.id), *span)}
        if held.is_named(one.id):
            continue
        if one.state == ACTIVE and ACTIVE not in states:
            yield Violation("GHOST", f"{(name, one.id)}; {_told(truth, (name, one.id))}")
        elif one.state != ACTIVE and (states == {ACTIVE} or _is_mistold(name, one, truth, span)):
            yield Violation("MISTOLD", f"{(name, one.id)} {one.state}; {_told(truth, (name, one.id))}")


def _is_mistold(name: str, one: HeldRecord, truth: Truth, span: tuple[int, int]) -> bool:
    """Whether a record is said to be what it was at no instant since the dump began; a survivor may be gone too."""
    every, survivors = truth.moments((name, one.id)), truth.survivors((name, one.id))
    if one.state == MERGED:
        return one.into not in survivors
    if one.state == GONE:
        # Of an archived survivor HubSpot says nothing; and nobody asks again for what is gone.
        since = every[-1].at_ms, span[1]
        there = {moment.state for into in survivors for moment in truth.between((name, into), *since)}
        return every[-1].state not in {GONE, MERGED} or there == {ACTIVE}
    return all(moment.state != ARCHIVED for moment in every)


def _associations(
    name: str, every: Mapping[str, HeldType], truth: Truth, reading: Reading
) -> Iterator[Violation]:
    """What was tied all the time must be there, what was never may not; what changed meanwhile may be either."""
    held, rows = every[name], set(every[name].rows)
    if len(rows) != len(held.rows):
        yield Violation("DUPLICATE", f"associations of {name}")
    active = {one.id for one in held.records if one.state == ACTIVE}
    for row in sorted(rows, key=repr):
        span = _as_of_ms(row, every, reading), reading.now_ms
        if row[1] not in active:
            yield Violation("GHOST", f"association {row} of a record that is not active")
        # Asked for a record that was merged away since it was listed, HubSpot answers for the survivor.
        same = [row, *((row[0], into, *row[2:]) for into in truth.survivors((name, row[1])))]
        if not any(truth.was_tied(one, *span)[0] for one in same):
            ever = any(truth.was_tied(one, 0, reading.now_ms)[0] for one in same)
            # What HubSpot did not answer for is named, and stays as it was.
            if not ever or not (name in reading.named or row[1:3] in held.untied):
                yield Violation("GHOST" if ever else "INVENTED", f"association {row}")
    if name in reading.named:
        return
    back = {_back(row) for one in every.values() for row in one.rows}
    for row in truth.rows():
        if (
            row[0] == name
            and row[1] in active
            and row[1:3] not in held.untied
            and row not in rows
            and truth.was_tied(row, _known_ms(row, every, reading), reading.now_ms)[1]
            and not _is_elsewhere(row, every, back, reading)
        ):
            yield Violation("LOST", f"association {row}")


def _known_ms(row: Row, every: Mapping[str, HeldType], reading: Reading) -> int:
    """Since when an association must have been there to be held: a pair is read from either side, of records known."""
    fresh_ms = [
        (every[name].fresh_us or 0) // 1000 - reading.late_ms for name in (row[0], row[2]) if name in every
    ]
    return min(_as_of_ms(row, every, reading), *fresh_ms)


def _as_of_ms(row: Row, every: Mapping[str, HeldType], reading: Reading) -> int:
    """The instant as of which an association is promised: that of the last whole reading of its pair, or of the run
    that saw one of its records change since; never later than when this run began.
    """
    sides = (row[0], row[2]), (row[2], row[0])
    linked = [every[one].linked_us[other] // 1000 for one, other in sides if other in _linked(one, every)]
    whole = [ms - reading.ahead_ms for ms in linked]
    seen = [reading.seen_ms[key] for key in (row[:2], row[2:4]) if key in reading.seen_ms]
    return min(reading.began_ms, max([min(whole), *seen])) if whole else reading.began_ms


def _linked(type_: str, every: Mapping[str, HeldType]) -> Mapping[str, int]:
    return every[type_].linked_us if type_ in every else {}


def _back(row: Row) -> Row:
    """The same link seen from its other side, where the type has another id."""
    return row[2], row[3], row[0], row[1], row[4], 0, row[6]


def _is_elsewhere(row: Row, every: Mapping[str, HeldType], back: set[Row], reading: Reading) -> bool:
    """Whether an association is there as seen from its other side, under the same label, or is named there."""
    if (
        row[2] in reading.named
        or row[2] in every[row[0]].unled
        or (row[2] in every and (row[3], row[0]) in every[row[2]].untied)
    ):
        return True
    return (*row[:5], 0, row[6]) in back


def target(held: dict[str, HeldType], ids: dict[str, list[int]], rows: list[Row]) -> Iterator[Violation]:
    """What is wrong with a target that was made from the store: it holds what the store does, each once."""
    for name, found in ids.items():
        active = sorted(one.id for one in held[name].records if one.state == ACTIVE)
        if sorted(found) != active:
            yield Violation("TARGET", f"{name}: {len(found)} records, {len(active)} in the store")
    links = sorted((row for one in held.values() for row in one.rows), key=repr)
    if sorted(rows, key=repr) != links:
        yield Violation("TARGET", f"{len(rows)} associations, {len(links)} in the store")


def over_limits(log: list[Arrival], number: int | None, limits: dict[str, int]) -> Iterator[Violation]:
    """Windows that held more than the user's number, or where there is none, more than HubSpot allows."""
    if number is not None:
        most = fullest((one.arrived_s for one in log), 10.0)
        if most > number:
            yield Violation("LIMIT", f"{most} requests in 10 s, the number is {number}")
    for budget, cap in limits.items():
        most = fullest(
            (one.arrived_s for one in log if one.budget == budget), 1.0 if budget == "search" else 10.0
        )
        if most > cap:
            yield Violation("LIMIT", f"{most} {budget} requests in a window of {cap}")


def _told(truth: Truth, key: Key) -> str:
    return " > ".join(f"{one.state}@{one.at_ms}" for one in truth.moments(key))
