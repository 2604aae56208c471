"""Builds requests: outside the probe the only place that knows a path, an endpoint's limit, or an API version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from hubdump.errors import UsageError
from hubdump.hubspot import wire
from hubdump.model import Budget, ObjectType, Request

# Documented maxima: https://developers.hubspot.com/docs/guides/api/crm/using-object-apis (list, batch
# read), .../crm/search, .../crm/associations/associations-v4 (1,000 inputs since 2025-02).
LIST_RECORDS = 100
BATCH_RECORDS = 100
SEARCH_RECORDS = 200
# "The maximum number of inputs supported in a batch request for property histories is 50" (recorded refusals).
HISTORY_RECORDS = 50
# What is asked for where HubSpot refuses the documented maxima, one after the other.
LIST_LADDER = (100, 50, 10)
SEARCH_LADDER = (200, 100, 10)
# That `total` goes on beyond the 10,000 that one search gives is not promised.
SEARCH_TOTAL_MAX = 10_000
SEARCH_FILTERS = 6
SEARCH_FILTERS_ALL = 18
ASSOCIATION_INPUTS = 1000
ASSOCIATION_INPUTS_LEAST = 100
# A URL above about 16,200 characters is answered with 414 (measured by others); commas count triple.
QUERY_CHARS_MAX = 8000

BASE_URL = "https://api.hubapi.com"
_HOST = re.compile(r"api(-[a-z]{2}\d)?\.hubapi\.com\Z")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TOKEN_PATH = "/oauth/2026-03/token"  # noqa: S105 - a path, not a secret


@dataclass(frozen=True, slots=True)
class Versions:
    """The API version of each family of endpoints."""

    account: str = "2026-09"
    objects: str = "2026-09"
    associations: str = "2026-09"
    properties: str = "2026-09"
    limits: str = "2026-09"
    schemas: str = "2026-09"
    library: str = "2026-09"
    files: str = "2026-09"


# Tried in this order at the preflight only: a version is never changed in the middle of a run.
LADDER = (
    Versions(),
    Versions(*["2026-03"] * 8),
    Versions("v3", "v3", "v4", *["v3"] * 5),
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The requests hubdump sends, for one set of API versions."""

    versions: Versions = LADDER[0]

    def account(self) -> Request[wire.Account]:
        """GET account details: the portal's id and time zone."""
        path = route("account-info", "", self.versions.account, "details")
        return Request("GET", path, path, Budget.GENERAL, wire.Account)

    def usage(self) -> Request[wire.Usage]:
        """GET how many records of each type HubSpot counts against its limits."""
        path = route("crm", "limits", self.versions.limits, "records")
        return Request("GET", path, path, Budget.GENERAL, wire.Usage)

    def schemas(self) -> Request[wire.Schemas]:
        """GET the custom objects of the portal; never paged."""
        version = self.versions.schemas
        root = "crm" if version.startswith("v") else "crm-object-schemas"
        path = route(root, "", version, "schemas")
        return Request("GET", path, path, Budget.GENERAL, wire.Schemas, failures_max=0)

    def schema(self, type_: ObjectType) -> Request[wire.Schema]:
        """GET one object type, with what it can be associated with."""
        version = self.versions.schemas
        root = "crm" if version.startswith("v") else "crm-object-schemas"
        path = route(root, "", version, f"schemas/{type_.path}")
        return Request("GET", path, path, Budget.GENERAL, wire.Schema)

    def library(self) -> Request[wire.Library]:
        """GET which objects of the object library are switched on in the portal."""
        path = route("crm", "object-library", self.versions.library, "enablement")
        return Request("GET", path, path, Budget.GENERAL, wire.Library)

    def properties(
        self, type_: ObjectType, *, archived: bool = False, sensitivity: str = ""
    ) -> Request[wire.PropertyList]:
        """GET the definitions of a type's properties, archived or not, of one `sensitivity` ('': none); never paged.

        No record is in it that could be broken: when it fails, HubSpot does.
        """
        path = route("crm", "properties", self.versions.properties, type_.path)
        query = (("archived", "true"),) * archived
        query += (("dataSensitivity", sensitivity),) if sensitivity else ()
        return Request("GET", path, path, Budget.GENERAL, wire.PropertyList, query, failures_max=0)

    def list(
        self,
        type_: ObjectType,
        properties: Sequence[str],
        after: str,
        *,
        archived: bool = False,
        limit: int = LIST_RECORDS,
    ) -> Request[wire.ListPage]:
        """GET up to `limit` records in the order of their ids, active or archived ones; `after` '' starts."""
        path = route("crm", "objects", self.versions.objects, type_.path)
        query = [
            ("limit", str(limit)),
            ("archived", str(archived).lower()),
            ("properties", ",".join(properties)),
        ]
        if after:
            query.append(("after", after))
        return Request("GET", path, path, Budget.GENERAL, wire.ListPage, tuple(query))

    def batch_read(
        self,
        type_: ObjectType,
        properties: Sequence[str],
        ids: Iterable[int],
        *,
        archived: bool = False,
        histories: Sequence[str] = (),
    ) -> Request[wire.BatchPage]:
        """POST up to 100 ids (50 with `histories` of some properties), all properties in the body.

        The order of the answer is not promised.
        """
        path = route("crm", "objects", self.versions.objects, f"{type_.path}/batch/read")
        body = {"properties": list(properties), "inputs": [{"id": str(id_)} for id_ in ids]}
        body |= {"propertiesWithHistory": list(histories)} if histories else {}
        query = (("archived", "true"),) if archived else ()
        return Request("POST", path, path, Budget.GENERAL, wire.BatchPage, query, _json(body))

    def search(
        self,
        type_: ObjectType,
        filter_groups: Sequence[Sequence[Mapping[str, Any]]],
        properties: Sequence[str],
        after: str = "",
        *,
        limit: int = SEARCH_RECORDS,
    ) -> Request[wire.SearchPage]:
        """POST a search of up to `limit` records, ascending by id; `after` is an offset."""
        path = route("crm", "objects", self.versions.objects, f"{quote(type_.path, safe='')}/search")
        body: dict[str, Any] = {
            "filterGroups": [{"filters": list(filters)} for filters in filter_groups],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(properties),
            "limit": limit,
        }
        if after:
            body["after"] = after
        return Request("POST", path, path, Budget.SEARCH, wire.SearchPage, body=_json(body))

    def associations(
        self, from_: ObjectType, to: ObjectType, inputs: Sequence[tuple[int, str]]
    ) -> Request[wire.AssociationPage]:
        """POST up to 1,000 ids, each with the cursor of its own page ('' for its first)."""
        path = route("crm", "associations", self.versions.associations, f"{from_.path}/{to.path}/batch/read")
        body = {
            "inputs": [
                {"id": str(id_), "after": after} if after else {"id": str(id_)} for id_, after in inputs
            ]
        }
        return Request("POST", path, path, Budget.ASSOCIATIONS, wire.AssociationPage, body=_json(body))

    def association_types(self, from_: ObjectType, to: ObjectType) -> Request[wire.AssociationTypes]:
        """GET the kinds of associations there can be from one type to another, with their labels; never paged."""
        path = route("crm", "associations", self.versions.associations, f"{from_.path}/{to.path}/labels")
        return Request("GET", path, path, Budget.ASSOCIATIONS, wire.AssociationTypes)

    def signed_url(self, id_: str) -> Request[wire.SignedUrl]:
        """GET where the bytes of a file may be had for some hours, by anybody: what it answers is a secret."""
        path, template = (
            route("files", "", self.versions.files, f"files/{which}/signed-url")
            for which in (quote(id_, safe=""), "{id}")
        )
        return Request("GET", path, template, Budget.GENERAL, wire.SignedUrl)


