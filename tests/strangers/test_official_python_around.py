"""hubspot-api-client reads what is around the records: forms, marketing emails, users, files, subscription types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hubspot import HubSpot

from tests.conftest import TOKEN, Served
from tests.strangers import truths

WHO = "hubspot-api-client"


@pytest.fixture(scope="module")
def client(quiet: Served) -> Any:
    return HubSpot(access_token=TOKEN, host=quiet.url)


def every(page_of: Callable[..., Any], **asked: Any) -> list[Any]:
    """All items of a list, by its cursors."""
    found, after = [], None
    while True:
        page = page_of(after=after, **asked)
        found += page.results
        if page.paging is None:
            return found
        after = page.paging.next.after


def test_forms_are_paged_of_all_types_or_of_hubspots_own(client: Any, quiet: Served) -> None:
    truth = truths.items(quiet, "forms")
    page_of = client.marketing.forms.forms_api.get_page
    own = every(page_of, limit=2)
    live = every(page_of, limit=3, form_types=["all"])
    gone = every(page_of, archived=True, form_types=["all"])
    assert {form.id for form in own} == {
        key for key, form in truth.items() if form["formType"] == "hubspot" and not form["archived"]
    }
    assert sorted(form.id for form in live + gone) == sorted(truth)
    assert gone
    assert all(form.archived_at for form in gone)
    for form in live + gone:
        fields = [field.name for group in form.field_groups for field in group.fields]
        assert fields[0] == "email"


def test_emails_are_paged_with_their_statistics(client: Any, quiet: Served) -> None:
    truth = truths.items(quiet, "marketing_emails")
    page_of = client.marketing.emails.marketing_emails_api.get_page
    live = every(page_of, limit=5, include_stats=True)
    gone = every(page_of, limit=5, include_stats=True, archived=True)
    assert {email.id: email.stats.counters for email in live + gone} == {
        key: email["stats"]["counters"] for key, email in truth.items()
    }
    assert len(live) > len(gone) > 0
    assert page_of().total == len(live)


def test_users_and_teams_know_each_other(client: Any, quiet: Served) -> None:
    users = every(client.settings.users.users_api.get_page, limit=4)
    assert [user.id for user in users] == list(truths.items(quiet, "users"))
    [first, *_] = client.settings.users.teams_api.get_all().results
    assert {user.id for user in users if user.primary_team_id == first.id} == set(first.user_ids)


def test_files_are_searched_to_the_last(client: Any, quiet: Served) -> None:
    found = every(client.files.files_api.do_search, limit=20, sort=["id"])
    assert [file.id for file in found] == sorted(truths.items(quiet, "files"), key=int)
    some = client.files.files_api.do_search(id_gte=int(found[40].id), sort=["-id"]).results
    assert [file.id for file in some] == [file.id for file in found[:39:-1]]


def test_subscription_types_come_whole(client: Any, quiet: Served) -> None:
    found = client.communication_preferences.definition_api.get_page().subscription_definitions
    assert [one.id for one in found] == list(truths.items(quiet, "subscription_types"))
