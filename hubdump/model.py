"""The nouns: object types, requests and answers, and what a flow may ask of the engine."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from hubdump.secret import Secret as Secret  # noqa: PLC0414 - one of the nouns, in a file of its own

T = TypeVar("T")

FAILURES_MAX = 6
CUSTOM = "custom"  # the group of custom objects


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One kind of record.

    `name` is HubSpot's plural name, of a custom object one made of its label; `qualified` HubSpot's fully qualified
    name of a custom object. `scopes` are those that reading it needs, all of them; `group` what `--only` may call
    it by. `engagement` is the value of `hs_engagement_type` its records bear, `modified` the property that search finds
    changes by (contacts have their own), `created` the one it finds their age by. One of the `library` is there only
    where the portal has it switched on, one that is `everywhere` in every portal. Values of sensitive properties need
    the scope `sensitive`, of highly sensitive ones `highly_sensitive`; where there is none, it has no such property.
    """

    name: str
    type_id: str
    singular: str
    group: str = ""
    scopes: tuple[str, ...] = ()
    engagement: str | None = None
    modified: str = "hs_lastmodifieddate"
    created: str = "hs_createdate"
    library: bool = False
    qualified: str = ""
    everywhere: bool = False
    sensitive: str = ""
    highly_sensitive: str = ""

    @property
    def central(self) -> bool:
        """Whether it is one of those that all others are associated with, in every portal."""
        return self.everywhere and not self.engagement

    @property
    def path(self) -> str:
        """What it is called in URLs: labels of custom objects may be anything, and change."""
        return self.type_id if self.group == CUSTOM else self.name


class Budget(StrEnum):
    """HubSpot's counters that one request is charged to; the daily one is charged by all of them."""

    GENERAL = "general"
    ASSOCIATIONS = "associations"
    SEARCH = "search"


class State(IntEnum):
    """What a stored record is at HubSpot, as far as was read: gone means that no read finds it any more."""

    ACTIVE = 0
    ARCHIVED = 1
    GONE = 2
    MERGED = 3


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One call to HubSpot: reads only, so any request may be sent again.

    `template` is the path without ids, for logs; `expects` the type a complete answer decodes to. A body
    is JSON, or a `form` that carries its own credentials in place of the bearer token. After `failures_max`
    failures while others like it succeed it is given up as poison (0: never). A `narrowed` one asks for less of
    what was given up so.
    """

    method: str
    path: str
    template: str
    budget: Budget
    expects: type[T]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)
    form: bool = False
    failures_max: int = FAILURES_MAX
    narrowed: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """What came over the wire: `body` as received, `encoding` its Content-Encoding ('' or 'gzip')."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A response that decoded completely as what was expected; `response` keeps its bytes."""

    content: T
    response: Response


class RecordRef(NamedTuple):
    """Where one record lies in a page: its position in `results`, its version in microseconds (UTC)."""

    id: int
    position: int
    updated_us: int | None
    archived: bool = False


class Association(NamedTuple):
    """One link of one type between two records, as read from its `from` side."""

    from_id: int
    to_id: int
    category: str
    type_id: int
    label: str | None


class PastValue(NamedTuple):
    """One entry of a property's history. `timestamp` is as HubSpot wrote it, `at_us` the same in microseconds (UTC; 0
    where it is unreadable); `more` holds what else HubSpot said, as JSON ('' where nothing).
    """

    id: int
    property: str
    at_us: int
    timestamp: str
    value: str | None
    source_type: str | None
    source_id: str | None
    source_label: str | None
    updated_by_user_id: str | None
    more: str = ""


@dataclass(frozen=True, slots=True)
class StoredIds:
    """A flow asks for up to `count` ids of its type that are in the store, ascending, above `after`."""

    after: int
    count: int


@dataclass(frozen=True, slots=True)
class DueLinks:
    """A flow asks for up to `count` ids above `after` of records due in its reach, of the type that it asks."""

    after: int
    count: int
    reach: Reach


@dataclass(frozen=True, slots=True)
class Known:
    """A flow asks what the store has of some ids of its type; it is sent {id: Version}."""

    ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Unseen:
    """A flow asks for up to `count` active records that the present pass did not list, ascending, above `after`."""

    after: int
    count: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A flow asks for up to `count` records that could not be read so far, ascending, above `after`."""

    after: int
    count: int


@dataclass(frozen=True, slots=True)
class Met:
    """A flow asks whether a page of a list, whose next one is `after`, reaches what another walk of the same list was
    shown: then its own range ends here.
    """

    ids: Sequence[int]
    after: str


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A flow asks which records of an answer the store has with other values of some properties: it is sent ids."""

    response: Response
    records: Sequence[RecordRef]
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class HistoriesDue:
    """A flow asks for up to `count` active records above `after` whose history of these properties is not read as of
    their present version; it is sent Due.
    """

    after: int
    count: int
    names: Sequence[str]


