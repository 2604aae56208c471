"""Associations: batch read, one record's, and the labels of a pair."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from hubdump.sandbox.answers import Refused, Response, ok, whole
from hubdump.sandbox.calls import Call, answered, id_text, inputs_of
from hubdump.sandbox.links import Labels
from hubdump.sandbox.objects import Objects, locate
from hubdump.sandbox.pairs import Label
from hubdump.sandbox.types import Kind

V3_PAGE = 100
ONE_MAX = 500


@dataclass(frozen=True, slots=True)
class Associations:
    """Answers for the associations of a portal."""

    objects: Objects

    def batch(self, call: Call) -> Response:
        """The associations of up to 1,000 records; those without any are named among the errors."""
        beliefs = self.objects.beliefs
        inputs = inputs_of(
            call.body(), beliefs.number("association-inputs"), of="a batch request for this object type"
        )
        pair = self.pair(call)
        afters = {id_text(one["id"]): str(one.get("after") or "") for one in inputs}
        if call.version == "v3" and beliefs["v3-associations-after"] == "ignored":
            afters = dict.fromkeys(afters, "")
        results, errors = [], []
        for id_, after in afters.items():
            found = self._of(call, pair, id_, after)
            if found is None:
                errors.append(_none(pair, id_))
            else:
                results.append(found)
        if beliefs["association-order"] == "shuffled":
            results.sort(key=lambda result: zlib.crc32(result["from"]["id"].encode()))
        return answered(call, beliefs, results, errors, 200)

    def one(self, call: Call) -> Response:
        """One record's associations, 500 a page."""
        limit = max(1, whole(call.query.one("limit", str(ONE_MAX)), "limit", ONE_MAX))
        pair = self.pair(call)
        id_ = locate(self.objects.portal.shelves[pair[0].name], call.parts["id"])
        if id_ is None:
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        after = whole(call.query.one("after") or "0", "after")
        tied = self.objects.portal.links.of(pair[0].name, id_, pair[1].name)
        ahead = [other for other in tied if other >= after]
        page = [one for other in ahead[:limit] for one in self._written(call, pair, other, tied[other])]
        more = {"paging": call.paging(ahead[limit])} if len(ahead) > limit else {}
        return ok({"results": page, **more})

    def labels(self, call: Call) -> Response:
        """The labels that associations of a pair may have."""
        found = [_typed(label) for label in self._labels(call)]
        return ok({"results": found})

    def types(self, call: Call) -> Response:
        """The same as v3 names them: ids, and names such as call_to_contact."""
        from_, to = self.pair(call)
        found = []
        for _, id_, text in self._labels(call):
            tail = "_unlabeled" if text is None else "" if text == "Primary" else f"_{id_}"
            found.append({"id": str(id_), "name": f"{from_.singular}_to_{to.singular}{tail}"})
        return ok({"results": found})

    def pair(self, call: Call) -> tuple[Kind, Kind]:
        """The two types of a path."""
        from_ = self.objects.shelf(call.parts["type"]).kind
        to = self.objects.shelf(call.parts["to"]).kind
        return from_, to

    def _labels(self, call: Call) -> list[Label]:
        from_, to = self.pair(call)
        side = self.objects.portal.sides.get((from_.name, to.name))
        if side is None:
            return []
        pair, forward = side
        beliefs = self.objects.beliefs
        hidden = pair.one_way and not forward and beliefs["one-way-pairs"] == "yes"
        if hidden and beliefs["labels-show-one-way"] == "no":
            return []
        return sorted(pair.labels(forward=forward), key=lambda label: (label[1], label[0]))

    def _of(self, call: Call, pair: tuple[Kind, Kind], id_: str, after: str) -> dict[str, Any] | None:
        at = locate(self.objects.portal.shelves[pair[0].name], id_)
        tied = {} if at is None else self.objects.portal.links.of(pair[0].name, at, pair[1].name)
        if not tied:
            return None
        last = _last(after)
        ahead = [other for other in tied if other > last] if last else list(tied)
        size = V3_PAGE if call.version == "v3" else self.objects.beliefs.number("association-page")
        page = ahead[:size]
        result: dict[str, Any] = {
            "from": {"id": id_},
            "to": [one for other in page for one in self._written(call, pair, other, tied[other])],
        }
        if len(ahead) > size:
            result["paging"] = _paging(call, pair, id_, page[-1], tied[page[-1]])
        return result

    def _written(
        self, call: Call, pair: tuple[Kind, Kind], other: int, labels: Labels
    ) -> list[dict[str, Any]]:
        """One target: in v3 an entry for each type by name, later with all its types inside."""
        if call.version == "v3":
            name = f"{pair[0].singular}_to_{pair[1].singular}"
            return [
                {"id": str(other), "type": name + ("" if text else "_unlabeled")} for _, _, text in labels
            ]
        number = call.version == "v4" or self.objects.beliefs["dated-to-object-id"] == "number"
        types = [_typed(label) for label in labels]
        return [{"toObjectId": other if number else str(other), "associationTypes": types}]


def _typed(label: Label) -> dict[str, Any]:
    category, id_, text = label
    return {"category": category, "typeId": id_, "label": text}


def _none(pair: tuple[Kind, Kind], id_: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {pair[1].singular} is associated with {pair[0].singular} {id_}.",
        "context": {
            "fromObjectId": [id_],
            "fromObjectType": [pair[0].singular],
            "toObjectType": [pair[1].singular],
        },
    }


def _paging(call: Call, pair: tuple[Kind, Kind], id_: str, last: int, labels: Labels) -> dict[str, Any]:
    # A recorded cursor decoded to category, type and last id; it stands escaped inside the JSON.
    after = quote(base64.b64encode(f"0-{labels[-1][1]}-{last}".encode()).decode(), safe="")
    path = f"/crm/v3/objects/{pair[0].type_id}/{id_}/associations/{pair[1].type_id}"
    return {"next": {"after": after, "link": f"{call.base}{path}?after={after}"}}


def _last(after: str) -> int:
    """The id that a cursor ends with, escaped or not; 0 for none."""
    if not after:
        return 0
    try:
        return int(base64.b64decode(unquote(after), validate=True).decode().rsplit("-", 1)[1])
    except (ValueError, IndexError):
        raise Refused(400, f"Invalid input: after '{after[:40]}' is none that was given") from None
