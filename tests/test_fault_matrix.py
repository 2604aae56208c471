"""The fault matrix of docs/reliability.md is the tests': each cell names one that is there, or says why not."""

from __future__ import annotations

import re
from itertools import product

from tests.conftest import ROOT
from tests.fault_matrix import COLUMNS, DOCUMENT, FAULTS, MEANS, OTHERS, cell, named, written
from tests.simulation.strikes import CELLS, ENDS

EVERY = tuple(product(range(1, len(FAULTS) + 1), COLUMNS))


def test_the_table_of_the_docs_is_this_one() -> None:
    document = DOCUMENT.read_text("utf-8")
    assert written(document) == document, "python -m tests.fault_matrix writes it"


def test_it_has_thirty_faults_and_nine_phases_each_cell_with_a_test_or_a_reason() -> None:
    assert (len(FAULTS), len(COLUMNS)) == (30, 9)
    assert set(COLUMNS) == set(MEANS)
    with_tests = [place for place in EVERY if named(*place)]
    reasons = [cell(*place) for place in EVERY if not named(*place)]
    assert len(with_tests) >= 190
    assert [reason for reason in reasons if len(reason.split()) < 2] == []
    assert [place for place in with_tests if cell(*place)[0] not in ENDS] == []


def test_every_test_that_it_names_is_there() -> None:
    tests = {test for place in EVERY for test in named(*place)}
    assert set(OTHERS.values()) < tests
    assert {f"[{name}]" for name in CELLS} == {test[test.index("[") :] for test in tests if "[" in test}
    for test in tests:
        path, name = test.partition("[")[0].split("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE), test
