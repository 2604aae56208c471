"""What a sandbox is told when it starts, and what is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass


class SandboxError(Exception):
    """A sandbox cannot be started as asked; the text names the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A subscription's limits: requests in any 10 s (general, associations), a second (search), a day.

    None where there is no such limit.
    """

    general: int | None
    associations: int | None
    search: int | None = 5
    daily: int | None = None
    associations_daily: int | None = None


# https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines, and the associations guide.
# The last is none of HubSpot's: for those who test how much their own integration bears.
TIERS = {
    "free": Tier(100, 100, daily=250_000),
    "pro": Tier(190, 150, daily=625_000, associations_daily=500_000),
    "enterprise": Tier(190, 150, daily=1_000_000, associations_daily=500_000),
    "addon": Tier(250, 200, daily=2_000_000, associations_daily=1_000_000),
    "oauth": Tier(110, 100, daily=None),
    "unlimited": Tier(None, None, None),
}
# Service keys and private apps' tokens, as HubSpot shows them: a data centre and a UUID.
_REAL = re.compile(r"pat-(?:na|eu|ap)\d-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
TOKEN = "pat-na1-sandbox"  # noqa: S105 - the sandbox's own, printed for whoever starts it


def tier_of(name: object) -> Tier:
    """The limits of a tier; SandboxError names those there are."""
    if not isinstance(name, str) or name not in TIERS:
        raise SandboxError(f"tier is '{name}', but must be one of: {', '.join(TIERS)}")
    return TIERS[name]


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """`portal` is a name or counts ('calls=5,contacts=3'); `faults` and `beliefs` as their tables say.

    `tokens`, where given, stand in the place of `token`: each is an app of its own, with all scopes or with
    those after a colon ('T:tickets+oauth'). `latency` is a text as hubdump.sandbox.latency reads it, and
    wins over `latency_ms`. `limits` wins over the tier's. `life` is what happens while the portal is read.
    `without` are types and families that the portal's tier does not have.
    """

    portal: str = "script"
    seed: int = 7
    token: str = TOKEN
    latency_ms: int = 0
    faults: str = "few"
    tier: str = "pro"
    beliefs: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    latency: str = ""
    overload: bool = True
    limits: Tier | None = None
    life: str = ""
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        tier_of(self.tier)
        for token in (self.token, *self.tokens):
            if _REAL.match(token):
                raise SandboxError(
                    "token looks like a real one of HubSpot's: keep it out of here, and invent another"
                )
            if not token or not token.isascii() or any(c.isspace() for c in token):
                raise SandboxError("token must be printable ASCII without blanks")
        if self.latency_ms < 0:
            raise SandboxError(f"latency_ms is {self.latency_ms}, but must be 0 or more")

    @property
    def tier_limits(self) -> Tier:
        """The limits that hold."""
        return self.limits or tier_of(self.tier)

    @property
    def first_token(self) -> str:
        """The token of the first app, without its scopes."""
        return (self.tokens or (self.token,))[0].partition(":")[0]
