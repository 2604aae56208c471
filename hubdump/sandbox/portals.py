"""The portals a sandbox can be: how many records of each type, which custom objects, how many properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hubdump.sandbox import whole
from hubdump.sandbox.config import SandboxError
from hubdump.sandbox.customs import USUAL, customs
from hubdump.sandbox.pairs import Pair
from hubdump.sandbox.types import BY_NAME, FIRST, Kind

COUNT_MAX = 5_000_000
# How much a portal has around its records. `form_submissions`: of its first form; the others have fewer.
FEW = {
    "owners": 12, "lists": 5, "currencies": 1, "forms": 2, "form_submissions": 3, "marketing_emails": 2,
    "subscription_types": 2, "email_events": 5, "subscription_changes": 2, "files": 2, "workflows": 2,
}  # fmt: skip
MANY = {
    "owners": 12, "lists": 5, "currencies": 4, "forms": 24, "form_submissions": 120, "marketing_emails": 30,
    "subscription_types": 6, "email_events": 2500, "subscription_changes": 150, "files": 200, "workflows": 150,
}  # fmt: skip
NONE = dict.fromkeys(FEW, 0) | {"owners": 12, "lists": 5}
CUSTOMS = "customs"
CUSTOMS_MAX = 60


@dataclass(frozen=True, slots=True)
class Spec:
    """Live records by type; a part of as many again is archived beside them. `narrow`: few properties of each.

    `items` are how many owners, forms and so on there are.
    `wide` are types with more properties made by users than the others' `custom_properties`, `pairs` those that
    it has besides, or in the place of the usual ones. `merged`: records were merged before anybody read it.
    """

    about: str
    counts: dict[str, int] = field(default_factory=dict)
    custom_properties: int = 3
    archived_percent: int = 2
    narrow: bool = False
    items: Mapping[str, int] = field(default_factory=lambda: FEW)
    customs: tuple[Kind, ...] = USUAL
    wide: Mapping[str, int] = field(default_factory=dict)
    pairs: tuple[Pair, ...] = ()
    merged: bool = False

    def made_by_users(self, type_: str) -> int:
        """How many properties of a type users made."""
        return self.wide.get(type_, self.custom_properties)


_PEOPLE = {"contacts": 900, "companies": 250, "deals": 300, "tickets": 120}
_OTHERS = {name: 5 for name in (*BY_NAME, "pets") if name not in FIRST} | {"cars": 60}
_FEW = {"contacts": 60, "companies": 20, "deals": 20, "tickets": 10}
PORTALS: dict[str, Spec] = {
    "script": Spec(
        "the old script's: 3,067 engagements, 7 of them meetings",
        {"meetings": 7, "calls": 1020, "emails": 1040, "notes": 1000, **_PEOPLE},
        items=MANY,
    ),
    "seven": Spec(
        "all seven types of engagements, 50 to 150 of each",
        {
            "meetings": 61, "calls": 150, "emails": 149, "notes": 101, "tasks": 100, "communications": 99,
            "postal_mail": 50, **_FEW,
        },
        items=MANY,
    ),
    "small": Spec(
        "about 200 engagements of seven types, and a few records of every other",
        {
            "meetings": 7, "calls": 60, "emails": 50, "notes": 40, "tasks": 30, "communications": 10,
            "postal_mail": 3, **_FEW, **_OTHERS,
        },
        items=MANY,
    ),
    "tiny": Spec(
        "one record of each of the eleven first types",
        dict.fromkeys(FIRST, 1),
        archived_percent=0,
    ),
    "wide": Spec("1,500 custom properties with long names", {"calls": 250, **_FEW}, custom_properties=1500),
    "crm": Spec(
        "some records of every type, custom objects too",
        dict.fromkeys((*BY_NAME, "cars", "pets"), 40) | _PEOPLE,
        items=MANY,
    ),
    "whole": Spec(
        "everything: 12 custom objects, 1,500 properties on deals, 50,000 associations on a contact, merges in chains",
        whole.COUNTS, archived_percent=5, customs=customs(whole.CUSTOMS), wide=whole.WIDE, pairs=whole.PAIRS,
        items=MANY | {"owners": 130, "lists": 40},
        merged=True,
    ),
    "dense": Spec(
        "190,000 contacts and 10,000 companies with 2,000,000 associations",
        {"contacts": 190_000, "companies": 10_000},
        pairs=(Pair("contacts", "companies", 279, 280, (100,) * 11, (1, 2)),),
    ),
    "million": Spec(
        "a million contacts, and as many engagements",
        {"contacts": 1_000_000, "companies": 200_000, "calls": 400_000, "emails": 600_000, "deals": 100_000},
    ),
    "empty": Spec("nothing at all", {}, items=NONE),
}  # fmt: skip


def spec(text: str) -> Spec:
    """The portal of a name, or of counts as in 'calls=2500,emails=1', over a portal's as in 'whole,readings=9'.

    'narrow,calls=5' has that and no more, and few properties; 'customs=30' so many custom objects.
    """
    if text in PORTALS:
        return PORTALS[text]
    first, *rest = text.split(",")
    if first == "narrow":
        base = Spec("counts", {}, 0, 10, narrow=True)
    else:
        base = PORTALS.get(first, Spec("counts", _FEW))
        rest = rest if first in PORTALS else [first, *rest]
    asked = dict(_count(part, text) for part in rest)
    many = asked.pop(CUSTOMS, None)
    if many is not None:
        base = replace(base, customs=customs(many))
    names = {*BY_NAME, *(kind.name for kind in base.customs)}
    if not asked.keys() <= names | FEW.keys() or (many or 0) > CUSTOMS_MAX:
        raise _refused(text, [*sorted(names), *FEW])
    counts, items = base.counts | asked, dict(base.items) | asked
    return replace(
        base,
        counts={name: counts[name] for name in counts if name in names},
        items={name: items[name] for name in items if name in FEW},
    )


def _count(part: str, text: str) -> tuple[str, int]:
    name, _, number = part.partition("=")
    if not number.isdecimal() or int(number[:9]) > COUNT_MAX:
        raise _refused(text, [*BY_NAME])
    return name, int(number)


def _refused(text: str, names: list[str]) -> SandboxError:
    return SandboxError(
        f"portal is '{text}', but must be one of {', '.join(PORTALS)}, or counts from 0 to {COUNT_MAX} "
        f"as in calls=5,contacts=3 of: {', '.join(names)}; and {CUSTOMS}, from 0 to {CUSTOMS_MAX}"
    )
