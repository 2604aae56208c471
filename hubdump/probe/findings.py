"""What a probe found out: a belief for each question it could answer, and why it could not answer the others."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Findings:
    """`beliefs` are switches of the sandbox; `seen` says what each rests on, in sizes and orders only."""

    beliefs: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    tier: dict[str, int] = field(default_factory=dict)

    def say(self, name: str, value: object, seen: str) -> None:
        """A question is answered."""
        self.beliefs[name] = str(value)
        self.seen[name] = seen
        self.open.pop(name, None)

    def leave(self, name: str, why: str) -> None:
        """A question stays open."""
        if name not in self.beliefs:
            self.open[name] = why

    def choose(self, name: str, holds: bool, yes: str, no: str, seen: str) -> None:
        """A question with two answers is answered."""
        self.say(name, yes if holds else no, seen)
