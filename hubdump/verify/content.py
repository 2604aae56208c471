"""What a record holds, so that two answers of HubSpot's that say the same are the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Raw, Struct

from hubdump import strict
from hubdump.hubspot import wire
from hubdump.hubspot.body import decoded
from hubdump.model import RecordRef, RecordsRead


class _Record(Struct):
    properties: dict[str, Any] = {}
    createdAt: str | int | float | None = None  # noqa: N815 - HubSpot's name
    archivedAt: str | int | float | None = None  # noqa: N815 - HubSpot's name


class _Results(Struct):
    results: list[Raw]


_RECORD = msgspec.json.Decoder(_Record)


def records(page: RecordsRead) -> list[tuple[RecordRef, Raw]]:
    """The records of an answer with their bytes."""
    text = strict.whole(decoded(page.response)).text
    results = msgspec.json.decode(text, type=_Results).results
    return [(ref, results[ref.position]) for ref in page.records]


def digest(raw: Raw, names: Collection[str]) -> bytes:
    """The same for records with the same values of these properties; without a value is as not there."""
    record = _RECORD.decode(raw)
    values = [wire.instant_us(record.createdAt), sorted(_values(record, names).items())]
    return blake2b(msgspec.json.encode(values), digest_size=16).digest()


def differing(one: Raw, other: Raw, names: Collection[str]) -> list[str]:
    """Those of these properties in which two records differ."""
    mine, theirs = _values(_RECORD.decode(one), names), _values(_RECORD.decode(other), names)
    return sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))


def archived_us(raw: Raw) -> int | None:
    """When a record was archived (microseconds), where it says so."""
    return wire.instant_us(_RECORD.decode(raw).archivedAt)


def created_us(raw: Raw, name: str) -> int | None:
    """When a record was created, by the property that search knows it by."""
    record = _RECORD.decode(raw)
    return wire.instant_us(record.properties.get(name) or record.createdAt)


def _values(record: _Record, names: Collection[str]) -> Mapping[str, Any]:
    return {name: value for name, value in record.properties.items() if value is not None and name in names}
