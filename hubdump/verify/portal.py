"""HubSpot, as the checks ask it: what is there under an id, and everything of a type once more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec import Raw

from hubdump.clock import Clock
from hubdump.extract.exchange import Exchange
from hubdump.extract.stream import steps
from hubdump.hubspot.endpoints import Endpoints
from hubdump.hubspot.rereading import looked_up
from hubdump.model import Commit, Flow, ObjectType, Question, RecordsRead, Settled, State
from hubdump.verify import content


class Present(NamedTuple):
    """What HubSpot has under an id now; `moved_us` when it was last changed or archived, as far as it says so."""

    state: State
    updated_us: int | None = None
    moved_us: int = 0
    into: int | None = None
    raw: Raw | None = None


@dataclass(frozen=True, slots=True)
class Portal:
    """A portal that is open."""

    exchange: Exchange
    api: Endpoints
    clock: Clock

    def steps(self, flow: Flow, answered: Callable[[Question], Any] | None = None) -> AsyncIterator[Commit]:
        """All that a flow hands over."""
        if answered is None:
            return steps(self.exchange, self.clock, flow)
        return steps(self.exchange, self.clock, flow, answered)

    async def look_up(
        self, type_: ObjectType, properties: Sequence[str], ids: Sequence[int]
    ) -> dict[int, Present | str]:
        """What is there under some ids; text where HubSpot fails to give it."""
        found: dict[int, Present | str] = {}
        async for step in self.steps(looked_up(self.api, type_, properties, ids)):
            found |= _present(step)
        return found


def _present(step: Commit) -> dict[int, Present | str]:
    if isinstance(step, Settled):
        gone = {
            id_: Present(State.GONE if into is None else State.MERGED, into=into)
            for id_, into in step.removed.items()
        }
        return gone | dict(step.unreadable)
    assert isinstance(step, RecordsRead)
    return {
        ref.id: Present(
            State.ARCHIVED if ref.archived else State.ACTIVE,
            ref.updated_us,
            max(ref.updated_us or 0, content.archived_us(raw) or 0),
            raw=raw,
        )
        for ref, raw in content.records(step)
    }
