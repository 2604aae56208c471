"""Every collection around the records, one row each: what differs between them is a column here, never a subclass.

A collection is what is no record of an object type: owners, lists, forms. Its items are kept as HubSpot sent them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass
from enum import Enum

import msgspec
from msgspec import Raw

from hubdump.model import Response

# The parents that are no collection: an object type, and the emails of all contacts, a batch at a time.
TYPE, EMAILS = "type", "emails"
# Beside a field of a key: the hash of the whole item, where no field of it tells it from others.
WHOLE = "#"
_V = ("2026-09", "2026-03", "v3")


class Paging(Enum):
    """How the next page is asked for."""

    NONE = "all in one answer"
    AFTER = "by the cursor in `paging`"
    OFFSET = "by `offset`, as long as `hasMore` says so"
    ID = "from the last id on, as a search that leads to 10,000 only by its own cursors"


class Sent(Enum):
    """Where the page that is wanted is said."""

    QUERY = "GET, in the query"
    BODY = "POST, in the body"
    INPUTS = "POST, a batch of parents in the body"


@dataclass(frozen=True, slots=True)
class Collection:
    """One row.

    `path` is root, family and rest of the path, as the version stands before or behind the family; `versions` are
    tried in turn. `items` leads to the items of an answer (none: the answer is the one item), `key` are the fields
    that tell an item from others of its parent. `parent` is a collection, TYPE or EMAILS; `of` the only types that
    have any. `sizes` are the pages asked for, each where HubSpot refuses the one before, `size` is what it calls them.
    An `instant` (epoch milliseconds) makes it append-only, newest first: a later run reads what is new, in a `window`
    of time where HubSpot takes one. `inline` names fields of items that are tables of their own; `computed` ones
    change without the item being changed. What is `everywhere` no portal lacks.
    """

    name: str
    group: str
    path: tuple[str, str, str]
    scopes: tuple[str, ...]
    versions: tuple[str, ...] = _V
    items: tuple[str, ...] = ("results",)
    key: tuple[str, ...] = ("id",)
    paging: Paging = Paging.NONE
    sent: Sent = Sent.QUERY
    size: str = "limit"
    sizes: tuple[int, ...] = (100, 50, 10)
    query: tuple[tuple[str, str], ...] = ()
    parent: str = ""
    of: tuple[str, ...] = ()
    archived: bool = False
    instant: str = ""
    window: bool = False
    inline: tuple[tuple[str, str], ...] = ()
    computed: tuple[str, ...] = ()
    everywhere: bool = False


# Paths, limits and scopes: https://developers.hubspot.com/docs/api-reference; v1 ones have no specification.
_PIPED = ("deals", "tickets", "leads", "orders", "appointments", "courses", "listings", "services")
_CURRENCIES = ("multi-currency-read",)
COLLECTIONS: tuple[Collection, ...] = (
    Collection(
        "account", "account", ("account-info", "", "details"), ("oauth",), items=(), key=("portalId",), everywhere=True
    ),
    Collection(
        "currencies", "account", ("settings", "currencies", "exchange-rates/current"), _CURRENCIES, paging=Paging.AFTER
    ),
    Collection("company_currency", "account", ("settings", "currencies", "company-currency"), _CURRENCIES, items=()),
    # HubSpot calls them users; so it does an object type.
    Collection(
        "account_users", "account", ("settings", "users", ""), ("settings.users.read",), ("2026-03", "v3"),
        paging=Paging.AFTER,
    ),
    Collection("teams", "account", ("settings", "users", "teams"), ("settings.users.teams.read",), ("2026-03", "v3")),
    Collection(
        "files", "account", ("files", "", "files/search"), ("files",), paging=Paging.ID, query=(("sort", "id"),)
    ),
    Collection("workflows", "account", ("automation", "flows", ""), ("automation",), ("v4",), paging=Paging.AFTER),
    Collection(
        "owners", "crm", ("crm", "owners", ""), ("crm.objects.owners.read",), paging=Paging.AFTER, archived=True,
        inline=(("teams", "owner_teams"),), everywhere=True,
    ),
    Collection(
        "pipelines", "crm", ("crm", "pipelines", "{parent}"), (), parent=TYPE, of=_PIPED,
        inline=(("stages", "pipeline_stages"),), everywhere=True,
    ),
    Collection(
        "property_groups", "crm", ("crm", "properties", "{parent}/groups"), (), key=("name",), parent=TYPE,
        everywhere=True,
    ),
    Collection(
        "schemas", "crm", ("crm-object-schemas", "", "schemas"), ("crm.schemas.custom.read",), key=("objectTypeId",),
        archived=True,
    ),
    Collection(
        "lists", "crm", ("crm", "lists", "search"), ("crm.lists.read",), items=("lists",), key=("listId",),
        paging=Paging.OFFSET, sent=Sent.BODY, size="count", sizes=(500, 100, 10), computed=("additionalProperties",),
    ),
    Collection(
        "list_memberships", "crm", ("crm", "lists", "{parent}/memberships"), ("crm.lists.read",), key=("recordId",),
        paging=Paging.AFTER, sizes=(250, 100, 10), parent="lists",
    ),
    Collection(
        "forms", "marketing", ("marketing", "forms", ""), ("forms",), ("v3",), paging=Paging.AFTER, archived=True,
        query=(("formTypes", "all"),),
    ),
    Collection(
        "form_submissions", "marketing", ("form-integrations", "submissions", "forms/{parent}"), ("forms",), ("v1",),
        key=("conversionId",), paging=Paging.AFTER, sizes=(50, 20, 10), parent="forms", instant="submittedAt",
    ),
    Collection(
        "marketing_emails", "marketing", ("marketing", "emails", ""), ("content",), paging=Paging.AFTER, archived=True,
        query=(("includeStats", "true"),), computed=("stats",),
    ),
    Collection(
        "subscription_types", "marketing", ("communication-preferences", "", "definitions"),
        ("communication_preferences.read",),
    ),
    Collection(
        "subscription_statuses", "marketing", ("communication-preferences", "", "statuses/batch/read"),
        ("communication_preferences.statuses.batch.read",), ("2026-09", "2026-03", "v4"), ("results", "statuses"),
        ("subscriberIdString", "subscriptionId"), sent=Sent.INPUTS, query=(("channel", "EMAIL"),), parent=EMAILS,
    ),
    Collection(
        "email_events", "marketing", ("email/public", "events", ""), ("content",), ("v1",), ("events",),
        ("created", "id"), Paging.OFFSET, sizes=(1000, 100, 10), instant="created", window=True,
    ),
    Collection(
        "subscription_changes", "marketing", ("email/public", "subscriptions", "timeline"), ("content",), ("v1",),
        ("timeline",), ("timestamp", "recipient", WHOLE), Paging.OFFSET, sizes=(1000, 100, 10), instant="timestamp",
        window=True,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ItemRef:
    """Where one item lies in an answer: `position` counts all items of it."""

    parent: str
    key: str
    position: int
    archived: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A parent whose items could not be read: `failed` where HubSpot fails, else it says that there are none."""

    parent: str
    reason: str
    failed: bool = False
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemsRead:
    """A flow hands over one answer with items, and the cursor it leads to.

    `fields` are those that some item has. What is stored of the parents `left_out` stays as it is. With it the parent
    `whole` is read to its end.
    """

    cursor: str
    response: Response | None = None
    refs: Sequence[ItemRef] = ()
    fields: Sequence[str] = ()
    left_out: Sequence[LeftOut] = ()
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Parents:
    """A flow asks for up to `count` parents, as (what they go by, what they are asked for by), behind `after`."""

    after: str
    count: int


