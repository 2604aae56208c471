"""The marketing emails of a portal, with their statistics."""

from __future__ import annotations

from dataclasses import dataclass

from hubdump.sandbox.answers import Response, ok
from hubdump.sandbox.calls import Call
from hubdump.sandbox.items import Body, Collection, Items, chance, since_ms
from hubdump.sandbox.moments import iso
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.pages import by_archived, listed
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.subscriptions import TYPES

EMAILS_MAX = 100
FIRST_CAMPAIGN = 260_000_000
_DAY_MS = 86_400_000
# State, type and whether it is published.
_KINDS = (
    ("PUBLISHED", "BATCH_EMAIL", True), ("DRAFT", "BATCH_EMAIL", False), ("AUTOMATED", "AUTOMATED_EMAIL", True),
    ("PUBLISHED", "BATCH_EMAIL", True), ("SCHEDULED", "BATCH_EMAIL", False), ("PUBLISHED", "AB_EMAIL", True),
)  # fmt: skip


def _email(portal: Portal, _: str, index: int) -> Body:
    """An email; one of eight is archived."""
    number = chance(portal, "marketing_emails", "", index)
    state, type_, published = _KINDS[index % len(_KINDS)]
    made = since_ms(number) - 200 * _DAY_MS
    archived = index % 8 == 6 and index < portal.spec.items["marketing_emails"]
    campaign = str(FIRST_CAMPAIGN + index)
    types = portal.spec.items["subscription_types"]
    topic = TYPES.one(portal, "", index % types) if types else {"id": "0", "name": ""}
    found: Body = {
        "id": str(150_000_000_000 + 1_013 * index), "name": f"Mailing {index}", "subject": f"News {index}: {{{{ x }}}}",
        "type": type_, "state": state, "subcategory": type_.removesuffix("_EMAIL").lower(), "isPublished": published,
        "isAb": type_ == "AB_EMAIL", "isTransactional": False, "archived": archived, "activeDomain": "www.example.com",
        "createdAt": iso(made), "createdById": "441", "updatedAt": iso(made + _DAY_MS), "updatedById": "441",
        "campaign": f"campaign-{index % 3}", "language": "en", "jitterSendTime": False, "sendOnPublish": True,
        "emailTemplateMode": "DRAG_AND_DROP", "publishDate": iso(made + 2 * _DAY_MS),
        "content": {"templatePath": "@hubspot/email/dnd/welcome.html", "plainTextVersion": "Hello,\nnews.",
                    "flexAreas": {}, "widgets": {}, "widgetContainers": {}, "smartFields": {}},
        "from": {"fromName": "Example", "replyTo": "news@example.com"},
        "to": {"contactIds": {"include": [], "exclude": []}, "contactLists": {"include": ["3"], "exclude": []},
               "limitSendFrequency": False, "suppressGraymail": True},
        "subscriptionDetails": {"subscriptionId": topic["id"], "subscriptionName": topic["name"]},
        "webversion": {"enabled": True, "slug": f"news-{index}", "domain": "www.example.com"},
        "teamsWithAccess": [], "usersWithAccess": [],
    }  # fmt: skip
    if published:
        found |= {
            "publishedAt": iso(made + 2 * _DAY_MS), "publishedById": "441", "primaryEmailCampaignId": campaign,
            "allEmailCampaignIds": [campaign], "stats": _statistics(number),
        }  # fmt: skip
    else:
        found["stats"] = _statistics(0)
    return found | ({"deletedAt": iso(made + 3 * _DAY_MS)} if archived else {})


def _statistics(number: int) -> Body:
    """How an email did; all noughts where it was never sent."""
    sent = number % 2_000
    opened, clicked, bounced = sent * 2 // 5, sent // 10, sent // 50
    counters = {
        "sent": sent, "delivered": sent - bounced, "open": opened, "click": clicked, "bounce": bounced,
        "unsubscribed": sent // 100, "spamreport": 0, "reply": 0, "dropped": 0, "contactslost": sent // 100,
        "notsent": 0, "selected": sent, "hardbounced": bounced, "softbounced": 0, "pending": 0, "suppressed": 0,
    }  # fmt: skip
    delivered = max(1, sent - bounced)
    ratios = {
        "openratio": round(100 * opened / delivered, 4), "clickratio": round(100 * clicked / delivered, 4),
        "deliveredratio": round(100 * (sent - bounced) / max(1, sent), 4), "replyratio": 0.0,
    }  # fmt: skip
    devices = {"computer": opened // 2, "mobile": opened // 3, "unknown": 0}
    breakdown = {"open_device_type": devices, "click_device_type": dict.fromkeys(devices, clicked // 3)}
    return {"counters": counters, "deviceBreakdown": breakdown, "qualifierStats": {}, "ratios": ratios}


EMAILS = Collection(
    "marketing_emails", lambda body: str(body["id"]), _email, lambda portal, _: portal.spec.items["marketing_emails"],
    archives=True, archived_date="deletedAt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Marketing:
    """Answers for marketing emails."""

    objects: Objects
    items: Items

    def emails(self, call: Call) -> Response:
        """Emails, with how they did where `includeStats` says so; archived ones on a pass of their own."""
        with_stats, shown = call.query.flag("includeStats"), by_archived(call)
        every = self.items.of(EMAILS)
        answer = listed(call, every.items(), shown, self.objects.beliefs, default=10, most=EMAILS_MAX)
        total = sum(not item.gone and shown(item) for item in every.values())
        if not with_stats:
            answer["results"] = [
                {name: value for name, value in body.items() if name != "stats"} for body in answer["results"]
            ]
        return ok({"total": total, **answer})
