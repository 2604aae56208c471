"""The properties that a portal defines for each type, and their groups."""

from __future__ import annotations

from functools import cache
from typing import Any

from hubdump.sandbox.contact_properties import CONTACTS
from hubdump.sandbox.definitions import (
    Definition,
    choice,
    count_up_to,
    flag,
    html,
    instant,
    moment,
    money,
    nothing,
    number,
    one_of,
    text,
    words,
)  # fmt: skip
from hubdump.sandbox.people import OWNERS, TEAMS
from hubdump.sandbox.types import Kind

# HubSpot says of these that search cannot filter by them (search guide).
NOT_FILTERABLE = {
    "emails": {"hs_email_html", "hs_body_preview", "hs_body_preview_html"},
    "": {"hs_body_preview_html"},
}
_TOLD = ("hs_lastmodifieddate", "hs_num_associated_queue_objects", "hs_object_source", "email", "firstname", "name",
         "dealname", "subject")  # fmt: skip
# What is attached to engagements; the file of the last id was deleted.
ATTACHED, DELETED = ("4711", "4712"), "815"
_SECRET = {"sensitive": ("patient_notes", 4), "highly_sensitive": ("account_number", 1)}
STAGES = ("appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent",
          "closedwon", "closedlost")  # fmt: skip


@cache
def definitions(kind: Kind, custom: int) -> dict[str, Definition]:
    """All properties of a type by name, archived and sensitive ones too; `custom` of them made by users."""
    found = [
        *_common(kind),
        *(_engagement(kind) if kind.engagement else _OWN.get(kind.name, ())),
        *_own(kind),
    ]
    long = "a_property_that_somebody_named_at_length" if custom > 50 else "custom_note"
    group = f"{kind.singular}information"
    found += [
        Definition(f"{long}_{n}", f"Custom {n}", "string", "text", words(3, 3), group, hubspot_defined=False)
        for n in range(1, custom + 1)
    ]
    found += [
        text("external_id", nothing, group=group, hubspot_defined=False, unique=(f"{kind.singular}-", "")),
        *(text(name, words(70, many), group=group, hubspot_defined=False, sensitivity=sensitivity)
          for sensitivity, (name, many) in _SECRET.items() if sensitivity in kind.sensitivities),
        text("retired_score", words(60, 1), group=group, hubspot_defined=False, archived=True),
    ]  # fmt: skip
    return {definition.name: definition for definition in found}


@cache
def narrowed(kind: Kind) -> dict[str, Definition]:
    """The few properties that tell a record, its versions and its merges apart: for simulations, which are many."""
    told = {"hs_object_id", kind.created, kind.modified, "hs_merged_object_ids", "hs_engagement_type", *_TOLD}
    told.add(f"hs_{kind.singular}_title")
    return {name: one for name, one in definitions(kind, 0).items() if name in told}


def groups(kind: Kind, custom: int) -> list[dict[str, Any]]:
    """The groups that a type's properties are in."""
    names = dict.fromkeys(definition.group for definition in definitions(kind, custom).values())
    return [
        {"name": name, "label": name.replace("_", " ").capitalize(), "displayOrder": place, "archived": False}
        for place, name in enumerate(names)
    ]


def filterable(kind: Kind, name: str) -> bool:
    """Whether search takes a filter by this property."""
    return name not in NOT_FILTERABLE.get(kind.name, NOT_FILTERABLE[""])


def _common(kind: Kind) -> list[Definition]:
    own: dict[str, Any] = {"read_only": True}
    return [
        number("hs_object_id", nothing, **own),
        moment(kind.created, nothing, **own),
        moment(kind.modified, nothing, **own),
        Definition("hubspot_owner_id", "Owner", "enumeration", "select", one_of(OWNERS, 10), external=True),
        Definition("hubspot_team_id", "Team", "enumeration", "select", one_of(TEAMS, 30), external=True),
        text("hs_merged_object_ids", nothing, **own),
        number("hs_created_by_user_id", one_of(("441", "442", "443"), 5), **own),
        number("hs_updated_by_user_id", one_of(("441", "442"), 20), **own),
        text("hs_object_source", one_of(("CRM_UI", "INTEGRATION", "API"), 0), **own),
        text("hs_object_source_id", one_of(("userId:441", "19083857"), 20), **own),
        text("hs_unique_creation_key", words(90, 1), **own),
        flag("hs_read_only", 80, **own),
        flag("hs_was_imported", 90, **own),
        number("hs_num_associated_queue_objects", count_up_to(9), calculated=True),
        moment("hubspot_owner_assigneddate", **own),
        text("hs_all_owner_ids", one_of((f"{OWNERS[0]};{OWNERS[1]}", OWNERS[2]), 40), **own),
    ]


