"""`hubdump.open`: the tables of a dump as Arrow, pandas and Polars, and SQL over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import hubdump
from hubdump.errors import DiskFailure, UsageError
from hubdump.opened import Dump, _needed
from tests.conftest import ALL, User, started


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A dump, and what is so at its portal."""
    with ExitStack() as stack:
        served = started(stack, "--portal", "calls=7,contacts=5,companies=3", "--faults", "none")
        user = User(tmp_path_factory.mktemp("made")).at(served)
        told = user.types("run", "--only", "calls", "--only", "contacts")
        assert told.status == 0, told.err
        yield user.dump, served.truth(ALL)


@pytest.fixture
def dump(made: tuple[Path, dict[str, Any]]) -> Iterator[Dump]:
    with hubdump.open(made[0]) as found:
        yield found


def test_each_table_comes_as_arrow_pandas_polars_and_rows_with_the_same_records(
    dump: Dump, made: tuple[Path, dict[str, Any]]
) -> None:
    live = sorted(made[1]["live"]["calls"])
    assert len(live) == 7
    calls = dump.calls.active()
    assert sorted(calls.arrow().column("id").to_pylist()) == live
    assert sorted(calls.df()["id"]) == live
    assert sorted(calls.pl()["id"]) == live
    assert sorted(row["id"] for row in calls.rows()) == live
    assert "property_hs_call_title" in calls.columns
    assert repr(calls).startswith("<calls: 7 rows")


def test_sql_spans_tables_and_takes_parameters(dump: Dump, made: tuple[Path, dict[str, Any]]) -> None:
    id_ = min(made[1]["live"]["contacts"])
    (row,) = dump.sql("SELECT id, created_at FROM contacts WHERE id = ?", id_).rows()
    assert row["id"] == id_
    links = dump.sql("SELECT count(*) AS n FROM associations WHERE from_type = 'calls'").rows()[0]["n"]
    assert links == len([row for row in made[1]["associations"] if row[0] == "calls"]) > 0


def test_a_dump_says_what_it_has_and_since_when(dump: Dump) -> None:
    assert {"calls", "contacts", "associations"} <= set(dump.tables)
    assert {"calls", "sql"} <= set(dir(dump))
    assert dump["calls"].name == "calls"
    assert dump.manifest["types"]["calls"]["proved_at"]
    with pytest.raises(KeyError, match=r"has no table 'deals'; it has .*associations, calls"):
        dump["deals"]
    with pytest.raises(AttributeError, match="has no table 'deals'"):
        _ = dump.deals


def test_an_open_dump_stays_as_it_was_while_its_file_is_replaced(
    made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "hubdump.duckdb").write_bytes((made[0] / "hubdump.duckdb").read_bytes())
    with hubdump.open(str(tmp_path)) as found:
        assert len(found.calls) >= 7
        (tmp_path / "new").write_bytes(b"")
        (tmp_path / "new").replace(tmp_path / "hubdump.duckdb")
        assert len(found.contacts) >= 5


def test_what_cannot_be_opened_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no .*hubdump\.duckdb") as none:
        hubdump.open(tmp_path)
    assert "hubdump load --to duckdb" in none.value.hint
    (tmp_path / "hubdump.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(DiskFailure, match="cannot be read"):
        hubdump.open(tmp_path)
    with pytest.raises(UsageError, match="not_a_library is not installed") as missing:
        _needed("duckdb", "not_a_library")
    assert missing.value.hint == "pip install not_a_library"
