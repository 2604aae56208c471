"""hubspot-sdk reads what describes a portal: properties, owners, pipelines, lists, schemas, limits, account."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from hubspot_sdk import HubSpot

from tests.conftest import TOKEN, Served
from tests.strangers import truths
from tests.strangers.mending import Mending

WHO = "hubspot-sdk"


@pytest.fixture(scope="module")
def client(quiet: Served) -> Iterator[HubSpot]:
    with HubSpot(
        access_token=TOKEN,
        base_url=quiet.url,
        http_client=httpx.Client(transport=Mending(), base_url=quiet.url),
        _strict_response_validation=True,
    ) as client:
        yield client


def test_properties_are_typed_grouped_and_distinct(client: HubSpot) -> None:
    found = client.crm.properties.list("contacts").results
    names = [definition.name for definition in found]
    assert len(set(names)) == len(names)
    assert {"string", "number", "datetime", "bool", "enumeration"} <= {p.type for p in found}
    assert {"email", "lastmodifieddate", "hs_lastmodifieddate", "hs_object_id"} <= set(names)
    assert any(p.options for p in found)
    groups = {group.name for group in client.crm.properties.groups.list("contacts").results}
    assert {p.group_name for p in found} <= groups
    assert client.crm.properties.get("email", object_type="contacts").name == "email"


def test_sensitive_and_archived_properties_are_listed_apart(client: HubSpot) -> None:
    plain = {p.name for p in client.crm.properties.list("contacts").results}
    gone = {p.name for p in client.crm.properties.list("contacts", archived=True).results}
    secret = {p.name for p in client.crm.properties.list("contacts", data_sensitivity="sensitive").results}
    assert gone
    assert secret
    assert not plain & gone
    assert not plain & secret


def test_properties_are_read_in_a_batch(client: HubSpot) -> None:
    answer = client.crm.properties.batch.get(
        "deals",
        archived=False,
        data_sensitivity="non_sensitive",
        inputs=[{"name": "amount"}, {"name": "dealname"}],
    )
    assert {p.name for p in answer.results} == {"amount", "dealname"}


def test_owners_are_paged_to_their_end(client: HubSpot) -> None:
    found = list(client.crm.owners.list(limit=2))
    gone = list(client.crm.owners.list(archived=True))
    assert len({owner.id for owner in found}) == len(found) > 2
    assert gone
    assert all(owner.user_id is None and owner.user_id_including_inactive for owner in gone)
    assert client.crm.owners.get(int(found[0].id)).email == found[0].email


def test_pipelines_have_their_stages_in_order(client: HubSpot) -> None:
    pipelines = client.crm.pipelines.list("deals").results
    assert pipelines
    for pipeline in pipelines:
        orders = [stage.display_order for stage in pipeline.stages]
        assert len(orders) > 1
        assert orders == sorted(orders)
    one = client.crm.pipelines.get(pipelines[0].id, object_type="deals")
    assert [stage.id for stage in one.stages] == [stage.id for stage in pipelines[0].stages]


def test_lists_are_searched_and_their_members_are_live_contacts(client: HubSpot, quiet: Served) -> None:
    found, offset = [], 0
    while True:
        page = client.crm.lists.list_by_search(list_ids=[], processing_types=[], offset=offset, count=1)
        found += page.lists
        if not page.has_more:
            break
        offset = page.offset
    assert len({each.list_id for each in found}) == len(found) == page.total > 1
    of_contacts = [each for each in found if each.object_type_id == "0-1"]
    assert of_contacts
    alive, members = set(truths.live(quiet, "contacts")), 0
    for each in of_contacts:
        ids = [member.record_id for member in client.crm.lists.list_memberships(each.list_id, limit=3)]
        members += len(ids)
        assert set(ids) <= alive
        assert ids == sorted(set(ids), key=int)
        joined = client.crm.lists.get_memberships_join_order(each.list_id, limit=3)
        assert sorted((member.record_id for member in joined), key=int) == ids
        assert client.crm.lists.get(each.list_id).list.name == each.name
    assert members > 3


def test_custom_types_are_described_and_read(client: HubSpot, quiet: Served) -> None:
    schemas = client.crm.object_schemas.list().results
    assert schemas
    for schema in schemas:
        assert schema.object_type_id.startswith("2-")
        assert client.crm.object_schemas.get(schema.object_type_id).name == schema.name
        by_id = client.crm.objects.generic_objects.list(schema.object_type_id, limit=100)
        by_name = client.crm.objects.generic_objects.list(schema.fully_qualified_name, limit=100)
        told = truths.live(quiet, schema.object_type_id)
        assert [r.id for r in by_id] == [r.id for r in by_name] == told


def test_limits_count_the_live_records(client: HubSpot, quiet: Served) -> None:
    answer = client.crm.limits.get_record_limits()
    counted = {each.object_type_id: each.usage for each in answer.hubspot_defined_object_types}
    for type_id, name in (("0-1", "contacts"), ("0-3", "deals"), ("0-48", "calls")):
        assert counted[type_id] == len(truths.live(quiet, name))


def test_the_account_and_its_usage(client: HubSpot, quiet: Served) -> None:
    details = client.account.get()
    assert details.portal_id == quiet.ask("truth?types=tasks")["portal"]
    used = client.account.get_daily_private_apps_usage().results
    assert used
    assert all(each.current_usage <= each.usage_limit for each in used)


def test_the_object_library_tells_what_is_enabled(client: HubSpot) -> None:
    enabled = client.crm.object_library.enablement.get_all().enablement_by_object_type_id
    assert set(enabled.values()) <= {True, False}
    assert enabled
