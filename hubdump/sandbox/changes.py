"""What can happen to a portal: records made, changed, archived, restored, merged, erased, associated, and not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hubdump.sandbox.history import API
from hubdump.sandbox.links import Labels, Type
from hubdump.sandbox.pairs import Label
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.records import Shelf, State, Times

Values = Mapping[str, str | None]
# These get a new id when they are merged (changelog on merges); the others keep the primary's.
RENUMBERED = {"contacts", "companies"}


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes to a portal at an instant; what is asked for must be possible: ids there, values valid."""

    portal: Portal

    def create(self, shelf: Shelf, values: Values, now_ms: int, source: str = API) -> int:
        """A new record; its id."""
        id_ = self.portal.new_id(shelf.kind)
        own: dict[str, str | None] = {"hs_object_source": source}
        if shelf.kind.engagement:
            own["hs_engagement_type"] = shelf.kind.engagement
        written = own | dict(values)
        shelf.add(id_, State(Times(now_ms, now_ms, 0), written), self.portal.stamp(now_ms))
        self._remember(shelf, id_, written, now_ms, source)
        return id_

    def update(self, shelf: Shelf, id_: int, values: Values, now_ms: int, source: str = API) -> None:
        """New values; the modified time moves."""
        entry = shelf.change(id_, self.portal.stamp(now_ms))
        for name in values:
            old = shelf.value(id_, name)
            if old is not None:
                shelf.owned.pop((name, old), None)
        entry.state.values.update(values)
        entry.state.times = entry.state.times._replace(updated_ms=now_ms)
        self._remember(shelf, id_, values, now_ms, source)

    def recalculate(self, shelf: Shelf, id_: int, values: Values, now_ms: int) -> None:
        """New values of calculated properties: the modified time does not move (another connector's finding)."""
        shelf.change(id_, self.portal.stamp(now_ms)).state.values.update(values)
        self._remember(shelf, id_, values, now_ms, "CALCULATED")

    def archive(self, shelf: Shelf, id_: int, now_ms: int) -> None:
        self._file(shelf, id_, now_ms, archived_ms=now_ms)

    def restore(self, shelf: Shelf, id_: int, now_ms: int) -> None:
        self._file(shelf, id_, now_ms, archived_ms=0)

    def erase(self, shelf: Shelf, id_: int, now_ms: int) -> None:
        """A GDPR deletion: gone, not even archived."""
        entry = shelf.change(id_, self.portal.stamp(now_ms))
        entry.state.gone = True
        shelf.count(entry.state.times, entry.state)
        for key in [key for key, owner in shelf.owned.items() if owner == id_]:
            del shelf.owned[key]

    def merge(self, shelf: Shelf, primary: int, other: int, now_ms: int) -> int:
        """One record of two; its id, to which the ids of both then lead."""
        lost = {name: shelf.value(other, name) for name in shelf.definitions}
        kept = {name: shelf.value(primary, name) for name in shelf.definitions}
        new = shelf.kind.name in RENUMBERED and self.portal.beliefs["merge-id"] == "new"
        gone = [primary, other] if new else [other]
        before = (kept.get("hs_merged_object_ids"), lost.get("hs_merged_object_ids"), *map(str, gone))
        values = {name: value if value is not None else lost[name] for name, value in kept.items()}
        values = {name: value for name, value in values.items() if value is not None}
        values["hs_merged_object_ids"] = ";".join(ids for ids in before if ids)
        first_ms = min(times.created_ms for id_ in (primary, other) if (times := shelf.times(id_)))
        for id_ in gone:
            self.erase(shelf, id_, now_ms)
        if new:
            survivor = self.create(shelf, values, now_ms)
            state = shelf.entries[survivor].state
            state.times = state.times._replace(created_ms=first_ms)
        else:
            survivor = primary
            self.update(shelf, primary, values, now_ms)
        for id_ in gone:
            self.portal.links.move(shelf.kind.name, id_, survivor)
            shelf.merged[id_] = survivor
        return survivor

    def associate(self, ends: tuple[Shelf, int, Shelf, int], labels: Labels, now_ms: int) -> None:
        """Link two records by these labels, and by the plain one, which every association has."""
        from_, id_, to, other = ends
        pair, forward = self.portal.sides[from_.kind.name, to.kind.name]
        mine, yours = pair.labels(forward=forward), pair.labels(forward=not forward)
        wanted = {mine[0], *labels}
        back = tuple(yours[mine.index(label)] for label in wanted)
        self.portal.links.tie(from_.kind.name, id_, to.kind.name, other, tuple(wanted), back)
        self._touched(ends, now_ms)

    def dissociate(
        self, ends: tuple[Shelf, int, Shelf, int], types: frozenset[Type] | None, now_ms: int
    ) -> bool:
        """Take these labels, or the whole association, away; False where there was none."""
        from_, id_, to, other = ends
        done = self.portal.links.untie(from_.kind.name, id_, to.kind.name, other, types)
        if done:
            self._touched(ends, now_ms)
        return done

    def labels_of(self, from_: Shelf, to: Shelf) -> list[Label]:
        """The labels that associations of two types may have, the plain one first; none where they cannot be linked."""
        side = self.portal.sides.get((from_.kind.name, to.kind.name))
        return side[0].labels(forward=side[1]) if side else []

    def _touched(self, ends: tuple[Shelf, int, Shelf, int], now_ms: int) -> None:
        if self.portal.beliefs["association-edits-move-modified"] == "yes":
            for shelf, id_ in ((ends[0], ends[1]), (ends[2], ends[3])):
                self.update(shelf, id_, {}, now_ms)

    def _file(self, shelf: Shelf, id_: int, now_ms: int, *, archived_ms: int) -> None:
        entry = shelf.change(id_, self.portal.stamp(now_ms))
        before = entry.state.times
        updated_ms = before.updated_ms if archived_ms else now_ms
        entry.state.times = before._replace(archived_ms=archived_ms, updated_ms=updated_ms)
        shelf.count(before, entry.state)

    def _remember(self, shelf: Shelf, id_: int, values: Values, now_ms: int, source: str) -> None:
        """Keep the history of what was written, and who has which unique value."""
        history = shelf.entries[id_].history
        for name, value in values.items():
            history.setdefault(name, []).append((now_ms, value, source))
            definition = shelf.definitions.get(name)
            if definition is not None and definition.unique is not None and value is not None:
                shelf.owned[name, value] = id_
