"""hubspot-api-client 12, HubSpot's Python client, reads a portal: what it finds equals the ground truth."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.associations import BatchInputPublicObjectId, PublicObjectId
from hubspot.crm.associations.v4 import (
    BatchInputPublicFetchAssociationsBatchRequest,
    PublicFetchAssociationsBatchRequest,
)
from hubspot.crm.contacts.exceptions import UnauthorizedException
from hubspot.crm.objects import (
    BatchReadInputSimplePublicObjectId,
    Filter,
    FilterGroup,
    PublicObjectSearchRequest,
    SimplePublicObjectId,
)
from hubspot.crm.objects.exceptions import ApiException
from urllib3.util.retry import Retry

from tests.conftest import TOKEN, Served
from tests.strangers import truths

WHO = "hubspot-api-client"
# As its README says: retries are urllib3's, and off unless asked for.
PATIENT = Retry(total=6, backoff_factor=0.3, status_forcelist=(429,), allowed_methods=None)


@pytest.fixture(scope="module")
def client(quiet: Served) -> Any:
    return HubSpot(access_token=TOKEN, host=quiet.url, retry=PATIENT)


def test_get_all_finds_every_contact_once_and_in_order(client: Any, quiet: Served) -> None:
    found = client.crm.contacts.get_all(properties=["email", "lastmodifieddate"])
    assert [contact.id for contact in found] == truths.live(quiet, "contacts")
    assert all(contact.properties["hs_object_id"] == contact.id for contact in found)


@pytest.mark.parametrize(
    "type_", ["companies", "deals", "tickets", "calls", "emails", "meetings", "notes", "tasks"]
)
def test_get_all_of_any_type_finds_every_record_once(client: Any, quiet: Served, type_: str) -> None:
    assert [record.id for record in client.crm.objects.get_all(type_)] == truths.live(quiet, type_)


def test_archived_records_are_found_on_a_pass_of_their_own(client: Any, quiet: Served) -> None:
    found = client.crm.contacts.get_all(archived=True)
    assert [contact.id for contact in found] == truths.archived(quiet, "contacts")
    assert all(contact.archived and contact.archived_at for contact in found)


def test_pages_carry_associations_an_entry_for_each_kind(client: Any, quiet: Served) -> None:
    found: Counter[tuple[str, str]] = Counter()
    after = None
    while True:
        page = client.crm.contacts.basic_api.get_page(limit=17, after=after, associations=["companies"])
        for contact in page.results:
            links = contact.associations["companies"].results if contact.associations else []
            found.update((contact.id, link.id) for link in links)
            assert {link.type for link in links} <= {
                "contact_to_company",
                "contact_to_company_unlabeled",
            }
        if page.paging is None:
            break
        after = page.paging.next.after
    assert found == truths.counted(truths.links(quiet, "contacts", "companies"))


@pytest.mark.parametrize(("kind", "type_"), [("CALL", "calls"), ("MEETING", "meetings"), ("NOTE", "notes")])
def test_a_search_on_hs_engagement_type_finds_one_type_only(
    client: Any, quiet: Served, kind: str, type_: str
) -> None:
    of_kind = Filter(property_name="hs_engagement_type", operator="EQ", value=kind)
    asked = PublicObjectSearchRequest(filter_groups=[FilterGroup(filters=[of_kind])], limit=200)
    page = client.crm.objects.search_api.do_search("engagements", public_object_search_request=asked)
    expected = truths.live(quiet, type_)
    assert page.total == len(expected)
    assert sorted((record.id for record in page.results), key=int) == expected


def test_a_search_is_paged_by_offset_to_its_end(client: Any, quiet: Served) -> None:
    found, after = [], None
    while True:
        asked = PublicObjectSearchRequest(
            sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}], limit=25, after=after
        )
        page = client.crm.contacts.search_api.do_search(public_object_search_request=asked)
        found += [contact.id for contact in page.results]
        if page.paging is None:
            break
        assert page.paging.next.after == str(len(found))
        after = page.paging.next.after
    assert found == truths.live(quiet, "contacts")


def test_batch_read_gives_what_it_is_asked_for(client: Any, quiet: Served) -> None:
    ids = truths.live(quiet, "companies")
    asked = _read(ids, ["name", "domain"])
    answer = client.crm.companies.batch_api.read(batch_read_input_simple_public_object_id=asked)
    assert answer.status == "COMPLETE"
    assert sorted((company.id for company in answer.results), key=int) == ids
    assert all({"name", "domain"} <= set(company.properties) for company in answer.results)


def test_batch_read_names_the_missing_in_one_error(client: Any, quiet: Served) -> None:
    ids = truths.live(quiet, "companies")[:3]
    answer = client.crm.objects.batch_api.read("companies", _read([*ids, "1", "2"]))
    assert sorted((company.id for company in answer.results), key=int) == ids
    [error] = answer.errors
    assert error.category == "OBJECT_NOT_FOUND"
    assert sorted(error.context["ids"]) == ["1", "2"]


def test_batch_read_of_101_is_refused(client: Any) -> None:
    with pytest.raises(ApiException, match="maximum number of inputs supported in a batch is 100") as caught:
        client.crm.objects.batch_api.read("contacts", _read([str(n) for n in range(1, 102)]))
    assert caught.value.status == 400


def test_associations_of_v4_equal_the_truth(client: Any, quiet: Served) -> None:
    found: dict[str, dict[str, set[truths.Kind]]] = {}
    inputs = [PublicFetchAssociationsBatchRequest(id=id_) for id_ in truths.live(quiet, "contacts")]
    while inputs:
        asked = BatchInputPublicFetchAssociationsBatchRequest(inputs=inputs)
        answer = client.crm.associations.v4.batch_api.get_page("contacts", "calls", asked)
        inputs = []
        for result in answer.results:
            of_one = found.setdefault(result._from.id, {})
            for target in result.to:
                kinds = {(a.category, a.type_id, a.label) for a in target.association_types}
                of_one.setdefault(str(target.to_object_id), set()).update(kinds)
            if result.paging:
                again = PublicFetchAssociationsBatchRequest(
                    id=result._from.id, after=result.paging.next.after
                )
                inputs.append(again)
    assert found == truths.links(quiet, "contacts", "calls")


def test_associations_of_v3_equal_the_truth(client: Any, quiet: Served) -> None:
    expected = truths.links(quiet, "deals", "companies")
    asked = BatchInputPublicObjectId(inputs=[PublicObjectId(id=id_) for id_ in truths.live(quiet, "deals")])
    answer = client.crm.associations.batch_api.read("deals", "companies", asked)
    found = {(result._from.id, target.id) for result in answer.results for target in result.to}
    assert found == set(truths.counted(expected))


def test_labels_are_those_that_associations_bear(client: Any, quiet: Served) -> None:
    answer = client.crm.associations.v4.schema.definitions_api.get_all("contacts", "companies")
    found = {(label.category, label.type_id, label.label) for label in answer.results}
    borne = truths.links(quiet, "contacts", "companies").values()
    assert {kind for to in borne for kinds in to.values() for kind in kinds} <= found
    assert {("HUBSPOT_DEFINED", 279, None), ("HUBSPOT_DEFINED", 1, "Primary")} <= found


def test_v3_names_the_kinds_of_a_pair(client: Any) -> None:
    found = client.crm.associations.schema.types_api.get_all("contacts", "companies").results
    assert len({kind.id for kind in found}) == len(found) > 1
    assert "contact_to_company" in {kind.name for kind in found}


def test_properties_describe_every_value_that_records_bear(client: Any) -> None:
    defined = {p.name: p for p in client.crm.properties.core_api.get_all("contacts").results}
    page = client.crm.contacts.basic_api.get_page(limit=5, properties=list(defined)[:150])
    borne = {name for contact in page.results for name, value in contact.properties.items() if value}
    assert len(borne) > 10
    assert borne <= set(defined)
    one = client.crm.properties.core_api.get_by_name("contacts", "email")
    assert (one.name, one.type) == ("email", defined["email"].type)
    groups = {group.name for group in client.crm.properties.groups_api.get_all("contacts").results}
    assert {p.group_name for p in defined.values()} <= groups


def test_owners_are_paged_and_the_archived_are_apart(client: Any) -> None:
    found, after = [], None
    while True:
        page = client.crm.owners.owners_api.get_page(limit=2, after=after)
        found += page.results
        if page.paging is None:
            break
        after = page.paging.next.after
    gone = client.crm.owners.owners_api.get_page(archived=True).results
    assert len({owner.id for owner in [*found, *gone]}) == len(found) + len(gone)
    assert len(found) > 2
    assert gone
    assert all(owner.user_id is None and owner.archived for owner in gone)
    assert client.crm.owners.owners_api.get_by_id(int(found[0].id)).email == found[0].email


def test_every_deal_stands_in_a_stage_of_its_pipeline(client: Any) -> None:
    pipelines = client.crm.pipelines.pipelines_api.get_all("deals").results
    stages = {pipeline.id: {stage.id for stage in pipeline.stages} for pipeline in pipelines}
    assert all(isinstance(s.metadata["isClosed"], str) for p in pipelines for s in p.stages)
    deals = client.crm.deals.get_all(properties=["pipeline", "dealstage"])
    placed = [deal for deal in deals if deal.properties["pipeline"]]
    assert placed
    assert all(deal.properties["dealstage"] in stages[deal.properties["pipeline"]] for deal in placed)
    one = client.crm.pipelines.pipelines_api.get_by_id("deals", pipelines[0].id)
    assert one.label == pipelines[0].label


def test_a_wrong_token_is_refused_in_hubspots_words(quiet: Served) -> None:
    stranger = HubSpot(access_token="not-a-token", host=quiet.url)
    with pytest.raises(UnauthorizedException) as caught:
        stranger.crm.contacts.basic_api.get_page()
    assert '"category":"EXPIRED_AUTHENTICATION"' in caught.value.body.replace(" ", "")


def _read(ids: list[str], properties: list[str] | None = None) -> Any:
    inputs = [SimplePublicObjectId(id=id_) for id_ in ids]
    return BatchReadInputSimplePublicObjectId(
        inputs=inputs, properties=properties or [], properties_with_history=[]
    )
