"""The portals a sandbox can be: how many records of each type, and how many properties of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubdump.sandbox.config import SandboxError
from hubdump.sandbox.types import BY_NAME, FIRST

COUNT_MAX = 5_000_000
# How much a portal has around its records. `form_submissions`: of its first form; the others have fewer.
FEW = {
    "owners": 12,
    "lists": 5,
    "currencies": 1,
}
MANY = FEW | {
    "currencies": 4,
}


@dataclass(frozen=True, slots=True)
class Spec:
    """Live records by type; a part of as many again is archived beside them. `narrow`: few properties of each.

    `items` are how many owners, forms and so on there are.
    """

    about: str
    counts: dict[str, int] = field(default_factory=dict)
    custom_properties: int = 3
    archived_percent: int = 2
    narrow: bool = False
    items: Mapping[str, int] = field(default_factory=lambda: FEW)


_PEOPLE = {"contacts": 900, "companies": 250, "deals": 300, "tickets": 120}
_OTHERS = {name: 5 for name in BY_NAME if name not in FIRST} | {"cars": 60}
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
    "crm": Spec("some records of every type, custom objects too", dict.fromkeys(BY_NAME, 40) | _PEOPLE,
                items=MANY),
    "million": Spec(
        "a million contacts, and as many engagements",
        {"contacts": 1_000_000, "companies": 200_000, "calls": 400_000, "emails": 600_000, "deals": 100_000},
    ),
    "empty": Spec("nothing at all", {}),
}  # fmt: skip


def spec(text: str) -> Spec:
    """The portal of a name, or of counts as in 'calls=2500,emails=1'; 'narrow,calls=5' has that and no more."""
    if text in PORTALS:
        return PORTALS[text]
    first, *rest = text.split(",")
    narrow = first == "narrow"
    counts: dict[str, int] = {} if narrow else dict(_FEW)
    items = dict(FEW)
    for part in rest if narrow else (first, *rest):
        name, _, number = part.partition("=")
        into = counts if name in BY_NAME else items
        if name not in {*BY_NAME, *FEW} or not number.isdecimal() or int(number) > COUNT_MAX:
            raise SandboxError(
                f"portal is '{text}', but must be one of {', '.join(PORTALS)}, or counts from 0 to {COUNT_MAX} "
                f"as in calls=5,contacts=3 of: {', '.join((*BY_NAME, *FEW))}"
            )
        into[name] = int(number)
    if narrow:
        return Spec("counts", counts, 0, 10, narrow=True, items=items)
    return Spec("counts", counts, items=items)
