"""What a token may not read is told with its scopes, and is no nuisance for ever: `exclude` acknowledges it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hubdump import scopes
from hubdump.clock import SystemClock
from hubdump.events import Emit, Event, Noted, RunEnded
from hubdump.extract.bearer import ServiceKey
from hubdump.extract.exchange import Patience
from hubdump.manifest import read_manifest
from hubdump.model import Secret
from hubdump.running import Order, run
from hubdump.session import Access
from hubdump.targets.export import Wanted
from tests.conftest import Serve, Served, User
from tests.worlds import stored

PORTAL = "narrow,calls=30,contacts=40,deals=12,leads=2,owners=3,forms=2"
SELECTED = ("calls", "contacts", "deals", "leads", "custom", "owners", "form_submissions")
LACKING = {"crm.objects.deals.read", "crm.objects.leads.read", "crm.schemas.custom.read", "forms"}
UNREAD = ("deals", "leads", "custom", "forms")


def portal(serve: Serve) -> Served:
    """A portal with two tokens: `all` may read everything, `few` not what LACKING names."""
    needed = scopes.needed((), ())
    few = [scope for scope in needed if scope not in LACKING]
    tokens = [
        word for name, of in (("few", few), ("all", needed)) for word in ("--token", f"{name}:{'+'.join(of)}")
    ]
    return serve("--portal", PORTAL, "--faults", "none", "--overload", "off", *tokens)


def ran(
    user: User,
    served: Served,
    key: str,
    only: Sequence[str] = SELECTED,
    exclude: Sequence[str] = (),
    emit: Emit = lambda _: None,
) -> RunEnded:
    """A run with this token, later than any window of the last one."""
    if user.dump.exists():
        user.forget_the_last_window()
    access = Access(served.url, ServiceKey(Secret(key)), None, Patience())
    order = Order(
        "r", user.dump, access, lambda verb: verb, Wanted(("json",)), only=tuple(only), exclude=tuple(exclude)
    )
    return run(order, SystemClock(), emit)


def test_what_the_token_may_not_read_is_named_with_its_scopes_until_it_is_acknowledged(
    serve: Serve, user: User
) -> None:
    served = portal(serve)
    ended = ran(user, served, "few")
    assert ended.exit == 3
    assert ended.next == (
        f"Add {', '.join(sorted(LACKING))} to the service key in HubSpot (Development > Keys), then run again.",
        'To go on without, write into hubdump.toml: exclude = ["deals", "leads", "custom", "forms"]',
    )
    assert ended.types["contacts"].records == 40
    assert ended.around["owners"].fresh_at

    acknowledged = ran(user, served, "few", exclude=UNREAD)
    assert (acknowledged.exit, acknowledged.verdict) == (0, "Complete"), acknowledged.verdict
    assert acknowledged.types.keys() == {"calls", "contacts"}
    manifest = read_manifest(user.dump)
    assert manifest["excluded"] == list(UNREAD)
    assert manifest["unread"]["deals"]["scopes"] == ["crm.objects.deals.read"]

    whole = ran(user, served, "all")
    assert (whole.exit, whole.verdict) == (0, "Complete")
    truth = served.ask("truth?types=calls,contacts,deals,leads")
    ids, rows = stored(user.dump, ("calls", "contacts", "deals", "leads"))
    assert whole.types["deals"].records == len(truth["live"]["deals"]) == 12
    assert ids["calls"] == sorted(truth["live"]["calls"])
    assert among(rows) == among(truth["associations"])
    assert len(among(rows)) > 20


def among(rows: Sequence[Sequence[Any]]) -> set[frozenset[Any]]:
    """The links of calls with deals and contacts, from whichever side they are told."""
    pairs = ({"calls", "deals"}, {"calls", "contacts"})
    return {frozenset(row[:4]) for row in rows if {row[0], row[2]} in pairs}


def test_with_the_scopes_associations_to_what_is_excluded_are_read_all_the_same(
    serve: Serve, user: User
) -> None:
    served = portal(serve)
    assert ran(user, served, "all", ("calls",), ("deals",)).exit == 0
    assert any(row[2] == "deals" for row in stored(user.dump, ("calls",))[1])
    assert read_manifest(user.dump)["unread"] == {}


def test_the_line_that_a_run_names_is_what_the_next_one_needs(serve: Serve, user: User) -> None:
    served = portal(serve)
    user.at(served, HUBSPOT_ACCESS_TOKEN="few").only = "calls deals owners"
    told = user.types("run", "--to", "json")
    assert told.status == 3
    line = told.err.split("write into hubdump.toml: ")[1].splitlines()[0]
    (user.folder / "hubdump.toml").write_text(line)
    user.forget_the_last_window()
    again = user.types("run", "--to", "json")
    assert again.status == 0, again.err
    assert "excluded: deals" in again.err.splitlines()
    said = user.types("status").out.splitlines()
    assert "left out, as you say: deals" in said
    lacks = "Scopes it lacks: crm.objects.deals.read."
    assert [line for line in said if line.startswith("not read: deals: ") and line.endswith(lacks)]


def test_what_is_acknowledged_is_announced_once_when_it_can_be_read(serve: Serve, user: User) -> None:
    served, told = portal(serve), list[Event]()
    ran(user, served, "few")
    announced = []
    for key in ("few", "all", "all"):
        told.clear()
        assert ran(user, served, key, exclude=UNREAD, emit=told.append).exit == 0
        announced.append(
            {one.text for one in told if isinstance(one, Noted) and "can be read now" in one.text}
        )
    assert announced == [
        set(),
        {
            f"{what} can be read now: take {word} out of exclude to have it read."
            for what, word in {word: word for word in UNREAD if word != "custom"}.items()
            | {("custom objects", "custom")}
        },
        set(),
    ]
    assert read_manifest(user.dump)["unread"] == {}
