"""What became of marketing emails: events, and changes of subscriptions, by the old API without a specification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hubdump.sandbox.answers import Response, ok, whole
from hubdump.sandbox.calls import Call
from hubdump.sandbox.items import Body, Collection, Item, Items, chance, guid, since_ms
from hubdump.sandbox.marketing import FIRST_CAMPAIGN
from hubdump.sandbox.numbers import mix
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.pages import Keyed, limit_of, page
from hubdump.sandbox.portal import Portal

EVENTS_MAX = 1000
_TYPES = (
    "SENT",
    "PROCESSED",
    "DELIVERED",
    "OPEN",
    "OPEN",
    "CLICK",
    "BOUNCE",
    "DEFERRED",
    "DROPPED",
    "STATUSCHANGE",
)
_APP = {"appId": 113, "appName": "Batch"}
# So many events of an import share a millisecond; of so many, one has the id of the one before.
_TOGETHER, _AGAIN = 25, 60
_JITTER_MS = 5_000


def _event(portal: Portal, _: str, index: int) -> Body:
    """An event. Some share a millisecond, some an id: only both together are one's own (events guide)."""
    together = index // _TOGETHER % 4 == 1
    group = index - index % _TOGETHER if together else index
    twin = index - 1 if index % _AGAIN == 1 and not together else index
    number = chance(portal, "email_events", "", index)
    type_ = _TYPES[number % len(_TYPES)]
    created = since_ms(chance(portal, "email_events", "at", group))
    found: Body = {
        "id": guid(chance(portal, "email_events", "id", twin)), "created": created, "type": type_,
        "recipient": _recipient(number), "portalId": portal.id, "emailCampaignId": FIRST_CAMPAIGN + number % 30,
        **_APP,
    }  # fmt: skip
    if type_ == "SENT":
        found["subject"] = f"News {number % 30}"
    else:
        found["sentBy"] = {"id": guid(number ^ 1), "created": created - number % 90_000}
    if type_ in {"OPEN", "CLICK"}:
        found |= {
            "userAgent": "Mozilla/5.0", "deviceType": "COMPUTER", "duration": 0, "filteredEvent": False,
            "browser": {"name": "Firefox", "family": "Firefox", "type": "Browser", "version": ["140"]},
            "location": {"country": "Germany", "state": "Berlin", "city": "berlin"},
        }  # fmt: skip
    if type_ == "CLICK":
        found |= {
            "url": "https://www.example.com/?a=1&b=2",
            "referer": "https://mail.example.com/",
            "linkId": 0,
        }
    if type_ == "BOUNCE":
        found |= {"category": "UNKNOWN_USER", "response": "550 5.1.1 no such user", "status": "5.1.1"}
    return found


def _change(portal: Portal, _: str, index: int) -> Body:
    """What changed in one recipient's subscriptions at one instant, by one event."""
    number = chance(portal, "subscription_changes", "", index)
    at = since_ms(chance(portal, "subscription_changes", "at", index - 1 if index % 10 == 1 else index))
    cause = {"id": guid(number), "created": at}
    if number % 5 == 0:
        changes = [
            {"change": "BOUNCED", "source": "SOURCE_NON_DELIVERY_REPORT", "changeType": "PORTAL_BOUNCE"}
        ]
    else:
        ids = [4_400_000 + 3 * (number % 2 + more) for more in range(1 + number % 2)]
        word = "UNSUBSCRIBED" if number % 3 else "SUBSCRIBED"
        one: Body = {"change": word, "source": "SOURCE_RECIPIENT", "changeType": "SUBSCRIPTION_STATUS"}
        changes = [one | {"subscriptionId": id_} for id_ in ids]
    return {
        "timestamp": at, "portalId": portal.id, "recipient": _recipient(number),
        "changes": [one | {"portalId": portal.id, "causedByEvent": cause} for one in changes],
    }  # fmt: skip


def _recipient(number: int) -> str:
    """The email of one of the first contacts, if there are so many."""
    return f"person{number % 50}@example.com"


EVENTS = Collection(
    "email_events", lambda body: f"{body['created']}:{body['id']}", _event,
    lambda portal, _: portal.spec.items["email_events"], dates=("created",), changed="",
)  # fmt: skip
CHANGES = Collection(
    "subscription_changes",
    lambda body: f"{body['timestamp']}:{body['recipient']}:{body['changes'][0]['causedByEvent']['id']}", _change,
    lambda portal, _: portal.spec.items["subscription_changes"], dates=("timestamp",), changed="",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EmailEvents:
    """Answers for events and for changes of subscriptions."""

    objects: Objects
    items: Items

    def events(self, call: Call) -> Response:
        type_, recipient = call.query.one("eventType"), call.query.one("recipient")

        def asked(body: Body) -> bool:
            return type_ in {"", body["type"]} and recipient in {"", body["recipient"]}

        return self._page(call, EVENTS, "created", "events", asked)

    def changes(self, call: Call) -> Response:
        return self._page(call, CHANGES, "timestamp", "timeline", lambda _: True)

    def _page(
        self, call: Call, collection: Collection, date: str, name: str, asked: Callable[[Body], bool]
    ) -> Response:
        """A page between two instants, the newest first; `offset` leads on, which means nothing to who gets it."""
        start_ms = whole(call.query.one("startTimestamp") or 0, "startTimestamp")
        end_ms = whole(call.query.one("endTimestamp") or 10**15, "endTimestamp")
        if self.objects.beliefs["events-end"] == "exclusive":
            end_ms -= 1

        def shown(item: Item) -> bool:
            there = item.seen_ms <= call.now_ms and start_ms <= item.body[date] <= end_ms
            return there and asked(item.body)

        found, after = page(
            self._ordered(collection, date), shown, call.query.one("offset"),
            limit_of(call, 10, EVENTS_MAX), self.objects.beliefs,
        )  # fmt: skip
        return ok({"hasMore": bool(after), **({"offset": after} if after else {}), name: found})

    def _ordered(self, collection: Collection, date: str) -> Iterator[Keyed]:
        """The newest first; where that is believed, only roughly."""
        roughly = self.objects.beliefs["events-order"] == "roughly"

        def place(keyed: Keyed) -> tuple[int, str]:
            key, item = keyed
            late_ms = mix(len(key) ^ item.body[date]) % _JITTER_MS if roughly else 0
            return -item.body[date] - late_ms, key

        return iter(sorted(self.items.of(collection).items(), key=place))
