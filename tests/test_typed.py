"""Values by HubSpot's definitions: each text becomes what it means, or NULL and counted, and stays in the raw."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hubdump.hubspot.schema import Kind, defined
from hubdump.targets import casts, duckdb_held
from hubdump.targets.meant import meant
from tests.hostile import BAD, TYPED, came_home, kind_of
from tests.tampering import Home
from tests.test_bad_inputs import manifest_of

# What a stranger must read for a text in a column of each kind, worked out by hand.
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
MEANT: dict[Kind, dict[str, object]] = {
    Kind.TEXT: {"": None, " ": " ", "01234": "01234", "null": "null"},
    Kind.NUMBER: {
        "": None, "0": Decimal(0), "-0.50": Decimal("-0.5"), "007": Decimal(7), "+1": Decimal(1), ".5": Decimal("0.5"),
        "1.5E7": Decimal(15_000_000), "15e-1": Decimal("1.5"), "1E-10": Decimal("0.0000000001"), "1E-11": None,
        "0.12345678901": None, "0.1234567890000": Decimal("0.123456789"),
        "9999999999999999999999999999.9999999999": Decimal("9999999999999999999999999999.9999999999"),
        "10000000000000000000000000000": None, "1e28": None, "1e27": Decimal(10**27), "1e400": None, "e5": None,
        "1,000": None, "1_000": None, " 1": None, "0x10": None,
        "NaN": None, "Infinity": None, "abc": None, "\u0661": None,
    },
    Kind.INTEGER: {"7": 7, "-7": -7, "9223372036854775807": 2**63 - 1, "9223372036854775808": None, "7.0": None},
    Kind.BOOL: {"true": True, "FALSE": False, "": None, "t": None, "1": None, "yes": None},
    Kind.DATE: {
        "2026-02-28": date(2026, 2, 28), "2026-02-30": None, "0001-01-01": date(1, 1, 1), "0000-01-01": None,
        "1767312000000": date(2026, 1, 2), "1767312000001": None, "-86400000": date(1969, 12, 31), "": None,
        "2026-01-02T12:00:00Z": None, "02/03/2026": None, "99999999999999999999": None,
    },
    Kind.INSTANT: {
        "2026-01-02T12:00:00Z": NOON, "2026-01-02T12:00:00.000Z": NOON, "2026-01-02T12:00:00.000000000Z": NOON,
        "2026-01-02T13:30:00+01:30": NOON, "2026-01-02T02:00:00-1000": NOON, "1767355200000": NOON,
        "2026-01-02T12:00:00.123456Z": NOON.replace(microsecond=123456),
        "2026-01-02T12:00:00.123456789Z": NOON.replace(microsecond=123456),
        "2026-01-02T12:00:00.1234567891Z": None, "2026-01-02T12:00:00": None, "2026-01-02": None,
        "2026-02-30T12:00:00Z": None, "2026-01-02T24:00:00Z": None, "2026-01-02T12:00:60Z": None,
        "2026-01-02 12:00:00Z": None, "": None, "soon": None, "999999999999999": None,
    },
    Kind.LIST: {"a": ["a"], "a;b\\;c;;d": ["a", "b\\", "c", "", "d"], "": None},
    Kind.JSON: {'{"a": 1.0, "a": 2}': '{"a": 1.0, "a": 2}', "": None, "{": None, "NaN": None, "[1,]": None,
                '"NaN,]"': '"NaN,]"'},
}  # fmt: skip


def cast(kind: Kind, texts: list[str], folder: Path) -> list[tuple[Any, ...]]:
    """(text, value, canonical text, whether it was cut) of each text, as DuckDB has it."""
    lines = folder / "lines"
    lines.write_text("".join(json.dumps({"x": text}) + "\n" for text in texts), "utf-8")
    value, cut = casts.value(kind, "x"), casts.cut(kind, "x")
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        return db.execute(
            f"SELECT x, {value} AS v, {casts.back(kind, f'({value})')}, {cut}"
            f" FROM read_json('{lines}', format = 'newline_delimited', columns = {{x: 'VARCHAR'}})"
        ).fetchall()


@pytest.mark.parametrize("kind", MEANT)
def test_a_text_becomes_what_it_means_or_null(kind: Kind, tmp_path: Path) -> None:
    found = cast(kind, list(MEANT[kind]), tmp_path)
    assert {text: value for text, value, _, _ in found} == MEANT[kind]
    assert len(found) == len(MEANT[kind])


def test_only_what_an_instant_says_below_the_microsecond_is_cut(tmp_path: Path) -> None:
    cut = {
        kind: {text for text, _, _, cut in cast(kind, list(MEANT[kind]), tmp_path) if cut} for kind in MEANT
    }
    assert cut.pop(Kind.INSTANT) == {"2026-01-02T12:00:00.123456789Z"}
    assert not any(cut.values())


CHANCE = random.Random(6)


def digits(most: int) -> str:
    return "".join(CHANCE.choice("0000123456789") for _ in range(CHANCE.randrange(most)))


def noise() -> str:
    return "".join(
        CHANCE.choice(' trueFALSEn019.-+eE_,TZ:\t\n"{}[];\u0661\u00e9') for _ in range(CHANCE.randrange(8))
    )


def number() -> str:
    mantissa = f"{CHANCE.choice(['', '-', '+'])}{digits(40)}{CHANCE.choice(['', '.'])}{digits(40)}"
    return mantissa + (
        f"{CHANCE.choice('eE')}{CHANCE.choice(['', '-', '+'])}{digits(3)}" if CHANCE.random() < 0.5 else ""
    )


def instant() -> str:
    day = f"{CHANCE.choice([0, 1, 2024, 9999]):04}-{CHANCE.randrange(14):02}-{CHANCE.randrange(33):02}"
    time = f"T{CHANCE.randrange(25):02}:{CHANCE.randrange(61):02}:{CHANCE.randrange(61):02}"
    zone = CHANCE.choice(["Z", "Z", "", "+00:00", "+1400", "-05:30", "+15:00", "z"])
    return CHANCE.choice([
        day, day + time + zone, f"{day}{time}.{digits(11)}{zone}", str(CHANCE.randrange(-(10**15), 10**15)),
        str(86_400_000 * CHANCE.randrange(-800_000, 3_000_000)),
    ])  # fmt: skip


MADE: dict[Kind, Callable[[], str]] = {
    Kind.NUMBER: number, Kind.INTEGER: lambda: CHANCE.choice(["", "-", "+"]) + digits(25), Kind.DATE: instant,
    Kind.INSTANT: instant, Kind.BOOL: lambda: CHANCE.choice(["true", "False", "t", "0", "yes", " true"]),
    Kind.LIST: noise, Kind.TEXT: noise, Kind.VERBATIM: noise,
    Kind.JSON: lambda: CHANCE.choice(['{"a":1}', "[1.0, 2]", "{", "null", " 1", '"x"', "NaN", "1e5", '{"a":1,}', "//"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.DATE, Kind.INSTANT])
def test_a_plain_cast_says_the_same_of_every_text_that_is_not_odd(kind: Kind) -> None:
    texts = [MADE[kind]() for _ in range(4000)] + [noise() for _ in range(1000)]
    whole, plain = casts.value(kind, "x"), casts.value(kind, "x", plain=True)
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        found = db.execute(
            f"SELECT ({plain}) IS NOT DISTINCT FROM ({whole}), {casts.odd(kind, 'x')}, ({plain}) IS NOT NULL"
            " FROM (SELECT unnest(?) AS x)",
            [texts],
        ).fetchall()
    assert {same for same, odd, _ in found if not odd} == {True}
    assert {same for same, odd, _ in found if odd} == {True, False}, (
        "nothing is odd: the long form is for nothing"
    )
    assert sum(there for _, odd, there in found if not odd) > 100


@pytest.mark.parametrize("kind", Kind)
def test_duckdb_and_python_understand_any_text_alike(kind: Kind, tmp_path: Path) -> None:
    texts = [MADE[kind]() for _ in range(4000)] + [noise() for _ in range(1000)]
    found = cast(kind, texts, tmp_path)
    assert [(text, back) for text, _, back, _ in found if back != meant(kind, text)] == []
    assert len(found) == 5000
    assert sum(back is not None for _, _, back, _ in found) > 500


@pytest.mark.parametrize(
    ("name", "definition", "kind", "known"),
    [
        ("amount", {"type": "number"}, Kind.NUMBER, True),
        ("hs_object_id", {"type": "number"}, Kind.TEXT, True),
        ("their_id", {"type": "number"}, Kind.TEXT, True),
        ("a_key", {"type": "number"}, Kind.TEXT, True),
        ("owner", {"type": "number", "referencedObjectType": "OWNER"}, Kind.TEXT, True),
        ("is_it", {"type": "bool"}, Kind.BOOL, True),
        ("day", {"type": "date"}, Kind.DATE, True),
        ("at", {"type": "datetime"}, Kind.INSTANT, True),
        ("one_of", {"type": "enumeration", "fieldType": "select"}, Kind.TEXT, True),
        ("some_of", {"type": "enumeration", "fieldType": "checkbox"}, Kind.LIST, True),
        ("yes_no", {"type": "enumeration", "fieldType": "booleancheckbox"}, Kind.TEXT, True),
        ("phone", {"type": "phone_number"}, Kind.TEXT, True),
        ("extra", {"type": "json"}, Kind.JSON, True),
        ("new", {"type": "currency_number"}, Kind.TEXT, False),
        ("odd", {"type": 7}, Kind.TEXT, False),
        ("bare", {}, Kind.TEXT, False),
    ],
)  # fmt: skip
def test_the_definition_says_what_kind_a_column_is(
    name: str, definition: dict[str, Any], kind: Kind, known: bool
) -> None:
    found = defined(name, json.dumps(definition).encode())
    assert (found.kind, found.known) == (kind, known)


def test_a_definition_that_is_no_json_object_makes_a_text() -> None:
    assert [defined("a", raw).kind for raw in (b"[]", b"7", b"{")] == [Kind.TEXT] * 3


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Calls that hold every bad value in a property of each type, read and loaded once."""
    came = came_home(tmp_path_factory.mktemp("everywhere"), "calls")
    came.load()
    return came


