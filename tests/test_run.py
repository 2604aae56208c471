"""hubdump run as its user types it, against the sandbox."""

from __future__ import annotations

import json
import re
import subprocess
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from hubdump.clock import SystemClock
from hubdump.extract.bearer import ServiceKey
from hubdump.extract.exchange import Patience
from hubdump.model import Secret
from hubdump.running import Order, run
from hubdump.session import Access
from test_engagement_fixes import pages_asked_twice
from tests.conftest import ALL, ENGAGEMENTS, ROOT, TOKEN, TYPES, Serve, User, held, same_as_truth

SCRIPT = {"meetings": 7, "calls": 1020, "emails": 1040, "notes": 1000}


def test_the_engagements_of_the_default_portal_come_home_proved_in_fewer_than_150_requests(
    serve: Serve, user: User
) -> None:
    served = serve()
    told = user.at(served).types("run", "--only", "engagements", "--json")
    assert told.status == 0, told.err
    live = served.truth(ENGAGEMENTS)["live"]
    ids, _ = held(user.dump)
    assert ids == {name: sorted(live[name]) for name in ENGAGEMENTS}
    assert {name: len(found) for name, found in ids.items() if found} == SCRIPT
    log = served.ask("requests")["requests"]
    assert len(log) < 150
    assert sum(told.summary["requests"].values()) == len(log)
    faults = [request["fault"] for request in log if request["fault"]]
    assert len(set(faults)) >= 6
    # All kinds of faults but a slow answer are a retry.
    assert told.summary["retries"] == sum(fault != "slow" for fault in faults)
    assert {name: t["records"] for name, t in told.summary["types"].items() if t["records"]} == SCRIPT
    assert all(t["fresh_at"] and t["fresh_at"] == t["proved_at"] for t in told.summary["types"].values())


@pytest.mark.prove
def test_all_types_of_the_default_portal_come_home(serve: Serve, user: User) -> None:
    served, user.only = serve(), ""
    told = user.at(served).types("run", "--json")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth(ALL))
    assert told.summary["types"]["contacts"]["records"] == 900
    archived = {name: t["archived"] for name, t in told.summary["types"].items() if name in ALL}
    assert len(told.summary["types"]) > 30
    assert archived == {name: len(ids) for name, ids in served.truth(ALL)["archived"].items()}
    assert sum(archived.values()) > 50


def test_the_files_are_the_old_scripts(serve: Serve, user: User) -> None:
    served = serve("--portal", "small", "--faults", "none")
    told = user.at(served).types("run", "--only", "engagements", "--no-progress")
    assert told.status == 0, told.err
    truth = served.truth(ENGAGEMENTS)
    raw = user.dump / "raw"
    together = json.loads((raw / "engagements.json").read_text("utf-8"))
    assert len(together) == sum(len(truth["live"][name]) for name in ENGAGEMENTS) > 0
    for name in ENGAGEMENTS:
        singular = name if name == "postal_mail" else name[:-1]
        elements = json.loads((raw / f"engagements_{singular}_partial.json").read_text("utf-8"))
        assert sorted(e["id"] for e in elements) == sorted(truth["live"][name])
        links = {(r[1], r[2], r[3]) for r in truth["associations"] if r[0] == name}
        assert links == {
            (e["id"], to, a["id"]) for e in elements for to, of in e["associations"].items() for a in of
        }
        for element in elements:
            assert list(element) == [
                "id",
                "type",
                "properties",
                "createdAt",
                "updatedAt",
                "archived",
                "associations",
            ]
            assert element["type"] == singular
            assert element["properties"]["hs_engagement_type"] == singular.upper()
    meetings = len(truth["live"]["meetings"])
    line = f"Completed MEETING - Success: {meetings}, Failed: 0, Total: {meetings}"
    log = next((user.dump / "runs").glob("*.log")).read_text("utf-8")
    for text in (told.err, log):
        assert "Extracting MEETING engagements" in text
        assert line in text


def test_a_second_run_reads_anew_and_says_the_same(serve: Serve, user: User) -> None:
    served = serve("--portal", "small", "--faults", "none")
    assert user.at(served).types("run").status == 0
    files = {path: path.stat().st_mtime_ns for path in (user.dump / "raw").iterdir()}
    user.forget_the_last_window()
    assert user.types("run").status == 0
    same_as_truth(user.dump, served.truth())
    assert files == {path: path.stat().st_mtime_ns for path in (user.dump / "raw").iterdir()}


