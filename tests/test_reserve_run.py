"""A run that leaves requests of the day to others, told by its flags; and what is told before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubdump.estimate import told
from hubdump.estimate.calls import Calls
from tests.conftest import Serve, User
from tests.test_estimate import estimate

CALLS = ("--only", "calls", "--json")


def limited(folder: Path, daily: int) -> tuple[str, ...]:
    """Flags of a sandbox that answers so many requests a day."""
    file = folder / "beliefs.json"
    file.write_text(json.dumps({"tier": {"general": 100, "daily": daily}}), "utf-8")
    return ("--portal", "narrow,calls=1500", "--faults", "none", "--beliefs", str(file))


def test_a_run_stops_before_the_reserve_says_so_beforehand_and_goes_on_without_it(
    serve: Serve, user: User, tmp_path: Path
) -> None:
    served = serve(*limited(tmp_path, 60))
    user.at(served)
    first = user.types("run", *CALLS, "--daily-reserve", "40")
    assert first.status == 75
    (warned,) = [one["text"] for one in first.of("noted") if "answers" in one["text"]]
    assert "To read 1,500 records takes at least 32 requests" in warned
    assert "beside the 40 that are left to others" in warned
    assert "left to others: 40 requests" in first.summary["verdict"]
    sent = len(served.ask("requests")["requests"])
    assert sent <= 20, "40 of 60 are left"
    user.forget_the_last_window()
    second = user.types("run", *CALLS)
    assert second.status == 0, second.err
    assert second.summary["types"]["calls"]["records"] == 1500


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--share", "1.5"), "HUBDUMP_SHARE is '1.5', but must be: a number from 0.01 to 1"),
        (("--daily-reserve", "-3"), "HUBDUMP_DAILY_RESERVE is '-3', but must be: a whole number of requests"),
    ],
)
def test_a_share_or_reserve_that_is_none_ends_with_2_and_the_rule(
    user: User, flags: tuple[str, str], said: str
) -> None:
    user.environment = {"HUBSPOT_ACCESS_TOKEN": "pat-1"}
    for verb in ("run", "plan"):
        refused = user.types(verb, *flags)
        assert refused.status == 2
        assert said in refused.err


def test_a_plan_that_does_not_fit_beside_the_reserve_says_so() -> None:
    found = estimate(Calls(94), left=99, reserve=700)
    assert (
        "more than the 99 that HubSpot answers today, beside the 700 that are left to others"
        in told.advice(found, "hubdump run")
    )
