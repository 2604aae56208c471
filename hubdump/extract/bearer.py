"""The token that goes with each request: one that stays, or one of an OAuth app renewed before it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hubdump.clock import SECOND_NS, Clock
from hubdump.hubspot.endpoints import token
from hubdump.hubspot.wire import AccessToken
from hubdump.model import Answer, Request, Secret

# The token's own answer may take two minutes to come, and what is sent with it some seconds to arrive.
RENEW_BEFORE_S = 180.0


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A service key, or the token of a private app: good until somebody revokes it."""

    token: Secret


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """An OAuth app's credentials; its access tokens are good for half an hour."""

    client_id: str
    client_secret: Secret
    refresh_token: Secret


Credentials = ServiceKey | OAuthApp
Ask = Callable[[Request[AccessToken]], Awaitable[Answer[AccessToken]]]


class Bearer:
    """Hands out the present token. HubSpot says to renew by `expires_in`, not by waiting for a 401."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = credentials.token if isinstance(credentials, ServiceKey) else None
        self._ends_ns = 0

    async def token(self, ask: Ask) -> Secret:
        """The token to send; `ask` gets a new one where the present one is about to end."""
        if isinstance(self._credentials, ServiceKey):
            return self._credentials.token
        async with self._lock:
            if self._token is None or self._clock.now_ns() >= self._ends_ns:
                await self._renew(self._credentials, ask)
            assert self._token is not None
            return self._token

    def good(self, sent: Secret | None) -> bool:
        """Whether a token that was handed out may still be sent: it has waited since."""
        if sent is None or isinstance(self._credentials, ServiceKey):
            return True
        return sent == self._token and self._clock.now_ns() < self._ends_ns

    def refused(self, sent: Secret) -> bool:
        """HubSpot answered 401 to `sent`: whether another token may do."""
        if isinstance(self._credentials, ServiceKey):
            return False
        if self._token == sent:
            self._token = None
        return True

    def secrets(self, sent: Secret | None) -> list[Secret]:
        """All that must not be told: what was sent, and what it was got by."""
        app = self._credentials
        of_app = [app.client_secret, app.refresh_token] if isinstance(app, OAuthApp) else [app.token]
        return [secret for secret in (sent, self._token, *of_app) if secret]

    async def _renew(self, app: OAuthApp, ask: Ask) -> None:
        request = token(app.client_id, app.client_secret.reveal(), app.refresh_token.reveal())
        answer = (await ask(request)).content
        self._token = Secret(answer.access_token)
        good_s = max(answer.expires_in - RENEW_BEFORE_S, answer.expires_in / 2)
        self._ends_ns = self._clock.now_ns() + int(good_s * SECOND_NS)
