"""The OAuth token endpoint: a refresh token or a code goes in, an access token of 30 minutes comes out."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import parse_qs

from hubdump.sandbox.answers import Request, Response, ok
from hubdump.sandbox.apps import OAUTH_APP, App, Apps

PATH = re.compile(r"/oauth/(?:v1|v3|2026-03|2026-09)/token/?")
CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"
REFRESH_TOKEN, CODE = "sandbox-refresh", "sandbox-code"
EXPIRES_IN_S = 1800
SCOPES = (
    "oauth", "crm.objects.contacts.read", "crm.objects.companies.read", "crm.objects.deals.read", "tickets",
    "sales-email-read", "crm.objects.owners.read", "crm.lists.read",
)  # fmt: skip


class OAuth:
    """Hands out access tokens to the one OAuth app of a portal. Errors are RFC 6749's with HubSpot's fields.

    https://developers.hubspot.com/docs/api-reference/auth-oauth-v1: lifetimes and fields.
    """

    def __init__(self, apps: Apps, portal: int, seed: int) -> None:
        self._apps, self._portal, self._seed = apps, portal, seed
        self._given = 0
        self._codes = {CODE}

    def answer(self, request: Request, wall_s: float) -> Response:
        """Answer a POST of a form."""
        if request.method != "POST":
            return _error("invalid_request", "the token endpoint takes POST", "BAD_REQUEST", 405)
        form = _form(request)
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return _error("invalid_client", "missing or invalid client id or secret", "BAD_CLIENT_ID", 401)
        match form.get("grant_type"):
            case "refresh_token":
                if form.get("refresh_token") != REFRESH_TOKEN:
                    return _error(
                        "invalid_grant", "refresh token is invalid, expired or revoked", "BAD_REFRESH_TOKEN"
                    )
            case "authorization_code":
                if form.get("code") not in self._codes or not form.get("redirect_uri"):
                    return _error("invalid_grant", "missing or unknown auth code", "BAD_AUTH_CODE")
                self._codes.discard(form["code"])
            case _:
                return _error("unsupported_grant_type", "grant_type is not supported", "BAD_GRANT_TYPE")
        return self._granted(wall_s)

    def _granted(self, wall_s: float) -> Response:
        self._given += 1
        number = f"{self._seed}:{self._given}".encode()
        token = hashlib.blake2b(number, key=b"access", digest_size=24).hexdigest()
        expires_s = wall_s + EXPIRES_IN_S
        self._apps.add(token, App(OAUTH_APP, is_oauth=True, expires_s=expires_s))
        return ok(
            {
                "token_type": "bearer",
                "refresh_token": REFRESH_TOKEN,
                "access_token": token,
                "hub_id": self._portal,
                "scopes": list(SCOPES),
                "expires_in": EXPIRES_IN_S,
            }
        )


def _form(request: Request) -> dict[str, str]:
    """The first value of each field; of the query too, where some clients of v1 put them."""
    found = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    return dict(request.query) | found


def _error(error: str, text: str, status: str, http: int = 400) -> Response:
    return ok({"error": error, "error_description": text, "status": status, "message": text}, http)
