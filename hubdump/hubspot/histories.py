"""Walks the property histories of stored records, fifty records a call.

By batch read, of what is stored: a list gives fifty a page as well, but only what is left of its URL for the names, and
everything again in the next run. Archived records are left out: no document says whether HubSpot gives their history.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from hubdump import strict
from hubdump.errors import BeliefRefuted
from hubdump.hubspot import wire
from hubdump.hubspot.batches import Batch
from hubdump.hubspot.body import decoded
from hubdump.hubspot.endpoints import HISTORY_RECORDS, Endpoints
from hubdump.hubspot.refs import Page
from hubdump.model import Due, Effect, Flow, HistoriesDue, HistoriesRead, ObjectType, PastValue

GIVEN = "a batch read gives the histories it is asked for"
# Handed over together, so that the values of a large answer never lie in memory at once.
VALUES_MAX = 5000
_ID_ONLY = ("hs_object_id",)
_KNOWN = ("timestamp", "value", "sourceType", "sourceId", "sourceLabel", "updatedByUserId")
_NULL = Raw(b"null")
_HISTORIES = msgspec.json.Decoder(wire.Histories)
_ODD = msgspec.json.Decoder(wire.OddHistories)


def histories(api: Endpoints, type_: ObjectType, names: Sequence[str]) -> Flow:
    """The history of these properties of every record whose history is due."""
    after = 0
    while True:
        due: Due = yield HistoriesDue(after, HISTORY_RECORDS, names)
        if not due.ids:
            return
        found = yield from Batch(api, type_, _ID_ONLY, histories=due.names).read(due.ids)
        for page in found.pages:
            yield from _handed_over(type_, page, due.names)
        if found.unreadable:
            yield HistoriesRead(due.names, {}, (), found.unreadable)
        after = due.ids[-1]


def _handed_over(type_: ObjectType, page: Page, names: Sequence[str]) -> Generator[Effect, Any, None]:
    """The histories of one answer, some records at a time; BeliefRefuted where it speaks of none."""
    response, refs = page
    results = msgspec.json.decode(strict.whole(decoded(response)).text, type=wire.BatchPage).results
    read: dict[int, int | None] = {}
    values: list[PastValue] = []
    unreadable: dict[int, str] = {}
    silent = 0
    for ref in refs:
        try:
            given = _past_values(ref.id, results[ref.position])
        except msgspec.DecodeError as error:
            unreadable[ref.id] = f"what came as its history is none: {error}"
            continue
        silent += given is None
        read[ref.id] = ref.updated_us
        values += given or ()
        if len(values) >= VALUES_MAX:
            yield HistoriesRead(names, read, values)
            read, values = {}, []
    if refs and silent == len(refs):
        raise BeliefRefuted(GIVEN, f"none came with {len(refs)} {type_.name}")
    if read or unreadable:
        yield HistoriesRead(names, read, values, unreadable)


def _past_values(id_: int, raw: Raw) -> list[PastValue] | None:
    """The history of a record; None where it does not speak of any."""
    try:
        given = _HISTORIES.decode(raw).propertiesWithHistory
    except msgspec.ValidationError:
        odd = _ODD.decode(raw).propertiesWithHistory or {}
        return [_odd(id_, name, said) for name, all_ in odd.items() for said in all_ or ()]
    if given is None:
        return None
    return [_plain(id_, name, said) for name, all_ in given.items() for said in all_ or ()]


def _plain(id_: int, name: str, said: wire.ValueWithTimestamp) -> PastValue:
    at_us, by = wire.instant_us(said.timestamp) or 0, said.updatedByUserId
    user = None if by is None else str(by)
    return PastValue(
        id_, name, at_us, said.timestamp, said.value, said.sourceType, said.sourceId, said.sourceLabel, user
    )


def _odd(id_: int, name: str, said: dict[str, Raw]) -> PastValue:
    """Where HubSpot says something else than is documented: all of it is kept."""
    timestamp, value, source, source_id, label, user = (_text(said.get(key, _NULL)) for key in _KNOWN)
    more = {key: value for key, value in said.items() if key not in _KNOWN}
    told = msgspec.json.encode(more).decode() if more else ""
    at_us = wire.instant_us(timestamp) or 0
    return PastValue(id_, name, at_us, timestamp or "", value, source, source_id, label, user, told)


def _text(value: Raw) -> str | None:
    """Text or null as it is; anything else as its JSON."""
    found = msgspec.json.decode(value)
    return found if found is None or isinstance(found, str) else bytes(value).decode()
