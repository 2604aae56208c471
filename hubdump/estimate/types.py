"""Asks HubSpot how many records of a type there are and how many changed: what its round has before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hubdump.catalog import Catalogue
from hubdump.errors import Incomplete
from hubdump.estimate.calls import Calls, pages, sum_of
from hubdump.estimate.linked import Linked, Walks
from hubdump.estimate.rounds import EMPTY, Round, in_turn, steps
from hubdump.estimate.standing import histories_due, is_old, left_to_list
from hubdump.extract import defining, plan
from hubdump.extract.defining import Defining
from hubdump.extract.exchange import Exchange
from hubdump.extract.pairing import Pairing
from hubdump.extract.plan import Linking, Wishes
from hubdump.hubspot.endpoints import LIST_RECORDS, SEARCH_TOTAL_MAX, Endpoints, fits_url
from hubdump.hubspot.flows import ID_ONLY, changed_since
from hubdump.hubspot.refs import record_refs
from hubdump.hubspot.searching import FilterGroups
from hubdump.model import Bookmark, ObjectType, State, WalkKey
from hubdump.store.store import Store


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What reading a type, or a collection, takes: requests by step, those of them that wait for each other.

    `items` are the records that are to be there, `unsure` says what could not be counted, `choices` what each value of
    `--associations` would take.
    """

    name: str
    items: int = 0
    steps: Mapping[str, Calls] = field(default_factory=dict)
    in_turn: int = 0
    unsure: Sequence[str] = ()
    choices: Mapping[str, int] = field(default_factory=dict)

    @property
    def calls(self) -> Calls:
        return sum_of(self.steps.values())


