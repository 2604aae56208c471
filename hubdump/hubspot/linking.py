"""Walks the associations of stored records to one other type, a thousand records a call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

import msgspec

from hubdump import marks
from hubdump.errors import BeliefRefuted, Poison, RequestRefused
from hubdump.hubspot import wire
from hubdump.hubspot.batches import ALONE_MAX, ROUND_WAIT_S, ROUNDS_MAX, TRIES
from hubdump.hubspot.endpoints import ASSOCIATION_INPUTS, ASSOCIATION_INPUTS_LEAST, Endpoints
from hubdump.hubspot.refs import MOVES, TYPED, ids_of, next_after
from hubdump.model import (
    FAILURES_MAX,
    Answer,
    Association,
    AssociationsRead,
    Flow,
    ObjectType,
    StoredIds,
    Wait,
)

SIDED = "association types are named for the side from which associations are found"
UNANSWERED = "HubSpot does not answer for its associations"


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an association walk stands: ids up to `after` are read but for those `pending`.

    `pending` maps an id to the cursor of its next page; `rounds` counts how often HubSpot left some of
    them unanswered.
    """

    after: int
    pending: dict[str, str] = {}
    rounds: int = 0


def associations(api: Endpoints, from_: ObjectType, to: ObjectType, cursor: str) -> Flow:
    """The associations of every stored record of a type to another type, 1,000 records a call.

    Where HubSpot refuses so many (an earlier text of its changelog said 100), they are asked for by 100; where it
    fails for ever, by halves. The cursor is JSON: the last id taken from the store, and what is still to be asked.
    """
    place = msgspec.json.decode(cursor, type=Place) if cursor else Place(0)
    most = inputs = ASSOCIATION_INPUTS
    alone = 0
    met: dict[int, set[str]] = {}  # the cursors of records whose pages are under way: none may come again
    while True:
        if not place.pending:
            ids: list[int] = yield StoredIds(place.after, ASSOCIATION_INPUTS)
            if not ids:
                yield AssociationsRead((), (), {}, _encode(place), done=True)
                return
            place = Place(ids[-1], {str(id_): "" for id_ in ids})
        waiting = {int(id_): after for id_, after in place.pending.items()}
        asked = dict(islice(waiting.items(), inputs))
        request = api.associations(from_, to, list(asked.items()))
        try:
            failures_max = 0 if alone > ALONE_MAX else TRIES if 1 < inputs < most else FAILURES_MAX
            answer: Answer[wire.AssociationPage] = yield replace(
                request, failures_max=failures_max, narrowed=failures_max > 0 and inputs < most
            )
        except RequestRefused as error:
            if error.status != 400 or len(asked) <= ASSOCIATION_INPUTS_LEAST:
                raise
            most = inputs = ASSOCIATION_INPUTS_LEAST
            continue
        except Poison as error:
            marks.hit("poison bisect")
            if len(asked) > 1:
                inputs = len(asked) // 2
                continue
            inputs, alone = most, alone + 1
            if alone > ALONE_MAX:
                marks.hit("all of it fails")
                continue
            place = Place(
                place.after, {str(id_): after for id_, after in waiting.items() if id_ not in asked}
            )
            yield AssociationsRead((), (), dict.fromkeys(asked, error.text), _encode(place), done=False)
            continue
        inputs, alone = min(inputs * 2, most), 0
        rows, ahead = _read(answer.content, asked, from_)
        _check_moves(met, asked, ahead, f"{from_.name} to {to.name}")
        place, failed = _moved(place, waiting, asked, ahead)
        fresh = [id_ for id_ in ahead if not asked[id_]]
        yield AssociationsRead(fresh, rows, failed, _encode(place), done=False)
        # Of a dense pair an answer is a hundred megabytes: it is gone before the next one comes.
        del answer, rows
        if place.rounds:
            marks.hit("207 retry")
            yield Wait(ROUND_WAIT_S * 2 ** (place.rounds - 1))


def _moved(
    place: Place, waiting: Mapping[int, str], asked: Mapping[int, str], ahead: Mapping[int, str]
) -> tuple[Place, dict[int, str]]:
    """Where the walk stands behind one answer, and what it gives up: ids left unanswered too often."""
    unsettled = asked.keys() - ahead.keys()
    given_up = unsettled if place.rounds + 1 >= ROUNDS_MAX else set()
    pending = {id_: after for id_, after in waiting.items() if id_ not in asked}
    pending |= {id_: after for id_, after in ahead.items() if after}
    pending |= {id_: asked[id_] for id_ in unsettled - given_up}
    rounds = place.rounds + 1 if unsettled - given_up else 0
    moved = Place(place.after, {str(id_): pending[id_] for id_ in sorted(pending)}, rounds)
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
