"""The rules of the house that no linter knows; `make lint` runs them over every tracked file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

LINES_MAX = 400
README_LINES_MAX = 150
SANDBOX_TOKEN = "pat-na1-" + "sandbox"
# Words of the glossary that mean something else at HubSpot, or nothing.
STRANGE_WORDS = {"sink", "tenant", "ledger", "retriever", "watermark", "mock", "shard"}
_TOKEN = re.compile(r"pat-(?:na|eu|ap)\d-[\w-]{6,}")
_BARE = re.compile(r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[\w, -]+\])?)\s*$")
_LATER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
_SKIP = re.compile(
    r"pytest\.mark\.(?:sk" + r"ip|xf" + r"ail)|pytest\.sk" + r"ip\((?!.*# CI fails instead$)"
    r"|raise NotImpl" + r"ementedError"
)
_HOST = re.compile(r"(?:pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian\.org)")
_MACHINE = re.compile(r"(?:^|[\s\"'=(])/(?:work|root|farm|home/\w+)/")

Finding = tuple[int, str]
Rule = Callable[[Path, str], Iterator[Finding]]


def short_files(path: Path, text: str) -> Iterator[Finding]:
    """A file can be read at once."""
    most = README_LINES_MAX if path.name == "README.md" else LINES_MAX
    count = len(text.splitlines())
    if (path.suffix == ".py" or path.name == "README.md") and count > most:
        yield count, f"{count} lines, at most {most}"


def purpose(path: Path, text: str) -> Iterator[Finding]:
    """A file opens with one sentence saying what it is for."""
    if path.suffix == ".py" and text.strip() and not ast.get_docstring(ast.parse(text)):
        yield 1, "no sentence says what this file is for"


def reasons(path: Path, text: str) -> Iterator[Finding]:
    """An exception to a rule has its reason on the same line."""
    if path.suffix == ".py":
        yield from _lines(text, _BARE, "an exception to a rule without its reason")


def nothing_left_for_later(path: Path, text: str) -> Iterator[Finding]:
    """What is not done stands in an issue, not in the code; no test is left out."""
    if path.suffix == ".py":
        yield from _lines(text, _LATER, "left for later")
        yield from _lines(text, _SKIP, "a proof that is left out")


def swallowed_errors(path: Path, text: str) -> Iterator[Finding]:
    """No error is caught to be forgotten."""
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and all(isinstance(n, ast.Pass) for n in node.body):
                yield node.lineno, "an error is swallowed"


def own_words(path: Path, text: str) -> Iterator[Finding]:
    """Names are HubSpot's words or the glossary's."""
    if path.suffix != ".py" or "tests" in path.parts:
        return
    for node in ast.walk(ast.parse(text)):
        name = getattr(node, "name", None) or getattr(node, "id", None) or getattr(node, "arg", None)
        if isinstance(name, str) and STRANGE_WORDS & set(name.lower().split("_")):
            yield getattr(node, "lineno", 1), f"'{name}' is no word of the glossary"


def environment(path: Path, text: str) -> Iterator[Finding]:
    """Only settings.py reads the environment."""
    if path.suffix != ".py" or path.name == "settings.py" or "hubdump" not in path.parts:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}:
            yield node.lineno, "reads the environment"


def asserting(path: Path, text: str) -> Iterator[Finding]:
    """A test can fail."""
    if not path.name.startswith("test_"):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            inside = list(ast.walk(node))
            raises = any(isinstance(n, ast.Attribute) and n.attr == "raises" for n in inside)
            if not raises and not any(isinstance(n, ast.Assert) for n in inside):
                yield node.lineno, f"{node.name} asserts nothing"


def no_secrets(_: Path, text: str) -> Iterator[Finding]:
    """No token but the sandbox's stands in a file."""
    for number, line in enumerate(text.splitlines(), 1):
        if any(found != SANDBOX_TOKEN for found in _TOKEN.findall(line)):
            yield number, "looks like a token"


def nowhere_in_particular(_: Path, text: str) -> Iterator[Finding]:
    """No file names one machine's folders or a package registry's host."""
    yield from _lines(text, _MACHINE, "a path of one machine")
    yield from _lines(text, _HOST, "a registry's host")


RULES: tuple[Rule, ...] = (
    short_files, purpose, reasons, nothing_left_for_later, swallowed_errors, own_words, environment, asserting,
    no_secrets, nowhere_in_particular,
)  # fmt: skip


def check(root: Path, files: list[Path]) -> Iterator[str]:
    """What breaks a rule, as path:line: text."""
    for path in files:
        try:
            text = (root / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for rule in RULES:
            for line, found in rule(path, text):
                yield f"{path}:{line}: {found} ({rule.__name__})"


def tracked(root: Path) -> list[Path]:
    """The files that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    return [Path(name.decode()) for name in listed.split(b"\0") if name]


def _lines(text: str, pattern: re.Pattern[str], told: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.search(line):
            yield number, told


if __name__ == "__main__":
    here = Path(__file__).parent.parent
    broken = list(check(here, tracked(here)))
    sys.stdout.write("".join(f"{line}\n" for line in broken) or f"{len(RULES)} house rules hold\n")
    raise SystemExit(bool(broken))
