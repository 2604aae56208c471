"""Fivetran's layout of HubSpot, as the models of its dbt package read it: every table, and what each column is of.

Columns that have the same meaning in every table - when it was read, whether a record is gone, the portal - are
made by their names (rendering.py). What HubSpot's public API does not tell is `-`: the column is there, empty.
"""

from __future__ import annotations

from collections.abc import Iterator

from hubdump.catalog import STANDARD
from hubdump.model import ObjectType
from hubdump.targets.layouts.view import LINKS, Names, Select, View

_SYNCED, _DELETED = "_fivetran_synced time", "_fivetran_deleted bool"
_BOTH = f"{_SYNCED}; {_DELETED}"
# What dbt's models call types that a view is of.
_ENGAGEMENTS = tuple(type_ for type_ in STANDARD.types if type_.engagement)
_TYPED = {type_ for type_ in _ENGAGEMENTS if type_.name != "postal_mail"}
# The package calls `type` so as well, once it has cut off what properties begin with.
_TYPE_TWICE = ("property_hs_engagement_type",)
_NAMED = tuple(type_.name for type_ in _ENGAGEMENTS)
_ALIVE = "NOT ({{{0}.archived:bool}} OR {{{0}._deleted:bool}})"
_FOR_EVER = "TIMESTAMP '9999-12-31 23:59:59'"
_MARKETING = "hubspot_email_event_enabled"


def _view(
    name: str, table: str, columns: str, *, more: str = "", where: str = "", switch: str = "", distinct: bool = False,
    properties: bool = False, hidden: Names = (),
) -> View:  # fmt: skip
    return View(name, (Select(table, columns, more, where),), distinct, properties, hidden, switch)


# Records.

_COMPANY = f"""
    {_BOTH}; id int; is_deleted bool; property_name; property_description; property_createdate time; property_industry;
    property_address; property_address_2 text property_address2; property_city; property_state; property_country;
    property_annualrevenue number"""
_MERGED = (
    "= (SELECT string_agg({merges.old_id}, chr(59) ORDER BY length({merges.old_id}), {merges.old_id})"
    " FROM {merges} AS merges WHERE {merges.type} = 'contacts' AND {merges.id} = {contacts.id})"
)
_CONTACT = f"""
    {_DELETED}; {_SYNCED}; id int; property_hs_merged_object_ids text {{merged}}; property_email; property_company;
    property_firstname; property_lastname; property_createdate time; property_jobtitle;
    property_annualrevenue number"""
_DEAL = f"""
    {_BOTH}; deal_id int id; deal_pipeline_id text property_pipeline; deal_pipeline_stage_id text property_dealstage;
    is_deleted bool; owner_id int property_hubspot_owner_id; portal_id int; property_dealname; property_description;
    property_amount number; property_closedate time; property_createdate time"""
_TICKET = f"""
    {_SYNCED}; id int; {_DELETED}; is_deleted bool; property_closed_date time; property_createdate time;
    property_first_agent_reply_date time; property_hs_pipeline; property_hs_pipeline_stage;
    property_hs_ticket_category; property_hs_ticket_priority; property_hubspot_owner_id int; property_subject;
    property_content"""


def _engagement(type_: ObjectType) -> View:
    """The view of one type of engagements."""
    body = "; body text property_hs_note_body" if type_.name == "notes" else ""
    columns = f"""
        {_BOTH}; engagement_id int id; type text = '{type_.engagement}'; property_hs_createdate time;
        property_hs_timestamp time; property_hubspot_owner_id int; property_hubspot_team_id int{body}"""
    name = f"engagement_{type_.singular}"
    switch = f"hubspot_{name}_enabled"
    return _view(name, type_.name, columns, properties=True, hidden=_TYPE_TWICE, switch=switch)


def _engagements() -> View:
    """Those of all types that are there: no column says which are not."""
    return View(
        "engagement",
        tuple(
            Select(
                type_.name,
                f"{_SYNCED}; id int; portal_id int; type text = '{type_.engagement}'",
                where=_ALIVE.format(type_.name),
            )
            for type_ in _ENGAGEMENTS
        ),
        switch="hubspot_engagement_enabled",
    )


