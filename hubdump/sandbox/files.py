"""The files of a portal: what is known of them, and where their bytes are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from hubdump.sandbox import file_bytes
from hubdump.sandbox.answers import Refused, Request, Response, ok, whole
from hubdump.sandbox.calls import Call, Query
from hubdump.sandbox.items import Body, Collection, Items, chance, since_ms
from hubdump.sandbox.moments import iso
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.pages import limit_of
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.properties import ATTACHED

FILES_MAX = 100
# Extension, type and encoding.
_KINDS = (
    ("png", "IMG", "png"),
    ("pdf", "DOCUMENT", "pdf"),
    ("mp3", "AUDIO", "mp3"),
    ("csv", "DOCUMENT", "csv"),
)
_ACCESS = ("PUBLIC_INDEXABLE", "PUBLIC_NOT_INDEXABLE", "PRIVATE", "PRIVATE")
HIDDEN_SCOPE = "files.ui_hidden.read"
# Seconds that a signed URL holds; an integration says both, HubSpot "a few hours".
EXPIRES_S, EXPIRES_S_MAX = 3600, 21_600
_TOLD = ("name", "extension", "type", "size", "height", "width")
_RESIZED = ("icon", "medium", "preview", "thumb")
_HOST = "https://files.example.com"


def _file(portal: Portal, _: str, index: int) -> Body:
    """A file; those of one import were made in the same millisecond. What is attached to records is hidden."""
    number = chance(portal, "files", "", index)
    extension, type_, encoding = _KINDS[index % len(_KINDS)]
    made = since_ms(chance(portal, "files", "at", index // 3 if index % 30 < 3 else 1_000_000 + index))
    name, folder = f"file-{index}", 170_000_000 + index % 5
    found: Body = {
        "id": str(180_000_000_000 + 29 * index + number % 29), "createdAt": iso(made),
        "updatedAt": iso(made + number % 10**9), "archived": False, "parentFolderId": str(folder), "name": name,
        "path": f"/folder {index % 5}/{name}.{extension}", "size": _size(number, index), "encoding": encoding,
        "type": type_, "extension": extension, "defaultHostingUrl": f"{_HOST}/hubfs/{portal.id}/{name}.{extension}",
        "url": f"{_HOST}/hubfs/{portal.id}/{name}.{extension}", "isUsableInContent": index % 4 == 0,
        "access": _ACCESS[index % len(_ACCESS)], "sourceGroup": "CONTENT",
    }  # fmt: skip
    attached = dict(enumerate(ATTACHED, portal.spec.items["files"])).get(index)
    if attached:
        found |= {"id": attached, "access": "HIDDEN_PRIVATE", "isUsableInContent": False}
    found |= {"height": 600, "width": 800} if type_ == "IMG" else {}
    return _true(portal, found, found)


def _size(number: int, index: int) -> int:
    """Bytes: 10 kB or so, a few of them hundreds, so that all of a portal's are a few MB."""
    return number % (400_000 if index % 25 == 12 else 20_000)


def _true(portal: Portal, body: Body, given: Body) -> Body:
    """A file whose `fileMd5` is that of its bytes, unless another one is given; Refused where its size is none."""
    if "fileMd5" in given or not given.keys() & {"id", "size"}:
        return body
    size = whole(body["size"], "size", file_bytes.BYTES_MAX)
    return body | {"size": size, "fileMd5": file_bytes.md5(portal, str(body["id"]), size)}


def hidden(body: Body) -> bool:
    """Whether searches do not show a file; whoever knows its id finds it."""
    return str(body["access"]).startswith("HIDDEN")


FILES = Collection(
    "files",
    lambda body: str(body["id"]),
    _file,
    lambda portal, _: portal.spec.items["files"] + len(ATTACHED),
    settled=_true,
)


