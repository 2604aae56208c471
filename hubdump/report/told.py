"""Listens to a run and keeps what its report will say; memory does not grow with the portal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hubdump.events import CollectionFailed, Event, Noted, RetryScheduled, RunEnded, RunStarted, TypeFailed

NOTES_MAX = 50
CAUSES_MAX = 50
TEXT_CHARS_MAX = 120


@dataclass(slots=True)
class Told:
    """What was told of one run: its beginning and end, why requests were sent again, what could not be read."""

    started: RunStarted | None = None
    ended: RunEnded | None = None
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: dict[str, TypeFailed | CollectionFailed] = field(default_factory=dict)
    notes: list[Noted] = field(default_factory=list)

    def listen(self, event: Event) -> None:
        """Keep what matters of an event."""
        match event:
            case RunStarted():
                self.started = event
            case RetryScheduled():
                self._cause(event)
            case TypeFailed():
                self.failed[event.type] = event
            case CollectionFailed():
                self.failed[event.collection] = event
            case Noted():
                if len(self.notes) < NOTES_MAX and event not in self.notes:
                    self.notes.append(event)
            case RunEnded():
                self.ended = event

    def _cause(self, event: RetryScheduled) -> None:
        """Count a failure by its status and where it happened; ever new texts count as one cause."""
        status = f"HTTP {event.status}" if event.status else f"no answer ({event.text[:TEXT_CHARS_MAX]})"
        cause = (status, event.template)
        if cause not in self.causes and len(self.causes) >= CAUSES_MAX:
            cause = ("others", "")
        self.causes[cause] += 1
