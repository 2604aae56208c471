"""Sends the probe's questions one by one, and keeps of each answer only names, sizes and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import msgspec

from hubdump.clock import Clock
from hubdump.extract.exchange import Exchange
from hubdump.hubspot.endpoints import route
from hubdump.model import Answer, Budget, Request

REQUESTS_MAX = 60
VERSION = "2026-09"
_TRIES = 3
_TRIED_AGAIN = (0, 429, 500, 502, 503, 504)
_PAUSE_S = 2.0


class Spent(Exception):
    """The probe has sent as many requests as it may."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: `body` is None where it was refused, then `text` says what was said (status 0: no answer)."""

    status: int
    body: dict[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def results(self) -> list[dict[str, Any]]:
        found = (self.body or {}).get("results", [])
        return found if isinstance(found, list) else []

    @property
    def next(self) -> str:
        """The cursor of the next page, '' at the end."""
        return cursor(self.body or {})

    @property
    def remaining(self) -> int | None:
        """Requests left in the general budget, where the answer says so."""
        text = self.headers.get("x-hubspot-ratelimit-remaining", "")
        return int(text) if text.isdecimal() else None


def cursor(page: Mapping[str, Any]) -> str:
    """`paging.next.after` of a page, '' where there is none."""
    return str(((page.get("paging") or {}).get("next") or {}).get("after", ""))


class Asker:
    """All requests of a probe pass here; Spent after the last one it may send."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self.sent = 0
        self.headers: dict[str, set[str]] = {}
        self._exchange, self._clock = exchange, clock
        self._ms: dict[str, list[float]] = {}

    async def list(self, type_: str, version: str = VERSION, **query: object) -> Seen:
        """A page of a list."""
        return await self._get(route("crm", "objects", version, type_), query)

    async def get(self, root: str, family: str, rest: str, **query: object) -> Seen:
        """Anything else that is read by GET."""
        return await self._get(route(root, family, VERSION, rest), query)

    async def search(self, type_: str, *, expects_500: bool = False, **body: Any) -> Seen:
        """A page of a search, its filters given as one group."""
        filters = body.pop("filters", [])
        content = {"filterGroups": [{"filters": filters}] if filters else [], **body}
        path = route("crm", "objects", VERSION, f"{type_}/search")
        return await self._post(path, Budget.SEARCH, content, expects_500=expects_500)

    async def batch(self, type_: str, ids: Sequence[str]) -> Seen:
        """Records by their ids."""
        body = {"properties": ["hs_object_id"], "inputs": [{"id": id_} for id_ in ids]}
        return await self._post(route("crm", "objects", VERSION, f"{type_}/batch/read"), Budget.GENERAL, body)

    async def associations(
        self, from_: str, to: str, inputs: Sequence[Mapping[str, str]], version: str = VERSION
    ) -> Seen:
        """Associations by the ids of one side."""
        path = route("crm", "associations", version, f"{from_}/{to}/batch/read")
        return await self._post(path, Budget.ASSOCIATIONS, {"inputs": list(inputs)})

    async def rest(self, seconds: float) -> None:
        """Let the windows of HubSpot's budgets run empty."""
        await self._clock.sleep(seconds)

    def timings_ms(self) -> dict[str, dict[str, float]]:
        """Milliseconds from sending to the whole answer, by path."""
        return {
            path: {"count": len(ms), "least": min(ms), "median": median(ms), "most": max(ms)}
            for path, ms in sorted(self._ms.items())
        }

    async def _get(self, path: str, query: Mapping[str, object]) -> Seen:
        asked = tuple((name, str(value)) for name, value in query.items())
        return await self._ask(Request("GET", path, path, Budget.GENERAL, dict, asked))

    async def _post(self, path: str, budget: Budget, body: object, *, expects_500: bool = False) -> Seen:
        request = Request("POST", path, path, budget, dict, body=msgspec.json.encode(body))
        return await self._ask(request, expects_500=expects_500)

    async def _ask(self, request: Request[Any], *, expects_500: bool = False) -> Seen:
        seen = Seen(0)
        for attempt in range(_TRIES):
            if attempt:
                await self._clock.sleep(_PAUSE_S * attempt)
            seen = await self._once(request)
            if seen.status not in _TRIED_AGAIN or (expects_500 and seen.status == 500):
                break
        return seen

    async def _once(self, request: Request[Any]) -> Seen:
        if self.sent >= REQUESTS_MAX:
            raise Spent
        self.sent += 1
        began_ns = self._clock.now_ns()
        outcome = await self._exchange.once(request)
        if not isinstance(outcome, Answer):
            return Seen(outcome.status, text=outcome.text)
        self._ms.setdefault(request.template, []).append((self._clock.now_ns() - began_ns) // 10_000 / 100)
        headers = outcome.response.headers
        self.headers.setdefault(request.template, set()).update(headers)
        return Seen(outcome.response.status, outcome.content, headers)
