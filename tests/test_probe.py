"""The probe against a sandbox of every belief a reader can see: it must find each, and tell nothing of the portal."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hubdump.errors import TokenRefused
from hubdump.extract.bearer import Bearer, ServiceKey
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.hubspot.pacing import Budgets
from hubdump.model import Secret
from hubdump.probe.asking import REQUESTS_MAX
from hubdump.probe.probing import probe
from hubdump.sandbox import BELIEFS, InProcess
from hubdump.sandbox.beliefs import AROUND
from tests.worlds import Emulated, JumpingClock

PORTAL = "contacts=350,companies=120,deals=90,calls=11000,emails=150"


def probed(
    *beliefs: str, portal: str = PORTAL, token: str = "", **options: Any
) -> tuple[dict[str, Any], InProcess]:
    chosen: Any = {"faults": "none", "overload": False, "beliefs": beliefs} | options
    sandbox, clock = InProcess(portal, **chosen), JumpingClock()
    exchange = Exchange(Means(
        Emulated(sandbox, clock), Bearer(ServiceKey(Secret(token or sandbox.portal.token)), clock), Budgets(None),
        clock, lambda _: None, chance=lambda: 0.5,
    ), Patience())  # fmt: skip
    return asyncio.run(probe(exchange, clock)), sandbox


# What a reader can see of HubSpot: each switch away from its default.
VISIBLE = (
    "list-after=position", "list-after=opaque", "list-after-any-id=no", "list-cursor=next-record",
    "list-max=50", "list-over-max=capped", "search-max=100", "search-filter=text",
    "search-body=whole", "search-empty-pages=2",
    "search-total=capped", "search-at-epoch=found", "contacts-hs-lastmodified=filled", "refusal-texts=generic",
    "association-page=1", "association-inputs=100", "association-order=aligned", "inline-associations-max=1",
    "dated-to-object-id=number", "batch-order=shuffled", "dated-partial-status=200", "dates=epoch-ms",
    "fraction-digits=0", "fraction-digits=6", "usage-counts-archived=yes",
    "generic-engagements=no", "association-budget=shared", "search-budget=shared", "burst-headers-on-search=yes",
    "daily-headers-on-search=no", "headers-on-associations=yes", "url-chars-max=12000", "body-of-414=empty",
    "date-skew-s=-90", "usage-for-service-keys=no",
)  # fmt: skip


@pytest.mark.parametrize("belief", VISIBLE)
def test_the_probe_finds_what_is_so(belief: str) -> None:
    name, value = belief.split("=")
    assert BELIEFS[name].default != value
    found, sandbox = probed(belief)
    said = found["beliefs"].get(name, found["open"].get(name))
    if name == "url-chars-max":  # found by halving
        assert 12_000 <= int(said) < 13_000
    else:
        assert said == value, found["seen"].get(name)
    assert found["requests"] == len(sandbox.portal.requests()) <= REQUESTS_MAX


# What a probe would need another token, another portal or a longer time for, or does not look at: collections.
UNASKED = {
    "archived-values", "emails-without-scope", "gone-type", "labels-show-one-way", "library-disabled", "tier-refusal",
    *AROUND,
}  # fmt: skip


def test_what_is_found_of_the_defaults_is_the_defaults() -> None:
    found, _ = probed()
    differing = {
        n: v for n, v in found["beliefs"].items() if v != BELIEFS[n].default and n != "url-chars-max"
    }
    assert differing == {}
    assert len(found["beliefs"]) > 25
    assert set(found["beliefs"]) | set(found["open"]) == set(BELIEFS) - UNASKED
    assert found["tier"] == {"general": 190, "daily": 625_000}


def test_a_sandbox_that_is_told_what_was_found_behaves_like_that_portal() -> None:
    strange = (
        "list-after=position",
        "search-max=100",
        "association-page=1",
        "dates=epoch-ms",
        "batch-order=shuffled",
    )
    found, _ = probed(*strange)
    again, _ = probed(*(f"{name}={value}" for name, value in found["beliefs"].items()))
    assert {text.split("=")[0]: text.split("=")[1] for text in strange}.items() <= found["beliefs"].items()
    assert again["beliefs"] | {"url-chars-max": ""} == found["beliefs"] | {"url-chars-max": ""}


def test_nothing_of_the_portal_is_told() -> None:
    found, sandbox = probed()
    text = json.dumps(found)
    truth = sandbox.portal.truth()
    ids = [id_ for of in truth["live"].values() for id_ in of]
    assert len(ids) > 10_000
    assert [id_ for id_ in ids if id_ in text] == []
    assert str(truth["portal"]) not in text
    assert sandbox.portal.token not in text


def test_an_empty_portal_leaves_questions_open_and_says_why() -> None:
    found, _ = probed(portal="notes=0")
    assert "list-after" not in found["beliefs"]
    assert found["beliefs"]["generic-engagements"] == "yes"
    assert "cut_short" not in found


def test_errors_are_tried_again_and_never_more_than_sixty_requests_leave() -> None:
    found, sandbox = probed(faults="hostile", seed=3)
    assert len(sandbox.portal.requests()) == found["requests"] <= REQUESTS_MAX
    assert found["beliefs"]["list-max"] == "100"


def test_a_wrong_token_is_told_as_such() -> None:
    with pytest.raises(TokenRefused):
        probed(token="wrong")
