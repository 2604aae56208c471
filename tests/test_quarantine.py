"""What HubSpot sends in the place of a record and is none: named for as long as it is there, and no longer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hubdump import marks
from hubdump.model import Request, Response
from hubdump.sandbox import InProcess
from hubdump.store.reader import Reader
from tests.tampering import Change, home, records, untouched
from tests.test_bad_records import ids_of, listed
from tests.worlds import stored, true_of


def broken_in(type_of_answer: str, id_: str) -> Change:
    """One record comes without its properties in answers of one kind: 'search', 'batch/read', or '' for all."""

    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        if record["id"] == id_:
            del record["properties"]
        return {}

    def change(request: Request[Any], response: Response) -> Response:
        return (
            records(edit, "calls")(request, response) if request.path.endswith(type_of_answer) else response
        )

    return change


def quarantined(folder: Path) -> list[int]:
    reader = Reader(folder / "store.sqlite")
    try:
        return [found.id for found in reader.quarantined("calls")]
    finally:
        reader.close()


def test_a_record_without_properties_is_quarantined_by_its_id_until_it_has_some(tmp_path: Path) -> None:
    sandbox = InProcess("calls=4")
    ids = ids_of(sandbox)
    assert home(tmp_path, sandbox, broken_in("", ids[1]), ["calls"]).failed == {}
    assert quarantined(tmp_path) == [int(ids[1])]
    assert stored(tmp_path, ["calls"])[0]["calls"] == sorted({*ids} - {ids[1]})
    for change in (broken_in("batch/read", ids[1]), untouched):
        sandbox.advance(60)
        assert home(tmp_path, sandbox, change, ["calls"]).failed == {}
        assert quarantined(tmp_path) == ([] if change is untouched else [int(ids[1])])
    assert stored(tmp_path, ["calls"])[0] == true_of(sandbox, ["calls"])[0]


def test_what_has_no_id_stays_named_until_it_is_gone(tmp_path: Path) -> None:
    sandbox = InProcess("calls=4")

    def nameless(request: Request[Any], response: Response) -> Response:
        if not listed(request):
            return response
        return replace(
            response, body=response.body.replace(b'"results":[', b'"results":[{"name":"nobody"},', 1)
        )

    for change, named in ((nameless, 1), (nameless, 1), (untouched, 0), (untouched, 0)):
        assert home(tmp_path, sandbox, change, ["calls"]).failed == {}
        assert len(quarantined(tmp_path)) == named
        assert stored(tmp_path, ["calls"])[0] == true_of(sandbox, ["calls"])[0]
        sandbox.advance(60)


def test_a_search_that_gives_no_record_is_not_relied_on(tmp_path: Path) -> None:
    sandbox = InProcess("calls=4")
    assert home(tmp_path, sandbox, untouched, ["calls"]).failed == {}
    id_ = ids_of(sandbox)[1]
    sandbox.advance(60)
    sandbox.portal.edit(
        "PATCH", f"/crm/objects/2026-09/calls/{id_}", {"properties": {"hs_call_title": "late"}}
    )
    sandbox.advance(600)
    with marks.heard() as taken:
        came = home(tmp_path, sandbox, broken_in("search", id_), ["calls"])
    assert came.failed == {}
    assert taken["search given up"] == 1
    came.write("json")
    assert came.elements("calls")[id_]["properties"]["hs_call_title"] == "late"


def test_a_changed_record_that_comes_broken_is_named_and_what_was_there_stays(tmp_path: Path) -> None:
    sandbox = InProcess("calls=4")
    assert home(tmp_path, sandbox, untouched, ["calls"]).failed == {}
    id_ = ids_of(sandbox)[1]
    sandbox.advance(60)
    sandbox.portal.edit(
        "PATCH", f"/crm/objects/2026-09/calls/{id_}", {"properties": {"hs_call_title": "late"}}
    )
    sandbox.advance(600)
    came = home(tmp_path, sandbox, broken_in("batch/read", id_), ["calls"])
    assert came.failed == {}
    assert quarantined(tmp_path) == [int(id_)]
    came.write("json")
    assert came.elements("calls")[id_]["properties"]["hs_call_title"] != "late"
