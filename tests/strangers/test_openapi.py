"""schemathesis sends the sandbox bad and good input, by its own description: nothing breaks, the bad is refused."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, Response

from tests.conftest import TOKEN, Served
from tests.strangers.conftest import logged

WHO = "schemathesis"
VERSION = re.compile(r"/(v\d|20\d\d-\d\d)(?=/|$)")
NO_JSON = (b'{"inputs": [', b"\xff\xfe", b"[1, 2", b"nothing")
WRONG_JSON = (b"7", b"[]", b'"text"', b"null", b"true")
Operation = Any  # schemathesis leaves its operations' type open
Send = Callable[..., Response]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A portal for which the one 500 that HubSpot is known for (a search since 1970) is switched off."""
    with logged(WHO, "--portal", "tiny", "--belief", "search-at-epoch=found") as served:
        yield served


@pytest.fixture(scope="module")
def every(served: Served) -> list[Operation]:
    """All operations of the description."""
    schema: Any = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) > 80
    return found


@pytest.fixture(scope="module")
def some(every: list[Operation]) -> list[Operation]:
    """Each operation in one of its versions; each version has its part."""
    by_route: dict[str, list[Operation]] = {}
    for operation in every:
        route = f"{operation.method} {VERSION.sub('', operation.path)}"
        by_route.setdefault(route, []).append(operation)
    return [each[zlib.crc32(route.encode()) % len(each)] for route, each in by_route.items()]


@pytest.fixture(scope="module")
def send(served: Served) -> Send:
    """Send a case and move the sandbox's clock on, so that no budget is ever spent."""

    def sent(case: Any, **more: Any) -> Response:
        served.tell("clock", {"advance_s": 2})
        more.setdefault("headers", {"Authorization": f"Bearer {TOKEN}"})
        answer: Response = case.call(**more)
        assert answer.status_code != 429
        return answer

    return sent


def _examples(operation: Operation, mode: GenerationMode, number: int) -> list[Any]:
    """As many cases of an operation, the same ones on every run."""
    found: list[Any] = []

    @settings(
        max_examples=number, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


def _plain(operation: Operation) -> Any:
    """A case with something in the place of each {name} of the path."""
    names = re.findall(r"{(\w+)}", operation.path)
    return operation.Case(
        path_parameters={n: {"type": "contacts", "to": "companies"}.get(n, "1") for n in names}
    )


def _flaw(case: Any, answer: Response) -> str:
    """What is wrong with an answer, '' when it is one that HubSpot could give."""
    told = f"{case.as_curl_command()[:600]}\n  -> {answer.status_code} {answer.text[:300]}"
    if answer.status_code >= 500:
        return f"an error that nobody asked for: {told}"
    if answer.status_code < 400 or answer.status_code == 414:
        return ""
    try:
        said = answer.json()
    except ValueError:
        return f"a refusal that is no JSON: {told}"
    if "/oauth/" in case.path:
        return "" if isinstance(said.get("error"), str) else f"no refusal of RFC 6749: {told}"
    same = [said.get("correlationId")] == answer.headers.get("x-hubspot-correlation-id")
    return "" if said.get("status") == "error" and said.get("message") and same else f"no envelope: {told}"


def test_whatever_fits_the_file_is_sent_nothing_breaks(some: list[Operation], send: Send) -> None:
    assert _attack(some, send, GenerationMode.POSITIVE, 1) == []


@pytest.mark.prove
@pytest.mark.parametrize("mode", [GenerationMode.NEGATIVE, GenerationMode.POSITIVE])
def test_whatever_more_is_sent_nothing_breaks(
    some: list[Operation], send: Send, mode: GenerationMode
) -> None:
    assert _attack(some, send, mode, 12) == []


def _attack(operations: list[Operation], send: Send, mode: GenerationMode, number: int) -> list[str]:
    """So many cases of each operation; what was wrong with the answers."""
    flaws, statuses = [], set()
    for operation in operations:
        for case in _examples(operation, mode, number):
            answer = send(case)
            statuses.add(answer.status_code)
            flaws.append(_flaw(case, answer))
    assert {200, 400} <= statuses, "an attack that never gets through, or is never refused, proves nothing"
    return list(filter(None, flaws))


def test_what_is_no_json_or_no_object_is_refused_with_400(every: list[Operation], send: Send) -> None:
    with_body = [each for each in every if each.body and "/oauth/" not in each.path]
    assert len(with_body) > 10
    flaws = []
    for number, operation in enumerate(with_body):
        case = _plain(operation)
        for bodies in (NO_JSON, WRONG_JSON):
            body = bodies[number % len(bodies)]
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            answer = send(case, headers=headers, data=body, json=None)
            if answer.status_code != 400 or answer.json().get("category") not in {"VALIDATION_ERROR", None}:
                flaws.append(f"{operation.label} {body!r}: {answer.status_code} {answer.text[:200]}")
    assert not flaws, "\n".join(flaws)


def test_any_wrong_token_gets_401(every: list[Operation], send: Send) -> None:
    tokens = iter(_tokens(len(every)))
    flaws = []
    for operation in every:
        if "/oauth/" in operation.path:
            continue
        case = _plain(operation)
        answer = send(case, headers={"Authorization": f"Bearer {next(tokens)}"})
        if answer.status_code != 401 or "AUTHENTICATION" not in answer.json()["category"]:
            flaws.append(f"{operation.label}: {answer.status_code} {answer.text[:200]}")
    assert not flaws, "\n".join(flaws)


def _tokens(number: int) -> list[str]:
    found: list[str] = []

    @settings(max_examples=number, derandomize=True, database=None, phases=[Phase.generate])
    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80))
    def collect(text: str) -> None:
        found.append(text)

    collect()
    wrong = [text for text in found if text != TOKEN]
    return [wrong[place % len(wrong)] for place in range(number)]
