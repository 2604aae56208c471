"""Tokens, scopes and the OAuth endpoint: who is let in, and what the others are told."""

from __future__ import annotations

import pytest

from hubdump.sandbox import InProcess, SandboxConfig, SandboxError
from hubdump.sandbox.oauth import CLIENT_ID, CLIENT_SECRET, CODE, REFRESH_TOKEN

LIST = "/crm/v3/objects/contacts"
OWN = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
REFRESH = OWN | {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ", "nonsense", "Basic c2FuZGJveA==", ""])
def test_a_token_that_is_none_expired_in_1970(header: str) -> None:
    client = InProcess("tiny", start_s=1_775_000_000.0)
    answer = client.request("GET", LIST, headers={"Authorization": header})
    said = answer.json()
    assert answer.status == 401
    assert said["message"] == "The OAuth token used to make this call expired 20543 day(s) ago."
    assert said["category"] == "EXPIRED_AUTHENTICATION"
    assert said["context"] == {"expire time": ["1970-01-01T00:00:00Z"]}
    assert "X-HubSpot-RateLimit-Max" not in answer.headers


def test_without_a_token_credentials_are_not_found() -> None:
    told = InProcess("tiny").request("GET", LIST, authorized=False)
    assert (told.status, told.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    assert told.json()["message"].startswith("Authentication credentials not found.")


def test_what_an_app_may_not_read_is_named() -> None:
    client = InProcess("tiny", tokens=("all", "some:tickets+oauth+crm.objects.contacts.read"))
    refused = client.request("GET", "/crm/v3/objects/deals", headers=bearer("some"))
    said = refused.json()
    assert (refused.status, said["category"]) == (403, "MISSING_SCOPES")
    assert said["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.deals.read"]
    assert said["links"] == {"scopes": "https://developers.hubspot.com/scopes"}
    assert "X-HubSpot-RateLimit-Max" in refused.headers
    assert client.request("GET", "/crm/v3/objects/tickets", headers=bearer("some")).status == 200
    assert client.request("GET", "/crm/v3/objects/deals", headers=bearer("all")).status == 200
    schemas = client.request("GET", "/crm/v3/schemas", headers=bearer("some")).json()
    assert schemas["message"] == "One or more of the following scopes are required."
    assert schemas["context"]["requiredGranularScopes"] == ["crm.schemas.custom.read"]
    ignoring = InProcess("tiny", tokens=("none:oauth",), beliefs={"scopes": "ignored"})
    assert ignoring.request("GET", LIST).status == 200


SENSITIVE = "crm.objects.contacts.sensitive.read.v2"


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("GET", f"{LIST}?properties=email,patient_notes", None),
        ("GET", f"{LIST}?propertiesWithHistory=patient_notes", None),
        ("POST", f"{LIST}/batch/read", {"inputs": [{"id": "1"}], "properties": ["patient_notes"]}),
        ("POST", f"{LIST}/search", {"properties": ["patient_notes"]}),
    ],
)
def test_sensitive_values_need_a_scope_of_their_own(method: str, path: str, asked: object) -> None:
    some = "crm.objects.contacts.read"
    client = InProcess("small", tokens=(f"some:{some}", f"more:{some}+{SENSITIVE}"))
    refused = client.request(method, path, json=asked, headers=bearer("some"))
    assert (refused.status, refused.json()["category"]) == (403, "MISSING_SCOPES")
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == [SENSITIVE]
    assert client.request(method, path, json=asked, headers=bearer("more")).status in {200, 207}


def test_sensitive_values_are_left_out_where_that_is_believed() -> None:
    some, asked = (
        "crm.objects.contacts.read",
        {"properties": "patient_notes,account_number,phone", "limit": "60"},
    )
    client = InProcess(
        "small",
        tokens=("all", f"some:{some}", f"tickets:tickets+{some}"),
        beliefs={"sensitive-without-scope": "omitted"},
    )
    whole = client.request("GET", LIST, params=asked).json()["results"]
    part = client.request("GET", LIST, params=asked, headers=bearer("some")).json()["results"]
    assert any(record["properties"]["patient_notes"] for record in whole)
    kept = [set(record["properties"]) for record in part]
    assert len(kept) == 60
    assert all(names & {"patient_notes", "account_number", "phone"} == {"phone"} for names in kept)
    only = client.request("GET", LIST, params={"properties": "patient_notes"}, headers=bearer("some")).json()
    assert set(only["results"][0]["properties"]) == {"createdate", "lastmodifieddate", "hs_object_id"}


def test_tickets_have_sensitive_scopes_of_another_form() -> None:
    client = InProcess("small", tokens=("some:tickets", "more:tickets+tickets.highly_sensitive.v2"))
    path = "/crm/v3/objects/tickets?properties=account_number"
    refused = client.request("GET", path, headers=bearer("some")).json()
    assert refused["errors"][0]["context"]["requiredGranularScopes"] == ["tickets.highly_sensitive.v2"]
    assert client.request("GET", path, headers=bearer("more")).status == 200


