"""What changes of a portal besides its records: properties, custom objects, types that go, scopes of its tokens.

A deed is written `NAME:ARGUMENT:...`, for the control and for `--life` alike, where `@SECOND` follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hubdump.sandbox.apps import Apps
from hubdump.sandbox.changes import Changes
from hubdump.sandbox.config import SandboxError
from hubdump.sandbox.customs import custom
from hubdump.sandbox.definitions import Definition, nothing, titled
from hubdump.sandbox.files import HIDDEN_SCOPE
from hubdump.sandbox.moments import iso
from hubdump.sandbox.pairs import Pair
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.records import Shelf
from hubdump.sandbox.routes import TABLE

# A property's type, and the field that it then is.
FIELDS = {
    "string": "text", "number": "number", "enumeration": "select", "date": "date", "datetime": "date",
    "bool": "booleancheckbox",
}  # fmt: skip
CUSTOMS_MAX = 100
NEW_RECORDS = 12
_FIRST_TYPE_ID = 1001


class Drift:
    """The drift of one portal and its apps. SandboxError names what cannot be done."""

    def __init__(self, portal: Portal, apps: Apps) -> None:
        self._portal, self._apps = portal, apps
        self._changes = Changes(portal)

    def do(self, text: str, now_ms: int) -> None:
        """Do what a text says."""
        if not self.knows(text):
            raise SandboxError(
                f"'{text}' is no deed; there are: {', '.join(one.usage for one in DEEDS.values())}"
            )
        name, *words = text.split(":")
        DEEDS[name].do(self, words, now_ms)

    def knows(self, text: str) -> bool:
        """Whether a text is that of a deed, possible or not."""
        name, *words = text.split(":")
        return name in DEEDS and DEEDS[name].fits(words)

    def create_property(self, words: list[str], now_ms: int) -> None:
        """A property of a type that nobody has a value of yet; sensitive where that is said."""
        shelf, name, sensitivity = self._shelf(words[0]), words[1], (*words[2:], "non_sensitive")[0]
        if name in shelf.definitions or sensitivity not in shelf.kind.sensitivities:
            raise SandboxError(
                f"{words[0]} has a property {name}, or '{sensitivity}' is not one of "
                f"{', '.join(shelf.kind.sensitivities)}"
            )
        when = iso(now_ms)
        group = f"{shelf.kind.singular}information"
        made = Definition(
            name, titled(name), "string", "text", nothing, group, hubspot_defined=False, sensitivity=sensitivity,
            made=when, changed=when,
        )  # fmt: skip
        shelf.define(name, made)

    def archive_property(self, words: list[str], now_ms: int) -> None:
        shelf, one = self._property(words)
        when = iso(now_ms)
        shelf.define(one.name, replace(one, archived=True, archived_at=when, changed=when))

    def restore_property(self, words: list[str], now_ms: int) -> None:
        shelf, one = self._property(words)
        shelf.define(one.name, replace(one, archived=False, changed=iso(now_ms)))

    def remove_property(self, words: list[str], _: int) -> None:
        """It is not even archived any more."""
        shelf, one = self._property(words)
        shelf.define(one.name, None)

    def retype_property(self, words: list[str], now_ms: int) -> None:
        """Another type; the values stay the texts they are."""
        shelf, one = self._property(words)
        if words[2] not in FIELDS:
            raise SandboxError(f"'{words[2]}' is no type of a property; there are: {', '.join(FIELDS)}")
        shelf.define(one.name, replace(one, type=words[2], field_type=FIELDS[words[2]], changed=iso(now_ms)))

    def create_custom(self, _: list[str], now_ms: int) -> None:
        """The next custom object, with some records, of which each is associated with a contact."""
        portal = self._portal
        place = sum(shelf.kind.custom for shelf in portal.shelves.values())
        if place >= CUSTOMS_MAX:
            raise SandboxError(f"there are {CUSTOMS_MAX} custom objects, and no more can be made")
        kind, type_id = custom(place), _FIRST_TYPE_ID + 2 * place
        pair = Pair(kind.name, "contacts", type_id, type_id + 1, category="USER_DEFINED")
        shelf, contacts = portal.add(kind, pair), portal.shelves["contacts"]
        made = [
            self._changes.create(shelf, {kind.defaults[0]: f"Number {number}"}, now_ms, "CRM_UI")
            for number in range(NEW_RECORDS)
        ]
        plain = tuple(self._changes.labels_of(shelf, contacts)[:1])
        for id_, contact in zip(made, contacts.ids(), strict=False):
            self._changes.associate((shelf, id_, contacts, contact), plain, now_ms)

    def archive_custom(self, words: list[str], _: int) -> None:
        """It and its records are gone; its schema is among the archived ones."""
        kind = self._shelf(words[0]).kind
        if not kind.custom:
            raise SandboxError(f"{words[0]} is not a custom object, and cannot be archived")
        self._portal.gone.add(kind.name)
        self._portal.archived.append(kind.name)

    def take_type(self, words: list[str], _: int) -> None:
        self._portal.gone.add(self._shelf(words[0]).kind.name)

    def give_type(self, words: list[str], _: int) -> None:
        """A type that was gone, or archived, is there as it was."""
        kind = self._portal.names.kind(words[0])
        if kind is None or kind.name not in self._portal.gone:
            raise SandboxError(f"'{words[0]}' is not gone")
        self._portal.gone.discard(kind.name)
        if kind.name in self._portal.archived:
            self._portal.archived.remove(kind.name)

    def switch_off(self, words: list[str], _: int) -> None:
        self._portal.switched_off.add(self._library(words[0]))

    def switch_on(self, words: list[str], _: int) -> None:
        self._portal.switched_off.discard(self._library(words[0]))

    def revoke_scope(self, words: list[str], _: int) -> None:
        self._apps.revoke(words[0], self._scopes(), self._token(words))

    def grant_scope(self, words: list[str], _: int) -> None:
        self._apps.grant(words[0], self._scopes(), self._token(words))

    def _token(self, words: list[str]) -> str:
        token = (*words[1:], "")[0]
        if token and not self._apps.has(token):
            raise SandboxError("no app has this token")
        return token

    def _scopes(self) -> set[str]:
        """All the scopes that anything here needs: what an app with all of them has."""
        found = {HIDDEN_SCOPE, *(one for row in TABLE for scope in row.scopes for one in scope.split("|"))}
        for kind in (shelf.kind for shelf in self._portal.shelves.values()):
            found |= {
                *kind.scopes(),
                *kind.scopes(write=True),
                *map(kind.sensitive_scope, kind.sensitivities),
            }
        return found

    def _shelf(self, type_: str) -> Shelf:
        kind = self._portal.kind(type_)
        if kind is None:
            raise SandboxError(f"there is no type '{type_}'")
        return self._portal.shelves[kind.name]

    def _library(self, type_: str) -> str:
        kind = self._shelf(type_).kind
        if not kind.library:
            raise SandboxError(f"{type_} is not of the object library")
        return kind.name

    def _property(self, words: list[str]) -> tuple[Shelf, Definition]:
        shelf = self._shelf(words[0])
        if words[1] not in shelf.definitions:
            raise SandboxError(f"{words[0]} has no property '{words[1]}'")
        return shelf, shelf.definitions[words[1]]


@dataclass(frozen=True, slots=True)
class Deed:
    """What is told of it, how it is written (an argument in [] can be left out), and what does it."""

    about: str
    usage: str
    do: Callable[[Drift, list[str], int], None]

    def fits(self, words: list[str]) -> bool:
        """Whether so many arguments can be its, none of them empty."""
        wanted = self.usage.split(":")[1:]
        least = sum(not one.startswith("[") for one in wanted)
        return least <= len(words) <= len(wanted) and all(words)


_EVERY = (
    Deed(
        "a property more, without values", "property-created:TYPE:NAME:[SENSITIVITY]", Drift.create_property
    ),
    Deed("it is archived", "property-archived:TYPE:NAME", Drift.archive_property),
    Deed("it is back", "property-restored:TYPE:NAME", Drift.restore_property),
    Deed("it is no more", "property-removed:TYPE:NAME", Drift.remove_property),
    Deed(
        f"it is of another type: {', '.join(FIELDS)}", "property-retyped:TYPE:NAME:TO", Drift.retype_property
    ),
    Deed(f"a custom object more, with {NEW_RECORDS} records", "custom-created", Drift.create_custom),
    Deed("it is archived, and its records are gone", "custom-archived:TYPE", Drift.archive_custom),
    Deed("a type is gone", "type-gone:TYPE", Drift.take_type),
    Deed("a type that was gone or archived is back", "type-back:TYPE", Drift.give_type),
    Deed("a type of the object library is switched off", "type-off:TYPE", Drift.switch_off),
    Deed("or on", "type-on:TYPE", Drift.switch_on),
    Deed(
        "the app of this token, or every one, loses a scope",
        "scope-revoked:SCOPE:[TOKEN]",
        Drift.revoke_scope,
    ),
    Deed("or gets it", "scope-given:SCOPE:[TOKEN]", Drift.grant_scope),
)
DEEDS = {deed.usage.partition(":")[0]: deed for deed in _EVERY}
