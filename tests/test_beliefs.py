"""The extractor under every belief about HubSpot: the result is the same, or the belief is named, never lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubdump.events import Event, Noted
from hubdump.sandbox import BELIEFS, InProcess
from hubdump.sandbox.beliefs import AROUND
from hubdump.store.store import Store
from tests.worlds import extracted, stored, true_of

# Beliefs of the extractor that a sandbox of another one refutes: the run says so, and does not need them.
REFUTED = {
    "list-order": "lists and searches are ordered by id, ascending",
    "list-after": "lists page by id: what is removed shifts no page",
}
# What is around the records is not read here.
FLIPS = [
    (name, value)
    for name, belief in BELIEFS.items()
    if name not in AROUND
    for value in sorted({*belief.values, belief.worst} - {belief.default})
]


def world(*beliefs: str, portal: str = "seven", **options: Any) -> InProcess:
    chosen: Any = {"faults": "none", "overload": False, "beliefs": beliefs} | options
    return InProcess(portal, **chosen)


@pytest.mark.prove
@pytest.mark.parametrize(("name", "value"), FLIPS)
def test_the_result_is_the_same_whatever_is_true_of_hubspot(name: str, value: str, tmp_path: Path) -> None:
    sandbox = world(f"{name}={value}")
    failed = extracted(sandbox, tmp_path)
    assert failed == {}
    ids, rows = true_of(sandbox)
    assert sum(map(len, ids.values())) > 100
    assert len(rows) > 100
    assert stored(tmp_path) == (ids, rows)


@pytest.mark.parametrize("seed", range(3))
def test_the_result_is_the_same_under_all_the_worst_at_once(seed: int, tmp_path: Path) -> None:
    sandbox = world("worst", faults="many", overload=True, seed=seed)
    assert extracted(sandbox, tmp_path) == {}
    assert stored(tmp_path) == true_of(sandbox)


@pytest.mark.parametrize("name", REFUTED)
def test_a_refuted_belief_is_told_and_kept_until_the_run_has_ended(name: str, tmp_path: Path) -> None:
    told: list[Event] = []
    sandbox = world(f"{name}={BELIEFS[name].worst}")
    assert extracted(sandbox, tmp_path, emit=told.append, to_its_end=False) == {}
    texts = [event.text for event in told if isinstance(event, Noted)]
    assert [text for text in texts if REFUTED[name] in text]
    store = Store(tmp_path / "store.sqlite")
    assert REFUTED[name] in store.refuted()
    store.end_run()
    assert store.refuted() == {}
    store.close()


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.prove) for seed in range(2, 6))]
)
@pytest.mark.parametrize("faults", ["many", "hostile"])
def test_errors_of_all_kinds_lose_nothing(faults: str, seed: int, tmp_path: Path) -> None:
    sandbox = world(portal="seven", faults=faults, seed=seed)
    assert extracted(sandbox, tmp_path) == {}
    (ids, rows), (true_ids, read) = stored(tmp_path), true_of(sandbox)
    assert ids == true_ids
    # Where HubSpot fails for ever to say which association types a pair has, both of its sides are read.
    assert len(rows) == len(set(rows))
    assert set(read) <= set(rows) <= {tuple(row) for row in sandbox.portal.truth()["associations"]}
    assert any(request["fault"] for request in sandbox.portal.requests())
