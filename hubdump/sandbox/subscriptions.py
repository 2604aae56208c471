"""What contacts can subscribe to, and to what each of them has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from hubdump.sandbox.answers import Refused, Response, ok
from hubdump.sandbox.calls import BATCH_MAX, Call
from hubdump.sandbox.items import Body, Collection, Items, since_ms
from hubdump.sandbox.moments import iso
from hubdump.sandbox.numbers import mix
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.portal import Portal

_TOPICS = ("Newsletter", "Product news", "Events", "Sales", "Customer service", "Partners")
_BASES = ("LEGITIMATE_INTEREST_CLIENT", "CONSENT_WITH_NOTICE", "NON_GDPR")
CHANNELS = {"EMAIL"}


def _type(_: Portal, __: str, index: int) -> Body:
    made = iso(1_600_000_000_000 + 86_400_013 * index)
    return {
        "id": str(4_400_000 + 3 * index), "name": _TOPICS[index] if index < len(_TOPICS) else f"Topic {index}",
        "description": "What we send about it", "purpose": "Marketing", "communicationMethod": "Email",
        "isActive": index != 3, "isDefault": index == 0, "isInternal": False, "subscriptionTranslations": [],
        "createdAt": made, "updatedAt": made,
    }  # fmt: skip


TYPES = Collection(
    "subscription_types", lambda body: str(body["id"]), _type,
    lambda portal, _: portal.spec.items["subscription_types"],
)  # fmt: skip
STATUSES = Collection(
    "subscription_statuses", lambda body: f"{body['subscriberIdString']}:{body['subscriptionId']}",
    lambda _, __, ___: {
        "channel": "EMAIL", "source": "API", "status": "SUBSCRIBED", "timestamp": iso(0), "legalBasis": _BASES[0],
        "legalBasisExplanation": "asked for it",
    },
    lambda _, __: 0, dates=("timestamp",), changed="timestamp", derived=True,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Answers for subscriptions."""

    objects: Objects
    items: Items

    def definitions(self, call: Call) -> Response:
        """The types there are; version 3 has a word of its own for them, later ones stand in an envelope."""
        every = list(self.items.there(TYPES))
        if call.version == "v3":
            return ok({"subscriptionDefinitions": every})
        return ok(call.batch({"results": every}))

    def statuses(self, call: Call) -> Response:
        """What these emails are subscribed to, at most a hundred; of whom nothing is known, nothing is said."""
        channel = call.query.one("channel")
        if channel not in CHANNELS:
            raise Refused(400, f"Invalid value for channel: '{channel}'")
        emails = call.body().get("inputs")
        if not isinstance(emails, list) or not all(isinstance(email, str) for email in emails):
            raise Refused(400, "Invalid input JSON: inputs must be a list of texts")
        if len(emails) > BATCH_MAX:
            text = f"The maximum number of inputs supported in a batch is {BATCH_MAX}."
            raise Refused(400, f"{text} Please reduce the number of items and try again")
        told = {email: list(self.of(email.casefold())) for email in emails}
        absent = self.objects.beliefs["statuses-of-nobody"] == "absent"
        results = [
            {"subscriberIdString": email, "statuses": statuses}
            for email, statuses in told.items()
            if statuses or not absent
        ]
        return ok(call.batch({"results": results}))

    def emails(self) -> Iterator[str]:
        """The emails of all live contacts."""
        shelf = self.objects.portal.shelves["contacts"]
        for id_ in shelf.ids():
            email = shelf.value(id_, "email")
            if email:
                yield email

    def of(self, email: str) -> Iterator[Body]:
        """What one email is subscribed to: as was written, or as follows from it, if a contact has it."""
        shelf = self.objects.portal.shelves["contacts"]
        holder = shelf.holder("email", email)
        if holder is None or not shelf.is_live(holder):
            return
        written = self.items.of(STATUSES)
        for type_ in self.items.there(TYPES):
            item = written.get(f"{email}:{type_['id']}")
            made = self._made(email, type_) if item is None else None if item.gone else item.body
            if made is not None:
                yield made | {"subscriptionName": type_["name"]}

    def _made(self, email: str, type_: Body) -> Body | None:
        """One of four contacts has no status, another one not for all types."""
        number = mix(self.objects.portal.seed ^ crc32(email.encode()))
        own = mix(number ^ int(type_["id"]))
        if number % 4 == 0 or own % 5 == 0:
            return None
        return {
            "channel": "EMAIL", "source": "PUBLIC_STATUS_PAGE" if own % 2 else "FORM",
            "status": "UNSUBSCRIBED" if own % 7 == 0 else "SUBSCRIBED", "subscriberIdString": email,
            "subscriptionId": int(type_["id"]), "timestamp": iso(since_ms(own)),
            "legalBasis": _BASES[own % 3], "legalBasisExplanation": "told us so",
        }  # fmt: skip
