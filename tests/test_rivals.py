"""What `make bench` says is what happened: what a program took, what came home of what is true, which aims are met."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from bench.rivals import spent, told
from bench.rivals.measured import Home, Result, judged
from bench.rivals.peers import Found
from bench.rivals.portal import Asked, Truth, value

LAST = "bench_030"
ALL_NINE = Home(9, 0, 0)
# Burns a third of a second and holds 60 MB in a child of its own; its parent does nothing but wait for it.
CHILD = "import time; held = bytearray(60 << 20)\nwhile time.process_time() < 0.3: pass"


def test_what_a_program_took_is_that_of_all_its_children(tmp_path: Path) -> None:
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}], check=True)"
    took = spent.run((sys.executable, "-S", "-c", parent), tmp_path, {}, None, 60)
    assert took.status == 0
    assert 0.3 <= took.cpu_s < 3
    assert took.memory_mb > 60


def test_a_program_that_gives_no_end_is_stopped_and_told_as_such(tmp_path: Path) -> None:
    took = spent.run((sys.executable, "-S", "-c", "import time; time.sleep(60)"), tmp_path, {}, None, 0.2)
    assert (took.status, took.table_s) == (spent.GAVE_NO_END, None)
    assert took.wall_s < 30


def test_what_came_home_is_counted_against_what_is_true() -> None:
    truth = Truth(
        frozenset("1234"),
        Counter({("1", "deals", "7"): 2, ("2", "deals", "7"): 1, ("2", "companies", "9"): 1}),
        LAST,
    )
    found = Found()
    for id_, text in (("1", value(LAST, "1")), ("2", value(LAST, "2")), ("2", value(LAST, "2")), ("3", None)):
        found.record(id_, text)
    # Both association types of a pair are none too many; one of a pair that is not tied is.
    found.links.update([("1", "deals", "7"), ("1", "deals", "7"), ("4", "deals", "7")])
    assert judged(found, truth, ("deals",)) == (
        Home(right=2, lost=2, twice=1),
        Home(right=1, lost=1, twice=1),
    )
    assert judged(found, truth, ("companies", "deals"))[1] == Home(right=1, lost=2, twice=1)


def test_the_bound_is_that_of_the_fullest_budget() -> None:
    assert Asked(Counter(general=38, search=20), 0, 0).bound_s == pytest.approx(4.0)


def _result(who: str, records: int, cpu_s: float, requests: int, tied: Home = ALL_NINE) -> Result:
    return Result(
        who,
        "1",
        "calm",
        records,
        1,
        0,
        2.0,
        cpu_s,
        50.0,
        2.0,
        {"general": requests},
        1.0,
        0,
        0,
        Home(9, 0, 0),
        tied,
    )


def test_the_section_says_who_is_not_in_it_first_and_which_aims_are_missed() -> None:
    results = [
        _result("hubdump", 10, 1.0, 16), _result("hubdump", 1010, 1.2, 34),
        _result("meltano", 10, 1.0, 8), _result("meltano", 1010, 2.0, 53, Home(5, 4, 0)),
    ]  # fmt: skip
    lines = list(told.section(results, {"ingestr": "pip could not install it"}))
    assert lines[0] == "Not in it:"
    assert "- ingestr: pip could not install it" in lines
    assert any(line.startswith("| meltano | 1, 0 | 2.0 | 1.0 |") and "5 / 4 / 0" in line for line in lines)
    cpu, both, _ = (line for line in lines if "at most" in line)
    assert "**met, 0.20 of it**, 0.20 ms to 1.00 of meltano at 1,010 contacts" in cpu
    assert "**missed, 0.64 of it**, 34 to 53 of meltano" in both


def test_the_rest_of_the_page_stays_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n{told.BEGIN}\nold\n{told.END}\n## After\n", "utf-8")
    told.write([_result("hubdump", 10, 1.0, 16)], {}, "A note.", page)
    text = page.read_text("utf-8")
    assert text.startswith(f"# Before\n{told.BEGIN}\n\nNot in it:")
    assert text.endswith(f"{told.END}\n## After\n")
    assert "\nA note.\n" in text
    assert "old" not in text


def test_a_page_without_the_section_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n{told.BEGIN}\n", "utf-8")
    with pytest.raises(ValueError, match="lacks"):
        told.write([], {}, docs=page)