@pytest.mark.prove
def test_every_bad_value_in_a_property_of_every_type_is_told_from_its_raw_without_a_difference(
    everywhere: Home,
) -> None:
    rows = everywhere.active("calls")
    assert len(rows) == len(BAD)
    for row in rows.values():
        raw = json.loads(row["_raw"], parse_int=str, parse_float=str)["properties"]
        for name in TYPED:
            text = raw.get(name)
            text = text if text is None or isinstance(text, str) else json.dumps(text, separators=(",", ":"))
            assert in_canonical_form(kind_of(name), row[f"property_{name}"]) == meant(kind_of(name), text)
    found = duckdb_held.differences(everywhere.folder, everywhere.types())
    assert {what: one for what, one in found.items() if not one.none} == {}
    assert found["hubdump.duckdb calls"].compared >= len(BAD)


def in_canonical_form(kind: Kind, value: Any) -> str | None:
    """A value as Python has it, in the words of `meant`."""
    if value is None or kind in {Kind.TEXT, Kind.JSON}:
        return value  # type: ignore[no-any-return]  # a text
    if kind is Kind.INSTANT:
        return str((value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
    return {
        Kind.NUMBER: lambda: f"{value:.10f}", Kind.BOOL: lambda: str(value).lower(), Kind.DATE: value.isoformat
        if kind is Kind.DATE else str, Kind.LIST: lambda: ";".join(value),
    }[kind]()  # fmt: skip


def test_what_became_null_is_counted_in_the_file_in_the_manifest_and_in_a_line(everywhere: Home) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    for row in everywhere.rows("calls").values():
        for name in TYPED:
            text = json.loads(row["_raw"])["properties"].get(name)
            if text not in (None, "") and row[f"property_{name}"] is None:
                expected["calls", f"property_{name}"] += 1
    assert len(expected) == 5, expected
    with duckdb.connect(everywhere.folder / "hubdump.duckdb", read_only=True) as db:
        counts = {row[:2]: row[3] for row in db.execute("SELECT * FROM _unparsed").fetchall()}
    assert counts == expected
    told = manifest_of(everywhere, ("calls",))["unparsed"]["hubdump.duckdb"]
    assert {(one["table"], one["column"]): one["as_null"] for one in told} == expected
    line = next(note for note in everywhere.notes if "are NULL" in note)
    assert line.startswith(f"{sum(expected.values())} texts in hubdump.duckdb are NULL")
    assert any(note.endswith("are texts: currency_number") for note in everywhere.notes)


TYPES = {
    Kind.TEXT: "VARCHAR", Kind.NUMBER: "DECIMAL(38,10)", Kind.BOOL: "BOOLEAN", Kind.DATE: "DATE",
    Kind.INSTANT: "TIMESTAMP WITH TIME ZONE", Kind.LIST: "VARCHAR[]", Kind.JSON: "JSON",
}  # fmt: skip


def test_the_columns_of_the_file_say_which_property_they_hold(everywhere: Home) -> None:
    with duckdb.connect(everywhere.folder / "hubdump.duckdb", read_only=True) as db:
        found = db.execute(
            "SELECT property, _columns.type, field_type, label, kind, data_type, comment FROM _columns"
            ' JOIN duckdb_columns() ON table_name = "table" AND column_name = "column"'
            " WHERE starts_with(property, 'bad_')"
        ).fetchall()
        (columns,) = db.execute("SELECT count(*) FROM _columns").fetchone() or (0,)
        (there,) = db.execute(
            "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'calls' AND starts_with(column_name, 'property_')"
        ).fetchone() or (0,)
    assert columns == there > len(TYPED)
    assert {row[0] for row in found} == set(TYPED)
    for name, type_, field_type, label, kind, data_type, comment in found:
        said = TYPED[name]
        assert (type_, field_type, label) == (said["type"], said.get("fieldType", ""), said.get("label", ""))
        assert (kind, data_type) == (kind_of(name).value, TYPES[kind_of(name)])
        assert comment == (said.get("label") or None)
