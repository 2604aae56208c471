"""What HubSpot's answers say, read as what it means: instants in every form they have."""

from __future__ import annotations

import pytest

from hubdump.hubspot import wire


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("2024-04-11T20:42:01.734Z", 1_712_868_121_734_000),
        ("2024-04-11T20:42:01.734875Z", 1_712_868_121_734_875),
        ("2024-04-11T22:42:01.7+02:00", 1_712_868_121_700_000),
        ("1712868121734", 1_712_868_121_734_000),
        ("", None),
        (None, None),
        ("yesterday", None),
    ],
)
def test_instants_are_read_in_every_form_that_was_recorded(text: str | None, us: int | None) -> None:
    assert wire.instant_us(text) == us


def test_instants_with_three_digits_are_those_with_six() -> None:
    """The usual form is read by another way: on every day, and on days and at hours that no calendar has."""
    texts = [
        f"{year}-{month:02}-{day:02}T{hour:02}:59:{second:02}.734"
        for year in (1969, 2023, 2024)
        for month in range(14)
        for day in range(33)
        for hour, second in ((0, 0), (23, 59), (24, 60))
    ]
    assert [wire.instant_us(f"{text}Z") for text in texts] == [
        wire.instant_us(f"{text}000Z") for text in texts
    ]
