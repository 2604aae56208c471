"""Every object type, one row each: what differs between types is a column here, never a subclass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from hubdump.errors import UsageError
from hubdump.model import CUSTOM, ObjectType

_CONTACTS = ("crm.objects.contacts.read",)
_LINE_ITEMS = ("crm.objects.line_items.read",)
CREATED, MODIFIED = "createdate", "lastmodifieddate"


def _engagement(name: str, type_id: str, singular: str, scopes: tuple[str, ...] = _CONTACTS) -> ObjectType:
    return ObjectType(
        name, type_id, singular, "engagements", scopes, engagement=singular.upper(), everywhere=True
    )


def _read(name: str) -> tuple[str, ...]:
    return (f"crm.objects.{name}.read",)


def with_sensitive(type_: ObjectType, object_: str) -> ObjectType:
    """The type with the scopes of the values of its sensitive properties."""
    start = f"crm.objects.{object_}"
    return replace(
        type_, sensitive=f"{start}.sensitive.read.v2", highly_sensitive=f"{start}.highly_sensitive.read.v2"
    )


# HubSpot's own ids, names and scopes (https://developers.hubspot.com/docs/guides/crm/understanding-the-crm).
# Which types can have sensitive properties: https://developers.hubspot.com/docs/api/sensitive-data.
# Order: the order in which types are started and shown.
TYPES: tuple[ObjectType, ...] = (
    _engagement("meetings", "0-47", "meeting"),
    _engagement("calls", "0-48", "call"),
    _engagement("emails", "0-49", "email", (*_CONTACTS, "sales-email-read")),
    _engagement("notes", "0-46", "note"),
    _engagement("tasks", "0-27", "task"),
    _engagement("communications", "0-18", "communication"),
    _engagement("postal_mail", "0-116", "postal_mail"),
    with_sensitive(ObjectType(
        "contacts", "0-1", "contact", "crm", _CONTACTS, created=CREATED, modified=MODIFIED, everywhere=True,
    ), "contacts"),
    with_sensitive(ObjectType(
        "companies", "0-2", "company", "crm", _read("companies"), created=CREATED, everywhere=True,
    ), "companies"),
    with_sensitive(ObjectType(
        "deals", "0-3", "deal", "crm", _read("deals"), created=CREATED, everywhere=True,
    ), "deals"),
    ObjectType(
        "tickets", "0-5", "ticket", "crm", ("tickets",), created=CREATED, everywhere=True,
        sensitive="tickets.sensitive.v2", highly_sensitive="tickets.highly_sensitive.v2",
    ),
    ObjectType("leads", "0-136", "lead", "crm", _read("leads")),
    ObjectType("products", "0-7", "product", "commerce", _read("products"), created=CREATED),
    ObjectType("line_items", "0-8", "line_item", "commerce", _LINE_ITEMS, created=CREATED),
    ObjectType("quotes", "0-14", "quote", "commerce", _read("quotes")),
    ObjectType("orders", "0-123", "order", "commerce", _read("orders")),
    ObjectType("carts", "0-142", "cart", "commerce", _read("carts")),
    ObjectType("invoices", "0-53", "invoice", "commerce", _read("invoices")),
    ObjectType("commerce_payments", "0-101", "commerce_payment", "commerce", _read("commercepayments")),
    ObjectType("subscriptions", "0-69", "subscription", "commerce", _read("subscriptions")),
    ObjectType("discounts", "0-84", "discount", "commerce", _LINE_ITEMS),
    ObjectType("fees", "0-85", "fee", "commerce", _LINE_ITEMS),
    ObjectType("taxes", "0-86", "tax", "commerce", _LINE_ITEMS),
    ObjectType("contracts", "0-721", "contract", "commerce", _read("contracts")),
    ObjectType(
        "deal_splits", "0-72", "deal_split", "sales", (*_read("deals"), "crm.dealsplits.read_write")
    ),
    ObjectType("goal_targets", "0-74", "goal_target", "sales", _read("goals")),
    ObjectType("partner_clients", "0-145", "partner_client", "partners", _read("partner-clients")),
    ObjectType("partner_services", "0-158", "partner_service", "partners", _read("partner-services")),
    ObjectType(
        "feedback_submissions", "0-19", "feedback_submission", "service",
        (*_CONTACTS, *_read("feedback_submissions")),
    ),
    ObjectType("marketing_events", "0-54", "marketing_event", "marketing", _read("marketing_events")),
    ObjectType("users", "0-115", "user", "account", _read("users")),
    ObjectType(
        "appointments", "0-421", "appointment", "library", _read("appointments"), library=True,
        sensitive="crm.objects.appointments.sensitive.read.v2",
    ),
    ObjectType("courses", "0-410", "course", "library", _read("courses"), library=True),
    ObjectType("listings", "0-420", "listing", "library", _read("listings"), library=True),
    ObjectType("services", "0-162", "service", "library", _read("services"), library=True),
    ObjectType("projects", "0-970", "project", "library", _read("projects"), library=True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The object types of one portal: HubSpot's own, and those that were discovered there."""

    types: tuple[ObjectType, ...]
    _named: dict[str, ObjectType] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A name comes before any other word for a type; labels of custom objects may be anybody's name.
        named: dict[str, ObjectType] = {}
        for word_of in (attrgetter(word) for word in ("name", "type_id", "qualified", "singular")):
            for type_ in self.types:
                named.setdefault(word_of(type_), type_)
        named.pop("", None)
        object.__setattr__(self, "_named", named)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The names of the types of each group."""
        found: dict[str, tuple[str, ...]] = {}
        for type_ in self.types:
            found[type_.group] = (*found.get(type_.group, ()), type_.name)
        return found

    def by_name(self, name: str) -> ObjectType:
        """The type of a plural name, singular name, type id or qualified name; UsageError for any other text."""
        try:
            return self._named[name]
        except KeyError:
            names = ", ".join(type_.name for type_ in self.types)
            raise UsageError(
                f"There is no object type '{name}'. Types: {names}; groups: {', '.join(self.groups)}."
            ) from None

    def called(self, word: str) -> ObjectType | None:
        """The type of any of its names; None where it is nobody's."""
        return self._named.get(word)

    def searched(self, name: str) -> ObjectType:
        """The type to search by any name HubSpot may know: one of ours, or a custom object's name or id."""
        return self._named.get(name) or ObjectType(name, name, name, CUSTOM)

    def selected(self, only: Sequence[str], exclude: Sequence[str]) -> tuple[ObjectType, ...]:
        """The types that `--only` and `--exclude` leave, in catalogue order; both take groups."""
        wanted = self._expand(only) if only else {type_.name for type_ in self.types}
        types = tuple(type_ for type_ in self.types if type_.name in wanted - self._expand(exclude))
        if not types:
            raise UsageError(
                "Nothing is left to extract: only and exclude (flags, variables, hubdump.toml) leave no object type."
            )
        return types

    def knows(self, word: str) -> bool:
        """Whether a word is a type or a group, whatever is discovered in a portal."""
        return word in self._named or word in self.groups

    def named(self, word: str) -> tuple[str, ...]:
        """The names of the types that the name of a group or of one type stands for."""
        if word == CUSTOM:
            return self.groups.get(CUSTOM, ())
        return self.groups.get(word) or (self.by_name(word).name,)

    def _expand(self, words: Sequence[str]) -> set[str]:
        return {name for word in words for name in self.named(word)}


STANDARD = Catalogue(TYPES)
