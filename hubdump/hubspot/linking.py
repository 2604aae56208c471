"""Walks the associations of stored records, all or those that are due, to one other type, a thousand records a call."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import msgspec

from hubdump import marks
from hubdump.errors import BeliefRefuted, Poison, RequestRefused, ScopeMissing
from hubdump.hubspot import wire
from hubdump.hubspot.batches import ALONE_MAX, ROUND_WAIT_S, ROUNDS_MAX, TRIES
from hubdump.hubspot.endpoints import ASSOCIATION_INPUTS, ASSOCIATION_INPUTS_LEAST, Endpoints
from hubdump.hubspot.refs import MOVES, TYPED, ids_of, next_after
from hubdump.model import (
    FAILURES_MAX,
    Answer,
    Association,
    AssociationsRead,
    DueLinks,
    Effect,
    Flow,
    ObjectType,
    Reach,
    Request,
    StoredIds,
    Wait,
)

SIDED = "association types are named for the side from which associations are found"
UNANSWERED = "HubSpot does not answer for its associations"


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an association walk stands: of those in its `reach`, ids up to `after` are read but for those `pending`.

    `pending` maps an id to the cursor of its next page; `rounds` counts how often HubSpot left some of
    them unanswered.
    """

    after: int
    pending: dict[str, str] = {}
    rounds: int = 0
    reach: Reach = Reach.WHOLE


def associations(
    api: Endpoints, from_: ObjectType, to: ObjectType, cursor: str, *, ahead: bool = False
) -> Flow:
    """The associations of every stored record of a type to another type, 1,000 records a call, and again of those that
    were committed meanwhile, unless it goes `ahead` of them; from the cursor `first` on, of those that are due only,
    once records of the other type that changed were looked at.

    Where HubSpot refuses so many (an earlier text of its changelog said 100), they are asked for by 100; where it
    fails for ever, by halves; where it does so when it is asked back, all are read. The cursor is JSON: the last id
    taken from the store, and what is still to be asked.
    """
    place = _place(cursor)
    if place.reach is Reach.BACK:
        try:
            yield from _walk(api, to, from_, place)
            place = Place(0, reach=Reach.CHANGED)
        except (RequestRefused, ScopeMissing, Poison):
            place = Place(0)
    if place.reach is Reach.WHOLE:
        yield from _walk(api, from_, to, place)
        place = Place(0, reach=Reach.LATE)
        yield AssociationsRead((), (), {}, _encode(place), done=False)
    if not ahead:
        place = yield from _walk(api, from_, to, place)
        yield AssociationsRead((), (), {}, _encode(place), done=True, reach=place.reach)


def _walk(api: Endpoints, from_: ObjectType, to: ObjectType, place: Place) -> Generator[Effect, Any, Place]:
    """Those in the reach of a place. Looking back, it leaves nothing out: what keeps it from an answer is raised."""
    back, inputs = place.reach is Reach.BACK, _Inputs()
    met: dict[int, set[str]] = {}  # the cursors of records whose pages are under way: none may come again
    while (place := (yield from _filled(place))).pending:
        asked = inputs.taken(place)
        request = api.associations(from_, to, list(asked.items()))
        try:
            answer: Answer[wire.AssociationPage] = yield inputs.bounded(request)
        except RequestRefused as error:
            if not inputs.refused(error, len(asked)):
                raise
            continue
        except Poison as error:
            if back:
                raise
            if inputs.failed(len(asked)):
                place = _without(place, asked)
                failed = dict.fromkeys(asked, error.text)
                yield AssociationsRead((), (), failed, _encode(place), done=False, reach=place.reach)
            continue
        inputs.answered()
        rows, ahead = _read(answer.content, asked, from_)
        _check_moves(met, asked, ahead, f"{from_.name} to {to.name}")
        place, failed = _moved(place, asked, ahead)
        if back and failed:
            raise Poison(0, request.template, UNANSWERED)
        yield _found(asked, ahead, rows, failed, place)
        # Of a dense pair an answer is a hundred megabytes: it is gone before the next one comes.
        del answer, rows
        if place.rounds:
            marks.hit("207 retry")
            yield Wait(ROUND_WAIT_S * 2 ** (place.rounds - 1))
    return place


@dataclass(slots=True)
class _Inputs:
    """How many records a request names: fewer where HubSpot refuses so many, or fails; `alone` failed by themselves."""

    most: int = ASSOCIATION_INPUTS
    number: int = ASSOCIATION_INPUTS
    alone: int = 0

    def taken(self, place: Place) -> dict[int, str]:
        """The next records to be asked for, and their cursors."""
        return {int(id_): after for id_, after in islice(place.pending.items(), self.number)}

    def bounded(self, request: Request[wire.AssociationPage]) -> Request[wire.AssociationPage]:
        """The request, to be given up sooner where it is one of many that narrow down what fails."""
        narrowed = self.number < self.most
        failures_max = (
            0 if self.alone > ALONE_MAX else TRIES if narrowed and self.number > 1 else FAILURES_MAX
        )
        return replace(request, failures_max=failures_max, narrowed=failures_max > 0 and narrowed)

    def refused(self, error: RequestRefused, asked: int) -> bool:
        """Whether fewer may be taken than were refused."""
        if error.status != 400 or asked <= ASSOCIATION_INPUTS_LEAST:
            return False
        self.most = self.number = ASSOCIATION_INPUTS_LEAST
        return True

    def failed(self, asked: int) -> bool:
        """Whether it is one record that fails, and to be left out; else half as many are asked for."""
        marks.hit("poison bisect")
        if asked > 1:
            self.number = asked // 2
            return False
        self.number, self.alone = self.most, self.alone + 1
        if self.alone > ALONE_MAX:
            marks.hit("all of it fails")
        return self.alone <= ALONE_MAX

    def answered(self) -> None:
        self.number, self.alone = min(self.number * 2, self.most), 0


