"""What happens, while it is read, to what is around the records: items are made, changed, archived and removed."""

from __future__ import annotations

from hubdump.sandbox.collected import EDITED, edit
from hubdump.sandbox.forms import FORMS
from hubdump.sandbox.items import Body, Items

# Of these, more come and none goes or changes.
STREAMS = ("form_submissions", "email_events", "subscription_changes")
LIVING = (
    *STREAMS, "owners", "users", "teams", "lists", "forms", "marketing_emails", "subscription_types", "files",
    "workflows", "currencies",
)  # fmt: skip
# What of an item somebody might write to.
_WRITABLE = ("name", "lastName", "conversionRate")


class ItemLife:
    """The life of a portal's items; new ones of a stream are seen `lag_ms` later."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._lag_ms = 1000 * items.portal.beliefs.number("events-lag-s")

    def happen(self, name: str, chance: int, now_ms: int) -> None:
        """One thing to an item of this collection, or of any ('')."""
        name = name or LIVING[chance % len(LIVING)]
        forms = list(self._items.of(FORMS)) if name == "form_submissions" else [""]
        if not forms:
            return
        asked: Body = {"collection": name, "parent": forms[(chance >> 8) % len(forms)]}
        every = self._items.of(EDITED[name], asked["parent"])
        there = [key for key, item in every.items() if not item.gone]
        if name in STREAMS or not there or (chance >> 16) % 3 == 0:
            asked["do"] = "create"
        else:
            asked["key"] = there[(chance >> 20) % len(there)]
            asked |= self._deed(name, every[asked["key"]].body, chance >> 40)
        edit(self._items, asked, now_ms, self._lag_ms)

    def _deed(self, name: str, body: Body, chance: int) -> Body:
        if chance % 3:
            field = next(field for field in _WRITABLE if field in body)
            value = (
                round(chance % 900 / 100 + 0.1, 2)
                if field == "conversionRate"
                else f"Changed {chance % 10**6}"
            )
            return {"do": "change", "body": {field: value}}
        if not EDITED[name].archives:
            return {"do": "remove"}
        return {"do": "restore" if body["archived"] else "archive"}
