"""`hubdump verify --to postgresql://...` reads every value back, and names what is otherwise than in the store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hubdump.catalog import STANDARD
from hubdump.store.reader import Reader
from hubdump.targets import child, postgres
from hubdump.targets.compared import Differences
from hubdump.targets.postgres_held import differences
from tests.conftest import User
from tests.filled_store import NAMES, TYPES, Life
from tests.postgres_server import PASSWORD, Server
from tests.postgres_world import put
from tests.test_postgres_values import define


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads are by the child's own code without its process."""

    def load(order: Any, password: str, dump: Path, names: Sequence[str]) -> Any:
        return postgres.load(dump, order, password, [STANDARD.by_name(name) for name in names])

    monkeypatch.setattr(child, "load", load)


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path / "dump", 4, records=30)


def held(server: Server, schema: str, life: Life) -> dict[str, Differences]:
    """What differs."""
    found = differences(life.folder, server.url(schema), PASSWORD, TYPES)
    assert found, "nothing was compared"
    return {table: one for table, one in found.items() if not one.none}


@pytest.mark.parametrize("hard_delete", [False, True])
def test_what_was_loaded_is_there_whatever_it_holds(
    server: Server, schema: str, life: Life, hard_delete: bool
) -> None:
    life.hard_delete = hard_delete
    put(life, server.url(schema))
    for _ in range(12):
        life.round()
    put(life, server.url(schema))
    assert held(server, schema, life) == {}
    found = differences(life.folder, server.url(schema), PASSWORD, TYPES)
    assert min(found[name].compared for name in ("deals", "contacts", "associations", "_columns")) > 10
    with closing(Reader(life.folder / "store.sqlite")) as reader:
        everything = sum(1 for name in NAMES for _ in reader.states(name))
    assert (sum(found[name].compared for name in NAMES) < everything) == hard_delete


def test_what_has_no_column_of_its_own_is_compared_too(
    server: Server, schema: str, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubdump.targets.postgres_layout.TYPED", 4)
    names = ["a", "b", "c", "d", "e", "f\0"]
    define(life, names, 3, lambda id_, name: {"a": None, "b": ""}.get(name, f"{name} of {id_}"))
    put(life, server.url(schema))
    assert held(server, schema, life) == {}
    with server.connect(schema) as db:
        db.execute("UPDATE contacts SET _more = _more - 'b' WHERE id = '2'")
    assert held(server, schema, life)["contacts"].changed == ["contacts 2"]


CHANGES = """
UPDATE deals SET property_name = 'other' WHERE id = '7';
UPDATE deals SET created_at = created_at + interval '1 microsecond' WHERE id = '8';
DELETE FROM deals WHERE id = '9';
INSERT INTO deals (id) VALUES ('-7');
INSERT INTO deals SELECT * FROM deals WHERE id = '10';
DROP TABLE merges;
ALTER TABLE contacts DROP COLUMN property_name;
"""


def test_what_somebody_changed_is_named(server: Server, schema: str, life: Life) -> None:
    put(life, server.url(schema))
    with server.connect(schema) as db:
        db.execute(CHANGES)
        assert held(server, schema, life) == {
            "deals": Differences(
                30, ["deals 9"], ["deals -7"], changed=["deals 7", "deals 8"], twice=["deals 10"]
            ),
            "merges": Differences(unreadable='relation "merges" does not exist'),
            "contacts": Differences(unreadable='column "property_name" does not exist'),
        }
        db.execute('UPDATE _hubdump SET told = replace(told, \'"portal":"1"\', \'"portal":"2"\')')
        assert held(server, schema, life) == {
            "the schema": Differences(unreadable="it holds portal 2, not this dump's")
        }
        db.execute("DROP TABLE _hubdump")
        assert held(server, schema, life) == {
            "the schema": Differences(unreadable="hubdump loaded nothing into it")
        }


@pytest.mark.prove(seconds=5)
def test_verify_says_what_it_found_and_never_the_password(
    server: Server, schema: str, life: Life, user: User
) -> None:
    url = server.url(schema)
    life.folder.rename(user.dump)
    life.folder = user.dump
    verify = ("verify", "--level", "local", "--to", url)
    never = user.types(*verify)
    assert never.status == 1
    assert "never loaded into it: hubdump load" in never.out
    put(life, url)
    right = user.types(*verify)
    assert right.status == 0, right.out + right.err
    assert "tables, each once, every value as in the store" in right.out
    with server.connect(schema) as db:
        db.execute("DELETE FROM contacts WHERE id = '7'")
    wrong = user.types(*verify)
    assert wrong.status == 3
    assert "contacts: missing: contacts 7" in wrong.out
    while life.round() != "edited":
        continue
    older = user.types(*verify)
    assert older.status == 1
    assert "is older than the dump" in older.out
    refused = user.types("verify", "--level", "local", "--to", "dlt:duckdb")
    assert refused.status == 2
    said = "".join(told.out + told.err for told in (never, right, wrong, older))
    assert "s3cret" not in said
