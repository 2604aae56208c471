"""The errors a sandbox makes: each at a request that its seed, a schedule or a caller decides."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hubdump.sandbox.config import SandboxError

KINDS = {
    "401": "the token has just expired",
    "403": "a scope is missing",
    "414": "the URL is too long",
    "423": "locked",
    "429": "the 429 of the budget the request is charged to",
    "429-general": "the ten-secondly 429",
    "429-search": "the secondly 429",
    "429-daily": "the daily 429",
    "477": "the account moves to another data centre, with Retry-After",
    "500": "an internal error, as JSON",
    **{str(status): "HTML of the edge" for status in (502, 503, 504, *range(520, 527))},
    "empty": "200 with nothing in it",
    "garbage": "200 with what is no JSON",
    "html": "200 with a page of HTML",
    "cut": "the body ends halfway",
    "reset": "the connection is reset",
    "slow": "three seconds more",
    "bomb": "a few kilobytes of gzip that unpack to 256 MiB",
    "repeat": "paging.next.after is the cursor that was asked for",
}
# What `few`, `many` and `hostile` are made of: kinds any client must survive.
_SHARES = {"429": 0.2, "500": 0.2, "502": 0.2, "503": 0.1, "cut": 0.12, "reset": 0.12, "slow": 0.06}
_SCALES = {"many": 0.12, "hostile": 0.35}
FAULTS = {
    "none": "no errors at all (but see overload)",
    "few": "one of each common kind among the first 60 requests, none at the same request again, so that "
    "a first run shows what a retry is",
    "many": "12 % of all requests",
    "hostile": "35 % of all requests",
    "KIND=SHARE,...": f"a share of requests each, as in 500=0.05,cut=0.02; kinds: {', '.join(KINDS)}",
    "KIND=SHARE@PART,...": "only of requests whose path holds PART, as in 502=0.5@/batch/read",
    "at:N=KIND,...": "exactly the N-th request",
    "poison:ID,...": "500 whenever this record would be in an answer",
    "outage:N:S": "every request fails with 502 for S seconds from the N-th on",
}


@dataclass(frozen=True, slots=True)
class Share:
    """A kind and the share of requests it strikes, of those whose path holds `part`."""

    kind: str
    share: float
    part: str = ""


@dataclass(slots=True)
class Faults:
    """Decides for each request, by its number, its path and the clock, which fault it meets.

    `soon` are those of `few`, from a request's number on; a request that has just met one (`met`) meets no other.
    """

    chance: random.Random
    at: dict[int, str] = field(default_factory=dict)
    soon: dict[int, str] = field(default_factory=dict)
    met: set[object] = field(default_factory=set)
    shares: list[Share] = field(default_factory=list)
    poisons: set[str] = field(default_factory=set)
    outage: tuple[int, float] | None = None
    ends_s: float | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def of(self, number: int, path: str, now_s: float, *, sheltered: bool, same: object = "") -> str:
        """The kind of fault the `number`-th request meets, '' for none; `sheltered` ones meet none by share.

        `same` is equal for requests that ask the same.
        """
        drawn = self.chance.random()
        if self.outage and number >= self.outage[0]:
            if self.ends_s is None:
                self.ends_s = now_s + self.outage[1]
            if now_s < self.ends_s:
                return "502"
        for place, (kind, part) in enumerate(self.asked):
            if part in path:
                del self.asked[place]
                return kind
        if sheltered:
            return ""
        return self.at.get(number) or self._few(number, same) or self._by_share(drawn, path)

    def ask(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Strike the next requests whose paths hold these parts, each once; SandboxError for unknown kinds."""
        for kind, _ in wanted:
            if kind not in KINDS:
                raise SandboxError(f"there is no fault '{kind}'; there are: {', '.join(KINDS)}")
        self.asked += wanted

    def clear(self) -> None:
        """No more faults."""
        self.at, self.soon, self.shares, self.poisons, self.outage, self.asked = {}, {}, [], set(), None, []

    def as_json(self) -> dict[str, Any]:
        """What is still to come."""
        return {
            "next": [{"kind": kind, "path": part} for kind, part in self.asked],
            "at": {str(number): kind for number, kind in sorted((self.at | self.soon).items())},
            "shares": [asdict(share) for share in self.shares],
            "poison": sorted(self.poisons),
            "outage": self.outage,
        }

    def _few(self, number: int, same: object) -> str:
        if same in self.met:
            self.met.discard(same)
            return ""
        due = [first for first in self.soon if first <= number]
        if not due:
            return ""
        self.met.add(same)
        return self.soon.pop(due[0])

    def _by_share(self, drawn: float, path: str) -> str:
        for share in self.shares:
            if share.part not in path:
                continue
            if drawn < share.share:
                return share.kind
            drawn -= share.share
        return ""


def read(text: str, seed: int) -> Faults:
    """The faults of a text as the table FAULTS says; SandboxError when it is none of these."""
    faults = Faults(random.Random(f"faults {seed}"))  # noqa: S311 - made-up errors
    for part in text.split(","):
        if part == "few":
            numbers = sorted(faults.chance.sample(range(4, 60), len(_SHARES)))
            kinds = faults.chance.sample(list(_SHARES), len(_SHARES))
            faults.soon |= dict(zip(numbers, kinds, strict=True))
        elif part in _SCALES:
            faults.shares += [Share(kind, share * _SCALES[part]) for kind, share in _SHARES.items()]
        elif part != "none":
            _read_part(faults, part)
    return faults


def _read_part(faults: Faults, part: str) -> None:
    try:
        if part.startswith("outage:"):
            _, number, seconds = part.split(":")
            faults.outage = (int(number), float(seconds))
        elif part.startswith("poison:") and part[7:].isdecimal():
            faults.poisons.add(part[7:])
        elif part.startswith("at:"):
            number, kind = part[3:].split("=")
            faults.at[int(number)] = _kind(kind)
        else:
            kind, share = part.split("=", 1)
            share, _, path = share.partition("@")
            faults.shares.append(Share(_kind(kind), float(share), path))
    except ValueError:
        raise SandboxError(f"faults is '{part}', but must be one of: {'; '.join(FAULTS)}") from None


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError(text)
    return text
