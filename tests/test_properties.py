"""Every property: archived and sensitive ones as far as the token may, and values that can be read only later."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hubdump.errors import Stopped
from hubdump.events import Event
from hubdump.extract import defining
from hubdump.extract.defining import Defined
from hubdump.extract.sending import Transport
from hubdump.model import Request, Response, Secret, State, Unread
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from tests.worlds import Emulated, JumpingClock, extracted

SENSITIVE = "crm.objects.deals.sensitive.read.v2"
HIGHLY = "crm.objects.deals.highly_sensitive.read.v2"
SCOPES = ("crm.objects.deals.read", SENSITIVE, HIGHLY)
FAR = ("oauth", "crm.objects.contacts.read", "crm.objects.companies.read", "tickets")
LEVELS = ("non_sensitive", "sensitive", "highly_sensitive")
LIST, DEFINED = "/crm/objects/2026-09/deals", "/crm/properties/2026-09/deals"
DAY_S = 86_400
Values = dict[str, dict[str, str]]


def quiet(**options: Any) -> InProcess:
    """Deals, read by a token whose scopes can be taken away; another one sees all."""
    token = f"hub:{'+'.join((*SCOPES, *FAR))}"
    chosen: Any = {"faults": "none", "overload": False, "tokens": (token, "all")}
    return InProcess("deals=25", **chosen | options)


def drift(sandbox: InProcess, *deeds: str) -> None:
    sandbox.portal.drift(*deeds)


def names(sandbox: InProcess, level: str, *, archived: bool = False) -> list[str]:
    query = {"dataSensitivity": level, "archived": str(archived).lower()}
    headers = {"authorization": "Bearer all"}
    told = sandbox.request("GET", DEFINED, params=query, headers=headers).json()
    return [one["name"] for one in told["results"]]


def there(sandbox: InProcess, *levels: str) -> Values:
    """By id the values of all properties of some sensitivities that are not archived, as the portal has them now."""
    every = [name for level in levels or LEVELS for name in names(sandbox, level)]
    query = {"limit": "100", "properties": ",".join(every)}
    told = sandbox.request("GET", LIST, params=query, headers={"authorization": "Bearer all"}).json()
    return {one["id"]: _values(one["properties"], every) for one in told["results"]}


def held(folder: Path, of: list[str]) -> Values:
    """The same of these properties as a dump holds them."""
    reader = Reader(folder / "store.sqlite")
    try:
        every = (record for page in reader.pages("deals", State.ACTIVE) for record in page)
        return {str(one.id): _values(json.loads(bytes(one.raw))["properties"], of) for one in every}
    finally:
        reader.close()


def _values(properties: dict[str, str | None], of: list[str]) -> dict[str, str]:
    return {name: value for name in of if (value := properties.get(name)) not in {None, ""} and value}


def whole(sandbox: InProcess) -> list[str]:
    return [name for level in LEVELS for name in names(sandbox, level)]


def unread(folder: Path) -> dict[str, Unread]:
    reader = Reader(folder / "store.sqlite")
    try:
        return {one.what: one for one in reader.unread() if not one.absent}
    finally:
        reader.close()


def asked(sandbox: InProcess, part: str, since: int) -> list[dict[str, Any]]:
    """The requests of hubdump's for a path, of those after the first `since`."""
    log = sandbox.portal.requests()
    mine = log[0]["app"]
    return [one for one in log[since:] if one["app"] == mine and one["path"].startswith(part)]


def test_archived_and_sensitive_properties_come_home_and_are_asked_for_once(tmp_path: Path) -> None:
    sandbox = quiet()
    assert extracted(sandbox, tmp_path, ["deals"]) == {}
    definitions = len(asked(sandbox, DEFINED, 0))
    assert held(tmp_path, whole(sandbox)) == there(sandbox)
    assert any("patient_notes" in values for values in held(tmp_path, whole(sandbox)).values())
    reader = Reader(tmp_path / "store.sqlite")
    try:
        assert {"retired_score", "patient_notes", "account_number"} <= dict(
            reader.definitions("deals")
        ).keys()
        assert "retired_score" not in reader.certain_names("deals")
    finally:
        reader.close()
    assert unread(tmp_path) == {}
    # Two for all, and for each sensitivity two more, as there are such properties.
    assert definitions == 6


