"""Bad inputs 64 to 83: ids, lists, cursors and associations that are not as they should be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hubdump.catalog import STANDARD
from hubdump.errors import BeliefRefuted
from hubdump.extract.bearer import Bearer, ServiceKey
from hubdump.extract.exchange import Exchange, Patience
from hubdump.extract.sending import Means
from hubdump.extract.stream import pages
from hubdump.hubspot import flows
from hubdump.hubspot.endpoints import Endpoints
from hubdump.hubspot.pacing import Budgets
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from tests.tampering import home, records
from tests.worlds import Emulated, JumpingClock, stored, true_of

CALLS = STANDARD.by_name("calls")


def listed(request: Request[Any], type_: str = "calls") -> bool:
    """Whether active records of a type are listed."""
    return (
        request.path.endswith(f"/{type_}")
        and "/objects/" in request.path
        and ("archived", "true") not in request.query
    )


def ids_of(sandbox: InProcess, type_: str = "calls") -> list[str]:
    return sorted(sandbox.portal.truth(type_)["live"][type_], key=int)


def test_an_id_is_the_same_as_text_and_as_a_number(tmp_path: Path) -> None:
    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        record["id"] = int(record["id"])
        record["properties"]["hs_object_id"] = record["id"]
        return {}

    sandbox = InProcess("calls=3,contacts=2")
    came = home(tmp_path, sandbox, records(edit), ["calls"])
    assert came.failed == {}
    assert stored(tmp_path, ["calls"]) == true_of(sandbox, ["calls"])
    came.write("json", "duckdb")
    assert sorted(came.elements("calls")) == sorted(came.active("calls")) == sorted(ids_of(sandbox))


def test_ids_up_to_2_63_are_exact(tmp_path: Path) -> None:
    sandbox = InProcess("calls=4,contacts=2")
    *_, last_but_one, last = ids_of(sandbox)
    large = {last_but_one.encode(): b"9007199254740993", last.encode(): b"9223372036854775807"}

    def there(text: bytes) -> bytes:
        for real, shown in large.items():
            text = text.replace(shown, real)
        return text

    def change(_: Request[Any], response: Response) -> Response:
        text = response.body
        for real, shown in large.items():
            text = text.replace(real, shown)
        return replace(response, body=text)

    came = home(tmp_path, sandbox, change, ["calls"], before=there)
    assert came.failed == {}
    came.write("json", "duckdb")
    assert sorted(came.elements("calls"), key=int) == sorted(came.active("calls"), key=int)
    assert sorted(came.elements("calls"), key=int)[2:] == [text.decode() for text in large.values()]


def test_a_record_that_appears_behind_the_cursor_is_found(tmp_path: Path) -> None:
    sandbox = InProcess("calls=150")
    first = ids_of(sandbox)[0]
    seen: list[Any] = []

    def change(request: Request[Any], response: Response) -> Response:
        if not listed(request):
            return response
        content = json.loads(response.body)
        if not seen:  # as if it were made after this page was read, as an import with an id of long ago
            content["results"] = content["results"][1:]
            seen.append(
                sandbox.portal.edit(
                    "PATCH", f"/crm/objects/2026-09/calls/{first}", {"properties": {"hs_call_title": "late"}}
                )
            )
        return replace(response, body=json.dumps(content).encode())

    came = home(tmp_path, sandbox, change, ["calls"])
    assert came.failed == {}
    assert seen
    assert stored(tmp_path, ["calls"])[0] == true_of(sandbox, ["calls"])[0]


@pytest.mark.prove
def test_10_001_records_changed_in_one_millisecond_are_found_once_each() -> None:
    sandbox = InProcess("calls=10020", life="mass:calls:10001@1,until:2")
    clock = JumpingClock()
    exchange = Exchange(Means(
        Emulated(sandbox, clock), Bearer(ServiceKey(Secret(sandbox.portal.token)), clock), Budgets(None), clock,
        lambda _: None, chance=lambda: 0.5,
    ), Patience())  # fmt: skip
    sandbox.portal.truth("calls")  # its life begins when it is first looked at
    clock.ns += 10 * 10**9
    since = int((clock.wall_s() - 60) * 1000)
    changed = [{"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(since)}]

    async def found() -> list[int]:
        flow = flows.search_matches(Endpoints(), CALLS, [changed], ["hs_object_id"], "")
        return [ref.id async for read in pages(exchange, clock, flow) for ref in read.records]

    ids = asyncio.run(found())
    assert len(ids) == len(set(ids)) == 10_001


def test_an_archived_record_without_its_instant_is_kept_as_archived(tmp_path: Path) -> None:
    sandbox = InProcess("calls=5")
    gone = ids_of(sandbox)[2]
    sandbox.portal.edit("DELETE", f"/crm/objects/2026-09/calls/{gone}", {})

    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        record.pop("archivedAt", None)
        return {}

    came = home(tmp_path, sandbox, records(edit), ["calls"])
    assert came.failed == {}
    came.write("json", "duckdb")
    assert sorted(came.elements("calls"), key=int) == ids_of(sandbox)
    row = came.rows("calls")[gone]
    assert (row["archived"], row["archived_at"]) == (True, None)


def test_a_record_in_both_lists_is_there_once(tmp_path: Path) -> None:
    sandbox = InProcess("calls=5")
    both = ids_of(sandbox)[2]
    shown: list[dict[str, Any]] = []

    def change(request: Request[Any], response: Response) -> Response:
        content = json.loads(response.body)
        if listed(request):
            shown.extend(record for record in content["results"] if record["id"] == both)
        elif ("archived", "true") in request.query and request.path.endswith("/objects/2026-09/calls"):
            content["results"] = [
                *content["results"],
                shown[0] | {"archived": True, "archivedAt": "2026-01-01T00:00:00Z"},
            ]
        return replace(response, body=json.dumps(content).encode())

    came = home(tmp_path, sandbox, change, ["calls"])
    assert came.failed == {}
    came.write("json", "duckdb")
    assert sorted(came.elements("calls"), key=int) == ids_of(sandbox)
    assert sorted(came.active("calls"), key=int) == ids_of(sandbox), "HubSpot says last that it is active"


def test_an_id_that_answers_with_another_is_not_stored_under_the_first(tmp_path: Path) -> None:
    sandbox = InProcess("contacts=4")
    kept, merged, *_ = ids_of(sandbox, "contacts")
    merge = {"primaryObjectId": kept, "objectIdToMerge": merged}
    into = sandbox.portal.edit("POST", "/crm/objects/2026-09/contacts/merge", merge)["id"]

    def change(request: Request[Any], response: Response) -> Response:
        """A list that does not know of the merger yet; a batch read gives the other record for the old id."""
        content = json.loads(response.body)
        if listed(request, "contacts") and into in response.body.decode():
            old = json.loads(json.dumps(content["results"][-1]).replace(content["results"][-1]["id"], merged))
            content["results"] = sorted([*content["results"], old], key=lambda record: int(record["id"]))
        return replace(response, body=json.dumps(content).encode())

    came = home(tmp_path, sandbox, change, ["contacts"])
    assert came.failed == {}
    came.write("duckdb")
    rows = came.rows("contacts")
    assert sorted(came.active("contacts")) == sorted(ids_of(sandbox, "contacts"))
    assert merged not in rows or rows[merged]["_merged_into"] == into


def test_associations_are_kept_as_hubspot_says_them(tmp_path: Path) -> None:
    sandbox = InProcess("contacts=3")
    first, second, third = ids_of(sandbox, "contacts")
    defined = {"category": "HUBSPOT_DEFINED", "typeId": 449, "label": None}
    named = {"category": "USER_DEFINED", "typeId": 7, "label": "\u202efriend\u0000 of"}
    many = [{"toObjectId": 10**6 + n, "associationTypes": [defined]} for n in range(50_000)]

    def change(request: Request[Any], response: Response) -> Response:
        if "/associations/" not in request.path or not request.path.endswith("contacts/batch/read"):
            return response
        if not request.path.split("/")[-4].startswith(("contacts", "0-1")):
            return response
        to = {
            first: [{"toObjectId": first, "associationTypes": [defined, defined, named, named]}],
            second: [{"toObjectId": "999999999999", "associationTypes": [named]}],
            third: many,
        }
        results = [{"from": {"id": id_}, "to": links} for id_, links in to.items()]
        return replace(response, status=200, body=json.dumps({"results": results}).encode())

    came = home(tmp_path, sandbox, change, ["contacts"])
    assert came.failed == {}
    reader = Reader(tmp_path / "store.sqlite")
    rows = [
        (str(a.from_id), str(a.to_id), a.label)
        for to, a in reader.associations("contacts")
        if to == "contacts"
    ]
    reader.close()
    assert len(rows) == len(set(rows))
    label = named["label"]
    expected = {(first, first, None), (first, first, label), (second, "999999999999", label)}
    assert {row for row in rows if row[0] != third} == expected
    assert sum(row[0] == third for row in rows) == 50_000


def test_a_page_with_more_records_than_asked_for_is_taken_whole(tmp_path: Path) -> None:
    sandbox = InProcess("calls=150")

    def change(request: Request[Any], response: Response) -> Response:
        after = (
            json.loads(response.body).get("paging", {}).get("next", {}).get("after")
            if listed(request) and ("limit", "100") in request.query
            else None
        )
        if not after:
            return response
        query = dict(request.query) | {"after": after}
        rest = json.loads(sandbox.request(request.method, request.path, params=query).body)
        whole = {"results": [*json.loads(response.body)["results"], *rest["results"]]}
        assert len(whole["results"]) == 150
        return replace(response, body=json.dumps(whole).encode())

    came = home(tmp_path, sandbox, change, ["calls"])
    assert came.failed == {}
    assert stored(tmp_path, ["calls"])[0] == true_of(sandbox, ["calls"])[0]


def next_page(change: Callable[[str], dict[str, str]]) -> Any:
    """Every list with a next page gets another `paging.next`."""

    def changed(request: Request[Any], response: Response) -> Response:
        if not listed(request):
            return response
        content = json.loads(response.body)
        if "paging" in content:
            content["paging"]["next"] = change(
                dict(request.query).get("after", content["paging"]["next"]["after"])
            )
        return replace(response, body=json.dumps(content).encode())

    return changed


def test_a_cursor_that_stays_is_named_and_a_link_is_never_followed(tmp_path: Path) -> None:
    sandbox = InProcess("calls=250,notes=2")
    came = home(tmp_path, sandbox, next_page(lambda after: {"after": after}), ("calls", "notes"))
    assert isinstance(came.failed["calls"], BeliefRefuted)
    assert came.failed.keys() == {"calls"}
    assert stored(tmp_path, ["notes"])[0] == true_of(sandbox, ["notes"])[0]


def test_a_link_to_another_host_is_not_followed(tmp_path: Path) -> None:
    sandbox = InProcess("calls=250")
    asked: list[Request[Any]] = []

    def change(request: Request[Any], response: Response) -> Response:
        asked.append(request)
        text = response.body.replace(b'"link":"http://sandbox.invalid', b'"link":"https://evil.example')
        return replace(response, body=text)

    came = home(tmp_path, sandbox, change, ["calls"])
    assert came.failed == {}
    assert stored(tmp_path, ["calls"])[0] == true_of(sandbox, ["calls"])[0]
    assert len(asked) > 5
    assert not [request for request in asked if "evil" in repr(request)]


def test_an_engagement_of_another_type_ends_its_type_by_name(tmp_path: Path) -> None:
    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        record["properties"]["hs_engagement_type"] = "FAX"
        return {}

    sandbox = InProcess("calls=3,notes=2")
    came = home(tmp_path, sandbox, records(edit, "calls"), ("calls", "notes"))
    assert came.failed.keys() == {"calls"}
    assert "is a FAX" in came.failed["calls"].message
    assert stored(tmp_path, ["notes"])[0] == true_of(sandbox, ["notes"])[0]


def test_numbers_without_end_where_hubspots_would_stand_stop_nothing(tmp_path: Path) -> None:
    endless = "9" * 5000

    def change(request: Request[Any], response: Response) -> Response:
        names = ("max", "interval-milliseconds", "daily", "daily-remaining", "secondly")
        headers = {**response.headers, **{f"x-hubspot-ratelimit-{name}": endless for name in names}}
        headers["x-hubspot-ratelimit-interval-milliseconds"] = "10000"
        if "/associations/" in request.path:
            problem = {
                "category": "OBJECT_NOT_FOUND",
                "context": {"fromObjectId": [endless], "ids": [endless]},
            }
            content = json.loads(response.body)
            content["errors"] = [*content.get("errors", []), problem]
            response = replace(response, body=json.dumps(content).encode())
        return replace(response, headers=headers)

    sandbox = InProcess("calls=3,contacts=2")
    came = home(tmp_path, sandbox, change, ["calls"])
    assert came.failed == {}
    assert stored(tmp_path, ["calls"]) == true_of(sandbox, ["calls"])


@pytest.mark.parametrize("definition", [{"label": "nameless"}, {"name": 7}, {"name": None}, "text", None])
def test_a_definition_that_is_none_ends_its_type_by_name(definition: Any, tmp_path: Path) -> None:
    def change(request: Request[Any], response: Response) -> Response:
        if request.path != "/crm/properties/2026-09/calls":
            return response
        content = json.loads(response.body)
        content["results"].append(definition)
        return replace(response, body=json.dumps(content).encode())

    sandbox = InProcess("calls=3,notes=2")
    came = home(tmp_path, sandbox, change, ("calls", "notes"))
    assert came.failed.keys() == {"calls"}
    assert "definition" in came.failed["calls"].message
    assert stored(tmp_path, ["notes"])[0] == true_of(sandbox, ["notes"])[0]


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a socket: chunk after chunk, past the cap; and one chunk, then nothing, past the time."""
    from hubdump.hubspot import client
    from hubdump.hubspot.retry import NoAnswer

    monkeypatch.setattr(client, "BODY_BYTES_MAX", 2**20)
    monkeypatch.setattr(client, "ANSWER_S_MAX", 0.5)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"

    async def ask(chunks: Iterator[int]) -> str:
        left = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            try:
                for _ in chunks:
                    writer.write(chunk)
                    await writer.drain()
                await reader.read()
            except ConnectionError:
                left.set()
            writer.transport.abort()
            left.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with client.Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 1) as sender:
            with pytest.raises(NoAnswer) as said:
                await sender.send(Endpoints().account(), None)
        await left.wait()
        server.close()
        await asyncio.sleep(0.01)
        return str(said.value)

    assert "larger than 1 MiB" in asyncio.run(ask(count()))
    assert "no complete answer" in asyncio.run(ask(iter([1])))
