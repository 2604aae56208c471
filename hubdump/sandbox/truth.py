"""What is not HubSpot's: the ground truth of a portal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hubdump.sandbox.portal import Portal


def truth(portal: Portal, wanted: Sequence[str], more: dict[str, Any]) -> Iterator[bytes]:
    """The truth as pieces of one JSON object: ids of every type, merges, what is gone, every association both ways.

    `more` stands beside them.
    """
    # A type that was asked for by its id goes by that.
    names = {name: s.kind.type_id if s.kind.type_id in wanted else name for name, s in portal.shelves.items()}
    shelves = {
        names[name]: shelf
        for name, shelf in portal.shelves.items()
        if not wanted or name in wanted or shelf.kind.type_id in wanted
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
        "gone": {
            n: [str(i) for i, entry in s.entries.items() if entry.state.gone and i not in s.merged]
            for n, s in shelves.items()
        },
    }
    yield msgspec.json.encode(head | more)[:-1] + b',"associations":['
    first = True
    for from_, to in portal.sides:
        if names[from_] not in shelves:
            continue
        for id_, tied in portal.links.rows(from_, to):
            rows = [
                [names[from_], str(id_), names[to], str(other), *label]
                for other, labels in tied.items()
                for label in labels
            ]
            text = msgspec.json.encode(rows)[1:-1]
            yield text if first else b"," + text
            first = False
    yield b"]}"
