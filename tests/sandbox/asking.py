"""One portal in process, asked in a word: what the tests of its answers stand on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Unpack

from hubdump.sandbox import InProcess
from hubdump.sandbox.embedding import Options

OBJECTS = "/crm/v3/objects"


class Asking:
    """A quiet portal and its client; every request comes a second after the one before."""

    def __init__(self, portal: str = "small", **options: Unpack[Options]) -> None:
        self.client = InProcess(portal, **options)

    def ask(self, method: str, path: str, status: int = 200, json: object = None) -> Any:
        """What is answered, which must be of this status."""
        return self._ask(method, path, status, json, {})

    def _ask(self, method: str, path: str, status: int, json: object, params: dict[str, str]) -> Any:
        self.client.advance(1)
        answer = self.client.request(method, path, json=json, params=params)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.body[:500]!r}"
        return answer.json() if answer.body else None

    def get(self, path: str, status: int = 200, /, **params: str) -> Any:
        return self._ask("GET", path, status, None, params)

    def post(self, path: str, json: object, status: int = 200) -> Any:
        return self.ask("POST", path, status, json)

    def pages(self, path: str, **params: str) -> Iterator[list[dict[str, Any]]]:
        """Every page of a list, by its cursors."""
        while True:
            page = self.get(path, **params)
            yield page["results"]
            if "paging" not in page:
                return
            params["after"] = page["paging"]["next"]["after"]

    def ids(self, type_: str, **params: str) -> list[str]:
        """Every id of a type, as lists give them."""
        return [r["id"] for page in self.pages(f"{OBJECTS}/{type_}", limit="50", **params) for r in page]

    def search(self, type_: str, *filters: tuple[str, str, Any], status: int = 200, **more: Any) -> Any:
        """A search by filters (property, operator, value; a list of values, a pair for BETWEEN)."""
        body = {"filters": [_filter(*one) for one in filters]} | more
        return self.post(f"{OBJECTS}/{type_}/search", body, status)

    def truth(self, *types: str) -> dict[str, Any]:
        """The truth of these types, or of all."""
        found: dict[str, Any] = self.get("/_sandbox/truth", types=",".join(types))
        return found

    def create(self, type_: str, **properties: str) -> str:
        """A new record's id."""
        id_: str = self.post(f"{OBJECTS}/{type_}", {"properties": properties}, 201)["id"]
        return id_


def _filter(name: str, operator: str, value: Any) -> dict[str, Any]:
    one: dict[str, Any] = {"propertyName": name, "operator": operator}
    if isinstance(value, tuple):
        return one | {"value": value[0], "highValue": value[1]}
    return one | ({"values": value} if isinstance(value, list) else {} if value is None else {"value": value})
