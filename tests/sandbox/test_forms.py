"""Forms and what was submitted to them, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.asking import Asking
from tests.sandbox.collecting import edit, listed, truth

FORMS = "/marketing/v3/forms"
ALL = {"formTypes": "all", "limit": "100"}


def submissions(portal: Asking, form: str, limit: str = "50") -> Iterator[dict[str, Any]]:
    for page in portal.pages(f"/form-integrations/v1/submissions/forms/{form}", limit=limit):
        yield from page


def first_form(portal: Asking) -> str:
    return next(iter(truth(portal, "forms")))


@pytest.mark.parametrize("limit", ["100", "3"])
@pytest.mark.parametrize("after", ["key", "position"])
def test_forms_of_all_types_are_listed_live_and_archived_ones_apart(after: str, limit: str) -> None:
    portal = Asking("small", beliefs={"items-after": after})
    live = listed(portal, FORMS, **ALL | {"limit": limit})
    archived = listed(portal, FORMS, **ALL | {"limit": limit}, archived="true")
    assert live | archived == truth(portal, "forms")
    assert len(live | archived) == len(live) + len(archived) == 24
    assert len(archived) == 3
    assert all(one["archived"] and one["archivedAt"] for one in archived.values())
    assert not any("archivedAt" in one for one in live.values())
    assert {one["formType"] for one in live.values()} == {"hubspot", "captured", "flow", "blog_comment"}


def test_without_a_type_only_hubspots_own_forms_are_listed() -> None:
    portal = Asking("small")
    own = listed(portal, FORMS)
    some = listed(portal, FORMS, formTypes="hubspot,flow")
    assert {one["formType"] for one in own.values()} == {"hubspot"}
    assert {one["formType"] for one in some.values()} == {"hubspot", "flow"}
    assert set(own) < set(some) < set(listed(portal, FORMS, **ALL))
    portal.get(FORMS, 400, formTypes="paper")
    portal.get(FORMS, 400, limit="101")
    portal.get("/marketing/forms/2026-09", 404)


def test_archived_forms_may_be_among_the_others() -> None:
    portal = Asking("small", beliefs={"archived-forms": "mixed"})
    assert listed(portal, FORMS, **ALL) == truth(portal, "forms")
    assert len(listed(portal, FORMS, **ALL, archived="true")) == 3


@pytest.mark.parametrize("limit", ["50", "20", "7"])
def test_submissions_come_newest_first_some_in_the_same_millisecond(limit: str) -> None:
    portal = Asking("small")
    form = first_form(portal)
    found = list(submissions(portal, form, limit))
    assert len(found) == 120
    assert {one["conversionId"]: one for one in found} == truth(portal, "form_submissions", form)
    times = [one["submittedAt"] for one in found]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) < len(times)
    assert len({one["conversionId"] for one in found}) == 120


def test_every_form_has_its_submissions_archived_ones_too_and_some_have_none() -> None:
    portal = Asking("small")
    counts = {}
    for form, body in truth(portal, "forms").items():
        found = list(submissions(portal, form))
        assert {one["conversionId"] for one in found} == set(truth(portal, "form_submissions", form))
        counts[form] = len(found), body["archived"]
    assert {0} < {count for count, _ in counts.values()}
    assert any(count and archived for count, archived in counts.values())
    path = "/form-integrations/v1/submissions/forms"
    portal.get(f"{path}/00000000-0000-4000-8000-000000000000", 404)
    portal.get(f"{path}/{first_form(portal)}", 400, limit="51")
    assert len(portal.get(f"{path}/{first_form(portal)}")["results"]) == 20


def test_submissions_may_have_no_id_smaller_pages_and_none_for_comments() -> None:
    beliefs: dict[str, str | int] = {
        "submission-ids": "no",
        "form-submissions-max": 20,
        "comment-submissions": "404",
    }
    portal = Asking("small", beliefs=beliefs)
    form = first_form(portal)
    path = "/form-integrations/v1/submissions/forms"
    found = list(submissions(portal, form, "20"))
    assert len(found) == 120
    assert not any("conversionId" in one for one in found)
    portal.get(f"{path}/{form}", 400, limit="21")
    told = {body["formType"]: key for key, body in truth(portal, "forms").items()}
    portal.get(f"{path}/{told['blog_comment']}", 404)
    portal.get(f"{path}/{told['flow']}")


def test_a_new_submission_is_the_first_and_may_be_late() -> None:
    portal = Asking("small", beliefs={"events-lag-s": 60})
    form = first_form(portal)
    before = [one["conversionId"] for one in submissions(portal, form)]
    new = edit(portal, "create", "form_submissions", parent=form, body={"pageUrl": "https://example.com/new"})
    assert new["key"] in truth(portal, "form_submissions", form)
    assert [one["conversionId"] for one in submissions(portal, form)] == before
    portal.client.advance(60)
    found = list(submissions(portal, form))
    assert [one["conversionId"] for one in found] == [new["key"], *before]
    assert found[0] == new["body"]
    assert found[0]["submittedAt"] > found[1]["submittedAt"]


def test_a_form_is_changed_archived_and_created() -> None:
    portal = Asking("tiny")
    key = first_form(portal)
    before = truth(portal, "forms")[key]
    changed = edit(portal, "change", "forms", key=key, body={"name": "Renamed"})["body"]
    assert (changed["name"], changed["updatedAt"] > before["updatedAt"]) == ("Renamed", True)
    edit(portal, "archive", "forms", key=key)
    archived = listed(portal, FORMS, **ALL, archived="true")[key]
    assert archived["archivedAt"] == archived["updatedAt"] > changed["updatedAt"]
    assert key not in listed(portal, FORMS, **ALL)
    new = edit(portal, "create", "forms", body={"formType": "flow"})
    assert listed(portal, FORMS, formTypes="flow")[new["key"]] == new["body"]


def test_a_page_goes_on_behind_an_item_that_was_removed_meanwhile() -> None:
    portal = Asking("small")
    page = portal.get(FORMS, **ALL | {"limit": "5"})
    edit(portal, "remove", "forms", key=page["results"][4]["id"])
    edit(portal, "remove", "forms", key=page["results"][0]["id"])
    after = page["paging"]["next"]["after"]
    ahead = portal.get(FORMS, **ALL | {"limit": "5"}, after=after)["results"][2]["id"]
    edit(portal, "remove", "forms", key=ahead)
    rest = [one["id"] for some in portal.pages(FORMS, **ALL, after=after) for one in some]
    live = [key for key, body in truth(portal, "forms").items() if not body["archived"]]
    assert ahead not in live
    assert rest == live[3:]
    assert list(listed(portal, FORMS, **ALL)) == live


def test_forms_need_their_scope_and_an_empty_portal_has_none() -> None:
    portal = Asking("empty")
    assert portal.get(FORMS, formTypes="all") == {"results": []}
    refused = Asking("tiny", tokens=("some:oauth",))
    for path in (FORMS, "/form-integrations/v1/submissions/forms/1"):
        said = refused.get(path, 403)
        assert said["errors"][0]["context"]["requiredGranularScopes"] == ["forms"]
