"""What stands between a sandbox and hubdump and changes bytes, and what hubdump then brings home."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from hubdump import load
from hubdump.catalog import STANDARD
from hubdump.errors import Incomplete
from hubdump.events import Event, Noted, RetryScheduled
from hubdump.model import ObjectType, Request, Response, Secret
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets import TARGETS
from hubdump.targets.export import Wanted, wanted
from tests.worlds import Emulated, JumpingClock, extracted

Change = Callable[[Request[Any], Response], Response]
# Edits a record in place; what it returns stands in the place of the texts it put there.
Edit = Callable[[dict[str, Any]], dict[str, bytes]]


class Tampered:
    """A transport whose answers are changed on their way, and whose requests too where `before` is given."""

    def __init__(
        self,
        sandbox: InProcess,
        clock: JumpingClock,
        change: Change,
        before: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._inner, self._change, self._before = Emulated(sandbox, clock), change, before
        self.asked: list[Request[Any]] = []

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        self.asked.append(request)
        if self._before:
            change = self._before
            query = tuple((name, change(value.encode()).decode()) for name, value in request.query)
            request = replace(request, query=query, body=change(request.body) if request.body else None)
        return self._change(request, await self._inner.send(request, token))


@dataclass(frozen=True, slots=True)
class Home:
    """What came home of a portal."""

    folder: Path
    failed: dict[str, Incomplete]
    told: list[Event]

    @property
    def retries(self) -> int:
        return sum(isinstance(event, RetryScheduled) for event in self.told)

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.told if isinstance(event, Noted)]

    def load(self) -> None:
        """Fill the targets as a run does: in processes of their own, and read again."""
        store = Store(self.folder / "store.sqlite")
        try:
            load.fill(self.folder, self.types(), store, Wanted(("json", "duckdb")), self.told.append)
        finally:
            store.close()

    def export(self, *asked: str, labels: bool = False) -> None:
        """Load exports as `hubdump load` does: in processes of their own."""
        store = Store(self.folder / "store.sqlite")
        try:
            exports = wanted(list(asked), {}, self.folder, labels=labels).exports
            load.write_exports(self.folder, exports, self.types(), store, self.told.append)
        finally:
            store.close()

    def write(self, *targets: str) -> None:
        """Fill the targets by the same code in this process, and count what is there."""
        types = self.types()
        for target in [import_module(TARGETS[name].module) for name in targets]:
            target.write(self.folder, types)
            reader = Reader(self.folder / "store.sqlite")
            assert target.counts(self.folder, types) == {t.name: reader.count(t.name) for t in types}
            reader.close()

    def types(self) -> list[ObjectType]:
        reader = Reader(self.folder / "store.sqlite")
        names = [name for name in reader.types() if reader.bookmark(name).fresh_us is not None]
        reader.close()
        assert names
        return [STANDARD.by_name(name) for name in names]

    def elements(self, type_: str) -> dict[str, dict[str, Any]]:
        """The elements of a JSON file by id, numbers as the texts they are; a constant is no JSON."""
        path = self.folder / f"raw/engagements_{STANDARD.by_name(type_).singular}_partial.json"
        found = json.loads(path.read_text("utf-8"), parse_int=str, parse_float=str, parse_constant=_no_json)
        return {element["id"]: element for element in found}

    def rows(self, type_: str) -> dict[str, dict[str, Any]]:
        """The rows of a table of the DuckDB file by id."""
        import duckdb

        with duckdb.connect(self.folder / "hubdump.duckdb", read_only=True) as db:
            result = db.execute(f'SELECT * FROM "{type_}"')
            names = [column[0] for column in result.description]
            return {row[0]: dict(zip(names, row, strict=True)) for row in result.fetchall()}

    def active(self, type_: str) -> dict[str, dict[str, Any]]:
        """The rows of a table that are there at HubSpot, and not archived."""
        return {
            id_: row for id_, row in self.rows(type_).items() if not row["archived"] and not row["_deleted"]
        }


def home(
    folder: Path,
    sandbox: InProcess,
    change: Change,
    types: Sequence[str],
    before: Callable[[bytes], bytes] | None = None,
) -> Home:
    """Read types of a sandbox whose answers are changed on their way."""
    told: list[Event] = []
    failed = extracted(
        sandbox, folder, types, told.append, through=lambda clock: Tampered(sandbox, clock, change, before)
    )
    return Home(folder, failed, told)


def records(edit: Edit, type_: str = "") -> Change:
    """Edit every record of the answers, of one type where it is named."""

    def change(request: Request[Any], response: Response) -> Response:
        if "/objects/" not in request.path or response.status >= 300 or f"/{type_}" not in request.path:
            return response
        content = msgspec.json.decode(response.body)
        stands_for: dict[str, bytes] = {}
        for record in content["results"]:
            stands_for |= edit(record)
        body = json.dumps(content, ensure_ascii=False).encode()
        for mark, value in stands_for.items():
            body = body.replace(f'"{mark}"'.encode(), value)
        return replace(response, body=body)

    return change


def untouched(_: Request[Any], response: Response) -> Response:
    return response


def _no_json(constant: str) -> str:
    raise AssertionError(f"{constant} is no JSON")
