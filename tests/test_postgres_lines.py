"""What COPY is given by whole columns is what each text means by itself, in whatever company it comes."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec
from psycopg import sql

from hubdump.hubspot.schema import Kind
from hubdump.targets.meant import meant
from hubdump.targets.postgres_layout import Laid
from hubdump.targets.postgres_lines import Lines
from hubdump.targets.table import Column, Row, Table
from tests import hostile
from tests.postgres_server import Server
from tests.test_postgres_values import ASKED

# At the ends of what is plain, and what is nearly so.
EDGES = {
    Kind.VERBATIM: ["", "a\tb", "\\N", "\\.", "c:\\new\r\n", "\x7f\x01", "nul \0"],
    Kind.TEXT: ["", "\\N", "a\nb", "\\", "ü\u2028\U0001f600", "nul \0"],
    Kind.NUMBER: ["0", "-0", "007", "1.5", "9" * 28 + ".1234567890", "-1", "1\n2", "1.", "+1", "9" * 29],
    Kind.INTEGER: ["0", "-0", "-" + "9" * 18, "9" * 18, "9" * 19, "9223372036854775807", "1\n2", "1.0"],
    Kind.BOOL: ["true", "false", "TRUE", "t", "true\nfalse", "yes"],
    Kind.DATE: ["0001-01-01", "9999-12-31", "2024-02-29", "2023-02-29", "2025-04-31", "0000-01-01", "2025-1-1"],
    Kind.INSTANT: [
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-02-29T23:59:59.1Z", "2023-02-29T00:00:00Z",
        "2025-06-31T00:00:00Z", "2025-01-01T24:00:00Z", "2025-01-01T00:00:60Z", "2025-01-01T00:00:00.1234567Z",
        "2025-01-01T00:00:00Z\n2025-01-01T00:00:00Z", "2025-01-01T01:00:00+01:00", "1735689600000",
    ],
    Kind.LIST: ["a;b", 'q"uote;back\\slash', ";", "NULL", "{x}", "nul \0"],
    Kind.JSON: ['{"a": "\\\\n"}', "[1]", "NaN", "{", '"\\t"'],
}  # fmt: skip
PLAIN = {
    kind: [text for text in texts if meant(kind, text) is not None and "\n" not in text][:4]
    for kind, texts in EDGES.items()
}
PLAIN_BUT_FOR_LINES = {kind: PLAIN[kind] + [text for text in EDGES[kind] if "\n" in text] for kind in Kind}


def rows() -> Iterator[Row]:
    """A hundred of plain texts, a hundred with gaps, a hundred with some that look like two, then of all there are."""
    chance = Random(5)
    for number in range(600):
        more = [text for _, text in hostile.BAD] if number >= 300 else []
        gaps = [None, ""] if number >= 100 else []
        texts = [
            (PLAIN if number < 200 else PLAIN_BUT_FOR_LINES if number < 300 else EDGES)[kind] for kind in Kind
        ]
        yield (str(number), *(chance.choice([*of, *gaps, *more]) for of in texts))


def test_whole_columns_become_what_each_of_their_texts_means(server: Server, schema: str) -> None:
    given, kinds = list(rows()), list(Kind)
    columns = (Column("n", Kind.INTEGER), *(Column(kind.value, kind) for kind in kinds))
    one = Laid(Table("all", columns, lambda: iter(()), lambda: 0), "all", tuple(c.name for c in columns))
    lines = Lines(one, lambda row: ("all", int(row[0] or 0)))
    asked = ", ".join(ASKED.get(kind, "{}::text").format(f'"{kind.value}"') for kind in kinds)
    with server.connect(schema) as db:
        made = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(t)) for n, t in one.columns.items()
        )
        db.execute(sql.SQL('CREATE TABLE "all" ({})').format(made))
        with db.cursor().copy('COPY "all" FROM STDIN') as into:
            for some in lines.of(given):
                into.write(some)
        found = db.execute(f'SELECT {asked} FROM "all" ORDER BY n').fetchall()
    assert len(found) == len(given) == lines.rows
    lost = 0
    for (_, *texts), values in zip(given, found, strict=True):
        expected = [meant(kind, text) for kind, text in zip(kinds, texts, strict=True)]
        assert list(values) == [one and one.replace("\0", "\ufffd") for one in expected]
        lost += sum(bool(text) and one is None for text, one in zip(texts, expected, strict=True))
    assert lines.noughts == sum("\0" in text for row in given for text in row if text)
    assert sum(one.as_null for one in lines.odd) == lost > 100


def test_what_has_no_column_of_its_own_is_an_object_of_texts() -> None:
    columns = (Column("id"), Column("a", Kind.NUMBER, None, "a"), Column("b", Kind.TEXT, None, "b"))
    lines = Lines(
        Laid(Table("t", columns, lambda: iter(()), lambda: 0), "t", ("id", "_more", "_more")),
        lambda _: ("", 0),
    )
    (found,) = lines.of([("1", None, "x\ty"), ("2", "1", "\0"), ("3", None, None)])
    ids, texts = zip(*(line.split(b"\t") for line in found.splitlines()), strict=True)
    assert ids == (b"1", b"2", b"3")
    assert [msgspec.json.decode(text.replace(b"\\\\", b"\\")) for text in texts] == [
        {"b": "x\ty"}, {"a": "1", "b": "\ufffd"}, {},
    ]  # fmt: skip
    assert lines.noughts == 1


def test_large_records_go_by_few() -> None:
    columns = (Column("id"), Column("_raw"))
    lines = Lines(
        Laid(Table("t", columns, lambda: iter(()), lambda: 0), "t", ("id", "_raw")), lambda _: ("", 0)
    )
    given: list[Row] = [(str(n), "x" * (400_000 if n < 10 else 4)) for n in range(250)]
    found = list(lines.of(given))
    assert [some.count(b"\n") for some in found] == [3, 3, 3, 100, 100, 41]
    assert b"".join(found).split(b"\n")[:-1] == [f"{n}\t{raw}".encode() for n, raw in given]
