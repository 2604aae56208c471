"""Where HubSpot keeps files: signed URLs and bytes, which the sandbox does not have; before one that has the rest.

Made after what HubSpot documents of `GET /files/{version}/files/{id}/signed-url`, for tests of `hubdump run --files`.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import Served

_SIGNED = re.compile(r"/files/[^/]+/files/([^/]+)/signed-url\Z")


def content_of(id_: str, version: int = 0) -> bytes:
    """What is in a file: up to 600 kB, the same for the same id and version."""
    chance = random.Random(f"{id_} {version}")
    return chance.randbytes(chance.randrange(1, 600_000))


@dataclass(slots=True)
class FileHost:
    """`files` are the bytes by id, `trouble` what happens to one instead, `asked` counts requests for bytes by id, and
    `signed` those for URLs; `tokens` are what bytes were asked for with.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    signed: Counter[str] = field(default_factory=Counter)
    tokens: list[str] = field(default_factory=list)

    def sign(self, id_: str) -> tuple[int, dict[str, Any]]:
        """The answer to who asks for a URL."""
        self.signed[id_] += 1
        if id_ not in self.files:
            return 404, {"status": "error", "message": "No file exists", "category": "OBJECT_NOT_FOUND"}
        where = self.trouble[id_] if self.trouble.get(id_, "").startswith("http") else self.url
        size = len(self.files[id_])
        return 200, {
            "expiresAt": "2030-01-01T00:00:00Z", "extension": "x", "name": "../../x", "type": "OTHER", "size": size,
            "url": f"{where}/bytes/{id_}?signature=s3cret",
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    host: FileHost
    served: Served
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self._pass_on()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if found := _SIGNED.match(path):
            status, content = self.host.sign(found[1])
            self._answer(status, json.dumps(content).encode())
        elif path.startswith("/bytes/"):
            self._bytes(path.removeprefix("/bytes/"))
        else:
            self._pass_on()

    def _bytes(self, id_: str) -> None:
        self.host.asked[id_] += 1
        self.host.tokens.append(self.headers.get("Authorization", ""))
        trouble, body = self.host.trouble.get(id_, ""), self.host.files[id_]
        if trouble.isdecimal():
            self._answer(int(trouble), b"no")
        elif trouble == "cut":
            self._answer(200, body[: len(body) // 2], length=len(body))
            self.close_connection = True
        elif trouble == "other":
            self._answer(200, body[::-1])
        elif trouble == "longer":
            self._answer(200, body + b"more")
        elif trouble == "short":
            self._answer(200, body[:-1], more={"Content-Length": "", "Connection": "close"})
        elif trouble.startswith("to "):
            self._answer(302, b"", more={"Location": trouble.removeprefix("to ")})
        else:
            self._answer(200, body)

    def _answer(
        self, status: int, body: bytes, length: int | None = None, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length or len(body)), **(more or {})}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _pass_on(self) -> None:
        there = http.client.HTTPConnection(urlsplit(self.served.url).netloc)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        there.request(self.command, self.path, body, dict(self.headers))
        answer = there.getresponse()
        said = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "content-length", "connection", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
        there.close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that hangs up: that is what it does to an answer it does not want."""


@contextmanager
def before(served: Served | None) -> Iterator[FileHost]:
    """A host of files, and at the same address all that a sandbox answers, if there is one."""
    host = FileHost()
    handler = type("Handler", (_Handler,), {"host": host, "served": served})
    server = _Server(("127.0.0.1", 0), handler)
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def filled(served: Served, host: FileHost, *attachments: str) -> list[str]:
    """Let every file of the sandbox have bytes, and metadata that are true; the ids. Attachments have no metadata."""
    ids = sorted(served.ask("truth?types=calls&items=files")["items"]["files"][""])
    for id_ in ids:
        change(served, host, id_)
    host.files |= {id_: content_of(id_) for id_ in attachments}
    return ids


def change(served: Served, host: FileHost, id_: str, version: int = 0) -> None:
    """Another content of a file."""
    body = host.files[id_] = content_of(id_, version)
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    told = {"do": "change", "collection": "files", "key": id_, "body": {"size": len(body), "fileMd5": md5}}
    served.tell("items", {"edits": [told]})