@dataclass(frozen=True, slots=True)
class Since:
    """A flow asks from when on (epoch milliseconds) items of a parent may be new; 0: it was never read whole."""

    parent: str


@dataclass(frozen=True, slots=True)
class SeenItem:
    """A flow asks whether the present pass showed an item already."""

    parent: str
    key: str


def by_name(name: str) -> Collection:
    """The collection of a name."""
    return next(row for row in COLLECTIONS if row.name == name)


def is_named(word: str) -> bool:
    """Whether a word names a collection, or a group of some."""
    return any(word in {row.name, row.group} for row in COLLECTIONS)


def others(words: Sequence[str], known: Callable[[str], bool]) -> tuple[str, ...]:
    """Those of the words of `--only` or `--exclude` that are not the collections' alone."""
    return tuple(word for word in words if known(word) or not is_named(word))


def selected(only: Sequence[str], exclude: Sequence[str]) -> tuple[Collection, ...]:
    """The collections that `--only` and `--exclude` leave; words that name none of them are others'.

    One that hangs on another is read with it or not at all.
    """
    wanted = {
        name for row in COLLECTIONS if not only or _is_one_of(row, only) for name in (row.name, row.parent)
    }
    out = {row.name for row in COLLECTIONS if _is_one_of(row, exclude)}
    return tuple(row for row in COLLECTIONS if row.name in wanted and not {row.name, row.parent} & out)


