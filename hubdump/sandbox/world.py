"""All that one sandbox is made of, and all that a reset makes anew."""

from __future__ import annotations

from hubdump.sandbox import faults
from hubdump.sandbox.apps import Apps
from hubdump.sandbox.availability import Availability
from hubdump.sandbox.beliefs import Beliefs
from hubdump.sandbox.config import SandboxConfig
from hubdump.sandbox.drift import Drift
from hubdump.sandbox.items import Items
from hubdump.sandbox.latency import Latency
from hubdump.sandbox.life import Life
from hubdump.sandbox.limits import Limits, midnight
from hubdump.sandbox.log import Arrival
from hubdump.sandbox.oauth import OAuth
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.past import merge_chains
from hubdump.sandbox.portal import Portal
from hubdump.sandbox.portals import spec
from hubdump.sandbox.routes import Router


class World:
    """One portal, its apps, limits, faults and log. SandboxError when the config cannot be.

    `offset_s` is how far its clock was moved ahead of the one that requests are handed in with, `wall_s`
    when the last one came.
    """

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.beliefs = Beliefs(config.beliefs)
        self.faults = faults.read(config.faults, config.seed)
        self.latency = Latency(config.latency or str(config.latency_ms), config.seed)
        self.portal = Portal(spec(config.portal), config.seed, self.beliefs, config.without)
        if self.portal.spec.merged:
            merge_chains(self.portal)
        self.apps = Apps(config)
        self.drift = Drift(self.portal, self.apps)
        self.limits = Limits(config.tier_limits, self.beliefs, self.portal.id)
        self.items = Items(self.portal)
        self.life = Life(config.life, self.portal, self.items, self.drift)
        self.availability = Availability(self.portal, self.beliefs)
        self.router = Router(Objects(self.portal, self.beliefs), self.items, self.usage)
        self.oauth = OAuth(self.apps, self.portal.id, config.seed)
        self.log: list[Arrival] = []
        self.sent = 0
        self.offset_s = self.wall_s = 0.0

    def usage(self) -> tuple[int | None, int, str]:
        """The day's limit (None: none), how much of it is used, and when it begins anew."""
        day = self.limits.day
        resets_at = midnight(self.wall_s, day.zone).isoformat(timespec="seconds").replace("+00:00", "Z")
        return day.most, day.used, resets_at
