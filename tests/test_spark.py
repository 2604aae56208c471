"""The data source of Spark's: what its options ask for, and what comes of it on Sail, a Spark without a JVM."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from hubdump.errors import UsageError
from hubdump.sandbox import Sandbox
from tests.conftest import ROOT, TOKEN
from tests.on_sail import WORKERS, Query

if TYPE_CHECKING:
    from hubdump.sandbox.embedding import Emulated

ONE = {"table": "contacts", "dump": "acme", "token_env": "ACME_TOKEN"}


def source(**options: str) -> Any:
    from hubdump.spark import HubSpot

    return HubSpot(options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dump": "acme"}, r"Of which table is not said\."),
        ({"table": "contacts"}, r"Which portals is not said\."),
        (
            ONE | {"token": TOKEN},
            r"token: Spark shows options in its plans and logs\. No secret belongs into them\.",
        ),
        (ONE | {"shade": "red"}, r"There is no option shade\. Options: table, portals, "),
        (ONE | {"extract": "no"}, r"extract is 'no', but must be: true or false\."),
        (ONE | {"wait_s": "long"}, r"wait_s is 'long', but must be: a number of seconds\."),
        (ONE | {"table": "associations", "associations": "never"}, r"No associations would be read\."),
        ({"table": "contacts", "portals": "none.toml"}, r"none\.toml cannot be read: "),
    ],
)
def test_what_cannot_be_asked_for_is_told_before_any_task_begins(options: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        source(**options).reader(pa.schema([("id", pa.string())]))
    assert TOKEN not in str(refused.value)


def test_there_is_a_task_for_each_portal_that_is_named_and_no_task_bears_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T", TOKEN)
    file = tmp_path / "portals.toml"
    file.write_text("".join(f'[portals.{name}]\ntoken_env = "T"\n' for name in ("a", "b", "c")))
    asked = {"table": "contacts", "portals": str(file)}
    schema = pa.schema([("id", pa.string())])
    tasks = source(**asked).reader(schema).partitions()
    assert [task.portal.name for task in tasks] == ["a", "b", "c"]
    assert pickle.loads(pickle.dumps(tasks)) == tasks  # noqa: S301 - our own bytes
    assert TOKEN.encode() not in pickle.dumps((tasks, source(**asked).reader(schema)))
    some = source(**asked, portal="c a").reader(schema).partitions()
    assert [task.portal.name for task in some] == ["c", "a"]
    with pytest.raises(UsageError, match=r"There is no portal d in .*\. Portals: a, b, c\."):
        source(**asked, portal="d").reader(schema)


def test_a_stream_has_a_turn_of_its_own_for_each_batch() -> None:
    reader = source(**ONE).streamReader(pa.schema([("id", pa.string())]))
    first, second = reader.latestOffset(), reader.latestOffset()
    assert first != second
    assert re.fullmatch(r"\d{8}T\d{6}Z-\d{9}", first["turn"])
    (task,) = reader.partitions(reader.initialOffset(), first)
    assert (task.between.start, task.between.end) == ("", first["turn"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"table": "owners"}, r"Of owners no changes are known\."),
        ({"table": "pipeline_stages"}, r"Of pipeline_stages no changes are known\."),
        ({"table": "merges"}, r"Of merges no changes are known\."),
        ({"table": "_runs"}, r"A stream is of a table's changes"),
        ({"extract": "false"}, r"A stream is of a table's changes"),
    ],
)
def test_a_stream_of_what_has_no_changes_is_refused(options: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        source(**ONE | options).streamReader(pa.schema([("id", pa.string())]))


def test_the_runs_are_of_everything_unless_it_is_said_of_what() -> None:
    schema = pa.schema([("portal", pa.string())])
    asked = [source(**ONE | {"table": "_runs"} | more).reader(schema)._ask for more in ({}, {"only": "a b"})]
    assert [ask.wishes["only"] for ask in asked] == [[], ["a", "b"]]


def test_spark_itself_is_told_to_be_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "hubdump.spark", raising=False)
    monkeypatch.setitem(sys.modules, "pyspark.sql.datasource", None)
    with pytest.raises(
        UsageError, match=r"pyspark\.sql\.datasource is not installed\. Install: pip install 'hub"
    ):
        source(**ONE)


def portals(folder: Path, served: list[Emulated]) -> Path:
    """A file of these portals."""
    file = folder / "portals.toml"
    listed = [f'[portals.p{n}]\ntoken_env = "T"\nbase_url = "{one.url}"\n' for n, one in enumerate(served)]
    file.write_text("\n".join(listed))
    return file


def begun(folder: Path, queries: Sequence[Query], **settings: str) -> subprocess.Popen[bytes]:
    """A Sail that answers these queries, in a process of its own."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.on_sail",
        str(folder / "found.json"),
        json.dumps(queries),
    ]
    environment = {**os.environ, **settings, "T": TOKEN, "PYTHONPATH": str(ROOT), "RUST_LOG": "error"}
    return subprocess.Popen(command, cwd=folder, env=environment)


def answered(folder: Path, *queries: Query, **settings: str) -> list[Any]:
    assert begun(folder, queries, **settings).wait(120) == 0
    found: list[Any] = json.loads((folder / "found.json").read_text())
    return found


def true_ids(served: list[Emulated], table: str) -> list[list[str]]:
    """Every record of a type in these portals, archived ones too."""
    told = [one.truth(table) for one in served]
    ids = [[*truth["live"][table], *truth["archived"][table]] for truth in told]
    return sorted([f"p{n}", id_] for n, found in enumerate(ids) for id_ in found)


