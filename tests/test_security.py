"""The rules of docs/security.md: hosts, redirects, bounds, modes, names, and nothing printed acts on its reader."""

from __future__ import annotations

import asyncio
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from hubdump.catalog import STANDARD
from hubdump.errors import HubdumpError, UsageError
from hubdump.events import (
    Event,
    Noted,
    RetryScheduled,
    RunEnded,
    RunStarted,
    TypeFailed,
    TypeStarted,
    TypeSummary,
)
from hubdump.hubspot import body
from hubdump.hubspot.client import Client
from hubdump.hubspot.endpoints import Endpoints, base_url
from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Response, Secret
from hubdump.reporter import Reporter, choose
from hubdump.runlog import RunLog
from hubdump.targets import columns, json_files
from tests.conftest import ROOT
from tests.test_exchange import GOOD, World
from tests.worlds import answer

API = Endpoints()


@pytest.mark.parametrize("good", [
    "https://api.hubapi.com", "https://api-eu1.hubapi.com/", "https://api.hubapi.com:443", "http://127.0.0.1:8080",
    "https://localhost:1", "http://[::1]:80",
])  # fmt: skip
def test_a_token_goes_to_hubspots_hosts_and_to_this_machine(good: str) -> None:
    assert base_url(good) == good.rstrip("/")


@pytest.mark.parametrize("bad", [
    "http://api.hubapi.com", "https://api.hubapi.com.evil.example", "https://evil.example", "https://api.hubapi.com@evil.example",
    "https://evil.example#api.hubapi.com", "https://evil.example/api.hubapi.com", "https://evil.example?api.hubapi.com",
    "https://api.hubapi.com:8443", "https://api-eu1x.hubapi.com", "https://xapi.hubapi.com", "https://api.hubapi.com\n.evil.example",
    "https://user@api.hubapi.com", "https://:password@api.hubapi.com", "https://:@127.0.0.1", "http://127.0.0.1.evil.example",
    "http://localhost.evil.example", "ftp://127.0.0.1", "//api.hubapi.com", "api.hubapi.com", "", "https://api.hubapi.com/crm",
    "https://api\u3002hubapi.com", "https://api.hub\u0430pi.com", "file:///etc/passwd", "http://0.0.0.0", "http://[::1%25evil]:80",
])  # fmt: skip
def test_a_token_goes_to_no_other_host(bad: str) -> None:
    with pytest.raises(UsageError, match="a token is sent only to"):
        base_url(bad)


