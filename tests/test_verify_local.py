"""What no call to HubSpot is needed for: every harm to the store or a target is found, and what it hit is named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hubdump import load
from hubdump.catalog import STANDARD
from hubdump.extract.plan import Wishes
from hubdump.extract.wanted import wanted
from hubdump.sandbox import InProcess
from hubdump.store.store import Store
from hubdump.targets import duckdb_held, json_held
from hubdump.targets.compared import Differences
from hubdump.verify import local
from hubdump.verify.findings import Finding, Verdict
from tests.test_verify import named
from tests.worlds import ALL, extracted

TYPES = tuple(map(STANDARD.by_name, ALL))
SPEC = "narrow,calls=130,notes=2,contacts=60,companies=8,deals=6,tickets=3"
CALLS_JSON = "raw/engagements_call_partial.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump with all its targets, made once; contacts and deals are read from both sides, as if they had differed."""
    dump, sandbox = tmp_path_factory.mktemp("made") / "dump", InProcess(SPEC)
    store = Store(dump / "store.sqlite")
    store.pairs.set_differing("contacts", "deals", differs=True)
    store.close()
    assert extracted(sandbox, dump, wishes=Wishes(history=wanted(["calls:hs_call_title"]))) == {}
    store = Store(dump / "store.sqlite")
    try:
        load.write_partials(dump, TYPES, store, lambda _: None, asked=True)
        load.write_json(dump, TYPES, store, lambda _: None, asked=True)
        load.write_duckdb(dump, TYPES, store, lambda _: None)
    finally:
        store.close()
    return dump


@pytest.fixture
def dump(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "dump"))


@contextmanager
def opened(dump: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(dump / "store.sqlite", isolation_level=None)) as db:
        yield db


def checked(dump: Path) -> list[Finding]:
    findings = list(local.check(dump, TYPES))
    assert findings
    return findings


def wrong(dump: Path) -> dict[str, list[str]]:
    return named(checked(dump))


def test_a_dump_as_it_was_made_is_as_it_must_be(dump: Path) -> None:
    findings = checked(dump)
    assert [finding for finding in findings if finding.verdict is not Verdict.RIGHT] == []
    checks = {finding.check for finding in findings}
    assert checks == {"pages", "complete", "types", "history", "sides", "targets", "files"}
    assert "132 records, each once" in next(f.text for f in findings if f.what == "json")
    assert "209 records, each once" in next(f.text for f in findings if f.what == "duckdb")


def in_json(dump: Path) -> dict[str, list[str]]:
    return by_kind(json_held.differences(dump, TYPES))


def in_duckdb(dump: Path) -> dict[str, list[str]]:
    return by_kind(duckdb_held.differences(dump, TYPES))


def by_kind(found: dict[str, Differences]) -> dict[str, list[str]]:
    assert sum(one.compared for one in found.values()) > 200
    return {f"{what}: {kind}": names for what, one in found.items() for kind, names in one.kinds if names}


def elements(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_bytes()))


def written(path: Path, content: list[dict[str, Any]]) -> None:
    lines = [json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in content]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")


def _removed(content: list[dict[str, Any]]) -> str:
    return f"calls {content.pop(7)['id']}"


def _added(content: list[dict[str, Any]]) -> str:
    content.append({**content[3], "id": "1", "associations": {}})
    return "calls 1"


def _doubled(content: list[dict[str, Any]]) -> str:
    content.append({**content[3], "associations": {}})
    return f"calls {content[3]['id']}"


def _changed(content: list[dict[str, Any]]) -> str:
    content[5]["properties"]["hs_call_title"] = "planted"
    return f"calls {content[5]['id']}"


def _redated(content: list[dict[str, Any]]) -> str:
    content[5]["updatedAt"] = "2026-01-01T00:00:00Z"
    return f"calls {content[5]['id']}"


def _unlinked(content: list[dict[str, Any]]) -> str:
    one = next(one for one in content if one["associations"].get("contacts"))
    return f"calls {one['id']} to contacts {one['associations']['contacts'].pop()['id']} "


