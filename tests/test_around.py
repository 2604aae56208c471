"""The collections around the records, held against a sandbox's truth: item by item, through edits, faults and cuts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubdump import around, load
from hubdump.around import COLLECTIONS, Collection, Paging, by_name
from hubdump.errors import Incomplete, ScopeMissing
from hubdump.events import Event, Noted
from hubdump.extract.plan import Wishes
from hubdump.model import Request, Response, Secret
from hubdump.sandbox import InProcess
from hubdump.store import item_reader
from hubdump.store.reader import Reader
from hubdump.targets import json_items
from tests.collections_world import TRUE_NAMES, Bodies, collected, held, true_of
from tests.worlds import Emulated, JumpingClock, Refusing

# More of each than goes into a page.
PORTAL = (
    "contacts=110,deals=5,owners=105,lists=3,forms=5,form_submissions=60,marketing_emails=105,email_events=1050,"
    "subscription_changes=30,files=110,workflows=105,currencies=3,subscription_types=3"
)
TYPES = ("contacts", "deals")
FEW = tuple(
    by_name(name)
    for name in ("owners", "pipelines", "lists", "list_memberships", "forms", "form_submissions")
)

AROUND = ("/crm/owners", "/crm/pipelines", "/crm/lists", "/marketing/forms", "/form-integrations")


def differing(sandbox: InProcess, folder: Path, rows: tuple[Collection, ...] = COLLECTIONS) -> list[str]:
    """The collections that are not as truth has them; what is none cannot be told from what is not compared."""
    found = []
    for row in rows:
        here, there = comparable(row, held(folder, row)), comparable(row, true_of(sandbox, row))
        assert there, f"no {row.name} prove nothing"
        if here != there:
            found.append(f"{row.name}: {len(here)} here, {len(there)} there")
    return found


def comparable(row: Collection, bodies: Bodies) -> Any:
    """Truth knows groups and pipelines of types that nobody reads here, and keys that answers do not have."""
    if row.parent == around.TYPE:
        return {key: body for key, body in bodies.items() if key[0] in TYPES}
    if around.WHOLE in row.key or row.name == "form_submissions":
        texts = (msgspec.json.encode((key[0], body), order="sorted") for key, body in bodies.items())
        return Counter(texts)
    return bodies


def gone(folder: Path, row: Collection) -> set[str]:
    reader = Reader(folder / "store.sqlite")
    try:
        return {item.key for item in reader.items.items(row) if item.gone}
    finally:
        reader.close()


def test_every_collection_is_what_the_portal_has_item_by_item(tmp_path: Path) -> None:
    sandbox = InProcess(PORTAL)
    assert collected(sandbox, tmp_path, types=TYPES) == {}
    assert differing(sandbox, tmp_path) == []


@pytest.mark.prove
@pytest.mark.parametrize(
    "how", [{"beliefs": ("worst",)}, {"faults": "many", "seed": 5}], ids=["worst", "faults"]
)
def test_and_so_it_is_under_the_worst_beliefs_and_many_faults(tmp_path: Path, how: dict[str, Any]) -> None:
    sandbox = InProcess(PORTAL, **how)
    assert collected(sandbox, tmp_path, types=TYPES) == {}
    wrong = differing(sandbox, tmp_path)
    if "beliefs" in how:  # forms for comments answer 404 there: nobody can read their submissions
        wrong = [told for told in wrong if not told.startswith("form_submissions")]
    assert wrong == []


class Cut(Exception):
    """The end of everything, at once."""


class CutAt:
    """A sandbox whose client dies before the answer to its n-th request for a collection."""

    def __init__(self, sandbox: InProcess, clock: JumpingClock, dies_at: int) -> None:
        self._emulated, self._dies_at, self.asked = Emulated(sandbox, clock), dies_at, 0

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        if not any(
            part in request.path for part in ("/objects/", "/associations/", "/properties/2026-09/contacts")
        ):
            self.asked += 1
            if self.asked == self._dies_at:
                raise Cut
        return await self._emulated.send(request, token)


def cut(sandbox: InProcess, folder: Path, at: int) -> None:
    """A run that ends before its `at`th request is answered."""
    with pytest.raises(Cut):
        collected(
            sandbox,
            folder,
            FEW,
            types=TYPES,
            through=lambda clock: CutAt(sandbox, clock, at),
            to_its_end=False,
        )


@pytest.mark.parametrize("dies_at", [5, 9, 13])
def test_a_run_that_is_cut_goes_on_and_ends_the_same(tmp_path: Path, dies_at: int) -> None:
    sandbox = InProcess(PORTAL)
    cut(sandbox, tmp_path, dies_at)
    assert collected(sandbox, tmp_path, FEW, types=TYPES) == {}
    assert differing(sandbox, tmp_path, FEW) == []
    asked = [one for one in sandbox.portal.requests() if one["template"].startswith(AROUND)]
    pages = Counter((one["path"], one["query"], one["body_crc"]) for one in asked)
    assert len(pages) == 15
    assert set(pages.values()) == {1}, "what was committed was asked for again"


def test_a_later_run_has_what_was_changed_made_and_removed_and_shows_what_is_gone(tmp_path: Path) -> None:
    sandbox = InProcess(PORTAL)
    collected(sandbox, tmp_path, FEW, types=TYPES)
    before = held(tmp_path, by_name("owners"))
    owners = sorted(key for _, key in before)
    portal = sandbox.portal
    portal.edit_item("change", "owners", key=owners[0], lastName="Other")
    portal.edit_item("remove", "owners", key=owners[1])
    made = portal.edit_item("create", "owners", email="new@example.com")["key"]
    form = next(iter(sorted(key for _, key in held(tmp_path, by_name("forms")))))
    portal.edit_item("create", "form_submissions", form)
    sandbox.advance(120)
    asked = len(portal.requests())
    assert collected(sandbox, tmp_path, FEW, types=TYPES) == {}
    assert differing(sandbox, tmp_path, FEW) == []
    after = held(tmp_path, by_name("owners"))
    assert after.keys() - before.keys() == {("", made)}
    assert gone(tmp_path, by_name("owners")) == {owners[1]}
    again = Counter(one["path"] for one in portal.requests()[asked:] if "submissions/forms" in one["path"])
    assert set(again.values()) == {1}, "older submissions were read again"


def test_submissions_that_are_shown_again_leave_their_file_as_it_is(tmp_path: Path) -> None:
    sandbox, row = InProcess(PORTAL), by_name("form_submissions")
    texts = []
    for _ in range(2):
        collected(sandbox, tmp_path, FEW, types=TYPES)
        texts.append((tmp_path / json_items.write(tmp_path, row).path).read_bytes())
    assert texts[0] == texts[1]
    assert len(msgspec.json.decode(texts[0])) == len(held(tmp_path, row)) > 60


def test_what_comes_back_is_gone_no_more(tmp_path: Path) -> None:
    sandbox, rows = InProcess(PORTAL), (by_name("list_memberships"), by_name("lists"))
    collected(sandbox, tmp_path, rows, types=TYPES)
    (list_, contact), *_ = held(tmp_path, rows[0])
    sandbox.portal.edit_item("remove", "list_memberships", list_, contact)
    collected(sandbox, tmp_path, rows, types=TYPES)
    assert contact in gone(tmp_path, rows[0])
    sandbox.portal.edit_item("create", "list_memberships", list_, recordId=contact)
    collected(sandbox, tmp_path, rows, types=TYPES)
    assert contact not in gone(tmp_path, rows[0])
    assert differing(sandbox, tmp_path, rows) == []


def test_nothing_is_marked_as_deleted_where_more_is_gone_than_a_person_would_believe(tmp_path: Path) -> None:
    sandbox, rows = InProcess(PORTAL), (by_name("files"),)
    collected(sandbox, tmp_path, rows, types=TYPES)
    for _, key in list(held(tmp_path, rows[0]))[:30]:
        sandbox.portal.edit_item("remove", "files", key=key)
    failed = collected(sandbox, tmp_path, rows, types=TYPES)
    assert "does not have 30 of 110 files any more" in failed["files"].message
    assert gone(tmp_path, rows[0]) == set()
    assert collected(sandbox, tmp_path, rows, types=TYPES, wishes=Wishes(accept_deletes=True)) == {}
    assert len(gone(tmp_path, rows[0])) == 30


def test_what_was_not_shown_by_a_pass_that_was_cut_is_not_gone(tmp_path: Path) -> None:
    sandbox = InProcess(PORTAL)
    collected(sandbox, tmp_path, FEW, types=TYPES)
    cut(sandbox, tmp_path, 8)
    assert {row.name: gone(tmp_path, row) for row in FEW} == {row.name: set() for row in FEW}


@pytest.mark.parametrize("belief", ["tier-refusal=403", "tier-refusal=404"])
def test_what_the_tier_lacks_is_listed_and_no_failure(tmp_path: Path, belief: str) -> None:
    sandbox = InProcess(PORTAL, without=("lists", "files"), beliefs=(belief,))
    rows = (*FEW, by_name("files"))
    assert collected(sandbox, tmp_path, rows, types=TYPES) == {}
    reader = Reader(tmp_path / "store.sqlite")
    try:
        unread = {one.collection.name: one.unread for one in reader.items.held() if one.unread}
    finally:
        reader.close()
    assert unread.keys() == {"lists", "list_memberships", "files"}
    assert all("not in this portal" in why and belief[-3:] in why for why in unread.values())
    rest = tuple(row for row in FEW if row.name not in {"lists", "list_memberships"})
    assert differing(sandbox, tmp_path, rest) == []


def test_what_every_portal_has_and_what_was_read_before_is_never_absent(tmp_path: Path) -> None:
    sandbox, rows = InProcess(PORTAL), (by_name("owners"), by_name("files"))

    for part in ("owners", "files"):
        through = lambda clock, of=f"/{part}": Refusing(sandbox, clock, of, 404, {"message": "no"})  # noqa: E731 - a name for it
        assert collected(sandbox, tmp_path, rows, types=(), through=through).keys() == {part}
        assert held(tmp_path, rows[1]) == true_of(sandbox, rows[1])


def test_submissions_of_a_form_that_could_not_be_read_come_later_however_old_they_are(tmp_path: Path) -> None:
    sandbox, rows = InProcess(PORTAL), (by_name("forms"), by_name("form_submissions"))
    form = min(key for _, key in true_of(sandbox, rows[0]))
    through = lambda clock: Refusing(sandbox, clock, f"/forms/{form}", 404, {"message": "no"})  # noqa: E731 - a name for it
    assert collected(sandbox, tmp_path, rows, types=(), through=through) == {}
    assert form not in {parent for parent, _ in held(tmp_path, rows[1])}
    sandbox.advance(100_000)
    assert collected(sandbox, tmp_path, rows, types=()) == {}
    assert differing(sandbox, tmp_path, rows) == []


def test_whose_items_are_read_has_to_be_known(tmp_path: Path) -> None:
    sandbox, told = InProcess(PORTAL), list[Event]()
    rows = (by_name("subscription_statuses"), by_name("pipelines"))
    failed = collected(sandbox, tmp_path, rows, told.append, types=(), named=("pipelines",))
    assert failed.keys() == {"pipelines"}
    assert "--only deals --only pipelines" in failed["pipelines"].hint
    assert [one.text for one in told if isinstance(one, Noted)] == [
        "subscription_statuses are not read: they are those of contacts, and none are whole in this dump."
    ]
    sandbox.advance(5000)
    assert collected(sandbox, tmp_path, rows, types=("contacts", "deals"), named=("pipelines",)) == {}
    assert differing(sandbox, tmp_path, rows) == []


def test_a_scope_that_the_token_lacks_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    sandbox = InProcess(PORTAL, tokens=("some:crm.lists.read+crm.objects.owners.read+oauth",))
    rows = tuple(row for row in FEW if row.parent != around.TYPE)
    failed = collected(sandbox, tmp_path, rows, types=())
    assert failed.keys() == {"forms", "form_submissions"}
    assert isinstance(failed["forms"], ScopeMissing)
    assert failed["forms"].scopes == ("forms",)
    rest = tuple(row for row in rows if not row.name.startswith("form"))
    assert differing(sandbox, tmp_path, rest) == []


def test_adding_a_collection_is_adding_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Collection(
        "inventions",
        "account",
        ("automation", "flows", ""),
        ("automation",),
        ("v4",),
        paging=Paging.AFTER,
        sizes=(50,),
    )
    for module in (item_reader, load):
        monkeypatch.setattr(module, "COLLECTIONS", (row,))
    monkeypatch.setitem(TRUE_NAMES, "inventions", "workflows")
    sandbox = InProcess(PORTAL)
    assert collected(sandbox, tmp_path, (row,), types=TYPES) == {}
    assert differing(sandbox, tmp_path, (row,)) == []
    written = json_items.write(tmp_path, row)
    found = msgspec.json.decode((tmp_path / written.path).read_bytes())
    assert found == list(true_of(sandbox, row).values())
    assert written.records == 105


def test_a_collection_whose_cursor_was_refuted_begins_anew(tmp_path: Path) -> None:
    sandbox, rows = InProcess(PORTAL), (by_name("workflows"),)
    sandbox.portal.strike("repeat", "/automation/v4/flows")
    failed = collected(sandbox, tmp_path, rows, types=TYPES, to_its_end=False)
    assert isinstance(failed.get("workflows"), Incomplete)
    assert collected(sandbox, tmp_path, rows, types=TYPES) == {}
    assert differing(sandbox, tmp_path, rows) == []


def test_names_of_collections_and_groups_choose_them_and_names_of_types_none() -> None:
    def names(only: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[str]:
        return [row.name for row in around.selected(only, exclude)]

    assert names() == [row.name for row in COLLECTIONS]
    assert names(("engagements",)) == []
    assert names(("owners", "contacts")) == ["owners"]
    assert names(("list_memberships",)) == ["lists", "list_memberships"]
    assert names(("crm",), ("lists",)) == ["owners", "pipelines", "property_groups", "schemas"]
    assert set(names(("marketing",), ("forms",))) == {
        row.name for row in COLLECTIONS if row.group == "marketing" and not row.name.startswith("form")
    }
    assert around.others(("owners", "contacts", "crm"), {"contacts", "crm"}.__contains__) == (
        "contacts",
        "crm",
    )
    assert replace(by_name("owners"), name="x") not in COLLECTIONS