def test_verify_proves_it_and_finds_what_was_taken_away_or_added(serve: Serve, user: User) -> None:
    served = serve("--portal", "small", "--faults", "none")
    assert user.at(served).types("run", "--to", "json").status == 0
    user.forget_the_last_window()
    good = user.types("verify")
    assert good.status == 0, good.out
    proved, due = re.findall(r"calls: .* proved at (\S+)T\S+ \(due again (\S+)\)", user.types("status").out)[
        0
    ]
    assert date.fromisoformat(due) - date.fromisoformat(proved) == timedelta(days=7)
    with user.in_the_store() as db:
        (number,) = db.execute("SELECT number FROM types WHERE name = 'calls'").fetchone()
        (lost,) = db.execute("SELECT min(id) FROM records WHERE type = ?", (number,)).fetchone()
        db.execute("UPDATE records SET id = id + 1 WHERE type = ? AND id = ?", (number, lost))
    user.forget_the_last_window()
    bad = user.types("verify")
    assert bad.status == 3
    assert f"missing here: {lost}" in bad.out
    assert f"only here: {lost + 1}" in bad.out


def test_verify_finds_a_changed_file_and_a_damaged_page(serve: Serve, user: User) -> None:
    assert user.at(serve("--portal", "tiny", "--faults", "none")).types("run").status == 0
    assert user.types("verify", "--level", "local").status == 0
    path = user.dump / "raw" / "engagements_note_partial.json"
    path.write_text(path.read_text("utf-8").replace("note", "NOTE", 1), "utf-8")
    changed = user.types("verify", "--level", "local")
    assert changed.status == 3
    assert "changed since it was written" in changed.out
    with user.in_the_store() as db:
        db.execute("UPDATE pages SET crc = crc + 1 WHERE number = 1")
    damaged = user.types("verify", "--level", "local")
    assert damaged.status == 3
    assert "1 damaged pages" in damaged.out


def test_a_file_that_a_killed_run_could_not_write_is_written_by_the_next(serve: Serve, user: User) -> None:
    assert user.at(serve("--portal", "tiny", "--faults", "none")).types("run", "--to", "json").status == 0
    path = user.dump / "raw" / "engagements_note_partial.json"
    whole = path.read_bytes()
    for verb in ("run", "load"):
        path.unlink()
        user.forget_the_last_window()
        with user.in_the_store() as db:  # as when it was killed after the last page
            db.execute("DELETE FROM files WHERE path = 'raw/engagements_note_partial.json'")
            db.execute("UPDATE meta SET value = '1' WHERE key = 'began_us'")
        assert user.types(verb, "--to", "json").status == 0
        assert path.read_bytes() == whole


# Each belief alone is in tests/test_beliefs.py, without sockets; here those that are about the wire.
@pytest.mark.parametrize("belief", ["association-budget=shared", "window=exact", "retry-after-on-429=yes"])
def test_the_result_is_the_same_whatever_is_true_of_the_wire(belief: str, serve: Serve, user: User) -> None:
    served = serve("--portal", "small", "--faults", "none", "--belief", belief)
    told = user.at(served).types("run", "--json")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth())


def test_a_refuted_belief_is_told_and_stands_in_the_manifest(serve: Serve, user: User) -> None:
    served = serve("--portal", "seven", "--faults", "none", "--belief", "list-after=position")
    told = user.at(served).types("run", "--json")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth())
    beliefs = json.loads((user.dump / "manifest.json").read_text("utf-8"))["beliefs"]
    assert [text for text, how in beliefs.items() if how.startswith("refuted: the cursor of")] == [
        "lists page by id: what is removed shifts no page"
    ]
    assert "observed" in beliefs.values()
    assert "assumed" in beliefs.values()


def test_many_properties_come_by_batch_read(serve: Serve, user: User) -> None:
    served = serve("--portal", "wide,calls=120", "--faults", "none")
    told = user.at(served).types("run", "--only", "calls", "--to", "json", "--json")
    assert told.status == 0, told.err
    elements = json.loads((user.dump / "raw/engagements_call_partial.json").read_text("utf-8"))
    assert sorted(one["id"] for one in elements) == sorted(served.truth()["live"]["calls"])
    assert sum(name.startswith("a_property") for name in elements[0]["properties"]) == 1500


