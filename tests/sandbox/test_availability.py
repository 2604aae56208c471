"""What a portal does not have: its tier lacks it, or nobody switched it on."""

from __future__ import annotations

import pytest

from hubdump.sandbox import InProcess, SandboxError
from tests.sandbox.asking import OBJECTS, Asking


@pytest.mark.parametrize("status", [403, 404])
def test_what_the_tier_lacks_is_refused_without_a_scope(status: int) -> None:
    portal = Asking("small", without=("leads", "lists", "teams"), beliefs={"tier-refusal": status})
    for path in (
        f"{OBJECTS}/leads",
        "/crm/v3/properties/0-136",
        "/crm/v4/associations/leads/contacts/labels",
    ):
        refused = portal.get(path, status)
        assert "requiredGranularScopes" not in str(refused)
        assert "scope" not in refused["message"]
    portal.post("/crm/v3/lists/search", {}, status)
    portal.get("/settings/v3/users/teams", status)
    assert portal.get("/settings/v3/users")["results"]
    assert portal.get(f"{OBJECTS}/contacts")["results"]
    counted = portal.get("/crm/limits/2026-09/records")["hubspotDefinedObjectTypes"]
    assert "0-136" not in {one["objectTypeId"] for one in counted}


def test_a_token_without_the_scope_is_told_the_tier_first() -> None:
    few = ("T:oauth",)
    lacking = Asking("small", without=("leads",), tokens=few).get(f"{OBJECTS}/leads", 403)
    assert "errors" not in lacking
    scoped = Asking("small", tokens=few).get(f"{OBJECTS}/leads", 403)
    assert scoped["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.leads.read"]


def test_a_tier_without_custom_objects_has_no_schemas() -> None:
    portal = Asking("small", without=("custom",))
    portal.get("/crm/v3/schemas", 403)
    portal.get(f"{OBJECTS}/2-4101001", 403)
    assert portal.get("/crm/limits/v3/records", 404)
    counts = portal.get("/crm/limits/2026-09/records")
    assert counts["customObjectTypes"]["byObjectType"] == []


def test_what_is_taken_away_must_be_there() -> None:
    with pytest.raises(SandboxError, match="without is 'workfows', but must be of: account-info"):
        InProcess("tiny", without=("workfows",))


@pytest.mark.parametrize("belief", ["403", "404", "empty"])
def test_a_type_of_the_library_that_is_switched_off(belief: str) -> None:
    portal = Asking("contacts=5,listings=3", beliefs={"library-disabled": belief})
    assert len(portal.get(f"{OBJECTS}/listings")["results"]) == 3
    if belief == "empty":
        assert portal.get(f"{OBJECTS}/courses")["results"] == []
        assert portal.get("/crm/v3/properties/courses")["results"]
    else:
        refused = portal.get(f"{OBJECTS}/courses", int(belief))
        assert "requiredGranularScopes" not in str(refused)
        portal.get("/crm/v3/properties/courses", int(belief))
