"""What can be said of the store by itself: its bytes are as they were written, each record is what it stands for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

import msgspec

from hubdump.clock import instant_text
from hubdump.errors import DiskFailure, Incomplete
from hubdump.hubspot import wire
from hubdump.model import ObjectType, State
from hubdump.store.links import Links
from hubdump.store.reader import Reader, StoredRecord
from hubdump.verify.findings import Finding, named, unchecked, wrong

_UNREAD = 1000


def pages(reader: Reader, links: Links) -> Finding:
    """Every page is as it was committed; of those that are not, the records are named."""
    damaged = reader.damaged_pages()
    if not damaged:
        return Finding("pages", "store", "every page as written")
    lost = [f"{type_} {id_}" for type_, id_ in links.on_pages(damaged)]
    return wrong("pages", "store", f"{len(damaged)} damaged pages", lost)


def of_type(reader: Reader, type_: ObjectType) -> Iterator[Finding]:
    """How far a type is complete, whether every record is of that type, and what HubSpot failed to give."""
    mark, records = reader.bookmark(type_.name), reader.count(type_.name)
    if mark.fresh_us is None:
        yield wrong("complete", type_.name, f"not complete ({records:,} records so far)")
    else:
        cut = "" if mark.complete else "; a newer run was cut short"
        told = f"{records:,} records, complete up to {instant_text(mark.fresh_us)}{cut}"
        yield Finding("complete", type_.name, told)
    yield from _foreign(reader, type_)
    yield from _past(reader, type_)
    left_out = [f"{one.id} ({one.purpose}: {one.reason})" for one in reader.quarantined(type_.name)]
    if left_out:
        yield wrong("quarantine", type_.name, "HubSpot failed to give", left_out)


def _foreign(reader: Reader, type_: ObjectType) -> Iterator[Finding]:
    """Records that do not bear the id they are stored under, or are not of the type they are stored as."""
    records, foreign = 0, list[str]()
    try:
        for page in reader.pages(type_.name, *State):
            records += len(page)
            foreign += [str(record.id) for record in page if not _is_itself(type_, record)]
    except DiskFailure as error:
        yield unchecked("types", type_.name, f"only {records:,} records could be read: {error.message}")
    except (IndexError, ValueError) as error:
        yield wrong("types", type_.name, f"the index leads to no record behind {records:,} ({error})")
    if foreign:
        yield wrong("types", type_.name, "another record, or of another type", foreign)
    elif records:
        yield Finding("types", type_.name, f"all {records:,} that were ever seen are {type_.name}, each once")


def _past(reader: Reader, type_: ObjectType) -> Iterator[Finding]:
    """Every past value is as it was written, and they are as many as were."""
    expected, found = reader.histories.count(type_.name), sum(1 for _ in reader.histories.values(type_.name))
    damaged = [f"{past.id} {past.property}" for past in reader.histories.damaged(type_.name)]
    if damaged:
        yield wrong("history", type_.name, "past values are not as written", damaged)
    if found != expected:
        yield wrong("history", type_.name, f"{found:,} past values, {expected:,} were written")
    elif found and not damaged:
        yield Finding("history", type_.name, f"{found:,} past values, each once and as written")


def _is_itself(type_: ObjectType, record: StoredRecord) -> bool:
    try:
        head = wire.head(record.raw)
        id_ = wire.record_id(head.id)
    except (msgspec.DecodeError, Incomplete):
        return False
    properties = head.properties
    return (
        id_ == record.id
        and (properties.hs_object_id is None or str(properties.hs_object_id) == str(id_))
        and (not type_.engagement or properties.hs_engagement_type in {None, "", type_.engagement})
    )


def sides(links: Links, pairs: list[tuple[str, str]]) -> Iterator[Finding]:
    """Pairs that are read from both sides: what one record says of another, the other says of it."""
    for a, b in pairs:
        there, back = links.number(a, b), links.number(b, a)
        what = f"{a} and {b}"
        if bool(there) != bool(back):
            side, silent = (a, b) if there else (b, a)
            yield Finding("sides", what, f"HubSpot shows them from {side} only; nothing from {silent}")
            continue
        one_sided = [f"{a} {x} to {b} {y}" for x, y in links.one_sided(a, b)]
        if a != b:
            one_sided += [f"{b} {y} to {a} {x}" for y, x in links.one_sided(b, a)]
        if one_sided:
            why = (
                "lost, or edited while both sides were read: hubdump run --associations all reads them again"
            )
            yield wrong("sides", what, f"seen from one side only ({why})", one_sided)
        elif there:
            yield Finding("sides", what, f"{there:,} pairs, the same from both sides")


def ends(links: Links, from_: str, read: Collection[str]) -> Iterator[Finding]:
    """What the associations of a type lead to, of the types that were `read`.

    Told, not accused: a record may be made and associated after its type was listed, or be hidden from the token.
    Where HubSpot lists one that is not here, level ids names it.
    """
    stray = list(links.stray(from_))
    if stray:
        yield wrong("ends", from_, "associations of records that are not active here", stray)
    elsewhere: dict[str, list[str]] = {}
    for to, state, number in links.ends(from_):
        if to not in read:
            elsewhere.setdefault(to, []).append(f"{number:,} to a type that is not in this dump")
        elif state is None:
            names = list(islice(links.never_seen(from_, to), _UNREAD))
            elsewhere.setdefault(to, []).append(f"{number:,} that no list showed ({named(names)})")
        elif state is not State.ACTIVE:
            elsewhere.setdefault(to, []).append(f"{number:,} {state.name.lower()}")
    for to, told in elsewhere.items():
        yield Finding("ends", f"{from_} to {to}", f"not to active records: {', '.join(told)}")