def _relabelled(content: list[dict[str, Any]]) -> str:
    one = next(one for one in content if one["associations"].get("contacts"))
    other = one["associations"]["contacts"][0]
    other["types"][0]["label"] = "planted"
    return f"calls {one['id']} to contacts {other['id']} "


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (_removed, "missing"), (_added, "not in the store"), (_doubled, "more than once"),
        (_changed, "otherwise than in the store"), (_redated, "otherwise than in the store"),
        (_unlinked, "missing"), (_relabelled, "otherwise than in the store"),
    ],
)  # fmt: skip
def test_every_harm_to_a_json_file_is_named(
    harm: Callable[[list[dict[str, Any]]], str], kind: str, dump: Path
) -> None:
    content = elements(dump / CALLS_JSON)
    written(dump / CALLS_JSON, content)
    assert in_json(dump) == {}
    told = harm(content)
    written(dump / CALLS_JSON, content)
    found = in_json(dump)
    names = found[f"{CALLS_JSON}: {kind}"]
    assert any(name.startswith(told) for name in names)
    assert len(names) == 1 or all(name.startswith(told.split(" to ")[0]) for name in names)
    assert list(found) == [f"{CALLS_JSON}: {kind}"]


@pytest.mark.parametrize(
    ("sql", "kind", "where"),
    [
        ("DELETE FROM calls WHERE id = ?", "missing", "calls"),
        ("INSERT INTO calls SELECT * REPLACE ('1' AS id) FROM calls WHERE id = ?", "not in the store", "calls"),
        ("INSERT INTO calls SELECT * FROM calls WHERE id = ?", "more than once", "calls"),
        ("UPDATE calls SET property_hs_call_title = 'planted' WHERE id = ?", "otherwise than in the store", "calls"),
        ("UPDATE calls SET property_hs_call_title = NULL WHERE id = ?", "otherwise than in the store", "calls"),
        ("UPDATE calls SET _raw = _raw || ' ' WHERE id = ?", "otherwise than in the store", "calls"),
        ("UPDATE calls SET archived = true WHERE id = ?", "otherwise than in the store", "calls"),
        ("UPDATE calls SET _deleted = true WHERE id = ?", "otherwise than in the store", "calls"),
        ("DELETE FROM associations WHERE from_type = 'calls' AND from_id = ?", "missing", "associations"),
        ("UPDATE associations SET label = 'planted' WHERE from_type = 'calls' AND from_id = ?",
         "otherwise than in the store", "associations"),
        ("INSERT INTO associations SELECT * REPLACE ('7' AS to_id) FROM associations WHERE from_id = ?",
         "not in the store", "associations"),
        ("DELETE FROM property_history WHERE id = ?", "missing", "property_history"),
        ("UPDATE property_history SET value = 'planted' WHERE id = ?", "otherwise than in the store",
         "property_history"),
        ("UPDATE property_history SET source_label = 'planted' WHERE id = ?", "otherwise than in the store",
         "property_history"),
        ("INSERT INTO property_history SELECT * REPLACE ('1' AS id) FROM property_history WHERE id = ?",
         "not in the store", "property_history"),
    ],
)  # fmt: skip
def test_every_harm_to_the_duckdb_file_is_named(sql: str, kind: str, where: str, dump: Path) -> None:
    with duckdb.connect(dump / "hubdump.duckdb") as db:
        found = db.execute(
            "SELECT id FROM calls WHERE property_hs_call_title IS NOT NULL AND NOT archived"
            " AND id IN (SELECT from_id FROM associations WHERE from_type = 'calls') ORDER BY id LIMIT 1"
        ).fetchone()
        assert found
        db.execute(sql, [found[0]])
    planted = in_duckdb(dump)
    names = planted[f"hubdump.duckdb {where}: {kind}"]
    told = "1" if "'1' AS id" in sql else found[0]
    assert names
    assert all(name == f"calls {told}" or name.startswith(f"calls {told} ") for name in names)
    assert len(planted) == 1


def test_what_a_target_has_otherwise_is_wrong_by_name(dump: Path) -> None:
    content = elements(dump / CALLS_JSON)
    lost = _removed(content)
    written(dump / CALLS_JSON, content)
    with duckdb.connect(dump / "hubdump.duckdb") as db:
        db.execute("DELETE FROM notes WHERE id = (SELECT min(id) FROM notes)")
    found = wrong(dump)
    assert lost in found[f"targets {CALLS_JSON}: missing"]
    assert len(found["targets hubdump.duckdb notes: missing"]) == 1
    assert f"files {CALLS_JSON}: missing, or changed since it was written" in found


@pytest.mark.parametrize("table", ["calls", "associations", "property_history"])
def test_a_table_that_is_gone_is_told(table: str, dump: Path) -> None:
    with duckdb.connect(dump / "hubdump.duckdb") as db:
        db.execute(f"DROP TABLE {table}")
    assert list(wrong(dump)) == [f"targets hubdump.duckdb {table}: cannot be read"]


