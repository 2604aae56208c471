"""Mutation testing: `make mutation` breaks the core in small ways by mutmut and counts what the fast tests notice.

It is also the plug-in of the tests that mutmut runs: the quickest first, and the slow ones not at all. mutmut's
folder is `mutants/`; how the tests of a mutant ended stands there, so that a run that was cut short goes on.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path("mutants")
STATS = "mutmut-stats.json"
FAST_S = 0.5
# What only whole runs show needs whole runs.
FAST_OF_S = {"hubdump.extract.engine": 3.0}
MEMORY_BYTES_MAX = 3 << 30
# How the tests end where they pass, where there is none of them (5), and where no test reaches the code (33).
SURVIVED = {0, 5, 33}
_SQL = re.compile(
    r"\s*(?:SELECT|INSERT|UPDATE|DELETE|PRAGMA|BEGIN|FROM|WHERE|AND|JOIN|ORDER)\b[^']*$", re.IGNORECASE
)
# One that a single quick test reaches: run alone, it has mutmut make all the others.
FIRST = "hubdump.hubspot.pacing.x\u01c1Budgets\u01c1bound_s__mutmut_1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The quick tests in the order of their times; all where mutmut is about to learn those."""
    mutant = os.environ.get("MUTANT_UNDER_TEST", "")
    if mutant in {"stats", "list_all_tests"}:
        return
    took_s: dict[str, float] = json.loads(Path(STATS).read_text())["duration_by_test"]
    longest_s = FAST_OF_S.get(mutant.rpartition(".")[0], FAST_S) if mutant else max(FAST_OF_S.values())
    slow = [item for item in items if took_s.get(item.nodeid, 0) > longest_s]
    config.hook.pytest_deselected(items=slow)
    items[:] = sorted((i for i in items if i not in slow), key=lambda i: (took_s.get(i.nodeid, 0), i.nodeid))


def mutants() -> dict[str, dict[str, int | None]]:
    """For each file its mutants, and how the tests of each ended (None: not run yet)."""
    return {
        path.relative_to(FOLDER).with_suffix("").as_posix(): json.loads(path.read_text())["exit_code_by_key"]
        for path in sorted(FOLDER.glob("hubdump/**/*.py.meta"))
    }


def equal(path: str) -> set[str]:
    """The mutants of a file in which nothing but the case of an SQL text differs: SQLite does not mind."""
    functions = [n for n in ast.walk(ast.parse((FOLDER / path).read_text())) if hasattr(n, "name")]
    texts = {
        node.name: [
            c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)
        ]
        for node in functions
        if isinstance(node, ast.FunctionDef)
    }
    found = set()
    for name, told in texts.items():
        before = texts.get(re.sub(r"__mutmut_\d+$", "__mutmut_orig", name), told)
        changed = [(old, new) for old, new in zip(before, told, strict=False) if old != new]
        if [old.lower() for old, _ in changed] == [new.lower() for _, new in changed]:
            found |= {name} if changed and all(_SQL.match(old) for old, _ in changed) else set()
    return {f"{path.removesuffix('.py').replace('/', '.')}.{name}" for name in found}


def chosen(names: list[str], count: int, seed: int) -> list[str]:
    """So many of a file's mutants, the same ones for the same seed, more of them for more; all for 0."""
    return random.Random(seed).sample(names, len(names))[: count or None]


def run(names: list[str]) -> None:
    """Let mutmut make what mutants are missing and run the tests against those named."""
    done = subprocess.run(
        [Path(sys.executable).with_name("mutmut"), "run", "--max-children", "1", *names],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX)),
    )
    if done.returncode:
        sys.exit("\n".join(done.stdout.splitlines()[-40:]))


def ends(picked: dict[str, list[str]]) -> dict[str, int | None]:
    """How the tests of each picked mutant ended."""
    found = mutants()
    return {name: found[path][name] for path, names in picked.items() for name in names}


def table(picked: dict[str, list[str]]) -> list[str]:
    """A row for each file: its mutants that are not equal to the original, how many were run, killed and survived."""
    lines = ["| file | mutants | run | killed | survived | |", "|---|---|---|---|---|---|"]
    total: Counter[str] = Counter()
    for path, names in picked.items():
        ended = ends({path: names}).values()
        survived = sum(end in SURVIVED for end in ended)
        row = {"made": len(mutants()[path]) - len(equal(path)), "run": len(ended), "survived": survived}
        total.update(row)
        lines.append(_row(f"`{path}`", row))
    return [*lines, _row("all", total)]


def _row(name: str, row: dict[str, int] | Counter[str]) -> str:
    killed = row["run"] - row["survived"]
    share = f"{100 * killed / row['run']:.0f} %" if row["run"] else ""
    return f"| {name} | {row['made']} | {row['run']} | {killed} | {row['survived']} | {share} |"


def main() -> None:
    """Make the mutants, run some of each file, print the table and the survivors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=10, help="how many mutants of each file; 0: all")
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--only", default="", help="files whose path holds this")
    parser.add_argument("--again", action="store_true", help="run those that survived once more")
    asked = parser.parse_args()
    for copy in FOLDER.glob("hubdump/**/*.py"):  # mutmut copies once what it does not break
        if not copy.with_suffix(".py.meta").exists():
            copy.unlink()
    run([FIRST])
    picked = {}
    for path, found in mutants().items():
        if asked.only in path:
            same = equal(path)
            picked[path] = chosen([name for name in found if name not in same], asked.each, asked.seed)
    if left := [n for n, end in ends(picked).items() if end is None or (asked.again and end in SURVIVED)]:
        run(left)
    final = ends(picked)
    alive = [name for name in final if final[name] in SURVIVED]
    sys.stdout.write("\n".join([*table(picked), "", *alive, ""]))


if __name__ == "__main__":
    main()
