"""The people of a portal: owners, the users they are, and teams."""

from __future__ import annotations

from typing import Any

OWNERS = tuple(str(81_000_000 + 137 * number) for number in range(12))
ARCHIVED = OWNERS[-2:]
QUEUE = OWNERS[-3]
TEAMS = ("551", "552")
_STAMP = "2021-02-03T04:05:06.007Z"


def owner(id_: str) -> dict[str, Any]:
    """One owner; archived ones have no user id but in `userIdIncludingInactive` (owners guide)."""
    archived, number = id_ in ARCHIVED, int(id_) - 80_000_000
    found: dict[str, Any] = {
        "id": id_, "email": f"owner{number}@example.com", "type": "QUEUE" if id_ == QUEUE else "PERSON",
        "firstName": "Owner", "lastName": str(number), "userId": None if archived else number,
        "userIdIncludingInactive": number, "createdAt": _STAMP, "updatedAt": _STAMP, "archived": archived,
    }  # fmt: skip
    if number % 2 and not archived:
        found["teams"] = [{"id": TEAMS[0], "name": "Team 551", "primary": True}]
    return found


def user(id_: str) -> dict[str, Any]:
    """The user that an owner is, as the provisioning API writes it."""
    told = owner(id_)
    return {
        "id": str(told["userIdIncludingInactive"]), "email": told["email"], "firstName": told["firstName"],
        "lastName": told["lastName"], "roleIds": [], "superAdmin": id_ == OWNERS[0],
        "primaryTeamId": TEAMS[0] if "teams" in told else None, "sendWelcomeEmail": False,
    }  # fmt: skip


def team(id_: str) -> dict[str, Any]:
    """A team and who is in it."""
    inside = [str(int(o) - 80_000_000) for o in OWNERS if "teams" in owner(o) and id_ == TEAMS[0]]
    return {"id": id_, "name": f"Team {id_}", "userIds": inside, "secondaryUserIds": []}