@pytest.mark.parametrize("name", [CALLS_JSON, "raw/engagements.json", "hubdump.duckdb"])
def test_a_file_that_is_gone_or_no_longer_one_is_told(name: str, dump: Path) -> None:
    path = dump / name
    path.write_bytes(b"nonsense" + path.read_bytes()[:3000])
    assert f"targets {name}: cannot be read" in wrong(dump)
    path.unlink()
    assert f"targets {name}: cannot be read" in wrong(dump)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "UPDATE histories SET value = 'planted' WHERE id = ?",
            "past values are not as written: {} hs_call_title",
        ),
        ("DELETE FROM histories WHERE id = ?", " were written"),
    ],
)
def test_a_past_value_that_is_changed_or_gone_in_the_store_is_named(sql: str, told: str, dump: Path) -> None:
    with opened(dump) as db:
        (id_,) = db.execute("SELECT id FROM histories ORDER BY id LIMIT 1").fetchone()
        assert db.execute(sql, (id_,)).rowcount > 0
    findings = [f for f in checked(dump) if f.check == "history"]
    assert [f.verdict for f in findings] == [Verdict.WRONG]
    assert told.format(id_) in findings[0].text


def test_a_flipped_bit_in_a_page_is_found_and_its_records_are_named(dump: Path) -> None:
    with opened(dump) as db:
        page, type_, body = db.execute(
            "SELECT pages.number, type, body FROM pages JOIN types ON types.number = type WHERE name = 'calls'"
        ).fetchone()
        on_it = db.execute("SELECT id FROM records WHERE page = ? AND type = ?", (page, type_))
        ids = {f"calls {id_}" for (id_,) in on_it}
        middle = len(body) // 2
        flipped = body[:middle] + bytes([body[middle] ^ 8]) + body[middle + 1 :]
        db.execute("UPDATE pages SET body = ? WHERE number = ?", (flipped, page))
    found = wrong(dump)
    assert set(found["pages store: 1 damaged pages"]) == ids != set()
    unchecked = [f for f in checked(dump) if f.verdict is Verdict.UNCHECKED]
    assert {f.what for f in unchecked} >= {"calls"}


def test_a_record_under_another_id_and_one_of_another_type_are_named(dump: Path) -> None:
    with opened(dump) as db:
        a, b = db.execute("SELECT id, position FROM records ORDER BY id DESC LIMIT 2").fetchall()
        db.execute("UPDATE records SET position = ? WHERE id = ?", (b[1], a[0]))
        note, page = db.execute(
            "SELECT id, page FROM records JOIN types ON number = type WHERE name = 'notes'"
        ).fetchone()
        db.execute(
            "UPDATE records SET page = (SELECT min(number) FROM pages WHERE number <> ?) WHERE id = ?",
            (page, note),
        )
        (type_,) = db.execute(
            "SELECT name FROM types JOIN records ON number = type WHERE id = ?", (a[0],)
        ).fetchone()
    found = wrong(dump)
    assert found[f"types {type_}: another record, or of another type"] == [str(a[0])]
    assert found["types notes: another record, or of another type"] == [str(note)]


@pytest.mark.parametrize(("silent", "other"), [("deals", "contacts"), ("contacts", "deals")])
def test_an_association_that_one_side_only_shows_is_named(silent: str, other: str, dump: Path) -> None:
    with opened(dump) as db:
        numbers = dict(db.execute("SELECT name, number FROM types"))
        pair = (numbers[silent], numbers[other])
        of_pair = "FROM associations WHERE from_type = ? AND to_type = ?"
        (id_,) = db.execute(f"SELECT min(from_id) {of_pair}", pair).fetchone()
        ends = db.execute(
            f"SELECT DISTINCT to_id {of_pair} AND from_id = ? ORDER BY 1", (*pair, id_)
        ).fetchall()
        db.execute(f"DELETE {of_pair} AND from_id = ?", (*pair, id_))
    told = {text: ids for text, ids in wrong(dump).items() if text.startswith("sides ")}
    assert list(told.values()) == [[f"{other} {end} to {silent} {id_}" for (end,) in ends]]


