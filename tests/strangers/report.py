"""What the strangers' run says in docs/sandbox.md: a table of strangers, and one of routes with who calls them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.conftest import ROOT

DOCS = ROOT / "docs" / "sandbox.md"
_VERSION = r"(v\d|20\d\d-\d\d)"
NODE = ROOT / "tests" / "strangers" / "node" / "package.json"
Row = tuple[str, str, str, str]
# Part of a test file's name -> the stranger it is about, and what it exercises.
FILES = {
    "test_official_python": (
        "hubspot-api-client",
        "pages with associations, get_all, search, batches, v3 and v4 associations, metadata, forms, writes, merges",
    ),
    "test_official_sdk": (
        "hubspot-sdk",
        "dated paths, strict validation: lists, history, search, batches, associations, metadata, files, writes",
    ),
    "test_official_node": (
        "@hubspot/api-client",
        "pages with associations, search, batches, metadata, writes; retries on 429 and 5xx",
    ),
    "test_openapi": ("schemathesis", "every operation with bad and good input, bad JSON, wrong tokens"),
}


def official(results: Path) -> list[Row]:
    """A row for each stranger of the tests, from their results in JUnit's form."""
    counts: dict[str, list[int]] = {}
    for case in ET.parse(results).iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
        name = case.get("classname", "")
        found = next((part for part in FILES if part in name), None)
        if found:
            count = counts.setdefault(found, [0, 0])
            count[0] += 1
            count[1] += len(case) > 0
    return [_row(part, *counts.get(part, (0, 0))) for part in FILES]


def _row(part: str, tests: int, failed: int) -> Row:
    name, exercised = FILES[part]
    good = f"content ({tests} tests)" if tests and not failed else f"{failed} of {tests} tests failed"
    return name, _version(name), exercised, good


def _version(name: str) -> str:
    if name.startswith("@"):
        found: str = json.loads(NODE.read_text())["dependencies"][name]
        return found
    return version(name)


def routes(logs: Path, described: Iterable[str]) -> list[tuple[str, str]]:
    """Each route as 'METHOD template' with who called it with success, from the logs that were kept."""
    callers: dict[str, set[str]] = {route: set() for route in described}
    for path in logs.glob("*.json"):
        for call in json.loads(path.read_text(encoding="utf-8")):
            if call["template"] and call["status"] < 400:
                callers.setdefault(f"{call['method']} {call['template']}", set()).add(call["who"])
    return [(route, ", ".join(sorted(who)) or "only our own tests") for route, who in sorted(callers.items())]


def described(document: Mapping[str, Mapping[str, Mapping[str, object]]]) -> set[str]:
    """The routes of a served /openapi.json as the log names them: {version} stands where dated ones have theirs."""
    found = set()
    for path, methods in document["paths"].items():
        template = re.sub(rf"^/(crm|settings|marketing)/{_VERSION}/(\w[\w-]*)", r"/\1/\3/{version}", path)
        template = re.sub(rf"/{_VERSION}(?=/|$)", "/{version}", template, count=1)
        template = template.replace("/crm/schemas/{version}", "/crm-object-schemas/{version}/schemas")
        found |= {f"{method.upper()} {template}" for method in methods}
    return found


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(each) + " |" for each in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines)


def write(name: str, text: str) -> None:
    """Put a text between the comments <!-- NAME:begin --> and <!-- NAME:end --> of docs/sandbox.md."""
    whole = DOCS.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, _, rest = whole.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{DOCS.name} lacks {begin} or {end}")
    DOCS.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
