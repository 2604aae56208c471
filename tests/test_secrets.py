"""Secrets stay secret: in what is told and written, in errors, in processes, and in memory."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import pickle
import stat
import subprocess
import time
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from hubdump.errors import HubdumpError
from hubdump.events import Event, Noted, RetryScheduled, RunEnded, RunStarted, TypeFailed, TypeSummary
from hubdump.extract.bearer import Bearer, OAuthApp, ServiceKey
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.hubspot.endpoints import Endpoints, token
from hubdump.hubspot.pacing import Budgets
from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Request, Response, Secret
from hubdump.printable import clean, hidden
from hubdump.reporter import choose
from hubdump.runlog import RunLog
from hubdump.sandbox import InProcess, SandboxConfig, SandboxError
from tests.conftest import User, started
from tests.worlds import JumpingClock, Reply, Script, answer, page

# Never whole in a file: what looks like a token is one to whoever finds it.
UUID = "01234567-89ab-cdef-0123-456789abcdef"
REAL = "pat-" + "na1-" + UUID
API = Endpoints()


def forms(secret: str) -> list[str]:
    """How a secret may be written: as it is, URL-encoded, in base64 alone and behind other words."""
    behind = [f"{'x' * n}{secret}:y".encode() for n in range(3)]
    return [
        secret, quote(secret, safe=""), b64encode(secret.encode()).decode().rstrip("="),
        *(coder(text).decode() for text in behind for coder in (b64encode, urlsafe_b64encode)),
    ]  # fmt: skip


class World:
    """An exchange with a script in HubSpot's place, and what it told."""

    def __init__(self, *replies: Reply, credentials: Any = None) -> None:
        self.clock, self.told = JumpingClock(), list[Any]()
        credentials = credentials or ServiceKey(Secret(REAL))
        self.exchange = Exchange(Means(
            Script(*replies), Bearer(credentials, self.clock), Budgets(None), self.clock, self.told.append,
            chance=lambda: 0.5,
        ), Patience(60.0))  # fmt: skip

    def ask(self, request: Request[Any]) -> str:
        """Everything that comes of it, as text: events, and the error with its traceback."""
        try:
            asyncio.run(self.exchange.ask(request))
        except HubdumpError as error:
            return repr(self.told) + "".join(traceback.format_exception(error)) + error.hint
        return repr(self.told)


@pytest.mark.parametrize("status", [0, 302, 400, 401, 403, 429, 477, 500])
@pytest.mark.parametrize("secret", ["access/token+of=ours", "client/secret+of=ours", "refresh/token+of=ours"])
def test_a_secret_that_an_answer_repeats_is_told_in_none_of_its_forms(secret: str, status: int) -> None:
    app = OAuthApp("app", Secret("client/secret+of=ours"), Secret("refresh/token+of=ours"))
    granted = answer({"access_token": "access/token+of=ours", "expires_in": 1800})
    for form in forms(secret):
        content = {"message": f"bad {form}", "category": "X", "correlationId": form}
        said = answer(content, status, x_hubspot_correlation_id=form) if status else NoAnswer(f"bad {form}")
        told = [World(granted, said, granted, said, credentials=app).ask(API.account())]
        if not secret.startswith("access"):
            told.append(
                World(said, credentials=app).ask(
                    token("app", *(s.reveal() for s in (app.client_secret, app.refresh_token)))
                )
            )
        for text in told:
            assert "***" in text or status in {403, 429}, text
            assert not [known for known in forms(secret) if core(known) in text]


def core(form: str) -> str:
    """The part of a form that no neighbour changes."""
    return (
        form[2:-4]
        if form not in {"access/token+of=ours", "client/secret+of=ours", "refresh/token+of=ours"}
        else form
    )


def test_half_of_a_secret_is_not_told_where_a_text_is_cut() -> None:
    for start in range(150, 201, 10):
        told = World(answer({"message": "x" * start + REAL}, 500)).ask(API.account())
        assert REAL[:12] not in told
        assert "xxx" in told


def test_a_token_of_hubspots_shape_is_told_nowhere_whosever_it_is(tmp_path: Path) -> None:
    events: list[Event] = [
        TypeFailed("calls", "CALL", f"HubSpot said {REAL}", f"hint {REAL}"), Noted(REAL),
        RunStarted("r", 1, REAL, (), "auto"),
        RetryScheduled("/x", 500, REAL, 3, 1.0, "", "", REAL), RunEnded(3, REAL, 1.0, {}, 0, {"calls": TypeSummary()}),
    ]  # fmt: skip
    for flags in ({"json": True}, {"quiet": True}, {"verbose": 1}):
        out, err = io.StringIO(), io.StringIO()
        said: dict[str, Any] = {"json": False, "quiet": False, "verbose": 0, "progress": False} | flags
        reporter = choose(**said, stdout=out, stderr=err)
        for event in events:
            reporter.emit(event)
        reporter.error(HubdumpError(f"bad {REAL}", REAL))
        assert UUID not in out.getvalue() + err.getvalue()
        assert "***" in out.getvalue() + err.getvalue()
    log = RunLog(tmp_path, "run")
    for event in events:
        log.emit(event)
    log.close()
    written = [path.read_text("utf-8") for path in tmp_path.iterdir()]
    assert len(written) == 2
    assert all("***" in text and UUID not in text for text in written)
    assert clean("pat-na1-sandbox") == "pat-na1-sandbox"


