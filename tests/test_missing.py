"""What a run says at its end of what it could not read."""

from __future__ import annotations

from hubdump.errors import Incomplete
from hubdump.missing import what_is_missing
from hubdump.model import Quarantine


def test_records_that_cannot_be_read_are_named_at_the_end() -> None:
    found = [Quarantine(id_, "record", "HTTP 500: internal error") for id_ in range(11, 18)]
    notes = [Quarantine(3, "contacts", "no answer")]
    error = what_is_missing({}, {"calls": found, "notes": notes, "tasks": []}, {})
    assert isinstance(error, Incomplete)
    assert "calls 11, 12, 13, 14, 15 and 2 more (record: HTTP 500: internal error)" in error.message
    assert "notes 3 (contacts: no answer)" in error.message
    assert "tasks" not in error.message
    assert what_is_missing({}, {"calls": []}, {}) is None
