"""hubspot-sdk reads what is around the records by dated paths, and validates it strictly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hubspot_sdk import HubSpot

from tests.conftest import TOKEN, Served
from tests.strangers import truths

WHO = "hubspot-sdk"


@pytest.fixture(scope="module")
def client(quiet: Served) -> Iterator[HubSpot]:
    with HubSpot(access_token=TOKEN, base_url=quiet.url, _strict_response_validation=True) as client:
        yield client


def test_users_and_teams(client: HubSpot, quiet: Served) -> None:
    found = list(client.settings.users.list(limit=3))
    assert [user.id for user in found] == list(truths.items(quiet, "users"))
    [first, *_] = client.settings.users.list_teams().results
    assert {user.id for user in found if user.primary_team_id == first.id} == set(first.user_ids)


def test_currencies(client: HubSpot, quiet: Served) -> None:
    rates = client.settings.currencies.exchange_rates.list_current_exchange_rates().results
    truth = truths.items(quiet, "currencies")
    assert {rate.id: rate.conversion_rate for rate in rates} == {
        key: rate["conversionRate"] for key, rate in truth.items()
    }
    assert len(rates) == 3
    company = client.settings.currencies.get_company_currency()
    assert list(truths.items(quiet, "company_currency")) == [company.id]


def test_emails_and_their_statistics(client: HubSpot, quiet: Served) -> None:
    truth = truths.items(quiet, "marketing_emails")
    live = list(client.marketing.emails.list(limit=5, include_stats=True))
    gone = list(client.marketing.emails.list(limit=5, include_stats=True, archived=True))
    found = {email.id: email.stats.counters for email in live + gone if email.stats}
    assert found == {key: email["stats"]["counters"] for key, email in truth.items()}
    assert all(email.archived and email.deleted_at for email in gone)
    assert gone


def test_subscription_types_and_statuses(client: HubSpot, quiet: Served) -> None:
    types = client.communication_preferences.definitions.list().results
    assert [one.id for one in types] == list(truths.items(quiet, "subscription_types"))
    truth = truths.items(quiet, "subscription_statuses")
    emails = sorted({key.partition(":")[0] for key in truth})
    assert len(emails) > 20
    told = client.communication_preferences.statuses.batch.read(channel="EMAIL", inputs=emails).results
    found = {
        f"{each.subscriber_id_string}:{one.subscription_id}": one.status
        for each in told
        for one in each.statuses
    }
    assert found == {key: body["status"] for key, body in truth.items()}


def test_files(client: HubSpot, quiet: Served) -> None:
    found = list(client.files.file_assets.search(limit=10, sort=["id"]))
    assert [file.id for file in found] == sorted(truths.items(quiet, "files"), key=int)
