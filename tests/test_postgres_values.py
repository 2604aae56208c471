"""PostgreSQL holds values, names and widths that it cannot take as they are, as documented."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from psycopg import sql

from hubdump import load
from hubdump.hubspot.schema import Kind
from hubdump.model import RecordRef, RecordsRead, Response, WalkKey
from hubdump.store.store import Store
from hubdump.targets.database import database
from hubdump.targets.meant import meant
from hubdump.targets.postgres_values import clean
from tests import hostile
from tests.filled_store import Life
from tests.postgres_server import Server
from tests.postgres_world import put
from tests.tampering import Home


@pytest.fixture(scope="module")
def loaded(hostile_home: Home, server: Server) -> str:
    """The schema into which it was loaded, in a process of its own."""
    schema = server.schema()
    with closing(Store(hostile_home.folder / "store.sqlite")) as store:
        wanted = [database(server.url(schema))]
        load.write_databases(hostile_home.folder, wanted, hostile_home.types(), store, lambda _: None)
    return schema


# How psql is asked for a value in its canonical form (targets/meant.py).
ASKED = {
    Kind.BOOL: "{}::text",
    Kind.INSTANT: "(extract(epoch FROM {}) * 1000000)::bigint::text",
    Kind.LIST: "array_to_string({}, ';')",
}


def test_psql_reads_every_value_of_a_hostile_portal(server: Server, loaded: str) -> None:
    names = ["id", *hostile.TYPED]
    asked = ", ".join(
        f"coalesce({ASKED.get(hostile.kind_of(name), '{}::text').format(f'property_{name}')}, '<NULL>')"
        for name in hostile.TYPED
    )
    told = server.psql(loaded, f"SELECT id, {asked} FROM calls WHERE NOT archived ORDER BY id::numeric")
    csv.field_size_limit(10_000_000)
    rows = list(csv.reader(io.StringIO(told, newline="")))[1:]
    assert len(rows) == len(hostile.BAD)
    for row, (_, text) in zip(rows, hostile.BAD, strict=True):
        text = "one" if text == "two" else text  # noqa: PLW2901 - two values, of another property than these
        for name, found in zip(names[1:], row[1:], strict=True):
            expected = meant(hostile.kind_of(name), text)
            assert found == ("<NULL>" if expected is None else expected.replace("\0", "\ufffd")), (name, text)
    assert (
        server.psql(loaded, "SELECT count(*) FROM meetings WHERE NOT archived")
        == f"count\n{len(hostile.FIELDS)}\n"
    )


def test_every_bad_name_has_a_column_of_its_own(server: Server, loaded: str) -> None:
    with server.connect(loaded) as db:
        columns = dict(
            db.execute('SELECT property, "column" FROM _columns WHERE "table" = \'notes\'').fetchall()
        )
        assert max(len(name.encode()) for name in hostile.NAMES) > 63
        for name in hostile.NAMES:
            asked = sql.SQL("SELECT {} FROM notes WHERE NOT archived").format(
                sql.Identifier(columns[clean(name)])
            )
            assert db.execute(asked).fetchall() == [(f"value of {clean(name)}",)] * 2


def define(life: Life, names: Sequence[str], records: int, wire: Callable[[int, str], str | None]) -> None:
    """Give contacts these properties, texts all, and let records be read with values of them."""
    with life.store() as store:
        told = [{"name": name, "type": "string", "label": name[:9]} for name in names]
        store.set_definitions("contacts", [(one["name"], json.dumps(one).encode()) for one in told])
        store.begin_round("contacts", life.now + 1)
        for id_ in range(1, records + 1):
            record = {"id": str(id_), "properties": {name: wire(id_, name) for name in names}}
            body = json.dumps({"results": [record | {"archived": False}]}).encode()
            read = RecordsRead(Response(200, {}, body), [RecordRef(id_, 0, life.now, False)], "", done=False)
            store.commit_records(WalkKey("contacts", "sweep"), read, 0.0)
        store.finish_round("contacts", life.now + 1, life.now + 1)


@pytest.mark.prove(seconds=8)
def test_2000_filled_properties_come_home_in_columns_and_in_more(
    server: Server, schema: str, tmp_path: Path
) -> None:
    life = Life(tmp_path / "dump", 1, records=9)
    names = [f"a_property_with_a_name_of_more_than_sixty_three_bytes_as_some_have_{n}" for n in range(2000)]
    rare = set(names[:1000])

    def wire(id_: int, name: str) -> str | None:
        return None if name in rare and id_ > 2 else f"{name} of {id_}, longer than a pointer"

    define(life, names, 9, wire)
    put(life, server.url(schema))
    for known in (names, [*names, "new"]):
        with server.connect(schema) as db:
            where = dict(
                db.execute('SELECT property, "column" FROM _columns WHERE "table" = \'contacts\'').fetchall()
            )
            assert where.keys() == set(known)
            typed = [name for name in known if where[name] != "_more"]
            assert len(typed) == 400
            assert not rare & set(typed), "the most filled have a column"
            asked = sql.SQL("SELECT id, _more, {} FROM contacts").format(
                sql.SQL(", ").join(sql.Identifier(where[name]) for name in typed)
            )
            found = db.execute(asked).fetchall()
        assert len(found) == 9
        for id_, more, *values in found:
            assert dict(zip(typed, values, strict=True)) | more == {
                name: text for name in known if (text := wire(int(id_), name)) is not None
            }
        define(life, [*names, "new"], 9, wire)
        put(life, server.url(schema))
