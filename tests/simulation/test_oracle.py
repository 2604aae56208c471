"""The judge and the world it stands in: each kind of breach is found where one is planted, and a kill is a kill."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubdump.extract import reading
from hubdump.hubspot.window import Window
from hubdump.store.store import Store
from tests.simulation import seam
from tests.simulation.disk import STORE, Fuse, Killed, tapped
from tests.simulation.loop import Deadlock, VirtualClock, VirtualLoop, run
from tests.simulation.network import Network
from tests.simulation.scenario import Scenario
from tests.simulation.seam import HeldRecord, HeldType
from tests.simulation.truth import ACTIVE, Row, Truth
from tests.simulation.world import World, simulate

CALM = Scenario(counts=(("calls", 30), ("contacts", 6)))


def kinds(scenario: Scenario) -> set[str]:
    return {one.kind for one in simulate(scenario).violations}


def test_a_calm_world_breaks_nothing() -> None:
    outcome = simulate(CALM)
    assert outcome.violations == []
    assert outcome.records >= 30


def archived_shown(held: HeldType, truth: Truth) -> HeldType:
    """An archived record as the truth has it, shown as active."""
    keys = [("calls", id_) for id_ in truth.ids("calls")]
    key, moment = next((k, m) for k in keys if (m := truth.moments(k)[-1]).state == "archived")
    ghost = HeldRecord(key[1], ACTIVE, moment.content)
    others = [one for one in held.records if one.id != key[1]]
    return replace(held, records=[*others, ghost], proved_us=held.fresh_us)


def edited(content: bytes) -> bytes:
    assert content.count(b'"archived":') == 1
    return content.replace(b'"archived":', b'"unheard_of":')


TAMPERINGS: dict[str, tuple[str, Callable[[HeldType, Truth], HeldType]]] = {
    "a record less": ("LOST", lambda held, _: replace(held, records=held.records[1:])),
    "an association less": ("LOST", lambda held, _: replace(held, rows=held.rows[1:])),
    "a record twice": ("DUPLICATE", lambda held, _: replace(held, records=[*held.records, held.records[0]])),
    "an association twice": ("DUPLICATE", lambda held, _: replace(held, rows=[*held.rows, held.rows[0]])),
    "a record nobody made": (
        "INVENTED",
        lambda held, _: replace(
            held, records=[*held.records, HeldRecord(1, ACTIVE, held.records[0].content)]
        ),
    ),
    "an association nobody made": (
        "INVENTED",
        lambda held, _: replace(held, rows=[*held.rows, (*held.rows[0][:3], 1, *held.rows[0][4:])]),
    ),
    "content of no version": (
        "CORRUPT",
        lambda held, _: replace(
            held,
            records=[replace(held.records[0], content=edited(held.records[0].content)), *held.records[1:]],
        ),
    ),
    "a property that is not known": (
        "LACKING",
        lambda held, _: replace(held, defined=frozenset(sorted(held.defined)[1:])),
    ),
    "an archived record as active": ("GHOST", archived_shown),
    "a record as gone that is there": (
        "MISTOLD",
        lambda held, _: replace(
            held, proved_us=held.fresh_us, records=[replace(held.records[0], state="gone"), *held.records[1:]]
        ),
    ),
    "no instant of freshness": ("UNFRESH", lambda held, _: replace(held, fresh_us=None)),
    "no proof": ("UNPROVED", lambda held, _: replace(held, proved_us=None)),
    "an archived record less": (
        "LOST",
        lambda held, _: replace(held, records=[one for one in held.records if one.state == ACTIVE]),
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_is_wrong_in_a_dump_is_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, tamper = TAMPERINGS[name]
    folder = tmp_path / "0"
    folder.mkdir()
    world = World(CALM, folder)
    read_back = seam.read_back

    def tampered(path: Path, types: tuple[str, ...]) -> dict[str, HeldType]:
        return {type_: tamper(held, world.truth) for type_, held in read_back(path, types).items()}

    monkeypatch.setattr(seam, "read_back", tampered)
    assert kind in {one.kind for one in world.whole().violations}


@pytest.mark.parametrize(("failed", "found"), [("contacts", set()), ("companies", {"GHOST"})])
def test_an_association_that_is_gone_may_stay_where_it_is_named_by_its_record_and_other_type_only(
    failed: str, found: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "0"
    folder.mkdir()
    world = World(replace(CALM, life="links", gap_changes=60, gaps_s=(600.0,)), folder)
    read_back, gone = seam.read_back, list[Row]()

    def tampered(path: Path, types: tuple[str, ...]) -> dict[str, HeldType]:
        held = read_back(path, types)["calls"]
        active = {one.id for one in held.records if one.state == ACTIVE}
        kept = [
            row for row in world.truth.first_rows - {*held.rows} if row[1] in active and row[2] == "contacts"
        ]
        if not kept:
            return {"calls": held}
        row = min(kept)
        gone.append(row)
        unread, untied = frozenset({row[1]}), frozenset({(row[1], failed)})
        return {"calls": replace(held, rows=[*held.rows, row], unread=unread, untied=untied)}

    monkeypatch.setattr(seam, "read_back", tampered)
    assert {one.kind for one in world.whole().violations} == found
    assert gone


def test_a_target_that_is_not_the_store_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kinds(replace(CALM, loaded=True)) == set()
    rebuilt = seam.rebuilt

    def short(dump: Path, types: tuple[str, ...]) -> tuple[dict[str, list[int]], list[Row]]:
        ids, rows = rebuilt(dump, types)
        return {name: found[1:] for name, found in ids.items()}, rows

    monkeypatch.setattr(seam, "rebuilt", short)
    assert kinds(replace(CALM, loaded=True)) == {"TARGET"}


def test_an_older_version_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first version of every record is what is held, though all of them were changed since."""
    seen: dict[int, bytes] = {}
    read_back = seam.read_back

    def first_seen(path: Path, types: tuple[str, ...]) -> dict[str, HeldType]:
        held = read_back(path, types)["calls"]
        records = [replace(one, content=seen.setdefault(one.id, one.content)) for one in held.records]
        return {"calls": replace(held, records=records)}

    monkeypatch.setattr(seam, "read_back", first_seen)
    assert "STALE" in kinds(replace(CALM, life="edits", gap_changes=60, gaps_s=(600.0,)))


