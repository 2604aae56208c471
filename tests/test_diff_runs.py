"""hubdump diff RUN [RUN]: what came to differ from one run's end to another's, held against what each of them left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import combinations
from pathlib import Path

import pytest

from hubdump.diff.between import Became, Told, between
from hubdump.diff.between_told import Kept, lines
from hubdump.errors import UsageError
from hubdump.model import State
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from tests.conftest import Serve, User
from tests.test_as_of import Content, lived
from tests.test_run_numbers import read, remove

# (type, id, what became of it, what more is told)
Seen = tuple[str, int, Became, object]


def found(dump: Path, since: str, until: str = "") -> list[Seen]:
    seen: list[Seen] = []

    def tell(told: Told) -> None:
        more = (link := told.link) and (told.to, link.to_id, link.type_id, link.label)
        seen.append((told.type, told.id, told.became, more or told.properties or told.merged_into))

    between(dump, since, until, tell)
    return sorted(seen, key=str)


def expected(before: Content, after: Content) -> Iterator[Seen]:
    """The differences between what two runs left, by looking at all of it."""
    old, new = ({row[:2]: row[2:] for row in one[0]} for one in (before, after))
    for (type_, id_), (raw, state, into) in new.items():
        was = old.get((type_, id_))
        if was == (raw, state, into):
            continue
        active = was is not None and was[1] is State.ACTIVE
        if state is not State.ACTIVE:
            became = Became[state.name] if active else Became.INACTIVE
            yield type_, id_, became, into
        elif was is None:
            yield type_, id_, Became.CREATED, None
        else:
            one, other = (json.loads(each)["properties"] for each in (was[0], raw))
            names = {name for name in {*one, *other} if one.get(name) != other.get(name)}
            pairs = {name: (one.get(name), other.get(name)) for name in names}
            yield type_, id_, Became.CHANGED if active else Became.RESTORED, pairs or None
    links, now = ({(*row[:5], row[5] or None) for row in one[1]} for one in (before, after))
    for of, became in ((now - links, Became.ASSOCIATED), (links - now, Became.DISSOCIATED)):
        for name, other, from_id, to, kind, label in of:
            yield str(name), int(str(from_id)), became, (other, to, kind, label)


@pytest.mark.parametrize("seed", [1, 2])
def test_between_any_two_runs_what_differs_is_told_and_nothing_else(seed: int, tmp_path: Path) -> None:
    life, left = lived(tmp_path, seed, 6)
    kinds = set()
    for (since, before), (until, after) in combinations(left.items(), 2):
        told = [one for one in found(life.folder, since, until) if not untold(one, before, after)]
        assert told == sorted(expected(before, after), key=str), (since, until)
        kinds |= {became for _, _, became, _ in told}
        if until == list(left)[-1]:
            assert found(life.folder, since) == found(life.folder, since, until)
    assert len(kinds) >= 6
    assert found(life.folder, "previous", "last") == found(life.folder, *list(left)[-2:])


def untold(one: Seen, before: Content, after: Content) -> bool:
    """Whether a record is told as changed that was changed and changed back: it was another version in between."""
    same = {row for row in before[0] if row in after[0]}
    return one[2] in {Became.CHANGED, Became.INACTIVE} and any(row[:2] == one[:2] for row in same)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.sqlite")) as store:
        store.runs.begin("first", 1_000_000)
        store.begin_round("calls", 1)
        for id_ in (1, 2, 3):
            read(store, id_, 10, {"title": f"t{id_}", "hs_lastmodifieddate": "10"})
        yield store


def told(dump: Path, since: str, until: str = "") -> list[str]:
    kept = Kept()
    return list(lines(between(dump, since, until, kept.keep), kept))


def test_people_are_told_in_a_table_and_by_name(store: Store, tmp_path: Path) -> None:
    store.runs.begin("second", 2_000_000, keep=True)
    read(store, 1, 11, {"title": "t1\x1b[2J", "hs_lastmodifieddate": "11", "new": "x" * 60})
    read(store, 4, 11, {"title": "t4"})
    remove(store, 2, 1)
    store.runs.end(3_000_000)
    assert told(tmp_path, "first", "second") == [
        "From the end of run first (1970-01-01T00:00:01Z) to that of second (1970-01-01T00:00:03Z)",
        "type   created  changed  merged",
        "calls        1        1       1",
        "calls created:",
        "  4",
        "calls changed:",
        "  1  title: 't1' -> 't1\\x1b[2J', new: nothing -> 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...",
        "calls merged:",
        "  2 into 1",
    ]
    assert told(tmp_path, "second")[1:] == ["Nothing is other than it was."]


def test_without_kept_versions_it_tells_which_records_and_that_it_does_not_know_more(
    store: Store, tmp_path: Path
) -> None:
    store.runs.begin("second", 2)
    read(store, 1, 11, {"title": "other"})
    read(store, 4, 11, {"title": "t4"})
    remove(store, 2, None)
    (head, note, *table) = told(tmp_path, "first")
    assert head.endswith("to now")
    assert note.startswith("What records were before run second")
    assert table[1].split() == ["calls", "1", "1", "1"]
    assert "  1" in table
    store.runs.begin("third", 3)
    read(store, 4, 12, {"title": "again"})
    with pytest.raises(UsageError, match=r"Versions are not kept in .*: what run second") as refused:
        found(tmp_path, "first", "second")
    assert refused.value.hint == "Keep versions from now on: hubdump run --keep-versions"


def test_what_is_no_run_or_in_the_wrong_order_is_refused(store: Store, tmp_path: Path) -> None:
    store.runs.begin("second", 2)
    with pytest.raises(UsageError, match="There is no run 'third'"):
        found(tmp_path, "third")
    with pytest.raises(UsageError, match=r"Run second .* came after first") as refused:
        found(tmp_path, "second", "first")
    assert refused.value.hint == "hubdump diff first second"


def test_only_the_last_runs_changes_of_associations_are_kept_where_versions_are_not(
    store: Store, tmp_path: Path
) -> None:
    store._db.execute("INSERT INTO association_changes VALUES (1, 1, 1, 1, 2, 1, 1)")
    for number in range(2, 103):
        store.runs.begin(f"run-{number}", number)
        store.runs.end(number)
    assert store._db.execute("SELECT count(*) FROM association_changes").fetchone() == (0,)
    with closing(Reader(store.path)) as reader:
        assert reader.past.links_since() == 2
    assert any("associated and dissociated is known of the last" in line for line in told(tmp_path, "first"))


@pytest.mark.prove(seconds=10)
def test_two_runs_of_a_living_portal_are_told_apart(serve: Serve, user: User) -> None:
    served = serve("--portal", "companies=5", "--faults", "none")
    at = user.at(served)
    for flags in (["--keep-versions"], []):  # once said, it holds
        assert at.types("run", "--only", "companies", *flags).status == 0
    assert "versions are kept since the end of run" in at.types("status").out
    same = at.types("diff", "previous", "last")
    assert (same.status, "Nothing is other than it was." in same.out) == (0, True), same.err
    as_json = at.types("diff", "previous", "--json")
    summary = json.loads(as_json.out.splitlines()[-1])
    assert (summary["until"], summary["types"]) == (None, {})
    assert (user.dump / "runs" / f"{summary['since']['run']}.log").exists()
    refused = at.types("diff", "20260101T000000Z-1")
    assert (refused.status, "There is no run '20260101T000000Z-1'" in refused.err) == (2, True)
    assert at.types("diff", "previous", "--type", "companies").status == 2
    assert "There is no nowhere.json" in at.types("diff", "nowhere.json").err


def test_the_kinds_are_the_words_of_the_documents() -> None:
    documented = (Path(__file__).parent.parent / "docs" / "dump-format.md").read_text("utf-8")
    assert [kind.value for kind in Became if f"| `{kind.value}` |" not in documented] == []


def test_an_association_that_came_and_went_in_between_is_no_difference(store: Store, tmp_path: Path) -> None:
    store._db.execute("INSERT INTO labels VALUES (7, 'HUBSPOT_DEFINED', 5, 'Boss')")
    for number, added in ((2, 1), (3, 0), (4, 1)):
        store.runs.begin(f"run-{number}", number, keep=True)
        store._db.execute("INSERT INTO association_changes VALUES (?, 1, 1, 1, 2, 7, ?)", (number, added))
    there = ("calls", 2, 5, "Boss")
    assert found(tmp_path, "first", "run-2") == [("calls", 1, Became.ASSOCIATED, there)]
    assert found(tmp_path, "first", "run-3") == []
    assert found(tmp_path, "run-2", "run-3") == [("calls", 1, Became.DISSOCIATED, there)]
    assert found(tmp_path, "first") == [("calls", 1, Became.ASSOCIATED, there)]
