"""Levels totals, ids and full: what is in the dump, held against what is at HubSpot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path

from hubdump.errors import Incomplete
from hubdump.model import ObjectType
from hubdump.verify import associated, past, records, totals
from hubdump.verify.findings import Asked, Level, unchecked
from hubdump.verify.portal import Portal
from hubdump.verify.records import Proof


async def check(portal: Portal, dump: Path, types: Sequence[ObjectType], asked: Asked) -> dict[str, Proof]:
    """All that a level asks, of all types at once; by type, and by 'portal' what is of none."""
    found = await _each(types, lambda type_: _of_type(portal, dump, type_, asked))
    if asked.level is Level.TOTALS:
        found["portal"] = Proof(await totals.usage(portal, dump, types))
    if asked.level is Level.FULL:
        moved = {name: proof.moved for name, proof in found.items()}
        more = await _each(types, lambda type_: _around(portal, dump, type_, asked, moved))
        for name, proof in more.items():
            found[name].findings += proof.findings
    return found


async def _of_type(portal: Portal, dump: Path, type_: ObjectType, asked: Asked) -> Proof:
    """What a level asks of the records of a type."""
    if asked.level is Level.TOTALS:
        counted = await totals.counts(portal, dump, type_)
        return Proof([*counted, *await totals.sample(portal, dump, type_, asked.seed)])
    piece = records.piece(dump, type_, asked.piece, asked.pieces)
    return await records.compare(portal, dump, type_, piece, full=asked.level is Level.FULL)


async def _around(
    portal: Portal, dump: Path, type_: ObjectType, asked: Asked, moved: Mapping[str, Collection[int]]
) -> Proof:
    """Every association and past value."""
    piece = records.piece(dump, type_, asked.piece, asked.pieces)
    associations = await associated.check(portal, dump, type_, piece, moved)
    return Proof([*associations, *await past.check(portal, dump, type_, piece)])


async def _each(
    types: Sequence[ObjectType], ask: Callable[[ObjectType], Awaitable[Proof]]
) -> dict[str, Proof]:
    """Ask of all types at once; where HubSpot refuses to tell of one, it is not checked, and said so."""

    async def one(type_: ObjectType) -> Proof:
        try:
            return await ask(type_)
        except Incomplete as error:
            return Proof([unchecked("portal", type_.name, error.message)])

    proofs = await asyncio.gather(*map(one, types))
    return {type_.name: proof for type_, proof in zip(types, proofs, strict=True)}
