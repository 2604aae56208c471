"""Which scopes a selection needs: exactly those, before there is a token."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from hubdump import around, scopes
from hubdump.catalog import STANDARD
from hubdump.errors import Incomplete, UsageError
from hubdump.sandbox import InProcess
from tests.collections_world import collected
from tests.conftest import User

PORTAL = "calls=2,emails=2,contacts=4,deals=2,owners=3,lists=2,forms=2,leads=1"
SOME = ("emails", "leads", "owners", "form_submissions")


def test_the_scopes_of_a_selection_are_listed_without_a_token_and_a_network(user: User) -> None:
    told = user.types("doctor", "--scopes", "--only", "engagements")
    assert told.status == 0, told.err
    assert told.out.splitlines() == [
        "crm.objects.companies.read", "crm.objects.contacts.read", "crm.objects.deals.read", "oauth",
        "sales-email-read", "tickets",
    ]  # fmt: skip
    assert "Make a service key in HubSpot" in told.err
    as_json = user.types("doctor", "--scopes", "--only", "owners", "--json")
    assert json.loads(as_json.out) == {
        "type": "scopes",
        "scopes": ["crm.objects.owners.read", "oauth"],
        "optional": [],
    }
    assert "ui_hidden" not in told.err
    assert "files.ui_hidden.read" in user.types("doctor", "--scopes", "--only", "files").err
    assert user.types("doctor", "--only", "owners").status == 2


def test_scopes_follow_the_selection_and_custom_objects_have_their_own() -> None:
    custom = {"crm.objects.custom.read", "crm.schemas.custom.read"}
    every = scopes.needed((), ())
    assert custom <= set(every)
    assert list(every) == sorted(set(every))
    assert {scope for row in around.COLLECTIONS for scope in row.scopes} <= set(every)
    assert "crm.objects.custom.read" not in scopes.needed((), ("custom",))
    for word in ("custom", "2-123", "p7661321_cars"):
        assert custom <= set(scopes.needed((word,), ()))
    assert "sales-email-read" not in scopes.needed((), ("emails",))
    assert "forms" not in scopes.needed((), ("forms",))
    with pytest.raises(UsageError, match="callz"):
        scopes.needed(("callz",), ())
    with pytest.raises(UsageError, match="Nothing is left"):
        scopes.needed(("calls",), ("engagements",))


def test_scopes_of_sensitive_properties_are_told_apart(user: User) -> None:
    told = user.types("doctor", "--scopes", "--only", "contacts", "--only", "tickets", "--json")
    assert json.loads(told.out)["optional"] == [
        "crm.objects.contacts.highly_sensitive.read.v2", "crm.objects.contacts.sensitive.read.v2",
        "tickets.highly_sensitive.v2", "tickets.sensitive.v2",
    ]  # fmt: skip
    assert "tickets.sensitive.v2" not in user.types("doctor", "--scopes", "--only", "tickets").out
    assert "crm.objects.custom.sensitive.read.v2" in scopes.optional(("p7661321_cars",), ())
    assert scopes.optional(("engagements",), ()) == ()


def read_with(granted: Sequence[str], folder: Path) -> dict[str, Incomplete]:
    """What of SOME fails for a token that has these scopes."""
    sandbox = InProcess(PORTAL, tokens=(f"some:{'+'.join(granted)}",))
    types = [word for word in SOME if STANDARD.knows(word)]
    return collected(sandbox, folder, around.selected(SOME, ()), types=types)


def test_a_token_with_exactly_the_listed_scopes_reads_the_selection(tmp_path: Path) -> None:
    assert read_with(scopes.needed(SOME, ()), tmp_path) == {}


@pytest.mark.parametrize("lacking", sorted(set(scopes.needed(SOME, ())) - {"oauth"}))
def test_each_listed_scope_is_needed(tmp_path: Path, lacking: str) -> None:
    assert read_with([scope for scope in scopes.needed(SOME, ()) if scope != lacking], tmp_path) != {}


def test_a_token_with_all_scopes_reads_every_type_and_collection(tmp_path: Path) -> None:
    sandbox = InProcess(PORTAL, tokens=(f"all:{'+'.join(scopes.needed((), ()))}",))
    types = [type_.name for type_ in STANDARD.types]
    assert collected(sandbox, tmp_path, around.COLLECTIONS, types=types) == {}
