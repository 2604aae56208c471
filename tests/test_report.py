"""report.html: what it says, that all of it is escaped, that it stays small, and how it looks in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubdump.catalog import STANDARD
from hubdump.errors import Exit
from hubdump.events import (
    CollectionFailed,
    CollectionSummary,
    FetchedSummary,
    Noted,
    RetryScheduled,
    RunEnded,
    RunStarted,
    TypeFailed,
    TypeSummary,
)
from hubdump.hubspot.schema import Kind
from hubdump.report.drawing import BARS_MAX, HEIGHT, WIDTH, pictures
from hubdump.report.page import PROPERTIES_MAX, page
from hubdump.report.told import CAUSES_MAX, Told
from hubdump.targets.filled import filled
from hubdump.targets.filling import connected, fill
from hubdump.targets.table import Column, Table
from tests.conftest import Serve, User
from tests.strangers.conftest import needed

BYTES_MAX = 200_000
HOSTILE = '</title><script>document.title="taken"</script><img src="https://evil.example/x" onerror="document.title=1">'
AT = "2026-11-28T15:32:25Z"


def told(types: dict[str, TypeSummary], exit_: Exit = Exit.COMPLETE, **ended: Any) -> Told:
    """A run that was told of, from its beginning to its end."""
    found = Told()
    found.listen(RunStarted("r1", 77, "data", tuple(types), "auto"))
    end: dict[str, Any] = {
        "verdict": "Complete", "seconds": 61.5, "requests": {"general": 9, "search": 2}, "retries": 0,
        "timeline": [{"general": 9, "search": 2}], "limits": {"general": 180, "search": 40},
    }  # fmt: skip
    found.listen(RunEnded(exit=int(exit_), types=types, **(end | ended)))
    return found


def hostile() -> tuple[Told, dict[str, Any]]:
    """A run in which every text that comes from outside attacks the page."""
    found = told({HOSTILE: TypeSummary(5, 1, 3, 2, AT, None)}, Exit.INCOMPLETE, verdict=f"Incomplete: {HOSTILE}",
                 next=(HOSTILE,), filled={HOSTILE: (5, {HOSTILE: 3, "\ud800": 1})})  # fmt: skip
    found.listen(TypeFailed(HOSTILE, "", HOSTILE, HOSTILE))
    found.listen(Noted(HOSTILE + "\x1b[31m \u202e", HOSTILE))
    found.listen(RetryScheduled(HOSTILE, 0, HOSTILE, 1, 2.0, AT, AT))
    manifest = {"run": "r1", "quarantined": {HOSTILE: [{"id": HOSTILE, "purpose": "record", "reason": HOSTILE}]},
                "beliefs": {HOSTILE: f"refuted: {HOSTILE}"}}  # fmt: skip
    return found, manifest


class Marks(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_a_report_says_how_the_run_ended_and_what_is_there() -> None:
    text = page(told({"calls": TypeSummary(1020, 7, 2040, 0, AT, AT), "carts": TypeSummary(fresh_at=AT)}), {})
    assert "The dump is complete" in text
    for part in (
        "1,020",
        "2,040",
        "2026-11-28 15:32:25",
        "without a record: carts",
        "at most 9 in 10 s of 180",
    ):
        assert part in text, part
    assert "HubSpot counts" not in text, "nobody asked HubSpot"


def test_what_is_around_the_records_stands_there_with_its_freshness() -> None:
    around = {
        "owners": CollectionSummary(1234, 56, 7, AT),
        "teams": CollectionSummary(unread="not in this portal"),
    }
    around["forms"] = CollectionSummary(8)
    text = page(told({}, around=around, fetched=FetchedSummary(3, 2_500_000, failed=1)), {})
    row = re.sub("<[^>]*>", " ", re.search("<td>owners.*", text)[0])  # type: ignore[index]  # it is there, or fails
    assert row.split() == ["owners", "1,234", "56", "7", "2026-11-28", "15:32:25"]
    assert re.search("<td>forms.*not complete", text)
    assert "Not in this portal: teams." in text
    assert "bytes of 3 files (2.5 MB); 1 failed" in text
    found = told({}, Exit.INCOMPLETE, verdict="Incomplete: forms")
    found.listen(CollectionFailed("forms", "The token may not read it.", "Add forms."))
    assert "The token may not read it. Add forms." in page(found, {})


def test_what_failed_stands_there_with_its_reason_and_an_unproved_type_is_marked() -> None:
    found = told({"deals": TypeSummary(3, counted=5)}, Exit.INCOMPLETE, verdict="Incomplete: deals")
    found.listen(TypeFailed("deals", "", "The token may not read it.", "Add the scope."))
    manifest = {"quarantined": {"calls": [{"id": "17", "purpose": "record", "reason": "HTTP 500"}]}}
    text = page(found, manifest)
    assert "The dump is not complete" in text
    for part in (
        "The token may not read it. Add the scope.",
        "17",
        "HTTP 500",
        "not complete",
        "never",
        "HubSpot counts",
    ):
        assert part in text, part


def test_nothing_from_outside_becomes_markup_and_nothing_is_fetched() -> None:
    text = page(*hostile())
    assert text.count("&lt;script&gt;") >= 8
    marks = Marks()
    marks.feed(text)
    assert {"table", "svg", "code"} <= marks.tags, "nothing was parsed"
    assert not marks.tags & {"script", "img", "link", "iframe", "a", "base", "object", "form"}
    assert not {
        name for name in marks.attributes if name in {"src", "href", "action"} or name.startswith("on")
    }
    assert "@import" not in text
    assert "url(" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.encode(), "and no lone surrogate"


def test_a_report_of_fifty_types_with_1500_properties_each_stays_below_200_kb() -> None:
    properties = {f"a_property_with_quite_a_long_name_{n}": n for n in range(1500)}
    types = {f"type_{n}": TypeSummary(10_000 + n, 5, 10**6, 0, AT, AT, 10_000) for n in range(50)}
    busy = [{"general": 180, "associations": 140, "search": 45}] * 30_000
    limits = {"general": 180, "associations": 142, "search": 40}
    found = told(types, timeline=busy, limits=limits, filled=dict.fromkeys(types, (1500, properties)))
    for n in range(1000):
        found.listen(RetryScheduled(f"/a/path/of/some/length/{n}", 500, "x", 1, 2.0, AT, AT))
        found.listen(Noted(f"Something to know, number {n}"))
    text = page(found, {})
    assert len(text.encode()) < BYTES_MAX
    assert len(found.causes) <= CAUSES_MAX + 1
    assert sum(found.causes.values()) == 1000
    assert f"and {1499 - PROPERTIES_MAX:,} less filled" in text


def test_bars_lie_in_their_picture_and_no_peak_is_hidden() -> None:
    sent = [{"general": 10}] * 1000
    sent[503] = {"general": 200}
    (picture,) = pictures(sent, {"general": 180, "search": 40})
    assert len(picture.bars) <= BARS_MAX
    assert (picture.most, picture.total) == (200, 1000 * 10 + 190)
    assert max(bar.height for bar in picture.bars) == HEIGHT
    assert picture.limit_y == pytest.approx(HEIGHT * 0.1)
    for bar in picture.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
        assert bar.y + bar.height == pytest.approx(HEIGHT, abs=0.02)
    assert pictures([], {"general": 180}) == []


def test_fill_rates_count_what_is_neither_null_nor_empty_of_active_records(tmp_path: Path) -> None:
    rows = [(False, False, "x", "1"), (False, False, "", None), (False, False, None, "3"), (True, False, "y", "2"),
            (False, True, "z", "4")]  # fmt: skip
    lines = [
        {
            "archived": str(archived).lower(),
            "_deleted": str(deleted).lower(),
            "properties": {'a"B': text, "n": number},
        }
        for archived, deleted, text, number in rows
    ]
    columns = (
        Column("archived", Kind.BOOL), Column("_deleted", Kind.BOOL),
        Column('property_a"B_x1', Kind.TEXT, key='a"B'), Column("property_n", Kind.NUMBER, key="n"),
    )  # fmt: skip
    calls = Table(
        "calls", columns, lambda: map(msgspec.json.encode, lines), lambda: 5, type=STANDARD.by_name("calls")
    )
    associations = Table("associations", columns[:1], lambda: iter([b"{}"]), lambda: 1)
    with connected() as db:
        for table in (calls, associations):
            fill(db, tmp_path / "rows", table)
        assert filled(db, (calls, associations)) == {"calls": (3, {'a"B': 1, "n": 2})}


@pytest.mark.prove
def test_a_run_leaves_a_report_and_one_that_has_no_room_for_it_says_so_and_is_complete(
    serve: Serve, user: User
) -> None:
    (user.folder / "data" / "report.html").mkdir(parents=True)
    first = user.at(serve("--portal", "tiny", "--faults", "none")).types("run")
    assert first.status == 0, first.err
    assert "There is no report.html of this run" in first.err
    assert json.loads((user.dump / "manifest.json").read_text())["types"]["calls"]["counted"] == 1
    (user.dump / "report.html").rmdir()
    user.forget_the_last_window()
    second = user.types("run")
    assert second.status == 0, second.err
    text = (user.dump / "report.html").read_text("utf-8")
    assert "The dump is complete" in text
    assert "hs_call_title" in text, "fill rates"
    assert user.types("verify", "--level", "local").status == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser without a window; it is told to reach nothing."""
    from selenium import webdriver

    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        needed("chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    flags = ["headless", "disable-gpu", "no-first-run", "disable-background-networking", "disable-component-update",
             "disable-sync", "disable-quic", "host-resolver-rules=MAP * ~NOTFOUND"]  # fmt: skip
    for flag in [*flags, *(["no-sandbox"] if os.geteuid() == 0 else [])]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as found:
        yield found


