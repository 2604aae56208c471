"""Work that goes on at once: to the end of all of it, or to the first error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from hubdump.errors import HubdumpError

T = TypeVar("T")
Begin = Callable[[Awaitable[None]], object]


async def beside(others: Iterable[Awaitable[None]], work: Awaitable[T]) -> T:
    """What comes of a work, when it and others that go on at once are at their ends."""
    came: list[T] = []

    async def main() -> None:
        came.append(await work)

    await all_of([main(), *others])
    return came[0]


async def all_of(works: Iterable[Awaitable[None]]) -> None:
    """Run all to their ends; the first error stops the others and is raised by itself."""
    async with together() as begin:
        for work in works:
            begin(work)


@asynccontextmanager
async def together() -> AsyncIterator[Begin]:
    """The same for works that are begun within, or by one another."""
    try:
        async with asyncio.TaskGroup() as group:
            yield lambda work: group.create_task(_run(work))
    except BaseExceptionGroup as errors:
        raise _gravest(errors) from None


async def _run(work: Awaitable[None]) -> None:
    await work


def _gravest(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of errors that came at once, the one to report: a bug of ours first, then by exit status."""
    return max(errors.exceptions, key=lambda e: e.exit if isinstance(e, HubdumpError) else 1000)
