"""A store filled by its own writer, without HubSpot: deals, contacts and their life, by chance."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from copy import copy
from pathlib import Path

from hubdump import load
from hubdump.catalog import STANDARD
from hubdump.events import Event, Noted
from hubdump.model import (
    Association,
    AssociationsRead,
    HistoriesRead,
    PastValue,
    RecordRef,
    RecordsRead,
    Response,
    Settled,
    State,
    WalkKey,
)
from hubdump.store.reader import Reader
from hubdump.store.store import Store

NAMES = ("deals", "contacts")
TYPES = [STANDARD.by_name(name) for name in NAMES]
DEFINED = {
    "amount": {"type": "number", "label": "How much"},
    "closed": {"type": "datetime"},
    "Closed": {"type": "date"},
    "name": {"type": "string"},
    "of": {"type": "enumeration", "fieldType": "checkbox"},
    "hs_merged_object_ids": {"type": "enumeration"},
}
# What is no value of its type, or says more than its value does, is among them.
VALUES: dict[str, Sequence[str | None]] = {
    "amount": ("1", "2.50", "dear", "1e400", "", None),
    "closed": ("2026-01-02T12:00:00Z", "2026-01-02T12:00:00.123456789Z", "soon", None),
    "Closed": ("2026-01-02", "2026-02-30", None),
    "name": ("a", 'O\'Brien "x"', "\u0000\u00e9", None),
    "of": ("a;b", "", None),
    "hs_merged_object_ids": (None, None, None, "7;8", "9"),
}


class Life:
    """A store in which records live, from a seed; where a `run` is named, it keeps versions."""

    def __init__(self, folder: Path, seed: int, records: int = 100) -> None:
        self.folder, self.chance, self.now, self.last = folder, random.Random(seed), 1, 0
        self.hard_delete, self.run = False, ""
        folder.mkdir(parents=True)
        with self.store() as store:
            store.bind_portal(1)
            for name in NAMES:
                store.set_definitions(name, [(p, json.dumps(d).encode()) for p, d in DEFINED.items()])
                store.begin_round(name, 1)
                self.seen(store, name, range(1, records + 1))
                self.associated(store, name, range(1, records + 1))
                self.remembered(store, name, range(1, records // 3))
                store.finish_round(name, 1, 1)
        self.last = records

    def copied(self, folder: Path) -> Life:
        """The same in another folder, from where it is now."""
        other = copy(self)
        other.folder, other.chance = Path(shutil.copytree(self.folder, folder)), random.Random(1)
        return other

    def store(self) -> closing[Store]:
        store = Store(self.folder / "store.sqlite")
        if self.run:
            store.runs.begin(self.run, 1, keep=True)
        return closing(store)

    def load(self) -> list[str]:
        """Load it; what was noted."""
        told: list[Event] = []
        with self.store() as store:
            load.write_duckdb(self.folder, TYPES, store, told.append, hard_delete=self.hard_delete)
        return [event.text for event in told if isinstance(event, Noted)]

    def some(self) -> list[int]:
        """A few of the records there are."""
        return sorted(self.chance.sample(range(1, self.last + 1), self.chance.randrange(1, 5)))

    def round(self) -> str:
        """What happens to a type between two runs; what it was."""
        self.now += 1
        name = self.chance.choice(NAMES)
        happens: Mapping[str, Callable[[Store], None]] = {
            "edited": lambda store: self.seen(store, name, self.some()),
            "archived": lambda store: self.seen(store, name, self.some(), archived=True),
            "new": lambda store: self.born(store, name),
            "gone": lambda store: self.removed(store, name, dict.fromkeys(self.some())),
            "merged": lambda store: self.removed(store, name, {id_: 1 + id_ % 9 for id_ in self.some()}),
            "associated": lambda store: self.associated(store, name, self.some()),
            "dissociated": lambda store: self.associated(store, name, self.some(), most=0),
            "remembered": lambda store: self.remembered(store, name, self.some()),
            "nothing": lambda _: None,
        }
        what = self.chance.choice(list(happens))
        with self.store() as store:
            store.begin_round(name, self.now)
            store.begin_catch_up(name, self.now * 1_000_000)
            happens[what](store)
            store.finish_round(name, self.now, self.now)
        return what

    def born(self, store: Store, name: str) -> None:
        first, self.last = self.last + 1, self.last + self.chance.randrange(1, 4)
        self.seen(store, name, range(first, self.last + 1))

    def seen(
        self, store: Store, name: str, ids: Sequence[int], *, archived: bool = False, amount: object = ""
    ) -> None:
        """Let records be read with other values; with this `amount`, if there is one."""
        records = [
            {
                "id": str(id_),
                "properties": {p: self.chance.choice(of) for p, of in VALUES.items()}
                | ({"amount": amount} if amount else {}),
                "createdAt": "2025-01-01T00:00:00Z",
                "updatedAt": "2026-01-01T00:00:00.0000000Z",
                "archived": archived,
            }
            for id_ in ids
        ]
        for at in range(0, len(ids), 10):
            body = json.dumps({"results": records[at : at + 10]}).encode()
            refs = [RecordRef(id_, n, self.now, archived) for n, id_ in enumerate(ids[at : at + 10])]
            store.commit_records(
                WalkKey(name, "sweep"), RecordsRead(Response(200, {}, body), refs, "", done=False), 0.0
            )

    def removed(self, store: Store, name: str, ids: Mapping[int, int | None]) -> None:
        store.commit_settled(WalkKey(name, "settle"), Settled("", done=True, removed=ids), 0.0)

    def associated(self, store: Store, name: str, ids: Sequence[int], most: int = 3) -> None:
        rows = [
            Association(
                id_, to, "HUBSPOT_DEFINED", self.chance.randrange(3), self.chance.choice((None, "Boss"))
            )
            for id_ in ids
            for to in range(self.chance.randrange(most + 1))
        ]
        store.commit_associations(
            WalkKey(name, "deals"), AssociationsRead(ids, rows, {}, "", done=False), 0.0
        )

    def remembered(self, store: Store, name: str, ids: Sequence[int]) -> None:
        values = [
            PastValue(id_, "name", self.now, f"at {self.now}", "x", None, None, None, None) for id_ in ids
        ]
        read = HistoriesRead(["name"], dict.fromkeys(ids, self.now), values)
        store.commit_histories(WalkKey(name, "history"), read, 0.0)

    def states(self) -> set[State]:
        """The states that records are in."""
        with closing(Reader(self.folder / "store.sqlite")) as reader:
            return {one.state for name in NAMES for one in reader.states(name)}
