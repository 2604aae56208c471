"""A dump as a run will find it when it decides about pairs of types: what it holds, and what HubSpot counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubdump.store.discovered import Discovered
from hubdump.store.pairs import Pairs
from hubdump.store.questions import Questions


@dataclass(frozen=True, slots=True)
class Expected:
    """How many records there will be: those that HubSpot counts, by type, else those that the dump has."""

    held: Questions
    counts: Mapping[str, int]

    def known(self) -> frozenset[str]:
        return self.held.known()

    def knows(self, type_: str) -> bool:
        return self.counts.get(type_, 0) > 0 or self.held.knows(type_)

    def records(self, type_: str) -> int:
        return self.counts[type_] if type_ in self.counts else self.held.records(type_)

    def has_gaps(self, type_: str) -> bool:
        return self.held.has_gaps(type_)


@dataclass(frozen=True, slots=True)
class Foretold:
    """What `Pairing` asks; what it decides goes to a store that is thrown away."""

    path: Path
    asked: Expected
    pairs: Pairs
    discovered: Discovered
