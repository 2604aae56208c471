"""The portals that all are run on: half of them faulty. A row each; sizes are contacts."""

from __future__ import annotations

from dataclasses import dataclass

# What the tier `pro` allows, in requests a second (docs/sandbox.md).
RATES = {"general": 19.0, "associations": 15.0, "search": 5.0}
START = 10  # contacts of the portal whose run is taken for the start of a program


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a portal is like; `tied`: so many companies and deals, tied to every contact (0: by chance)."""

    name: str
    tells: str
    properties: int = 40
    faults: str = "none"
    tied: int = 0
    latency_ms: int = 20
    records: int | None = None  # where it is not the size that was asked for

    @property
    def faulty(self) -> bool:
        return self.faults != "none"


CALM = Scenario("calm", "40 properties, no faults")
WIDE = Scenario("wide", "300 properties, no faults", properties=300)
SCENARIOS = (
    CALM,
    WIDE,
    Scenario("tied", "20 contacts, each tied to 700 companies and 700 deals, no faults", tied=700, records=20),
    Scenario("faults", "an error of some kind at one request of eight", faults="many"),
    Scenario("broken", "one answer of ten is 200, and cut, empty or a page of HTML",
             faults="cut=0.04,empty=0.03,html=0.03"),
    Scenario("outage", "HubSpot answers nothing but 502 for a minute, from the fifth request on",
             faults="outage:5:60"),
)  # fmt: skip
BY_NAME = {one.name: one for one in SCENARIOS}
