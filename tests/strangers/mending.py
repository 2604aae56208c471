"""Where real HubSpot breaks its own specification: mended on the way to a client that validates strictly.

The table is section 12 of the facts: property values and labels that are null, v4's numeric `toObjectId`, and
errors of a 207 without `links` or `errors`. Whatever else breaks the specification reaches the client.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx

NULL_VALUE, NUMBER_ID, NULL_LABEL, BARE_ERROR = (
    "a property value is null",
    "toObjectId is a number",
    "a label is null",
    "an error of a 207 lacks links or errors",
)


class Mending(httpx.BaseTransport):
    """Sends as httpx does; takes the known breaches out of JSON answers and counts each in `seen`."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._sending = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._sending.handle_request(request)
        content = answer.read()
        if answer.status_code in {200, 201, 207} and content:
            content = json.dumps(self._mended(json.loads(content), answer.status_code)).encode()
        gone = {"content-length", "content-encoding"}
        headers = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in gone]
        return httpx.Response(answer.status_code, headers=headers, content=content)

    def close(self) -> None:
        self._sending.close()

    def _mended(self, value: Any, status: int) -> Any:
        if isinstance(value, list):
            return [self._mended(item, status) for item in value]
        if not isinstance(value, dict):
            return value
        return {name: self._field(name, held, status) for name, held in self._kept(value).items()}

    def _kept(self, content: dict[str, Any]) -> dict[str, Any]:
        if "typeId" in content and content.get("label", "") is None:
            self.seen[NULL_LABEL] += 1
            return {name: held for name, held in content.items() if name != "label"}
        return content

    def _field(self, name: str, held: Any, status: int) -> Any:
        if name == "properties" and isinstance(held, dict):
            self.seen[NULL_VALUE] += sum(value is None for value in held.values())
            return {key: value for key, value in held.items() if value is not None}
        if name == "toObjectId" and isinstance(held, int):
            self.seen[NUMBER_ID] += 1
            return str(held)
        if name == "errors" and status == 207:
            self.seen[BARE_ERROR] += sum("links" not in error or "errors" not in error for error in held)
            return [{"links": {}, "errors": [], "context": {}} | error for error in held]
        return self._mended(held, status)
