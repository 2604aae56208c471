"""What can go wrong, the exit status of each, and the next command to type.

HubdumpError            1    something failed that none of these names
├── UsageError          2    the command or a setting is wrong
├── Incomplete          3    finished, but something is missing or unproven
│   ├── BeliefRefuted        HubSpot behaves in a way that makes the proof impossible
│   ├── Poison               one request fails for ever while others succeed: something in it is broken
│   ├── RequestRefused       HubSpot refused one request for good (400, 404, 414, ...)
│   └── ScopeMissing         the token may not read this object type
├── TokenRefused        4    HubSpot does not accept the token, or nothing is readable with it
├── DiskFailure        74    the disk is full, read-only or failing
├── Stopped            75    stopped with everything kept; run again later
│   └── InUse                another process holds the dump
└── Interrupted       130    Ctrl-C
"""

from __future__ import annotations

import shlex
import sys
from enum import IntEnum
from pathlib import Path


class Exit(IntEnum):
    """Exit statuses of every verb, with their meaning."""

    COMPLETE = 0
    ERROR = 1
    USAGE = 2
    INCOMPLETE = 3
    REFUSED = 4
    DISK = 74
    STOPPED = 75
    INTERRUPTED = 130


EXIT_MEANINGS = {
    Exit.COMPLETE: "complete",
    Exit.ERROR: "error (verify: could not check)",
    Exit.USAGE: "usage or settings",
    Exit.INCOMPLETE: "finished, but incomplete, unproven or different",
    Exit.REFUSED: "token refused, or nothing readable with it",
    Exit.DISK: "the disk: full, read-only or failing",
    Exit.STOPPED: "stopped with everything kept; run again later",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}


# How HubSpot refuses what a portal, or its subscription, does not have: as forbidden with no scope named, as unknown.
ABSENT = frozenset({403, 404})
# How it refuses a type that was there and is not any more: as unknown, or as a name of which it knows no type.
GONE = frozenset({400, 404})


class HubdumpError(Exception):
    """An error with an end: `message` says what happened and what is safe, `hint` what to type next."""

    exit = Exit.ERROR

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(HubdumpError):
    """The command or a setting is wrong; nothing was done."""

    exit = Exit.USAGE


class Incomplete(HubdumpError):
    """Something could not be read or proved; what was read is kept."""

    exit = Exit.INCOMPLETE


class BeliefRefuted(Incomplete):
    """HubSpot answered against a belief the proof rests on; `belief` is its name."""

    def __init__(self, belief: str, seen: str) -> None:
        super().__init__(f"HubSpot refuted the belief '{belief}': {seen}")
        self.belief = belief
        self.seen = seen
        self.args = (belief, seen)


class Poison(Incomplete):
    """One request failed again and again while others succeeded: a record in its answer cannot be read."""

    def __init__(self, status: int, template: str, text: str) -> None:
        said = f"HTTP {status}" if status else "no answer"
        super().__init__(f"{template} fails for ever while others succeed ({said}: {text})")
        self.status = status
        self.text = text
        self.args = (status, template, text)


class RequestRefused(Incomplete):
    """HubSpot refused one request for good; the same request would be refused again."""

    def __init__(self, status: int, template: str, text: str) -> None:
        super().__init__(f"HubSpot refused {template} with {status}: {text}")
        self.status = status
        self.args = (status, template, text)


class ScopeMissing(Incomplete):
    """The token lacks the scopes for one object type; `scopes` are those HubSpot named.

    `of` are the types that need them, where these are not what was read: those at the other end of associations.
    """

    def __init__(self, template: str, scopes: tuple[str, ...], of: tuple[str, ...] = ()) -> None:
        names = ", ".join(scopes) or "not named by HubSpot"
        super().__init__(
            f"The token may not read {template}. Scopes it lacks: {names}.",
            "Add the scopes to the service key in HubSpot (Development > Keys), then run again.",
        )
        self.template = template
        self.scopes = scopes
        self.of = of
        self.args = (template, scopes, of)


def is_forbidden(error: HubdumpError) -> bool:
    """Whether HubSpot says of something that this token, or this portal, may not read it."""
    return isinstance(error, ScopeMissing) or (isinstance(error, RequestRefused) and error.status == 403)


class TokenRefused(HubdumpError):
    """HubSpot does not accept the token, or nothing is readable with it."""

    exit = Exit.REFUSED


class DiskFailure(HubdumpError):
    """The disk is full, read-only or failing; what was committed before is intact."""

    exit = Exit.DISK


class Stopped(HubdumpError):
    """The run stopped before its end, with everything committed kept; the same command continues."""

    exit = Exit.STOPPED


class InUse(Stopped):
    """Another process holds the dump; nothing was changed."""


class Interrupted(HubdumpError):
    """Ctrl-C; everything committed is kept."""

    exit = Exit.INTERRUPTED


def installing(*libraries: str) -> str:
    """The command that installs libraries where this Python, and no other, finds them."""
    python, here = Path(sys.executable), Path.cwd()
    own = python.relative_to(here) if python.is_relative_to(here) else python
    return shlex.join([str(own), "-m", "pip", "install", *libraries])
