"""The 84 bad inputs: how each is made, and what must come of it. `tests/test_bad_inputs.py` shows it row by row."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hubdump.model import Response


@dataclass(frozen=True, slots=True)
class Values:
    """Bytes that stand for a property's value on the wire (None: the property is left out), and what both
    targets must hold for it: a text, or None for nothing. What is no text in the JSON files is compared as JSON.
    """

    pairs: tuple[tuple[bytes | None, str | None], ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Internal names of properties; each must come home in a column of its own, and under its name in the files."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """What is made of a good answer. `waits` says how many retries it must cost when it comes once: none where
    the answer is understood as it is.
    """

    made: Callable[[Response], list[Response]]
    waits: int = 1


@dataclass(frozen=True, slots=True)
class Records:
    """Fields of records that differ from what is usual; each must come home whole, with them as they are."""

    fields: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Bytes that stand in the place of a record and are none: each is named, and the rest of its page is kept."""

    records: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A test of its own shows it."""

    test: str


@dataclass(frozen=True, slots=True)
class NotHere:
    """It cannot occur yet, and why; whoever brings what it is about has to show it."""

    why: str


How = Values | Names | Answers | Records | Quarantined | Shown | NotHere


@dataclass(frozen=True, slots=True)
class BadInput:
    number: int
    name: str
    outcome: str
    how: How = field(repr=False)


def v(number: int, name: str, outcome: str, *pairs: tuple[bytes | None, str | None]) -> BadInput:
    return BadInput(number, name, outcome, Values(pairs))


def text(value: str) -> tuple[bytes, str]:
    """A value that is a text like any other, whatever it looks like."""
    quoted = "".join(f"\\{c}" if c in '"\\' else c if c >= " " else f"\\u{ord(c):04x}" for c in value)
    return f'"{quoted}"'.encode(), value


def n(number: int, name: str, *names: str) -> BadInput:
    return BadInput(number, name, COLUMN, Names(names))


def a(number: int, name: str, made: Callable[[bytes], bytes], waits: int = 1) -> BadInput:
    """An answer whose body is made of the good one's."""
    return BadInput(number, name, AGAIN if waits else RECODED, Answers(lambda good: [
        Response(good.status, good.headers, made(good.body))], waits))  # fmt: skip


def cut_short(good: Response, packed: bool) -> list[Response]:
    """Every beginning of an answer (of its gzip: every 7th), none of them the whole."""
    encoding = "gzip" if packed else ""
    body = gzip(good.body) if packed else good.body
    return [
        Response(200, good.headers, body[:end], encoding) for end in range(0, len(body), 7 if packed else 1)
    ]


def gzip(data: bytes, level: int = 6) -> bytes:
    engine = zlib.compressobj(level, zlib.DEFLATED, 31)
    return engine.compress(data) + engine.flush()


def bombs(good: Response) -> list[Response]:
    """Gzip that grows: beyond the cap, and below it but tighter packed than records are."""
    sizes = (80 * 2**20, 20 * 2**20)
    return [Response(200, good.headers, gzip(b" " * size + good.body, 1), "gzip") for size in sizes]


def encoded(good: Response) -> list[Response]:
    """Bodies that are not what their Content-Encoding says."""
    packed = gzip(good.body)
    return [
        Response(200, good.headers, body, encoding)
        for body, encoding in (
            (good.body, "gzip"),
            (packed, ""),
            (packed, "br"),
            (zlib.compress(good.body), "gzip"),
        )
    ]


EXACT = "exact in both targets"
AS_TEXT = "its characters as text in both targets, counted"
AGAIN = "asked for again; the right answer comes home"
RECODED = "understood as it is, kept as it came"
COLUMN = "a column of its own in DuckDB, its own name in the JSON files"
LABELS = "tests/test_catalogue.py::test_whatever_label_a_custom_object_has_its_name_is_a_tables_and_its_own"
WHOLE = "whole in both targets, the field as it came"

DEEP = b"[" * 2000 + b"]" * 2000
DEEP_TEXT = "[" * 60 + '"' + "[" * 1940 + "]" * 1940 + '"' + "]" * 60

