"""What is not HubSpot's: the truth of what is around the records, and edits of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubdump.sandbox.answers import Refused
from hubdump.sandbox.currencies import COMPANY_CURRENCY, RATES
from hubdump.sandbox.email_events import CHANGES, EVENTS
from hubdump.sandbox.files import FILES
from hubdump.sandbox.forms import FORMS, SUBMISSIONS
from hubdump.sandbox.items import Body, Collection, Items
from hubdump.sandbox.lists import LISTS, MEMBERSHIPS
from hubdump.sandbox.marketing import EMAILS
from hubdump.sandbox.owners import OWNERS_OF, TEAMS_OF, USERS, written
from hubdump.sandbox.pipelines import PIPELINES
from hubdump.sandbox.portal import CUSTOM
from hubdump.sandbox.routes import TABLE, Answerers
from hubdump.sandbox.subscriptions import STATUSES, TYPES
from hubdump.sandbox.workflows import WORKFLOWS

Keyed = Iterable[tuple[str, Body]]


@dataclass(frozen=True, slots=True)
class Told:
    """How truth tells a collection: its items by key, as HubSpot answers them, for each parent.

    `under` is the collection of the parents, without which nobody finds it.
    """

    bodies: Callable[[Answerers, str], Keyed]
    parents: Callable[[Answerers], Iterable[str]] = lambda _: ("",)
    under: str = ""


def _of(collection: Collection, told: Callable[[Body], Body] = lambda body: body) -> Told:
    """A collection whose items are kept."""
    return Told(
        lambda a, parent: ((collection.key(b), told(b)) for b in a.lists.items.there(collection, parent))
    )


def _types(answerers: Answerers) -> Iterable[str]:
    """The types that the portal has, and that answer."""
    portal, beliefs = answerers.objects.portal, answerers.objects.beliefs
    off = set() if beliefs["library-disabled"] == "empty" else portal.switched_off
    return [kind.name for kind in portal.kinds if not portal.lacks(kind) and kind.name not in off]


def _lists(answerers: Answerers) -> Keyed:
    return ((one["listId"], answerers.lists.written(one)) for one in answerers.lists.items.there(LISTS))


def _members(answerers: Answerers, list_: str) -> Keyed:
    one = answerers.lists.items.of(LISTS)[list_].body
    return ((str(id_), answerers.lists.member(one, id_)) for id_ in answerers.lists.inside(one, 0))


def _forms(answerers: Answerers) -> list[str]:
    return [str(form["id"]) for form in answerers.forms.items.there(FORMS)]


def _submissions(answerers: Answerers, form: str) -> Keyed:
    every = answerers.forms.newest_first(form)
    return ((key, answerers.forms.written(item.body)) for key, item in every if not item.gone)


def _statuses(answerers: Answerers) -> Keyed:
    found = answerers.subscriptions
    return ((STATUSES.key(body), body) for email in found.emails() for body in found.of(email))


TOLD: Mapping[str, Told] = {
    "account": Told(lambda a, _: [(str(a.objects.portal.id), a.metadata.details())]),
    "currencies": _of(RATES),
    "company_currency": _of(COMPANY_CURRENCY),
    "owners": _of(OWNERS_OF, written),
    "users": _of(USERS),
    "teams": _of(TEAMS_OF),
    "pipelines": Told(lambda a, type_: ((p["id"], p) for p in a.pipelines.of(type_)), _types),
    "property_groups": Told(lambda a, type_: ((g["name"], g) for g in a.metadata.groups_of(type_)), _types),
    "schemas": Told(
        lambda a, _: ((s["objectTypeId"], s) for there in (False, True) for s in a.schemas.of(archived=there))
    ),
    "lists": Told(lambda a, _: _lists(a)),
    "list_memberships": Told(_members, lambda a: [key for key, _ in _lists(a)]),
    "forms": _of(FORMS),
    "form_submissions": Told(_submissions, _forms, "forms"),
    "marketing_emails": _of(EMAILS),
    "subscription_types": _of(TYPES),
    "subscription_statuses": Told(lambda a, _: _statuses(a)),
    "email_events": _of(EVENTS),
    "subscription_changes": _of(CHANGES),
    "files": Told(lambda a, _: ((FILES.key(body), body) for body in a.files.shown())),
    "workflows": _of(WORKFLOWS),
}
EDITED: Mapping[str, Collection] = {
    one.name: one
    for one in (
        RATES,
        COMPANY_CURRENCY,
        OWNERS_OF,
        USERS,
        TEAMS_OF,
        PIPELINES,
        LISTS,
        MEMBERSHIPS,
        FORMS,
        SUBMISSIONS,
        EMAILS,
        TYPES,
        STATUSES,
        EVENTS,
        CHANGES,
        FILES,
        WORKFLOWS,
    )
}
DEEDS = ("create", "change", "archive", "restore", "remove")


def truth(answerers: Answerers, wanted: Sequence[str]) -> dict[str, Any]:
    """The keys of every collection that the tier has, by parent, and the bodies of those that are wanted."""
    unknown = sorted(set(wanted) - set(TOLD))
    if unknown:
        raise Refused(400, f"there is no collection {', '.join(unknown)}; there are: {', '.join(TOLD)}")
    without = answerers.objects.portal.without
    lacking = {row.collection or row.family for row in TABLE if {row.family, row.collection} & without}
    lacking |= {"schemas"} if CUSTOM in without else set()
    lacking |= {name for name, told in TOLD.items() if told.under in lacking}
    asked = {
        name: told for name, told in TOLD.items() if name not in lacking and (not wanted or name in wanted)
    }
    if not wanted:
        return {"items": {name: _keys(answerers, told) for name, told in asked.items()}}
    found = {
        name: {parent: dict(told.bodies(answerers, parent)) for parent in told.parents(answerers)}
        for name, told in asked.items()
    }
    return {
        "items": {name: {p: list(some) for p, some in by.items() if some} for name, by in found.items()},
        "bodies": found,
    }


def _keys(answerers: Answerers, told: Told) -> dict[str, list[str]]:
    """The keys of a collection by parent, without those that have none."""
    by = {parent: [key for key, _ in told.bodies(answerers, parent)] for parent in told.parents(answerers)}
    return {parent: keys for parent, keys in by.items() if keys}


def edit(items: Items, asked: Body, now_ms: int, lag_ms: int) -> Body:
    """Do one of the DEEDS to an item of a collection: its key, and what it is then."""
    do, name = asked.get("do"), asked.get("collection")
    parent, given = str(asked.get("parent", "")), asked.get("body", {})
    collection = EDITED.get(str(name))
    if do not in DEEDS or collection is None or not isinstance(given, dict):
        raise Refused(
            400,
            f"do must be one of {', '.join(DEEDS)}, collection one of {', '.join(EDITED)}, body an object",
        )
    if do == "create":
        return _created(items, collection, parent, given, now_ms, lag_ms)
    every, key = items.of(collection, parent), str(asked.get("key"))
    if do == "remove" and collection.derived and key not in every:
        items.hide(collection, parent, key)
        return {"key": key, "body": None}
    item = every.get(key)
    if item is None or item.gone:
        raise Refused(404, f"there is no {collection.name} '{key}'")
    if do == "change":
        items.write(collection, item, given, now_ms)
    elif do == "remove":
        item.gone = True
    elif not collection.archives:
        raise Refused(400, f"HubSpot lists no archived {collection.name}: remove it instead")
    else:
        items.archive(collection, item, now_ms, archived=do == "archive")
    return {"key": key, "body": None if item.gone else item.body}


def _created(
    items: Items, collection: Collection, parent: str, given: Body, now_ms: int, lag_ms: int
) -> Body:
    try:
        key = items.add(collection, parent, given, now_ms, now_ms + lag_ms)
    except KeyError as error:
        raise Refused(400, f"body must have {error}") from None
    return {"key": key, "body": items.of(collection, parent)[key].body}
