"""`make bench`: runs hubdump and its rivals in turn on the same portals, and writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.rivals import told
from bench.rivals.measured import Result, made_ready, run
from bench.rivals.peers import CACHE, Command, NotThere, Rival
from bench.rivals.scenarios import BY_NAME, CALM, SCENARIOS, START, WIDE, Scenario
from bench.rivals.table import OURS, RIVALS

KEPT = CACHE / "results.jsonl"
GROWN, OURS_GROWN = 10_000, 100_000
# What to type, and the folder of the files that it needs.
Ready = tuple[Command, Path]
# A portal, its size, which turn (0: once, for growth).
Step = tuple[Scenario, int, int]


def main() -> int:
    """Measure as asked, and write what all kept runs say."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    names = [one.name for one in RIVALS]
    parser.add_argument("--only", action="append", choices=names, help="this rival; again for more")
    parser.add_argument(
        "--scenario", action="append", choices=list(BY_NAME), help="this portal; again for more"
    )
    parser.add_argument("--records", type=int, default=1000, help="contacts of a portal (1000)")
    parser.add_argument("--turns", type=int, default=3, help="times that each is run (3)")
    parser.add_argument(
        "--grow",
        type=int,
        nargs="*",
        help="once without faults at these sizes (10000, 100000; the last of hubdump alone)",
    )
    parser.add_argument(
        "--add", action="store_true", help="to what was measured before, as far as it is not measured again"
    )
    parser.add_argument("--note", default="", help="a sentence on this measurement, for its readers")
    asked = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    if not asked.add:
        KEPT.unlink(missing_ok=True)
    rivals = [one for one in RIVALS if not asked.only or one.name in asked.only]
    before = max((one.turn for one in _kept()), default=0)
    absent = _measure(rivals, list(_steps(asked, before)))
    results = _kept()
    told.write(results, absent, asked.note)
    sys.stdout.write("\n".join(told.section(results, absent, asked.note)) + "\n")
    return 0


def _kept() -> list[Result]:
    return [Result.of(line) for line in KEPT.read_text("utf-8").splitlines()] if KEPT.exists() else []


def _steps(asked: argparse.Namespace, before: int) -> Iterator[Step]:
    """All there is to run; turns are counted on from those before."""
    chosen = [one for one in SCENARIOS if not asked.scenario or one.name in asked.scenario]
    for turn in range(before + 1, before + asked.turns + 1):
        for scenario in chosen:
            if scenario in {CALM, WIDE}:
                yield scenario, START, turn
            yield scenario, scenario.records or asked.records, turn
    sizes = (GROWN, OURS_GROWN) if asked.grow is None else asked.grow
    yield from ((CALM, size, 0) for size in sizes if CALM in chosen)


def _measure(rivals: Sequence[Rival], steps: Sequence[Step]) -> dict[str, str]:
    """Run all, in turn; gives whom it could not run, and why. What was run is kept as soon as it ended."""
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="rivals-") as name:
        ready: dict[tuple[str, int], Ready] = {}
        for scenario, records, turn in steps:
            for rival in _in_turn(rivals, records, turn):
                if rival.name not in absent:
                    try:
                        _one(
                            rival,
                            scenario,
                            records,
                            turn,
                            _made(ready, rival, scenario.properties, Path(name)),
                        )
                    except NotThere as error:
                        absent[rival.name] = f"{rival.package} {rival.version}: {error}"
                        sys.stderr.write(f"{rival.name}: {error}\n")
    return absent


def _in_turn(rivals: Sequence[Rival], records: int, turn: int) -> Sequence[Rival]:
    """Who runs, and in which order: every second turn the other way round."""
    if records > GROWN:
        return (OURS,)
    return (OURS, *rivals) if turn % 2 else (*reversed(rivals), OURS)


def _one(rival: Rival, scenario: Scenario, records: int, turn: int, ready: Ready) -> None:
    result = run(rival, scenario, records, turn, ready)
    sys.stderr.write(f"{result.line()}\n")
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(f"{result.text()}\n")


def _made(ready: dict[tuple[str, int], Ready], rival: Rival, properties: int, folder: Path) -> Ready:
    """How a rival is typed for portals of so many properties; it is installed, and asked for its catalog, once."""
    key = (rival.name, properties)
    if key not in ready:
        rival.install()
        own = folder / f"{rival.name}-{properties}"
        own.mkdir()
        ready[key] = (made_ready(rival, properties, own), own)
    return ready[key]


if __name__ == "__main__":
    raise SystemExit(main())