@dataclass(frozen=True, slots=True)
class Types:
    """Foresees the rounds of types: `held` is what the dump holds, `counted` HubSpot's own count by type id.

    What is not fresh since `oldest_us` is to be read again. `expected` are the records of each that was counted here.
    """

    api: Endpoints
    exchange: Exchange
    held: Store
    catalogue: Catalogue
    wishes: Wishes
    counted: Mapping[str, int]
    oldest_us: int
    expected: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    defining: Defining = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "defining", Defining(self.api, self.exchange))

    def due(self, types: Sequence[ObjectType]) -> list[ObjectType]:
        """The types that a run would read, as the engine decides it."""
        return [type_ for type_ in types if self._is_due(type_)]

    def _is_due(self, type_: ObjectType) -> bool:
        mark = self.held.bookmark(type_.name)
        names = self.wishes.history.names(type_, self.held.certain_names(type_.name))
        return plan.is_stale(mark, self.oldest_us) or bool(
            names and self.held.histories.due(type_.name, 0, 1, names).ids
        )

    async def foresee(self, type_: ObjectType, pairing: Pairing) -> Foreseen:
        """What the rounds of a type take; of one that HubSpot does not let be read, the request that shows it."""
        try:
            return await self._foresee(type_, pairing)
        except Incomplete as error:
            pairing.tell_read(type_, failed=True)
            return Foreseen(type_.name, 0, {"look": Calls(1)}, 1, (f"{type_.name}: {error.message}",))

    async def _foresee(self, type_: ObjectType, pairing: Pairing) -> Foreseen:
        mark = self.held.bookmark(type_.name)
        known = self.held.asked.knows(type_.name)
        records = await self._records(type_)
        self.expected[type_.name] = records
        if not (records or known or plan.resumed(mark)):
            pairing.tell_read(type_)
            return Foreseen(type_.name, 0, steps(EMPTY), EMPTY.looks)
        names, definitions = await self._properties(type_, again=plan.resumed(mark))
        archived, unsure = await self._archived(type_, records)
        changed = await self._changes(type_, mark)
        pairing.tell_read(type_)
        walks = await self._walks(type_, mark, records, pairing)
        now = Round(
            looks=int(not (known or plan.resumed(mark) or self._is_counted(type_, mark))),
            definitions=definitions,
            wide=not fits_url(names),
            unread=len(self.held.asked.quarantined(type_.name, 0, records + 1)),
            archived=left_to_list(self.held, type_, plan.ARCHIVED, archived)
            if plan.resumed(mark)
            else archived,
            changed=changed,
            links=walks.numbers,
        )
        if plan.resumed(mark):
            now = self._continued(type_, mark, now, records)
        elif mark.fresh_us is None:
            now = replace(now, swept=records, proved=records)
        else:
            now = self._later(type_, mark, now, records)
        rounds = [await self._with_histories(type_, now, names, records)]
        if is_old(mark, self.oldest_us):
            again = replace(mark, complete=True, fresh_us=plan.fresh_us(mark.seen_us))
            later = Round(
                definitions=self._definitions(type_), wide=now.wide, archived=archived, links=walks.numbers,
                changed=await self._changes(type_, again),
            )  # fmt: skip
            rounds.append(self._later(type_, again, later, records))
        unsure = (*unsure, *self._fewer(type_, now, records))
        return replace(_told(type_, records, rounds, unsure), choices=walks.choices)

    async def _walks(self, type_: ObjectType, mark: Bookmark, records: int, pairing: Pairing) -> Walks:
        if self.wishes.associations is Linking.NEVER:
            return Walks()
        linked = Linked(self.held, pairing, self.wishes, self.changed, self.exchange.server_time_us())
        return await linked.of(await pairing.walks_of(type_), records, resumed=plan.resumed(mark))

    async def _changes(self, type_: ObjectType, mark: Bookmark) -> int | None:
        """How many records changed since the dump was last fresh, by a search; None where it is done already."""
        if plan.resumed(mark):
            if self.held.walk(WalkKey(type_.name, plan.CATCH_UP))[1]:
                return None
            since = mark
        elif mark.fresh_us is None:
            return 0
        else:
            since = replace(mark, since_us=mark.fresh_us)
        changed = await self._total(type_, changed_since(type_, plan.changes_since_us(since)))
        self.changed[type_.name] = changed
        return changed

    def _later(self, type_: ObjectType, mark: Bookmark, now: Round, records: int) -> Round:
        """A round of a type that was whole before."""
        changed = now.changed or 0
        if plan.proof_due(mark, self.wishes, self.exchange.server_time_us()):
            return replace(now, proved=records)
        # What was made since then is found by the search; where there is more than that, all ids are compared.
        differs = not self._is_few(type_) and records > self._here(type_) + changed
        fewer = not self._is_few(type_) and records < self._here(type_)
        archived = now.archived if differs or fewer else None
        return replace(now, counted=True, archived=archived, proved=records if differs else None)

    def _here(self, type_: ObjectType) -> int:
        """How many active records the dump knows of."""
        return self.held.asked.records(type_.name) + self.held.asked.unread(type_.name)

    def _fewer(self, type_: ObjectType, now: Round, records: int) -> tuple[str, ...]:
        """Where HubSpot counts fewer than the dump, it depends on what became of the others."""
        fewer = self._here(type_) - records
        if not now.counted or now.proved is not None or self._is_few(type_) or fewer <= 0:
            return ()
        more = pages(records, LIST_RECORDS)
        told = f"HubSpot counts {fewer:,} fewer than the dump has; if they are not archived, all ids are compared"
        return (f"{type_.name}: {told}: {more:,} requests more",)

    def _continued(self, type_: ObjectType, mark: Bookmark, now: Round, records: int) -> Round:
        """The rest of a round that was cut short."""
        store = self.held
        identify = WalkKey(type_.name, plan.IDENTIFY)
        proof = store.begun(identify) or plan.proof_due(mark, self.wishes, self.exchange.server_time_us())
        sweeps = mark.fresh_us is None or store.begun(WalkKey(type_.name, plan.SWEEP))
        return replace(
            now,
            swept=left_to_list(store, type_, plan.SWEEP, records) if sweeps else None,
            counted=not proof,
            archived=now.archived if proof or store.begun(WalkKey(type_.name, plan.ARCHIVED)) else None,
            proved=left_to_list(store, type_, plan.IDENTIFY, records) if proof else None,
        )

    async def _with_histories(
        self, type_: ObjectType, now: Round, names: Sequence[str], records: int
    ) -> Round:
        """With the histories that are wished for."""
        if wanted := self.wishes.history.names(type_, names):
            here = self.held.asked.records(type_.name)
            due = histories_due(self.held, type_, wanted) + max(0, records - here) + (now.changed or 0)
            now = replace(now, histories=min(records, due))
        return now

    def _is_counted(self, type_: ObjectType, mark: Bookmark) -> bool:
        """Whether the engine takes HubSpot's count for it that there are records."""
        return mark.fresh_us is None and bool(self.counted.get(type_.type_id))

    async def _records(self, type_: ObjectType) -> int:
        """How many active records there are: by HubSpot's count where that is a page or less, else by search."""
        counted = self.counted.get(type_.type_id, 0)
        if self._is_few(type_):
            return counted
        total = await self._total(type_, [[]])
        # A search may count no further.
        return total if total != SEARCH_TOTAL_MAX else max(total, counted)

    def _is_few(self, type_: ObjectType) -> bool:
        """Whether HubSpot's count and the dump say that there is a page of records at most: then it need not search."""
        counted = self.counted.get(type_.type_id, LIST_RECORDS)
        return max(counted, self.held.asked.records(type_.name)) < LIST_RECORDS

    async def _total(self, type_: ObjectType, groups: FilterGroups) -> int:
        return (await self.exchange.ask(self.api.search(type_, groups, (), limit=1))).content.total

    async def _properties(self, type_: ObjectType, *, again: bool) -> tuple[Sequence[str], int]:
        """The names of its properties, and in how many requests a round that may go on `again` learns them."""
        known = self.held.definitions(type_.name)
        if not known:
            found = await self.defining.of(type_)
            return tuple(found.all), found.asked
        asks = not again or defining.guarded(known)
        return tuple(known), self._definitions(type_) if asks else 0

    def _definitions(self, type_: ObjectType) -> int:
        """In how many requests the properties of a type are asked for again, where they are as they were."""
        known, mark = self.held.definitions(type_.name), self.held.bookmark(type_.name)
        asked_us, now_us = self.held.defined_us(type_.name), self.exchange.server_time_us()
        if not plan.definitions_due(asked_us, mark, self.wishes, now_us):
            return 1 + len(defining.guarded(known))
        lacking = {one.what for one in self.held.discovered.unread() if not one.absent}
        unread = [level for level in defining.LEVELS if defining.called(type_, level) in lacking]
        return self.defining.foreseen(type_, known.values(), unread)

    async def _archived(self, type_: ObjectType, records: int) -> tuple[int, tuple[str, ...]]:
        """How many archived records there are, and what is not sure of that: HubSpot does not count them.

        More than a page of them are taken to lie among the active ones in the same proportion everywhere.
        """
        if self.held.bookmark(type_.name).fresh_us is not None:
            return self.held.asked.records(type_.name, State.ARCHIVED), ()
        if records < LIST_RECORDS:
            return 0, ()
        page = (await self.exchange.ask(self.api.list(type_, ID_ONLY, "", archived=True))).content
        refs, _ = record_refs(type_, page.results)
        if not (page.paging and refs):
            return len(refs), ()
        first, last = (
            {"propertyName": "hs_object_id", "operator": operator, "value": str(ref.id)}
            for operator, ref in (("GTE", refs[0]), ("LTE", refs[-1]))
        )
        among = await self._total(type_, [[first, last]])
        archived = max(len(refs) + 1, round(records * len(refs) / max(1, among)))
        return archived, (f"archived {type_.name}: about {archived:,}, by where the first {len(refs)} lie",)


def _told(type_: ObjectType, records: int, rounds: Sequence[Round], unsure: tuple[str, ...]) -> Foreseen:
    found: dict[str, Calls] = {}
    for one in rounds:
        for step, calls in steps(one).items():
            found[step] = found.get(step, Calls()) + calls
    return Foreseen(type_.name, records, found, sum(in_turn(one) for one in rounds), unsure)