def base_url(text: str) -> str:
    """A base URL that a token may be sent to: HubSpot's hosts over https, or this machine; UsageError else."""
    url = urlsplit(text.strip().rstrip("/"))
    plain = not (url.path or url.query or url.fragment or "@" in url.netloc)
    if plain and url.scheme == "https" and _HOST.match(url.hostname or "") and url.port in {None, 443}:
        return url.geturl()
    if plain and url.scheme in {"http", "https"} and url.hostname in LOOPBACK:
        return url.geturl()
    raise UsageError(
        f"HUBSPOT_BASE_URL is '{text}': a token is sent only to {BASE_URL}, its regional hosts, or this machine.",
        "Leave HUBSPOT_BASE_URL unset, or give http://127.0.0.1:PORT of a sandbox.",
    )


def token(client_id: str, client_secret: str, refresh_token: str) -> Request[wire.AccessToken]:
    """POST the refresh token of an OAuth app: an access token, and the seconds it is good for."""
    form = {
        "grant_type": "refresh_token",
        "client_id": client_id,
        "client_secret": client_secret,
        "refresh_token": refresh_token,
    }
    body = urlencode(form).encode()
    return Request("POST", TOKEN_PATH, TOKEN_PATH, Budget.GENERAL, wire.AccessToken, body=body, form=True)


def fits_url(properties: Sequence[str]) -> bool:
    """Whether a list request can name all these properties in its URL."""
    return sum(len(quote(name, safe="")) + 3 for name in properties) <= QUERY_CHARS_MAX


def route(root: str, family: str, version: str, rest: str) -> str:
    # Dated versions stand after the family (/crm/objects/2026-09/calls), v3 and v4 before it.
    parts = (root, version, family, rest) if version.startswith("v") else (root, family, version, rest)
    return "/" + "/".join(part for part in parts if part)


def _json(body: object) -> bytes:
    return msgspec.json.encode(body)
