"""Writes the shape of each exchange with HubSpot to a file, every shape once; no value, no id, no token."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from hubdump.errors import UsageError
from hubdump.hubspot.body import decoded
from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Request, Response, Secret
from hubdump.record import shapes
from hubdump.store.database import disk_errors

NAME = "exchanges.jsonl"


class Exchanged(Struct, frozen=True):
    """One kind of exchange: what was asked and what came, as shapes; `form` says what a body was."""

    method: str
    path: str
    query: list[str]
    asked: shapes.Shape
    status: int
    headers: list[str]
    form: str
    answer: shapes.Shape


class _Transport(Protocol):
    async def send(self, request: Request[Any], token: Secret | None) -> Response: ...


class Recorder:
    """A transport that records what passes through another one; DiskFailure when it cannot write."""

    def __init__(self, inner: _Transport, folder: Path) -> None:
        self._inner, self._path = inner, folder / NAME
        with disk_errors(self._path):
            folder.mkdir(parents=True, exist_ok=True)
            self._known = set(self._path.read_bytes().splitlines()) if self._path.exists() else set()

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        """Send, and keep the shape of what came if it is new."""
        response = await self._inner.send(request, token)
        line = msgspec.json.encode(_exchanged(request, response))
        if line not in self._known:
            self._known.add(line)
            with disk_errors(self._path), self._path.open("ab") as file:
                file.write(line + b"\n")
        return response


def read(folder: Path) -> list[Exchanged]:
    """What was recorded; UsageError when there is nothing, or something else."""
    path = folder / NAME
    try:
        return [msgspec.json.decode(line, type=Exchanged) for line in path.read_bytes().splitlines()]
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(
            f"{path} is no recording: {error}", f"Make one: hubdump run --record {folder}"
        ) from error


def _exchanged(request: Request[Any], response: Response) -> Exchanged:
    form, answer = _answer(response)
    return Exchanged(
        request.method,
        shapes.template(request.path),
        sorted(name for name, _ in request.query),
        _asked(request),
        response.status,
        sorted(response.headers),
        form,
        answer,
    )


def _asked(request: Request[Any]) -> shapes.Shape:
    if not request.body:
        return {}
    if request.form:
        return shapes.of(dict.fromkeys(dict(parse_qsl(request.body.decode())), "secret"))
    return shapes.of(msgspec.json.decode(request.body))


def _answer(response: Response) -> tuple[str, shapes.Shape]:
    try:
        text = decoded(response)
        return ("json", shapes.of(msgspec.json.decode(text))) if text else ("empty", {})
    except NoAnswer:
        return "damaged", {}
    except (msgspec.DecodeError, RecursionError):
        return ("html" if b"<" in response.body[:200] else "text"), {}
