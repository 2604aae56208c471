"""The properties of contacts: more than four hundred, as in a portal that nobody added any to."""

from __future__ import annotations

from typing import Any

from hubdump.sandbox.definitions import (
    Definition,
    choice,
    count_up_to,
    day,
    flag,
    given_name,
    moment,
    nothing,
    number,
    text,
    words,
)  # fmt: skip

_STAGES = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer",
           "evangelist", "other")  # fmt: skip
_ANALYTICS = "analytics"
_TEXTS = (
    "jobtitle", "company", "address", "city", "state", "zip", "country", "website", "salutation", "degree",
    "field_of_study", "graduation_date", "industry", "job_function", "marital_status", "military_status",
    "relationship_status", "school", "seniority", "start_date", "work_email", "company_size", "twitterhandle",
    "hs_language", "hs_timezone", "message", "fax", "hs_role", "hs_seniority", "hs_full_name_or_email", "hs_city_code",
)  # fmt: skip
_SOURCES = (
    "ORGANIC_SEARCH",
    "PAID_SEARCH",
    "EMAIL_MARKETING",
    "SOCIAL_MEDIA",
    "REFERRALS",
    "DIRECT_TRAFFIC",
    "OFFLINE",
)
_EMAIL_COUNTS = ("bounce", "click", "delivered", "open", "replied", "sends_since_last_engagement")
_EMAIL_DATES = ("first_click", "first_open", "first_reply", "first_send", "last_click", "last_open", "last_reply",
                "last_send")  # fmt: skip
_VISITS = ("average_page_views", "num_event_completions", "num_page_views", "num_visits", "revenue")
_VISIT_DATES = ("first_timestamp", "first_visit_timestamp", "last_timestamp", "last_visit_timestamp")
_URLS = ("first_referrer", "first_url", "last_referrer", "last_url", "first_touch_converting_campaign",
         "last_touch_converting_campaign", "source_data_1", "source_data_2")  # fmt: skip
_NETWORKS = ("facebook", "google_plus", "linkedin", "twitter", "instagram", "youtube", "tiktok", "xing")
_ACTIVITIES = ("call", "chat", "email", "form", "linkedin_message", "meeting", "note", "page_view", "sequence", "sms",
               "task", "web_visit", "whatsapp")  # fmt: skip


def _lifecycle() -> list[Definition]:
    """What HubSpot computes for each stage of the lifecycle."""
    found: list[Definition] = []
    for stage in _STAGES:
        found += [
            moment(f"hs_lifecyclestage_{stage}_date", calculated=True),
            moment(f"hs_v2_date_entered_{stage}", calculated=True),
            moment(f"hs_v2_date_exited_{stage}", calculated=True),
            number(f"hs_v2_cumulative_time_in_{stage}", count_up_to(9_000_000), calculated=True),
            number(f"hs_v2_latest_time_in_{stage}", count_up_to(9_000_000), calculated=True),
            number(f"hs_time_in_{stage}", count_up_to(9_000_000), calculated=True),
        ]
    return found


def _marketing() -> list[Definition]:
    more: dict[str, Any] = {"group": "emailinformation", "read_only": True}
    return [
        *(number(f"hs_email_{name}", count_up_to(90), **more) for name in _EMAIL_COUNTS),
        *(moment(f"hs_email_{name}_date", **more) for name in _EMAIL_DATES),
        *(flag(f"hs_email_optout_{number_}", 60, **more) for number_ in range(9001, 9031)),
        flag("hs_email_optout", 60, **more),
        choice("hs_email_quarantine_reason", "SUSPENDED", "TRIAL", empty_percent=95, **more),
        choice("hs_marketable_status", "true", "false", **more),
        *(number(f"hs_social_{name}_clicks", count_up_to(20), group="socialmediainformation") for name in _NETWORKS),
        *(number(f"hs_social_{name}_followers", count_up_to(900), group="socialmediainformation")
          for name in _NETWORKS),
    ]  # fmt: skip


def _visits() -> list[Definition]:
    more: dict[str, Any] = {"group": _ANALYTICS, "read_only": True}
    return [
        *(number(f"hs_analytics_{name}", count_up_to(300), **more) for name in _VISITS),
        *(moment(f"hs_analytics_{name}", **more) for name in _VISIT_DATES),
        *(text(f"hs_analytics_{name}", words(60, 2), **more) for name in _URLS),
        choice("hs_analytics_source", *_SOURCES, **more),
        choice("hs_latest_source", *_SOURCES, **more),
        *(moment(f"hs_latest_{name}_date", calculated=True) for name in _ACTIVITIES),
        *(moment(f"hs_first_{name}_date", calculated=True) for name in _ACTIVITIES),
        *(number(f"hs_count_of_{name}s", count_up_to(50), calculated=True) for name in _ACTIVITIES),
        *(number(f"hs_days_since_last_{name}", count_up_to(365), calculated=True) for name in _ACTIVITIES),
        *(text(f"hs_last_{name}_summary", words(70, 3), read_only=True) for name in _ACTIVITIES),
    ]


def _computed() -> list[Definition]:
    """The long tail: scores, calculations and predictions."""
    sequences = (
        "actively_enrolled_count",
        "enrolled_count",
        "is_enrolled",
        "last_ended_at",
        "last_enrolled_at",
    )
    return [
        *(number(f"hs_predictive_score_{n}", count_up_to(100), calculated=True) for n in range(1, 31)),
        *(text(f"hs_calculated_form_submission_{n}", words(80, 2), calculated=True) for n in range(1, 31)),
        *(moment(f"hs_event_{n}_last_completed_at", calculated=True) for n in range(1, 46)),
        *(number(f"hs_event_{n}_count", count_up_to(20), calculated=True) for n in range(1, 46)),
        *(text(f"hs_sequences_{name}", words(80, 1), read_only=True) for name in sequences),
    ]


# hs_lastmodifieddate is the trap of contacts: defined, never populated; search by it finds nothing (a live check).
CONTACTS: list[Definition] = [
    text("firstname", given_name(), group="contactinformation"),
    text("lastname", given_name(), group="contactinformation"),
    text("email", nothing, group="contactinformation", unique=("person", "@example.com")),
    Definition("phone", "Phone number", "phone_number", "phonenumber", lambda n: f"+49 30 {n % 10_000_000:07}"),
    Definition("mobilephone", "Mobile phone", "phone_number", "phonenumber",
               lambda n: None if n % 2 else f"+1 {n % 10**9}"),
    Definition("date_of_birth", "Date of birth", "date", "date", day),
    moment("hs_lastmodifieddate", nothing, read_only=True),
    moment("closedate"),
    number("associatedcompanyid", count_up_to(10**9, 40), read_only=True),
    number("numemployees", count_up_to(5000)),
    choice("lifecyclestage", *_STAGES),
    choice("hs_lead_status", "NEW", "OPEN", "IN_PROGRESS", "CONNECTED", "BAD_TIMING"),
    choice("gender", "female", "male", "diverse", empty_percent=60),
    *(text(name, words(15, 2), group="contactinformation") for name in _TEXTS),
    *_lifecycle(),
    *_marketing(),
    *_visits(),
    *_computed(),
]  # fmt: skip
