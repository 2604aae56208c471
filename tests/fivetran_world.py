"""What the views of Fivetran's layout must hold, by the sandbox's own truth and lists; and databases that have them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from tests.conftest import TOKEN, Served

PORTAL = (
    "contacts=30,companies=12,deals=14,tickets=8,calls=12,meetings=5,emails=6,notes=6,tasks=3,communications=3,"
    "postal_mail=2"
)
CRM = {"contacts": "contact", "companies": "company", "deals": "deal", "tickets": "ticket"}
ENGAGEMENTS = {
    "calls": "CALL", "meetings": "MEETING", "emails": "EMAIL", "notes": "NOTE", "tasks": "TASK",
    "communications": "COMMUNICATION", "postal_mail": "POSTAL_MAIL",
}  # fmt: skip
HISTORY = (
    "contacts:email,lifecyclestage", "companies:name,city", "deals", "tickets:subject,hs_pipeline_stage",
)  # fmt: skip
ITEMS = (
    "owners,users,teams,pipelines,lists,list_memberships,forms,form_submissions,marketing_emails,email_events"
)
Rows = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class World:
    """A portal to which something happened, and a database with the layout of a dump of it."""

    served: Served
    rows: Rows

    @cached_property
    def truth(self) -> dict[str, Any]:
        types = ",".join((*CRM, *ENGAGEMENTS))
        found: dict[str, Any] = self.served.ask(
            f"truth?types={types}&items={ITEMS}&history={','.join(CRM)}&definitions=deals"
        )
        return found

    def bodies(self, name: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Items as HubSpot has them, by parent and key."""
        found: dict[str, dict[str, Any]] = self.truth["bodies"][name]
        return {(parent, key): body for parent, of in found.items() for key, body in of.items()}

    def records(self, type_: str, *properties: str) -> dict[int, dict[str, Any]]:
        """The properties of every active record of a type, as the portal lists them."""
        found: dict[int, dict[str, Any]] = {}
        after = "0"
        while after:
            path = f"crm/v3/objects/{type_}?limit=100&properties={','.join(properties)}"
            page = asked(self.served, "GET", path + (f"&after={after}" if after != "0" else ""))
            found |= {int(one["id"]): one["properties"] for one in page["results"]}
            after = page.get("paging", {}).get("next", {}).get("after")
        return found

    def linked(self, from_: str, to: str) -> Iterator[tuple[int, int, str, int]]:
        """From, to, category and type id, of live records as seen from the first, wherever it is stored."""
        for a, from_id, b, to_id, category, type_id, _ in self.truth["associations"]:
            if (a, b) == (from_, to):
                yield int(from_id), int(to_id), category, type_id

    def ends(self, from_: str, to: str) -> set[tuple[int, int]]:
        """Ids that are associated, from whichever side it is stored."""
        back = {(other, one) for one, other, *_ in self.linked(to, from_)}
        return back | {(one, other) for one, other, *_ in self.linked(from_, to)}


def asked(served: Served, method: str, path: str, body: Any = None) -> Any:
    """What HubSpot answers."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{served.url}/{path}", data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


def happened(served: Served) -> None:
    """Merges of contacts and deals, a company and a call that are archived, a ticket that is about a deal."""
    truth = served.ask("truth?types=contacts,deals,companies,calls,tickets")["live"]
    for type_, ids in (
        ("contacts", truth["contacts"][:2]),
        ("contacts", truth["contacts"][4:6]),
        ("deals", truth["deals"][:2]),
    ):
        merge = {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}
        asked(served, "POST", f"crm/v3/objects/{type_}/merge", merge)
    asked(served, "DELETE", f"crm/v3/objects/companies/{truth['companies'][0]}")
    asked(served, "DELETE", f"crm/v3/objects/calls/{truth['calls'][0]}")
    asked(
        served,
        "PUT",
        f"crm/v4/objects/tickets/{truth['tickets'][0]}/associations/default/deals/{truth['deals'][3]}",
    )


def instant(text: str | int | None) -> datetime | None:
    """An instant as the views have it: UTC, without a zone."""
    if text is None or text == "":
        return None
    if isinstance(text, int) or text.isdecimal():
        return datetime(1970, 1, 1) + timedelta(milliseconds=int(text))  # noqa: DTZ001 - as the views have it
    return datetime.fromisoformat(text).replace(tzinfo=None)
