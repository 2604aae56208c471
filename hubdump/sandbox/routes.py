"""Path -> what answers it, its budget and its scopes: one table, and every version leads to the same portal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from hubdump.sandbox.answers import Refused, Request, Response
from hubdump.sandbox.association_writes import AssociationWrites
from hubdump.sandbox.associations import Associations
from hubdump.sandbox.batches import Batches
from hubdump.sandbox.calls import DATED, Call
from hubdump.sandbox.changes import Changes
from hubdump.sandbox.currencies import Currencies
from hubdump.sandbox.email_events import EmailEvents
from hubdump.sandbox.files import Files
from hubdump.sandbox.forms import Forms
from hubdump.sandbox.items import Items
from hubdump.sandbox.limits import ASSOCIATIONS, GENERAL, SEARCH
from hubdump.sandbox.lists import Lists
from hubdump.sandbox.marketing import Marketing
from hubdump.sandbox.metadata import Metadata, Usage
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.owners import Owners
from hubdump.sandbox.pipelines import Pipelines
from hubdump.sandbox.schemas import Schemas
from hubdump.sandbox.search import Search
from hubdump.sandbox.subscriptions import Subscriptions
from hubdump.sandbox.types import Kind
from hubdump.sandbox.workflows import Workflows
from hubdump.sandbox.writes import Writes

V3 = ("v3", *DATED)
V4 = ("v4", *DATED)
EVERY = ("v3", "v4", *DATED)
# There is no 2026-09 of these (facts 1).
PROVISIONING = ("v3", "2026-03")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request leads; `sheltered` ones meet no random fault.

    `scopes` are all needed; `template` is the path with {names}, dated form, for logs; `kinds` are the types in it.
    """

    budget: str
    answer: Callable[[], Response]
    sheltered: bool = False
    scopes: tuple[str, ...] = ()
    template: str = ""
    family: str = ""
    collection: str = ""
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Answerers:
    """All that answers."""

    objects: Objects
    search: Search
    associations: Associations
    metadata: Metadata
    pipelines: Pipelines
    lists: Lists
    schemas: Schemas
    writes: Writes
    batches: Batches
    association_writes: AssociationWrites
    owners: Owners
    currencies: Currencies
    forms: Forms
    marketing: Marketing
    subscriptions: Subscriptions
    email_events: EmailEvents
    files: Files
    workflows: Workflows


