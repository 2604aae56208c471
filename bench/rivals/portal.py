"""One sandbox portal for one run: contacts tied to companies and deals, so many properties, and what is true of it."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench import serving
from bench.rivals.scenarios import RATES, Scenario

TOKEN = "pat-na1-sandbox"  # noqa: S105 - the sandbox's own
OWN = 9  # properties of a contact that the narrow portal has by itself
DAY_S = 86_400
# Of a contact: its id, the other type, the other id.
Link = tuple[str, str, str]
TO = ("companies", "deals")
TYPES = ",".join(("contacts", *TO))
BATCH, VALUES = 100, 60_000  # records of an edit; about so many values in a request


@dataclass(frozen=True, slots=True)
class Truth:
    """What a portal holds: ids of contacts, and how many association types tie each to a company or deal."""

    ids: frozenset[str]
    links: Counter[Link]
    last: str  # the property that was made last; a record's value of it is `value(last, id)`


@dataclass(frozen=True, slots=True)
class Asked:
    """What a portal was asked: requests by budget, and those that it answered with 429 or 5xx of its own accord."""

    requests: Counter[str]
    too_many: int
    overloaded: int

    @property
    def bound_s(self) -> float:
        """The least time that these requests take within the limits, without a burst at the beginning."""
        return max((count / RATES[budget] for budget, count in self.requests.items()), default=0.0)


@dataclass(frozen=True, slots=True)
class Portal:
    """A sandbox that runs."""

    url: str

    def truth(self, properties: int) -> Truth:
        found = _json(f"{self.url}/_sandbox/truth?types={TYPES}")
        links = Counter(
            (row[1], row[2], row[3]) for row in found["associations"] if row[0] == "contacts" and row[2] in TO
        )
        return Truth(frozenset(found["live"]["contacts"]), links, names(properties)[-1])

    def asked(self) -> Asked:
        log = _json(f"{self.url}/_sandbox/requests")["requests"]
        own = [one["status"] for one in log if one["fault"] in {"", "overload"}]
        return Asked(
            Counter(one["budget"] for one in log if one["budget"] in RATES),
            own.count(429),
            sum(status >= 500 for status in own),
        )

    def number(self) -> int:
        """The id of the portal."""
        asked = urllib.request.Request(  # noqa: S310 - our own sandbox
            f"{self.url}/account-info/2026-09/details", headers={"authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - our own sandbox
            return int(json.load(answer)["portalId"])

    def tell(self, what: str, content: object) -> Any:
        headers = {"content-type": "application/json"}
        asked = urllib.request.Request(  # noqa: S310 - our own sandbox
            f"{self.url}/_sandbox/{what}", json.dumps(content).encode(), headers
        )
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - our own sandbox
            return json.load(answer)


@contextmanager
def served(scenario: Scenario, records: int) -> Iterator[Portal]:
    """A portal of so many contacts, made a day ago, of which nothing was asked yet; it ends with the `with`."""
    others = scenario.tied or max(5, records // 5)
    portal = ",".join(("narrow", f"contacts={records}", *(f"{type_}={others}" for type_ in TO)))
    flags = ("--portal", portal, "--latency-ms", str(scenario.latency_ms), "--faults", scenario.faults)
    load = ("--overload", "on" if scenario.faulty else "off")
    with serving.served(*flags, *load) as url:
        made = Portal(url)
        _fill(made, scenario)
        yield made


def names(properties: int) -> list[str]:
    """The properties that are made, so that a contact has so many in all."""
    return [f"bench_{number:03}" for number in range(properties - OWN)]


def value(name: str, id_: str) -> str:
    return f"value of {name} of {id_}"


def _fill(portal: Portal, scenario: Scenario) -> None:
    """Make the properties, give each contact a value of each, and let a day pass."""
    made = names(scenario.properties)
    portal.tell("drift", {"deeds": [f"property-created:contacts:{name}" for name in made]})
    live = _json(f"{portal.url}/_sandbox/truth?types={TYPES}")["live"]
    edits = [
        _edit(
            "objects/contacts/batch/update", [_valued(id_, made) for id_ in live["contacts"][at : at + BATCH]]
        )
        for at in range(0, len(live["contacts"]), BATCH)
    ]
    if scenario.tied:
        edits += [_tied(contact, type_, live[type_]) for contact in live["contacts"] for type_ in TO]
    step = max(1, VALUES // (BATCH * len(made)))
    for at in range(0, len(edits), step):
        told = portal.tell("edits", {"edits": edits[at : at + step]})
        if any(one["status"] >= 300 for one in told["results"]):
            raise RuntimeError(f"the portal could not be made: {str(told)[:300]}")
    portal.tell("clock", {"advance_s": DAY_S})


def _valued(id_: str, made: list[str]) -> dict[str, Any]:
    return {"id": id_, "properties": {name: value(name, id_) for name in made}}


def _tied(contact: str, type_: str, others: list[str]) -> dict[str, Any]:
    pairs = [{"from": {"id": contact}, "to": {"id": other}} for other in others]
    return _edit(f"associations/contacts/{type_}/batch/associate/default", pairs, "v4")


def _edit(path: str, inputs: list[dict[str, Any]], version: str = "v3") -> dict[str, Any]:
    return {"method": "POST", "path": f"/crm/{version}/{path}", "body": {"inputs": inputs}}


def _json(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own sandbox
        return json.load(answer)