def test_a_limit_that_is_not_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Window, "wait_ns", lambda _self, _now: 0)
    assert kinds(replace(CALM, number=3)) == {"LIMIT"}


def test_a_token_in_a_text_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "hidden", lambda text, _secrets: text)
    assert kinds(replace(CALM, faults="502=0.5", echo=True)) == {"LEAK"}


def test_a_token_in_a_text_is_hidden_by_the_exchange() -> None:
    assert kinds(replace(CALM, faults="502=0.5", echo=True)) == set()


def test_what_never_ends_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_self: Network, _request: Any, _token: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(Network, "send", never)
    assert kinds(CALM) == {"NOT_DONE"}


def test_an_error_that_is_not_of_ours_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(Store, "commit_records", broken)
    assert kinds(CALM) == {"BUG"}


def test_a_kill_leaves_what_was_committed_and_nothing_of_what_came_after(tmp_path: Path) -> None:
    left, number, killed = [], 1, True
    while killed:
        before, after = tmp_path / f"{number}", tmp_path / f"{number}-after"
        before.mkdir()
        killed = False
        try:
            with tapped(Fuse(before, after, "statement", number)):
                store = Store(before / STORE)
                for key in "abc":
                    store.set_meta(key, key)
                    store.bind_portal(7)
        except Killed:
            killed = True
            db = sqlite3.connect(after / STORE)
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
            keys = {key for (key,) in db.execute("SELECT key FROM meta")} if "meta" in tables else set()
            left.append((len(tables) > 0, len(keys)))
            db.close()
        number += 1
    assert left == sorted(left)
    assert left[0] == (False, 0)
    assert (True, 0) in left
    assert left[-1] == (True, 4)  # a, b, c, and the portal


def test_virtual_time_jumps_over_every_wait_and_past_the_timer() -> None:
    loop = VirtualLoop()
    clock = VirtualClock(loop, 1_000.0, 5.0)
    run(loop, clock.sleep(3600))
    assert loop.now_ns > 3600 * 10**9
    assert 4605 < clock.wall_s() < 4606
    loop.close()


def test_who_waits_for_nothing_is_told() -> None:
    loop = VirtualLoop()
    with pytest.raises(Deadlock):
        run(loop, asyncio.wait_for(loop.create_future(), None))
    loop.close()


def test_threads_and_names_are_refused() -> None:
    loop = VirtualLoop()
    with pytest.raises(RuntimeError, match="threads"):
        run(loop, asyncio.to_thread(print))
    with pytest.raises(RuntimeError, match="names"):
        run(loop, loop.getaddrinfo("example.com", 80))
    loop.close()
