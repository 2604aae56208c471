"""How long answers take: a constant, a range, or a distribution, drawn from the seed."""

from __future__ import annotations

import math
import random
import re

from hubdump.sandbox.config import SandboxError

_CONSTANT = re.compile(r"(\d+(?:\.\d+)?)")
_RANGE = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")
_LOGNORMAL = re.compile(r"lognormal:(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)")


class Latency:
    """Milliseconds as text: '100'; '80-300', each as likely; 'lognormal:MEAN:DEVIATION'.

    SandboxError when the text is none of these.
    """

    def __init__(self, text: str, seed: int) -> None:
        self._chance = random.Random(f"latency {seed}")  # noqa: S311 - made-up delays
        self._lognormal: tuple[float, float] | None = None
        self._low = self._high = 0.0
        if found := _CONSTANT.fullmatch(text):
            self._low = self._high = float(found[1])
        elif found := _RANGE.fullmatch(text):
            self._low, self._high = sorted((float(found[1]), float(found[2])))
        elif (found := _LOGNORMAL.fullmatch(text)) and float(found[1]) > 0:
            mean, deviation = float(found[1]), float(found[2])
            spread = math.log(1 + (deviation / mean) ** 2)
            self._lognormal = math.log(mean) - spread / 2, math.sqrt(spread)
        else:
            raise SandboxError(
                f"latency is '{text}', but must be milliseconds as in 100, 80-300 or lognormal:100:40"
            )

    def next_s(self) -> float:
        """How long the next answer takes, in seconds."""
        if self._lognormal:
            return self._chance.lognormvariate(*self._lognormal) / 1000
        if self._high > self._low:
            return self._chance.uniform(self._low, self._high) / 1000
        return self._high / 1000