Answer = Callable[[Answerers, Call], Response]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of routes: `family` and `rest` make the path, in each of `versions`.

    `collection` is what it reads, where that is not all of its family.
    """

    method: str
    family: str
    rest: str
    versions: tuple[str, ...]
    answer: Answer
    budget: str = GENERAL
    scopes: tuple[str, ...] = ()
    sheltered: bool = False
    collection: str = ""
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(part for part in self.rest.split("/") if part))

    @property
    def template(self) -> str:
        """The path as dated versions have it, with {version}."""
        return _HEADS[self.family][0] + self.rest

    def paths(self) -> list[str]:
        """Every path this line answers at, the {names} of its parts left."""
        return [_path(self.family, version) + self.rest for version in self.versions]

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """What the {names} stand for in these parts; None where they do not fit."""
        found: dict[str, str] = {}
        for segment, part in zip(self.segments, parts, strict=True):
            if segment[0] == "{":
                found[segment[1:-1]] = part
            elif segment != part:
                return None
        return found


# Where a family's version stands: dated ones, and v1 to v4 where those differ. Forms and workflows are dated
# only in betas, the rest of v1 never.
_HEADS: dict[str, tuple[str, ...]] = {
    "objects": ("/crm/objects/{version}", "/crm/{version}/objects"),
    "associations": ("/crm/associations/{version}", "/crm/{version}/associations"),
    "properties": ("/crm/properties/{version}", "/crm/{version}/properties"),
    "owners": ("/crm/owners/{version}", "/crm/{version}/owners"),
    "pipelines": ("/crm/pipelines/{version}", "/crm/{version}/pipelines"),
    "limits": ("/crm/limits/{version}", "/crm/{version}/limits"),
    "schemas": ("/crm-object-schemas/{version}/schemas", "/crm/{version}/schemas"),
    "account-info": ("/account-info/{version}",),
    "lists": ("/crm/lists/{version}", "/crm/{version}/lists"),
    "object-library": ("/crm/object-library/{version}", "/crm/{version}/object-library"),
    "users": ("/settings/users/{version}", "/settings/{version}/users"),
    "currencies": ("/settings/currencies/{version}", "/settings/{version}/currencies"),
    "forms": ("/marketing/forms/{version}", "/marketing/{version}/forms"),
    "form-integrations": ("/form-integrations/{version}",),
    "marketing-emails": ("/marketing/emails/{version}", "/marketing/{version}/emails"),
    "communication-preferences": ("/communication-preferences/{version}",),
    "email-public": ("/email/public/{version}",),
    "files": ("/files/{version}",),
    "automation": ("/automation/{version}",),
    "legacy-properties": ("/properties/{version}",),
    "legacy-pipelines": ("/crm-pipelines/{version}/pipelines",),
}  # fmt: skip

READ, WRITE = "read", "write"
# The guide of currencies has the first, an integration of 2025 the second: either opens them.
CURRENCIES = ("settings.currencies.read|multi-currency-read",)
# `scopes`: READ and WRITE stand for those of the types in the path, both sides' for associations (facts 2.2, 8).
TABLE: tuple[Row, ...] = (
    Row("GET", "account-info", "/details", V3, lambda a, c: a.metadata.account(c), scopes=("oauth",), sheltered=True),
    Row("GET", "account-info", "/api-usage/daily/private-apps", V3, lambda a, c: a.metadata.daily(c),
        scopes=("oauth",)),
    Row("POST", "objects", "/{type}/search", EVERY, lambda a, c: a.search.answer(c), SEARCH, (READ,)),
    Row("POST", "objects", "/{type}/batch/read", EVERY, lambda a, c: a.objects.batch(c), scopes=(READ,)),
    Row("POST", "objects", "/{type}", EVERY, lambda a, c: a.writes.create(c), scopes=(WRITE,)),
    Row("PATCH", "objects", "/{type}/{id}", EVERY, lambda a, c: a.writes.update(c), scopes=(WRITE,)),
    Row("DELETE", "objects", "/{type}/{id}", EVERY, lambda a, c: a.writes.archive(c), scopes=(WRITE,)),
    Row("POST", "objects", "/{type}/merge", EVERY, lambda a, c: a.writes.merge(c), scopes=(WRITE,)),
    Row("POST", "objects", "/{type}/gdpr-delete", EVERY, lambda a, c: a.writes.erase(c), scopes=(WRITE,)),
    Row("POST", "objects", "/{type}/batch/create", EVERY, lambda a, c: a.batches.create(c), scopes=(WRITE,)),
    Row("POST", "objects", "/{type}/batch/update", EVERY, lambda a, c: a.batches.update(c), scopes=(WRITE,)),
    Row("POST", "objects", "/{type}/batch/upsert", EVERY, lambda a, c: a.batches.upsert(c), scopes=(WRITE,)),
    Row("POST", "objects", "/{type}/batch/archive", EVERY, lambda a, c: a.batches.archive(c), scopes=(WRITE,)),
    Row("PUT", "objects", "/{type}/{id}/associations/default/{to}/{to_id}", V4,
        lambda a, c: a.association_writes.put_default(c), scopes=(WRITE,)),
    Row("PUT", "objects", "/{type}/{id}/associations/{to}/{to_id}", V4, lambda a, c: a.association_writes.put(c),
        scopes=(WRITE,)),
    Row("DELETE", "objects", "/{type}/{id}/associations/{to}/{to_id}", V4,
        lambda a, c: a.association_writes.delete(c), scopes=(WRITE,)),
    Row("POST", "associations", "/{type}/{to}/batch/create", EVERY, lambda a, c: a.association_writes.create(c),
        ASSOCIATIONS, (WRITE,)),
    Row("POST", "associations", "/{type}/{to}/batch/associate/default", V4,
        lambda a, c: a.association_writes.create_default(c), ASSOCIATIONS, (WRITE,)),
    Row("POST", "associations", "/{type}/{to}/batch/archive", EVERY, lambda a, c: a.association_writes.archive(c),
        ASSOCIATIONS, (WRITE,)),
    Row("POST", "associations", "/{type}/{to}/batch/labels/archive", V4,
        lambda a, c: a.association_writes.archive_labels(c), ASSOCIATIONS, (WRITE,)),
    Row("POST", "properties", "/{type}/batch/read", V3, lambda a, c: a.metadata.some_properties(c), scopes=(READ,)),
    Row("GET", "objects", "/{type}", EVERY, lambda a, c: a.objects.page(c), scopes=(READ,)),
    Row("GET", "objects", "/{type}/{id}", EVERY, lambda a, c: a.objects.one(c), scopes=(READ,)),
    Row("GET", "objects", "/{type}/{id}/associations/{to}", EVERY, lambda a, c: a.associations.one(c), scopes=(READ,)),
    Row("POST", "associations", "/{type}/{to}/batch/read", EVERY, lambda a, c: a.associations.batch(c),
        ASSOCIATIONS, (READ,)),
    Row("GET", "associations", "/{type}/{to}/labels", V4, lambda a, c: a.associations.labels(c), ASSOCIATIONS,
        (READ,)),
    Row("GET", "associations", "/{type}/{to}/types", ("v3",), lambda a, c: a.associations.types(c), ASSOCIATIONS,
        (READ,)),
    Row("GET", "properties", "/{type}", V3, lambda a, c: a.metadata.properties(c), scopes=(READ,)),
    Row("GET", "properties", "/{type}/groups", V3, lambda a, c: a.metadata.groups(c), scopes=(READ,),
        collection="property_groups"),
    Row("GET", "properties", "/{type}/{name}", V3, lambda a, c: a.metadata.one_property(c), scopes=(READ,)),
    Row("GET", "legacy-properties", "/{type}/properties", ("v1", "v2"),
        lambda a, c: a.metadata.legacy_properties(c), scopes=(READ,)),
    Row("GET", "owners", "", V3, lambda a, c: a.owners.owners(c), scopes=("crm.objects.owners.read",)),
    Row("GET", "owners", "/{id}", V3, lambda a, c: a.owners.one(c), scopes=("crm.objects.owners.read",)),
    Row("GET", "users", "", PROVISIONING, lambda a, c: a.owners.users(c), scopes=("settings.users.read",)),
    Row("GET", "users", "/teams", PROVISIONING, lambda a, c: a.owners.teams(c),
        scopes=("settings.users.teams.read",), collection="teams"),
    Row("GET", "currencies", "/exchange-rates/current", V3, lambda a, c: a.currencies.current(c), scopes=CURRENCIES),
    Row("GET", "currencies", "/company-currency", V3, lambda a, c: a.currencies.company(c), scopes=CURRENCIES,
        collection="company_currency"),
    Row("GET", "legacy-pipelines", "/{type}", ("v1",), lambda a, c: a.pipelines.legacy(c), scopes=(READ,)),
    Row("GET", "pipelines", "/{type}", V3, lambda a, c: a.pipelines.all(c), scopes=(READ,)),
    Row("GET", "pipelines", "/{type}/{id}", V3, lambda a, c: a.pipelines.one(c), scopes=(READ,)),
    Row("POST", "lists", "/search", V3, lambda a, c: a.lists.search(c), scopes=("crm.lists.read",)),
    Row("GET", "lists", "/{id}", V3, lambda a, c: a.lists.one(c), scopes=("crm.lists.read",)),
    Row("GET", "lists", "/{id}/memberships", V3, lambda a, c: a.lists.members(c), scopes=("crm.lists.read",),
        collection="list_memberships"),
    Row("GET", "lists", "/{id}/memberships/join-order", V3, lambda a, c: a.lists.joined(c),
        scopes=("crm.lists.read",), collection="list_memberships"),
    Row("GET", "forms", "", ("v3",), lambda a, c: a.forms.all(c), scopes=("forms",)),
    Row("GET", "form-integrations", "/submissions/forms/{id}", ("v1",), lambda a, c: a.forms.submissions(c),
        scopes=("forms",), collection="form_submissions"),
    Row("GET", "marketing-emails", "", V3, lambda a, c: a.marketing.emails(c), scopes=("content",),
        collection="marketing_emails"),
    Row("GET", "communication-preferences", "/definitions", EVERY, lambda a, c: a.subscriptions.definitions(c),
        scopes=("communication_preferences.read",), collection="subscription_types"),
    Row("POST", "communication-preferences", "/statuses/batch/read", V4, lambda a, c: a.subscriptions.statuses(c),
        scopes=("communication_preferences.statuses.batch.read",), collection="subscription_statuses"),
    Row("GET", "email-public", "/events", ("v1",), lambda a, c: a.email_events.events(c), scopes=("content",),
        collection="email_events"),
    Row("GET", "email-public", "/subscriptions/timeline", ("v1",), lambda a, c: a.email_events.changes(c),
        scopes=("content",), collection="subscription_changes"),
    Row("GET", "files", "/files/search", V3, lambda a, c: a.files.search(c), scopes=("files",)),
    Row("GET", "files", "/files/{id}/signed-url", V3, lambda a, c: a.files.signed_url(c), scopes=("files",)),
    Row("GET", "automation", "/flows", ("v4",), lambda a, c: a.workflows.all(c), scopes=("automation",),
        collection="workflows"),
    Row("GET", "limits", "/records", V3, lambda a, c: a.metadata.counts(c)),
    Row("GET", "object-library", "/enablement", V3, lambda a, c: a.metadata.enablement(c)),
    Row("GET", "schemas", "", V3, lambda a, c: a.schemas.all(c), scopes=("crm.schemas.custom.read",)),
    Row("GET", "schemas", "/{type}", V3, lambda a, c: a.schemas.one(c), scopes=("crm.schemas.custom.read",)),
)  # fmt: skip


class Router:
    """Finds the route of a request."""

    def __init__(self, objects: Objects, items: Items, usage: Usage | None = None) -> None:
        self._portal, changes = objects.portal, Changes(objects.portal)
        currencies = Currencies(items)
        self.answerers = Answerers(
            objects, Search(objects), Associations(objects), Metadata(objects, currencies, usage),
            Pipelines(objects, items), Lists(objects, items), Schemas(objects), Writes(objects, changes),
            Batches(objects, changes), AssociationWrites(objects, changes), Owners(objects, items), currencies,
            Forms(objects, items), Marketing(objects, items), Subscriptions(objects, items),
            EmailEvents(objects, items), Files(objects, items), Workflows(objects, items),
        )  # fmt: skip
        self._rows: dict[tuple[str, int], list[Row]] = {}
        for row in TABLE:
            self._rows.setdefault((row.family, len(row.segments)), []).append(row)

    def route(self, request: Request, base: str, now_ms: int) -> Route:
        """Refused (404, 405) when there is nothing at this path, or not for this method."""
        family, version, rest = _split(request.path)
        elsewhere = False
        for row in self._rows.get((family, len(rest)), ()):
            parts = row.match(rest) if version in row.versions else None
            if parts is None:
                continue
            if row.method == request.method:
                call = Call(request, base, now_ms, version, parts)
                kinds = [self._portal.kind(parts[side]) for side in ("type", "to") if side in parts]
                there = tuple(kind for kind in kinds if kind)
                return Route(
                    row.budget,
                    lambda row=row, call=call: row.answer(self.answerers, call),  # type: ignore[misc]  # bound now, called later
                    row.sheltered,
                    _scopes(row, there),
                    row.template,
                    row.family,
                    row.collection,
                    there,
                )
            elsewhere = True
        if elsewhere:
            raise Refused(405, f"The method {request.method} is not allowed here", "METHOD_NOT_ALLOWED")
        raise _unknown()


def _scopes(row: Row, kinds: Sequence[Kind]) -> tuple[str, ...]:
    """The scopes a call needs: a READ or WRITE is that of each type in its path."""
    found: list[str] = []
    for scope in row.scopes:
        if scope in {READ, WRITE}:
            found += [one for kind in kinds for one in kind.scopes(write=scope == WRITE)]
        else:
            found.append(scope)
    return tuple(dict.fromkeys(found))


def _path(family: str, version: str) -> str:
    """A family's path: in most, v3 and v4 stand before its name, dates after it."""
    return _HEADS[family][0 if version in DATED else -1].format(version=version)


# The parts of every family's path in every version, two or three.
_PLACES = {
    tuple(_path(family, version).split("/")[1:]): (family, version)
    for family in _HEADS
    for version in ("v1", "v2", *EVERY)
}


def _split(path: str) -> tuple[str, str, list[str]]:
    """Family, version and the rest of a path."""
    parts = [unquote(part) for part in path.split("/") if part]
    for count in (3, 2):
        found = _PLACES.get(tuple(parts[:count]))
        if found:
            return *found, parts[count:]
    raise _unknown()


def _unknown() -> Refused:
    return Refused(404, "resource not found", "OBJECT_NOT_FOUND")