def test_one_type_alone_and_all_but_one(serve: Serve, user: User) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    assert user.at(served).types("run", "--only", "meetings", "--to", "json", "--json").status == 0
    assert [p.name for p in sorted((user.dump / "raw").iterdir())] == [
        "engagements.json",
        "engagements_meeting_partial.json",
    ]
    user.forget_the_last_window()
    told = user.types("run", "--exclude", "meetings", "--to", "json", "--json")
    assert set(told.summary["types"]) == set(TYPES) - {"meetings"}


def test_what_is_read_may_be_told_by_variables_and_by_a_file_and_flags_come_first(
    serve: Serve, user: User
) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    (user.folder / "hubdump.toml").write_text('exclude = ["notes"]\nto = ["json"]\n', "utf-8")
    user.only = "notes calls meetings"
    told = user.at(served).types("run", "--json")
    assert set(told.summary["types"]) == {"calls", "meetings"}
    assert (user.dump / "raw/engagements.json").exists()
    assert not (user.dump / "hubdump.duckdb").exists()
    user.forget_the_last_window()
    told = user.types("run", "--only", "tasks", "--to", "csv:out", "--json")
    assert set(told.summary["types"]) == {"tasks"}
    assert "tasks.csv" in {path.name for path in user.folder.glob("out/*")}
    told = user.types("run", "--only", "notes", "--json")
    said = "only and exclude (flags, variables, hubdump.toml) leave no object type"
    assert (told.status, said in told.out) == (2, True)


def test_a_run_over_one_type_leaves_the_others_in_every_target(serve: Serve, user: User) -> None:
    served = serve("--portal", "seven", "--faults", "none")
    assert user.at(served).types("run", "--json").status == 0
    user.forget_the_last_window()
    assert user.types("run", "--only", "meetings", "--json").status == 0
    same_as_truth(user.dump, served.truth())
    together = json.loads((user.dump / "raw/engagements.json").read_text("utf-8"))
    live = served.truth()["live"]
    assert len(together) == sum(len(live[name]) for name in ("meetings", "calls", "notes")) > 300
    assert user.types("verify", "--level", "local").status == 0


def test_no_secret_is_written_anywhere(serve: Serve, user: User) -> None:
    token = "pat-na1-" + "very-own-secret"
    served = serve("--portal", "tiny", "--faults", "few", "--token", token)
    told = user.at(served, HUBSPOT_ACCESS_TOKEN=token).types("run", "-v", "--no-progress", umask=0o022)
    assert told.status == 0
    assert token not in told.out + told.err
    files = [path for path in user.dump.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if token.encode() in path.read_bytes()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (user.dump, *user.dump.rglob("*")))


def test_files_of_others_are_moved_aside_never_overwritten(serve: Serve, user: User) -> None:
    raw = user.dump / "raw"
    raw.mkdir(parents=True)
    (raw / "engagements_call_partial.json").write_text("[1]")
    (raw / "notes.txt").write_text("mine")
    told = user.at(serve("--portal", "tiny", "--faults", "none")).types(
        "run", "--to", "json", "--no-progress"
    )
    assert told.status == 0
    (aside,) = raw.glob("before-hubdump-*")
    assert (aside / "engagements_call_partial.json").read_text() == "[1]"
    assert (aside / "notes.txt").read_text() == "mine"
    assert "Moved 2 files" in told.err


def test_the_library_does_not_send_a_request_again_by_itself(serve: Serve, user: User) -> None:
    served = serve("--portal", "small", "--faults", "at:10=reset,at:13=reset,at:16=reset")
    told = user.at(served).types("run", "--to", "json", "--json")
    assert told.status == 0
    assert told.summary["retries"] == 3
    assert sum(told.summary["requests"].values()) == len(served.ask("requests")["requests"])


@pytest.mark.prove
def test_a_run_that_is_cut_short_continues_and_asks_for_no_page_twice(serve: Serve, user: User) -> None:
    served = serve("--portal", "small", "--faults", "none", "--latency-ms", "80")
    process = subprocess.Popen(
        user.at(served).command("run"), cwd=user.folder, env=user.env(), stderr=subprocess.DEVNULL
    )
    while len(served.ask("requests")["requests"]) < 30:
        time.sleep(0.01)
    process.kill()
    process.wait()
    before = len(served.ask("requests")["requests"])
    told = user.types("run", "--json")
    assert told.status == 0
    same_as_truth(user.dump, served.truth())
    total = len(served.ask("requests")["requests"])
    alone = serve("--portal", "small", "--faults", "none")
    other = User(user.folder / "other")
    other.folder.mkdir()
    assert other.at(alone).types("run").status == 0
    whole = len(alone.ask("requests")["requests"])
    assert total <= whole + 1 + 24, (before, total, whole)


