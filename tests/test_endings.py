"""Every way a command can end badly: its status, what it says, and that nothing is lost."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.conftest import Serve, User, held, same_as_truth
from tests.worlds import ENGAGEMENTS


def test_a_wrong_token_ends_with_4_and_the_sentence_to_act_on(serve: Serve, user: User) -> None:
    told = user.at(serve("--portal", "tiny"), HUBSPOT_ACCESS_TOKEN="pat-na1-wrong").types("run")
    assert told.status == 4
    assert "HubSpot does not accept the token" in told.err
    assert "Make a service key" in told.err
    assert "pat-na1-wrong" not in told.err


def test_no_token_ends_with_2_and_says_how_to_get_one_and_how_to_try_the_sandbox(user: User) -> None:
    told = user.types("run")
    assert told.status == 2
    assert "service key" in told.err
    assert "hubdump run --sandbox" in told.err
    assert not user.dump.exists()


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("HUBSPOT_MAX_REQUESTS_PER_10S", "many", "whole number from 1 to 10000, or auto"),
        ("HUBSPOT_MAX_REQUESTS_PER_10S", "0", "whole number from 1 to 10000, or auto"),
        ("MAX_RETRIES", "-3", "greater than or equal to 0"),
        ("HUBSPOT_BASE_URL", "https://evil.example", "only to https://api.hubapi.com"),
        ("HUBSPOT_BASE_URL", "http://api.hubapi.com", "only to https://api.hubapi.com"),
        ("HUBDUMP_GIVE_UP_AFTER", "soon", "number"),
        ("HUBSPOT_ACCESS_TOKEN", "two words", "blanks"),
    ],
)
def test_a_bad_setting_ends_with_2_and_names_variable_value_and_rule(
    name: str, value: str, rule: str, user: User
) -> None:
    user.environment = {"HUBSPOT_ACCESS_TOKEN": "x", name: value}
    told = user.types("run")
    assert told.status == 2
    assert name in told.err
    assert rule in told.err
    if name != "HUBSPOT_ACCESS_TOKEN":
        assert value in told.err


def test_two_tokens_that_differ_in_one_source_are_refused(user: User) -> None:
    user.environment = {"HUBSPOT_ACCESS_TOKEN": "one-token", "HUBSPOT_SERVICE_KEY": "other-token"}
    told = user.types("run")
    assert told.status == 2
    assert "HUBSPOT_ACCESS_TOKEN and HUBSPOT_SERVICE_KEY" in told.err
    assert "one-token" not in told.err


def test_settings_come_from_files_and_the_environment_beats_them(serve: Serve, user: User) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    (user.folder / ".env").write_text(
        f"HUBSPOT_ACCESS_TOKEN=pat-na1-sandbox\nHUBSPOT_BASE_URL={served.url}\n"
    )
    (user.folder / "hubdump.toml").write_text(
        'HUBSPOT_MAX_REQUESTS_PER_10S = 77\nHUBDUMP_DIR = "elsewhere"\n'
    )
    told = user.types("run", "--no-progress", "--to", "json")
    assert told.status == 0, told.err
    assert "at most 77 requests in 10 s" in told.err
    assert "chmod 600 .env" in told.err
    assert (user.folder / "elsewhere/store.sqlite").exists()
    user.environment = {"HUBSPOT_MAX_REQUESTS_PER_10S": "auto", "HUBDUMP_DIR": "third"}
    assert "(auto)" in user.types("run", "--no-progress", "--to", "json").err
    assert (user.folder / "third/store.sqlite").exists()


def test_a_secret_in_the_toml_file_is_refused(user: User) -> None:
    (user.folder / "hubdump.toml").write_text('HUBSPOT_ACCESS_TOKEN = "x"\n')
    told = user.types("run")
    assert told.status == 2
    assert "no secret belongs into it" in told.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--to", "paper"),
        ("verify", "--level", "most"),
        ("run", "--nope"),
        ("fly",),
        ("load", "none"),
    ],
)
def test_bad_usage_ends_with_2(arguments: tuple[str, ...], user: User) -> None:
    user.environment = {"HUBSPOT_ACCESS_TOKEN": "x"}
    told = user.types(*arguments)
    assert told.status == 2
    assert arguments[-1].removeprefix("--") in told.err


def test_a_type_that_neither_hubspot_nor_the_portal_has_ends_with_2(serve: Serve, user: User) -> None:
    told = user.at(serve("--portal", "tiny", "--faults", "none")).types("run", "--only", "dragons")
    assert told.status == 2
    assert "There is no object type 'dragons'" in told.err


@pytest.mark.parametrize("verb", ["verify", "status", "load"])
def test_a_dump_that_is_not_there_ends_with_2_and_how_to_make_one(verb: str, user: User) -> None:
    user.environment = {"HUBSPOT_ACCESS_TOKEN": "x"}
    told = user.types(verb)
    assert told.status == 2
    assert "hubdump run" in told.err
    assert not user.dump.exists()


def test_a_folder_that_cannot_be_written_ends_with_74(serve: Serve, user: User) -> None:
    # Nobody, not even root, may make a folder there.
    told = user.at(serve("--portal", "tiny")).types("run", "--dump", "/sys/hubdump")
    assert told.status == 74
    assert "/sys/hubdump" in told.err
    assert "give write access" in told.err


@pytest.mark.prove
def test_a_full_disk_ends_with_74_and_the_next_run_continues(serve: Serve, user: User) -> None:
    served = serve("--portal", "script", "--faults", "none")

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    full = user.at(served).types("run", "--only", "engagements", preexec_fn=little_room)
    assert full.status == 74, full.err
    assert "Everything committed before is intact" in full.err
    sent = len(served.ask("requests")["requests"])
    assert sent > 5
    told = user.types("run", "--only", "engagements", "--json")
    assert told.status == 0, told.err
    live = served.truth(ENGAGEMENTS)["live"]
    assert held(user.dump)[0] == {name: sorted(live[name]) for name in ENGAGEMENTS}
    # What a whole run takes, the account once more, and at most a page for each that was under way.
    assert len(served.ask("requests")["requests"]) <= 125 + 1 + 24


def test_a_second_run_on_the_same_dump_ends_with_75_and_says_who_holds_it(serve: Serve, user: User) -> None:
    served = serve("--portal", "small", "--faults", "none", "--latency-ms", "400")
    first = subprocess.Popen(
        user.at(served).command("run"), cwd=user.folder, env=user.env(), stderr=subprocess.DEVNULL
    )
    _until(lambda: len(served.ask("requests")["requests"]) > 2)
    second = user.types("run")
    assert second.status == 75
    assert f"process {first.pid}" in second.err
    assert first.wait() == 0
    same_as_truth(user.dump, served.truth())


def test_a_dump_of_another_portal_is_refused_and_left_as_it_is(serve: Serve, user: User) -> None:
    mine, other = serve("--portal", "tiny", "--faults", "none"), serve("--portal", "tiny", "--seed", "8")
    assert user.at(mine).types("run").status == 0
    before = {
        p: p.read_bytes() for p in user.dump.rglob("*") if p.is_file() and p.suffix in {".json", ".duckdb"}
    }
    user.forget_the_last_window()
    told = user.at(other).types("run")
    assert told.status == 2
    assert f"is the dump of portal {mine.truth()['portal']}" in told.err
    after = {p: p.read_bytes() for p in before if p.name != "lock.json"}
    assert after == {p: before[p] for p in after}
    assert len(after) > 5


def test_max_retries_is_obeyed_with_75_and_everything_kept(serve: Serve, user: User) -> None:
    served = serve("--portal", "tiny", "--faults", "outage:12:3600")
    told = user.at(served, MAX_RETRIES="2").types("run")
    assert told.status == 75
    assert "MAX_RETRIES is 2" in told.err
    paths = [r["path"] for r in served.ask("requests")["requests"] if r["fault"]]
    assert max(paths.count(path) for path in paths) == 2


def test_an_outage_longer_than_patience_ends_with_75(serve: Serve, user: User) -> None:
    served = serve("--portal", "tiny", "--faults", "outage:12:3600")
    told = user.at(served, HUBDUMP_GIVE_UP_AFTER="5").types("run")
    assert told.status == 75
    assert "continues where it stopped" in told.err


def test_an_outage_shorter_than_patience_is_waited_out(serve: Serve, user: User) -> None:
    served = serve("--portal", "tiny", "--faults", "outage:12:3")
    told = user.at(served).types("run", "--json")
    assert told.status == 0
    assert told.summary["retries"] > 0
    same_as_truth(user.dump, served.truth())


def _until(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")
