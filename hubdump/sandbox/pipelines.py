"""The pipelines of deals and tickets, with their stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubdump.sandbox.answers import Refused, Response, ok
from hubdump.sandbox.calls import Call
from hubdump.sandbox.items import Body, Collection, Items
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.types import Kind

# Recorded: what came with the portal has no date.
_EPOCH = "1970-01-01T00:00:00Z"
_STAGES = {
    "deals": (
        ("appointmentscheduled", "Appointment Scheduled", "0.2"), ("qualifiedtobuy", "Qualified To Buy", "0.4"),
        ("presentationscheduled", "Presentation Scheduled", "0.6"),
        ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"), ("contractsent", "Contract Sent", "0.9"),
        ("closedwon", "Closed Won", "1.0"), ("closedlost", "Closed Lost", "0.0"),
    ),
    "tickets": (("1", "New", ""), ("2", "Waiting on contact", ""), ("3", "Waiting on us", ""), ("4", "Closed", "")),
}  # fmt: skip
_PIPELINES = {"deals": ("default", "Sales Pipeline"), "tickets": ("0", "Support Pipeline")}


@dataclass(frozen=True, slots=True)
class Pipelines:
    """Answers for pipelines: each type has one, or none."""

    objects: Objects
    items: Items

    def all(self, call: Call) -> Response:
        return ok({"results": self.of(self.objects.shelf(call.parts["type"]).kind.name)})

    def of(self, type_: str) -> list[Body]:
        return list(self.items.there(PIPELINES, type_))

    def legacy(self, call: Call) -> Response:
        """The same by version 1, which goes on 2026-12-04 (a connector in our tests calls it)."""
        kind = self.objects.shelf(call.parts["type"]).kind
        return ok({"results": [_legacy(pipeline, kind) for pipeline in self.of(kind.name)]})

    def one(self, call: Call) -> Response:
        found = self.of(self.objects.shelf(call.parts["type"]).kind.name)
        one = next((p for p in found if p["id"] == call.parts["id"]), None)
        if one is None:
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        return ok(one)


def _legacy(pipeline: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """A pipeline as version 1 wrote it, in other words."""
    stages = [
        {
            "stageId": stage["id"], "label": stage["label"], "displayOrder": stage["displayOrder"],
            "metadata": stage["metadata"], "active": True, "createdAt": 0, "updatedAt": 0,
        }
        for stage in pipeline["stages"]
    ]  # fmt: skip
    return {
        "pipelineId": pipeline["id"], "label": pipeline["label"], "objectType": kind.singular.upper(),
        "objectTypeId": kind.type_id, "displayOrder": 0, "active": True, "default": True, "stages": stages,
        "createdAt": 0, "updatedAt": 0,
    }  # fmt: skip


def _pipeline(_: Portal, type_: str, index: int) -> Body:
    id_, label = _PIPELINES.get(type_, ("default", f"{type_.capitalize()} Pipeline"))
    stages = [_stage(stage, order) for order, stage in enumerate(_STAGES.get(type_, _STAGES["tickets"]))]
    return {
        "label": label, "displayOrder": 0, "id": str(7000 + index) if index else id_, "stages": stages,
        "createdAt": _EPOCH, "updatedAt": _EPOCH, "archived": False,
    }  # fmt: skip


PIPELINES = Collection(
    "pipelines", lambda body: str(body["id"]), _pipeline, lambda _, type_: int(type_ in _PIPELINES)
)


def _stage(stage: tuple[str, str, str], order: int) -> Body:
    id_, label, chance = stage
    closed = chance in {"1.0", "0.0"} or label == "Closed"
    metadata = {"isClosed": str(closed).lower()} | (
        {"probability": chance} if chance else {"ticketState": "CLOSED" if closed else "OPEN"}
    )
    return {
        "label": label, "displayOrder": order, "metadata": metadata, "id": id_, "createdAt": _EPOCH,
        "updatedAt": _EPOCH, "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT", "archived": False,
    }  # fmt: skip
