"""The fault matrix of docs/reliability.md: 30 faults, 9 phases, each cell a test or the reason why there is none;
`python -m tests.fault_matrix` writes it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.simulation.striker import PHASES
from tests.simulation.strikes import CASES, CELLS

DOCUMENT = Path(__file__).parent.parent / "docs" / "reliability.md"
HEADING = "## Fault matrix\n"
COLUMNS = ("Di", "Sw", "As", "Ar", "Ca", "Re", "Co", "Lo", "Ve")
CELL_TEST = "tests/simulation/test_cells.py::test_cell"
MEANS = {
    **PHASES,
    "Co": "compact and export: the files of the JSON target",
    "Lo": "load: DuckDB",
}
FAULTS = (
    "429 with Retry-After: seconds, a date, 0, a day, no number",
    "429 without; of the day",
    "500, 503, 504 as JSON",
    "502, 520, 524, 529 as HTML; 530",
    "no connection; a certificate that is not trusted",
    "no answer, before or after HubSpot's work",
    "reset, cut, gzip cut",
    "200 that is no page: empty, HTML, half, no JSON, no results; for ever",
    "207 with failed inputs; for ever",
    "a gzip bomb; for ever",
    "401: renewable; revoked",
    "403 of HubSpot; of the edge",
    "404; 400",
    "414",
    "a cursor that repeats, goes back, in circles; an empty page",
    "an id twice: in a page, in two, in a batch",
    "a foreign id, type or record",
    "a total that is wrong",
    "10,001 records in a millisecond",
    "records created, changed, archived, restored, merged, erased meanwhile",
    "kill -9",
    "SIGINT, SIGTERM, SIGHUP",
    "disk full, failing, read-only",
    "bit flips, truncation, another program's file",
    "a second process",
    "a clock that jumps, a machine that sleeps",
    "an upgrade between runs",
    "the target breaks",
    "the token of another portal",
    "256 MiB of memory",
)
_AFTER = "test_told_to_stop_after_the_last_page_it_ends_with_its_status_and_the_next_run_completes"
# Tests elsewhere, by the mark that the table has for them.
OTHERS = {
    "a": "tests/test_kills.py::test_a_first_run_killed_at_a_random_call_loses_nothing",
    "b": "tests/test_kills.py::test_a_loading_child_killed_at_a_random_call_fails_the_run_and_loses_nothing",
    "c": "tests/test_signals.py::test_told_to_stop_once_the_pages_under_way_are_kept_and_none_is_asked_for_again",
    "d": f"tests/test_signals.py::{_AFTER}",
    "e": "tests/test_disk.py::test_a_disk_full_at_any_4_kb_ends_with_74_and_the_next_run_completes",
    "f": "tests/test_disk.py::test_a_call_of_the_disk_that_fails_ends_with_74_and_the_next_run_completes",
    "g": "tests/test_disk.py::test_a_dump_on_a_read_only_disk_can_be_read_and_proved_but_not_run",
    "h": "tests/test_damage.py::test_a_damaged_store_is_told_by_verify_and_by_run_and_left_as_it_is",
    "i": "tests/test_damage.py::test_a_damaged_journal_costs_pages_never_the_result",
    "j": "tests/test_verify_local.py::test_every_harm_to_a_json_file_is_named",
    "k": "tests/test_verify_local.py::test_every_harm_to_the_duckdb_file_is_named",
    "l": "tests/test_verify_local.py::test_a_flipped_bit_in_a_page_is_found_and_its_records_are_named",
    "m": "tests/test_surroundings.py::test_ten_runs_at_once_on_one_dump_leave_one_that_ran_and_nine_that_say_who",
    "n": "tests/test_surroundings.py::test_a_run_beside_an_open_reader_ends_well_and_leaves_the_store_without_a_sum",
    "o": "tests/test_store.py::test_a_store_of_another_version_or_program_is_named_and_not_touched",
    "p": "tests/test_run.py::test_files_of_others_are_moved_aside_never_overwritten",
    "q": "tests/test_verify_local.py::test_a_table_that_is_gone_is_told",
    "r": "tests/test_endings.py::test_a_dump_of_another_portal_is_refused_and_left_as_it_is",
    "s": "tests/test_surroundings.py::test_to_extract_needs_no_more_than_256_mib",
    "t": "tests/test_surroundings.py::test_where_duckdb_gets_no_memory_the_extraction_is_kept_and_load_completes",
    "u": "tests/test_bad_records.py::test_10_001_records_changed_in_one_millisecond_are_found_once_each",
    "v": "tests/test_bad_inputs.py::test_a_property_that_nobody_defined_stays_in_raw_and_in_the_files",
    "w": "tests/test_verify.py::test_hubspots_own_counts_are_told_whatever_they_count",
    "x": "tests/test_kills.py::test_a_later_run_killed_at_a_random_call_loses_nothing",
}
NO_REQUEST = "asks nothing"
NO_BATCH, NO_RECORDS = "no batch", "no records in it"
SHORT_URL, NO_TOTAL, BY_SEARCH = "short URL", "no total", "by search alone"
AS_OPENED = "refused in Di"
# What stands in a cell that is none of tests/simulation: marks of OTHERS after the outcome, or a reason.
WRITTEN: dict[int, dict[str, str]] = {
    9: {"Di": NO_BATCH, "Sw": NO_BATCH},
    14: dict.fromkeys(("Di", "As", "Ca", "Re", "Ve"), SHORT_URL),
    15: {"Di": "one page"},
    16: {"Di": NO_RECORDS},
    17: {"Di": NO_RECORDS},
    18: dict.fromkeys(("Di", "Sw", "As", "Ar", "Re"), NO_TOTAL) | {"Ve": "W [w]"},
    19: dict.fromkeys(("Di", "Sw", "As", "Ar", "Re", "Ve"), BY_SEARCH) | {"Ca": "T [u]"},
    20: {"Di": "T [v]"},
    21: {"Co": "R [a] [x]", "Lo": "R [b]"},
    22: dict.fromkeys(COLUMNS[:6], "R [c]")
    | {"Co": "R [d]", "Lo": "R [d]", "Ve": "changes no record: as 21"},
    23: dict.fromkeys(COLUMNS[:8], "R [e] [f]") | {"Ve": "T [g]"},
    24: {"Di": "nothing is stored yet"}
    | dict.fromkeys(COLUMNS[1:6], "C [h], T [i]")
    | {"Co": "C [j]", "Lo": "C [k]", "Ve": "C [h] [l]"},
    25: dict.fromkeys(COLUMNS[:8], "R [m]") | {"Ve": "T [n]"},
    26: {"Co": "looks at no clock", "Lo": "looks at no clock"},
    27: dict.fromkeys(COLUMNS, "C [o]"),
    28: dict.fromkeys(COLUMNS[:6], "no target yet")
    | {"Co": "T [p]", "Lo": "R [b], C [t]", "Ve": "C [k] [q]"},
    29: {"Di": "C [r]"}
    | dict.fromkeys(COLUMNS[1:6], AS_OPENED)
    | {"Co": NO_REQUEST, "Lo": NO_REQUEST, "Ve": AS_OPENED},
    30: dict.fromkeys(COLUMNS[:7], "T [s]") | {"Lo": "C [t]", "Ve": "lists into a file; not measured"},
}
# The letters of the shared plan: what is told apart here is one to who reads the table.
LETTERS = {"A": "C", "K": "R", "S": "R"}


def cell(number: int, phase: str) -> str:
    """What the table says of one fault in one phase."""
    name = f"{number}-{phase}"
    if name not in CELLS:
        found = WRITTEN.get(number, {}).get(phase)
        return found or NO_REQUEST
    ends = [one.end(phase) for one in CASES[number] if phase in one.ends]
    letters = dict.fromkeys(LETTERS.get(end, end) for end in ends)
    return f"{' '.join(letters)} `{name}`"


def named(number: int, phase: str) -> list[str]:
    """The tests that a cell names."""
    text = cell(number, phase)
    if "`" in text:
        return [f"{CELL_TEST}[{number}-{phase}]"]
    return [OTHERS[mark] for mark in re.findall(r"\[(\w)\]", text)]


def lines() -> Iterator[str]:
    """The tables."""
    yield f"| # | fault | {' | '.join(COLUMNS)} |"
    yield "|---" * (2 + len(COLUMNS)) + "|"
    for number, fault in enumerate(FAULTS, 1):
        yield f"| {number} | {fault} | {' | '.join(cell(number, phase) for phase in COLUMNS)} |"
    tested = sum(bool(named(number, phase)) for number in range(1, len(FAULTS) + 1) for phase in COLUMNS)
    yield ""
    yield f"{tested} of {len(FAULTS) * len(COLUMNS)} cells name tests; the others say why there is nothing to strike."
    yield ""
    yield "| | test |"
    yield "|---|---|"
    for mark, test in OTHERS.items():
        yield f"| {mark} | `{test}` |"


def written(document: str) -> str:
    """The document with these tables in the place of its own."""
    start = document.index("| # |", document.index(HEADING))
    end = document.find("\n\n", document.index("| | test |", start))
    return document[:start] + "\n".join(lines()) + (document[end:] if end >= 0 else "\n")


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"written into {DOCUMENT.name}\n")
