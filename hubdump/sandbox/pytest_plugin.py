"""The fixture `hubspot_sandbox` for pytest, found by its entry point wherever hubdump is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hubdump.sandbox.embedding import Emulated

MARKER = "hubspot_sandbox"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, to those who are strict about markers."""
    config.addinivalue_line(
        "markers", f"{MARKER}(portal, **options): which portal the fixture serves, as hubdump.sandbox.Sandbox"
    )


@pytest.fixture
def hubspot_sandbox(request: pytest.FixtureRequest) -> Iterator[Emulated]:
    """A HubSpot portal on 127.0.0.1 for one test: `url` and `token` for the client, `truth()` for the test."""
    from hubdump.sandbox import Sandbox

    marker = request.node.get_closest_marker(MARKER)
    portal = marker.args if marker else ("tiny",)
    with Sandbox(*portal, **(marker.kwargs if marker else {})) as served:
        yield served
