"""Every object type, one row each: what differs between types is a column here, never a subclass."""

from __future__ import annotations

from hubdump.errors import UsageError
from hubdump.model import ObjectType

# HubSpot's own ids and names (https://developers.hubspot.com/docs/guides/crm/understanding-the-crm).
# Order: the order in which types are started and shown.
TYPES: tuple[ObjectType, ...] = (
    ObjectType("meetings", "0-47", "meeting", engagement="MEETING"),
    ObjectType("calls", "0-48", "call", engagement="CALL"),
    ObjectType("emails", "0-49", "email", engagement="EMAIL"),
    ObjectType("notes", "0-46", "note", engagement="NOTE"),
    ObjectType("tasks", "0-27", "task", engagement="TASK"),
    ObjectType("communications", "0-18", "communication", engagement="COMMUNICATION"),
    ObjectType("postal_mail", "0-116", "postal_mail", engagement="POSTAL_MAIL"),
    ObjectType("contacts", "0-1", "contact", modified="lastmodifieddate", created="createdate"),
    ObjectType("companies", "0-2", "company", created="createdate"),
    ObjectType("deals", "0-3", "deal", created="createdate"),
    ObjectType("tickets", "0-5", "ticket", created="createdate"),
)

CRM: tuple[str, ...] = ("contacts", "companies", "deals", "tickets")
# Which associations are read, and from which side: engagements are the smaller half of their pairs; the others
# are read from both, as some are stored one way only (recorded by other connectors), and to be held against each other.
PAIRS: tuple[tuple[str, str], ...] = (
    *((t.name, to) for t in TYPES if t.engagement for to in CRM),
    *((from_, to) for from_ in CRM for to in CRM),
)

GROUPS: dict[str, tuple[str, ...]] = {
    "engagements": tuple(t.name for t in TYPES if t.engagement),
    "crm": CRM,
}

_BY_NAME = {alias: t for t in TYPES for alias in (t.name, t.singular, t.type_id)}


def by_name(name: str) -> ObjectType:
    """The type of a plural name, singular name or type id; UsageError for any other text."""
    try:
        return _BY_NAME[name]
    except KeyError:
        names = ", ".join(t.name for t in TYPES)
        raise UsageError(
            f"There is no object type '{name}'. Types: {names}; groups: {', '.join(GROUPS)}."
        ) from None


def searched(name: str) -> ObjectType:
    """The type to search by any name HubSpot may know: one of ours, or a custom object's name or id."""
    return _BY_NAME.get(name) or ObjectType(name, name, name)


def selected(only: tuple[str, ...], exclude: tuple[str, ...]) -> tuple[ObjectType, ...]:
    """The types that `--only` and `--exclude` leave, in catalogue order; both take groups."""
    wanted = _expand(only) if only else {t.name for t in TYPES}
    types = tuple(t for t in TYPES if t.name in wanted - _expand(exclude))
    if not types:
        raise UsageError("Nothing is left to extract: --only and --exclude leave no object type.")
    return types


def named(name: str) -> tuple[str, ...]:
    """The names of the types that the name of a group or of one type stands for."""
    return GROUPS.get(name) or (by_name(name).name,)


def _expand(names: tuple[str, ...]) -> set[str]:
    return {t for name in names for t in named(name)}