def _engagement(kind: Kind) -> list[Definition]:
    prefix = f"hs_{kind.singular}"
    plain = (
        "location",
        "internal_notes",
        "external_url",
        "recording_url",
        "source",
        "priority",
        "reminder",
        "queue",
    )
    return [
        choice("hs_engagement_type", kind.engagement, empty_percent=0),
        moment("hs_timestamp", instant()),
        choice("hs_activity_type", "Visit", "Remote", empty_percent=60),
        text("hs_attachment_ids", one_of((";".join(ATTACHED), DELETED), 80)),
        text("hs_body_preview", words(8, 8), "textarea"),
        text("hs_body_preview_html", html, "html"),
        text(f"{prefix}_body", html, "html"),
        text(f"{prefix}_title", words(4, 4)),
        text(f"{prefix}_subject", words(5, 5)),
        choice(f"{prefix}_status", "COMPLETED", "SCHEDULED", empty_percent=5),
        choice(f"{prefix}_direction", "INBOUND", "OUTBOUND", empty_percent=5),
        number(f"{prefix}_duration", count_up_to(7_200_000)),
        text(f"{prefix}_html", html, "html"),
        moment(f"{prefix}_start_time"),
        moment(f"{prefix}_end_time"),
        choice(f"{prefix}_outcome", "CONNECTED", "BUSY", empty_percent=40),
        *(text(f"{prefix}_{name}", words(50, 2)) for name in plain),
    ]


def _texts(*names: str) -> list[Definition]:
    return [text(name, words(10, 2)) for name in names]


def _own(kind: Kind) -> list[Definition]:
    """Some properties that every other type has: its defaults, a few of text, of numbers, of dates."""
    if kind.name in _OWN or kind.engagement:
        return []
    named = {"amount", "price", "quantity"}
    return [
        *(number(name, money) if name in named else text(name, words(4, 2)) for name in kind.defaults),
        *_texts("hs_name", "hs_external_reference"),
        choice("hs_stage", "open", "won", "lost"),
        number("hs_total", money),
        moment("hs_start_date"),
        flag("hs_is_active"),
    ]


_OWN: dict[str, list[Definition]] = {
    "contacts": CONTACTS,
    "companies": [
        *_texts("name", "city", "state", "zip", "country", "industry", "about_us", "address", "website", "type"),
        text("domain", lambda n: None if n % 12 == 0 else f"company{n % 100_000}.example"),
        Definition("phone", "Phone", "phone_number", "phonenumber", lambda n: f"+49 30 {n % 10_000_000:07}"),
        number("annualrevenue", lambda n: "1.0E7" if n % 9 == 0 else str(n % 1_000_000)),
        number("numberofemployees", count_up_to(5000)),
        choice("lifecyclestage", "lead", "opportunity", "customer"),
        number("num_associated_contacts", count_up_to(40, 0), calculated=True),
        flag("is_public"),
    ],
    "deals": [
        *_texts("dealname", "description", "closed_lost_reason"),
        number("amount", money),
        moment("closedate"),
        Definition("pipeline", "Pipeline", "enumeration", "select", one_of(("default",), 0)),
        Definition("dealstage", "Deal stage", "enumeration", "radio", one_of(STAGES, 0)),
        choice("dealtype", "newbusiness", "existingbusiness"),
        number("hs_deal_stage_probability", one_of(("0.2", "0.4", "1"), 0), calculated=True),
        flag("hs_is_closed", 0, calculated=True),
        *(moment(f"hs_v2_date_entered_{stage}", calculated=True) for stage in STAGES),
    ],
    "tickets": [
        *_texts("subject", "content", "source_type"),
        Definition("hs_pipeline", "Pipeline", "enumeration", "select", one_of(("0",), 0)),
        Definition("hs_pipeline_stage", "Ticket status", "enumeration", "select", one_of(("1", "2", "3", "4"), 0)),
        choice("hs_ticket_priority", "LOW", "MEDIUM", "HIGH"),
        choice("hs_ticket_category", "PRODUCT_ISSUE", "BILLING_ISSUE"),
        moment("closed_date"),
    ],
}  # fmt: skip
