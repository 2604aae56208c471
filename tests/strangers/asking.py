"""Plain HTTP with a sandbox, and what the cases need to prepare in it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.conftest import TOKEN, Served
from tests.strangers import truths

Content = dict[str, Any]
Prepared = Callable[["Asking"], Content]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `content` is parsed where it was JSON, None where there was no body, else text."""

    status: int
    headers: dict[str, str]
    content: Any


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks one sandbox."""

    served: Served

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send one request; every status is an answer."""
        asked = urllib.request.Request(
            self.served.url + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(asked) as answer:
                return _read(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return _read(error.code, dict(error.headers), error.read())

    def must(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request that has to succeed; gives its content."""
        answer = self.ask(method, path, body)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {answer.content}"
        return answer.content

    def created(self, type_: str, properties: dict[str, str]) -> str:
        """Create a record; gives its id."""
        made = self.must("POST", f"/crm/v3/objects/{type_}", {"properties": properties, "associations": []})
        return str(made["id"])

    def ids(self, type_: str) -> list[str]:
        """At most a hundred ids of live records."""
        return truths.live(self.served, type_)[:100]

    def linked(self, from_: str, to: str) -> list[str]:
        """At most a hundred ids of records that have associations to another type."""
        return list(truths.links(self.served, from_, to))[:100]


def _read(status: int, headers: dict[str, str], body: bytes) -> Answer:
    is_json = headers.get("Content-Type", "").startswith("application/json")
    text = body.decode()
    return Answer(status, headers, (json.loads(text) if is_json else text) if text else None)