@dataclass(frozen=True, slots=True)
class Files:
    """Answers for files."""

    objects: Objects
    items: Items

    def search(self, call: Call) -> Response:
        """Files within bounds, sorted, by offset, of which there is a most (the specification says so)."""
        limit, after = limit_of(call, 10, FILES_MAX), whole(call.query.one("after") or 0, "after")
        most = self.objects.beliefs.number("files-offset-max")
        if most and after + limit > most:
            raise Refused(400, f"The maximum offset of items for a given search is {most}")
        found = self._sorted(call.query, [one for one in self.shown() if _within(call.query, one)])
        more = {"paging": call.paging(after + limit)} if after + limit < len(found) else {}
        return ok({"results": found[after : after + limit], **more})

    def shown(self) -> Iterator[Body]:
        """The files that searches show."""
        return (body for body in self.items.there(FILES) if not hidden(body))

    def sums(self) -> dict[str, Body]:
        """Size, MD5 and access of every file that has bytes, hidden ones too, by id."""
        names = ("size", "fileMd5", "access")
        return {str(one["id"]): {name: one[name] for name in names} for one in self.items.there(FILES)}

    def signed_url(self, call: Call) -> Response:
        """A URL that leads to a file's bytes for a while; a hidden file is not there without its scope (404)."""
        body, held = self._there(call.parts["id"]), call.request.scopes
        if body is None or (hidden(body) and held is not None and HIDDEN_SCOPE not in held):
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        public = str(body["access"]).startswith("PUBLIC")
        if public and self.objects.beliefs["signed-url-for-public"] == "no":
            raise Refused(400, f"The file {body['id']} is not private")
        asked = call.query.one("expirationSeconds") or EXPIRES_S
        expires_ms = call.now_ms + 1000 * whole(asked, "expirationSeconds", EXPIRES_S_MAX)
        resized = _resized(call.query) if body["type"] == "IMG" else ""
        url = file_bytes.signed(self.objects.portal, call.base, str(body["id"]), expires_ms, resized)
        told = {name: body[name] for name in _TOLD if name in body}
        return ok(told | {"url": url, "expiresAt": iso(expires_ms)})

    def download(self, request: Request, wall_ms: int) -> Response:
        """What a signed URL leads to."""
        return file_bytes.download(self.objects.portal, request, wall_ms, self._there)

    def _there(self, id_: str) -> Body | None:
        item = self.items.of(FILES).get(id_)
        return None if item is None or item.gone else item.body

    def _sorted(self, query: Query, found: list[Body]) -> list[Body]:
        for field in reversed(query.many("sort") or ["id"]):
            name = field.removeprefix("-")
            if name not in SORTED:
                raise Refused(400, f"Invalid value for sort: '{field}'")
            found = sorted(found, key=SORTED[name], reverse=field.startswith("-"))
        return found


def _resized(query: Query) -> str:
    """The size that is asked for of a picture, '' for its own; there is nothing in it that `upscale` could stretch."""
    query.flag("upscale")
    size = query.one("size")
    if size and size not in _RESIZED:
        raise Refused(400, f"Invalid value for size: '{size}' is not one of {', '.join(_RESIZED)}")
    return size


def _ms(text: str, name: str) -> int:
    """An instant of a query, as HubSpot writes it or in milliseconds; Refused when it is none."""
    if text.isdecimal():
        return whole(text, name)
    try:
        when = datetime.fromisoformat(text)
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Refused(400, f"Invalid value for {name}: '{text[:60]}' is not a valid instant") from None


def _date(name: str) -> Callable[[Body], int]:
    return lambda body: _ms(str(body[name]), name)


SORTED: dict[str, Callable[[Body], int | str]] = {
    "id": lambda body: int(body["id"]),
    "createdAt": _date("createdAt"),
    "updatedAt": _date("updatedAt"),
    "name": lambda body: str(body["name"]),
    "size": lambda body: int(body["size"]),
}


def _within(query: Query, body: Body) -> bool:
    """Whether a file lies between the bounds of a query, which belong to it."""
    for name in ("id", "createdAt", "updatedAt"):
        read = whole if name == "id" else _ms
        value = read(str(body[name]), name)
        least, most = query.one(f"{name}Gte"), query.one(f"{name}Lte")
        if (least and value < read(least, f"{name}Gte")) or (most and value > read(most, f"{name}Lte")):
            return False
    return True
