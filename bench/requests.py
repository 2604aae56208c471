"""Counts what hubdump asks of a portal beside the least that could do: by type and endpoint, from the sandbox's log.

The least (docs/design.md has the steps): definitions of properties, 2 a type, and 1 for each kind of sensitive ones; a
list of active records and one more for the proof, 100 a page, one of archived records; a batch read for each page where
the properties are too many for a URL; 1 search for what changed meanwhile; of each pair of types that has associations
1,000 records a call from the side that needs fewer calls, and a call for each further page of one record.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hubdump.catalog import STANDARD, with_sensitive
from hubdump.hubspot.endpoints import fits_url
from hubdump.model import CUSTOM, ObjectType

TOKEN = "pat-na1-sandbox"  # noqa: S105 - the sandbox's own
UNLIMITED = {"tier": {"general": 1_000_000, "associations": 1_000_000, "daily": None}}
PAGE, INPUTS, SHOWN = (
    100,
    1000,
    500,
)  # records of a list, ids of a call for associations, associations of one answer
ENDPOINTS = ("properties", "lists", "batch reads", "searches", "associations")
# How it is found out which pairs of types there are.
OF_PAIRS = (
    "/crm/associations/{version}/{type}/{to}/labels",
    "/crm-object-schemas/{version}/schemas/{type}",
    "/crm/limits/{version}/records",
)
# By type, how many requests of each endpoint.
Requests = Mapping[str, Counter[str]]


def main() -> int:
    """Read the portal, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portal", default="whole")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        beliefs = Path(folder) / "beliefs.json"
        beliefs.write_text(json.dumps(UNLIMITED), "utf-8")
        portal = [
            "--portal",
            asked.portal,
            "--faults",
            "none",
            "--overload",
            "off",
            "--beliefs",
            str(beliefs),
        ]
        command = [sys.executable, "-m", "hubdump.sandbox", "--json", *portal]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own program
            try:
                assert process.stdout is not None
                _compare(json.loads(process.stdout.readline())["url"], Path(folder) / "data")
            finally:
                process.terminate()
    return 0


def _compare(url: str, dump: Path) -> None:
    environment = os.environ | {
        "HUBSPOT_BASE_URL": url,
        "HUBSPOT_ACCESS_TOKEN": TOKEN,
        "HUBSPOT_MAX_REQUESTS_PER_10S": "auto",
    }
    command = [sys.executable, "-m", "hubdump", "run", "--dump", str(dump), "--to", "json", "-q"]
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)  # noqa: S603 - our own program
    log, truth = _json(f"{url}/_sandbox/requests"), _json(f"{url}/_sandbox/truth")
    types = _types(truth)
    asked, others = _asked(log["requests"] if isinstance(log, dict) else log, types)
    least = _least(url, truth, types)
    sys.stdout.writelines(f"{line}\n" for line in _lines(truth, least, asked, others))


def _types(truth: dict[str, Any]) -> dict[str, ObjectType]:
    """The types by the names that the truth has for them."""
    custom = {one["type"]: one["objectTypeId"] for one in truth["custom"]}
    return {
        name: with_sensitive(ObjectType(name, custom[name], name, CUSTOM), CUSTOM)
        if name in custom
        else STANDARD.by_name(name)
        for name in truth["live"]
    }


def _asked(log: Iterable[dict[str, Any]], types: Mapping[str, ObjectType]) -> tuple[Requests, Counter[str]]:
    """What was asked for of each type, and what else, by its path's template."""
    names = {type_.path: name for name, type_ in types.items()}
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    others: Counter[str] = Counter()
    for one in log:
        endpoint, name = _endpoint(one["path"]), names.get(_type(one["path"]), "")
        if endpoint and name:
            found[name][endpoint] += 1
        else:
            others[one["template"]] += 1
    return found, others


def _type(path: str) -> str:
    """The type in a path: /crm/objects/2026-09/deals/search."""
    return ([*path.split("/"), "", "", "", ""])[4]


