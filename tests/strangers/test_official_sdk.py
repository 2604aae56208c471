"""hubspot-sdk, HubSpot's new Python client, reads a portal by dated paths, every answer validated strictly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hubspot_sdk import AuthenticationError, BadRequestError, HubSpot, NotFoundError
from hubspot_sdk.types.crm import PublicFetchAssociationsBatchRequestParam, SimplePublicObjectIDParam

from tests.conftest import TOKEN, Served
from tests.strangers import truths
from tests.strangers.mending import BARE_ERROR, NULL_LABEL, NULL_VALUE, Mending

WHO = "hubspot-sdk"


@pytest.fixture(scope="module")
def mending() -> Mending:
    return Mending()


@pytest.fixture(scope="module")
def client(quiet: Served, mending: Mending) -> Iterator[HubSpot]:
    """Strict; an answer that breaks the specification where HubSpot's do not raises APIResponseValidationError."""
    with HubSpot(
        access_token=TOKEN,
        base_url=quiet.url,
        http_client=httpx.Client(transport=mending, base_url=quiet.url),
        _strict_response_validation=True,
    ) as client:
        yield client


def test_iterating_over_contacts_finds_each_once(client: HubSpot, quiet: Served) -> None:
    found = client.crm.objects.contacts.list(limit=25, properties=["email", "phone"])
    assert [contact.id for contact in found] == truths.live(quiet, "contacts")


@pytest.mark.parametrize("type_", ["0-3", "companies", "calls", "p-mail", "0-49"])
def test_any_type_is_listed_by_its_name_or_its_id(client: HubSpot, quiet: Served, type_: str) -> None:
    name = {"0-3": "deals", "0-49": "emails", "p-mail": "postal_mail"}.get(type_, type_)
    asked = "postal_mail" if type_ == "p-mail" else type_
    found = client.crm.objects.generic_objects.list(asked, limit=100)
    assert [record.id for record in found] == truths.live(quiet, name)


def test_only_known_breaches_had_to_be_mended(client: HubSpot, quiet: Served, mending: Mending) -> None:
    before = mending.seen[NULL_VALUE]
    assert list(client.crm.objects.calls.list(limit=100, properties=["hs_call_title", "hs_call_body"]))
    assert list(client.crm.objects.contacts.list(limit=100, properties=["firstname", "phone", "jobtitle"]))
    assert mending.seen[NULL_VALUE] > before, "HubSpot writes null where a property has no value"
    assert quiet.url


def test_inline_associations_name_an_id_once_for_each_kind(client: HubSpot, quiet: Served) -> None:
    found: Counter[tuple[str, str]] = Counter()
    for deal in client.crm.objects.deals.list(limit=8, associations=["companies"]):
        links = deal.associations["companies"].results if deal.associations else []
        found.update((deal.id, link.id) for link in links)
    assert found == truths.counted(truths.links(quiet, "deals", "companies"))


def test_history_is_read_fifty_records_a_page(client: HubSpot, quiet: Served) -> None:
    found = list(client.crm.objects.companies.list(limit=50, properties_with_history=["name"]))
    assert [company.id for company in found] == truths.live(quiet, "companies")
    named = [company for company in found if company.properties.get("name")]
    assert named
    for company in named:
        assert company.properties_with_history is not None
        newest = max(company.properties_with_history["name"], key=lambda entry: entry.timestamp)
        assert newest.value == company.properties["name"]
    with pytest.raises(BadRequestError):
        client.crm.objects.companies.list(limit=51, properties_with_history=["name"])


def test_a_search_finds_what_it_filters_for(client: HubSpot, quiet: Served) -> None:
    ids = truths.live(quiet, "tickets")
    middle = ids[len(ids) // 2]
    page = client.crm.objects.tickets.search(
        after="0",
        filter_groups=[{"filters": [{"property_name": "hs_object_id", "operator": "GTE", "value": middle}]}],
        limit=100,
        properties=["subject"],
        sorts=["-hs_object_id"],
    )
    assert [ticket.id for ticket in page.results] == [i for i in reversed(ids) if int(i) >= int(middle)]
    assert page.total == len(page.results)


def test_a_batch_read_names_the_missing(client: HubSpot, quiet: Served, mending: Mending) -> None:
    ids = truths.live(quiet, "contacts")[:4]
    asked = [SimplePublicObjectIDParam(id=id_) for id_ in [*ids, "3"]]
    before = mending.seen[BARE_ERROR]
    answer = client.crm.objects.contacts.batch.with_raw_response.get(
        inputs=asked, properties=["email"], properties_with_history=[]
    )
    assert sorted((contact.id for contact in answer.parse().results), key=int) == ids
    assert mending.seen[BARE_ERROR] == before + 1
    told: Any = answer.json()
    [error] = told["errors"]
    assert (error["category"], error["context"]) == ("OBJECT_NOT_FOUND", {"ids": ["3"]})


def test_associations_equal_the_truth(client: HubSpot, quiet: Served, mending: Mending) -> None:
    expected = truths.links(quiet, "calls", "contacts")
    inputs = [PublicFetchAssociationsBatchRequestParam(id=id_) for id_ in truths.live(quiet, "calls")]
    answer = client.crm.associations.batch.get("contacts", from_object_type="calls", inputs=inputs)
    found = {
        result.from_.id: {
            target.to_object_id: {(a.category, a.type_id, a.label) for a in target.association_types}
            for target in result.to
        }
        for result in answer.results
    }
    assert found == expected
    assert mending.seen[NULL_LABEL] > 0


def test_one_records_associations_are_paged(client: HubSpot, quiet: Served) -> None:
    expected = truths.links(quiet, "companies", "calls")
    company = max(expected, key=lambda id_: len(expected[id_]))
    assert len(expected[company]) > 1
    found = client.crm.associations.list("calls", object_type="companies", object_id=company, limit=1)
    assert [target.to_object_id for target in found] == sorted(expected[company], key=int)


def test_labels_of_a_pair_are_listed(client: HubSpot) -> None:
    answer = client.crm.associations_schema.labels.list_labels("companies", from_object_type="contacts")
    assert {(279, None), (1, "Primary")} <= {(label.type_id, label.label) for label in answer.results}


def test_the_token_of_nobody_is_refused(quiet: Served) -> None:
    with pytest.raises(AuthenticationError, match="EXPIRED_AUTHENTICATION"):
        HubSpot(access_token="not-a-token", base_url=quiet.url).crm.objects.contacts.list()


def test_a_record_that_is_not_there_is_404(client: HubSpot) -> None:
    with pytest.raises(NotFoundError):
        client.crm.objects.contacts.get("1")
