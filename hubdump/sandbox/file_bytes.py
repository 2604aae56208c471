"""What is in the files of a portal: bytes that follow from the seed, and the signed URLs that lead to them.

HubSpot's lead to another host, past its budgets; these to a path of the sandbox's own, which asks for no token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from urllib.parse import urlencode

from hubdump.sandbox.answers import HTML, Request, Response
from hubdump.sandbox.items import Body
from hubdump.sandbox.portal import Portal

PATH = "/signed-files/"
TEMPLATE = "/signed-files/{id}"
BYTES_MAX = 64 * 1024 * 1024
_MEDIA = {"png": "image/png", "pdf": "application/pdf", "mp3": "audio/mpeg", "csv": "text/csv; charset=utf-8"}


def content(portal: Portal, id_: str, size: int, resized: str = "") -> bytes:
    """The bytes of a file, whose size makes them other ones; `resized` names a copy of a picture."""
    return hashlib.shake_256(f"{portal.seed}:{id_}:{size}:{resized}".encode()).digest(size)


def md5(portal: Portal, id_: str, size: int) -> str:
    """What HubSpot says as `fileMd5`."""
    return hashlib.md5(content(portal, id_, size), usedforsecurity=False).hexdigest()


def signed(portal: Portal, base: str, id_: str, expires_ms: int, resized: str) -> str:
    """A URL that leads to a file until it expires, for whoever has it."""
    said = {"expires": str(expires_ms), "size": resized}
    return f"{base}{PATH}{id_}?{urlencode(said | {'signature': _signature(portal, id_, said)})}"


def download(portal: Portal, request: Request, wall_ms: int, there: Callable[[str], Body | None]) -> Response:
    """What a signed URL leads to: the file's bytes, or 403 where it has expired or was never given."""
    if request.method != "GET":
        return _refused(405, "Method Not Allowed")
    id_ = request.path.removeprefix(PATH)
    given = dict(request.query)
    said = {"expires": given.get("expires", ""), "size": given.get("size", "")}
    if given.get("signature") != _signature(portal, id_, said) or int(said["expires"]) <= wall_ms:
        return _refused(403, "Forbidden")
    body = there(id_)
    if body is None:
        return _refused(404, "Not Found")
    size, resized = int(body["size"]), said["size"]
    found = content(portal, id_, size // 4 if resized else size, resized)
    return Response(
        200, found, {"Content-Type": _MEDIA.get(str(body["extension"]), "application/octet-stream")}
    )


def _signature(portal: Portal, id_: str, said: dict[str, str]) -> str:
    text = f"{portal.seed}:{id_}:{said['expires']}:{said['size']}"
    return hashlib.blake2b(text.encode(), key=b"file", digest_size=16).hexdigest()


def _refused(status: int, text: str) -> Response:
    """What a host of files says is not HubSpot's envelope; the words are made up."""
    return Response(status, f"<html><body>{text}</body></html>".encode(), {"Content-Type": HTML})
