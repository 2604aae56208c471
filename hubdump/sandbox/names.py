"""Which type is meant: by its name, its type id, or a custom object's fully qualified name."""

from __future__ import annotations

from collections.abc import Iterable

from hubdump.sandbox.types import Kind


class Names:
    """The names of a portal's types: what is exactly one goes before what is one in other capitals.

    HubSpot's own types go before custom objects of the same name, which then have only their type ids and
    fully qualified names.
    """

    def __init__(self, kinds: Iterable[Kind], portal_id: int) -> None:
        self._portal_id = portal_id
        self._exact: dict[str, Kind] = {}
        self._lower: dict[str, Kind] = {}
        for kind in sorted(kinds, key=lambda one: one.custom):
            self.add(kind)

    def kind(self, type_: str) -> Kind | None:
        """The type that is meant; None where there is none."""
        return self._exact.get(type_) or self._lower.get(type_.lower())

    def add(self, kind: Kind) -> None:
        """One more type."""
        names = (kind.type_id, kind.name, kind.singular)
        for name in (self.fully_qualified(kind), *names) if kind.custom else names:
            self._exact.setdefault(name, kind)
            self._lower.setdefault(name.lower(), kind)

    def fully_qualified(self, kind: Kind) -> str:
        """HubSpot's name for a type that no other portal has."""
        return f"p{self._portal_id}_{kind.singular}" if kind.custom else kind.singular.upper()
