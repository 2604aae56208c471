"""Judges whether what a run names as incomplete had a reason in its scenario: giving up keeps no promise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hubdump.errors import Incomplete
from tests.simulation.oracle import Violation
from tests.simulation.scenario import Scenario


def is_withheld(error: Incomplete) -> bool:
    """Whether a type is incomplete because more would be removed than a person would believe."""
    return error.message.startswith("HubSpot does not have ")


def unduly(failed: Mapping[str, Incomplete], scenario: Scenario, *, accepts: bool) -> Iterator[Violation]:
    """UNDULY for each type that was named, where nothing but life and passing errors was in its way; `accepts`: the
    run was told to remove whatever HubSpot does not have.
    """
    for name, error in failed.items():
        if accepts if is_withheld(error) else not _may_end_a_type(scenario):
            yield Violation("UNDULY", f"{name}: {error.message}")


def _may_end_a_type(scenario: Scenario) -> bool:
    """Whether HubSpot refuses, breaks for ever, or behaves otherwise than is believed."""
    lasting = bool(scenario.beliefs or scenario.poisons or scenario.repeated)
    return lasting or "at:" in scenario.faults
