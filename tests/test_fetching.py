"""The bytes of HubSpot's files: fetched once, whole or not at all, from where they may be, and kept."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from hubdump.around import ItemRef, ItemsRead
from hubdump.errors import DiskFailure, Incomplete, RequestRefused, ScopeMissing
from hubdump.events import FileFetched
from hubdump.fetching import FAILURES_MAX, Fetching
from hubdump.hubspot.downloads import Downloads
from hubdump.hubspot.endpoints import Endpoints
from hubdump.hubspot.wire import SignedUrl
from hubdump.model import Answer, RecordRef, RecordsRead, Request, Response, WalkKey
from hubdump.seal import sums
from hubdump.session import Session
from hubdump.store.fetched import Fetched
from hubdump.store.store import Store
from hubdump.targets import written
from tests.conftest import Serve, User
from tests.file_host import FileHost, before, change, content_of, filled
from tests.worlds import JumpingClock

BAD_URLS = (
    "http://files.example.com/x", "https://127.0.0.1/x", "https://[::1]/x", "https://localhost/x", "//", "https://[x",
    "https://a@files.example.com/x", "https://files.example.com:8443/x", "file:///etc/passwd",
)  # fmt: skip
ONLY = ("--only", "calls", "--only", "files")


@dataclass
class Home:
    """A dump beside a host of files, without a run around them; `items` are the metadata HubSpot has."""

    folder: Path
    host: FileHost
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    refused: Exception | None = None

    def put(self, id_: str, version: int = 0, **metadata: Any) -> None:
        body = self.host.files[id_] = content_of(id_, version)
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        self.items[id_] = {"id": id_, "size": len(body), "fileMd5": md5, **metadata}

    def attached(self, *ids: str) -> None:
        """Let a note name these ids."""
        record = {"id": "1", "properties": {"hs_attachment_ids": ";".join(ids)}, "archived": False}
        page = Response(200, {}, json.dumps({"results": [record]}).encode())
        with closing(Store(self.folder / "store.sqlite")) as store:
            store.begin_round("notes", 1)
            store.set_definitions("notes", [("hs_attachment_ids", b'{"name": "hs_attachment_ids"}')])
            store.commit_records(
                WalkKey("notes", "sweep"), RecordsRead(page, [RecordRef(1, 0, 1)], "", done=True), 0.0
            )

    def fetch(self) -> dict[str, str]:
        """One pass; why what is missing is."""
        with closing(Store(self.folder / "store.sqlite")) as store:
            self._listed(store)
            asyncio.run(self._fetch(store))
            return {one.parent: one.reason for one in store.fetched.missing()}

    def _listed(self, store: Store) -> None:
        store.items.begin("files", 1)
        page = Response(200, {}, json.dumps({"results": list(self.items.values())}).encode())
        refs = [ItemRef("", id_, position) for position, id_ in enumerate(self.items)]
        store.items.commit("files", ItemsRead("", page, refs), 0.0, growing=False)
        store.items.finish("files", 1, growing=False)

    async def _fetch(self, store: Store) -> None:
        session = Session(1, Endpoints(), cast(Any, self))
        async with Downloads(self.host.url) as downloads:
            await Fetching(session, downloads, store, JumpingClock(), self.events.append).fetch()

    async def ask(self, request: Request[SignedUrl]) -> Answer[SignedUrl]:
        await asyncio.sleep(0)
        if self.refused:
            raise self.refused
        status, content = self.host.sign(request.path.split("/")[-2])
        if status != 200:
            raise RequestRefused(status, request.template, content["message"])
        return Answer(SignedUrl(content["url"], content["size"]), Response(200, {}, b""))

    @property
    def fetched(self) -> list[str]:
        """Which files came in the last passes; asking forgets them."""
        ids = sorted(event.id for event in self.events if isinstance(event, FileFetched))
        self.events.clear()
        return ids

    def there(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "files").iterdir()}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with ExitStack() as stack:
        yield Home(tmp_path, stack.enter_context(before(None)))


def test_each_file_comes_once_and_again_where_its_content_or_its_place_in_the_dump_is_another(
    home: Home,
) -> None:
    for number in range(1, 8):
        home.put(str(number))
    home.attached("11", "4", "no id")
    home.host.files["11"] = content_of("11")
    assert home.fetch() == {}
    assert home.there() == home.host.files
    assert home.fetched == ["1", "11", "2", "3", "4", "5", "6", "7"]
    assert home.fetch() == {}
    assert home.fetched == []
    assert set(home.host.asked.values()) == {1}
    home.put("3", version=1)
    (home.folder / "files/5").unlink()
    (home.folder / "files/6").write_bytes(b"cut")
    assert home.fetch() == {}
    assert home.fetched == ["3", "5", "6"]
    assert home.there() == home.host.files


def test_bytes_are_asked_for_without_a_token_and_a_name_of_hubspots_leads_nowhere(home: Home) -> None:
    home.put("1", name="../../escaped", path="/../../escaped")
    home.items["../2"] = {"id": "../2", "size": 3}
    home.host.files["../2"] = b"out"
    assert home.fetch() == {"../2": "what names it is no id of HubSpot's"}
    assert home.there() == {"1": home.host.files["1"]}
    assert home.host.tokens == [""]
    assert not [*home.folder.rglob("escaped"), *home.folder.parent.glob("escaped")]
    assert not (home.folder / "2").exists()


@pytest.mark.parametrize(("trouble", "reason"), [
    ("cut", "connection broke"), ("other", "MD5"), ("longer", "were announced"), ("short", "bytes came, not"),
    ("403", "HTTP 403"),
    ("to http://169.254.169.254/latest", "169.254.169.254"), ("to /bytes/2", "redirects"),
    ("http://10.0.0.1", "10.0.0.1"), ("http://files.example.com", "files.example.com"),
])  # fmt: skip
def test_what_does_not_come_whole_or_from_elsewhere_is_named_and_asked_for_again(
    home: Home, trouble: str, reason: str
) -> None:
    home.put("1")
    home.put("2")
    home.host.trouble["2"] = trouble
    missing = home.fetch()
    assert list(missing) == ["2"]
    assert reason in missing["2"]
    assert "s3cret" not in missing["2"]
    assert home.there() == {"1": home.host.files["1"]}
    home.host.trouble.clear()
    assert home.fetch() == {}
    assert home.there() == home.host.files


def test_an_older_version_stays_until_the_new_one_is_whole(home: Home) -> None:
    home.put("1")
    home.fetch()
    old = home.host.files["1"]
    home.put("1", version=1)
    home.host.trouble["1"] = "cut"
    assert list(home.fetch()) == ["1"]
    assert home.there() == {"1": old}


def test_what_is_on_disk_is_never_told_by_the_sum_of_what_was_there_before(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put("1")
    home.fetch()
    home.put("1", version=1)
    with monkeypatch.context() as killed:
        killed.setattr(Fetched, "keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            home.fetch()
    with closing(Store(home.folder / "store.sqlite")) as store:
        assert list(store.fetched.there()) == []
    assert home.fetch() == {}
    assert home.there() == home.host.files


def test_an_attachment_that_is_not_there_is_told_and_no_failure_a_listed_file_is(home: Home) -> None:
    home.put("1")
    del home.host.files["1"]
    home.attached("4711")
    assert set(home.fetch()) == {"1", "4711"}
    with closing(Store(home.folder / "store.sqlite")) as store:
        assert [one.parent for one in store.fetched.missing() if one.failed] == ["1"]
        summary = store.fetched.summary()
    assert (summary.absent, summary.failed) == (1, 1)
    assert any("not at HubSpot any more" in event.text for event in home.events)


def test_a_public_file_whose_url_is_not_signed_comes_by_its_own(home: Home) -> None:
    home.put("1", access="PUBLIC_INDEXABLE", defaultHostingUrl=f"{home.host.url}/bytes/1")
    home.put("2", access="PRIVATE", defaultHostingUrl=f"{home.host.url}/bytes/2")
    home.refused = RequestRefused(400, "/files", "only private files have signed URLs")
    assert list(home.fetch()) == ["2"]
    assert home.there() == {"1": home.host.files["1"]}


def test_where_nothing_comes_the_rest_is_not_tried_and_what_failed_waits_until_others_were_tried(
    home: Home,
) -> None:
    for number in range(100, 140):
        home.put(str(number))
        home.host.trouble[str(number)] = "500"
    with pytest.raises(Incomplete, match="one after the other did not come"):
        home.fetch()
    assert FAILURES_MAX <= len(home.host.asked) < FAILURES_MAX + 4
    for number in range(112, 140):
        del home.host.trouble[str(number)]
    with suppress(Incomplete):  # the last to be tried, they may be so many one after the other again
        home.fetch()
    assert {str(number) for number in range(112, 140)} == set(home.there())


def test_a_missing_scope_ends_it_at_once(home: Home) -> None:
    for number in range(10):
        home.put(str(number))
    home.refused = ScopeMissing("/files", ("files",))
    with pytest.raises(ScopeMissing):
        home.fetch()
    assert not home.host.asked


def test_a_full_disk_loses_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.put("1")
    home.fetch()
    home.put("2")
    with monkeypatch.context() as full:
        full.setattr(written.Draft, "write", _no_room)
        with pytest.raises(DiskFailure, match="No space left"):
            home.fetch()
    assert home.there() == {"1": home.host.files["1"]}
    assert home.fetch() == {}
    assert home.there() == home.host.files


def _no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_names_that_resolve_to_this_machine_or_beside_it_are_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def at_home(*_: object) -> list[dict[str, Any]]:
        return [{"host": "127.0.0.1", "port": 443}, {"host": "10.1.2.3", "port": 443}]

    async def read(url: str) -> list[bytes]:
        async with Downloads("https://api.hubapi.com") as downloads:
            return [piece async for piece in downloads.pieces(url, 1)]

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", at_home)
    with pytest.raises(Exception, match="ClientConnectorDNSError"):
        asyncio.run(read("https://files.example.com/x"))
    for url in BAD_URLS:
        with pytest.raises(Incomplete, match="leads to"):
            asyncio.run(read(url))


@pytest.mark.prove
def test_a_run_with_files_brings_them_home_and_verify_holds_them(serve: Serve, user: User) -> None:
    served = serve("--portal", "calls=40,files=6", "--faults", "none")
    with before(served) as host:
        first, *_ = ids = filled(served, host, "4711", "4712", "815")
        user.at(served, HUBSPOT_BASE_URL=host.url, HUBDUMP_FILES="1")
        host.trouble[first] = "to http://10.0.0.1"
        told = user.types("run", *ONLY, "--to", "duckdb", "--json")
        assert (told.status, set(host.files)) == (3, {*ids, "4711", "4712", "815"})
        assert f"fails to give the bytes of {first}" in told.summary["verdict"]
        assert "s3cret" not in told.out + "".join(p.read_text() for p in (user.dump / "runs").iterdir())
        host.trouble.clear()
        user.forget_the_last_window()
        change(served, host, ids[1], version=1)
        served.tell("items", {"edits": [{"do": "remove", "collection": "files", "key": ids[2]}]})
        told = user.types("run", *ONLY, "--to", "duckdb", "--json")
    assert told.status == 0, told.err
    assert {p.name: p.read_bytes() for p in (user.dump / "files").iterdir()} == host.files
    assert host.asked[ids[3]] == host.asked["4711"] == 1
    assert told.summary["fetched"] == {
        "files": 9, "bytes": sum(map(len, host.files.values())), "gone": 1, "absent": 0, "failed": 0,
    }  # fmt: skip
    assert user.types("verify", "--level", "local").status == 0
    assert {f"files/{id_}" for id_ in host.files} < sums(user.dump).keys()
    assert "bytes of 9 files" in user.types("status").out
    (user.dump / "files" / ids[4]).write_bytes(host.files[ids[4]][::-1])
    told = user.types("verify", "--level", "local")
    assert told.status == 3
    assert "bytes missing, or changed" in told.out


def test_without_files_none_is_fetched_and_status_says_how_many_there_are(serve: Serve, user: User) -> None:
    served = serve("--portal", "calls=40,files=6", "--faults", "none")
    told = user.at(served).types("run", *ONLY, "--to", "duckdb")
    assert told.status == 0, told.err
    assert not (user.dump / "files").exists()
    assert "known: 6 files, 9 records with attachments, 18 records with a recording: hubdump run --files" in (
        user.types("status").out
    )
