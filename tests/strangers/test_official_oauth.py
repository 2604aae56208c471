"""The official clients trade a refresh token for an access token, and read with it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hubspot import HubSpot as HubSpotV3
from hubspot.oauth.exceptions import ApiException
from hubspot_sdk import AuthenticationError, HubSpot

from tests.conftest import Served
from tests.strangers import truths

WHO = "hubspot-api-client and hubspot-sdk"
# The one OAuth app of every sandbox (docs/sandbox.md).
APP: dict[str, Any] = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}


def test_hubspot_api_client_refreshes_by_v1_and_reads(quiet: Served) -> None:
    given = HubSpotV3(host=quiet.url).oauth.tokens_api.create(
        grant_type="refresh_token", refresh_token="sandbox-refresh", **APP
    )
    assert given.expires_in == 1800
    client = HubSpotV3(access_token=given.access_token, host=quiet.url)
    assert [c.id for c in client.crm.contacts.get_all()] == truths.live(quiet, "contacts")


def test_a_refresh_token_of_nobody_is_refused_as_rfc_6749_says(quiet: Served) -> None:
    with pytest.raises(ApiException, match="BAD_REFRESH_TOKEN") as caught:
        HubSpotV3(host=quiet.url).oauth.tokens_api.create(
            grant_type="refresh_token", refresh_token="another", **APP
        )
    assert caught.value.status == 400


def test_hubspot_sdk_sends_json_where_the_endpoint_takes_a_form(quiet: Served) -> None:
    """The documentation and RFC 6749 say a form; this alpha sends JSON, and is refused until that is settled."""
    with (
        HubSpot(base_url=quiet.url, access_token="none yet") as client,
        pytest.raises(AuthenticationError, match="BAD_CLIENT_ID"),
    ):
        client.auth.oauth.create_token(grant_type="refresh_token", refresh_token="sandbox-refresh", **APP)


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_hubspot_sdk_reads_with_a_token_that_a_form_was_traded_for(quiet: Served, version: str) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "sandbox-refresh", **APP}
    given = httpx.post(f"{quiet.url}/oauth/{version}/token", data=form).json()
    with HubSpot(base_url=quiet.url, access_token=given["access_token"]) as client:
        found = [contact.id for contact in client.crm.objects.contacts.list(limit=50)]
    assert found == truths.live(quiet, "contacts")