TABLE: tuple[BadInput, ...] = (
    v(1, "lone surrogate", AS_TEXT, (rb'"a\ud800b"', r"a\ud800b"), (rb'"\udc00\ud83d"', r"\udc00\ud83d"),
      (rb'"\ud83d\ude00"', "\U0001f600"), (rb'"\\ud800"', r"\ud800")),
    v(2, "NUL", EXACT, (rb'"a\u0000b"', "a\0b")),
    v(3, "C0 controls, ANSI", EXACT, (rb'"\u001b[31mred\u0007"', "\x1b[31mred\x07"), (b'"a\x1b[0m\tb"', "a\x1b[0m\tb")),
    v(4, "U+2028, U+2029", EXACT, text("a\u2028b\u2029c"), (rb'"a\u2028b"', "a\u2028b")),
    v(5, "bidi override", EXACT, text("abc\u202edef\u2066")),
    a(6, "BOM", lambda body: b"\xef\xbb\xbf" + body, waits=0),
    v(7, "invalid UTF-8", AS_TEXT, (b'"caf\xe9 \xff"', r"caf\xe9 \xff"), (b'"\xed\xa0\x80"', r"\xed\xa0\x80")),
    a(8, "UTF-16 body", lambda body: body.decode().encode("utf-16"), waits=0),
    v(9, "NaN", AS_TEXT, (b"NaN", "NaN")),
    v(10, "Infinity, 1e999", AS_TEXT, (b"Infinity", "Infinity"), (b"-Infinity", "-Infinity"), (b"1e999", "1e999")),
    v(11, "integer 2^53 + 1", EXACT, (b"9007199254740993", "9007199254740993")),
    v(12, "integer 2^64", EXACT, (b"18446744073709551616", "18446744073709551616")),
    v(13, "integer of 5,000 digits", AS_TEXT, (b"7" * 5000, "7" * 5000)),
    v(14, "decimal of 17 digits", EXACT, (b"0.12345678901234567", "0.12345678901234567")),
    v(15, "duplicate keys", "the last one in DuckDB, both in the files and in _raw",
      (b'"one","hs_call_body":"two"', "two")),
    v(16, "depth 2,000", "where readers give up (about 1,000 levels): from 64 on as text, counted", (DEEP, DEEP_TEXT)),
    v(17, "1 MB string", EXACT, (b'"' + b"x" * 2**20 + b'"', "x" * 2**20)),
    BadInput(18, "20 MB page", EXACT, Shown("test_a_page_of_20_mb_comes_home")),
    v(19, "empty, null, missing", "NULL in DuckDB; _raw and the files tell them apart", (b'""', ""),
      (b"null", None), (None, None)),
    a(20, "trailing garbage", lambda body: body + b"}garbage"),
    a(21, "two documents", lambda body: body + body),
    BadInput(22, "cut short at every byte", AGAIN, Answers(lambda good: cut_short(good, packed=False))),
    BadInput(23, "gzip bomb", AGAIN, Answers(bombs)),
    BadInput(24, "gzip cut short", AGAIN, Answers(lambda good: cut_short(good, packed=True))),
    BadInput(25, "wrong Content-Encoding", AGAIN, Answers(encoded)),
    BadInput(26, "chunked without end", "given up at 64 MiB or 120 s, asked for again",
             Shown("test_an_answer_without_end_is_given_up")),
    n(27, "Foo and foo", "Foo", "foo", "FOO"),
    n(28, "foo-bar and foo_bar", "foo-bar", "foo_bar"),
    n(29, "a__b and a.b", "a__b", "a.b"),
    n(30, "leading digit", "1st"),
    n(31, "reserved word", "select", "table", "null"),
    n(32, "empty name", ""),
    n(33, "name of 200 characters", "n" * 200),
    n(34, "names equal in their first 63 bytes", "m" * 63 + "_one", "m" * 63 + "_two"),
    n(35, "emoji, euro sign", "price_\u20ac", "\U0001f600"),
    n(36, "NFC and NFD", "caf\u00e9", "cafe\u0301"),
    n(37, "Turkish dotless i", "i", "I", "\u0131", "\u0130"),
    n(38, "quote, semicolon, backtick", 'a"b', "a'b;drop table calls;--", "a`b", "a\\b", "a b"),
    n(39, "names of ours", "_dlt_id", "id", "archived", "_raw", "_deleted", "_hubdump_x", "property_id"),
    BadInput(40, "custom object called contacts", "a name with its type id", Shown(LABELS)),
    BadInput(41, "custom object's label is a path", "a name of letters and digits; files are named by type ids",
             Shown(LABELS)),
    BadInput(42, "two custom objects with one label", "the second with its type id", Shown(LABELS)),
    BadInput(43, "custom objects that differ in case", "the second with its type id", Shown(LABELS)),
    BadInput(44, "property that comes between definitions and pages",
             "in the files and _raw; a column from the next run on",
             Shown("test_a_property_that_nobody_defined_stays_in_raw_and_in_the_files")),
    BadInput(45, "1,500 properties", EXACT, Shown("tests/test_run.py::test_many_properties_come_by_batch_read")),
    n(46, "named like a parameter of the list", "limit", "after", "properties", "associations", "idProperty"),
    v(47, "text that looks like ISO", EXACT, text("2026-01-02T03:04:05Z"), text("2026-02-30")),
    v(48, "zip code 01234", EXACT, text("01234")),
    v(49, "phone number +33", EXACT, text("+33 1 23 45 67 89")),
    v(50, "instants in all forms", EXACT, text("1700000000000"), text("0001-01-01T00:00:00Z"),
      text("9999-12-31T23:59:59.999+14:00"), text("+292278994-08-17T07:12:55.807Z"),
      (b"1700000000000", "1700000000000")),
    v(51, "date in a DST gap", EXACT, text("2026-03-29T02:30:00")),
    v(52, "negative epoch", EXACT, text("-62135596800000")),
    v(53, "boolean as text", EXACT, text("true"), text("TRUE"), (b"true", "true"), (b"false", "false")),
    v(54, "multi-select with ; in an option", EXACT, text("a;b\\;c;;d")),
    v(55, "enumeration's value not among its options", EXACT, text("no_such_option")),
    v(56, "HTML with </script>", EXACT, text("<p>a</p></script><script>alert(1)</script>")),
    v(57, "=HYPERLINK()", EXACT, text('=HYPERLINK("http://a.invalid","b")')),
    v(58, "other beginnings of formulas", EXACT, text("@SUM(1)"), text("\t=1"), text("\r=1"),
      text("\uff1d1"), text("-1+1")),
    v(59, "rich markup", EXACT, text("[bold]x[/bold] [link=file:///]y")),
    v(60, "newline, quote, comma", EXACT, text('a\nb\r\nc,"d",\\e')),
    v(61, "file: and javascript: URLs", EXACT, text("file:///etc/passwd"), text("javascript:alert(1)")),
    v(62, "text of 65,536 characters", EXACT, text("\u00e9" * 65536)),
    v(63, "base64 blob", EXACT, text("QUJD" * 4096 + "==")),
    BadInput(64, "value that changes at each read", "one of the values that were read, the same in both targets",
             Shown("test_a_value_that_changes_at_each_read_is_one_of_them_and_the_same_everywhere")),
    v(65, "list in place of a text", "its JSON as text in DuckDB, the list in the files",
      (b'["a",["b"],{"c":null}]', '["a",["b"],{"c":null}]')),
    BadInput(66, "id as a number", WHOLE, Shown("test_an_id_is_the_same_as_text_and_as_a_number")),
    BadInput(67, "id 007, no id, no record", "quarantined by name, the rest of the page is kept", Quarantined((
        b'{"id":"007","properties":{}}', b'{"properties":{"hs_object_id":null}}', b'{"id":null,"properties":{}}',
        b'{"id":"","properties":{}}', b'{"id":"-5","properties":{}}', b'{"id":{"a":1},"properties":{}}', b"null", b"[]",
        b'"text"', b"7", b'{"id":"9223372036854775808","properties":{}}',
        b'{"id":' + b"9" * 5000 + b',"properties":{}}',
        b'{"id":"70"}', b'{"id":"71","properties":null}', b'{"id":"72","properties":{},"archived":"perhaps"}',
    ))),
    BadInput(68, "id above 2^53", EXACT, Shown("test_ids_up_to_2_63_are_exact")),
    BadInput(69, "id that is there twice", "the newest version, once",
             Shown("tests/test_store.py::test_an_older_version_does_not_replace_a_newer_one_whatever_the_order")),
    BadInput(70, "id below the cursor, made during the run", "found by the catch-up",
             Shown("test_a_record_that_appears_behind_the_cursor_is_found")),
    BadInput(71, "10,001 records in one millisecond", "each once",
             Shown("test_10_001_records_changed_in_one_millisecond_are_found_once_each")),
    BadInput(72, "updatedAt null, missing, in the future, no instant", WHOLE, Records((
        {"updatedAt": None}, {"updatedAt": ...}, {"updatedAt": "2099-01-01T00:00:00Z"},
        {"updatedAt": "2020-01-01T00:00:00Z"},
        {"updatedAt": 1700000000000}, {"updatedAt": "1700000000000"}, {"updatedAt": "9223372036854775807"},
        {"updatedAt": "9" * 400},
        {"updatedAt": "0001-01-01T00:00:00Z"}, {"updatedAt": "9999-12-31T23:59:59.999999999+1400"},
        {"updatedAt": "+292278994-08-17T07:12:55.807Z"}, {"updatedAt": "2026-13-01T00:00:00Z"}, {"updatedAt": "--5"},
        {"updatedAt": ""}, {"createdAt": ...}, {"createdAt": None}, {"createdAt": ["soon"]},
    ))),
    BadInput(73, "archived without archivedAt", WHOLE,
             Shown("test_an_archived_record_without_its_instant_is_kept_as_archived")),
    BadInput(74, "record in both lists", "once", Shown("test_a_record_in_both_lists_is_there_once")),
    BadInput(75, "merged id that answers with another id", "under the other id, once",
             Shown("test_an_id_that_answers_with_another_is_not_stored_under_the_first")),
    BadInput(76, "association to a missing record", "kept as HubSpot says it",
             Shown("test_associations_are_kept_as_hubspot_says_them")),
    BadInput(77, "association to itself, double labels, 50,000 on one record", "each once",
             Shown("test_associations_are_kept_as_hubspot_says_them")),
    BadInput(78, "association page with a next one inside a batch", "followed",
             Shown("tests/test_linking.py::test_the_pages_of_one_input_are_followed")),
    BadInput(79, "owner null, deactivated, of a team only", "not here yet",
             NotHere("a record's hubspot_owner_id is a text like any other; owners have a table of their own")),
    BadInput(80, "no record, one record", "complete, with as many",
             Shown("test_a_type_with_no_record_or_one_is_complete")),
    BadInput(81, "more records than asked for", "all of them",
             Shown("test_a_page_with_more_records_than_asked_for_is_taken_whole")),
    BadInput(82, "next.after as asked, next.link to another host", "exit 3 by name; the link is never followed",
             Shown("test_a_cursor_that_stays_is_named_and_a_link_is_never_followed")),
    BadInput(83, "engagement of unknown type", "exit 3 by name, other types whole",
             Shown("test_an_engagement_of_another_type_ends_its_type_by_name")),
    BadInput(84, "Retry-After in all forms", "read; what a wait obeys is in test_exchange.py",
             Shown("tests/test_retry.py::test_retry_after_is_read_in_each_of_its_forms")),
)  # fmt: skip


