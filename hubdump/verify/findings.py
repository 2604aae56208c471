"""What a check found, and what all findings together mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hubdump.errors import Exit

NAMED_MAX = 5


class Level(StrEnum):
    """How much is proved; each but the first needs HubSpot, and includes the first."""

    LOCAL = "local"
    TOTALS = "totals"
    IDS = "ids"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be verified: `piece` of `pieces` of the ids of each type; `seed` draws the sample."""

    level: Level
    piece: int = 1
    pieces: int = 1
    seed: int = 0


class Verdict(StrEnum):
    """How a check ended."""

    RIGHT = "right"
    WRONG = "wrong"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: `check` names how, `what` the type or file, `ids` all that is not as it must be."""

    check: str
    what: str
    text: str
    verdict: Verdict = Verdict.RIGHT
    ids: Sequence[str] = ()

    @property
    def good(self) -> bool:
        """Whether all is as it must be."""
        return self.verdict is Verdict.RIGHT


def wrong(check: str, what: str, text: str, names: Iterable[object] = ()) -> Finding:
    """Something is not as it must be; the first few names stand in the text, all in `ids`."""
    ids = [str(name) for name in names]
    return Finding(check, what, f"{text}: {named(ids)}" if ids else text, Verdict.WRONG, ids)


def unchecked(check: str, what: str, text: str) -> Finding:
    """Something could not be checked."""
    return Finding(check, what, text, Verdict.UNCHECKED)


def named(names: Sequence[object]) -> str:
    """At most a few names, and how many more there are."""
    told = ", ".join(map(str, names[:NAMED_MAX]))
    return f"{told} ... ({len(names):,} in all)" if len(names) > NAMED_MAX else told


def status_of(findings: Iterable[Finding]) -> Exit:
    """3 when anything is wrong, else 1 when something could not be checked, else 0."""
    verdicts = {finding.verdict for finding in findings}
    if Verdict.WRONG in verdicts:
        return Exit.INCOMPLETE
    return Exit.ERROR if Verdict.UNCHECKED in verdicts else Exit.COMPLETE
