"""A pytest plugin by which tests meet a mutant: pytest -p tests.simulation.mutants.plugin --mutant NAME."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.simulation.mutants.breaking import broken
from tests.simulation.mutants.table import MUTANTS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutant", required=True, choices=tuple(MUTANTS))


def pytest_configure(config: pytest.Config) -> None:
    stack = ExitStack()
    stack.enter_context(broken(MUTANTS[config.getoption("--mutant")]))
    config.add_cleanup(stack.close)