def _pair(name: str, from_: Names, to: Names, columns: str, switch: str) -> View:
    """What is associated with what, of records that are there."""
    return View(
        name, (Select(LINKS, f"{_SYNCED}; {columns}", ends=(from_, to)),), distinct=True, switch=switch
    )


def _pairs() -> Iterator[View]:
    others: dict[str, Names] = {"company": ("companies",), "contact": ("contacts",), "deal": ("deals",)}
    for other in ("company", "contact"):
        columns = f"deal_id int from_id; {other}_id int to_id; type_id int; category"
        yield _pair(f"deal_{other}", ("deals",), others[other], columns, f"hubspot_deal_{other}_enabled")
    for other, types in others.items():
        columns = f"{other}_id int to_id; engagement_id int from_id; category"
        yield _pair(f"engagement_{other}", _NAMED, types, columns, f"hubspot_engagement_{other}_enabled")
    for other, types in (others | {"engagement": _NAMED}).items():
        switch = "hubspot_ticket_deal_enabled" if other == "deal" else "hubspot_service_enabled"
        columns = f"ticket_id int from_id; {other}_id int to_id; category"
        yield _pair(f"ticket_{other}", ("tickets",), types, columns, switch)


# What properties held before.


_NEXT = (
    "lead({property_history.timestamp:time}) OVER (PARTITION BY {property_history.id}, {property_history.property}"
    " ORDER BY {property_history.timestamp:time}, {property_history.value})"
)


def _history(name: str, types: str, columns: str, switch: str, property_: str = "") -> View:
    """Past values of one type, or of one property of it."""
    of = f" AND {{property_history.property}} = '{property_}'" if property_ else ""
    where = f"{{property_history.type}} = '{types}'{of}"
    return _view(name, "property_history", columns, where=where, switch=switch)


_PAST = f"{_SYNCED}; %s int id; name text property; source text source_type; source_id; timestamp time; value"
_SINCE = f"""
    _fivetran_start time timestamp;
    _fivetran_end time = coalesce({_NEXT} - INTERVAL '1 millisecond', {_FOR_EVER})"""
_STAGE = f"""
    _fivetran_active bool = {_NEXT} IS NULL; {_SINCE}; {_SYNCED}; date_entered time timestamp; deal_id int id;
    source text source_type; source_id; value"""
_TICKET_PAST = f"""
    {_SYNCED}; {_SINCE}; ticket_id int id; name text property; source text source_type; source_id;
    timestamp_instant time timestamp; value"""

# What is around the records.

_PIPELINE = f"""
    {_BOTH}; active bool; display_order int displayOrder; label; pipeline_id text id; created_at time createdAt;
    updated_at time updatedAt"""
_OF_STAGE = f"""
    {_BOTH}; active bool; is_closed bool metadata.isClosed; display_order int displayOrder; label; pipeline_id;
    stage_id text id; created_at time createdAt; updated_at time updatedAt"""
_WON = "= {pipeline_stages.metadata.isClosed:bool} AND {pipeline_stages.metadata.probability:float} = 1"
_OF_CONTACTS = "{lists.objectTypeId} = '0-1'"
_LIST = f"""
    {_BOTH}; created_at time createdAt; id int; name; updated_at time updatedAt; created_by_id text createdById;
    filters_updated_at time filtersUpdatedAt; list_version int listVersion; object_type_id text objectTypeId;
    processing_status text processingStatus; processing_type text processingType; deleteable bool -;
    dynamic bool = {{lists.processingType}} = 'DYNAMIC'; portal_id int; metadata_error text -;
    metadata_last_processing_state_change_at time -; metadata_last_size_change_at time -; metadata_processing text -;
    metadata_size int additionalProperties.hs_list_size"""
_FORM = f"""
    {_BOTH}; guid text id; action text -; created_at time createdAt; css_class text displayOptions.cssClass;
    follow_up_id int -; form_type text formType; lead_nurturing_campaign_id int -; method text -; name;
    notify_recipients bool -; portal_id int;
    redirect text = CASE WHEN {{forms.configuration.postSubmitAction.type}} = 'redirect_url'
        THEN {{forms.configuration.postSubmitAction.value}} END;
    submit_text text displayOptions.submitButtonText; updated_at time updatedAt"""
_SUBMISSION = f"""
    {_SYNCED}; timestamp time submittedAt; form_id text parent; contact_id int -; conversion_id text conversionId;
    page_id int -; page_url text pageUrl; portal_id int; title text -"""