def of(kind: type[Any]) -> list[BadInput]:
    """The rows made in one way."""
    return [row for row in TABLE if isinstance(row.how, kind)]


_TESTS = {
    Values: "test_a_bad_value_is_the_right_one_in_store_and_targets",
    Names: "test_a_bad_name_has_a_column_of_its_own_and_its_name_in_the_files",
    Answers: "test_a_bad_answer_is_understood_or_asked_for_again_and_again",
    Records: "test_a_record_with_an_unusual_field_is_kept_with_it_as_it_is",
    Quarantined: "test_what_is_no_record_is_quarantined_by_name_and_the_rest_of_its_page_kept",
}
_CHARS_MAX = 44


def line(row: BadInput) -> str:
    """The row as docs/reliability.md has it."""
    cells = (str(row.number), row.name, _made(row.how), row.outcome, _shown(row.how))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _made(how: How) -> str:
    match how:
        case Values(pairs):
            return "value " + ", ".join(
                _code(wire) if wire is not None else "left out" for wire, _ in pairs[:3]
            )
        case Names(names):
            return "property " + ", ".join(_code(name.encode()) for name in names[:3])
        case Answers():
            return "answer"
        case Records(fields):
            return f"{len(fields)} records"
        case Quarantined(records):
            return f"{len(records)} records, as {_code(records[0])}"
        case _:
            return ""


def _code(data: bytes) -> str:
    shown = "".join(chr(byte) if 32 <= byte < 127 else f"<{byte:02X}>" for byte in data[:_CHARS_MAX])
    return f"``{shown}``" + ("..." if len(data) > _CHARS_MAX else "") if shown else "empty"


def _shown(how: How) -> str:
    if isinstance(how, NotHere):
        return how.why
    return f"`{how.test if isinstance(how, Shown) else _TESTS[type(how)]}`"


if __name__ == "__main__":
    sys.stdout.write("".join(line(row) + "\n" for row in TABLE))