@pytest.mark.parametrize("belief", ["refused", "omitted"])
def test_what_the_token_may_not_read_is_listed_and_comes_once_it_may(tmp_path: Path, belief: str) -> None:
    sandbox = quiet(beliefs={"sensitive-without-scope": belief})
    drift(sandbox, f"scope-revoked:{SENSITIVE}:hub", f"scope-revoked:{HIGHLY}:hub")
    heard: list[Event] = []
    for _ in range(2):
        assert extracted(sandbox, tmp_path, ["deals"], heard.append) == {}
        sandbox.advance(DAY_S)
    assert held(tmp_path, whole(sandbox)) == there(sandbox, "non_sensitive")
    lacking = {what: one.scopes for what, one in unread(tmp_path).items()}
    kinds = ("sensitive properties of deals", "highly sensitive properties of deals")
    assert lacking == {kinds[0]: (SENSITIVE,), kinds[1]: (HIGHLY,)}
    assert [str(event).count("are left out") for event in heard].count(1) == 2  # once of each, in two runs
    drift(sandbox, f"scope-given:{SENSITIVE}:hub")
    assert extracted(sandbox, tmp_path, ["deals"], heard.append) == {}
    assert held(tmp_path, whole(sandbox)) == there(sandbox, "non_sensitive", "sensitive")
    assert list(unread(tmp_path)) == [kinds[1]]
    assert sum(f"{kinds[0]} can be read now" in str(event) for event in heard) == 1
    before = len(sandbox.portal.requests())
    sandbox.advance(DAY_S)
    assert extracted(sandbox, tmp_path, ["deals"], heard.append) == {}
    assert not swept(sandbox, before)


def swept(sandbox: InProcess, since: int) -> list[dict[str, Any]]:
    """The lists of active deals with all properties, after the first `since` requests."""
    lists = [
        one for one in asked(sandbox, LIST, since) if one["method"] == "GET" and "dealname" in one["query"]
    ]
    return [one for one in lists if "archived=false" in one["query"]]


def test_a_property_that_is_made_and_filled_between_runs_is_found_by_what_changed(tmp_path: Path) -> None:
    sandbox = quiet()
    assert extracted(sandbox, tmp_path, ["deals"]) == {}
    sandbox.advance(DAY_S)
    drift(sandbox, "property-created:deals:shoe_size", "property-created:deals:diagnosis:sensitive")
    fill(sandbox, "shoe_size", "diagnosis")
    before = len(sandbox.portal.requests())
    assert extracted(sandbox, tmp_path, ["deals"]) == {}
    assert held(tmp_path, whole(sandbox)) == there(sandbox)
    assert not swept(sandbox, before)


def fill(sandbox: InProcess, *properties: str) -> None:
    """Give one record a value of each of these properties."""
    id_ = min(there(sandbox, "non_sensitive"))
    body = {"properties": dict.fromkeys(properties, f"of {sandbox.now_s:.0f}")}
    sandbox.portal.edit("PATCH", f"/crm/v3/objects/deals/{id_}", body)


def test_what_was_archived_while_records_changed_is_read_of_them_once_it_is_restored(tmp_path: Path) -> None:
    sandbox = quiet()
    drift(sandbox, "property-created:deals:shoe_size")
    fill(sandbox, "shoe_size")
    assert extracted(sandbox, tmp_path, ["deals"]) == {}
    drift(sandbox, "property-archived:deals:shoe_size")
    sandbox.advance(DAY_S)
    fill(sandbox, "dealname")
    assert extracted(sandbox, tmp_path, ["deals"]) == {}
    drift(sandbox, "property-restored:deals:shoe_size")
    sandbox.advance(DAY_S)
    assert any("shoe_size" in values for values in there(sandbox).values())
    assert extracted(sandbox, tmp_path, ["deals"]) == {}
    assert held(tmp_path, whole(sandbox)) == there(sandbox)


class Dying(Emulated):
    """A portal whose reader is stopped after some requests."""

    def __init__(self, sandbox: InProcess, clock: JumpingClock, after: int) -> None:
        super().__init__(sandbox, clock)
        self.left = after

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        self.left -= 1
        if not self.left:
            raise Stopped("enough")
        return await super().send(request, token)