def test_a_secret_cannot_be_printed_pickled_or_copied() -> None:
    secret = Secret(REAL)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        format(secret),
        f"{secret!r}",
        f"{[secret]}",
        repr(ServiceKey(secret)),
    ]
    assert all(text.count("***") == 1 and UUID not in text for text in shown)
    ways: list[Callable[[], object]] = [
        lambda: pickle.dumps(secret), lambda: copy.copy(secret), lambda: copy.deepcopy(secret), lambda: vars(secret),
        lambda: json.dumps(secret), lambda: asdict(ServiceKey(secret)), secret.__getstate__,
        lambda: f"{secret:>20}", lambda: secret.__dict__, lambda: bytes(secret),  # type: ignore[call-overload]  # that is what must fail
    ]  # fmt: skip
    for way in ways:
        with pytest.raises((TypeError, AttributeError)):
            way()
    assert secret.reveal() == REAL


def test_an_exception_in_the_transport_bears_no_token() -> None:
    def broken(_: Request[Any]) -> Response:
        raise ValueError("a bug of ours")

    world = World(broken)
    with pytest.raises(ValueError, match="a bug") as error:
        asyncio.run(world.exchange.ask(API.account()))
    told = "".join(traceback.TracebackException.from_exception(error.value, capture_locals=True).format())
    assert "token = ***" in told
    assert UUID not in told


@dataclass(frozen=True, slots=True)
class Watched:
    """A run with a token of its own into a folder that others may read, and the command lines of its processes."""

    user: User
    token: str
    said: str
    lines: set[bytes]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    mine, user = "a-token-of-my-own", User(tmp_path_factory.mktemp("watched"))
    user.dump.mkdir()
    user.dump.chmod(0o755)
    with ExitStack() as stack:
        user.at(
            started(stack, "--portal", "tiny", "--faults", "none", "--token", mine), HUBSPOT_ACCESS_TOKEN=mine
        )
        process = subprocess.Popen(
            user.command("run", "--no-progress", "-v", "--record", "shapes"), cwd=user.folder, env=user.env(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, umask=0o022,
        )  # fmt: skip
        lines = set()
        while process.poll() is None:
            for of in Path("/proc").glob("[0-9]*"):
                try:
                    parent = of.joinpath("stat").read_text().rpartition(")")[2].split()[1]
                    if str(process.pid) in {of.name, parent}:
                        lines.add(of.joinpath("cmdline").read_bytes())
                except OSError:
                    continue
            time.sleep(0.05)
        said = process.communicate()[0]
        assert process.returncode == 0, said
        yield Watched(user, mine, said, lines)


def test_no_process_bears_the_token_in_its_arguments(watched: Watched) -> None:
    assert any(b"hubdump.targets" in line for line in watched.lines), "its children were not seen"
    assert not [line for line in watched.lines if watched.token.encode() in line]


def test_the_token_is_in_nothing_that_a_run_says_or_writes(watched: Watched) -> None:
    assert watched.token not in watched.said
    written = [path for path in watched.user.folder.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert not [
        path for path in written for form in forms(watched.token) if form.encode() in path.read_bytes()
    ]


def test_the_log_of_a_run_holds_no_value_of_a_property(watched: Watched) -> None:
    raw = json.loads((watched.user.dump / "raw/engagements.json").read_text("utf-8"))
    texts = {
        value for element in raw for value in element["properties"].values() if value and len(value) > 20
    }
    logs = [path.read_text("utf-8") for path in (watched.user.dump / "runs").iterdir()]
    assert len(texts) > 10
    assert len(logs) == 2
    assert not [text for text in texts for log in (*logs, watched.said) if text in log]


def test_whatever_a_run_writes_is_its_owners_alone_whatever_the_umask_was(watched: Watched) -> None:
    folder = watched.user.folder
    made = [folder / "shapes", *(folder / "shapes").rglob("*"), *watched.user.dump.rglob("*")]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in made}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_dump_that_others_can_read_is_told_with_the_command_and_not_refused(watched: Watched) -> None:
    assert "data can be read by others on this machine" in watched.said
    command = next(line for line in watched.said.splitlines() if "chmod" in line).partition("Close it: ")[2]
    assert command == "chmod -R go= data"
    subprocess.run(command.split(), cwd=watched.user.folder, check=True)
    assert stat.S_IMODE(watched.user.dump.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", [REAL, REAL.upper(), "pat-" + "eu1-" + UUID, f"{REAL}:tickets"])
def test_the_sandbox_refuses_what_looks_like_a_real_token(name: str) -> None:
    ways: list[dict[str, Any]] = [{"token": name}, {"tokens": (name,)}]
    for options in ways:
        with pytest.raises(SandboxError, match="looks like a real one") as said:
            SandboxConfig(**options)
        assert UUID not in str(said.value).lower()
    assert InProcess("calls=1").request("GET", "/account-info/2026-09/details", headers={
        "authorization": f"Bearer {name}"}).status == 401  # fmt: skip


def test_hiding_takes_nothing_else_away() -> None:
    text = json.dumps(page([1, 2, 3])).encode()
    assert hidden(text, [Secret(REAL)]) == text
    assert hidden(b"a " + REAL.encode() + b" b", [Secret(REAL)]) == b"a *** b"
