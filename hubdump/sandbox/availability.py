"""What a portal does not have: families of its API and types that its tier lacks, types that are switched off."""

from __future__ import annotations

from dataclasses import dataclass

from hubdump.sandbox.answers import Refused
from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.config import SandboxError
from hubdump.sandbox.portal import CUSTOM, Portal
from hubdump.sandbox.routes import TABLE, Route


@dataclass(frozen=True, slots=True)
class Availability:
    """The portal's `without` are names of types, of families, of collections, or CUSTOM; SandboxError where not."""

    portal: Portal
    beliefs: Beliefs

    def __post_init__(self) -> None:
        names = {name for row in TABLE for name in (row.family, row.collection) if name}
        known = {CUSTOM, *self.portal.shelves, *names}
        for name in self.portal.without - known:
            raise SandboxError(f"without is '{name}', but must be of: {', '.join(sorted(known))}")

    def refusal(self, route: Route) -> Refused | None:
        """How a request for what is not there is refused; such a refusal names no scope."""
        if self._lacks(route):
            return _refused(self.beliefs["tier-refusal"])
        off = any(kind.name in self.portal.switched_off for kind in route.kinds)
        status = self.beliefs["library-disabled"]
        return _refused(status) if off and status != "empty" else None

    def _lacks(self, route: Route) -> bool:
        families = {route.family, route.collection, *([CUSTOM] if route.family == "schemas" else [])}
        return bool(families & self.portal.without) or any(map(self.portal.lacks, route.kinds))


def _refused(status: str) -> Refused:
    if status == "404":
        return Refused(404, "resource not found", "OBJECT_NOT_FOUND")
    return Refused(403, "This account does not have access to this feature.", "FORBIDDEN")
