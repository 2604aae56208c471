"""Writes of associations: of two records, and of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hubdump.sandbox.answers import Refused, Response, ok
from hubdump.sandbox.calls import Call, answered, id_text, inputs_of, no_content
from hubdump.sandbox.changes import Changes
from hubdump.sandbox.links import Labels, Type
from hubdump.sandbox.objects import Objects, locate
from hubdump.sandbox.pairs import Label
from hubdump.sandbox.records import Shelf

BATCH_MAX = 2000
Ends = tuple[Shelf, int, Shelf, int]


class Flawed(Exception):
    """One input of a batch that cannot be done; `error` is how the answer tells it."""

    def __init__(self, message: str, category: str = "VALIDATION_ERROR", **more: Any) -> None:
        super().__init__(message)
        self.error = {"status": "error", "category": category, **more, "message": message}


@dataclass(frozen=True, slots=True)
class AssociationWrites:
    """Answers that change associations."""

    objects: Objects
    changes: Changes

    def put(self, call: Call) -> Response:
        """Label the association of two records; the body is a list of types."""
        try:
            types = msgspec.json.decode(call.request.body)
        except (msgspec.DecodeError, RecursionError):
            raise Refused(400, "Invalid input JSON: the body cannot be read") from None
        if not isinstance(types, list) or not types:
            raise Refused(400, "Invalid input JSON: a list of types was expected")
        ends = self._of_path(call)
        labels = labels_asked(self._possible(ends), types)
        if not labels:
            raise Refused(400, "Invalid input: none of these types can associate the two records")
        self.changes.associate(ends, labels, call.now_ms)
        return ok(_created(ends, labels), 201)

    def put_default(self, call: Call) -> Response:
        """Associate two records without a label."""
        ends = self._of_path(call)
        plain = self._possible(ends)[0]
        self.changes.associate(ends, (plain,), call.now_ms)
        return ok(call.batch({"results": [_plain(ends, plain)]}))

    def delete(self, call: Call) -> Response:
        """All associations of two records; done as well where there is none."""
        self.changes.dissociate(self._of_path(call), None, call.now_ms)
        return no_content()

    def create(self, call: Call) -> Response:
        """Associations by labels (in v3 by the name of a type); each that cannot be has its error."""
        shelves = self._shelves(call)
        results, errors = [], []
        for one in inputs_of(call.body(), BATCH_MAX, key=""):
            try:
                ends = self._ends(shelves, one.get("from"), one.get("to"))
                labels = labels_asked(self._possible(ends), one.get("types"))
                if call.version == "v3" and not labels:
                    labels = (self._possible(ends)[0],)
                if not labels:
                    raise Flawed("None of these types can associate the two records")
            except Flawed as flaw:
                errors.append(flaw.error)
                continue
            self.changes.associate(ends, labels, call.now_ms)
            named = {
                "from": {"id": str(ends[1])},
                "to": {"id": str(ends[3])},
                "type": str(one.get("type", "")),
            }
            results.append(named if call.version == "v3" else _created(ends, labels))
        return answered(call, self.objects.beliefs, results, errors, 201)

    def create_default(self, call: Call) -> Response:
        """Associations without a label."""
        shelves = self._shelves(call)
        results, errors = [], []
        for one in inputs_of(call.body(), BATCH_MAX, key=""):
            try:
                ends = self._ends(shelves, one.get("from"), one.get("to"))
            except Flawed as flaw:
                errors.append(flaw.error)
                continue
            plain = self._possible(ends)[0]
            self.changes.associate(ends, (plain,), call.now_ms)
            results.append(_plain(ends, plain))
        return answered(call, self.objects.beliefs, results, errors, 200)

    def archive(self, call: Call) -> Response:
        """Whole associations, of each input's record with one or several."""
        shelves = self._shelves(call)
        for one in inputs_of(call.body(), BATCH_MAX, key=""):
            targets = one.get("to")
            for to in targets if isinstance(targets, list) else [targets]:
                self._dissociate(call, shelves, one.get("from"), to, None)
        return no_content()

    def archive_labels(self, call: Call) -> Response:
        """Some labels of associations."""
        shelves = self._shelves(call)
        for one in inputs_of(call.body(), BATCH_MAX, key=""):
            types = one.get("types")
            asked = types if isinstance(types, list) else []
            named = frozenset((_category(t), t["associationTypeId"]) for t in asked if _is_type(t))
            self._dissociate(call, shelves, one.get("from"), one.get("to"), named)
        return no_content()

    def _dissociate(
        self,
        call: Call,
        shelves: tuple[Shelf, Shelf],
        from_: object,
        to: object,
        types: frozenset[Type] | None,
    ) -> None:
        try:
            ends = self._ends(shelves, from_, to)
        except Flawed:
            return  # what is not there is not associated either
        self.changes.dissociate(ends, types, call.now_ms)

    def _shelves(self, call: Call) -> tuple[Shelf, Shelf]:
        return self.objects.shelf(call.parts["type"]), self.objects.shelf(call.parts["to"])

    def _of_path(self, call: Call) -> Ends:
        from_, to = self._shelves(call)
        id_, other = locate(from_, call.parts["id"]), locate(to, call.parts["to_id"])
        if id_ is None or other is None or not from_.is_live(id_) or not to.is_live(other):
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        ends = from_, id_, to, other
        if ends[:2] == ends[2:]:
            raise Refused(400, f"Object {id_} cannot be associated to itself ({id_})")
        if not self._possible(ends):
            raise Refused(400, f"{from_.kind.singular} and {to.kind.singular} cannot be associated")
        return ends

    def _ends(self, shelves: tuple[Shelf, Shelf], from_: object, to: object) -> Ends:
        """The two records of an input; Flawed as recorded."""
        found = []
        for shelf, one in zip(shelves, (from_, to), strict=True):
            text = id_text(one.get("id")) if isinstance(one, dict) else ""
            if not text.isascii() or not text.isdecimal():
                more: dict[str, Any] = {
                    "subCategory": "crm.associations.INVALID_IDENTIFIER",
                    "context": {"id": [text]},
                }
                raise Flawed(f"{text} is not a valid ID", **more)
            id_ = locate(shelf, text)
            if id_ is None or not shelf.is_live(id_):
                raise Flawed(f"Object {text} does not exist", "OBJECT_NOT_FOUND", context={"id": [text]})
            found.append(id_)
        ends = shelves[0], found[0], shelves[1], found[1]
        if ends[:2] == ends[2:]:
            raise Flawed(f"Object {found[0]} cannot be associated to itself ({found[0]})")
        if not self._possible(ends):
            raise Flawed("These types cannot be associated")
        return ends

    def _possible(self, ends: Ends) -> list[Label]:
        return self.changes.labels_of(ends[0], ends[2])


def labels_asked(possible: Sequence[Label], types: object) -> Labels:
    """The labels that a body's types name; none where one of them cannot be."""
    if not isinstance(types, list) or not types or not all(_is_type(one) for one in types):
        return ()
    by_id = {(label[0], label[1]): label for label in possible}
    found = [by_id.get((_category(one), one["associationTypeId"])) for one in types]
    return tuple(label for label in found if label is not None) if None not in found else ()


def _is_type(one: object) -> bool:
    return isinstance(one, dict) and isinstance(one.get("associationTypeId"), int)


def _category(one: dict[str, Any]) -> str:
    return str(one.get("associationCategory"))


def _created(ends: Ends, labels: Labels) -> dict[str, Any]:
    return {
        "fromObjectTypeId": ends[0].kind.type_id, "fromObjectId": ends[1], "toObjectTypeId": ends[2].kind.type_id,
        "toObjectId": ends[3], "labels": [text for _, _, text in labels if text],
    }  # fmt: skip


def _plain(ends: Ends, label: Label) -> dict[str, Any]:
    spec = {"associationCategory": label[0], "associationTypeId": label[1]}
    return {"from": {"id": str(ends[1])}, "to": {"id": str(ends[3])}, "associationSpec": spec}
