"""What is not HubSpot's: the ground truth of a portal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hubdump.sandbox.history import full
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.records import Shelf


def truth(portal: Portal, wanted: Sequence[str], more: dict[str, Any]) -> Iterator[bytes]:
    """The truth as pieces of one JSON object: ids of every type, merges, what is gone, every association both ways.

    `more` stands beside them. A name in `wanted` that is no type's is nothing's.
    """
    # A type that was asked for by its id goes by that.
    names = {name: s.kind.type_id if s.kind.type_id in wanted else name for name, s in portal.shelves.items()}
    shelves = {
        names[name]: shelf
        for name, shelf in portal.shelves.items()
        if name not in portal.gone and (not wanted or name in wanted or shelf.kind.type_id in wanted)
    }
    head: dict[str, Any] = {
        "portal": portal.id,
        "seed": portal.seed,
        "types": {n: s.kind.type_id for n, s in shelves.items()},
        "live": {n: [str(i) for i in s.ids()] for n, s in shelves.items()},
        "archived": {n: [str(i) for i in s.ids(archived=True)] for n, s in shelves.items()},
        "merged": {
            n: {str(old): str(s.resolve(old)) for old in s.merged} for n, s in shelves.items() if s.merged
        },
        # Each merge in order: who became whom, which may have become another one since.
        "merges": {
            n: [[str(old), str(new)] for old, new in s.merged.items()] for n, s in shelves.items() if s.merged
        },
        "custom": [_custom(portal, name, shelf) for name, shelf in shelves.items() if shelf.kind.custom],
        "unavailable": sorted(portal.without | portal.switched_off | portal.gone),
        "gone": {
            n: [str(i) for i, entry in s.entries.items() if entry.state.gone and i not in s.merged]
            for n, s in shelves.items()
        },
    }
    yield msgspec.json.encode(head | more)[:-1] + b',"associations":['
    first = True
    pairs: list[list[Any]] = []
    for from_, to in portal.sides:
        if names[from_] not in shelves or to in portal.gone:
            continue
        pairs.append([names[from_], names[to], 0, 0])
        for id_, tied in portal.links.rows(from_, to):
            pairs[-1][2] += len(tied)
            pairs[-1][3] += sum(map(len, tied.values()))
            rows = [
                [names[from_], str(id_), names[to], str(other), *label]
                for other, labels in tied.items()
                for label in labels
            ]
            text = msgspec.json.encode(rows)[1:-1]
            yield text if first else b"," + text
            first = False
    # Of each direction: how many associations, and how many labels of them.
    yield b'],"pairs":' + msgspec.json.encode([pair for pair in pairs if pair[2]]) + b"}"


def definitions(portal: Portal, wanted: Sequence[str]) -> dict[str, Any]:
    """Every property of these types by name, as HubSpot describes it, archived and sensitive ones too."""
    return {
        "definitions": {
            name: {one.name: one.as_json() for one in shelf.definitions.values()}
            for name, shelf in _asked(portal, wanted)
        }
    }


def history(portal: Portal, wanted: Sequence[str]) -> dict[str, Any]:
    """Every version of every value of these types' records, newest first: timestamp, value, sourceType."""
    return {"history": {name: dict(_histories(portal, shelf)) for name, shelf in _asked(portal, wanted)}}


def _histories(portal: Portal, shelf: Shelf) -> Iterator[tuple[str, dict[str, list[list[str]]]]]:
    for archived in (False, True):
        for id_ in shelf.ids(archived=archived):
            found = full(shelf, id_, shelf.definitions, portal.beliefs)
            yield (
                str(id_),
                {
                    name: [[one["timestamp"], one["value"], one["sourceType"]] for one in versions]
                    for name, versions in found.items()
                    if versions
                },
            )


def _asked(portal: Portal, wanted: Sequence[str]) -> Iterator[tuple[str, Shelf]]:
    """The types of these names, under the names they were asked for by."""
    kinds = ((name, portal.kind(name)) for name in wanted)
    return ((name, portal.shelves[kind.name]) for name, kind in kinds if kind is not None)


def _custom(portal: Portal, name: str, shelf: Shelf) -> dict[str, Any]:
    kind = shelf.kind
    return {
        "type": name, "objectTypeId": kind.type_id, "name": kind.singular, "labels": list(kind.shown),
        "fullyQualifiedName": portal.names.fully_qualified(kind),
    }  # fmt: skip
