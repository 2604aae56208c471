"""The long proofs: the rate under errors, and memory that stays flat."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import psutil
import pytest

from hubdump.targets import duckdb_file, filling
from hubdump.targets.table import Column, Table
from tests.conftest import Serve, User, same_as_truth

pytestmark = pytest.mark.prove(seconds=60)
FULL = os.environ.get("HUBDUMP_FULL") == "1"


@pytest.mark.parametrize("number", [120, 50, 20])
def test_no_window_holds_more_than_the_number_even_when_everything_fails_now_and_then(
    number: int, serve: Serve, user: User
) -> None:
    served = serve("--portal", "seven", "--faults", "many")
    told = user.at(served, HUBSPOT_MAX_REQUESTS_PER_10S=str(number)).types("run", "--json")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth())
    windows = served.ask("requests?windows=1")["windows"]
    assert 0 < windows["all"] <= number


@pytest.mark.parametrize("tier", ["free", "pro", "oauth"])
def test_with_auto_hubspot_never_has_to_refuse(tier: str, serve: Serve, user: User) -> None:
    served = serve("--portal", "calls=9000,emails=2000", "--faults", "none", "--tier", tier)
    told = user.at(served).types("run", "--json")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth())
    log = served.ask("requests")["requests"]
    assert len(log) > 100
    assert [request for request in log if request["status"] == 429] == []


def test_memory_stays_flat_as_portals_grow(serve: Serve, tmp_path: Path) -> None:
    peaks = {}
    # At HubSpot's own limit 200,000 records take two minutes; a tenth of them shows the slope as well.
    for count in (3_000, 200_000 if FULL else 40_000):
        user = User(tmp_path / str(count))
        user.folder.mkdir()
        served = serve("--portal", f"calls={count}", "--faults", "none", "--tier", "addon")
        peaks[count] = _peaks(user.at(served))
    (small, small_load), (large, large_load) = peaks.values()
    assert 20 < small < 150
    assert large < 150
    assert large - small < 30, peaks
    assert 20 < small_load < 400
    assert large_load < 400


def test_answers_with_hundreds_of_thousands_of_associations_are_read_in_200_mb(
    serve: Serve, user: User
) -> None:
    # All of it are 200,000 records with 2,000,000 associations: half an hour.
    portal = "dense" if FULL else "dense,contacts=9500,companies=1000"
    served = serve("--portal", portal, "--faults", "none", "--tier", "addon")
    user.only = "contacts companies" if FULL else "companies"
    extraction, _ = _peaks(user.at(served))
    assert len(served.ask("requests")["requests"]) > 10
    assert 20 < extraction < 200


def _peaks(user: User) -> tuple[int, int]:
    """Megabytes at the most: of the extraction, and of the process that loads."""
    process = psutil.Popen(user.command("run"), cwd=user.folder, env=user.env(), stderr=subprocess.DEVNULL)
    most = {"run": 0, "load": 0}
    while process.poll() is None:
        try:
            for one in [process, *process.children()]:
                kind = "load" if "hubdump.targets" in one.cmdline() else "run"
                lines = Path(f"/proc/{one.pid}/status").read_text().splitlines()
                high = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
                most[kind] = max(most[kind], high // 1024)
        except (psutil.Error, OSError, StopIteration):
            continue  # it ended while we looked
        time.sleep(0.02)
    assert process.returncode == 0
    return most["run"], most["load"]


def test_the_wheel_works_in_an_empty_environment_outside_the_checkout(tmp_path: Path) -> None:
    import sys

    root = Path(__file__).parent.parent
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    dist = tmp_path / "dist"
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(dist), str(root)], check=True
    )
    (wheel,) = dist.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    own = [
        str(tmp_path / "venv/bin/python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "install",
    ]
    subprocess.run([*own, "--require-hashes", "-r", str(root / "requirements.txt")], check=True)
    subprocess.run([*own, "--no-deps", str(wheel)], check=True)
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("HUB", "PYTHON"))}
    told = subprocess.run(
        [str(tmp_path / "venv/bin/hubdump"), "run", "--sandbox", "--portal", "tiny"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "data-sandbox/raw/engagements.json").exists()


def test_a_table_of_1500_labelled_columns_is_made_in_bounded_memory() -> None:
    """Of each comment DuckDB keeps a copy of the table until its transaction ends."""
    program = """
from pathlib import Path
from hubdump.hubspot.schema import Kind, Property
from hubdump.targets.filling import connected, fill
from hubdump.targets.table import Column, Table
of = [Property(f"p{n}", "string", "text", f"Label {n}", Kind.TEXT) for n in range(1500)]
with connected() as db:
    columns = tuple(Column(p.name, p.kind, p, p.name) for p in of)
    fill(db, Path("rows"), Table("wide", columns, lambda: iter(()), lambda: 0))
    sql = "SELECT count(comment) FROM duckdb_columns() WHERE table_name = 'wide'"
    assert db.execute(sql).fetchall() == [(1500,)]
# Not ru_maxrss: a child begins with its parent's.
print(next(int(line.split()[1]) // 1024 for line in Path("/proc/self/status").open() if "VmHWM" in line))
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 20 < int(told.stdout) < 250


@pytest.mark.prove(seconds=8)
def test_a_checkpoint_of_many_filled_columns_takes_no_block_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 columns in a quarter of the memory, as 2,000 in all of it."""
    monkeypatch.setitem(filling.BOUNDED, "memory_limit", "60MB")
    names = [f"p{n}" for n in range(500)]
    wide = Table("wide", tuple(map(Column, names)), lambda: iter(()), lambda: 0)
    values = ", ".join(f"(hash(r * 500 + {n}) // 2)::BIGINT AS {name}" for n, name in enumerate(names))
    with duckdb_file.building(tmp_path / "a.duckdb", "a file", [wide]) as db:
        db.execute(f"CREATE TABLE wide AS SELECT {values} FROM range(0) t(r)")
        for at in range(0, 12_000, 1000):
            db.execute(f"INSERT INTO wide SELECT {values} FROM range({at}, {at + 1000}) t(r)")
    with duckdb.connect(tmp_path / "a.duckdb", read_only=True) as db:
        sums = "count(*), count(DISTINCT p0), count(DISTINCT p499)"
        assert db.execute(f"SELECT {sums} FROM wide").fetchall() == [(12_000, 12_000, 12_000)]


@pytest.mark.parametrize(("columns", "megabytes"), [(40, 192), (1000, 192), (2000, 392)])
def test_what_a_database_may_take_of_memory_grows_with_columns_beyond_a_thousand(
    columns: int, megabytes: int, tmp_path: Path
) -> None:
    wide = Table("wide", tuple(Column(f"p{n}") for n in range(columns)), lambda: iter(()), lambda: 0)
    with duckdb_file.building(tmp_path / "a.duckdb", "a file", [wide]) as db:
        found = db.execute("SELECT current_setting('memory_limit')").fetchone()
    assert found == (f"{megabytes * 10**6 / 2**20:.1f} MiB",)
