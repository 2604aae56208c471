"""The faults of HubSpot's and of the network's that can strike in any phase, each in its forms, and what comes of each.

Numbers and names are those of the fault matrix (docs/reliability.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.simulation import spoils
from tests.simulation.spoils import body, edited, failed_in, json_status, status, too_many
from tests.simulation.striker import PHASES, Strike

# How the first process ends, whatever it met:
ENDS = {
    "T": "transparent: the run is complete, as if nothing had been",
    "W": "warned: a belief is refuted or search is given up, the run is complete by the proof",
    "Q": "quarantined: the run goes on, the record is named",
    "S": "as R; a few records are named until the run after that, as if they had been what failed",
    "R": "the run stops (75) or is killed; run again, it is complete",
    "C": "closed: the type is incomplete by name (3); run again when the fault is over, it is complete",
    "A": "closed: the token is refused (4); run again with one that is not, it is complete",
}
EVERY = tuple(PHASES)
READING = EVERY[1:]
LISTED = ("Sw", "Re", "Ve")  # lists of active records, of several pages
PAGED = ("Sw", "Ar", "Ca", "Re", "Ve")
BATCHED = ("As", "Ar", "Ca", "Re", "Ve")


@dataclass(frozen=True, slots=True)
class Case:
    """A form of a fault: how it ends in each phase where it can strike, and what is said of it."""

    strike: Strike
    ends: Mapping[str, str]
    says: str = ""
    oauth: bool = False
    is_retried: bool = False
    types: tuple[str, ...] = ("calls", "contacts", "deals")

    def end(self, phase: str) -> str:
        """How it ends; K where it is this fault itself that ends the process."""
        return "K" if self.strike.killed else self.ends[phase]


def case(
    strike: Strike,
    end: str,
    phases: tuple[str, ...] = EVERY,
    says: str = "",
    *,
    oauth: bool = False,
    **others: str,
) -> Case:
    """A form that ends the same in all these phases, but for `others`."""
    return Case(strike, dict.fromkeys(phases, end) | others, says, oauth)


def retried(strike: Strike, *, oauth: bool = False) -> Case:
    """A form that passes: what was struck is sent again, and the run is complete as if nothing had been."""
    return Case(strike, dict.fromkeys(EVERY, "T"), oauth=oauth, is_retried=True)


def _proof_finds(end: str, phases: tuple[str, ...] = EVERY) -> dict[str, str]:
    """Ends the same in all phases but the catch-up, where the proof finds what search did not give."""
    return dict.fromkeys(phases, end) | ({"Ca": "W"} if "Ca" in phases else {})


ONCE_TO_FIVE = (1, 2, 3, 5)
BATCH = "/batch/read"
ONE_PAIR = "/companies/batch"  # of the associations of a record to others, those to companies
SAME, BACK, CIRCLES, TWICE = (
    edited(edit) for edit in (spoils.cursor_again, spoils.cursor_back, spoils.cursor_in_circles, spoils.twice)
)
UNFIT = {
    "nothing": body(b""),
    "HTML": body(spoils.PAGE, "text/html"),
    "half of it": spoils.halved,
    "no JSON": body(b'{"results":[{"id":"1","prope\xff\x00'),
    "without its results": edited(spoils.without_results),
    "results null": edited(spoils.null_results),
}
CASES: dict[int, tuple[Case, ...]] = {
    1: (
        retried(Strike("429, Retry-After: 20", spoil=too_many(retry_after="20"), times=(1, 2))),
        retried(Strike("429, Retry-After: a date", spoil=spoils.A_MINUTE_ON)),
        retried(Strike("429, Retry-After: 0", spoil=too_many(retry_after="0"), times=(1, 4))),
        retried(Strike("429, Retry-After: soon", spoil=too_many(retry_after="soon"), times=(2,))),
        case(
            Strike("429, Retry-After: 86400", spoil=too_many(retry_after="86400")), "R",
            says=r"is not to be sent again before 2026-11-\d\dT",
        ),
    ),
    2: (
        retried(Strike("429", spoil=too_many(), times=ONCE_TO_FIVE)),
        retried(Strike("429 of a second", kind="429-search", times=(1, 3))),
        case(Strike("429 of the day", kind="429-daily"), "R", says="daily limit of requests is reached"),
    ),
    3: (
        retried(Strike("500", kind="500", times=ONCE_TO_FIVE)),
        retried(Strike("503", spoil=json_status(503, "not now", "UNAVAILABLE"), times=(1, 3))),
        retried(Strike("504", spoil=json_status(504, "too late", "TIMEOUT"), times=(5, 1))),
    ),
    4: (
        retried(Strike("502", kind="502", times=ONCE_TO_FIVE)),
        retried(Strike("520", kind="520", times=(4, 1))),
        retried(Strike("524", kind="524", times=(1, 2))),
        retried(Strike("529", spoil=status(529, spoils.PAGE), times=(3, 1))),
        case(Strike("530", spoil=status(530, spoils.PAGE)), "A", says=r"does not accept the token \(530"),
    ),
    5: (retried(Strike("no connection", lost="refused", times=ONCE_TO_FIVE)),),
    6: (
        retried(Strike("no answer, nothing was done", lost="before", times=(1, 3))),
        retried(Strike("no answer, all was done", lost="after", times=(3, 1))),
    ),
    7: (
        retried(Strike("reset", kind="reset", times=ONCE_TO_FIVE)),
        retried(Strike("cut", kind="cut", times=(2, 1))),
        retried(Strike("gzip cut", spoil=spoils.squeezed, times=(1, 3))),
    ),
    8: (
        *(retried(Strike(name, spoil=spoil, times=(1, 3))) for name, spoil in UNFIT.items()),
        case(Strike("wrong type", spoil=spoils.as_text, times=(3,)), "T"),
        Case(Strike("HTML for ever", spoil=UNFIT["HTML"], times=(0,)), _proof_finds("R") | {"As": "S"}, "not the page"),
    ),
    9: (
        case(Strike("an input failed", spoil=failed_in("INTERNAL_ERROR"), times=(1, 2), part=BATCH), "T", BATCHED),
        case(Strike("an input unanswered", spoil=failed_in(""), times=(2, 1), part=BATCH), "T", BATCHED),
        case(
            Strike("it fails for ever", spoil=failed_in("INTERNAL_ERROR"), times=(0,), part=BATCH),
            "Q", BATCHED, Ve="C",
        ),
    ),
    10: (
        retried(Strike("a gzip bomb", spoil=spoils.bomb, times=(1, 3))),
        Case(Strike("a gzip bomb for ever", spoil=spoils.bomb, times=(0,)), _proof_finds("R") | {"As": "S"}, "MiB"),
    ),
    11: (
        retried(Strike("401, the token can be renewed", kind="401"), oauth=True),
        case(Strike("401", kind="401"), "A", says="does not accept the token"),
    ),
    12: (
        case(Strike("403", kind="403", times=(0,), part="/crm/"), "C", says="may not read"),
        retried(Strike("403 of the edge", spoil=status(403, spoils.PAGE), times=(1, 2))),
    ),
    13: (
        Case(
            Strike("404", spoil=json_status(404, "No such type", "OBJECT_NOT_FOUND"), times=(0,), part="/crm/"),
            _proof_finds("C"), "404",
        ),
        Case(
            Strike("400", spoil=json_status(400, "No property x", "VALIDATION_ERROR"), times=(0,), part="/crm/"),
            _proof_finds("C"), "400",
        ),
    ),
    14: (case(Strike("414", kind="414"), "T", ("Sw", "Ar")),),
    15: (
        case(Strike("the same cursor", spoil=SAME, times=(0,)), "C", LISTED, "cursor"),
        case(Strike("the same cursor", spoil=SAME, times=(0,), part=ONE_PAIR), "C", ("As",), "twice"),
        case(Strike("a cursor back", spoil=BACK, times=(0,)), "C", LISTED, "cursor|after a later"),
        case(Strike("in circles", spoil=CIRCLES, times=(0,)), "C", ("Ar", *LISTED), "twice", Ca="W"),
        case(Strike("in circles", spoil=CIRCLES, times=(0,), part=ONE_PAIR), "C", ("As",), "twice"),
        case(Strike("an empty page", spoil=edited(spoils.empty_page)), "T", PAGED),
    ),
    16: (
        case(Strike("twice in a page", spoil=TWICE, part="/objects"), "C", ("Ar", *LISTED), "after a later", Ca="W"),
        case(Strike("twice in a batch", spoil=TWICE, part=BATCH), "T", ("As", "Ca", "Re", "Ve")),
        case(Strike("in two pages", spoil=edited(spoils.last_again)), "C", LISTED, "after a later"),
    ),
    17: (
        case(Strike("a foreign id", spoil=edited(spoils.foreign)), "C", READING, "own type", Ca="W"),
        Case(
            Strike("another type", spoil=edited(spoils.other_type)),
            {"Sw": "C", "Ar": "C", "Re": "C", "Ve": "C", "Ca": "W"}, "own type", types=("calls",),
        ),
        case(Strike("another record", spoil=edited(spoils.stranger), part=BATCH), "T", ("Ca", "Re", "Ve")),
    ),
    18: (
        # A record that changes while gaps are looked into passes for a skipped one: W, not the point here.
        Case(
            Strike("a total too large", spoil=edited(spoils.total_jumps), times=(1, 0), part="/search"),
            {"Ca": "T"}, types=("contacts", "deals"),
        ),
        case(Strike("a total too small", spoil=edited(spoils.total_falls), times=(1, 0), part="/search"), "T", ("Ca",)),
    ),
    20: (case(Strike("a portal that changes", alive=True, times=(0,)), "T", READING),),
    26: (
        case(Strike("an hour ahead", jump_s=3600.0), "T"),
        case(Strike("an hour back", jump_s=-3600.0), "T"),
        case(Strike("asleep for two hours", asleep_s=7200.0), "T"),
    ),
    21: (
        case(Strike("killed at a request", killed="at"), "R"),
        case(Strike("killed with an answer", killed="answer"), "R"),
        case(Strike("killed in a transaction", killed="4"), "R"),
    ),
}  # fmt: skip
CELLS = tuple(
    f"{number}-{phase}"
    for number, cases in CASES.items()
    for phase in PHASES
    if any(phase in one.ends for one in cases)
)
