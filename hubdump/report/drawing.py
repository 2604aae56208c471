"""Requests over time as bars of a picture: numbers in, numbers out (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 96
BARS_MIN, BARS_MAX = 6, 120


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in the units of the picture, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    told: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The requests of one budget over a run: bars, and where its limit lies ('' and 0 where there is none)."""

    budget: str
    total: int
    bars: tuple[Bar, ...]
    limit: int
    limit_y: float
    most: int
    seconds: int


def pictures(
    sent: Sequence[Mapping[str, int]], limits: Mapping[str, int], window_s: int = 10
) -> list[Picture]:
    """One picture for each budget that was used; `sent` are the requests by budget of each window of a run.

    Of a long run several windows become one bar, as high as the fullest of them: no peak is hidden.
    """
    found = []
    together = max(1, -(-len(sent) // BARS_MAX))
    for budget, limit in limits.items():
        counts = [window.get(budget, 0) for window in sent]
        if sum(counts):
            peaks = [max(counts[at : at + together]) for at in range(0, len(counts), together)]
            found.append(_picture(budget, sum(counts), peaks, limit, together * window_s))
    return found


def _picture(budget: str, total: int, peaks: Sequence[int], limit: int, each_s: int) -> Picture:
    highest = max(limit, *peaks)
    step = WIDTH / max(len(peaks), BARS_MIN)
    bars = []
    for at, peak in enumerate(peaks):
        height = round(HEIGHT * peak / highest, 2)
        told = f"{_clock(at * each_s)}: {peak} in 10 s"
        bars.append(Bar(round(at * step, 2), round(HEIGHT - height, 2), round(step * 0.85, 2), height, told))
    limit_y = round(HEIGHT * (1 - limit / highest), 2)
    return Picture(budget, total, tuple(bars), limit, limit_y, max(peaks), len(peaks) * each_s)


def _clock(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
