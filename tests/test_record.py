"""Recordings hold shapes and nothing else; parity finds what differs; the probe's file makes a sandbox alike."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hubdump.around import COLLECTIONS
from hubdump.record import shapes
from hubdump.record.parity import differences, unprovoked
from hubdump.record.recorder import NAME, read
from tests.conftest import ROOT, Serve, User


def recorded(user: User, *beliefs: str, serve: Serve, portal: str = "seven") -> Path:
    flags = [word for belief in beliefs for word in ("--belief", belief)]
    served = serve("--portal", portal, "--faults", "none", "--overload", "off", *flags)
    folder = user.folder / f"record{len(list(user.folder.iterdir()))}"
    told = user.at(served).types("run", "--record", str(folder), "--dump", f"{folder}-dump")
    assert told.status == 0, told.err
    return folder


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        ({"a": [1, 2.5, None, True]}, {"": ["object"], "a": ["list"], "a[]": ["boolean", "integer", "null", "number"]}),
        ({"category": "RATE_LIMITS"}, {"": ["object"], "category": ["=RATE_LIMITS"]}),
        ({"category": "my own words"}, {"": ["object"], "category": ["text"]}),
        ({"properties": {"secret_plan": "x"}}, {"": ["object"], "properties": ["object"], "properties.*": ["text"]}),
        (
            [{"id": "12", "at": "2026-01-01T00:00:00.5Z", "on": "2026-01-01", "is": "", "so": "1.5"}],
            {"": ["list"], "[]": ["object"], "[].at": ["instant"], "[].id": ["digits"], "[].is": ["empty"],
             "[].on": ["date"], "[].so": ["decimal"]},
        ),
    ],
)  # fmt: skip
def test_a_shape_has_the_paths_and_the_kinds(content: Any, shape: shapes.Shape) -> None:
    assert shapes.of(content) == shape


def test_paths_bear_no_ids_and_no_names_of_custom_objects() -> None:
    assert shapes.template("/crm/v3/objects/2-44/17") == "/crm/v3/objects/{custom}/{id}"
    assert shapes.template("/crm/objects/2026-09/p9_secret/search") == "/crm/objects/2026-09/{custom}/search"


def test_a_recording_holds_no_value_of_the_portal(serve: Serve, user: User) -> None:
    folder = recorded(user, serve=serve)
    text = (folder / NAME).read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) > 20
    elements = json.loads((Path(f"{folder}-dump") / "raw/engagements.json").read_text("utf-8"))
    assert len(elements) > 100
    values = {str(v) for e in elements for v in (e["id"], *e["properties"].values()) if v and len(str(v)) > 5}
    assert [value for value in values if value in text] == []
    # Names of properties are the portal's own, too.
    names = {name for element in elements for name in element["properties"] if len(name) > 12}
    assert [name for name in names if name in text] == []


@pytest.mark.prove
def test_the_same_portal_recorded_twice_does_not_differ_and_another_behaviour_does(
    serve: Serve, user: User
) -> None:
    one, two = recorded(user, serve=serve), recorded(user, serve=serve)
    other = recorded(user, "dated-to-object-id=number", "headers-on-associations=yes", serve=serve)
    assert list(differences(read(one), read(two))) == []
    found = list(differences(read(other), read(one)))
    assert any("toObjectId is integer, in the sandbox only digits" in line for line in found)
    assert any("header x-hubspot-ratelimit-max only recorded" in line for line in found)
    assert all("associations" in line for line in found)
    assert list(unprovoked(read(one)[:1], read(one)[1:2])) == [
        f"{read(one)[0].method} {read(one)[0].path} 200: recorded, not provoked here"
    ]
    told = subprocess.run(
        [sys.executable, "-m", "hubdump.record.parity", str(other), str(one)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 3
    assert told.stdout.splitlines()[-1].startswith(f"{len(found)} differences")


def test_parity_with_what_is_no_recording_says_how_to_make_one(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "hubdump.record.parity", str(tmp_path), str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 2
    assert "hubdump run --record" in told.stderr


def test_doctor_says_what_is_readable_and_what_scope_is_missing(serve: Serve, user: User) -> None:
    whole = user.at(serve("--portal", "tiny", "--faults", "none")).types("doctor")
    assert whole.status == 0, whole.out
    assert "ok     calls: can be read" in whole.out
    assert "ok     appointments: not switched on in this portal's object library" in whole.out
    assert "ok     limits: 190 requests in 10 s" in whole.out
    for row in (row for row in COLLECTIONS if not row.parent):
        assert f"ok     {row.name}: can be read" in whole.out
    scopes = "oauth+crm.objects.contacts.read+crm.objects.companies.read"
    served = serve("--portal", "tiny", "--faults", "none", "--token", f"few:{scopes}")
    user.environment["HUBSPOT_BASE_URL"], user.environment["HUBSPOT_ACCESS_TOKEN"] = served.url, "few"
    lacking = user.types("doctor")
    assert lacking.status == 3
    assert "WRONG  deals: " in lacking.out
    assert "crm.objects.deals.read" in lacking.out
    assert re.search(r"WRONG  files: .*\bfiles\b", lacking.out)
    assert "ok     account: can be read" in lacking.out
    assert "ok     calls: can be read" in lacking.out


@pytest.mark.prove
def test_the_probes_file_starts_a_sandbox(serve: Serve, user: User) -> None:
    served = serve(
        "--portal", "seven", "--faults", "none", "--overload", "off", "--belief", "dated-to-object-id=number"
    )
    told = user.at(served).types("doctor", "--probe")
    assert told.status == 0, told.err
    found = json.loads((user.folder / "probe.json").read_text("utf-8"))
    assert found["beliefs"]["dated-to-object-id"] == "number"
    assert told.out.splitlines()[0] == f"Asking {served.url}: at most 60 reads, about half a minute"
    assert "other than the sandbox believes: dated-to-object-id=number (not text)" in told.out
    assert "batch-order" not in told.out
    alike = serve("--portal", "tiny", "--beliefs", str(user.folder / "probe.json"), "--faults", "none")
    assert user.at(alike).types("run", "--to", "json").status == 0
