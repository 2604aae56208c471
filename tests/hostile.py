"""A portal that means harm, brought home: bad values in a property of every type, bad names, bad fields of records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubdump.hubspot.schema import KINDS, Kind, defined
from hubdump.model import Request, Response
from hubdump.sandbox import InProcess
from tests.bad_inputs import Names, Records, Values, of
from tests.tampering import Edit, Home, home, records

BAD = [pair for row in of(Values) for pair in row.how.pairs]  # type: ignore[union-attr]  # of that kind
NAMES = [name for row in of(Names) for name in row.how.names]  # type: ignore[union-attr]  # of that kind
FIELDS = [fields for row in of(Records) for fields in row.how.fields]  # type: ignore[union-attr]  # of that kind
# A property of each of HubSpot's types, in which every bad value stands once.
TYPED = {
    **{
        f"bad_{type_}": {"type": type_, "label": f"Bad {type_}, isn't it"}
        for type_ in (*KINDS, "currency_number")
    },
    "bad_list": {"type": "enumeration", "fieldType": "checkbox"},
}


def kind_of(name: str) -> Kind:
    """The kind of one of these properties."""
    return defined(name, json.dumps(TYPED[name]).encode()).kind


def came_home(folder: Path, *types: str) -> Home:
    """Calls with a bad value each, notes with every bad name, meetings with a bad field each; read and not loaded.

    Some of these `types` only, if named.
    """
    sandbox = InProcess(f"calls={len(BAD)},notes=2,meetings={len(FIELDS)}")
    truth = sandbox.portal.truth("calls", "meetings")["live"]
    places = {id_: n for type_ in truth.values() for n, id_ in enumerate(sorted(type_, key=int))}
    edits = (
        ("calls", _of_call(places, list(TYPED))),
        ("notes", _of_note),
        ("meetings", _of_meeting(places)),
    )
    defined_too = {
        "calls": TYPED,
        "notes": {name: {"type": "string", "label": name} for name in NAMES},
    }

    def change(request: Request[Any], response: Response) -> Response:
        for type_, definitions in defined_too.items():
            if request.path == f"/crm/properties/2026-09/{type_}":
                content = json.loads(response.body)
                content["results"] += [{"name": name} | one for name, one in definitions.items()]
                response = replace(response, body=json.dumps(content).encode())
        for type_, edit in edits:
            response = records(edit, type_)(request, response)
        return response

    came = home(folder, sandbox, change, types or ("calls", "notes", "meetings"))
    assert came.failed == {}
    return came


def _of_call(places: dict[str, int], names: list[str]) -> Edit:
    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        wire = BAD[places[record["id"]]][0] if record["id"] in places else None
        if wire is None:
            return {}
        mark = f"@{places[record['id']]}@"
        record["properties"] |= dict.fromkeys(names, mark)
        return {mark: wire}

    return edit


def _of_note(record: dict[str, Any]) -> dict[str, bytes]:
    record["properties"] |= {name: f"value of {name}" for name in NAMES}
    return {}


def _of_meeting(places: dict[str, int]) -> Edit:
    def edit(record: dict[str, Any]) -> dict[str, bytes]:
        for name, value in FIELDS[places[record["id"]]].items() if record["id"] in places else ():
            record[name] = value
            if value is ...:
                del record[name]
        return {}

    return edit
