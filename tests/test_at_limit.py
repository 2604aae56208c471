"""The measurement of how near to HubSpot's limits a run comes: its bound, its windows, and that it runs."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from bench.at_limit import MIXED, bound_s, fullest, sizes
from tests.conftest import ROOT


def test_the_bound_is_that_of_the_budget_that_needs_longest() -> None:
    assert bound_s(Counter(general=380, associations=150, search=5), shared=False) == 20
    assert bound_s(Counter(general=19, associations=300, search=5), shared=False) == 20
    assert bound_s(Counter(general=19, associations=15, search=50), shared=False) == 10


def test_budgets_that_are_one_are_bound_as_one() -> None:
    assert bound_s(Counter(general=190, associations=180, search=10), shared=True) == 20
    assert bound_s(Counter(general=10, associations=0, search=50), shared=True) == 10


def test_the_fullest_window_is_found_wherever_it_begins() -> None:
    log = [{"arrived_s": at_s, "budget": "general"} for at_s in (0.0, 5.0, 9.9, 10.0, 14.9, 30.0)]
    assert fullest(log, "general") == 4, "5.0 to 14.9; what came at 0.0 is out by 10.0"
    assert fullest(log, "search") == 0


@pytest.mark.parametrize(("one_holds", "contacts"), [(None, 400), (0.9, 900)])
def test_all_records_are_of_some_type(one_holds: float | None, contacts: int) -> None:
    counts = sizes(1000, one_holds)
    assert (sum(counts.values()), counts["contacts"], set(counts)) == (1000, contacts, set(MIXED))


@pytest.mark.prove(seconds=15)
@pytest.mark.parametrize("bench", ["at_limit", "at_limit_virtual"])
def test_a_small_portal_is_measured(bench: str) -> None:
    asked = ["--records", "300", "--latency", "5", "--budgets", "separate", "--proof", "with"]
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{bench}", *asked],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    titles, _, row = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()
    )
    measured = dict(zip(titles, row, strict=True))
    assert (measured["429"], measured["5xx"]) == ("0", "0")
    assert float(measured["bound s"]) > 0.5
    assert "general" in measured["requests"]