def test_a_side_that_shows_nothing_at_all_is_told_and_not_accused(dump: Path) -> None:
    with opened(dump) as db:
        db.execute(
            "DELETE FROM associations WHERE from_type = (SELECT number FROM types WHERE name = 'deals')"
            " AND to_type = (SELECT number FROM types WHERE name = 'contacts')"
        )
    (told,) = [f for f in checked(dump) if f.check == "sides" and f.what == "contacts and deals"]
    assert (told.verdict, told.text) == (
        Verdict.RIGHT, "HubSpot shows them from contacts only; nothing from deals"
    )  # fmt: skip


def test_ends_that_are_not_active_here_are_told_with_what_became_of_them(dump: Path) -> None:
    with opened(dump) as db:
        (contacts,) = db.execute("SELECT number FROM types WHERE name = 'contacts'").fetchone()
        linked = [
            id_
            for (id_,) in db.execute(
                "SELECT DISTINCT to_id FROM associations JOIN types ON number = from_type"
                " WHERE name = 'calls' AND to_type = ? ORDER BY 1", (contacts,),
            )
        ]  # fmt: skip
        db.execute("DELETE FROM records WHERE type = ? AND id = ?", (contacts, linked[0]))
        db.execute("UPDATE records SET state = 1 WHERE type = ? AND id = ?", (contacts, linked[1]))
        db.execute(
            "UPDATE records SET state = 3, merged_into = 1 WHERE type = ? AND id = ?", (contacts, linked[2])
        )
    (told,) = [f for f in checked(dump) if f.check == "ends" and f.what == "calls to contacts"]
    assert told.verdict is Verdict.RIGHT
    assert f"that no list showed ({linked[0]})" in told.text
    assert "archived" in told.text
    assert "merged" in told.text
    # Their own associations are here, and they are not: that is wrong.
    stray = next(ids for text, ids in wrong(dump).items() if text.startswith("ends contacts: "))
    assert set(stray) <= {str(id_) for id_ in linked[:3]} != set()


def test_what_hubspot_failed_to_give_is_named(dump: Path) -> None:
    with opened(dump) as db:
        db.execute(
            "INSERT INTO failures SELECT number, 7, 'record', 'internal error' FROM types WHERE name = 'calls'"
        )
    assert wrong(dump) == {"quarantine calls: HubSpot failed to give": ["7 (record: internal error)"]}


def test_a_target_that_was_never_asked_for_is_not_missed(dump: Path) -> None:
    with opened(dump) as db:
        db.execute("DELETE FROM files WHERE path LIKE '%json'")
    shutil.rmtree(dump / "raw")
    findings = checked(dump)
    assert named(findings) == {}
    assert [f.what for f in findings if f.check == "targets"] == ["duckdb"]


def test_what_was_read_since_is_missed_in_a_target_that_the_last_run_was_to_fill_and_in_no_other(
    dump: Path,
) -> None:
    with closing(Store(dump / "store.sqlite")) as store:
        load.remember_filled(store, TYPES, ("duckdb", "json"))
        store.set_meta("wanted", "json")
    with opened(dump) as db:
        of_calls = "type = (SELECT number FROM types WHERE name = 'calls')"
        sql = f"UPDATE records SET state = 3 WHERE id = (SELECT min(id) FROM records WHERE {of_calls})"
        assert db.execute(sql).rowcount == 1
    assert {what.partition(".")[0] for what in wrong(dump) if what.startswith("targets")} == {
        "targets hubdump",
        f"targets {CALLS_JSON[:-5]}",
        "targets raw/engagements",
    }
    with opened(dump) as db:
        db.execute("UPDATE types SET round = round + 1 WHERE name = 'calls'")
    (told,) = [one for one in checked(dump) if one.what == "duckdb"]
    assert told.verdict is Verdict.RIGHT
    assert told.text.startswith(
        "is older than the dump, as the last run was not to fill it; it was not compared"
    )
    assert told.text.endswith(f"hubdump load --dump {dump} duckdb")
    assert {what.partition(".")[0] for what in wrong(dump) if what.startswith("targets")} == {
        f"targets {CALLS_JSON[:-5]}",
        "targets raw/engagements",
    }


def test_one_engagement_type_alone_leads_to_types_that_the_dump_does_not_hold(tmp_path: Path) -> None:
    assert extracted(InProcess(SPEC), tmp_path, ["calls"]) == {}
    findings = list(local.check(tmp_path, [STANDARD.by_name("calls")]))
    assert named(findings) == {}
    assert "to a type that is not in this dump" in next(f.text for f in findings if f.check == "ends")
