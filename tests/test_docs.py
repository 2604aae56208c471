"""The documents say what is so: their commands run, their names exist, their tables are the code's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hubdump.errors import EXIT_MEANINGS
from hubdump.sandbox import BELIEFS, FAULTS, InProcess
from hubdump.settings import OAUTH, TOKENS, Settings
from hubdump.version import __version__
from tests.conftest import ROOT, TOKEN, Serve
from tests.house_rules import tracked

DOCUMENTS = sorted(path for path in tracked(ROOT) if path.suffix == ".md")
README = (ROOT / "README.md").read_text("utf-8")


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", (ROOT / path).read_text("utf-8"), re.MULTILINE | re.DOTALL)


WITH_COMMANDS = [path for path in DOCUMENTS if blocks(path)]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what git has, with this Python as its venv."""
    for path in tracked(ROOT):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, tmp_path / path)
    (tmp_path / "venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.mark.prove(seconds=150)
@pytest.mark.parametrize("path", WITH_COMMANDS, ids=str)
def test_every_command_of_a_document_works_when_pasted(path: Path, checkout: Path, serve: Serve) -> None:
    served = serve("--portal", "tiny")
    kept = {
        n: v for n, v in os.environ.items() if not n.startswith(("HUB", "PYTHON", "MAKE", "MFLAGS", "ARGS"))
    }
    own = {"HUBSPOT_BASE_URL": served.url, "HUBSPOT_ACCESS_TOKEN": TOKEN}
    if path != Path("README.md"):  # whose whole runs take most of the time
        own["HUBDUMP_ONLY"] = "engagements deals"
    for block in blocks(path):
        # What make would install stands in the virtual environment already; it must not come to point here.
        script = re.sub(r"^make ", "make -o venv/runtime -o venv/dev ", block, flags=re.MULTILINE)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=checkout, env=kept | own,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "-m pip" not in done.stdout
        assert done.returncode == 0, f"{block}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"


def test_there_are_documents_with_commands() -> None:
    assert {"README.md", "docs/troubleshooting.md", "docs/rollback.md"} <= {
        str(path) for path in WITH_COMMANDS
    }


def test_the_two_commands_stand_by_line_20_and_nothing_before_them() -> None:
    lines = README.splitlines()
    assert "make run" in lines[:20]
    assert README.index("make run") < README.index("```text")
    assert any("verify" in line for line in lines[:20])


def test_the_readme_shows_what_the_sandbox_holds() -> None:
    engagements, far = ("meetings", "calls", "emails", "notes"), ("contacts", "companies", "deals", "tickets")
    truth = InProcess("script").portal.truth(*engagements, *far)
    links = Counter(one[0] for one in truth["associations"] if one[0] in engagements and one[2] in far)
    rows = re.findall(r"^(\w+) +([\d,]+) +([\d,]+) +([\d,]+)(?: +0)?(?:  20| *$)", README, re.MULTILINE)
    shown = {name: tuple(int(n.replace(",", "")) for n in numbers) for name, *numbers in rows}
    every = shown.pop("all")
    assert {name: numbers[:2] for name, numbers in shown.items()} == {
        name: (len(truth["live"][name]), len(truth["archived"][name])) for name in (*engagements, *far)
    }
    assert {name: shown[name][2] for name in engagements} == links
    assert every == tuple(map(sum, zip(*shown.values(), strict=True)))


def test_every_setting_and_every_exit_status_is_in_the_readme() -> None:
    names = [*TOKENS, *OAUTH, *(str(field.alias) for field in Settings.model_fields.values())]
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in README] == []
    statuses = README[README.index("Exit statuses:") :].split("\n\n")[0]
    assert [int(code) for code in EXIT_MEANINGS if not re.search(rf"\b{int(code)} \w", statuses)] == []


def test_every_link_leads_somewhere() -> None:
    links = [
        (path, link)
        for path in DOCUMENTS
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / path).read_text("utf-8"))
    ]
    assert len(links) > 8
    assert [(str(p), link) for p, link in links if not (ROOT / p.parent / link).exists()] == []


def test_the_table_of_beliefs_is_the_sandboxes() -> None:
    text = (ROOT / "docs/beliefs.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| `([\w-]+)` \| `([\w-]+)` \|", text, re.MULTILINE)
    assert {name: (default, worst) for name, default, worst in rows} == {
        name: (belief.default, belief.worst) for name, belief in BELIEFS.items()
    }
    assert [
        name for name in ("none", "few", "many", "hostile") if f"`{name}`" not in text or name not in FAULTS
    ] == []


def test_each_name_of_the_scripts_code_leads_to_one_of_ours() -> None:
    text = (ROOT / "docs/coming-from-the-script.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w/.]+)` \| `([\w/.]+)`: `(\w+)` \|", text, re.MULTILINE)
    assert [name for name, _, _ in rows] == [
        "extract_with_search_filter",
        "_make_api_call",
        "_is_retryable_error",
        "config/settings.py",
        "extractors/base_extractor.py",
        "extractors/engagements.py",
    ]
    for _, path, function in rows:
        assert re.search(
            rf"^ *(?:async )?def {function}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE
        ), function


def test_the_example_of_the_environment_names_only_settings() -> None:
    names = re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
    known = {*TOKENS, *OAUTH, *(str(field.alias) for field in Settings.model_fields.values())}
    assert len(names) > 3
    assert set(names) <= known


def test_the_version_is_the_same_everywhere() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