_MERGE = f"""
    {_SYNCED}; canonical_vid int id; contact_id int id; entity_id text -; first_name text -; last_name text -;
    num_properties_moved int -; timestamp time -; user_id int -; vid_to_merge int old_id"""
_OWNER = f"""
    {_SYNCED}; active_user_id int userId; created_at time createdAt; email; first_name text firstName;
    last_name text lastName; owner_id int id; portal_id int; type; updated_at time updatedAt"""
_ID = "{{{0}.object_type}} || ':' || {{{0}.{1}}}"
_PROPERTY = f"""
    _fivetran_id text = {_ID.format("properties", "name")}; {_SYNCED}; calculated bool; created_at time createdAt;
    description; field_type text fieldType; group_name text groupName; hubspot_defined bool hubspotDefined;
    hubspot_object object object_type; label; name; show_currency_symbol bool showCurrencySymbol; type;
    updated_at time updatedAt"""
_OPTION = f"""
    label; property_id text = {_ID.format("property_options", "property")}; {_SYNCED}; display_order int displayOrder;
    hidden bool; value; hubspot_object object object_type; name text property"""
_DIGITS = "regexp_replace({{{0}}}, '[^0-9,]', '', 'g')"
_ROLES = _DIGITS.format("account_users.roleIds")
_USER = f"""
    {_BOTH}; id int; primary_team_id int primaryTeamId; role_id int = split_part({_ROLES}, ',', 1); email;
    first_name text firstName; last_name text lastName"""
_EMPTY_ROLE = f"{_SYNCED} -; {_DELETED} -; id int -; name text -; requires_billing_write bool -"


def _members(field: str, *, secondary: bool) -> Select:
    """The users of a team."""
    return Select(
        "teams",
        f"{_BOTH}; team_id int id; user_id int = u.id; is_secondary_user bool = {str(secondary).lower()}",
        f", unnest(string_to_array({_DIGITS.format(f'teams.{field}')}, ',')) AS u(id)",
        "u.id <> ''",
    )


# Emails that marketing sent.

_EVENT_ID = "id text = split_part({email_events.id}, ':', 2)"
_EVENT = f"""
    {_SYNCED}; app_id int appId; caused_by_created time causedBy.created; caused_by_id text causedBy.id; created time;
    email_campaign_id int emailCampaignId; filtered_event bool filteredEvent; {_EVENT_ID};
    obsoleted_by_created time obsoletedBy.created; obsoleted_by_id text obsoletedBy.id; portal_id int; recipient;
    sent_by_created time sentBy.created; sent_by_id text sentBy.id; type"""
_DEVICE = "browser; ip_address text ipAddress; location; user_agent text userAgent"
_OF_EVENTS = {
    "bounce": "category; response; status",
    "click": f"{_DEVICE}; referer; url",
    "deferred": "attempt int; response",
    "delivered": "response; smtp_id text smtpId",
    "dropped": "bcc; cc; drop_message text dropMessage; drop_reason text dropReason; reply_to text replyTo; subject;"
    " from",
    "forward": _DEVICE,
    "open": f"{_DEVICE}; duration",
    "print": _DEVICE,
    "sent": "bcc; cc; reply_to text replyTo; subject; from",
    "spam_report": "ip_address text ipAddress; user_agent text userAgent",
    "status_change": "bounced bool; portal_subscription_status text portalSubscriptionStatus;"
    " requested_by text requestedBy; source; subscriptions",
}
# HubSpot's words for what is called otherwise in the names of tables.
_CALLED = {"spam_report": "SPAMREPORT", "status_change": "STATUSCHANGE"}
_CAMPAIGN = f"""
    {_SYNCED}; app_id int -; app_name text -; content_id int id; id int primaryEmailCampaignId; name;
    num_included int -; num_queued int -; sub_type text subcategory; subject; type"""


def _events() -> Iterator[View]:
    yield _view("email_campaign", "marketing_emails", _CAMPAIGN, switch=_MARKETING,
                where="{marketing_emails.primaryEmailCampaignId} IS NOT NULL")  # fmt: skip
    yield _view("email_event", "email_events", _EVENT, switch=_MARKETING)
    for name, columns in _OF_EVENTS.items():
        yield _view(
            f"email_event_{name}",
            "email_events",
            f"{_SYNCED}; {_EVENT_ID}; {columns}",
            where=f"{{email_events.type}} = '{_CALLED.get(name, name.upper())}'",
            switch=f"hubspot_email_event_{name}_enabled",
        )


