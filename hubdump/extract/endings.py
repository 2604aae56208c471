"""What ends one request or the whole run: a failure that no later try would mend, as the error to raise."""

from __future__ import annotations

from typing import Any

from hubdump.clock import instant_text
from hubdump.errors import HubdumpError, RequestRefused, ScopeMissing, Stopped, TokenRefused
from hubdump.hubspot.retry import RETRY_AFTER_MAX_S, Failure, Meaning
from hubdump.model import Request

_LATER = "Run the same command again later: it continues where it stopped."


def raise_what_is_final(outcome: Failure, request: Request[Any]) -> None:
    """Raise for a failure that no later try would mend."""
    match outcome.meaning:
        case Meaning.RETRY:
            return
        case Meaning.TOKEN_REFUSED:
            raise TokenRefused(
                f"HubSpot does not accept the token ({outcome.status}: {outcome.text}).",
                "Make a service key in HubSpot (Development > Keys > Service keys), set it as HUBSPOT_ACCESS_TOKEN "
                "in .env or the environment, and run again.",
            )
        case Meaning.SCOPE_MISSING:
            raise ScopeMissing(request.template, outcome.scopes)
        case Meaning.DAILY_LIMIT:
            raise Stopped(
                "HubSpot's daily limit of requests is reached. Everything committed is kept.",
                "It starts anew at midnight in the account's time zone: run the same command again after that.",
            )
        case Meaning.ACCOUNT_MOVING:
            raise Stopped(
                f"HubSpot is moving this account to another data centre ({outcome.text}). Everything is kept.",
                "This takes up to 24 hours: run the same command again then.",
            )
        case Meaning.REFUSED:
            if request.form:
                raise TokenRefused(
                    f"HubSpot does not renew the OAuth token ({outcome.status}: {outcome.text}).",
                    "Check HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET and HUBSPOT_REFRESH_TOKEN; the refresh token "
                    "may be revoked: connect the app again.",
                )
            raise RequestRefused(outcome.status, request.template, outcome.text)


def too_often(request: Request[Any], outcome: Failure, failures: int, most: int) -> HubdumpError:
    """MAX_RETRIES is reached."""
    return _stopped(request, outcome, f"{failures} times, MAX_RETRIES is {most}", _LATER)


def too_long(
    request: Request[Any], outcome: Failure, spent_s: float, pause_s: float, now_s: float
) -> HubdumpError:
    """Patience would end before the next try, or HubSpot named an instant beyond it."""
    if (outcome.retry_after_s or 0.0) > RETRY_AFTER_MAX_S:
        when = instant_text(int((now_s + pause_s) * 1_000_000))
        how = f"and is not to be sent again before {when}"
        return _stopped(request, outcome, how, f"Run the same command again after {when}: it continues.")
    return _stopped(request, outcome, f"for {spent_s:.0f} s", _LATER)


def _stopped(request: Request[Any], outcome: Failure, how: str, hint: str) -> HubdumpError:
    said = f"HTTP {outcome.status}" if outcome.status else "no answer"
    return Stopped(
        f"{request.template} failed {how} ({said}: {outcome.text}). Everything committed is kept.", hint
    )
