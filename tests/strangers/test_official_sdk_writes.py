"""hubspot-sdk writes to a portal by dated paths: what it wrote is what it reads, and what the truth holds."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from hubspot_sdk import BadRequestError, ConflictError, HubSpot, NotFoundError

from tests.conftest import TOKEN, Served
from tests.strangers import truths
from tests.strangers.mending import Mending

WHO = "hubspot-sdk"


@pytest.fixture(scope="module")
def client(written: Served) -> Iterator[HubSpot]:
    with HubSpot(
        access_token=TOKEN,
        base_url=written.url,
        http_client=httpx.Client(transport=Mending(), base_url=written.url),
        _strict_response_validation=True,
    ) as client:
        yield client


def test_a_company_is_created_updated_and_archived_and_then_is_gone(client: HubSpot, written: Served) -> None:
    companies = client.crm.objects.companies
    made = companies.create(associations=[], properties={"name": "Analytical Engines"})
    assert made.id in truths.live(written, "companies")
    companies.update(made.id, properties={"name": "Difference Engines"})
    assert companies.get(made.id, properties=["name"]).properties["name"] == "Difference Engines"
    companies.delete(made.id)
    with pytest.raises(NotFoundError):
        companies.get(made.id)
    gone = companies.get(made.id, archived=True)
    assert gone.archived
    assert gone.archived_at is not None
    assert made.id in truths.archived(written, "companies")


def test_a_batch_creates_what_a_batch_reads_and_archives(client: HubSpot, written: Served) -> None:
    batch = client.crm.objects.tasks.batch
    made = batch.create(
        inputs=[
            {
                "associations": [],
                "properties": {"hs_task_subject": text, "hs_timestamp": "2026-11-01T00:00:00Z"},
            }
            for text in ("one", "two")
        ]
    )
    ids = [task.id for task in made.results]
    read = batch.get(
        inputs=[{"id": id_} for id_ in ids], properties=["hs_task_subject"], properties_with_history=[]
    )
    assert sorted(task.properties["hs_task_subject"] for task in read.results) == ["one", "two"]
    assert set(ids) <= set(truths.live(written, "tasks"))
    batch.delete(inputs=[{"id": id_} for id_ in ids])
    assert not set(ids) & set(truths.live(written, "tasks"))


def test_merged_companies_resolve_to_one(client: HubSpot, written: Served) -> None:
    companies = client.crm.objects.companies
    kept, lost = (companies.create(associations=[], properties={"name": name}) for name in ("Kept", "Lost"))
    merged = companies.merge(primary_object_id=kept.id, object_id_to_merge=lost.id)
    assert {companies.get(old).id for old in (kept.id, lost.id)} == {merged.id}
    assert lost.id not in truths.live(written, "companies")
    assert merged.id in truths.live(written, "companies")


def test_refusals_are_told_in_classes_of_their_own(client: HubSpot) -> None:
    contacts = client.crm.objects.contacts
    contacts.create(associations=[], properties={"email": "sdk@example.com"})
    with pytest.raises(ConflictError):
        contacts.create(associations=[], properties={"email": "sdk@example.com"})
    with pytest.raises(BadRequestError, match="PROPERTY_DOESNT_EXIST"):
        contacts.create(associations=[], properties={"no_such_property": "1"})


def test_associations_are_made_and_broken_in_batches(client: HubSpot, written: Served) -> None:
    companies, contacts = truths.live(written, "companies"), truths.live(written, "contacts")
    deals = client.crm.objects.deals
    deal = deals.create(associations=[], properties={"dealname": "Engine", "pipeline": "default"})
    batch = client.crm.associations.batch
    batch.create_default(
        "companies",
        from_object_type="deals",
        inputs=[{"from": {"id": deal.id}, "to": {"id": companies[2]}}],
    )
    client.crm.associations.create(
        contacts[3], from_object_type="deals", from_object_id=deal.id, to_object_type="contacts"
    )
    assert set(truths.links(written, "deals", "companies")[deal.id]) == {companies[2]}
    assert set(truths.links(written, "deals", "contacts")[deal.id]) == {contacts[3]}
    batch.delete(
        "companies",
        from_object_type="deals",
        inputs=[{"from": {"id": deal.id}, "to": [{"id": companies[2]}]}],
    )
    assert deal.id not in truths.links(written, "deals", "companies")