def dying(sandbox: InProcess, after: int) -> Callable[[JumpingClock], Transport]:
    return lambda clock: Dying(sandbox, clock, after)


def test_a_run_that_was_cut_short_goes_on_without_what_the_token_may_not_read_any_more(
    tmp_path: Path,
) -> None:
    sandbox = quiet()
    with pytest.raises(Stopped):
        extracted(sandbox, tmp_path, ["deals"], through=dying(sandbox, 16), to_its_end=False)
    assert len(swept(sandbox, 0)) == 1, "it was stopped after its sweep"
    drift(sandbox, f"scope-revoked:{SENSITIVE}:hub")
    before = len(sandbox.portal.requests())
    assert extracted(sandbox, tmp_path, ["deals"]) == {}
    assert not swept(sandbox, before)
    assert list(unread(tmp_path)) == ["sensitive properties of deals"]


def some_deed(sandbox: InProcess, dice: Random) -> None:
    """Something happens to the definitions, to the scopes of the token, or to a record."""
    made, scope = f"made_{len(sandbox.portal.requests())}", dice.choice(SCOPES[1:])
    own = [name for name in names(sandbox, "non_sensitive") if name.startswith("made_")]
    gone = [name for name in names(sandbox, "non_sensitive", archived=True) if name.startswith("made_")]
    deeds = [f"property-created:deals:{made}", f"property-created:deals:{made}:{dice.choice(LEVELS[1:])}"]
    deeds += [f"scope-revoked:{scope}:hub", f"scope-given:{scope}:hub"]
    deeds += [f"property-{what}:deals:{dice.choice(own)}" for what in ("archived", "removed") if own]
    deeds += [f"property-restored:deals:{dice.choice(gone)}" for _ in range(2) if gone]
    deed = dice.choice(["fill", "fill", *deeds])
    if deed == "fill":
        fill(sandbox, dice.choice([name for level in LEVELS for name in names(sandbox, level)][-6:]))
    else:
        drift(sandbox, deed)
    sandbox.advance(dice.choice((1, 60, DAY_S)))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happened_to_properties_and_scopes_every_value_is_there_at_last(
    tmp_path: Path, seed: int
) -> None:
    """Runs that are cut short among changes of definitions, scopes and records; at last one with every scope."""
    dice = Random(f"properties {seed}")
    sandbox = quiet(beliefs={"sensitive-without-scope": dice.choice(("refused", "omitted"))})
    for _ in range(8):
        for _ in range(dice.randrange(4)):
            some_deed(sandbox, dice)
        try:
            through = dying(sandbox, dice.randrange(3, 40))
            extracted(sandbox, tmp_path, ["deals"], through=through, to_its_end=False)
        except Stopped:
            continue
        extracted(sandbox, tmp_path, ["deals"])
    drift(sandbox, *(f"scope-given:{scope}:hub" for scope in SCOPES[1:]))
    for _ in range(2):  # the first one may have to end a round that was begun with fewer scopes
        sandbox.advance(2 * DAY_S)
        assert extracted(sandbox, tmp_path, ["deals"]) == {}
    assert held(tmp_path, whole(sandbox)) == there(sandbox), f"seed {seed}"


@pytest.mark.parametrize(
    ("definition", "certain", "uncertain", "late"),
    [
        ({}, (), (), True),
        ({}, ("p",), (), False),
        ({}, (), ("p",), False),
        ({"createdAt": "1970-01-01T00:00:01Z"}, (), (), True),
        ({"createdAt": "1970-01-01T00:00:03Z"}, (), (), False),
        ({"createdAt": "1970-01-01T00:00:03Z", "calculated": True}, (), (), True),
        ({"createdAt": "yesterday"}, (), (), True),
    ],
)
def test_values_are_late_of_what_can_be_read_now_and_is_older_than_the_changes_that_are_looked_for(
    definition: dict[str, Any], certain: tuple[str, ...], uncertain: tuple[str, ...], late: bool
) -> None:
    found = Defined({"p": json.dumps({"name": "p"} | definition).encode()}, set(uncertain))
    assert defining.late(found, certain, 2_000_000) == (["p"] if late else [])
