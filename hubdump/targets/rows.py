"""The records of a type as rows: objects of texts and nulls, a property's values under its own name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Raw, Struct

from hubdump.clock import instant_text
from hubdump.model import State
from hubdump.store.reader import Reader, StoredRecord
from hubdump.targets.table import Fields

_NULL = Raw(b"null")
_DELETED = (State.GONE, State.MERGED)


class _Record(Struct, rename="camel"):
    """A record of which every value is a text or null, as they are by HubSpot's word."""

    properties: dict[str, str | None]
    created_at: str | None = None
    updated_at: str | None = None
    archived_at: str | None = None


class _Odd(Struct, rename="camel"):
    """A record with other values: each is kept as its JSON."""

    properties: dict[str, Raw]
    created_at: Raw = _NULL
    updated_at: Raw = _NULL
    archived_at: Raw = _NULL


_RECORD = msgspec.json.Decoder(_Record)
_ODD = msgspec.json.Decoder(_Odd)


def keys(named: Mapping[str, str]) -> dict[str, str]:
    """Under which key the values of each property stand in a row, given its column: its name where that can be told
    from all others by who does not tell case apart, and is one at all, else its column's name.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name, column in named.items():
        key = name if name and name.casefold() not in taken else column
        while key.casefold() in taken:
            key += "_"
        taken.add(key.casefold())
        found[name] = key
    return found


def records(
    reader: Reader,
    type_: str,
    states: Sequence[State],
    keys: Mapping[str, str],
    ids: Sequence[int] | None = None,
) -> Iterator[Fields]:
    """The records of a type in these states, or some of them, as HubSpot last sent them."""
    at = extracted(reader, type_)
    moved = _moved(keys)
    for page in reader.pages(type_, *states, ids=ids):
        for stored in page:
            yield _row(stored, moved, at)


def extracted(reader: Reader, type_: str) -> str:
    """The server time at which the last round of a type looked for changes."""
    return instant_text(reader.bookmark(type_).seen_us)


def again(raw: str, keys: Mapping[str, str]) -> bytes:
    """A row whose raw this is, to count its texts: whatever it is, and whenever it was read, is a text."""
    stored = StoredRecord(0, Raw(raw.encode()), State.ACTIVE, None)
    return msgspec.json.encode(_row(stored, _moved(keys), instant_text(0)))


def _moved(keys: Mapping[str, str]) -> dict[str, str]:
    return {name: key for name, key in keys.items() if name != key}


def _row(stored: StoredRecord, moved: Mapping[str, str], extracted: str) -> Fields:
    record = _texts(stored.raw)
    for name, key in moved.items():
        record.properties[key] = record.properties.pop(name, None)
    return {
        "id": str(stored.id),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "archived": _bool(stored.state is State.ARCHIVED),
        "archived_at": record.archived_at,
        "_deleted": _bool(stored.state in _DELETED),
        "_merged_into": None if stored.merged_into is None else str(stored.merged_into),
        "_extracted_at": extracted,
        "_raw": bytes(stored.raw).decode(),
        "properties": record.properties,
    }


def _bool(value: object) -> str:
    return "true" if value else "false"


def _texts(raw: Raw) -> _Record:
    try:
        return _RECORD.decode(raw)
    except msgspec.ValidationError:
        odd = _ODD.decode(raw)
    properties = {name: _text(value) for name, value in odd.properties.items()}
    return _Record(properties, _text(odd.created_at), _text(odd.updated_at), _text(odd.archived_at))


def _text(value: Raw) -> str | None:
    data = bytes(value)
    if data == b"null":
        return None
    return msgspec.json.decode(data, type=str) if data.startswith(b'"') else data.decode()
