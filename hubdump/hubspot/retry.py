"""What a failed call means and when to try again (pure: time and chance come in)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

import msgspec

from hubdump.hubspot.wire import Refusal
from hubdump.model import Response

_PAGE_BYTES_MAX = 4096
_UNSEEN = re.compile(r"(?is)<(style|script)\b.*?</\1>")
_HEAD = re.compile(r"(?is)<head\b.*?</head>")
_SCOPES = re.compile("(?i)scope|permission")
_TAGS = re.compile(r"<[^>]*>")
WAIT_FIRST_S = 2.0
WAIT_MAX_S = 30.0
# Beyond this a Retry-After is no backoff but an appointment: it is kept only within the patience that is left.
RETRY_AFTER_MAX_S = 600.0
_RETRY_AFTER_DIGITS_MAX = 9
_RETRY_AFTER_BELIEVED = 2
TEXT_CHARS_MAX = 200

# https://developers.hubspot.com/docs/reference/api/other-resources/error-handling; 52x are the edge's. A redirect
# is nothing of HubSpot's: something between us answers, and no token follows it.
RETRYABLE = frozenset({*range(300, 400), 408, 423, 429, 500, 502, 503, 504, *range(520, 530)})


class Meaning(Enum):
    """What a failed call means for the run."""

    RETRY = "retry"
    TOKEN_REFUSED = "token refused"  # noqa: S105 - a meaning, not a secret
    SCOPE_MISSING = "scope missing"
    DAILY_LIMIT = "daily limit"
    ACCOUNT_MOVING = "account moving"
    REFUSED = "refused"


class NoAnswer(Exception):
    """A call ended without a complete answer: refused, reset, cut short, too slow, or not what it says."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed call: `status` 0 where no answer came; `text` at most 200 characters of what came."""

    meaning: Meaning
    status: int
    text: str
    correlation_id: str = ""
    retry_after_s: float | None = None
    scopes: tuple[str, ...] = ()
    policy: str = ""

    @property
    def tells_of_a_record(self) -> bool:
        """Whether a broken record may be the reason: 5xx, or no complete answer."""
        return self.meaning is Meaning.RETRY and (self.status == 0 or self.status >= 500)


def is_retryable_error(status: int) -> bool:
    """Whether the same request may succeed later: 429, 5xx of HubSpot or its edge, 423; 0 is 'no answer'."""
    return status == 0 or status in RETRYABLE


def wait_s(attempt: int, chance: float, retry_after_s: float | None = None) -> float:
    """Seconds before the next try after `attempt` failures (1, 2, ...): 2 s doubling to 30 s, with jitter.

    `chance` in [0, 1) spreads the retries; never below 2 s unless HubSpot's Retry-After says so, and that is
    believed twice: a "0" without end would be a storm.
    """
    grown = min(WAIT_FIRST_S * float(1 << min(attempt - 1, 10)), WAIT_MAX_S)
    spread = min(grown * (1 + chance / 2), WAIT_MAX_S)
    if retry_after_s is None:
        return spread
    return retry_after_s if attempt <= _RETRY_AFTER_BELIEVED else max(retry_after_s, spread)


def no_answer(reason: str) -> Failure:
    """The failure of a call that ended without a complete answer."""
    return Failure(Meaning.RETRY, 0, reason[:TEXT_CHARS_MAX])


def failure(response: Response, decoded: bytes, now_s: float) -> Failure:
    """The failure that an answer of 4xx or 5xx is; `decoded` its body, `now_s` for a Retry-After date."""
    refusal, json = _refusal(decoded)
    text = refusal.message or _plain(decoded)
    scopes = _scopes(refusal)
    meaning = _meaning(response.status, refusal, json)
    if meaning is Meaning.SCOPE_MISSING and not (scopes or _SCOPES.search(f"{refusal.category} {text}")):
        meaning = Meaning.REFUSED  # what this portal does not have: no scope would help
    return Failure(
        meaning,
        response.status,
        text[:TEXT_CHARS_MAX],
        response.headers.get("x-hubspot-correlation-id", refusal.correlationId)[:64],
        _retry_after_s(response.headers.get("retry-after", ""), now_s),
        scopes,
        refusal.policyName,
    )


def _refusal(decoded: bytes) -> tuple[Refusal, bool]:
    try:
        return msgspec.json.decode(decoded, type=Refusal), True
    except msgspec.ValidationError:  # JSON, but no envelope that was ever recorded
        return Refusal(), True
    except (msgspec.DecodeError, RecursionError):
        return Refusal(), False


def _plain(decoded: bytes) -> str:
    """What a page of the edge's says, without its tags."""
    text = _UNSEEN.sub(" ", decoded[:_PAGE_BYTES_MAX].decode("utf-8", "replace"))
    said = " ".join(_TAGS.sub(" ", _HEAD.sub(" ", text)).split())
    return said or " ".join(_TAGS.sub(" ", text).split())


def _meaning(status: int, refusal: Refusal, json: bool) -> Meaning:
    if status == 429 and refusal.policyName == "DAILY":
        return Meaning.DAILY_LIMIT
    if status in {401, 530}:
        return Meaning.TOKEN_REFUSED
    if status == 403:
        # HubSpot's own refusals are JSON; anything else comes from the edge and may pass.
        return Meaning.SCOPE_MISSING if json else Meaning.RETRY
    if status == 477:
        return Meaning.ACCOUNT_MOVING
    return Meaning.RETRY if is_retryable_error(status) else Meaning.REFUSED


def _scopes(refusal: Refusal) -> tuple[str, ...]:
    contexts = [refusal.context, *(error.context for error in refusal.errors)]
    named = [
        s for c in contexts for key in ("requiredGranularScopes", "requiredScopes") for s in c.get(key, [])
    ]
    return tuple(dict.fromkeys(named))


def _retry_after_s(text: str, now_s: float) -> float | None:
    """Seconds, a date in seconds from now (past: 0), or None for what is neither."""
    text = text.strip()
    if text.isdecimal():
        return float(text[:_RETRY_AFTER_DIGITS_MAX])
    try:
        date = parsedate_to_datetime(text)
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now_s)
    except (ValueError, TypeError, OverflowError):
        return None
