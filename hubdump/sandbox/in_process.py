"""The sandbox without sockets and without waiting: requests are calls, and time is a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack
from urllib.parse import parse_qsl, urlencode

import msgspec

from hubdump.sandbox.answers import Request, Response
from hubdump.sandbox.core import Core
from hubdump.sandbox.embedding import Emulated, Options, config_of

URL = "http://sandbox.invalid"
START_S = 1_795_000_000.0  # 18 November 2026: a virtual clock begins the same for all


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: header names as HubSpot spells them."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The content; msgspec.DecodeError where it is not JSON."""
        return msgspec.json.decode(self.body)


class InProcess:
    """One portal and one client that asks one request after the other, on a clock of their own.

    `portal` has truth, requests, faults and edits. SandboxError when what is asked for cannot be.
    """

    def __init__(
        self, portal: str = "script", *, start_s: float = START_S, **options: Unpack[Options]
    ) -> None:
        config = config_of(portal, options)
        self._core = Core(config)
        self.now_s = start_s
        self.portal = Emulated(URL, config.first_token, self._handle)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        authorized: bool = True,
    ) -> Answer:
        """Ask, with the portal's token unless `headers` bear another; the clock moves by the answer's latency.

        ConnectionResetError where a fault breaks the connection.
        """
        path, _, text = path.partition("?")
        query = (*parse_qsl(text, keep_blank_values=True), *(params or {}).items())
        sent = {"host": URL.removeprefix("http://")}
        if authorized:
            sent["authorization"] = f"Bearer {self.portal.token}"
        body = b""
        if json is not None:
            body, sent["content-type"] = msgspec.json.encode(json), "application/json"
        elif form is not None:
            body, sent["content-type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        raw = urlencode(query)
        asked = Request(method, path, query, sent, body, len(path) + len(raw) + 1, raw_query=raw)
        response = self._handle(asked)
        self.now_s += response.delay_s
        if response.breakage:
            raise ConnectionResetError(f"{method} {path}: the connection broke ({response.breakage})")
        return Answer(response.status, response.headers, response.body)

    @property
    def portal_id(self) -> int:
        """The number of the portal, as in account details."""
        return self._core.world.portal.id

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    def _handle(self, request: Request) -> Response:
        return self._core.handle(request, self.now_s, self.now_s)
