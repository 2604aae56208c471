"""The portal that has everything: every type, custom objects, 1,500 properties, 50,000 associations on one record,
chains of merges, archived records in each type. It comes home as it is: row by row, pair by pair, value by value.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hubdump.model import ObjectType, State
from hubdump.sandbox import BELIEFS, InProcess
from hubdump.store.reader import Reader
from hubdump.targets import merges
from tests.worlds import extracted

WORST = {name: belief.worst for name, belief in BELIEFS.items()}
BATCH = 100
# By id, the values of a record that has any, when it was last changed, and whether it is archived.
Values = dict[str, tuple[dict[str, str], str, bool]]
Pair = tuple[str, str]
# The ids of both ends, category and label: what one side says of an association as the other one does.
Link = tuple[str, str, str, str | None]


class Whole:
    """The portal, and the dump of it, by HubSpot's own names of types."""

    def __init__(self, folder: Path, sandbox: InProcess) -> None:
        self.sandbox, self.truth = sandbox, sandbox.portal.truth()
        self.reader = Reader(folder / "store.sqlite")
        theirs = {one["objectTypeId"]: one["type"] for one in self.truth["custom"]}
        self.types = {theirs.get(one.type_id, one.name): one for one in self.reader.catalogue().types}
        self._names = {one.name: name for name, one in self.types.items()}

    def held_ids(self, name: str, state: State) -> list[str]:
        pages = self.reader.pages(self.types[name].name, state)
        return sorted(str(record.id) for page in pages for record in page)

    def held_values(self, name: str) -> Values:
        type_ = self.types[name].name
        asked = set(self.reader.certain_names(type_))
        pages = self.reader.pages(type_, State.ACTIVE, State.ARCHIVED)
        return dict(_told(json.loads(bytes(record.raw)), asked) for page in pages for record in page)

    def true_values(self, name: str) -> Values:
        """What HubSpot answers by batch read, which names all properties that are defined."""
        asked = set(self._defined(self.types[name]))
        found: Values = {}
        for archived in ("live", "archived"):
            ids = self.truth[archived][name]
            for at in range(0, len(ids), BATCH):
                body = {"properties": sorted(asked), "inputs": [{"id": id_} for id_ in ids[at : at + BATCH]]}
                path = f"/crm/objects/2026-09/{self.types[name].type_id}/batch/read"
                answer = self.ask("POST", path, {"archived": str(archived == "archived").lower()}, body)
                found |= dict(_told(one, asked) for one in answer["results"])
        return found

    def _defined(self, type_: ObjectType) -> Iterator[str]:
        levels = ["non_sensitive"]
        levels += ["sensitive"] * bool(type_.sensitive) + ["highly_sensitive"] * bool(type_.highly_sensitive)
        for level in levels:
            path = f"/crm/properties/2026-09/{type_.type_id}"
            yield from (one["name"] for one in self.ask("GET", path, {"dataSensitivity": level})["results"])

    def ask(self, method: str, path: str, query: dict[str, str], body: Any = None) -> Any:
        """An answer that no limit, and no freshness of what it shows, stands in the way of."""
        self.sandbox.advance(1)
        answer = self.sandbox.request(method, path, params=query, json=body)
        assert answer.status == 200, answer.body[:300]
        return answer.json()

    def true_links(self) -> dict[Pair, list[Link]]:
        """By the types of its ends, from and to, every association."""
        found: defaultdict[Pair, list[Link]] = defaultdict(list)
        for from_, from_id, to, to_id, category, _, label in self.truth["associations"]:
            found[from_, to].append((from_id, to_id, category, label))
        return {pair: sorted(links, key=repr) for pair, links in found.items()}

    def held_links(self) -> dict[Pair, list[Link]]:
        found: defaultdict[Pair, list[Link]] = defaultdict(list)
        for name, type_ in self.types.items():
            for to, one in self.reader.associations(type_.name):
                link = (str(one.from_id), str(one.to_id), one.category, one.label)
                found[name, self._names[to]].append(link)
        return {pair: sorted(links, key=repr) for pair, links in found.items()}

    def merged(self) -> set[tuple[str, str, str]]:
        """Which id became whom, at last."""
        types: Sequence[ObjectType] = list(self.types.values())
        rows = merges.found(self.reader, types, partial(merges.said, self.reader))
        return {(self._names[type_], old, into) for type_, old, into, _ in rows if old != into}

    def true_merged(self) -> set[tuple[str, str, str]]:
        found = set()
        for name, steps in self.truth["merges"].items():
            became = dict(steps)
            for old in became:
                into = old
                while into in became:
                    into = became[into]
                found.add((name, old, into))
        return found


def _told(record: dict[str, Any], asked: set[str]) -> tuple[str, tuple[dict[str, str], str, bool]]:
    values = {name: value for name, value in record["properties"].items() if name in asked and value}
    return record["id"], (values, record["updatedAt"], record["archived"])


def _turned(links: Sequence[Link]) -> list[Link]:
    """The same from the other side."""
    return sorted(((to, from_, category, label) for from_, to, category, label in links), key=repr)


@pytest.mark.prove
@pytest.mark.parametrize(
    ("portal", "beliefs"), [("whole", {}), ("whole,readings=1500", WORST)], ids=["default", "worst"]
)
def test_the_portal_that_has_everything_comes_home_as_it_is(
    tmp_path: Path, portal: str, beliefs: dict[str, str]
) -> None:
    sandbox = InProcess(portal, faults="none", overload=False, beliefs=beliefs)
    assert extracted(sandbox, tmp_path, []) == {}
    whole = Whole(tmp_path, sandbox)
    truth = whole.truth
    assert set(truth["live"]) == set(whole.types)
    assert len(truth["custom"]) == 12
    for name in whole.types:
        assert whole.held_ids(name, State.ACTIVE) == sorted(truth["live"][name]), name
        assert whole.held_ids(name, State.ARCHIVED) == sorted(truth["archived"][name]), name
        assert whole.held_values(name) == whole.true_values(name), name
    true, held = whole.true_links(), whole.held_links()
    for (from_, to), links in true.items():
        # A pair is read from one side where both show the same; what is held of it is the portal's in either case.
        back = _turned(held.get((to, from_), ()))
        assert links in (held.get((from_, to), []), back), f"{from_} to {to}"
    for (from_, to), links in held.items():
        assert links == true.get((from_, to)), f"{from_} to {to}"
    assert whole.merged() == whole.true_merged()
    assert any(len(steps) > 2 for steps in truth["merges"].values())
