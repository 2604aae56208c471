"""Writes of many records: batch create, update, archive and upsert."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from hubdump.sandbox.answers import Refused, Response
from hubdump.sandbox.calls import BATCH_MAX, Call, answered, id_text, inputs_of, missing_objects, no_content
from hubdump.sandbox.changes import Changes
from hubdump.sandbox.objects import Objects, locate
from hubdump.sandbox.validity import checked, values_of
from hubdump.sandbox.writes import conflict, linked, raw, shown


@dataclass(frozen=True, slots=True)
class Batches:
    """Answers that change up to 100 records."""

    objects: Objects
    changes: Changes

    def create(self, call: Call) -> Response:
        """New records; taken ones have their errors where all inputs have a trace id, else none is made (recorded)."""
        shelf = self.objects.shelf(call.parts["type"])
        inputs = inputs_of(call.body(), BATCH_MAX, key="")
        values = [values_of(one, required=False) for one in inputs]
        checked(shelf, values)
        links = [linked(self.objects, self.changes, shelf, one) for one in inputs]
        traced = all(isinstance(one.get("objectWriteTraceId"), str) for one in inputs)
        if not traced and any(conflict(shelf, own) for own in values):
            raise Refused(409, f"{shelf.kind.singular.capitalize()} already exists", "CONFLICT")
        results: list[Any] = []
        errors: list[dict[str, Any]] = []
        for one, own, tied in zip(inputs, values, links, strict=True):
            clash = conflict(shelf, own)
            if clash:
                errors.append(_taken(clash, one))
                continue
            id_ = self.changes.create(shelf, own, call.now_ms)
            for to, other, labels in tied:
                self.changes.associate((shelf, id_, to, other), labels, call.now_ms)
            results.append(self.objects.written(shelf, id_, shown(shelf, id_, own)))
        return answered(call, self.objects.beliefs, results, errors, 201)

    def update(self, call: Call) -> Response:
        """New values by id; a merged-away id is not found here, as it is singly (community thread)."""
        shelf = self.objects.shelf(call.parts["type"])
        inputs = inputs_of(call.body(), BATCH_MAX)
        _once(inputs)
        values = [values_of(one) for one in inputs]
        checked(shelf, values)
        results, missing = [], []
        for one, own in zip(inputs, values, strict=True):
            text = id_text(one["id"])
            id_ = locate(shelf, text, str(one.get("idProperty") or ""))
            if id_ is None or not shelf.is_live(id_) or (text.isdecimal() and int(text) in shelf.merged):
                missing.append(text)
                continue
            clash = conflict(shelf, own, id_)
            if clash:
                raise clash
            self.changes.update(shelf, id_, own, call.now_ms)
            results.append(self.objects.written(shelf, id_, shown(shelf, id_, own)))
        errors = [missing_objects(shelf.kind.singular, missing)] if missing else []
        return answered(call, self.objects.beliefs, results, errors, 200)

    def archive(self, call: Call) -> Response:
        """Whatever is there is archived; ids that are not are passed over."""
        shelf = self.objects.shelf(call.parts["type"])
        for one in inputs_of(call.body(), BATCH_MAX):
            id_ = locate(shelf, id_text(one["id"]))
            if id_ is not None and shelf.is_live(id_):
                self.changes.archive(shelf, id_, call.now_ms)
        return no_content()

    def upsert(self, call: Call) -> Response:
        """Update what has the unique value of an input, create what has not; `new` says which."""
        shelf = self.objects.shelf(call.parts["type"])
        inputs = inputs_of(call.body(), BATCH_MAX)
        _once(inputs)
        values = []
        for one in inputs:
            key, sent = str(one.get("idProperty") or ""), id_text(one["id"])
            id_value = sent.lower() if key == "email" else sent
            values.append(values_of(one) | ({key: id_value} if key not in {"", "hs_object_id"} else {}))
        checked(shelf, values)
        results = []
        for one, own in zip(inputs, values, strict=True):
            id_ = locate(shelf, id_text(one["id"]), str(one.get("idProperty") or ""))
            new = id_ is None or not shelf.is_live(id_)
            if id_ is None or new:
                id_ = self.changes.create(shelf, own, call.now_ms)
            else:
                self.changes.update(shelf, id_, own, call.now_ms)
            results.append(raw(self.objects.written(shelf, id_, shown(shelf, id_, own)), new=new))
        return answered(call, self.objects.beliefs, results, [], 200)


def _once(inputs: list[dict[str, Any]]) -> None:
    """Refuse a batch that has an id twice (recorded)."""
    counted = Counter(id_text(one["id"]) for one in inputs)
    twice = [id_ for id_, count in counted.items() if count > 1]
    if twice:
        text = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise Refused(400, text, context={"ids": twice})


def _taken(clash: Refused, one: dict[str, Any]) -> dict[str, Any]:
    context = {"existingId": [str(clash).rsplit(" ", 1)[1]]}
    if isinstance(one.get("objectWriteTraceId"), str):
        context = {"objectWriteTraceId": [one["objectWriteTraceId"]]} | context
    return {"status": "error", "category": "CONFLICT", "message": str(clash), "context": context}
