"""Records as HubSpot writes them: JSON put together from pieces that are encoded once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hubdump.sandbox.definitions import Definition
from hubdump.sandbox.history import histories
from hubdump.sandbox.moments import iso, stamp
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.records import Shelf, Times
from hubdump.sandbox.types import Kind

# The second modified date of contacts, defined and never filled (a live check).
_SECOND = ("hs_lastmodifieddate",)
_EMPTY = b'"hs_lastmodifieddate":null'
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a record is asked for: property names (None: the type's own), histories, types of associations.

    `base` is the host that links lead to.
    """

    properties: tuple[str, ...] | None = None
    history: tuple[str, ...] = ()
    associations: tuple[Kind, ...] = ()
    base: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """The properties asked for: those drawn from pools, joined by the bits that choose; those of the record itself."""

    pooled: tuple[tuple[tuple[bytes, ...], int], ...]
    pooled_names: tuple[str, ...]
    unique: tuple[tuple[bytes, Definition], ...]
    second_modified: bool


class Writer:
    """Writes the records of a portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._plans: dict[tuple[str, int, tuple[str, ...] | None], _Plan] = {}
        self._digits = portal.beliefs["fraction-digits"]
        self._filled = portal.beliefs["contacts-hs-lastmodified"] == "filled"
        self._iso = portal.beliefs["dates"] != "epoch-ms"
        self._archived = portal.beliefs["archived-values"] == "come"

    def record(
        self, shelf: Shelf, id_: int, wish: Wish, blank: Collection[str] = (), as_of_ms: int | None = None
    ) -> bytes:
        """One record, which must be there, as it is or as it was; properties in `blank` are written empty."""
        return self._record(shelf, id_, wish, self._plan(shelf, wish.properties), blank, as_of_ms)

    def _record(
        self,
        shelf: Shelf,
        id_: int,
        wish: Wish,
        plan: _Plan,
        blank: Collection[str],
        as_of_ms: int | None,
    ) -> bytes:
        entry = shelf.entries.get(id_)
        state = entry.as_of(as_of_ms) if entry is not None and as_of_ms is not None else None
        if entry is None and not blank:
            numbers = shelf.numbers
            index = numbers.index_of(id_)
            hash_ = numbers.hash(index)
            times = Times(
                numbers.created_ms(index, hash_), numbers.updated_ms(index), numbers.archived_ms(index)
            )
            pieces = [pool[(hash_ >> shift) & 63] for pool, shift in plan.pooled]
            for head, definition in plan.unique:
                pieces.append(head + _encode(definition.own(index)))
        else:
            now = state.times if state is not None else shelf.times(id_)
            assert now is not None
            times = now
            names = (*plan.pooled_names, *(d.name for _, d in plan.unique))
            values = {name: None if name in blank else shelf.value(id_, name, state) for name in names}
            pieces = [_encode(values)[1:-1]] if values else []
        return self._whole(shelf, id_, times, pieces, wish, plan)

    def page(
        self,
        found: Sequence[tuple[Shelf, int]],
        wish: Wish,
        blank: Collection[str] = (),
        as_of_ms: int | None = None,
    ) -> bytes:
        """Records as a JSON list."""
        plans = {shelf: self._plan(shelf, wish.properties) for shelf in {shelf for shelf, _ in found}}
        records = [self._record(s, id_, wish, plans[s], blank, as_of_ms) for s, id_ in found]
        return b"[" + b",".join(records) + b"]"

    def _whole(
        self, shelf: Shelf, id_: int, times: Times, pieces: list[bytes], wish: Wish, plan: _Plan
    ) -> bytes:
        kind, portal = shelf.kind, self._portal
        created, updated = iso(times.created_ms, self._digits), iso(times.updated_ms, self._digits)
        if self._iso:
            made, changed = created, updated
        else:
            made, changed = str(times.created_ms), str(times.updated_ms)
        if plan.second_modified:
            pieces.append(f'"hs_lastmodifieddate":"{updated}"'.encode() if self._filled else _EMPTY)
        archived = (
            f'true,"archivedAt":"{stamp(times.archived_ms, portal.beliefs)}"'
            if times.archived_ms
            else "false"
        )
        pieces.append(
            f'"{kind.created}":"{created}","{kind.modified}":"{updated}","hs_object_id":"{id_}"}},'
            f'"createdAt":"{made}","updatedAt":"{changed}","archived":{archived},'
            f'"url":"https://app.hubspot.com/contacts/{portal.id}/record/{kind.type_id}/{id_}"'.encode()
        )
        if wish.history or wish.associations:
            pieces += self._more(shelf, id_, wish)
        return b'{"id":"%d","properties":{%b}' % (id_, b",".join(pieces))

    def _more(self, shelf: Shelf, id_: int, wish: Wish) -> list[bytes]:
        found: dict[str, Any] = {}
        if wish.history:
            found["propertiesWithHistory"] = histories(shelf, id_, wish.history, self._portal.beliefs)
        inline = {kind.name: self._inline(shelf.kind, id_, kind, wish.base) for kind in wish.associations}
        kept = {name: links for name, links in inline.items() if links["results"]}
        if kept:
            found["associations"] = kept
        return [_encode(found)[1:-1]] if found else []

    def _inline(self, from_: Kind, id_: int, to: Kind, base: str) -> dict[str, Any]:
        """The associations in a record: an entry for each label, at most 100 of them."""
        tied = self._portal.links.of(from_.name, id_, to.name)
        results = [
            {"id": str(other), "type": f"{from_.singular}_to_{to.singular}{'' if label else '_unlabeled'}"}
            for other, labels in tied.items()
            for _, _, label in labels
        ]
        most = self._portal.beliefs.number("inline-associations-max")
        if len(results) <= most:
            return {"results": results}
        after = results[most]["id"]
        link = f"{base}/crm/v3/objects/{from_.name}/{id_}/associations/{to.name}?after={after}"
        return {"results": results[:most], "paging": {"next": {"after": after, "link": link}}}

    def _plan(self, shelf: Shelf, names: tuple[str, ...] | None) -> _Plan:
        key = (shelf.kind.name, shelf.revision, names)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) > 500:
                self._plans.clear()
            plan = self._plans[key] = _planned(shelf, names, archived=self._archived and names is not None)
        return plan


def _planned(shelf: Shelf, names: tuple[str, ...] | None, *, archived: bool) -> _Plan:
    kind = shelf.kind
    own = {kind.created, kind.modified, "hs_object_id", *_SECOND}
    asked = dict.fromkeys(names or kind.defaults)
    found = [
        shelf.definitions[name]
        for name in asked
        if name in shelf.definitions
        and name not in own
        and (archived or not shelf.definitions[name].archived)
    ]
    pooled = [definition for definition in found if definition.unique is None]
    return _Plan(
        tuple(_joined(pooled)),
        tuple(definition.name for definition in pooled),
        tuple((_encode(one.name) + b":", one) for one in found if one.unique is not None),
        "hs_lastmodifieddate" in asked
        and "hs_lastmodifieddate" in shelf.definitions
        and kind.modified not in _SECOND,
    )


def _joined(pooled: Sequence[Definition]) -> Iterator[tuple[tuple[bytes, ...], int]]:
    """The pools of the definitions that the same bits choose from, as one."""
    by_shift: dict[int, list[tuple[bytes, ...]]] = {}
    for definition in pooled:
        by_shift.setdefault(definition.shift, []).append(definition.fragments)
    for shift, pools in by_shift.items():
        yield tuple(b",".join(values) for values in zip(*pools, strict=True)), shift
