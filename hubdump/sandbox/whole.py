"""The portal that has everything: every type, custom objects, many pairs of types, labels of every kind."""

from __future__ import annotations

from hubdump.sandbox.pairs import Own, Pair
from hubdump.sandbox.types import BY_NAME

CUSTOMS = 12
# As many associations as HubSpot lets a record have with one type: every reading is one contact's.
READINGS = 50_000
COUNTS = dict.fromkeys(BY_NAME, 40) | {
    "contacts": 600, "companies": 180, "deals": 160, "tickets": 120, "meetings": 60, "calls": 220, "emails": 180,
    "notes": 140, "tasks": 100, "line_items": 250, "cars": 130, "pets": 40, "readings": READINGS, "foo_upper": 40,
    "foo_lower": 60, "own_projects": 40, "visits": 40, "visits_again": 20, "sizes": 40, "tests": 20, "selects": 20,
    "budgets": 20,
}  # fmt: skip
WIDE = {"deals": 1500}
_USER, _INTEGRATOR, _WORK = "USER_DEFINED", "INTEGRATOR_DEFINED", "WORK"
_SOME = (55, 20)


def _plain(from_: str, *others: tuple[str, int, int]) -> list[Pair]:
    return [Pair(from_, to, there, back, _SOME) for to, there, back in others]


# Type ids of HubSpot's own as its documentation and its clients' enumerations list them, there and back; a back
# that they do not list is the number beside it. Those of portals' own types are made up, as they are each portal's.
PAIRS: tuple[Pair, ...] = (
    Pair("contacts", "companies", 279, 280, (80, 30, 10), (1, 2), hub_every=5, own=(
        # The same type id as Primary, in another category.
        Own(_USER, 1, 2, "Referred by", "Referred by"),
        Own(_USER, 131, 132, "Billing contact", "Billed through"),
    )),
    Pair("deals", "contacts", 3, 4, (80, 30), own=(
        Own(_INTEGRATOR, 71, 72, "Buyer of the ERP", "Order of the ERP"), Own(_WORK, 9, 10, "Assigned", "Assigned"),
    )),
    Pair("tickets", "companies", 339, 340, (80,), (26, 25), own=(Own(_WORK, 11, 12, "Escalated to", "Escalated by"),)),
    Pair("contacts", "contacts", 449, 449, (30, 10), own=(
        Own(_USER, 141, 142, "Manager", "Employee"), Own(_USER, 143, 143, "Spouse", "Spouse"),
    )),
    Pair("companies", "companies", 450, 450, (40,), own=(
        Own("HUBSPOT_DEFINED", 13, 14, "Parent Company", "Child Company"),
    )),
    Pair("deals", "deals", 451, 451, (25,)),
    Pair("tickets", "tickets", 452, 452, (25,)),
    Pair("cars", "contacts", 31, 32, (90,), category=_USER, own=(Own(_USER, 37, 38, "Driver", "Drives"),)),
    *_plain("orders", ("contacts", 507, 508), ("companies", 509, 510), ("deals", 512, 511), ("line_items", 513, 514),
            ("tickets", 525, 526), ("invoices", 518, 517), ("discounts", 519, 520), ("carts", 593, 592)),
    *_plain("carts", ("contacts", 586, 587), ("discounts", 588, 589), ("line_items", 590, 591)),
    *_plain("invoices", ("contacts", 177, 178), ("companies", 179, 180), ("deals", 175, 176), ("quotes", 407, 408),
            ("line_items", 409, 410), ("fees", 413, 414), ("taxes", 415, 416), ("commerce_payments", 541, 542)),
    *_plain("quotes", ("contacts", 69, 70), ("companies", 71, 72), ("discounts", 362, 363), ("fees", 364, 365)),
    *_plain("commerce_payments", ("contacts", 387, 388), ("companies", 389, 390), ("deals", 391, 392)),
    *_plain("subscriptions", ("contacts", 295, 296), ("companies", 297, 298), ("deals", 299, 300)),
    *_plain("appointments", ("contacts", 966, 907), ("companies", 908, 909), ("deals", 944, 945)),
    *_plain("courses", ("contacts", 860, 861), ("companies", 938, 939), ("deals", 862, 863)),
    *_plain("listings", ("contacts", 882, 883), ("companies", 884, 885), ("deals", 886, 887)),
    *_plain("services", ("contacts", 798, 799), ("companies", 792, 793), ("deals", 794, 795), ("tickets", 796, 797)),
    *_plain("leads", ("calls", 596, 597), ("emails", 598, 599), ("tasks", 646, 647)),
    Pair("deals", "deal_splits", 313, 314, (40,)),
    *(
        Pair(from_, to, there, there + (from_ != to), percents, category=_USER, hub_every=hub_every, own=own)
        for from_, to, there, percents, hub_every, own in (
            ("readings", "contacts", 41, (100,), 1, ()),
            ("readings", "cars", 43, (60,), 0, ()),
            ("cars", "pets", 45, (50, 50), 0, (Own(_USER, 145, 146, "Guards", "Guarded by"),)),
            ("cars", "cars", 47, (30,), 0, (Own(_USER, 147, 148, "Replaces", "Replaced by"),)),
            ("foo_upper", "foo_lower", 51, (80, 40), 0, ()),
            ("foo_lower", "contacts", 53, (70,), 0, ()),
            ("own_projects", "projects", 55, (80,), 0, ()),
            ("visits", "visits_again", 57, (90,), 0, ()),
            ("visits", "contacts", 59, (90,), 0, ()),
            ("sizes", "products", 61, (70,), 0, ()),
            ("tests", "deals", 63, (70,), 0, ()),
            ("calls", "cars", 65, (20,), 0, ()),
        )
    ),
)  # fmt: skip