def test_no_redirect_no_proxy_and_no_netrc_is_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over sockets: three servers, of which only the first may hear anything."""
    heard: list[list[bytes]] = [[], []]

    async def ask() -> Response:
        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard[0].append(await reader.readuntil(b"\r\n\r\n"))
            there = f"http://127.0.0.1:{ports[1]}/account-info/2026-09/details".encode()
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + there + b"\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()

        async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard[1].append(await reader.readuntil(b"\r\n\r\n"))
            writer.close()

        servers = [await asyncio.start_server(serve, "127.0.0.1", 0) for serve in (redirect, elsewhere)]
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{ports[1]}")
        (tmp_path / "netrc").write_text("default login evil password evil\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        async with Client(f"http://127.0.0.1:{ports[0]}", 1) as client:
            response = await client.send(API.account(), Secret("a-token"))
        for server in servers:
            server.close()
        return response

    assert asyncio.run(ask()).status == 302
    assert heard[1] == []
    assert len(heard[0]) == 1
    assert b"Authorization: Bearer " in heard[0][0]


def test_a_redirect_is_a_fault_that_is_tried_again() -> None:
    world = World(answer({}, 302, location="https://evil.example"), GOOD)
    assert len(world.ask()) == 1
    assert [event.status for event in world.told] == [302]
    assert {request.path for request, _ in world.script.sent} == {"/crm/objects/2026-09/calls"}


def test_a_body_grows_neither_beyond_its_cap_nor_beyond_what_records_are_packed_to() -> None:
    def packed(size: int, text: bytes = b" ") -> Response:
        engine = zlib.compressobj(1, zlib.DEFLATED, 31)
        return Response(200, {}, engine.compress(text * (size // len(text))) + engine.flush(), "gzip")

    mib = 2**20
    assert len(body.decoded(packed(15 * mib))) == 15 * mib  # a thousand to one, and yet no harm
    varied = b"".join(b"%d" % (n * n) for n in range(1000))
    wide = packed(40 * mib, varied)
    assert len(wide.body) * body.RATIO_MAX > 40 * mib
    assert len(body.decoded(wide)) > 39 * mib
    for bomb, told in ((packed(17 * mib), "16 MiB"), (packed(70 * mib, varied), "64 MiB")):
        with pytest.raises(NoAnswer, match=told):
            body.decoded(bomb)


def test_json_nested_without_end_is_no_crash() -> None:
    world = World(Response(200, {}, b'{"results":' + b"[" * 10**6), GOOD)
    assert len(world.ask()) == 1
    assert "not the page that was asked for" in world.told[0].text


def test_files_are_named_by_the_catalogue_or_by_a_type_id() -> None:
    assert len({json_files.path_of(type_) for type_ in STANDARD.types}) == len(STANDARD.types)
    for type_ in STANDARD.types:
        assert json_files.path_of(type_) == f"raw/engagements_{type_.singular}_partial.json"
    from hubdump.model import ObjectType

    own = ObjectType("../../etc/x", "2-123", "CON")
    assert json_files.path_of(own) == "raw/engagements_2-123_partial.json"
    with pytest.raises(UsageError, match="no type id"):
        json_files.path_of(ObjectType("pets", "../2-1", "pet"))


def test_a_column_once_assigned_stays_whatever_comes_and_goes() -> None:
    first = columns.assigned(["Foo", "foo", "bar"], {})
    assert first["Foo"] == "property_Foo"
    assert first["bar"] == "property_bar"
    assert first["foo"].startswith("property_foo_x")
    again = columns.assigned(["BAR", "foo", "bar", first["foo"].removeprefix("property_")], first)
    assert {name: again[name] for name in first} == first
    assert len({column.casefold() for column in again.values()}) == len(again) == 5
    assert (
        columns.assigned(["foo", "Foo"], {})["Foo"] != "property_Foo"
    )  # who comes first today decides, once
    assert columns.suffixed(first) == {"foo": first["foo"]}


ACTING = "\x1b[2J\x1b]0;title\x07 \x9b31m \u202egnp.exe \u2066 \u2028 \x7f \r\n \ufeff \U000e0041 \x00"


def test_nothing_printed_acts_on_a_terminal(tmp_path: Path) -> None:
    def acting(text: str) -> list[str]:
        return [c for c in text.replace("\n", "") if c != " " and not c.isprintable()]

    from hubdump.terminal import Screen

    events: list[Event] = [
        RunStarted("r", 1, ACTING, ("calls", ACTING), "auto"), TypeFailed("calls", "CALL", ACTING, ACTING),
        Noted(ACTING, ACTING), TypeStarted("calls", "CALL"),
        RetryScheduled(ACTING, 500, ACTING, 3, 1.0, "", "", ACTING),
        RunEnded(3, ACTING, 1.0, {}, 0, {"calls": TypeSummary()}, files=(ACTING,), next=(ACTING,)),
    ]  # fmt: skip
    out, err, screen = io.StringIO(), io.StringIO(), io.StringIO()
    log = RunLog(tmp_path, "run")
    views: list[Any] = [Reporter(out, err).view, Screen(screen, 2), log]
    said: dict[str, Any] = {"quiet": False, "verbose": 1, "progress": False, "stdout": out, "stderr": err}
    views += [choose(json=True, **said), choose(json=False, **said)]
    for event in events:
        for view in views:
            view.emit(event)
    log.close()
    reporter = Reporter(out, err)
    reporter.error(HubdumpError(ACTING, ACTING))
    reporter.line(ACTING)
    texts = [
        out.getvalue(),
        err.getvalue(),
        screen.getvalue(),
        *(p.read_text("utf-8") for p in tmp_path.iterdir()),
    ]
    assert [acting(text) for text in texts] == [[]] * 5
    assert all("\\u001b" in text and "\\u202e" in text for text in texts)
    for line in [line for line in out.getvalue().splitlines() if line.startswith("{")]:
        assert json.loads(line).get("reason", ACTING) == ACTING, "a line of JSON says what it said"


def test_markup_is_not_acted_upon() -> None:
    from hubdump.terminal import Screen

    screen = io.StringIO()
    Screen(screen, 0).emit(Noted("[bold red]x[/] [link=file:///]y"))
    assert screen.getvalue().strip() == "[bold red]x[/] [link=file:///]y"


def test_every_rule_of_the_docs_has_its_test() -> None:
    text = (ROOT / "docs/security.md").read_text("utf-8")
    named = re.findall(r"`(test_\w+)`", text)
    there = "".join(path.read_text("utf-8") for path in ROOT.glob("tests/test_*.py"))
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in there] == []
