"""The owners of a portal, the users they are, and their teams."""

from __future__ import annotations

from dataclasses import dataclass

from hubdump.sandbox.answers import Refused, Response, ok
from hubdump.sandbox.calls import Call
from hubdump.sandbox.items import Body, Collection, Item, Items
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.pages import anything, by_archived, listed
from hubdump.sandbox.people import ARCHIVED, OWNERS, QUEUE, TEAMS
from hubdump.sandbox.portal import Portal

_STAMP = "2021-02-03T04:05:06.007Z"
_FIRST, _STEP, _USER_IDS = 81_000_000, 137, 80_000_000
USERS_MAX = 500


def _owner(portal: Portal, _: str, index: int) -> Body:
    id_ = str(_FIRST + _STEP * index)
    archived = id_ in ARCHIVED or (len(OWNERS) <= index < portal.spec.items["owners"] and index % 10 == 3)
    number = int(id_) - _USER_IDS
    found: Body = {
        "id": id_, "email": f"owner{number}@example.com", "type": "QUEUE" if id_ == QUEUE else "PERSON",
        "firstName": "Owner", "lastName": str(number), "userId": number, "userIdIncludingInactive": number,
        "createdAt": _STAMP, "updatedAt": _STAMP, "archived": archived,
    }  # fmt: skip
    if number % 2 and not archived:
        found["teams"] = [{"id": TEAMS[0], "name": f"Team {TEAMS[0]}", "primary": True}]
    return found


def _active(portal: Portal) -> list[Body]:
    every = (_owner(portal, "", index) for index in range(portal.spec.items["owners"]))
    return [one for one in every if not one["archived"]]


def _user(portal: Portal, _: str, index: int) -> Body:
    """The user that an owner is, as the provisioning API writes it; archived owners are none any more."""
    active = _active(portal)
    told = active[index] if index < len(active) else _owner(portal, "", index)
    return {
        "id": str(told["userIdIncludingInactive"]), "email": told["email"], "firstName": told["firstName"],
        "lastName": told["lastName"], "roleIds": [], "superAdmin": index == 0,
        "primaryTeamId": TEAMS[0] if "teams" in told else None, "sendWelcomeEmail": False,
    }  # fmt: skip


def _team(portal: Portal, _: str, index: int) -> Body:
    """A team and who is in it; all are in the first."""
    id_ = str(int(TEAMS[0]) + index)
    inside = [str(one["userId"]) for one in _active(portal) if "teams" in one and index == 0]
    return {"id": id_, "name": f"Team {id_}", "userIds": inside, "secondaryUserIds": []}


def _id(body: Body) -> str:
    return str(body["id"])


OWNERS_OF = Collection("owners", _id, _owner, lambda portal, _: portal.spec.items["owners"], archives=True)
USERS = Collection("users", _id, _user, lambda portal, _: len(_active(portal)), dates=(), changed="")
TEAMS_OF = Collection("teams", _id, _team, lambda _, __: len(TEAMS), dates=(), changed="")


@dataclass(frozen=True, slots=True)
class Owners:
    """Answers for owners, users and teams."""

    objects: Objects
    items: Items

    def owners(self, call: Call) -> Response:
        """The people records belong to; archived ones on a pass of their own."""
        email, wanted = call.query.one("email"), by_archived(call)

        def shown(item: Item) -> bool:
            return wanted(item) and email in {"", item.body["email"]}

        beliefs = self.objects.beliefs
        every = self.items.of(OWNERS_OF).items()
        found = listed(call, every, shown, beliefs, default=100, most=beliefs.number("owners-max"))
        return ok(found | {"results": [written(body) for body in found["results"]]})

    def one(self, call: Call) -> Response:
        """One owner by its id, or by its user's."""
        key = {"": "id", "id": "id", "userId": "userIdIncludingInactive"}.get(call.query.one("idProperty"))
        if key is None:
            raise Refused(400, f"Invalid value for idProperty: '{call.query.one('idProperty')}'")
        every = self.items.there(OWNERS_OF, archived=call.query.flag("archived"))
        found = next((body for body in every if str(body[key]) == call.parts["id"]), None)
        if found is None:
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        return ok(written(found))

    def users(self, call: Call) -> Response:
        """The users of the account, by the provisioning API."""
        every = self.items.of(USERS).items()
        return ok(listed(call, every, anything, self.objects.beliefs, default=100, most=USERS_MAX))

    def teams(self, _: Call) -> Response:
        return ok({"results": list(self.items.there(TEAMS_OF))})


def written(body: Body) -> Body:
    """An owner as it is answered: archived ones have no user id but the inactive one (owners guide)."""
    return body | {"userId": None} if body["archived"] else body
