"""Files: what is in them, the signed URLs that lead to it, and the ones that searches do not show."""

from __future__ import annotations

import hashlib
import http.client
import json
from typing import Any

import pytest

from hubdump.sandbox import Sandbox
from hubdump.sandbox.in_process import URL, Answer
from tests.sandbox.asking import OBJECTS, Asking
from tests.sandbox.collecting import edit, listed, truth

FILES = "/files/2026-09/files"
PORTAL = "notes=60,files=60"


def given(portal: Asking, id_: str, **params: str) -> dict[str, Any]:
    """What HubSpot answers who asks for the bytes of a file."""
    found: dict[str, Any] = portal.get(f"{FILES}/{id_}/signed-url", **params)
    return found


def followed(portal: Asking, url: str) -> Answer:
    """What is behind a URL for somebody without a token."""
    assert url.startswith(URL)
    return portal.client.request("GET", url.removeprefix(URL), authorized=False)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()  # noqa: S324 - HubSpot's own sum of a file


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_a_signed_url_leads_to_bytes_of_which_the_metadata_is_true(version: str) -> None:
    portal = Asking(PORTAL)
    found = listed(portal, f"/files/{version}/files/search", limit="100")
    assert len(found) == 60
    for id_, body in list(found.items())[:14]:
        told = portal.get(f"/files/{version}/files/{id_}/signed-url")
        assert {name: told[name] for name in ("name", "extension", "type", "size")} == {
            name: body[name] for name in ("name", "extension", "type", "size")
        }
        answer = followed(portal, told["url"])
        assert (answer.status, len(answer.body), md5(answer.body)) == (200, body["size"], body["fileMd5"])


def test_the_files_of_a_portal_differ_and_are_a_few_megabytes() -> None:
    one, other = truth(Asking("small"), "files"), truth(Asking("small", seed=8), "files")
    assert len({body["fileMd5"] for body in one.values()}) == 200
    assert 1_000_000 < sum(body["size"] for body in one.values()) < 8_000_000
    assert not {body["fileMd5"] for body in one.values()} & {body["fileMd5"] for body in other.values()}


def test_a_url_ends_when_it_says_and_may_not_be_altered() -> None:
    portal = Asking(PORTAL)
    first, second = list(truth(portal, "files"))[:2]
    url = given(portal, first, expirationSeconds="60")["url"]
    portal.client.advance(58)
    assert followed(portal, url).status == 200
    portal.client.advance(3)
    assert followed(portal, url).status == 403
    portal.get(f"{FILES}/{first}/signed-url", 400, expirationSeconds="21601")
    for old, new in (
        (first, second),
        ("expires=1", "expires=2"),
        ("signature=", "signature=0"),
        ("?", "?x="),
    ):
        fresh = given(portal, first)["url"]
        assert followed(portal, fresh).status == 200
        assert followed(portal, fresh.replace(old, new, 1)).status == 403
    fresh = given(portal, first)["url"]
    edit(portal, "remove", "files", key=first)
    assert followed(portal, fresh).status == 404
    assert portal.get(f"{FILES}/{first}/signed-url", 404)["category"] == "OBJECT_NOT_FOUND"


def test_what_is_attached_to_engagements_is_hidden_and_some_of_it_is_deleted() -> None:
    portal = Asking(PORTAL, tokens=("T:files+crm.objects.contacts.read", "all:files+files.ui_hidden.read"))
    notes = portal.pages(f"{OBJECTS}/notes", limit="50", properties="hs_attachment_ids")
    values = [note["properties"]["hs_attachment_ids"] for page in notes for note in page]
    named = {id_ for value in values for id_ in (value or "").split(";") if id_}
    assert named == {"4711", "4712", "815"}
    assert not named & listed(portal, f"{FILES}/search").keys()
    assert not named & truth(portal, "files").keys()
    for id_ in named:
        assert portal.get(f"{FILES}/{id_}/signed-url", 404)["category"] == "OBJECT_NOT_FOUND"
    sums = portal.client.portal.truth("notes", files=True)["files"]
    assert named & sums.keys() == {"4711", "4712"}
    assert len(sums) == 62
    for id_ in named:
        headers = {"authorization": "Bearer all"}
        answer = portal.client.request("GET", f"{FILES}/{id_}/signed-url", headers=headers)
        assert answer.status == (200 if id_ in sums else 404)
        if id_ in sums:
            body = followed(portal, answer.json()["url"]).body
            assert (len(body), md5(body)) == (sums[id_]["size"], sums[id_]["fileMd5"])


