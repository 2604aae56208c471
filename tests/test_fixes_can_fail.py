"""Breaks each of the four engagement fixes in a copy and sees test_engagement_fixes.py fail, with the reason."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.prove(seconds=80)


@dataclass(frozen=True)
class Planted:
    """A bug: in `file`, `right` becomes `wrong`; the check of a fix must say `told`."""

    fix: str
    file: str
    right: str
    wrong: str
    told: str


BUGS = {
    "no type filter": Planted(
        "no_duplicates",
        "api.py",
        "for group in filter_groups or []",
        "for group in []",
        "the filter gave 3067 meetings, not 7",
    ),
    "every record twice": Planted(
        "no_duplicates",
        "targets/json_files.py",
        "for page in reader.pages(type_.name):",
        "for page in [p for p in reader.pages(type_.name) for _ in range(2)]:",
        "(some twice)",
    ),
    "errors tried again at once": Planted(
        "errors_are_retried",
        "hubspot/retry.py",
        "WAIT_FIRST_S = 2.0",
        "WAIT_FIRST_S = 0.05",
        "not from 2 to 30 s",
    ),
    "errors not tried again": Planted(
        "errors_are_retried",
        "extract/exchange.py",
        "if most is not None and tries.failures >= most:",
        "if True:",
        "ended with status 75: ",
    ),
    "files only at the end": Planted(
        "saved_as_it_goes",
        "running.py",
        'if asked.has("json") and load.partial_wanted(',
        "if not load.partial_wanted(",
        "no file came before the last pages",
    ),
    "a resumed run begins anew": Planted(
        "saved_as_it_goes",
        "store/store.py",
        'return (row[0], bool(row[1])) if row else ("", False)',
        'return "", False',
        "pages on disk were asked for again",
    ),
    "no rate at all": Planted(
        "rate_is_kept",
        "hubspot/pacing.py",
        "if max(own_ns, all_ns) > 0:",
        "if own_ns > 0:",
        "a window of 10 s held",
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_broken_fix_is_told(name: str, tmp_path: Path) -> None:
    bug = BUGS[name]
    shutil.copytree(ROOT / "hubdump", tmp_path / "hubdump", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "test_engagement_fixes.py", tmp_path)
    path = tmp_path / "hubdump" / bug.file
    code = path.read_text("utf-8")
    assert code.count(bug.right) == 1, f"{bug.file} has changed: plant '{name}' anew"
    path.write_text(code.replace(bug.right, bug.wrong), "utf-8")
    alone = f"import test_engagement_fixes as all; all.FIXES = (all.{bug.fix},); raise SystemExit(all.main())"
    told = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", alone],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert told.returncode == 1, told.stdout + told.stderr
    assert "❌ TEST FAILED" in told.stdout
    assert "TEST PASSED" not in told.stdout
    assert bug.told in told.stdout
