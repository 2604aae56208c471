"""What stands in PostgreSQL for a text of HubSpot's: a value of its column's kind, or NULL."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from hubdump.hubspot.schema import Kind
from hubdump.targets.meant import meant

TYPES = {
    Kind.VERBATIM: "text",
    Kind.TEXT: "text",
    Kind.NUMBER: "numeric(38,10)",
    Kind.INTEGER: "bigint",
    Kind.BOOL: "boolean",
    Kind.DATE: "date",
    Kind.INSTANT: "timestamp with time zone",
    Kind.LIST: "text[]",
    Kind.JSON: "json",
}
# A backslash is the first: the others bring more.
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FINER = re.compile(r"\.[0-9]{6}[0-9]*[1-9]")


def clean(text: str) -> str:
    """A text as PostgreSQL can hold it: it knows no U+0000, for which U+FFFD stands."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def escaped(text: str) -> str:
    """A text as it stands in a line of COPY."""
    for char, escape in ESCAPES.items():
        text = text.replace(char, escape)
    return text


def value(kind: Kind, text: str) -> str | None:
    """What PostgreSQL reads as what a text means, None where that is nothing; a list in PostgreSQL's own words."""
    found = meant(kind, text)
    if found is None:
        return None
    if kind is Kind.INSTANT:
        return _instant(found)
    return _list(clean(found)) if kind is Kind.LIST else clean(found)


def cut(kind: Kind, text: str) -> bool:
    """Whether the value of a text says less than it."""
    return kind is Kind.INSTANT and len(text) > 27 and bool(_FINER.search(text))


@lru_cache(100_000)
def _instant(microseconds: str) -> str:
    return (_EPOCH + timedelta(microseconds=int(microseconds))).isoformat()


@lru_cache(10_000)
def _list(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace(";", '","')
    return f'{{"{quoted}"}}'
