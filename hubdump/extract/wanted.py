"""Of which types and properties the history is wanted, as `--history` says it (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hubdump.catalog import STANDARD, Catalogue
from hubdump.errors import Incomplete, UsageError
from hubdump.model import ObjectType

ALL = "all"


@dataclass(frozen=True, slots=True)
class Wanted:
    """By type, the properties whose history is wanted; None: all that the portal defines."""

    of: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)

    def names(self, type_: ObjectType, defined: Sequence[str]) -> tuple[str, ...]:
        """The properties of a type to read the history of, of those that are `defined`."""
        wanted = self.of.get(type_.name, ())
        return tuple(name for name in defined if wanted is None or name in wanted)

    def check(self, type_: ObjectType, defined: Sequence[str]) -> None:
        """Incomplete where a property is wanted that the portal does not define."""
        unknown = [name for name in self.of.get(type_.name) or () if name not in defined]
        if unknown:
            raise Incomplete(
                f"The portal has no property {', '.join(unknown)} of {type_.name}: no history of it was read. "
                "Everything else was.",
                "Correct --history (HUBDUMP_HISTORY, or history in hubdump.toml), then run again.",
            )


def wanted(texts: Iterable[str], catalogue: Catalogue = STANDARD) -> Wanted:
    """What `all`, `TYPE` and `TYPE:PROPERTY,...` stand for together; UsageError for an unknown type."""
    of: dict[str, tuple[str, ...] | None] = {}
    for text in texts:
        name, _, properties = text.strip().partition(":")
        types = [type_.name for type_ in catalogue.types] if name == ALL else catalogue.named(name)
        listed = tuple(p for part in properties.split(",") if (p := part.strip())) or None
        if ":" in text and (listed is None or len(types) > 1):
            raise UsageError(
                f"--history is '{text}', but must be all, a type or group, or a type with properties of it.",
                "For example: --history contacts:email,lifecyclestage",
            )
        for type_ in types:
            before = of.get(type_, ())
            of[type_] = None if before is None or listed is None else (*before, *listed)
    return Wanted(of)
