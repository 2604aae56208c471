"""The workflows of a portal, as they are listed: without what they do."""

from __future__ import annotations

from dataclasses import dataclass

from hubdump.sandbox.answers import Response, ok
from hubdump.sandbox.calls import Call
from hubdump.sandbox.items import Body, Collection, Items, chance, guid, since_ms
from hubdump.sandbox.moments import iso
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.pages import anything, listed
from hubdump.sandbox.portal import Portal

FLOWS_MAX = 100
_TYPES = ("0-1", "0-2", "0-3", "0-5")


def _flow(portal: Portal, _: str, index: int) -> Body:
    number = chance(portal, "workflows", "", index)
    made = since_ms(number)
    return {
        "id": str(1_500_000_000 + 17 * index), "isEnabled": index % 3 > 0, "objectTypeId": _TYPES[index % 4],
        "revisionId": str(1 + number % 12), "flowType": "WORKFLOW", "name": f"Workflow {index}",
        "uuid": guid(number), "createdAt": iso(made - 10**10), "updatedAt": iso(made),
    }  # fmt: skip


WORKFLOWS = Collection(
    "workflows", lambda body: str(body["id"]), _flow, lambda portal, _: portal.spec.items["workflows"]
)


@dataclass(frozen=True, slots=True)
class Workflows:
    """Answers for workflows."""

    objects: Objects
    items: Items

    def all(self, call: Call) -> Response:
        every = self.items.of(WORKFLOWS).items()
        beliefs = self.objects.beliefs
        return ok(listed(call, every, anything, beliefs, default=FLOWS_MAX, most=FLOWS_MAX))