def test_a_run_that_dies_just_before_its_manifest_is_continued_not_begun_anew(
    serve: Serve, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit(137)

    served = serve("--portal", "seven", "--faults", "none")
    access = Access(served.url, ServiceKey(Secret(TOKEN)), None, Patience())
    order = Order("first", user.dump, access, lambda verb: f"hubdump {verb}", only=TYPES)
    monkeypatch.setattr("hubdump.running.write_manifest", killed)
    with pytest.raises(SystemExit):
        run(order, SystemClock(), lambda _: None)
    killed_at = len(served.ask("requests")["requests"])
    user.forget_the_last_window()
    told = user.at(served).types("run", "--json")
    assert told.status == 0, told.err
    same_as_truth(user.dump, served.truth())
    assert pages_asked_twice(served.ask("requests")["requests"], killed_at) == {}


class Killed(BaseException):
    """The end of a process at once; nothing hears it."""


@pytest.mark.parametrize("at", ["hubdump.load.begin", "hubdump.targets.json_files.write_type"])
def test_a_json_file_that_a_killed_run_did_not_come_to_is_written_by_the_run_that_continues_it(
    at: str, serve: Serve, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    served = serve("--portal", "seven", "--faults", "none")
    assert user.at(served).types("run", "--only", "meetings").status == 0
    edited, *_ = served.truth()["live"]["meetings"]
    path = f"/crm/v3/objects/meetings/{edited}"
    body = {"properties": {"hs_meeting_title": "late"}}
    served.tell("clock", {"advance_s": 7200})
    served.tell("edits", {"edits": [{"method": "PATCH", "path": path, "body": body}]})
    access = Access(served.url, ServiceKey(Secret(TOKEN)), None, Patience())
    order = Order("killed", user.dump, access, lambda verb: f"hubdump {verb}", only=("meetings",))
    user.forget_the_last_window()
    with monkeypatch.context() as patched:
        patched.setattr(at, killed)
        with pytest.raises(Killed):
            run(order, SystemClock(), lambda _: None)
    user.forget_the_last_window()
    assert user.types("run", "--only", "meetings").status == 0
    file = user.dump / "raw" / "engagements_meeting_partial.json"
    titles = {one["id"]: one["properties"]["hs_meeting_title"] for one in json.loads(file.read_text("utf-8"))}
    assert sorted(titles) == sorted(served.truth()["live"]["meetings"])
    assert titles[edited] == "late"


def test_the_command_line_is_quick_and_each_verb_has_an_example_and_its_statuses(user: User) -> None:
    for verb in ("run", "verify", "status", "load", "sandbox"):
        told = user.types(verb, "--help")
        assert told.status == 0
        assert f"Example: hubdump {verb}" in told.out
        flat = " ".join(told.out.split())
        assert all(re.search(rf"\b{code} \w", flat) for code in (0, 1, 2, 3, 4, 74, 75, 130)), flat
    assert user.types("--version").out == "hubdump 0.1.0\n"
    heavy = "aiohttp|duckdb|pydantic|rich.live|msgspec"
    imported = subprocess.run(
        [user.command()[0], "-X", "importtime", "-m", "hubdump", "--help"],
        capture_output=True, text=True, check=True, cwd=ROOT, env=user.env(),
    ).stderr  # fmt: skip
    assert not [line for line in imported.splitlines() if re.search(rf"\| +({heavy})$", line)]


def test_main_py_is_hubdump_run(serve: Serve, user: User) -> None:
    served = serve("--portal", "tiny", "--faults", "none")
    python = user.command()[0]
    done = subprocess.run(
        [python, str(ROOT / "main.py"), "--json"], cwd=user.folder, env=user.at(served).env(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["types"]["calls"]["records"] == 1


def test_main_py_without_the_dependencies_says_what_installs_them(tmp_path: Path) -> None:
    script = "import runpy, sys; sys.modules['typer'] = None; sys.argv = ['main.py'];"
    script += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [User(tmp_path).command()[0], "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "make run" in done.stderr) == (2, True)
    assert TOKEN not in done.stderr
    assert not list(tmp_path.iterdir())