def pages(one: Emulated) -> Counter[tuple[str, str]]:
    """The pages of lists that a portal gave."""
    listed = "/crm/objects/{version}/{type}"
    asked = [row for row in one.requests() if row["template"] == listed and row["status"] == 200]
    return Counter((row["path"], row["query"]) for row in asked)


@pytest.mark.prove(seconds=25)
def test_fifty_portals_come_home_once_though_sail_is_killed_in_the_middle(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = [stack.enter_context(Sandbox("tiny,notes=150", seed=seed)) for seed in range(50)]
        asked = {"portals": str(portals(tmp_path, served)), "table": "notes", "associations": "never"}
        with begun(tmp_path, [(asked, ["portal", "id"])], **WORKERS) as killed:
            while sum(sum(pages(one).values()) for one in served) < 70:
                assert killed.poll() is None
                time.sleep(0.1)
            killed.send_signal(signal.SIGKILL)
        assert not (tmp_path / "found.json").exists()
        before = [pages(one) for one in served]
        assert 0 < sum(not asked_for for asked_for in before) < 50
        (found,) = answered(tmp_path, (asked, ["portal", "id"]), **WORKERS)
        again = sum((pages(one) - was)[page] for one, was in zip(served, before, strict=True) for page in was)
        assert sorted(found) == true_ids(served, "notes")
        assert len(found) == 7500
        assert again <= 25


@pytest.mark.prove(seconds=15)
def test_a_portal_that_cannot_be_read_is_a_row_or_ends_the_query(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = [stack.enter_context(Sandbox("tiny")), stack.enter_context(Sandbox("tiny", token="another"))]
        asked = {"portals": str(portals(tmp_path, served)), "associations": "never"}
        runs, tasks, failed, good, typed = answered(
            tmp_path,
            (asked | {"table": "_runs", "only": "tasks owners"}, ["portal", "exit", "verdict", "records"]),
            (asked | {"table": "tasks", "extract": "false", "portal": "p0"}, ["portal", "id"]),
            (asked | {"table": "tasks"}, ["id"]),
            (asked | {"table": "owners", "extract": "false", "portal": "p0"}, ["portal", "id", "properties"]),
            ({"table": "tasks", "dump": str(tmp_path / "p0"), "extract": "false"}, ["portal", "archived"]),
        )  # fmt: skip
        assert {row[0]: (row[1], row[3]) for row in runs} == {"p0": (0, 1), "p1": (4, None)}
        assert sorted(tasks) == true_ids(served[:1], "tasks")
        assert "HubdumpError: p1: " in failed
        assert len(good) == len(served[0].truth(items=["owners"])["items"]["owners"][""]) > 0
        assert json.loads(good[0][2])["email"]
        assert typed == [["p0", False]] * len(true_ids(served[:1], "tasks"))


@pytest.mark.prove(seconds=20)
def test_what_the_document_shows_runs_on_sail(tmp_path: Path) -> None:
    text = (ROOT / "docs/many-portals.md").read_text("utf-8")
    shown = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    batch = [block for block in shown if "readStream" not in block]
    assert (len(shown), len(batch)) == (4, 3)
    script = ["from tests.on_sail import session", "spark = session()", *batch]
    script += ["found = [[list(row) for row in one.collect()] for one in (contacts, deals, amounts)]"]
    script += [
        "import json, os",
        "open('found.json', 'w').write(json.dumps(found, default=str))",
        "os._exit(0)",
    ]
    (tmp_path / "shown.py").write_text("\n".join(script))
    with ExitStack() as stack:
        served = [stack.enter_context(Sandbox("tiny")) for _ in range(2)]
        portals(tmp_path, served)
        environment = {**os.environ, "T": TOKEN, "PYTHONPATH": str(ROOT), "RUST_LOG": "error"}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "shown.py"], cwd=tmp_path, env=environment, check=False
        )
        assert done.returncode == 0
        contacts, deals, amounts = json.loads((tmp_path / "found.json").read_text())
        assert sorted(row[:2] for row in contacts) == true_ids(served, "contacts")
        assert (
            sorted(row[:2] for row in deals)
            == sorted(row[:2] for row in amounts)
            == true_ids(served, "deals")
        )
    theirs = [json.loads(row[-1]).get("amount") for row in sorted(deals)]
    assert [Decimal(row[3]) for row in sorted(amounts)] == [Decimal(text) for text in theirs]


@pytest.mark.prove(seconds=13)
def test_of_two_attempts_at_once_one_reads_the_portal_and_the_other_what_is_there(tmp_path: Path) -> None:
    from hubdump import feeding
    from hubdump.feeding import Ask
    from hubdump.portals import Portal

    schema = pa.schema([("id", pa.string())])
    with Sandbox("tiny,notes=350") as one:
        portal = Portal("acme", tmp_path / "acme", env_file=tmp_path / ".env", base_url=one.url)
        (tmp_path / ".env").write_text(f"HUBSPOT_ACCESS_TOKEN={TOKEN}\n")
        ask = Ask("notes", wishes={"associations": "never"})
        with ThreadPoolExecutor(2) as both:
            found = [*both.map(lambda _: list(feeding.rows(portal, ask, schema)), range(2))]
        assert {*pages(one).values()} == {1}
        assert portal.dump.stat().st_mode & 0o077 == 0
        true = [id_ for _, id_ in true_ids([one], "notes")]
    for rows in found:
        assert sorted(id_ for batch in rows for id_ in batch.column(0).to_pylist()) == true