def _is_one_of(row: Collection, words: Names[str]) -> bool:
    return row.name in words or row.group in words


def items_of(row: Collection, body: bytes) -> list[Raw]:
    """The items of one answer, in its order; msgspec.DecodeError where it is none."""
    found = [Raw(body)]
    for field in row.items:
        found = [item for one in found for item in _within(one, field)]
    return found


def _within(one: Raw, field: str) -> list[Raw]:
    inner = msgspec.json.decode(one, type=dict[str, Raw]).get(field)
    return [] if inner is None else msgspec.json.decode(inner, type=list[Raw])


def fields_of(item: Raw) -> dict[str, Raw]:
    """The fields of an item; none where it is not even an object."""
    try:
        return msgspec.json.decode(item, type=dict[str, Raw])
    except msgspec.DecodeError:
        return {}


def key_of(row: Collection, fields: dict[str, Raw], item: Raw) -> str:
    """What tells an item from the others of its parent, whatever their order; never nothing.

    Where a field of the key is missing, the instant and the hash of the item stand for it.
    """
    if all(name == WHOLE or _text(fields.get(name)) for name in row.key):
        names: Sequence[str] = row.key
    else:
        names = (row.instant, WHOLE) if row.instant else (WHOLE,)
    return ":".join(_hash(item) if name == WHOLE else _text(fields.get(name)) for name in names)


def number_of(value: Raw | None) -> int | None:
    """The whole number that a field holds."""
    number = number_in(_text(value))
    return None if number < 0 else number


def number_in(text: str) -> int:
    """The whole number a text is, -1 for any other text."""
    return int(text) if text.isdecimal() and len(text) < 20 else -1


def is_archived(fields: dict[str, Raw]) -> bool:
    """Whether an item says of itself that it is archived."""
    return _text(fields.get("archived")) == "true"


def _text(value: Raw | None) -> str:
    """A field as text, '' where it is missing, null, or no single value."""
    data = b"" if value is None else bytes(value)
    if data[:1] in {b"", b"{", b"["} or data == b"null":
        return ""
    return str(msgspec.json.decode(data)) if data[:1] == b'"' else data.decode()


def _hash(item: Raw) -> str:
    """The same for the same content, in whatever order its fields stand."""
    same = msgspec.json.encode(msgspec.json.decode(item), order="sorted")
    return hashlib.sha256(same).hexdigest()[:16]


def tables(rows: Sequence[Collection] = COLLECTIONS) -> Iterator[str]:
    """The names of all tables of what is around the records."""
    yield from ("properties", "property_options")
    for row in rows:
        yield row.name
        yield from (table for _, table in row.inline)