def _endpoint(path: str) -> str:
    """Which of ENDPOINTS a path is of; '' for any other."""
    parts = path.split("/")[2:]
    if parts[0] == "properties" and len(parts) == 3:
        return "properties"
    if parts[0] == "associations" and parts[-1] == "read":
        return "associations"
    if parts[0] != "objects":
        return ""
    return {"read": "batch reads", "search": "searches"}.get(parts[-1], "lists")


def _least(url: str, truth: dict[str, Any], types: Mapping[str, ObjectType]) -> Requests:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, type_ in types.items():
        live, archived = (len(truth[state][name]) for state in ("live", "archived"))
        wide = PAGE if not fits_url(_names(url, type_)) else 0
        found[name] = Counter(
            {
                "properties": 2 + bool(type_.sensitive) + bool(type_.highly_sensitive),
                "lists": 2 * _pages(live, PAGE) + max(1, _pages(archived, PAGE)),
                "batch reads": _pages(live, wide) + _pages(archived, wide) if wide else 0,
                "searches": 1,
            }
        )
    for name, calls in _of_pairs(truth):
        found[name]["associations"] += calls
    return found


def _of_pairs(truth: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """From which type each pair is read at the least, and in how many calls; from both where they show otherwise."""
    ends: defaultdict[tuple[str, str], set[tuple[Any, ...]]] = defaultdict(set)
    links: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for from_, from_id, to, to_id, category, _, label in truth["associations"]:
        ends[from_, to].add((from_id, to_id, category, label))
        links[from_, to][from_id] += 1
    for from_, to in ends:
        there, back = (
            _calls(links[pair], len(truth["live"][pair[0]])) for pair in ((from_, to), (to, from_))
        )
        turned = {(one, other, *kind) for other, one, *kind in ends.get((to, from_), ())}
        if turned != ends[from_, to] or from_ == to or (there, from_) <= (back, to):
            yield from_, there


def _calls(links: Counter[str], records: int) -> int:
    """So many calls show all associations of so many records: each record in one, and once more for each page."""
    more = [_pages(count, SHOWN) for count in links.values()]
    return max(_pages(records + sum(more) - len(more), INPUTS), *more, 1)


def _names(url: str, type_: ObjectType) -> list[str]:
    listed = _json(f"{url}/crm/properties/2026-09/{type_.path}")["results"]
    return [one["name"] for one in listed]


def _pages(items: int, most: int) -> int:
    return -(-items // most)


def _lines(truth: dict[str, Any], least: Requests, asked: Requests, others: Counter[str]) -> Iterator[str]:
    """Of each type and endpoint the least beside what was asked; then all that belongs to no type's formula."""
    yield f"| type | records | archived | {' | '.join(ENDPOINTS)} | all |"
    yield "|---|---|---|" + "---|" * (len(ENDPOINTS) + 1)
    for name in least:
        counts = [f"{len(truth[state][name]):,}" for state in ("live", "archived")]
        cells = [_told(least[name][one], asked[name][one]) for one in ENDPOINTS]
        yield f"| {' | '.join([name, *counts, *cells, _told(least[name].total(), asked[name].total())])} |"
    sums = [sum((of[name] for name in least), Counter[str]()) for of in (least, asked)]
    needed, sent = (of.total() for of in sums)
    cells = [_told(*(of[one] for of in sums)) for one in ENDPOINTS]
    yield f"| all | | | {' | '.join([*cells, _told(needed, sent)])} |"
    pairing = sum(number for template, number in others.items() if template in OF_PAIRS)
    yield ""
    yield f"{sent / needed:.3f} times the least; {(sent + pairing) / needed:.3f} times with the {pairing} requests"
    yield f"for which pairs there are. {others.total() - pairing} more are for what is around the records."


def _told(least: int, asked: int) -> str:
    return f"{least:,}" if least == asked else f"{least:,}, asked {asked:,}"


def _json(url: str) -> Any:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {TOKEN}"})  # noqa: S310 - this machine
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - this machine
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
