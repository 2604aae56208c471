"""What a text of HubSpot's means, told by Python's own arithmetic: what verify holds DuckDB's values against.

Written apart from casts.py, and by other means, so that the two do not err alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache

from hubdump.hubspot.schema import Kind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_EXACT = Context(prec=38, traps=[Inexact, InvalidOperation])
_TENTH = Decimal("1e-10")
_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-](?:0\d|1[0-4]):?\d\d)", re.ASCII
)
_DAY_MS = 86_400_000


def meant(kind: Kind, text: str | None) -> str | None:
    """The canonical text of a value, None where it is none: an instant is its whole microseconds since 1970."""
    if text is None or kind is Kind.VERBATIM:
        return text
    return _MEANT[kind](text) if text else None


@lru_cache(100_000)
def _number(text: str) -> str | None:
    if not _DIGITS.fullmatch(text):
        return None
    try:
        exact = _EXACT.quantize(_EXACT.create_decimal(text), _TENTH)
    except (Inexact, InvalidOperation):
        return None
    return f"{exact or abs(exact):f}"


def _integer(text: str) -> str | None:
    return str(int(text)) if _WHOLE.fullmatch(text) and -(2**63) <= int(text) < 2**63 else None


def _bool(text: str) -> str | None:
    return text.lower() if text.lower() in {"true", "false"} else None


@lru_cache(100_000)
def _date(text: str) -> str | None:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
        at = _milliseconds(text)
    except (ValueError, OverflowError):
        return None
    return at.date().isoformat() if at is not None and not int(text) % _DAY_MS else None


@lru_cache(100_000)
def _instant(text: str) -> str | None:
    found = _INSTANT.fullmatch(text)
    try:
        at = _iso(*found.groups(default="")) if found else _milliseconds(text)
        return str((at.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)) if at is not None else None
    except (ValueError, OverflowError):
        return None


def _iso(seconds: str, fraction: str, zone: str) -> datetime:
    return datetime.fromisoformat(seconds + zone).replace(microsecond=int(fraction.ljust(9, "0")[:6]))


def _milliseconds(text: str) -> datetime | None:
    return _EPOCH + timedelta(milliseconds=int(text)) if _WHOLE.fullmatch(text) else None


def _json(text: str) -> str | None:
    try:
        json.loads(text, parse_constant=_no_json, parse_int=str, parse_float=str)
    except ValueError:
        return None
    return text


def _no_json(constant: str) -> None:
    raise ValueError(constant)


_MEANT: dict[Kind, Callable[[str], str | None]] = {
    Kind.TEXT: str,
    Kind.LIST: str,
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.BOOL: _bool,
    Kind.DATE: _date,
    Kind.INSTANT: _instant,
    Kind.JSON: _json,
}
