"""Measures each target against the bare library, paired: what a load takes of the store, and what the library alone
takes to write the same records from JSON lines, with types that it guesses or none.

Both write the records and their associations. A load starts a process, reads gzipped pages, types every text by its
definition and counts what is no value, reads the file back, and sums it; the library does none of that.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from bench.load_speed import TYPE, fill
from hubdump import load
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets import asked_for
from hubdump.targets.database import database

LINES, LINKS = "deals.jsonl", "associations.jsonl"
NAMES = ("from_type", "to_type", "from_id", "to_id", "category", "type_id", "label")


class Spent(NamedTuple):
    cpu_s: float
    wall_s: float
    megabytes: int


def main() -> int:
    """Measure in turns, and say records a second of CPU, megabytes at the most, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--properties", type=int, default=40)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--target", action="append", choices=list(BARE))
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        return _part(asked.part, asked.target[0], asked.folder)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _made(folder, asked.records, asked.properties)
        sys.stdout.write(f"{asked.records:,} records x {asked.properties}\n")
        for target in asked.target or BARE:
            turns = [
                (_measured("load", target, folder), _measured("bare", target, folder))
                for _ in range(asked.turns)
            ]
            sys.stdout.write(_told(target, asked.records, turns) + "\n")
            sys.stdout.flush()
    return 0


def _made(folder: Path, records: int, properties: int) -> None:
    """A store of records, and the same as JSON lines."""
    with closing(Store(folder / "store.sqlite")) as store:
        fill(store, records, properties)
    with closing(Reader(folder / "store.sqlite")) as reader, (folder / LINES).open("wb") as file:
        for page in reader.pages(TYPE.name):
            file.writelines(bytes(record.raw) + b"\n" for record in page)
        with (folder / LINKS).open("w") as file_of_links:
            for to, link in reader.associations(TYPE.name):
                told = (TYPE.name, to, link.from_id, link.to_id, link.category, link.type_id, link.label)
                file_of_links.write(json.dumps(dict(zip(NAMES, told, strict=True))) + "\n")


def _told(target: str, records: int, turns: list[tuple[Spent, Spent]]) -> str:
    ours, bare = (
        Spent(*(statistics.median(part) for part in zip(*of, strict=True))) for of in zip(*turns, strict=True)
    )
    ratios = sorted(bare.cpu_s / ours.cpu_s for ours, bare in turns)
    return (
        f"{target:>8}: {records / ours.cpu_s:9,.0f} records a CPU second, {ours.cpu_s:6.1f} s, {ours.wall_s:6.1f} s by"
        f" the wall, {ours.megabytes:,.0f} MB; bare {records / bare.cpu_s:9,.0f}, {bare.cpu_s:6.1f} s,"
        f" {bare.megabytes:,.0f} MB; {statistics.median(ratios):.2f} of it ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def _measured(part: str, target: str, folder: Path) -> Spent:
    """What a part takes in processes of its own."""
    command = [sys.executable, "-m", "bench.target_speed", "--part", part, "--target", target]
    silent = os.environ | {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder / "dlt")}
    told = subprocess.run(  # noqa: S603 - ourselves
        [*command, "--folder", str(folder)], stdout=subprocess.PIPE, env=silent, check=True
    )
    return Spent(*json.loads(told.stdout))


def _part(part: str, target: str, folder: Path) -> int:
    """A load as `hubdump load` does it, in a child, or the bare library here; what it took on stdout."""
    began_s, of = time.monotonic(), resource.RUSAGE_CHILDREN if part == "load" else resource.RUSAGE_SELF
    (folder / "bare").mkdir(exist_ok=True)
    if part == "load":
        _load(target, folder)
    else:
        for name in (LINES, LINKS):
            path = (folder / "bare" / name).with_suffix(f".{target}")
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            BARE[target](folder / name, path)
    used = resource.getrusage(of)
    spent = used.ru_utime + used.ru_stime, time.monotonic() - began_s, used.ru_maxrss // 1024
    sys.stdout.write(json.dumps(spent) + "\n")
    return 0


def _load(target: str, folder: Path) -> None:
    """Build the DuckDB file, or an export, anew."""
    with closing(Store(folder / "store.sqlite")) as store:
        if target == "duckdb":
            (folder / "hubdump.duckdb").unlink(missing_ok=True)
            load.write_duckdb(folder, [TYPE], store, lambda _: None)
        elif target == "dlt":
            os.chdir(folder)  # where dlt makes its DuckDB file
            Path("hubdump_dlt.duckdb").unlink(missing_ok=True)
            load.write_databases(folder, [database("dlt:duckdb")], [TYPE], store, lambda _: None)
        else:
            place = f"{target}:{folder / target}{'/all.xlsx' if target == 'xlsx' else ''}"
            load.write_exports(folder, asked_for([place], folder).exports, [TYPE], store, lambda _: None)


def _duckdb(lines: Path, path: Path) -> None:
    import duckdb

    columns = "* EXCLUDE properties, properties.*" if lines.name == LINES else "*"
    with duckdb.connect(str(path), config={"threads": "1"}) as db:
        sql = f"CREATE TABLE deals AS SELECT {columns} FROM read_json($1, format = 'newline_delimited')"  # noqa: S608 - our own words
        db.execute(sql, [str(lines)])


def _parquet(lines: Path, path: Path) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(_arrow(lines), path, compression="zstd")


def _dlt(lines: Path, path: Path) -> None:
    import dlt

    path.mkdir()
    there = dlt.destinations.duckdb(str(path / "there.duckdb"))
    pipeline = dlt.pipeline("bare", destination=there, dataset_name="bare", pipelines_dir=str(path))
    pipeline.run(_arrow(lines), table_name=lines.stem, write_disposition="replace")


def _arrow(lines: Path) -> Any:
    import pyarrow.json

    options = pyarrow.json.ReadOptions(use_threads=False, block_size=8 * 2**20)
    return pyarrow.json.read_json(lines, options).flatten()


def _rows(lines: Path) -> Iterator[dict[str, Any]]:
    with lines.open("rb") as file:
        for line in file:
            record = json.loads(line)
            yield record.pop("properties", {}) | record


def _csv(lines: Path, path: Path) -> None:
    rows = _rows(lines)
    first = next(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.DictWriter(file, list(first))
        write.writeheader()
        write.writerow(first)
        write.writerows(rows)


def _jsonl(lines: Path, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in _rows(lines))


def _xlsx(lines: Path, path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet, rows = book.create_sheet("deals"), _rows(lines)
    first = next(rows)
    sheet.append(list(first))
    sheet.append(list(first.values()))
    for row in rows:
        sheet.append(list(row.values()))
    book.save(path)


BARE: dict[str, Callable[[Path, Path], None]] = {
    "duckdb": _duckdb,
    "parquet": _parquet,
    "dlt": _dlt,
    "csv": _csv,
    "jsonl": _jsonl,
    "xlsx": _xlsx,
}

if __name__ == "__main__":
    raise SystemExit(main())