def test_an_app_that_loses_a_scope_keeps_that_of_hidden_files_until_it_loses_that() -> None:
    portal = Asking(PORTAL)
    portal.post("/_sandbox/drift", {"deeds": ["scope-revoked:forms"]})
    assert given(portal, "4711")
    portal.post("/_sandbox/drift", {"deeds": ["scope-revoked:files.ui_hidden.read"]})
    portal.get(f"{FILES}/4711/signed-url", 404)
    assert given(portal, next(iter(truth(portal, "files"))))


def test_a_file_that_is_hidden_later_is_shown_no_more_and_one_of_another_size_has_other_bytes() -> None:
    portal = Asking(PORTAL)
    first, second = list(truth(portal, "files"))[:2]
    edit(portal, "change", "files", key=first, body={"access": "HIDDEN_INDEXABLE"})
    assert first not in listed(portal, f"{FILES}/search")
    changed = edit(portal, "change", "files", key=second, body={"size": 5})["body"]
    assert listed(portal, f"{FILES}/search")[second] == changed
    body = followed(portal, given(portal, second)["url"]).body
    assert (len(body), md5(body)) == (5, changed["fileMd5"])
    renamed = edit(portal, "change", "files", key=second, body={"name": "other"})["body"]
    assert renamed["fileMd5"] == changed["fileMd5"]
    lied = edit(portal, "change", "files", key=second, body={"fileMd5": "0" * 32})["body"]
    assert lied["fileMd5"] == "0" * 32
    made = edit(portal, "create", "files", body={"id": "77", "size": 3})["body"]
    assert made["fileMd5"] == md5(followed(portal, given(portal, "77")["url"]).body)
    portal.post(
        "/_sandbox/items",
        {"edits": [{"do": "change", "collection": "files", "key": second, "body": {"size": "much"}}]},
        400,
    )


def test_a_picture_comes_smaller_where_that_is_asked_for() -> None:
    portal = Asking(PORTAL)
    files = truth(portal, "files")
    picture = next(one for one in files.values() if one["type"] == "IMG")
    other = next(one for one in files.values() if one["type"] != "IMG")
    small, whole = (
        followed(portal, given(portal, picture["id"], **asked)["url"]).body
        for asked in ({"size": "thumb", "upscale": "true"}, {})
    )
    assert 0 < len(small) < len(whole) == picture["size"]
    assert len(followed(portal, given(portal, other["id"], size="thumb")["url"]).body) == other["size"]
    for wrong in ({"size": "huge"}, {"upscale": "perhaps"}, {"expirationSeconds": "soon"}):
        portal.get(f"{FILES}/{picture['id']}/signed-url", 400, **wrong)


def test_whether_public_files_have_signed_urls_is_a_belief() -> None:
    portal = Asking(PORTAL, beliefs={"signed-url-for-public": "no"})
    statuses = {
        (one["access"].partition("_")[0], portal.client.request("GET", f"{FILES}/{id_}/signed-url").status)
        for id_, one in truth(portal, "files").items()
    }
    assert statuses == {("PUBLIC", 400), ("PRIVATE", 200)}


def test_bytes_are_charged_to_no_budget_and_meet_faults() -> None:
    portal = Asking(PORTAL)
    url = given(portal, "4711")["url"]
    told = portal.client.portal
    used = followed(portal, url)
    assert not any(name.startswith("X-HubSpot-RateLimit") for name in used.headers)
    assert [(one["budget"], one["template"]) for one in told.requests()] == [
        ("general", "/files/{version}/files/{id}/signed-url"),
        ("none", "/signed-files/{id}"),
    ]
    told.strike("cut", "/signed-files/")
    with pytest.raises(ConnectionResetError):
        followed(portal, url)
    told.strike("503", "/signed-files/")
    assert followed(portal, url).status == 503
    assert followed(portal, url).body == used.body


def test_over_http_bytes_have_their_length_and_are_not_packed() -> None:
    with Sandbox("files=2") as portal:
        id_, said = next(iter(portal.truth("pets", files=True)["files"].items()))
        host = portal.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=5)
        bearer = {"Authorization": f"Bearer {portal.token}"}
        connection.request("GET", f"{FILES}/{id_}/signed-url", headers=bearer)
        url = json.loads(connection.getresponse().read())["url"]
        assert url.startswith(portal.url + "/")
        connection.request("GET", url.removeprefix(portal.url), headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        assert answer.getheader("Content-Length") == str(said["size"])
        assert answer.getheader("Content-Encoding") is None
        assert md5(answer.read()) == said["fileMd5"]
        connection.close()
