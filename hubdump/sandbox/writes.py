"""Writes of one record: create, update, archive, merge, erase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from hubdump.sandbox.answers import Refused, Response, ok
from hubdump.sandbox.association_writes import labels_asked
from hubdump.sandbox.calls import Call, id_text, no_content
from hubdump.sandbox.changes import Changes
from hubdump.sandbox.objects import Objects, locate
from hubdump.sandbox.records import Shelf
from hubdump.sandbox.validity import checked, values_of

MERGES_MAX = 250


@dataclass(frozen=True, slots=True)
class Writes:
    """Answers that change one record."""

    objects: Objects
    changes: Changes

    def create(self, call: Call) -> Response:
        """A new record, with associations where asked; 409 where another has its unique value."""
        shelf, body = self.objects.shelf(call.parts["type"]), call.body()
        values = values_of(body, required=False)
        checked(shelf, [values])
        clash = conflict(shelf, values)
        if clash:
            raise clash
        links = linked(self.objects, self.changes, shelf, body)
        id_ = self.changes.create(shelf, values, call.now_ms)
        for to, other, labels in links:
            self.changes.associate((shelf, id_, to, other), labels, call.now_ms)
        return ok(self.objects.written(shelf, id_, shown(shelf, id_, values)), 201)

    def update(self, call: Call) -> Response:
        """New values of a record, found by id (a merged one's too) or by a unique property."""
        shelf = self.objects.shelf(call.parts["type"])
        values = values_of(call.body())
        id_ = self._live(shelf, call.parts["id"], call.query.one("idProperty"))
        checked(shelf, [values])
        clash = conflict(shelf, values, id_)
        if clash:
            raise clash
        self.changes.update(shelf, id_, values, call.now_ms)
        return ok(self.objects.written(shelf, id_, shown(shelf, id_, values)))

    def archive(self, call: Call) -> Response:
        """Done as well where it was archived before."""
        shelf = self.objects.shelf(call.parts["type"])
        id_ = locate(shelf, call.parts["id"])
        if id_ is None:
            raise _nowhere()
        if shelf.is_live(id_):
            self.changes.archive(shelf, id_, call.now_ms)
        return no_content()

    def merge(self, call: Call) -> Response:
        """One record of two of a type."""
        shelf, body = self.objects.shelf(call.parts["type"]), call.body()
        ids = [id_text(body.get(name)) for name in ("primaryObjectId", "objectIdToMerge")]
        primary, other = (self._live(shelf, id_, "") for id_ in ids)
        if primary == other:
            raise Refused(400, f"Cannot merge object {primary} with itself")
        both = (shelf.value(id_, "hs_merged_object_ids") or "" for id_ in (primary, other))
        if sum(ids.count(";") + 1 for ids in both if ids) >= MERGES_MAX:
            raise Refused(414, f"A record can be merged at most {MERGES_MAX} times")
        survivor = self.changes.merge(shelf, primary, other, call.now_ms)
        return ok(self.objects.written(shelf, survivor, [*shelf.kind.defaults, "hs_merged_object_ids"]))

    def erase(self, call: Call) -> Response:
        """A GDPR deletion, of a live or an archived contact."""
        shelf, body = self.objects.shelf(call.parts["type"]), call.body()
        id_ = locate(shelf, id_text(body.get("objectId")), str(body.get("idProperty") or ""))
        if id_ is None:
            raise _nowhere()
        self.changes.erase(shelf, id_, call.now_ms)
        return no_content()

    def _live(self, shelf: Shelf, id_: str, property_: str) -> int:
        found = locate(shelf, id_, property_)
        if found is None or not shelf.is_live(found):
            raise _nowhere()
        return found


def conflict(shelf: Shelf, values: dict[str, str | None], id_: int | None = None) -> Refused | None:
    """The refusal of a unique value that another record has (recorded for contacts' e-mail)."""
    for name, value in values.items():
        holder = None if value is None or not shelf.definitions[name].unique else shelf.holder(name, value)
        if holder is not None and holder != id_ and shelf.is_live(holder):
            text = (
                f"{shelf.kind.singular.replace('_', ' ').capitalize()} already exists. Existing ID: {holder}"
            )
            return Refused(409, text, "CONFLICT")
    return None


def linked(
    objects: Objects, changes: Changes, shelf: Shelf, body: dict[str, Any]
) -> list[tuple[Shelf, int, tuple[Any, ...]]]:
    """The associations that a new record is to have: with which, and by which labels; Refused where it cannot."""
    asked = body.get("associations") or []
    if not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
        raise Refused(400, "Invalid input JSON: associations must be a list of objects")
    found = []
    for one in asked:
        to = one.get("to")
        id_ = id_text(to.get("id") if isinstance(to, dict) else None)
        for other in objects.portal.shelves.values():
            labels = labels_asked(changes.labels_of(shelf, other), one.get("types"))
            target = locate(other, id_) if labels else None
            if labels and target is not None:
                found.append((other, target, labels))
                break
        else:
            raise Refused(400, f"Object {id_} cannot be associated by these types, or does not exist")
    return found


def shown(shelf: Shelf, id_: int, values: dict[str, str | None]) -> list[str]:
    """The properties that the answer to a write shows: only such as have a value (recorded)."""
    names = dict.fromkeys((*shelf.kind.defaults, *values, "hs_object_source"))
    return [name for name in names if shelf.value(id_, name) is not None]


def _nowhere() -> Refused:
    return Refused(404, "resource not found", "OBJECT_NOT_FOUND")


def raw(content: msgspec.Raw, **more: Any) -> msgspec.Raw:
    """A record with something added to it."""
    return msgspec.Raw(bytes(content)[:-1] + b"," + msgspec.json.encode(more)[1:])
