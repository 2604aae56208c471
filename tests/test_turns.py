"""Whose request is next."""

from __future__ import annotations

import asyncio

import pytest

from hubdump.extract.turns import LONGEST_EVERY, OF_TYPE, Left, Turns, at_once


def served(left: Left, order: list[str], requests: int) -> list[str]:
    """Each of these types asks so many requests at once; in which order they have their turns."""
    turns, found = Turns(left), list[str]()

    async def ask(type_: str) -> None:
        OF_TYPE.set(type_)
        async with turns:
            found.append(type_)
            left.sent(type_)

    async def all_() -> None:
        async with turns:  # so that all of them wait before the first has its turn
            asked = [asyncio.create_task(ask(type_)) for type_ in order for _ in range(requests)]
            await asyncio.sleep(0)
        await asyncio.gather(*asked)

    asyncio.run(all_())
    return found


def expecting(**requests: int) -> Left:
    left = Left()
    left.expect(requests)
    return left


def test_what_is_nearly_read_goes_first_and_now_and_then_the_longest_does() -> None:
    found = served(expecting(contacts=100, calls=6, deals=30), ["contacts", "deals", "calls"], 6)
    assert [one for one in found if one != "contacts"] == ["calls"] * 6 + ["deals"] * 6
    places = [place for place, one in enumerate(found) if one == "contacts"]
    assert places[:3] == [place * LONGEST_EVERY - 1 for place in (1, 2, 3)]


def test_where_nobody_knows_what_is_left_turns_are_in_order_of_coming() -> None:
    assert served(Left(), ["b", "a", "c", "b"], 1) == ["b", "a", "c", "b"]


def test_what_others_wait_for_is_asked_for_at_once() -> None:
    async def of() -> list[str]:
        OF_TYPE.set("contacts")
        with at_once():
            within = OF_TYPE.get()
        return [within, OF_TYPE.get()]

    assert asyncio.run(of()) == ["", "contacts"]
    assert served(expecting(contacts=3), ["contacts", ""], 1) == ["", "contacts"]


@pytest.mark.parametrize("had_come", [False, True], ids=["waiting", "its turn had come"])
def test_who_is_cancelled_holds_nobody_up(*, had_come: bool) -> None:
    turns, found = Turns(Left()), list[str]()

    async def ask(name: str) -> None:
        async with turns:
            found.append(name)

    async def all_() -> None:
        async with turns:
            first, second = asyncio.create_task(ask("first")), asyncio.create_task(ask("second"))
            await asyncio.sleep(0)
            if not had_come:
                first.cancel()
        if had_come:
            first.cancel()
        await asyncio.wait({first, second}, timeout=1)
        assert second.done()

    asyncio.run(all_())
    assert (found, turns.locked()) == (["second"], False)
