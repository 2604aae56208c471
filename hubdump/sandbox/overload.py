"""Overload: errors and latency rise with the load of the last ten seconds, before any limit is reached."""

from __future__ import annotations

import hashlib

# The script this project replaces saw no 5xx at 120 requests in 10 s and 20 % at 170, under a limit of 190.
FREE_LOAD, HEAVY_LOAD = 120 / 190, 170 / 190
HEAVY_SHARE = 0.2
SHARE_MAX = 0.5
HEAVY_DELAY_S = 0.25


def share(load: float) -> float:
    """The share of requests that fail at a load, 1.0 being the limit."""
    above = max(0.0, load - FREE_LOAD) / (HEAVY_LOAD - FREE_LOAD)
    return min(SHARE_MAX, above * HEAVY_SHARE)


def delay_s(load: float) -> float:
    """How much longer an answer takes at a load."""
    return share(load) / HEAVY_SHARE * HEAVY_DELAY_S


def fails(seed: int, ordinal: int, load: float) -> bool:
    """Whether this request fails: the same for the same seed, number and load."""
    drawn = hashlib.blake2b(f"overload {seed} {ordinal}".encode(), digest_size=4).digest()
    return int.from_bytes(drawn, "big") / 2**32 < share(load)
