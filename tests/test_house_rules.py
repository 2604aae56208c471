"""Every rule of the house finds what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house_rules import RULES, check, tracked

ROOT = Path(__file__).parent.parent
HEAD = '"""What it is for."""\n'
PLANTED = {
    "short_files": ("hubdump/a.py", HEAD + "x = 1\n" * 400),
    "purpose": ("hubdump/a.py", "x = 1\n"),
    "reasons": ("hubdump/a.py", HEAD + "x = 1  # noqa: S10" + "1\n"),
    "nothing_left_for_later": ("hubdump/a.py", HEAD + "# TO" + "DO: more\n"),
    "swallowed_errors": ("hubdump/a.py", HEAD + "try:\n    x = 1\nexcept ValueError:\n    pass\n"),
    "own_words": ("hubdump/a.py", HEAD + "def load_tenant() -> None: ...\n"),
    "environment": ("hubdump/a.py", HEAD + "import os\nx = os.environ\n"),
    "asserting": ("tests/test_a.py", HEAD + "def test_a() -> None:\n    print(1)\n"),
    "no_secrets": ("docs/a.md", "pat-" + "eu1-0000-1111\n"),
    "nowhere_in_particular": ("docs/a.md", "see /wo" + "rk/main\n"),
}


@pytest.mark.parametrize("rule", [rule.__name__ for rule in RULES])
def test_each_rule_finds_what_it_is_for(rule: str, tmp_path: Path) -> None:
    name, text = PLANTED[rule]
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    assert [line for line in check(tmp_path, [Path(name)]) if line.endswith(f"({rule})")]


def test_they_are_held_against_every_file_that_git_has() -> None:  # by `make lint`
    assert {Path("hubdump/cli/dump.py"), Path("tests/test_house_rules.py")} <= set(tracked(ROOT))
