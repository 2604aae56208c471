"""The files of a portal: what is known of them, not what is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from hubdump.sandbox.answers import Refused, Response, ok, whole
from hubdump.sandbox.calls import Call, Query
from hubdump.sandbox.items import Body, Collection, Items, chance, since_ms
from hubdump.sandbox.moments import iso
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.pages import limit_of
from hubdump.sandbox.portal import Portal

FILES_MAX = 100
# Extension, type and encoding.
_KINDS = (
    ("png", "IMG", "png"),
    ("pdf", "DOCUMENT", "pdf"),
    ("mp3", "AUDIO", "mp3"),
    ("csv", "DOCUMENT", "csv"),
)
_ACCESS = ("PUBLIC_INDEXABLE", "PUBLIC_NOT_INDEXABLE", "PRIVATE", "HIDDEN_PRIVATE")
_HOST = "https://files.example.com"


def _file(portal: Portal, _: str, index: int) -> Body:
    """A file; those of one import were made in the same millisecond."""
    number = chance(portal, "files", "", index)
    extension, type_, encoding = _KINDS[index % len(_KINDS)]
    made = since_ms(chance(portal, "files", "at", index // 3 if index % 30 < 3 else 1_000_000 + index))
    name, folder = f"file-{index}", 170_000_000 + index % 5
    found: Body = {
        "id": str(180_000_000_000 + 29 * index + number % 29), "createdAt": iso(made),
        "updatedAt": iso(made + number % 10**9), "archived": False, "parentFolderId": str(folder), "name": name,
        "path": f"/folder {index % 5}/{name}.{extension}", "size": number % 5_000_000, "encoding": encoding,
        "type": type_, "extension": extension, "defaultHostingUrl": f"{_HOST}/hubfs/{portal.id}/{name}.{extension}",
        "url": f"{_HOST}/hubfs/{portal.id}/{name}.{extension}", "isUsableInContent": index % 4 == 0,
        "access": _ACCESS[index % len(_ACCESS)], "fileMd5": f"{number:032x}", "sourceGroup": "CONTENT",
    }  # fmt: skip
    return found | ({"height": 600, "width": 800} if type_ == "IMG" else {})


FILES = Collection("files", lambda body: str(body["id"]), _file, lambda portal, _: portal.spec.items["files"])


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
        found = self._sorted(
            call.query, [body for body in self.items.there(FILES) if _within(call.query, body)]
        )
        more = {"paging": call.paging(after + limit)} if after + limit < len(found) else {}
        return ok({"results": found[after : after + limit], **more})

    def _sorted(self, query: Query, found: list[Body]) -> list[Body]:
        for field in reversed(query.many("sort") or ["id"]):
            name = field.removeprefix("-")
            if name not in SORTED:
                raise Refused(400, f"Invalid value for sort: '{field}'")
            found = sorted(found, key=SORTED[name], reverse=field.startswith("-"))
        return found


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