def test_a_browser_shows_hostile_names_as_text_and_runs_none_of_them(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page(*hostile()), "utf-8")
    browser.get((tmp_path / "report.html").as_uri())
    assert browser.title.startswith("hubdump: portal 77")
    assert browser.execute_script("return document.scripts.length + document.images.length") == 0
    shown = browser.execute_script("return document.body.innerText")
    assert shown.count("https://evil.example/x") >= 8
    asked = browser.execute_script("return performance.getEntriesByType('resource').length")
    assert asked == 0
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")]
)
def test_a_report_is_readable_on_a_phone_and_in_the_dark(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    types = {
        f"a_rather_long_type_name_{n}": TypeSummary(10**6, 10**5, 10**7, 3, AT, AT, 10**6) for n in range(9)
    }
    fill = {"calls": (9, {f"a_property_with_quite_a_long_name_to_be_broken_{n}": n for n in range(10)})}
    (tmp_path / "report.html").write_text(
        page(told(types, timeline=[{"general": 90}] * 300, filled=fill), {}), "utf-8"
    )
    look = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", look)
    dark = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    browser.get((tmp_path / "report.html").as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width, (
        "it scrolls sideways"
    )
    ink, paper = (
        browser.execute_script(f"return getComputedStyle(document.body).{name}")
        for name in ("color", "backgroundColor")
    )
    assert contrast(ink, paper) > 7
    assert (brightness(paper) < 0.1) == (scheme == "dark")


def brightness(color: str) -> float:
    """Relative luminance (WCAG 2) of 'rgb(r, g, b)'."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)