class Due(NamedTuple):
    """Records, ascending, and the properties whose history is missing of one of them or more."""

    ids: Sequence[int]
    names: Sequence[str]


class Version(NamedTuple):
    """What the store holds of one record: its version in microseconds (UTC), and what it is at HubSpot."""

    updated_us: int | None
    state: State


@dataclass(frozen=True, slots=True)
class RecordsRead:
    """A flow hands over one page of records, and the cursor it leads to."""

    response: Response
    records: Sequence[RecordRef]
    cursor: str
    done: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """A flow hands over what it found out of records without reading them anew.

    `seen` are there as the store has them; `removed` maps those that are not to the record they were merged
    into, None where HubSpot knows nothing of them; `unreadable` maps those that HubSpot fails to give to what it said.
    """

    cursor: str
    done: bool
    seen: Sequence[int] = ()
    removed: Mapping[int, int | None] = field(default_factory=dict)
    unreadable: Mapping[int, str] = field(default_factory=dict)


class Reach(StrEnum):
    """Of which records a walk of associations asks: all, and then those that came `late`, while it read all; those that
    are due, or, to find more of these, `back` from the other type of the pair.
    """

    WHOLE = "whole"
    LATE = "late"
    CHANGED = "changed"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class AssociationsRead:
    """A flow hands over associations of some records to one other type; where it looks `back`, as seen from that one.

    `fresh` are the ids whose earlier rows these replace (the first page of each), `more` those of which another page
    follows, `last` those whose last of several pages this is; `failed` the ids HubSpot could not answer for, and what
    it said.
    """

    fresh: Sequence[int]
    rows: Sequence[Association]
    failed: Mapping[int, str]
    cursor: str
    done: bool
    more: Collection[int] = ()
    last: Collection[int] = ()
    reach: Reach = Reach.WHOLE


@dataclass(frozen=True, slots=True)
class HistoriesRead:
    """A flow hands over the whole history of some properties, `names`, of some records.

    `read` maps those records to their version in microseconds. That they are read is kept with their values and is the
    cursor: what is read is not due any more. `unreadable` maps records to what HubSpot said.
    """

    names: Sequence[str]
    read: Mapping[int, int | None]
    values: Sequence[PastValue]
    unreadable: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """A flow asks to go on only after `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refuted:
    """A flow saw HubSpot behave against a belief, and goes on in a way that does not need it."""

    belief: str
    seen: str


Commit = RecordsRead | Settled | AssociationsRead | HistoriesRead
Question = StoredIds | DueLinks | Known | Unseen | Quarantined | Met | Otherwise | HistoriesDue
Effect = Request[Any] | Question | Wait | Refuted | Commit
# A flow is sent an Answer for a Request, what the store says to a Question, None after anything else.
Flow = Generator[Effect, Any, None]


@dataclass(frozen=True, slots=True)
class WalkKey:
    """Names one walk: the type it reads and what it is for ('sweep', 'catch-up', 'contacts', ...)."""

    type: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Bookmark:
    """What is known of one object type: how far it is complete, in microseconds of server time (UTC).

    `since_us` is the instant from which its present round looks for changes, `seen_us` the instant whose state it
    will hold (0: not known yet), `fresh_us` up to when every change is in the dump (None: never complete),
    `proved_us` when its ids were last compared whole.
    """

    type: str
    round: int = 0
    since_us: int = 0
    seen_us: int = 0
    complete: bool = False
    fresh_us: int | None = None
    proved_us: int | None = None

    @property
    def content(self) -> str:
        """The same only as long as the type holds the same; '' while a round is under way, which changes it."""
        return f"{self.round} {self.fresh_us}" if self.complete else ""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the store holds of one type; `without` counts records with no association to any type."""

    records: int = 0
    archived: int = 0
    associations: int = 0
    without: int = 0
    failed: int = 0
    by_type: Mapping[str, int] = field(default_factory=dict)


class Unread(NamedTuple):
    """A type, or what else of a portal was to be read, that cannot be; `scopes` are those that are lacking.

    `absent` where this portal does not have it: nothing is missing then.
    """

    what: str
    why: str
    scopes: tuple[str, ...] = ()
    absent: bool = False


class Quarantine(NamedTuple):
    """What could not be read of one record: itself (`record`), or its associations to the type `purpose`."""

    id: int
    purpose: str
    reason: str
