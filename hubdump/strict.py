"""JSON as any strict reader takes it: HubSpot's own bytes, or the same mended where they are not JSON (pure).

What JSON has no words for - NaN, a number without end, half a surrogate pair, bytes that are no UTF-8, a value
nested too deep - stands in a mended text as a string of the same characters: `NaN`, `a\\ud800b`, `caf\\xe9`.
Keys that are there twice stay so, and every other byte is as it came.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple, TypeVar

import msgspec

from hubdump import marks

T = TypeVar("T")

DEPTH_MAX = 64
# What readers raise over text that is no JSON, no UTF-8, or nested without end.
UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]|-?(?:Infinity|[0-9][0-9.eE+-]*)|NaN', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_ESCAPE = re.compile(
    r"(?P<good>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"  # a pair: one character
    r"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|\\.|(?P<byte>[\udc80-\udcff])",  # as Python holds what is no UTF-8
    re.DOTALL,
)


class Mended(NamedTuple):
    """A text that strict readers take; `values` counts those that stand in it as strings of their characters."""

    text: bytes
    values: int = 0


def decode(body: bytes, type_: type[T]) -> tuple[T, int]:
    """The content of a body, and how many values were mended for it; one of UNREADABLE where none can be had."""
    try:
        return _strictly(body, type_), 0
    except UNREADABLE:
        mended = mend(body)
        content = msgspec.json.decode(mended.text, type=type_)
    marks.hit("mended page")
    return content, mended.values


def whole(body: bytes) -> Mended:
    """The body so that strict readers take every value of it; one of UNREADABLE where it cannot be had so."""
    try:
        msgspec.json.decode(body)
    except UNREADABLE:
        return mend(body)
    return Mended(body)


def mend(body: bytes) -> Mended:
    """The same text with what JSON cannot hold as strings, UTF-8 whatever it was; UnicodeError where it is none."""
    text = body.decode(json.detect_encoding(body), "surrogateescape")
    parts: list[str] = []
    values = taken = depth = began = 0
    for token in _TOKEN.finditer(text):
        start, end, now = token.start(), token.end(), token[0]
        if now in "[{":
            depth += 1
            began = start if depth == DEPTH_MAX + 1 else began
        if depth > DEPTH_MAX:
            depth -= now in "]}"
            if depth > DEPTH_MAX:
                continue
            start, now, changed = began, _quoted(text[began:end]), True
        else:
            depth -= now in "]}"
            now, changed = _mended(now)
        parts += (text[taken:start], now)
        taken = end
        values += changed
    parts.append(text[taken:])
    return Mended("".join(parts).encode(), values)


def _strictly(body: bytes, type_: type[T]) -> T:
    content = msgspec.json.decode(body, type=type_)
    if not body.isascii():
        body.decode()  # what the type leaves as bytes was not looked at
    return content


def _mended(token: str) -> tuple[str, bool]:
    """One token as strict readers take it, and whether it says something else to them."""
    if token[0] == '"':
        whole_ = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", token)
        now = _ESCAPE.sub(_visible, whole_)
        return now, now != whole_
    if token[0] in "[]{}":
        return token, False
    try:
        msgspec.json.decode(token)
    except msgspec.DecodeError:
        return _quoted(token), True
    return token, False


def _visible(found: re.Match[str]) -> str:
    """What a string cannot hold, as characters that say what it was."""
    if found["half"]:
        return "\\" + found[0]
    return f"\\\\x{ord(found[0]) - 0xDC00:02x}" if found["byte"] else found[0]


def _quoted(text: str) -> str:
    """Any characters as a string."""
    return _ESCAPE.sub(_visible, json.dumps(text, ensure_ascii=False))
