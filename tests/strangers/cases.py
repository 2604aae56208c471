"""How each recorded answer is provoked in the sandbox: a table of requests, by the recording's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.strangers.asking import Asking, Content

Part = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A request that provokes the same; `body` may need the asking to find ids or to prepare the portal.

    `fault` is asked for before; `flags` are those of a sandbox of its own; `part` takes from our answer what
    the recording keeps of it, `recorded` brings the recording into the same form.
    """

    method: str
    path: str
    body: Any = None
    fault: str = ""
    flags: tuple[str, ...] = ()
    part: Part = lambda content: content
    recorded: Part = lambda content: content


def batch(*ids: str) -> dict[str, Any]:
    return {"inputs": [{"id": id_} for id_ in ids]}


def creating(*properties: dict[str, str], **more: str) -> dict[str, Any]:
    return {"inputs": [{"properties": each, **more} for each in properties]}


def kept(*names: str) -> Part:
    """The items of a page, each cut to what a recording of one record keeps."""
    return lambda content: [
        {name: item[name] for name in names} for item in content["results"] if names[-1] in item
    ]


def _one(content: Any) -> Any:
    return [content]


def _merged(asking: Asking) -> Content:
    kept_id, lost_id = (asking.created("contacts", {"email": f"{n}@merge.example"}) for n in ("a", "b"))
    asking.must(
        "POST", "/crm/v3/objects/contacts/merge", {"primaryObjectId": kept_id, "objectIdToMerge": lost_id}
    )
    return batch(lost_id) | {"properties": ["hs_merged_object_ids"]}


def _archived_but_indexed(asking: Asking) -> Content:
    id_ = asking.created("companies", {"name": "Lagging", "domain": "lagging.example"})
    asking.must("POST", "/_sandbox/clock", {"advance_s": 120})
    asking.must("DELETE", f"/crm/v3/objects/companies/{id_}")
    filters = [{"propertyName": "domain", "operator": "EQ", "value": "lagging.example"}]
    return {"filterGroups": [{"filters": filters}], "properties": ["domain"], "limit": 100}


def _taken(asking: Asking) -> Content:
    asking.created("contacts", {"email": "taken@example.com"})
    return creating({"email": "fresh@example.com"}, {"email": "taken@example.com"}, objectWriteTraceId="0")


def _taken_alone(asking: Asking) -> Content:
    asking.created("contacts", {"email": "taken-too@example.com"})
    return creating({"email": "taken-too@example.com"})


def _partly_missing(asking: Asking) -> Content:
    id_ = asking.created("contacts", {"firstname": "Siena"})
    there, missing = {"id": id_}, {"id": "unknownIdentifier888"}
    return {"inputs": [each | {"properties": {"lastname": "Dyer"}} for each in (there, missing)]}


def _twice(asking: Asking) -> Content:
    id_ = asking.ids("contacts")[0]
    return {"inputs": [{"id": id_, "properties": {"lastname": name}} for name in ("a", "b")]}


def _to_itself(asking: Asking) -> Content:
    id_ = asking.created("contacts", {"firstname": "Alone"})
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 449}]
    pairs = (("unknown_id_123456798", id_), (id_, id_))
    return {"inputs": [{"from": {"id": a}, "to": {"id": b}, "types": types} for a, b in pairs]}


def _without(asking: Asking) -> Content:
    return batch(asking.created("deals", {"dealname": "Nobody's"}))


def _with_and_without(asking: Asking) -> Content:
    return batch(*asking.ids("contacts"), asking.created("contacts", {"firstname": "Unemployed"}))


def _two_companies(asking: Asking) -> Content:
    return batch(*(asking.created("companies", {"name": name}) for name in ("one", "two")))


