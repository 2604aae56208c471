"""Work that goes on at once: to the end of all of it, or to the first error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from hubdump.errors import HubdumpError

T = TypeVar("T")
Work = Coroutine[Any, Any, T]
Begin = Callable[[Work[None]], object]


async def beside(others: Iterable[Work[None]], work: Work[T]) -> T:
    """What comes of a work, when it and others that go on at once are at their ends."""
    came: list[T] = []

    async def main() -> None:
        came.append(await work)

    await all_of([main(), *others])
    return came[0]


async def all_of(works: Iterable[Work[None]]) -> None:
    """Run all to their ends; the first error stops the others and is raised by itself."""
    async with together() as begin:
        for work in works:
            begin(work)


@asynccontextmanager
async def together() -> AsyncIterator[Begin]:
    """The same for works that are begun within, or by one another."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group.create_task
    except BaseExceptionGroup as errors:
        raise _gravest(errors) from None


def _gravest(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of errors that came at once, the one to report: a bug of ours first, then by exit status."""
    return max(errors.exceptions, key=lambda e: e.exit if isinstance(e, HubdumpError) else 1000)
