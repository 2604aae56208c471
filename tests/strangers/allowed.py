"""Where our answers differ from the recorded ones, and why that is right."""

from __future__ import annotations

# Headers that are compared with nothing.
HEADERS_IGNORED = {
    "date": "of the moment",
    "connection": "of the connection",
    "content-length": "of the body",
    "transfer-encoding": "of the body",
    "content-type": "compared by itself",
    "cf-cache-status": "no client reads it",
    "expect-ct": "no client reads it",
    "strict-transport-security": "the sandbox speaks no TLS",
    "vary": "for caches",
    "access-control-allow-credentials": "for browsers",
    "x-trace": "HubSpot's own tracing",
}
_EMPTY = "the recording's list is empty: its authors cut it, or its token could not see more"
# By recording and path.
ALLOWED: dict[str, dict[str, str]] = {
    "200_account_info": {".additionalCurrencies[]": _EMPTY},
    "200_list_page_with_paging_next": {
        ".results[].url": "recorded in 2024; the recordings of 2025 and 2026 have it",
        ".results[].properties.*": "only filled properties were asked for when it was recorded",
    },
    "200_owners_page": {".results[].teams": "nobody of the recorded portal was in a team"},
    "200_properties_companies": {
        ".results[].options[]": "the three properties that were kept have no options",
        ".results[].referencedObjectType": "none of the three that were kept refers to an owner",
    },
    "200_property_history_entry": {
        "[].propertiesWithHistory.*[].sourceLabel": "optional; HubSpot's models have it"
    },
    "200_schemas_contacts": dict.fromkeys(
        [".properties[]", ".searchableProperties[]", ".secondaryDisplayProperties[]"], _EMPTY
    ),
    "200_search_total_without_results": dict.fromkeys(
        ["header x-hubspot-ratelimit-daily", "header x-hubspot-ratelimit-daily-remaining"],
        "other searches recorded on that day bear them: the belief daily-headers-on-search",
    ),
    "201_batch_create": {".results[].url": "recorded in 2022; the recordings of 2025 and 2026 have it"},
    "207_no_associations_found": dict.fromkeys(
        [".startedAt", ".completedAt"], "noted down by hand; the captured 207s have both"
    ),
    "403_missing_scope_2022": dict.fromkeys(
        [".errors[].context.requiredGranularScopes", ".errors[].context.requiredScopes"],
        "of 2022, and it named the wrong scope; today's documentation says requiredGranularScopes",
    ),
}
