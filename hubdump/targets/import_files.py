"""CSV files that HubSpot's own importer takes back, each row to the record of its Record ID.

What it takes is by HubSpot's help ("Set up import files"): UTF-8, headers that are labels or internal names of
properties, instants as milliseconds since 1970, owners by their email. There is what is active, and what a user may
set. No text is kept from being computed by a spreadsheet, as in csv_files.py: HubSpot would take the guard as well.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from hubdump.hubspot.schema import Kind, Property
from hubdump.model import ObjectType
from hubdump.store.reader import Reader
from hubdump.targets import tables as of_dump
from hubdump.targets.exports import Job, Made, Unreadable
from hubdump.targets.meant import meant
from hubdump.targets.table import Column, Row, Table

RECORD_ID = "Record ID"
# HubSpot's, of one file: "less than 1000 columns", the headers are one of the rows.
COLUMNS_MAX, ROWS_MAX, BYTES_MAX = 999, 1_048_576, 512_000_000
_Told = Callable[[str], str]


def tables(reader: Reader, types: Sequence[ObjectType]) -> list[Table]:
    """The active records of each type, in the files that HubSpot takes."""
    emails = _emails(reader)
    listed = of_dump.tables(reader, list(filter(takes, types)), hard_delete=True)
    return [part for table in listed if table.type for part in _parts(table, emails)]


def takes(type_: ObjectType) -> bool:
    """Whether the importer changes records of a type: of engagements, calls; others it would make once more."""
    return type_.name == "calls" or not type_.engagement


def _emails(reader: Reader) -> dict[str, str]:
    """The email of each owner there is, by his id."""
    found = {}
    for row in reader.items.whole():
        for item in reader.items.items(row, gone=False) if row.name == "owners" else ():
            with suppress(msgspec.ValidationError):
                found[item.key] = msgspec.json.decode(item.raw, type=_Owner).email or ""
    return {key: email for key, email in found.items() if email}


class _Owner(Struct):
    email: str | None = None


def _parts(table: Table, emails: Mapping[str, str]) -> Iterator[Table]:
    """The files of a table, `contacts`, `contacts 2`, ...: each with ids, as many columns and rows as HubSpot takes."""
    heads = _heads([column.property for column in table.columns if column.property])
    at = {n: p for n, column in enumerate(table.columns) if (p := column.property) and p.writable}
    rows, columns, count = ROWS_MAX - 1, COLUMNS_MAX - 1, table.count()
    number = 0
    for first in range(0, max(count, 1), rows):
        for some in range(0, max(len(at), 1), columns):
            number += 1
            told = {n: (heads[p.name], _told(p, emails)) for n, p in list(at.items())[some : some + columns]}
            yield replace(
                table,
                name=table.name if number == 1 else f"{table.name} {number}",
                columns=(Column(RECORD_ID), *(Column(head) for head, _ in told.values())),
                rows=partial(_rows, table, told, first, first + rows),
                count=partial(min, rows, count - first),
                key=RECORD_ID,
                parts=(),
            )


def _rows(table: Table, told: Mapping[int, tuple[str, _Told]], first: int, last: int) -> Iterator[bytes]:
    for row in islice(table.texts(), first, last):
        values = {head: value(text) if (text := row[n]) else None for n, (head, value) in told.items()}
        yield msgspec.json.encode({RECORD_ID: row[0]} | values)


def _heads(properties: Sequence[Property]) -> dict[str, str]:
    """What stands above each property: its label where it is the only one called so, else its internal name."""
    labels = {p.name: p.label.strip() for p in properties}
    called = Counter(label.casefold() for label in labels.values())
    called.update(p.name.casefold() for p in properties if p.name.casefold() != labels[p.name].casefold())
    called[RECORD_ID.casefold()] += 1
    return {
        name: label if label and called[label.casefold()] == 1 else name for name, label in labels.items()
    }


def _told(property_: Property, emails: Mapping[str, str]) -> _Told:
    """How a value of a property is told to the importer; one that is none of its kind stays as HubSpot sent it."""
    if property_.refers == "OWNER":
        return lambda text: emails.get(text, text)
    if property_.kind is Kind.DATE:
        return lambda text: meant(Kind.DATE, text) or text
    return _milliseconds if property_.kind is Kind.INSTANT else str


def _milliseconds(text: str) -> str:
    us = meant(Kind.INSTANT, text)
    return text if us is None or int(us) % 1000 else str(int(us) // 1000)


def make(job: Job) -> Made:
    """Write one file after the other; what HubSpot would not take of it, or only in parts, is told."""
    told = []
    for table in job.tables:
        path = job.path_of(table.name)
        with path.open("w", encoding="utf-8", newline="") as file:
            write = csv.writer(file)
            write.writerow([column.name for column in table.columns])
            write.writerows(table.texts())
        if path.stat().st_size > BYTES_MAX:
            told.append(
                f"{table.name}.csv is larger than the 512 MB that HubSpot takes: part it among files."
            )
    parted = sorted({table.type.name for table in job.tables if table.type and table.type.name != table.name})
    if parted:
        most = f"{ROWS_MAX:,} rows and {COLUMNS_MAX} columns"
        told.append(f"Parted among files, as HubSpot takes {most} in one: {', '.join(parted)}.")
    return Made(told=told)


def found(path: Path, table: Table) -> Iterator[Row]:
    """The rows of a file as Python's own csv reads them; no text is an empty one."""
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            if next(rows, []) != [column.name for column in table.columns]:
                raise Unreadable("it has other columns than hubdump wrote")
            for row in rows:
                if len(row) != len(table.columns):
                    raise Unreadable(f"a row has {len(row)} cells, not {len(table.columns)}")
                yield tuple(cell or None for cell in row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise Unreadable(f"it is no CSV as hubdump writes it ({error})") from error


def expected(table: Table) -> Iterator[Row]:
    """What the store has, as `found` reads it."""
    return table.texts()
