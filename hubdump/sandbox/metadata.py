"""What describes a portal: its account, use of its limits, and its properties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hubdump.sandbox.answers import Refused, Response, ok
from hubdump.sandbox.calls import BATCH_MAX, Call, answered, inputs_of
from hubdump.sandbox.currencies import COMPANY, Currencies
from hubdump.sandbox.moments import iso
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.properties import groups
from hubdump.sandbox.types import Kind

SENSITIVITIES = {"non_sensitive", "sensitive", "highly_sensitive"}
# The day's limit (None: none), how much of it is used, and when it begins anew.
Usage = Callable[[], tuple[int | None, int, str]]


@dataclass(frozen=True, slots=True)
class Metadata:
    """Answers about a portal rather than its records."""

    objects: Objects
    currencies: Currencies
    usage: Usage | None = None

    def account(self, _: Call) -> Response:
        return ok(self.details())

    def details(self) -> dict[str, Any]:
        """Whose portal this is."""
        return {
            "portalId": self.objects.portal.id, "accountType": "STANDARD", "timeZone": "US/Eastern",
            "companyCurrency": COMPANY, "additionalCurrencies": self.currencies.codes(), "utcOffset": "-05:00",
            "utcOffsetMilliseconds": -18_000_000, "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
        }  # fmt: skip

    def daily(self, call: Call) -> Response:
        """The calls of legacy private apps today; a service key may not be allowed to ask (not verified)."""
        if self.objects.beliefs["usage-for-service-keys"] == "no":
            raise Refused(403, "This endpoint is not available to service keys", "FORBIDDEN")
        limit, used, resets_at = self.usage() if self.usage else (625_000, 0, iso(call.now_ms))
        one = {
            "name": "private-apps-api-calls-daily", "usageLimit": limit, "currentUsage": used,
            "collectedAt": iso(call.now_ms), "fetchStatus": "SUCCESS", "resetsAt": resets_at,
        }  # fmt: skip
        return ok({"results": [] if limit is None else [one]})

    def properties(self, call: Call) -> Response:
        """A type's properties: those that are not sensitive and not archived, unless others are asked for."""
        sensitivity = call.query.one("dataSensitivity") or "non_sensitive"
        if sensitivity not in SENSITIVITIES:
            raise Refused(400, f"Invalid value for dataSensitivity: '{sensitivity}'")
        archived, shelf = call.query.flag("archived"), self.objects.shelf(call.parts["type"])
        found = [
            definition.as_json(call.version)
            for definition in shelf.definitions.values()
            if definition.sensitivity == sensitivity and definition.archived == archived
        ]
        return ok({"results": found})

    def some_properties(self, call: Call) -> Response:
        """The properties of these names; those that are not there are named in one error."""
        body, shelf = call.body(), self.objects.shelf(call.parts["type"])
        archived = body.get("archived") is True
        names = [str(one["name"]) for one in inputs_of(body, BATCH_MAX, key="name")]
        known = {n: d.as_json() for n, d in shelf.definitions.items() if d.archived == archived}
        missing = [name for name in names if name not in known]
        error = {
            "status": "error", "category": "OBJECT_NOT_FOUND", "message": "Some properties do not exist",
            "context": {"names": missing},
        }  # fmt: skip
        found = [known[name] for name in names if name in known]
        return answered(call, self.objects.beliefs, found, [error] if missing else [], 200)

    def legacy_properties(self, call: Call) -> Response:
        """The same as a bare list, as version 2 had it (a connector in our tests calls it, for forms too)."""
        type_ = call.parts["type"]
        shelf = self.objects.shelf("contacts" if type_ == "form" else type_)
        found = [
            d.as_json()
            for d in shelf.definitions.values()
            if d.sensitivity == "non_sensitive" and not d.archived
        ]
        return ok(found)

    def one_property(self, call: Call) -> Response:
        name = call.parts["name"]
        definition = self.objects.shelf(call.parts["type"]).definitions.get(name)
        if definition is None or definition.archived != call.query.flag("archived"):
            raise Refused(404, f"Property {name} does not exist", "OBJECT_NOT_FOUND")
        return ok(definition.as_json())

    def groups(self, call: Call) -> Response:
        return ok({"results": self.groups_of(call.parts["type"])})

    def groups_of(self, type_: str) -> list[dict[str, Any]]:
        kind = self.objects.shelf(type_).kind
        return groups(kind, self.objects.portal.spec.made_by_users(kind.name))

    def counts(self, _: Call) -> Response:
        """How many records of each type there are; whether archived ones count is not known."""
        portal = self.objects.portal
        kinds = [kind for kind in portal.kinds if not portal.lacks(kind)]
        plain = [self._usage(kind) for kind in kinds if not kind.custom]
        own = [self._usage(kind) for kind in kinds if kind.custom]
        total = sum(one["usage"] for one in own)
        most = 2_000_000
        custom = {
            "overallLimit": most, "overallUsage": total, "overallPercentage": _percent(total, most),
            "byObjectType": own,
        }  # fmt: skip
        return ok({"hubspotDefinedObjectTypes": plain, "customObjectTypes": custom})

    def enablement(self, _: Call) -> Response:
        """Which objects of the library are switched on: at first those this portal has records of."""
        portal = self.objects.portal
        return ok(
            {
                "enablementByObjectTypeId": {
                    kind.type_id: kind.name not in portal.switched_off
                    for kind in portal.kinds
                    if kind.library
                }
            }
        )

    def _usage(self, kind: Kind) -> dict[str, Any]:
        shelf = self.objects.portal.shelves[kind.name]
        both = self.objects.beliefs["usage-counts-archived"] == "yes"
        usage = shelf.live + (shelf.archived if both else 0)
        limit = 15_000_000
        singular, plural = kind.shown
        return {
            "objectTypeId": kind.type_id, "singularLabel": singular, "pluralLabel": plural, "limit": limit,
            "usage": usage,
            "percentage": _percent(usage, limit),
        }  # fmt: skip


def _percent(part: int, whole_: int) -> float:
    return round(100 * part / whole_, 4)
