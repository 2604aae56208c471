"""The people whose ids stand in records: the first owners of a portal, and its teams."""

from __future__ import annotations

OWNERS = tuple(str(81_000_000 + 137 * number) for number in range(12))
ARCHIVED = OWNERS[-2:]
QUEUE = OWNERS[-3]
TEAMS = ("551", "552")
