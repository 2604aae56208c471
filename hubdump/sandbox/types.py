"""The object types a sandbox has: their names, type ids, dates, default properties and scopes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One object type as HubSpot names it; `modified` and `created` are its properties for these.

    `defaults` are what an answer holds where no properties were asked for; `also` are scopes beside its own.
    A custom object's `name` is this portal's own key for it; its schema's is `singular`, its `labels` anything.
    """

    name: str
    singular: str
    type_id: str
    engagement: str = ""
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"
    defaults: tuple[str, ...] = ()
    scope: str = "crm.objects.contacts"
    also: tuple[str, ...] = ()
    library: bool = False
    custom: bool = False
    labels: tuple[str, str] = ("", "")

    @property
    def shown(self) -> tuple[str, str]:
        """What people see, singular and plural."""
        plain = (name.replace("_", " ").capitalize() for name in (self.singular, self.name))
        return self.labels if any(self.labels) else (next(plain), next(plain))

    def scopes(self, *, write: bool = False) -> tuple[str, ...]:
        """All the scopes that reading, or writing, needs (the specifications' `security`)."""
        own = self.scope if self.scope == "tickets" else f"{self.scope}.{'write' if write else 'read'}"
        return (own, *self.also)

    @property
    def sensitivities(self) -> tuple[str, ...]:
        """What dataSensitivity its properties can have (guide of sensitive data)."""
        if self.custom or self.name in PEOPLE:
            return ("non_sensitive", "sensitive", "highly_sensitive")
        return ("non_sensitive", "sensitive") if self.name == "appointments" else ("non_sensitive",)

    def sensitive_scope(self, sensitivity: str) -> str:
        """The scope that reading values of this dataSensitivity needs besides; '' where it is none."""
        if sensitivity == "non_sensitive":
            return ""
        return (
            f"tickets.{sensitivity}.v2" if self.scope == "tickets" else f"{self.scope}.{sensitivity}.read.v2"
        )


def _plain(
    name: str, singular: str, type_id: str, scope: str, *defaults: str, created: str = "hs_createdate"
) -> Kind:
    return Kind(name, singular, type_id, "", created, defaults=defaults, scope=f"crm.objects.{scope}")


def _library(name: str, singular: str, type_id: str) -> Kind:
    return Kind(name, singular, type_id, scope=f"crm.objects.{name}", library=True)


# Those of every portal: https://developers.hubspot.com/docs/guides/crm/understanding-the-crm, the objects' own guides.
KINDS = (
    Kind("contacts", "contact", "0-1", created="createdate", modified="lastmodifieddate",
         defaults=("firstname", "lastname", "email")),
    Kind("companies", "company", "0-2", created="createdate", defaults=("name", "domain"),
         scope="crm.objects.companies"),
    Kind("deals", "deal", "0-3", created="createdate", scope="crm.objects.deals",
         defaults=("dealname", "amount", "closedate", "pipeline", "dealstage")),
    Kind("tickets", "ticket", "0-5", created="createdate", scope="tickets",
         defaults=("subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category",
                   "hs_ticket_priority")),
    Kind("meetings", "meeting", "0-47", "MEETING"),
    Kind("calls", "call", "0-48", "CALL"),
    Kind("emails", "email", "0-49", "EMAIL", also=("sales-email-read",)),
    Kind("notes", "note", "0-46", "NOTE"),
    Kind("tasks", "task", "0-27", "TASK"),
    Kind("communications", "communication", "0-18", "COMMUNICATION"),
    Kind("postal_mail", "postal_mail", "0-116", "POSTAL_MAIL"),
    _plain("products", "product", "0-7", "products", "name", "description", "price", created="createdate"),
    _plain("line_items", "line_item", "0-8", "line_items", "quantity", "amount", "price", created="createdate"),
    _plain("quotes", "quote", "0-14", "quotes", "hs_expiration_date", "hs_public_url_key", "hs_status", "hs_title"),
    _plain("discounts", "discount", "0-84", "line_items"),
    _plain("fees", "fee", "0-85", "line_items"),
    _plain("taxes", "tax", "0-86", "line_items"),
    Kind("feedback_submissions", "feedback_submission", "0-19", also=("crm.objects.feedback_submissions.read",)),
    _plain("goal_targets", "goal_target", "0-74", "goals"),
    _plain("leads", "lead", "0-136", "leads"),
    _plain("orders", "order", "0-123", "orders"),
    _plain("carts", "cart", "0-142", "carts"),
    _plain("invoices", "invoice", "0-53", "invoices"),
    _plain("commerce_payments", "commerce_payment", "0-101", "commercepayments"),
    _plain("subscriptions", "subscription", "0-69", "subscriptions"),
    _plain("users", "user", "0-115", "users"),
    _plain("marketing_events", "marketing_event", "0-54", "marketing_events"),
    # Type ids of the next three are not in the specifications read: from the documentation's list, by memory.
    _plain("deal_splits", "deal_split", "0-72", "deals"),
    _plain("partner_clients", "partner_client", "0-145", "partner-clients"),
    _plain("partner_services", "partner_service", "0-158", "partner-services"),
    _library("appointments", "appointment", "0-421"),
    _library("courses", "course", "0-410"),
    _library("listings", "listing", "0-420"),
    _library("services", "service", "0-162"),
    _library("projects", "project", "0-970"),
    # Its type id: the guide of the contracts API.
    _plain("contracts", "contract", "0-721", "contracts"),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS}
ENGAGEMENTS = tuple(kind.name for kind in KINDS if kind.engagement)
PEOPLE = ("contacts", "companies", "deals", "tickets")
FIRST = (*PEOPLE, *ENGAGEMENTS)
