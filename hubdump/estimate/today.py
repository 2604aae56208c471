"""Says before a first run where what HubSpot answers today will not do for it; `hubdump plan` counts exactly."""

from __future__ import annotations

from collections.abc import Sequence

from hubdump.estimate.calls import pages
from hubdump.events import Noted
from hubdump.extract import discovery
from hubdump.extract.exchange import Exchange
from hubdump.hubspot.endpoints import Endpoints
from hubdump.hubspot.pacing import Budgets
from hubdump.model import ObjectType

# With more than this left it is not asked: it does for five million records and more.
LEFT_ASKED = 250_000


async def forewarned(
    exchange: Exchange, api: Endpoints, budgets: Budgets, new: Sequence[ObjectType]
) -> Noted | None:
    """What to say before the types that are `new` to a dump are read; None where the day will do, or is not known.

    The least is counted: each record in a list of 100 and in that of the proof, and once in 1,000 for its associations.
    """
    left = budgets.daily_left()
    if not new or left is None or left > LEFT_ASKED:
        return None
    counted = await discovery.usage(exchange, api)
    records = [counted.get(type_.type_id, 0) for type_ in new]
    needed = sum(2 * pages(number, 100) + pages(number, 1000) for number in records)
    if needed <= left:
        return None
    beside = f" beside the {budgets.reserve:,} that are left to others" if budgets.reserve else ""
    return Noted(
        f"To read {sum(records):,} records takes at least {needed:,} requests, and HubSpot answers {left:,} more today"
        f"{beside}: this run will stop with 75 when they are used up. Everything is kept, and the same command goes on "
        "tomorrow.",
        "Less at a time: --only. How much exactly: hubdump plan",
    )
