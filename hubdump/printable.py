"""What may be printed or logged: no character a terminal acts on, no token, no secret of ours (pure)."""

from __future__ import annotations

import json
import re
import unicodedata
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

from hubdump.model import Secret

HIDDEN = "***"
CHARS_MIN = 8  # of less, an encoded form could be anything
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# The shape of HubSpot's tokens, whosever they are; the sandbox's own bears no UUID.
_TOKEN = re.compile(r"pat-(?:na|eu|ap)\d-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def clean(text: str) -> str:
    """A text without what a terminal would act on - controls, ANSI, marks that turn text round - and without tokens.

    They stand there as JSON writes them, `\\u001b`: a line of JSON stays one that says the same.
    """
    seen = text if text.isascii() and text.isprintable() else "".join(map(_escaped, text))
    return _TOKEN.sub(HIDDEN, seen)


def hidden(text: bytes, secrets: Iterable[Secret]) -> bytes:
    """The text without these secrets, as they are, URL-encoded, or in base64."""
    for form in _told(tuple(secrets)):
        text = text.replace(form, HIDDEN.encode())
    return text


@lru_cache(8)
def _told(secrets: tuple[Secret, ...]) -> list[bytes]:
    """All that may stand for these secrets, the longest first; every failed call asks for the same."""
    return sorted({form for secret in secrets for form in _forms(secret.reveal())}, key=len, reverse=True)


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if unicodedata.category(char) in _ACTING else char


def _forms(value: str) -> Iterator[bytes]:
    yield value.encode()
    if len(value) < CHARS_MIN:
        return
    yield quote(value, safe="").encode()
    yield quote_plus(value).encode()
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(
            3
        ):  # what stands before it shifts its bits: 'Bearer ' and a token, a name and a token
            coded = encode(b"\0" * before + value.encode())
            whole = (before + len(value)) // 3 * 4  # what comes after changes the last character
            yield coded[-(-before * 8 // 6) if before else 0 : whole]
