"""What a response says: the whole page that was asked for, or what kind of failure; no secret in its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from hubdump import strict
from hubdump.hubspot.body import decoded
from hubdump.hubspot.retry import Failure, NoAnswer, failure, no_answer
from hubdump.model import Answer, Request, Response, Secret
from hubdump.printable import hidden

T = TypeVar("T")

_COMPLETE = (200, 207)  # 207: a batch of which some inputs failed, each named in the answer


def read(
    request: Request[T], response: Response, secrets: Sequence[Secret], now_s: float
) -> tuple[Answer[T] | Failure, int]:
    """The answer or failure that a response is, and how many of its values were mended."""
    try:
        text = decoded(response)
        if response.status in _COMPLETE:
            content, mended = strict.decode(text, request.expects)
            return Answer(content, response), mended
    except NoAnswer as error:
        return _other_page(response, str(error), secrets), 0
    except strict.UNREADABLE as error:
        # Its text may hold what the page does.
        reason = type(error).__name__ if isinstance(error, UnicodeError) else str(error)
        return _other_page(response, reason, secrets), 0
    # Before anything is cut: half a token is too much.
    named = {name: _hidden(value, secrets) for name, value in response.headers.items()}
    return failure(replace(response, headers=named), hidden(text, secrets), now_s), 0


def nothing(reason: str, secrets: Sequence[Secret]) -> Failure:
    """The failure of a call that ended without a complete answer."""
    return no_answer(_hidden(reason, secrets))


def _other_page(response: Response, reason: str, secrets: Sequence[Secret]) -> Failure:
    return nothing(f"HTTP {response.status}, but not the page that was asked for: {reason}", secrets)


def _hidden(text: str, secrets: Sequence[Secret]) -> str:
    return hidden(text.encode("utf-8", "surrogateescape"), secrets).decode("utf-8", "replace")
