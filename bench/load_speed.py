"""Measures a load of the DuckDB file after a thousandth of its records changed, paired with building the file anew.

Both are done in turns, in processes of their own as `hubdump load` does them, so that what the machine does besides
strikes both: the ratio is what can be compared between machines.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

from hubdump import load
from hubdump.catalog import STANDARD
from hubdump.model import Association, AssociationsRead, RecordRef, RecordsRead, Response, WalkKey
from hubdump.store.store import Store
from hubdump.targets import DUCKDB
from hubdump.targets.written import LOADED

TYPE = STANDARD.by_name("deals")
KINDS = ("string", "number", "datetime", "enumeration")
VALUES: tuple[Callable[[int], str | None], ...] = (
    lambda n: f"text {n} of a usual length",
    lambda n: f"{n / 100}",
    lambda n: f"2026-0{n % 9 + 1}-1{n % 7}T12:00:0{n % 10}.123Z",
    lambda n: ("one", "two", None)[n % 3],
)
PAGE, LINKS = 100, 2
Spent = tuple[float, float]


def main() -> int:
    """Measure in turns, and say seconds of CPU and of the wall, megabytes, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--properties", type=int, default=40)
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder) / "store.sqlite")) as store:
        fill(store, asked.records, asked.properties)
        turns = [_turn(Path(folder), store, asked, number) for number in range(1, asked.turns + 1)]
        sizes = (Path(folder) / DUCKDB).stat().st_size, json.loads(store.meta(LOADED + DUCKDB))["whole_bytes"]
    lines = [
        f"{asked.records:,} records x {asked.properties}, {LINKS} associations each, a thousandth changed"
    ]
    for name, spent in zip(("built anew", "what changed"), zip(*turns, strict=True), strict=True):
        cpu_s, wall_s = (statistics.median(part) for part in zip(*spent, strict=True))
        lines.append(f"{name:>12}: {cpu_s:6.2f} s of CPU, {wall_s:6.2f} s")
    ratios = sorted(anew[0] / changed[0] for anew, changed in turns)
    lines.append(f"CPU, paired: {statistics.median(ratios):.1f} times ({ratios[0]:.1f} to {ratios[-1]:.1f})")
    lines.append(f"{sizes[0] / 1e6:.0f} MB; built anew {sizes[1] / 1e6:.0f} MB")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _turn(dump: Path, store: Store, asked: argparse.Namespace, number: int) -> tuple[Spent, Spent]:
    """What building anew takes, then what a load takes after a thousandth changed."""
    store.set_meta(LOADED + DUCKDB, "")
    anew = _load(dump, store)
    ids = range(number, asked.records + 1, 1000)
    commit(store, ids, asked.properties, number)
    return anew, _load(dump, store)


def fill(store: Store, records: int, properties: int, portal: int = 1) -> None:
    """A store that has so many records, and what is needed of a type that was read."""
    names = [
        (f"p{n}", json.dumps({"type": KINDS[n % 4], "label": f"P {n}"}).encode()) for n in range(properties)
    ]
    store.bind_portal(portal)
    store.set_definitions(TYPE.name, names)
    for at in range(0, records, 10_000):
        commit(store, range(at + 1, min(at + 10_000, records) + 1), properties, 0)
    key, chance = WalkKey(TYPE.name, "contacts"), Random(1)  # noqa: S311 - no secret
    for at in range(1, records + 1, 1000):
        ids = range(at, min(at + 1000, records + 1))
        rows = [
            Association(id_, chance.randrange(10**9), "HUBSPOT_DEFINED", 3, None)
            for id_ in ids
            for _ in range(LINKS)
        ]
        store.commit_associations(
            key, AssociationsRead(rows=rows, failed={}, cursor="", done=False, fresh=()), 0.0
        )


def commit(store: Store, ids: Sequence[int], properties: int, version: int) -> None:
    """Put a version of these records into the store, by pages, as a round of its own."""
    store.begin_round(TYPE.name, 1)
    key = WalkKey(TYPE.name, "sweep")
    for at in range(0, len(ids), PAGE):
        page = ids[at : at + PAGE]
        body = json.dumps({"results": list(_records(page, properties, version))}).encode()
        refs = [RecordRef(id_, n, version + 1) for n, id_ in enumerate(page)]
        answer = Response(200, {}, gzip.compress(body, 1), "gzip")
        store.commit_records(key, RecordsRead(answer, refs, "", done=False), 0.0)
    store.finish_round(TYPE.name, version + 1, version + 1)


def _records(ids: Sequence[int], properties: int, version: int) -> Iterator[dict[str, object]]:
    for id_ in ids:
        # Any number: random ones would take longer than the rest.
        any_ = (id_ * 1000 + version) * 2_654_435_761
        yield {
            "id": str(id_),
            "properties": {
                f"p{n}": VALUES[n % len(VALUES)]((any_ + n * 7_919) * 48_271 % 1_000_003)
                for n in range(properties)
            },
            "createdAt": "2025-01-01T00:00:00Z",
            "updatedAt": "2026-01-01T00:00:00Z",
            "archived": False,
        }


def _load(dump: Path, store: Store) -> Spent:
    """Seconds of CPU of the process that loads, and of the wall."""
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    load.write_duckdb(dump, [TYPE], store, lambda _: None)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, time.monotonic() - began_s


if __name__ == "__main__":
    raise SystemExit(main())
