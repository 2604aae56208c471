"""Requests beyond a limit that the documents disagree about: what the connectors of others live on, or the worse."""

from __future__ import annotations

import pytest

from hubdump.sandbox import InProcess

SEARCH, LISTS = "/crm/v3/objects/contacts/search", "/crm/v3/lists/search"
WIDE = {"limit": 1, "properties": [f"no_such_property_{number}" for number in range(200)]}


@pytest.mark.parametrize(
    ("path", "body", "belief"),
    [(SEARCH, WIDE, "search-body=whole"), (LISTS, {"count": 1000}, "lists-count-over-max=refused")],
)
def test_what_connectors_ask_for_is_answered_unless_the_worse_is_believed(
    path: str, body: dict[str, object], belief: str
) -> None:
    assert InProcess("small", overload=False).request("POST", path, json=body).status == 200
    refused = InProcess("small", overload=False, beliefs=(belief,)).request("POST", path, json=body)
    assert (refused.status, refused.json()["category"]) == (400, "VALIDATION_ERROR")


def test_a_query_of_more_than_3000_characters_is_refused() -> None:
    portal = InProcess("small", overload=False)
    assert portal.request("POST", SEARCH, json={"query": "x" * 3000}).status == 200
    assert portal.request("POST", SEARCH, json={"query": "x" * 3001}).status == 400