def first(*, whole: bool) -> str:
    """The cursor at which a walk begins: of all records, or of those that are due."""
    return "" if whole else _encode(Place(0, reach=Reach.BACK))


def reach_of(cursor: str) -> Reach:
    """Of which records the rest of a walk asks."""
    return _place(cursor).reach


def _place(cursor: str) -> Place:
    return msgspec.json.decode(cursor, type=Place) if cursor else Place(0)


def _without(place: Place, asked: Mapping[int, str]) -> Place:
    """The same, with some records given up."""
    pending = {id_: after for id_, after in place.pending.items() if int(id_) not in asked}
    return Place(place.after, pending, reach=place.reach)


def _filled(place: Place) -> Generator[Effect, Any, Place]:
    """The place with records to be asked for, as long as there are any."""
    if place.pending:
        return place
    question: Effect = DueLinks(place.after, ASSOCIATION_INPUTS, place.reach)
    if place.reach is Reach.WHOLE:
        question = StoredIds(place.after, ASSOCIATION_INPUTS)
    ids: list[int] = yield question
    return Place(ids[-1], {str(id_): "" for id_ in ids}, reach=place.reach) if ids else place


def _found(
    asked: Mapping[int, str],
    ahead: Mapping[int, str],
    rows: list[Association],
    failed: Mapping[int, str],
    place: Place,
) -> AssociationsRead:
    """What one answer brought: of which records the first page, of which there are more, of which that was the last."""
    return AssociationsRead(
        [id_ for id_ in ahead if not asked[id_]], rows, failed, _encode(place), done=False,
        more=[id_ for id_, after in ahead.items() if after],
        last=[id_ for id_, after in ahead.items() if asked[id_] and not after],
        reach=place.reach,
    )  # fmt: skip


def _moved(place: Place, asked: Mapping[int, str], ahead: Mapping[int, str]) -> tuple[Place, dict[int, str]]:
    """Where the walk stands behind one answer, and what it gives up: ids left unanswered too often."""
    unsettled = asked.keys() - ahead.keys()
    given_up = unsettled if place.rounds + 1 >= ROUNDS_MAX else set()
    pending = {int(id_): after for id_, after in _without(place, asked).pending.items()}
    pending |= {id_: after for id_, after in ahead.items() if after}
    pending |= {id_: asked[id_] for id_ in unsettled - given_up}
    rounds = place.rounds + 1 if unsettled - given_up else 0
    moved = Place(place.after, {str(id_): pending[id_] for id_ in sorted(pending)}, rounds, place.reach)
    return moved, dict.fromkeys(given_up, UNANSWERED)


def _read(
    page: wire.AssociationPage, asked: Mapping[int, str], from_: ObjectType
) -> tuple[list[Association], dict[int, str]]:
    """The rows of one answer, and of each input it settled the cursor of its next page ('': none)."""
    none = ids_of(page.errors, "fromObjectId", subcategory="crm.associations.NO_ASSOCIATIONS_FOUND")
    # A record that is gone since it was listed has no associations either.
    none |= ids_of(page.errors, "fromObjectId", category="OBJECT_NOT_FOUND", subcategory="")
    ahead = dict.fromkeys(none & asked.keys(), "")
    rows: list[Association] = []
    kinds: dict[wire.AssociationType, wire.AssociationType] = {}
    for result in page.results:
        from_id, after = wire.record_id(result.from_.id), next_after(result.paging)
        if from_id not in asked:
            raise BeliefRefuted(TYPED, f"associations of {from_.name} {from_id} came unasked")
        rows += _rows(from_id, wire.associated(result.to), kinds)
        ahead[from_id] = after
    return rows, ahead


def _check_moves(
    met: dict[int, set[str]], asked: Mapping[int, str], ahead: Mapping[int, str], told: str
) -> None:
    """No record's pages may go in a circle, of one cursor or of several."""
    for id_, after in ahead.items():
        known = met.setdefault(id_, set())
        known.add(asked[id_])
        if after and after in known:
            marks.hit("repeated cursor")
            raise BeliefRefuted(MOVES, f"{told} gave for {id_} the cursor {after[:40]} twice")
        if not after:
            del met[id_]


def _rows(
    from_id: int,
    targets: Iterable[wire.AssociatedTo],
    kinds: dict[wire.AssociationType, wire.AssociationType],
) -> Iterator[Association]:
    """The rows of one record; those of one kind share the words for it."""
    for to in targets:
        to_id = wire.record_id(to.toObjectId)
        for type_ in to.associationTypes:
            kind = kinds.setdefault(type_, type_)
            yield Association(from_id, to_id, kind.category, kind.typeId, kind.label)


def _encode(place: Place) -> str:
    return msgspec.json.encode(place).decode()