def test_what_properties_are_sensitive_may_be_read_without_their_scope() -> None:
    client = InProcess("small", tokens=("some:crm.objects.contacts.read",))
    told = client.request("GET", "/crm/v3/properties/contacts?dataSensitivity=sensitive")
    assert [one["name"] for one in told.json()["results"]] == ["patient_notes"]
    ignoring = InProcess("small", tokens=("some:crm.objects.contacts.read",), beliefs={"scopes": "ignored"})
    assert ignoring.request("GET", f"{LIST}?properties=patient_notes").status == 200


def test_emails_need_both_scopes_or_come_without_what_they_say() -> None:
    path, asked = "/crm/v3/objects/emails", {"properties": "hs_email_html,hs_timestamp", "limit": "50"}
    some = "crm.objects.contacts.read"
    refusing = InProcess("small", tokens=(f"some:{some}",), beliefs={"emails-without-scope": "refused"})
    refused = refusing.request("GET", path, params=asked)
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == ["sales-email-read"]
    redacting = InProcess(
        "small", tokens=(f"some:{some}", "all"), beliefs={"emails-without-scope": "redacted"}
    )
    told = {
        token: redacting.request("GET", path, params=asked, headers=bearer(token)).json()["results"]
        for token in ("some", "all")
    }
    assert any(record["properties"]["hs_email_html"] for record in told["all"])
    assert {record["properties"]["hs_email_html"] for record in told["some"]} == {None}
    assert [r["properties"]["hs_timestamp"] for r in told["some"]] == [
        r["properties"]["hs_timestamp"] for r in told["all"]
    ]
    assert redacting.request("GET", "/crm/v3/objects/deals").status == 403


@pytest.mark.parametrize(("belief", "status"), [("both", 403), ("either", 207)])
def test_associations_need_the_scopes_of_both_sides_or_of_either(belief: str, status: int) -> None:
    client = InProcess(
        "tiny", tokens=("some:crm.objects.contacts.read",), beliefs={"association-scopes": belief}
    )
    body = {"inputs": [{"id": "1"}]}
    path = "/crm/v4/associations/contacts/companies/batch/read"
    assert client.request("POST", path, json=body).status == status


@pytest.mark.parametrize("version", ["v1", "v3", "2026-03", "2026-09"])
def test_a_refresh_token_gives_an_access_token_of_half_an_hour(version: str) -> None:
    client = InProcess("tiny")
    granted = client.request("POST", f"/oauth/{version}/token", form=REFRESH).json()
    assert (granted["token_type"], granted["expires_in"]) == ("bearer", 1800)
    assert granted["hub_id"] == client.portal_id
    assert granted["refresh_token"] == REFRESH_TOKEN
    token = bearer(granted["access_token"])
    answer = client.request("GET", LIST, headers=token)
    assert answer.status == 200
    assert answer.headers["X-HubSpot-RateLimit-Max"] == "110"
    assert "X-HubSpot-RateLimit-Daily" not in answer.headers
    client.advance(1799)
    assert client.request("GET", LIST, headers=token).status == 200
    client.advance(76)
    expired = client.request("GET", LIST, headers=token)
    assert expired.status == 401
    assert expired.json()["message"] == "The OAuth token used to make this call expired 75 second(s) ago."
    again = client.request("POST", f"/oauth/{version}/token", form=REFRESH).json()["access_token"]
    assert again != granted["access_token"]
    assert client.request("GET", LIST, headers=bearer(again)).status == 200


def test_a_code_is_good_once() -> None:
    client = InProcess("tiny")
    form = OWN | {"grant_type": "authorization_code", "code": CODE, "redirect_uri": "https://example.com"}
    assert client.request("POST", "/oauth/v3/token", form=form).status == 200
    assert client.request("POST", "/oauth/v3/token", form=form).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 401, "invalid_client"),
        (REFRESH | {"client_secret": "wrong"}, 401, "invalid_client"),
        (REFRESH | {"refresh_token": "wrong"}, 400, "invalid_grant"),
        (OWN | {"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_errors_of_the_token_endpoint_are_the_rfcs(form: dict[str, str], status: int, error: str) -> None:
    answer = InProcess("tiny").request("POST", "/oauth/2026-03/token", form=form)
    assert (answer.status, answer.json()["error"]) == (status, error)
    if error == "invalid_grant":
        assert answer.json()["status"] == "BAD_REFRESH_TOKEN"
        assert answer.json()["error_description"] == "refresh token is invalid, expired or revoked"


def test_a_token_with_blanks_is_refused() -> None:
    with pytest.raises(SandboxError, match="token must be"):
        SandboxConfig(tokens=("a b",))
