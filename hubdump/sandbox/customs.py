"""Custom objects that a portal may have: what people named them, which trips whoever makes file names of it."""

from __future__ import annotations

from hubdump.sandbox.types import Kind

_FIRST_ID = 4_101_001
# Key, the schema's name, labels, and the properties it shows first. HubSpot allows letters, digits and _ in a
# name and anything in a label; HubSpot's own types may have got the same name later, as projects did.
_NAMED = (
    ("cars", "car", ("Car", "Cars"), ("model", "vin")),
    ("pets", "pet", ("Pet", "Pets"), ("nickname",)),
    ("readings", "reading", ("Sensor reading", "Sensor readings"), ("unit",)),
    ("foo_upper", "Foo", ("Foo", "Foo"), ("title",)),
    ("foo_lower", "foo", ("foo", "foo"), ("title",)),
    ("own_projects", "projects", ("Project", "Projects"), ("title",)),
    ("visits", "service_visit", ("Service Visit", "Service Visits"), ("title",)),
    ("visits_again", "service__visit", ("Service - Visit", "Service / Visits"), ("title",)),
    ("sizes", "groesse", ("Größe", "Größen"), ("title",)),
    ("tests", "a_b_test", ("A/B Test", "A/B Tests"), ("title",)),
    ("selects", "select", ("Select", "Select"), ("order", "group")),
    ("budgets", "X2024_budget", ("2024: Budget", "2024: Budgets"), ("title",)),
)


def custom(place: int) -> Kind:
    """A portal's custom object of a place from 0 on; after those with names come numbered ones."""
    key, name, labels, defaults = (
        _NAMED[place]
        if place < len(_NAMED)
        else (
            f"things_{place + 1}",
            f"thing_{place + 1}",
            (f"Thing {place + 1}", f"Things {place + 1}"),
            ("title",),
        )
    )
    return Kind(
        key,
        name,
        f"2-{_FIRST_ID + place}",
        defaults=defaults,
        scope="crm.objects.custom",
        custom=True,
        labels=labels,
    )


def customs(count: int) -> tuple[Kind, ...]:
    """The first so many of them."""
    return tuple(map(custom, range(count)))


CARS, PETS = USUAL = customs(2)
