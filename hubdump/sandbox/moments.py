"""How HubSpot writes instants."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from hubdump.sandbox.beliefs import Beliefs

# A page has hundreds of instants: what they have in common is put into words once.
_MINUTES = [f"T{minute // 60:02}:{minute % 60:02}:" for minute in range(1440)]
_SECONDS = [f"{second:02}" for second in range(60)]
_FRACTIONS = ["Z", *(f".{ms:03}Z" for ms in range(1, 1000))]


@lru_cache(10_000)
def _day(days: int) -> str:
    return datetime.fromtimestamp(days * 86_400, UTC).date().isoformat()


def iso(ms: int, digits: str = "varies") -> str:
    """An instant; `digits` of its fraction, of which none are written where it is nought ('varies')."""
    days, within = divmod(ms, 86_400_000)
    minute, rest = divmod(within, 60_000)
    second, rest = divmod(rest, 1000)
    text = _day(days) + _MINUTES[minute] + _SECONDS[second]
    if digits == "varies":
        return text + _FRACTIONS[rest]
    return f"{text}Z" if digits == "0" else f"{text}.{rest:03}{'000' if digits == '6' else ''}Z"


def stamp(ms: int, beliefs: Beliefs) -> str:
    """`createdAt` and `updatedAt`, as this portal writes them."""
    return str(ms) if beliefs["dates"] == "epoch-ms" else iso(ms, beliefs["fraction-digits"])
