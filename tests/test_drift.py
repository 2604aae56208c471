"""What a portal defines changes while it is read: types and properties that come and go, at any moment of a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hubdump.model import Request, Response, Secret, State
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from tests.worlds import Emulated, JumpingClock, extracted, stored, true_of

Happening = Callable[[InProcess], None]
PORTAL = "contacts=110,leads=8,deals=5,cars=15"
# Longer ago than what a next run looks for.
LATER_S = 3 * 3600
OTHERS = ("contacts", "deals")
TYPES = (*OTHERS, "leads", "custom")


class Moved(Emulated):
    """A portal to which things happen before its n-th request, and that then does not answer for hours."""

    def __init__(self, sandbox: InProcess, clock: JumpingClock, at: int, happening: Happening) -> None:
        super().__init__(sandbox, clock)
        self.asked, self._at, self._happening = 0, at, happening

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        self.asked += 1
        if self.asked == self._at:
            self._happening(self.sandbox)
            self._clock.ns += LATER_S * 1_000_000_000
        return await super().send(request, token)


def run(
    sandbox: InProcess, dump: Path, at: int = 0, happening: Happening = lambda _: None
) -> tuple[set[str], int]:
    """One run, and what happens before its n-th request: what failed, and how many requests there were."""
    transports: list[Moved] = []

    def through(clock: JumpingClock) -> Moved:
        transports.append(Moved(sandbox, clock, at, happening))
        return transports[0]

    sandbox.advance(5000)
    failed = extracted(sandbox, dump, TYPES, through=through)
    return set(failed), transports[0].asked


def drift(*deeds: str) -> Happening:
    return lambda sandbox: sandbox.portal.drift(*deeds)


def world(portal: str = PORTAL) -> InProcess:
    return InProcess(portal, faults="none", overload=False)


def moments(count: int, few: Sequence[int] = ()) -> list[Any]:
    """Some moments of a run over the portal, from its first request to its last; only a few of them in `make test`."""
    asked = 96  # more than a first run takes
    found = [1 + number * asked // count for number in range(count)]
    return [at if at in few else pytest.param(at, marks=pytest.mark.prove) for at in found]


def complete(dump: Path) -> set[str]:
    """The types that are whole now."""
    with closing(Reader(dump / "store.sqlite")) as reader:
        return {name for name in reader.types() if reader.bookmark(name).complete}


def same(sandbox: InProcess, dump: Path, types: tuple[str, ...] = OTHERS) -> None:
    """The dump holds what is true of these types, and who is associated with whom among them."""
    (ids, links), (true_ids, true_links) = stored(dump, types), true_of(sandbox, types)
    assert ids == true_ids
    assert among(links, types) == among(true_links, types)


def among(links: list[tuple[Any, ...]], types: tuple[str, ...]) -> set[frozenset[tuple[str, str]]]:
    """Which records of these types are associated, from whichever side that was read."""
    return {frozenset([row[:2], row[2:4]]) for row in links if {row[0], row[2]} <= set(types)}


def test_the_moments_cover_a_run(tmp_path: Path) -> None:
    failed, asked = run(world(), tmp_path)
    assert not failed
    assert asked < 96 < asked * 1.5


@pytest.mark.parametrize("at", moments(8, [61]))
def test_a_type_that_vanishes_fails_alone_and_comes_back_whole(at: int, tmp_path: Path) -> None:
    sandbox = world()
    failed, _ = run(sandbox, tmp_path, at, drift("type-gone:leads"))
    assert failed <= {"leads"}
    same(sandbox, tmp_path)
    failed, _ = run(sandbox, tmp_path)
    assert failed <= {"leads"}
    assert set(OTHERS) <= complete(tmp_path)
    same(sandbox, tmp_path)
    sandbox.portal.drift("type-back:leads")
    assert run(sandbox, tmp_path)[0] == set()
    same(sandbox, tmp_path, (*OTHERS, "leads"))


@pytest.mark.parametrize("at", moments(8, [49]))
def test_a_custom_object_that_is_removed_is_told_as_such_and_nothing_fails(at: int, tmp_path: Path) -> None:
    sandbox = world()
    failed, asked = run(sandbox, tmp_path, at, drift("custom-archived:cars"))
    assert not failed
    same(sandbox, tmp_path)
    assert run(sandbox, tmp_path)[0] == set()
    same(sandbox, tmp_path)
    with closing(Reader(tmp_path / "store.sqlite")) as reader:
        told = {one.what: one.why for one in reader.unread()}
    if 1 < at <= asked:  # before the first request there was no such object
        assert told["cars"] == "HubSpot does not list it any more"


@pytest.mark.parametrize("at", moments(4))
def test_a_custom_object_that_is_made_is_there_with_the_next_run(at: int, tmp_path: Path) -> None:
    sandbox = world()
    failed, asked = run(sandbox, tmp_path, at, drift("custom-created"))
    assert not failed
    assert run(sandbox, tmp_path)[0] == set()
    same(sandbox, tmp_path, (*OTHERS, "leads", "cars"))
    truth = sandbox.portal.truth()
    new = {
        one["objectTypeId"]: truth["live"][one["type"]] for one in truth["custom"] if one["type"] != "cars"
    }
    true_ids = {type_id: sorted(live) for type_id, live in new.items() if live}
    assert len(true_ids) == (at <= asked)
    with closing(Reader(tmp_path / "store.sqlite")) as reader:
        names = {type_.type_id: type_.name for type_ in reader.catalogue().types if type_.type_id in true_ids}
    found, _ = stored(tmp_path, tuple(names.values()))
    assert {type_id: found[name] for type_id, name in names.items()} == true_ids


@pytest.mark.parametrize("at", moments(4))
def test_a_property_that_goes_takes_nothing_else_with_it(at: int, tmp_path: Path) -> None:
    for kind in ("archived", "removed"):
        sandbox, dump = world(), tmp_path / kind
        dump.mkdir()
        assert run(sandbox, dump, at, drift(f"property-{kind}:contacts:jobtitle"))[0] == set()
        assert run(sandbox, dump)[0] == set()
        same(sandbox, dump, (*OTHERS, "leads"))


@pytest.mark.parametrize("at", moments(12, [9]))
def test_a_property_that_is_made_comes_with_the_values_it_gets(at: int, tmp_path: Path) -> None:
    sandbox = world()
    last = max(sandbox.portal.truth()["live"]["contacts"], key=int)

    def made(sandbox: InProcess) -> None:
        sandbox.portal.drift("property-created:contacts:shoe_size")
        sandbox.portal.edit("PATCH", f"/crm/v3/objects/contacts/{last}", {"properties": {"shoe_size": "44"}})

    failed, asked = run(sandbox, tmp_path, at, made)
    assert not failed
    assert run(sandbox, tmp_path)[0] == set()
    same(sandbox, tmp_path)
    with closing(Reader(tmp_path / "store.sqlite")) as reader:
        names = {name for name, _ in reader.definitions("contacts")}
        (record,) = [r for page in reader.pages("contacts", State.ACTIVE) for r in page if r.id == int(last)]
    value = json.loads(bytes(record.raw))["properties"].get("shoe_size")
    assert ("shoe_size" in names, value) == ((True, "44") if at <= asked else (False, None))
