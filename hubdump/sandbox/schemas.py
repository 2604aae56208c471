"""The schemas of custom objects, and of the others where one is asked for by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubdump.sandbox.answers import Response, ok
from hubdump.sandbox.calls import Call
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.types import Kind

_EPOCH, _MADE = "1970-01-01T00:00:00Z", "2024-05-06T07:08:09.123Z"
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Schemas:
    """Answers for schemas."""

    objects: Objects

    def all(self, call: Call) -> Response:
        """Those of custom objects; archived ones on a pass of their own."""
        return ok({"results": self.of(archived=call.query.flag("archived"))})

    def of(self, *, archived: bool) -> list[dict[str, Any]]:
        portal = self.objects.portal
        kinds = [portal.shelves[name].kind for name in portal.archived] if archived else portal.customs
        return [self._written(kind) | {"archived": archived} for kind in kinds]

    def one(self, call: Call) -> Response:
        return ok(self._written(self.objects.shelf(call.parts["type"]).kind))

    def _written(self, kind: Kind) -> dict[str, Any]:
        name = kind.singular if kind.custom else kind.singular.upper()
        portal = self.objects.portal
        definitions = portal.shelves[kind.name].definitions.values()
        singular, plural = kind.shown
        return {
            "labels": {"singular": singular, "plural": plural},
            "requiredProperties": list(kind.defaults[:1]) if kind.custom else [],
            "searchableProperties": list(kind.defaults),
            "primaryDisplayProperty": next(iter(kind.defaults), "hs_object_id"),
            "secondaryDisplayProperties": list(kind.defaults[1:]), "description": "",
            "allowsSensitiveProperties": True, "archived": False, "restorable": True,
            "metaType": "PORTAL_SPECIFIC" if kind.custom else "HUBSPOT", "id": kind.type_id.split("-")[1],
            "fullyQualifiedName": portal.names.fully_qualified(kind),
            "createdAt": _MADE if kind.custom else _EPOCH, "updatedAt": _MADE, "createdByUserId": None,
            "updatedByUserId": None, "objectTypeId": kind.type_id,
            "properties": [d.as_json() for d in definitions if not d.archived and d.sensitivity == "non_sensitive"],
            "associations": [
                one for (from_, to) in portal.sides if from_ == kind.name for one in self._associations(kind, to)
            ],
            "name": name,
        }  # fmt: skip

    def _associations(self, kind: Kind, to: str) -> list[dict[str, Any]]:
        pair, forward = self.objects.portal.sides[kind.name, to]
        other = self.objects.portal.shelves[to].kind
        return [
            {
                "fromObjectTypeId": kind.type_id, "toObjectTypeId": other.type_id,
                "name": f"{kind.singular}_to_{other.singular}".upper() + ("" if text else "_UNLABELED"),
                "cardinality": "ONE_TO_MANY", "inverseCardinality": "ONE_TO_MANY",
                "hasUserEnforcedMaxToObjectIds": False, "hasUserEnforcedMaxFromObjectIds": False,
                "maxToObjectIds": _MANY, "maxFromObjectIds": _MANY, "id": str(id_), "createdAt": None,
                "updatedAt": None,
            }
            for _, id_, text in pair.labels(forward=forward)
        ]  # fmt: skip
