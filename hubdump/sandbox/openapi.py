"""The sandbox's own OpenAPI description, from its table of routes: what can be asked, not HubSpot's text."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from hubdump.sandbox.customs import USUAL
from hubdump.sandbox.openapi_bodies import BODIES, ERROR
from hubdump.sandbox.routes import TABLE, Row
from hubdump.sandbox.types import KINDS

_LIST = {"type": "array", "items": {"type": "string"}}
_ID = {"type": "string", "pattern": "^[0-9]{1,15}$"}
_AFTER = {"type": "string", "pattern": "^[0-9]{1,15}$"}
_CURSOR = {"type": "string", "pattern": "^[0-9A-Za-z_=-]{1,60}$"}
_BOOL = {"type": "boolean"}
_TEXT = {"type": "string", "maxLength": 200}


def _limit(most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most}


_RECORD = {
    "properties": _LIST,
    "propertiesWithHistory": _LIST,
    "associations": _LIST,
    "archived": _BOOL,
    "idProperty": _TEXT,
}
_INSTANT = {"type": "string", "format": "date-time"}
_EVENTS = {"limit": _limit(1000), "offset": _CURSOR, "startTimestamp": _AFTER, "endTimestamp": _AFTER}
_PAGE = {"limit": _limit(100), "after": _AFTER}
# What can stand in the query, by method and the path after the version.
QUERIES: dict[tuple[str, str, str], dict[str, Any]] = {
    ("GET", "objects", "/{type}"): _PAGE | {k: v for k, v in _RECORD.items() if k != "idProperty"},
    ("GET", "objects", "/{type}/{id}"): _RECORD,
    ("PATCH", "objects", "/{type}/{id}"): {"idProperty": _TEXT},
    ("POST", "objects", "/{type}/batch/read"): {"archived": _BOOL},
    ("GET", "objects", "/{type}/{id}/associations/{to}"): {"limit": _limit(500), "after": _AFTER},
    ("GET", "properties", "/{type}"): {
        "archived": _BOOL,
        "dataSensitivity": {"enum": ["non_sensitive", "sensitive", "highly_sensitive"]},
    },
    ("GET", "properties", "/{type}/{name}"): {"archived": _BOOL},
    ("GET", "owners", ""): {"limit": _limit(500), "after": _CURSOR, "archived": _BOOL, "email": _TEXT},
    ("GET", "owners", "/{id}"): {"idProperty": {"enum": ["id", "userId"]}, "archived": _BOOL},
    ("GET", "users", ""): {"limit": _limit(500), "after": _CURSOR},
    ("GET", "forms", ""): {
        "limit": _limit(100),
        "after": _CURSOR,
        "archived": _BOOL,
        "formTypes": {"enum": ["hubspot", "captured", "flow", "blog_comment", "all"]},
    },
    ("GET", "form-integrations", "/submissions/forms/{id}"): {"limit": _limit(50), "after": _CURSOR},
    ("GET", "marketing-emails", ""): {
        "limit": _limit(100),
        "after": _CURSOR,
        "archived": _BOOL,
        "includeStats": _BOOL,
    },
    ("POST", "communication-preferences", "/statuses/batch/read"): {"channel": {"enum": ["EMAIL"]}},
    ("GET", "email-public", "/events"): _EVENTS | {"eventType": _TEXT, "recipient": _TEXT},
    ("GET", "email-public", "/subscriptions/timeline"): _EVENTS,
    ("GET", "files", "/files/search"): {
        "limit": _limit(100),
        "after": _AFTER,
        "sort": {"enum": ["id", "-id", "createdAt", "-createdAt", "updatedAt", "name", "size"]},
        "idGte": _ID,
        "idLte": _ID,
        "createdAtGte": _INSTANT,
        "createdAtLte": _INSTANT,
        "updatedAtGte": _INSTANT,
        "updatedAtLte": _INSTANT,
    },
    ("GET", "files", "/files/{id}/signed-url"): {
        "size": {"enum": ["icon", "medium", "preview", "thumb"]},
        "expirationSeconds": {"type": "integer", "minimum": 0, "maximum": 21_600},
        "upscale": _BOOL,
    },
    ("GET", "automation", "/flows"): {"limit": _limit(100), "after": _CURSOR},
    ("GET", "schemas", ""): {"archived": _BOOL},
    ("GET", "lists", "/{id}"): {"includeFilters": _BOOL},
    ("GET", "lists", "/{id}/memberships"): {"limit": _limit(250), "after": _AFTER},
    ("GET", "lists", "/{id}/memberships/join-order"): {"limit": _limit(250), "after": _AFTER},
}


@cache
def document() -> dict[str, Any]:
    """The description, OpenAPI 3.1, of every route in every version it has."""
    paths: dict[str, dict[str, Any]] = {}
    for row in TABLE:
        for path in row.paths():
            paths.setdefault(path, {})[row.method.lower()] = _operation(row, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "An emulated HubSpot portal",
            "version": "1",
            "description": "What hubdump's sandbox answers. Its own description, not HubSpot's.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": ERROR},
        },
    }


def _operation(row: Row, path: str) -> dict[str, Any]:
    queries = QUERIES.get((row.method, row.family, row.rest), {})
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{row.method} {path}").strip("_").lower(),
        "x-budget": row.budget,
        "parameters": [
            *(_parameter("path", name, _part(name)) for name in re.findall(r"{(\w+)}", row.rest)),
            *(_parameter("query", name, schema) for name, schema in queries.items()),
        ],
        "responses": _responses(row.method),
    }
    body = BODIES.get((row.method, row.family, row.rest))
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return found


def _parameter(where: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    found = {"name": name, "in": where, "required": where == "path", "schema": schema}
    return found | ({"style": "form", "explode": False} if schema is _LIST else {})


def _part(name: str) -> dict[str, Any]:
    """What a {name} of a path can be."""
    if name in {"type", "to"}:
        return {"enum": [kind.name for kind in (*KINDS, *USUAL)]}
    return _ID if name.endswith("id") else {"type": "string", "minLength": 1, "maxLength": 60}


def _responses(method: str) -> dict[str, Any]:
    done = {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}}
    statuses = ["200", "207"] if method != "POST" else ["200", "201", "207"]
    said = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refused = {"description": "refused", "content": said}
    nothing = {"description": "done, nothing to say"}
    return dict.fromkeys(statuses, done) | {"204": nothing, "4XX": refused, "default": refused}
