"""The bodies that the sandbox's routes take, as JSON Schema."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def _object(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _many(item: Schema, most: int) -> Schema:
    return {"type": "array", "items": item, "minItems": 1, "maxItems": most}


_ID = {"type": "string", "pattern": "^[0-9]{1,15}$"}
_TEXT = {"type": "string", "maxLength": 60}
_NAMES = {"type": "array", "items": _TEXT, "maxItems": 20}
_VALUES = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 60}}
_FILTER = _object(
    ("propertyName", "operator"),
    propertyName=_TEXT,
    operator={
        "enum": [
            "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY",
            "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
        ]
    },
    value=_TEXT,
    highValue=_TEXT,
    values=_NAMES,
)  # fmt: skip
_SEARCH = _object(
    filterGroups={"type": "array", "maxItems": 3, "items": _object(filters=_many(_FILTER, 3))},
    sorts={
        "type": "array",
        "maxItems": 1,
        "items": _object(
            ("propertyName",), propertyName=_TEXT, direction={"enum": ["ASCENDING", "DESCENDING"]}
        ),
    },
    query=_TEXT,
    properties=_NAMES,
    limit={"type": "integer", "minimum": 1, "maximum": 200},
    after={"type": "string", "pattern": "^[0-9]{1,5}$"},
)
_INPUTS = _object(("inputs",), inputs=_many(_object(("id",), id=_ID), 100))
_READ = _object(
    ("inputs",),
    inputs=_many(_object(("id",), id=_ID), 50),
    properties=_NAMES,
    propertiesWithHistory=_NAMES,
    idProperty=_TEXT,
)
_LABEL = _object(
    ("associationCategory", "associationTypeId"),
    associationCategory={"enum": ["HUBSPOT_DEFINED", "USER_DEFINED"]},
    associationTypeId={"type": "integer", "minimum": 1, "maximum": 9999},
)
_RECORD = _object(
    ("properties",),
    properties=_VALUES,
    associations={
        "type": "array", "maxItems": 3,
        "items": _object(("to", "types"), to=_object(("id",), id=_ID), types=_many(_LABEL, 3)),
    },
)  # fmt: skip
_CHANGE = _object(("properties",), properties=_VALUES)
_PAIR = _object(("from", "to"), **{"from": _object(("id",), id=_ID), "to": _object(("id",), id=_ID)})
_LABELLED = _object(
    ("from", "to", "types"),
    **{"from": _object(("id",), id=_ID), "to": _object(("id",), id=_ID), "types": _many(_LABEL, 3)},
)
_CHANGED = _object(("id", "properties"), id=_ID, properties=_VALUES, idProperty=_TEXT)
# By method, family and the path after the version.
BODIES: dict[tuple[str, str, str], Schema] = {
    ("POST", "objects", "/{type}"): _RECORD,
    ("PATCH", "objects", "/{type}/{id}"): _CHANGE,
    ("POST", "objects", "/{type}/search"): _SEARCH,
    ("POST", "objects", "/{type}/batch/read"): _READ,
    ("POST", "objects", "/{type}/batch/create"): _object(("inputs",), inputs=_many(_RECORD, 100)),
    ("POST", "objects", "/{type}/batch/update"): _object(("inputs",), inputs=_many(_CHANGED, 100)),
    ("POST", "objects", "/{type}/batch/upsert"): _object(("inputs",), inputs=_many(_CHANGED, 100)),
    ("POST", "objects", "/{type}/batch/archive"): _INPUTS,
    ("POST", "objects", "/{type}/merge"): _object(
        ("primaryObjectId", "objectIdToMerge"), primaryObjectId=_ID, objectIdToMerge=_ID
    ),
    ("POST", "objects", "/{type}/gdpr-delete"): _object(("objectId",), objectId=_ID, idProperty=_TEXT),
    ("POST", "associations", "/{type}/{to}/batch/read"): _object(
        ("inputs",), inputs=_many(_object(("id",), id=_ID, after=_TEXT), 100)
    ),
    ("POST", "associations", "/{type}/{to}/batch/create"): _object(("inputs",), inputs=_many(_LABELLED, 100)),
    ("POST", "associations", "/{type}/{to}/batch/archive"): _object(("inputs",), inputs=_many(_PAIR, 100)),
    ("POST", "associations", "/{type}/{to}/batch/labels/archive"): _object(
        ("inputs",), inputs=_many(_LABELLED, 100)
    ),
    ("POST", "associations", "/{type}/{to}/batch/associate/default"): _object(
        ("inputs",), inputs=_many(_PAIR, 100)
    ),
    ("PUT", "objects", "/{type}/{id}/associations/{to}/{to_id}"): _many(_LABEL, 3),
    ("POST", "properties", "/{type}/batch/read"): _object(
        ("inputs",), inputs=_many(_object(("name",), name=_TEXT), 100), archived={"type": "boolean"}
    ),
    ("POST", "communication-preferences", "/statuses/batch/read"): _object(
        ("inputs",), inputs=_many({"type": "string", "maxLength": 60}, 100)
    ),
    ("POST", "lists", "/search"): _object(
        query=_TEXT,
        count={"type": "integer", "minimum": 1, "maximum": 500},
        offset={"type": "integer", "minimum": 0, "maximum": 1000},
    ),
}
ERROR: Schema = _object(
    ("message",),
    status=_TEXT,
    message={"type": "string"},
    correlationId=_TEXT,
    category=_TEXT,
    context={"type": "object"},
    errors={"type": "array", "items": {"type": "object"}},
)
