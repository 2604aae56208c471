"""Whose request it is: tokens, the apps behind them, what each may read, and HubSpot's 401 and 403."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hubdump.sandbox.answers import Refused, Request
from hubdump.sandbox.config import SandboxConfig

FIRST_APP = 1_500_001
OAUTH_APP = 1_400_001
EMAIL_CONTENT = "sales-email-read"
_SCOPES_PAGE = "https://developers.hubspot.com/scopes"
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class App:
    """One app of the portal; `scopes` is None where it has all, `expires_s` (of the world) None for never.

    `is_oauth` where its token came by OAuth, and so has OAuth's limits whatever the portal's tier.
    """

    number: int
    scopes: frozenset[str] | None = None
    is_oauth: bool = False
    expires_s: float | None = None


class Apps:
    """The apps of one portal, by their tokens."""

    def __init__(self, config: SandboxConfig) -> None:
        self._by_token: dict[str, App] = {}
        for place, text in enumerate(config.tokens or (config.token,)):
            token, colon, scopes = text.partition(":")
            held = frozenset(scopes.split("+")) if colon else None
            self._by_token[token] = App(FIRST_APP + place, held)

    def add(self, token: str, app: App) -> None:
        """Accept a token that was handed out."""
        self._by_token[token] = app

    def grant(self, scope: str, every: Iterable[str], token: str = "") -> None:
        """Give a scope to the app of a token, or to all, that may have lost it; `every` are all there are."""
        self._change(token, every, lambda held: held | {scope})

    def revoke(self, scope: str, every: Iterable[str], token: str = "") -> None:
        """Take it away."""
        self._change(token, every, lambda held: held - {scope})

    def _change(
        self, token: str, every: Iterable[str], change: Callable[[frozenset[str]], frozenset[str]]
    ) -> None:
        for key in [token] if token else list(self._by_token):
            app = self._by_token[key]
            held = frozenset(every) if app.scopes is None else app.scopes
            self._by_token[key] = replace(app, scopes=change(held))

    def has(self, token: str) -> bool:
        return token in self._by_token

    def of(self, request: Request, wall_s: float) -> App:
        """The app whose token a request bears; Refused (401) when it bears none, or none that holds."""
        if "authorization" not in request.headers:
            raise Refused(
                401,
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can "
                "find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
                "INVALID_AUTHENTICATION",
            )
        kind, _, token = request.headers["authorization"].partition(" ")
        app = self._by_token.get(token.strip()) if kind.lower() == "bearer" else None
        if app is None:
            raise expired(wall_s, 0.0)
        if app.expires_s is not None and app.expires_s <= wall_s:
            raise expired(wall_s, app.expires_s)
        return app


def expired(wall_s: float, at_s: float) -> Refused:
    """The 401 of a token that ended at `at_s`; what is no token at all is said to have ended in 1970."""
    ago_s = int(wall_s - at_s)
    ago = f"{ago_s // _DAY_S} day(s)" if ago_s >= _DAY_S else f"{ago_s} second(s)"
    when = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds" if at_s else "seconds")
    return Refused(
        401,
        f"The OAuth token used to make this call expired {ago} ago.",
        "EXPIRED_AUTHENTICATION",
        context={"expire time": [when.replace("+00:00", "Z")]},
    )


def missing(app: App, needed: Iterable[str]) -> list[str]:
    """The scopes a request needs and its app was not granted; of some that stand with | one is enough."""
    granted = app.scopes
    return [] if granted is None else [one for one in needed if not granted.intersection(one.split("|"))]


def forbidden(scopes: Sequence[str], template: str = "") -> Refused:
    """HubSpot's 403, with the scopes it names: schemas have a form of their own (both recorded)."""
    named = {"requiredGranularScopes": "|".join(scopes).split("|")}
    one_of = "One or more of the following scopes are required."
    if template.startswith("/crm-object-schemas"):
        return Refused(403, one_of, "MISSING_SCOPES", context=named | {"links": [_SCOPES_PAGE]})
    return Refused(
        403,
        "This app hasn't been granted all required scopes to make this call. "
        f"Read more about required scopes here: {_SCOPES_PAGE}.",
        "MISSING_SCOPES",
        errors=[{"message": one_of, "context": named}],
        links={"scopes": _SCOPES_PAGE},
    )