def _piped(of: str, parent: str, columns: str, stages: str, switch: str) -> Iterator[View]:
    yield _view(
        f"{of}_pipeline", "pipelines", columns, where=f"{{pipelines.parent}} = '{parent}'", switch=switch
    )
    yield _view(f"{of}_pipeline_stage", "pipeline_stages", stages, switch=switch,
                where=f"{{pipeline_stages.parent}} = '{parent}'")  # fmt: skip


VIEWS: tuple[View, ...] = (
    _view("company", "companies", _COMPANY, properties=True, switch="hubspot_company_enabled"),
    _view("contact", "contacts", _CONTACT.replace("{merged}", _MERGED), properties=True,
          switch="hubspot_contact_enabled"),
    _view("deal", "deals", _DEAL, properties=True, switch="hubspot_deal_enabled"),
    _view("ticket", "tickets", _TICKET, properties=True, switch="hubspot_service_enabled"),
    _engagements(),
    *(_engagement(type_) for type_ in _ENGAGEMENTS if type_ in _TYPED),
    *_pairs(),
    _view("contact_merge_audit", "merges", _MERGE, where="{merges.type} = 'contacts'",
          switch="hubspot_contact_merge_audit_enabled"),
    _view("merged_deal", "merges", f"{_SYNCED}; deal_id int id; merged_deal_id int old_id",
          where="{merges.type} = 'deals'", switch="hubspot_merged_deal_enabled"),
    _history("company_property_history", "companies", _PAST % "company_id", "hubspot_company_property_history_enabled"),
    _history("contact_property_history", "contacts", _PAST % "contact_id", "hubspot_contact_property_history_enabled"),
    _history("deal_property_history", "deals", _PAST % "deal_id", "hubspot_deal_property_history_enabled"),
    _history("ticket_property_history", "tickets", _TICKET_PAST, "hubspot_service_enabled"),
    _history("deal_stage", "deals", _STAGE, "hubspot_deal_enabled", "dealstage"),
    *_piped("deal", "deals", _PIPELINE, f"{_OF_STAGE}; closed_won bool {_WON}; probability float metadata.probability",
            "hubspot_deal_enabled"),
    *_piped("ticket", "tickets", f"{_PIPELINE}; object_type_id text = '0-5'",
            f"{_OF_STAGE}; ticket_state text metadata.ticketState", "hubspot_service_enabled"),
    _view("contact_list", "lists", _LIST, where=_OF_CONTACTS, switch="hubspot_contact_list_enabled"),
    _view("contact_list_member", "list_memberships",
          f"{_BOTH}; added_at time membershipTimestamp; contact_id int recordId; contact_list_id int parent",
          more=" JOIN {lists} AS lists ON {lists.id} = {list_memberships.parent}", where=_OF_CONTACTS,
          switch="hubspot_contact_list_member_enabled"),
    _view("form", "forms", _FORM, switch="hubspot_contact_form_enabled"),
    _view("contact_form_submission", "form_submissions", _SUBMISSION, switch="hubspot_contact_form_enabled"),
    _view("owner", "owners", _OWNER, switch="hubspot_owner_enabled"),
    _view("owner_team", "owner_teams", f"{_BOTH}; owner_id int; team_id int id; is_team_primary bool primary",
          switch="hubspot_team_enabled"),
    _view("team", "teams", f"{_BOTH}; id int; name", switch="hubspot_team_enabled"),
    View("team_user", (_members("userIds", secondary=False), _members("secondaryUserIds", secondary=True)),
         switch="hubspot_team_user_enabled"),
    _view("users", "account_users", _USER, switch="hubspot_role_enabled"),
    _view("role", "", _EMPTY_ROLE, switch="hubspot_role_enabled"),
    _view("property", "properties", _PROPERTY, where="NOT {properties.archived:bool}",
          switch="hubspot_property_enabled"),
    _view("property_option", "property_options", _OPTION, switch="hubspot_property_enabled"),
    *_events(),
)  # fmt: skip
