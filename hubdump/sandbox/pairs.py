"""The pairs of types that can be associated: HubSpot's type ids, labels, and how many there are in a portal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

Label = tuple[str, int, str | None]
# The pair of two types, and whether they are its forward side.
Sides = dict[tuple[str, str], tuple["Pair", bool]]


class Own(NamedTuple):
    """A label beside the plain one: its type ids and texts there and back, the same text where it is not paired."""

    category: str
    there: int
    back: int
    text: str
    back_text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two types: type ids there and back, a Primary's too; `percents` the chance of a first, second, ... link.

    Of every `hub_every` links one leads to the same record, of 1 all do. Of a pair that is stored one way only,
    the other side's reading finds nothing (facts 2.5). `own` are labels besides; a type id is one of its
    category's, so that two categories can have the same (a report in the community).
    """

    from_: str
    to: str
    there: int
    back: int
    percents: tuple[int, ...] = ()
    primary: tuple[int, int] | None = None
    hub_every: int = 0
    one_way: bool = False
    category: str = "HUBSPOT_DEFINED"
    own: tuple[Own, ...] = ()

    @property
    def is_labelled(self) -> bool:
        """Whether it has the labels that users of every portal made."""
        return self.to == "contacts" != self.from_

    def labels(self, *, forward: bool) -> list[Label]:
        """All labels that an association may have, seen from one side, the plain one first.

        In the order in which the other side has them. A pair of one type has both directions on either side.
        """
        side = 0 if forward else 1
        found: list[Label] = [(self.category, (self.there, self.back)[side], None)]
        if self.primary:
            found.append((self.category, self.primary[side], "Primary"))
        if self.is_labelled:
            found += [("USER_DEFINED", ids[side], text) for *ids, text in USER_LABELS]
        for own in self.own:
            found.append(_seen(own, forward=forward))
            if self.from_ == self.to and own.there != own.back:
                found.append(_seen(own, forward=not forward))
        return found

    def drawn(self, place: int, *, forward: bool) -> Label:
        """One of its own labels."""
        return _seen(self.own[place], forward=forward)


def _seen(own: Own, *, forward: bool) -> Label:
    return (own.category, own.there, own.text) if forward else (own.category, own.back, own.back_text)


def sides(pairs: Iterable[Pair], types: Iterable[str]) -> Sides:
    """Each pair of these types from both of its sides; of two for the same types the later, in the earlier's place."""
    there = set(types)
    found = {(pair.from_, pair.to): pair for pair in pairs if {pair.from_, pair.to} <= there}
    return {(pair.to, pair.from_): (pair, False) for pair in found.values()} | {
        (pair.from_, pair.to): (pair, True) for pair in found.values()
    }


# Labels that this portal's users made: type id there and back.
USER_LABELS = ((101, 102, "Attendee"), (103, 104, "Decision maker, “final”"))
_ENGAGED = ((90, 24), (70,), (25,), (10,))
_OTHERS = ("contacts", "companies", "deals", "tickets")
# https://developers.hubspot.com/docs/guides/api/crm/associations (its table of type ids), there and back.
_ENGAGEMENT_IDS = {
    "calls": ((194, 193), (182, 181), (206, 205), (220, 219)),
    "emails": ((198, 197), (186, 185), (210, 209), (224, 223)),
    "meetings": ((200, 199), (188, 187), (212, 211), (226, 225)),
    "notes": ((202, 201), (190, 189), (214, 213), (228, 227)),
    "tasks": ((204, 203), (192, 191), (216, 215), (230, 229)),
    "communications": ((81, 82), (87, 88), (85, 86), (84, 83)),
    "postal_mail": ((453, 454), (459, 460), (457, 458), (455, 456)),
}
PAIRS: tuple[Pair, ...] = (
    *(
        Pair(name, to, *ids, percents, hub_every=41)
        for name, every in _ENGAGEMENT_IDS.items()
        for to, ids, percents in zip(_OTHERS, every, _ENGAGED, strict=True)
    ),
    Pair("contacts", "companies", 279, 280, (80, 10), (1, 2), hub_every=5),
    Pair("deals", "contacts", 3, 4, (80, 30)),
    Pair("deals", "companies", 341, 342, (80,), (5, 6)),
    Pair("tickets", "contacts", 16, 15, (80,)),
    Pair("tickets", "companies", 339, 340, (80,), (26, 25)),
    Pair("tickets", "deals", 28, 27, (20,)),
    Pair("leads", "deals", 582, 583, (60,), one_way=True),
    Pair("leads", "contacts", 578, 579, (95,)),
    Pair("leads", "companies", 610, 611, (60,)),
    Pair("line_items", "deals", 20, 19, (90,)),
    Pair("quotes", "deals", 64, 63, (90,)),
    Pair("quotes", "line_items", 67, 68, (60, 60)),
    Pair("contacts", "contacts", 449, 449),
    Pair("companies", "companies", 450, 450),
    Pair("deals", "deals", 451, 451),
    Pair("tickets", "tickets", 452, 452),
    Pair("cars", "contacts", 31, 32, (90,), category="USER_DEFINED"),
    Pair("cars", "companies", 33, 34, (40,), category="USER_DEFINED"),
    Pair("pets", "contacts", 35, 36, (90,), category="USER_DEFINED"),
)