BATCH_CREATE = "/crm/v3/objects/contacts/batch/create"
DEALS = "/crm/v4/associations/deals/companies/batch/read"
SEARCH = {
    "limit": 5,
    "properties": [
        "dealname",
        "amount",
        "dealstage",
        "pipeline",
        "closedate",
        "createdate",
        "hs_lastmodifieddate",
    ],
}
LIST = "/crm/v3/objects/contacts?properties=firstname,lastname,email,phone,jobtitle,company,createdate,lastmodifieddate"
EPOCH = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "1970-01-01T00:00:00.000Z"}
FEW_SCOPES = ("--token", "pat-na1-sandbox:oauth")
CASES: dict[str, Case] = {
    "200_account_info": Case("GET", "/account-info/v3/details"),
    "200_associations_v3_batch_read_paging": Case(
        "POST", "/crm/v3/associations/company/contact/batch/read", lambda a: batch(*a.ids("companies")),
        flags=("--portal", "contacts=160,companies=1"),
    ),
    "200_associations_v4_success_shape": Case(
        "POST", DEALS, lambda a: batch(*a.linked("deals", "companies")), part=lambda c: c["results"], recorded=_one
    ),
    "200_inline_associations_same_id_twice": Case(
        "GET", "/crm/v3/objects/companies?associations=contacts&limit=100", part=kept("id", "associations"),
        recorded=_one,
    ),
    "200_list_contacts_page": Case("GET", f"{LIST}&limit=100"),
    "200_list_page_with_paging_next": Case("GET", f"{LIST}&limit=10"),
    "200_lists_search": Case("POST", "/crm/v3/lists/search", {"query": "", "offset": 0, "count": 100}),
    "200_merged_contact": Case(
        "POST", "/crm/objects/2026-09/contacts/batch/read", _merged, part=kept("id", "properties"), recorded=_one
    ),
    "200_owners_page": Case("GET", "/crm/v3/owners?limit=100"),
    "200_pipelines_deals": Case("GET", "/crm/v3/pipelines/deals"),
    "200_properties_companies": Case("GET", "/crm/v3/properties/companies"),
    "200_property_history_entry": Case(
        "GET", "/crm/v3/objects/deals?propertiesWithHistory=amount,hs_lastmodifieddate,dealname&limit=50",
        part=kept("propertiesWithHistory"), recorded=_one,
    ),
    "200_schemas_contacts": Case("GET", "/crm/v3/schemas/contacts"),
    "200_search_page_with_paging": Case("POST", "/crm/v3/objects/deals/search", SEARCH),
    "200_search_total_without_results": Case(
        "POST", "/crm/v3/objects/COMPANY/search", _archived_but_indexed, flags=("--belief", "search-lag-s=60"),
    ),
    "201_batch_create": Case(
        "POST", "/crm/v3/objects/COMPANY/batch/create", creating({"name": "bossa"}, {"name": "samba"})
    ),
    "204_batch_archive": Case("POST", "/crm/v3/objects/COMPANY/batch/archive", _two_companies),
    "207_associations_v4_batch_create_error": Case(
        "POST", "/crm/v4/associations/contacts/contacts/batch/create", _to_itself
    ),
    "207_associations_v4_batch_read": Case(
        "POST", "/crm/v4/associations/contacts/companies/batch/read", _with_and_without
    ),
    "207_batch_create_conflict": Case("POST", BATCH_CREATE, _taken),
    "207_batch_update_object_not_found": Case("POST", "/crm/v3/objects/contacts/batch/update", _partly_missing),
    "207_no_associations_found": Case("POST", DEALS, _without),
    "400_duplicate_ids_in_batch": Case("POST", "/crm/v3/objects/contacts/batch/update", _twice),
    "400_search_beyond_10000": Case(
        "POST", "/crm/v3/objects/meetings/search", {"after": "10000", "limit": 10}
    ),
    "400_unknown_object_type": Case(
        "POST", "/crm/v3/objects/butterflies/search", {"filterGroups": [], "limit": 100}
    ),
    "400_unknown_property_on_write": Case(
        "POST", BATCH_CREATE, creating({"first000name": "a"}, {"last000name": "b"})
    ),
    "401_expired_token": Case("GET", "/crm/v3/owners", fault="401"),
    "403_missing_granular_scope": Case("GET", "/crm/v3/schemas", flags=FEW_SCOPES),
    "403_missing_scope_2022": Case("GET", "/crm/v3/owners/123456", flags=FEW_SCOPES),
    "409_conflict": Case("POST", BATCH_CREATE, _taken_alone),
    "414_uri_too_long": Case("GET", f"/crm/v3/objects/contacts?properties={'x' * 17_000}"),
    "429_daily": Case("GET", "/crm/v3/objects/contacts", fault="429-daily"),
    "429_search_secondly": Case("POST", "/crm/v3/objects/COMPANY/search", SEARCH, fault="429-search"),
    "429_ten_secondly_rolling": Case("GET", "/crm/v3/objects/contacts", fault="429-general"),
    "500_epoch_query": Case(
        "POST", "/crm/v3/objects/contacts/search", {"filterGroups": [{"filters": [EPOCH]}]}
    ),
    "502_cloudflare_html": Case("GET", "/crm/v3/objects/contacts", fault="502"),
    "502_cloudflare_text": Case(
        "GET", "/crm/v3/objects/contacts", fault="502", flags=("--belief", "edge-bodies=text")
    ),
}  # fmt: skip
# Recordings that are provoked by nothing, and why.
NEVER = {
    "429_secondly_2018": "the form of 2018; the recordings of 2021 and later show 429_search_secondly in its place",
}
