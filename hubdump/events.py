"""What happened, as frozen values: the engine tells, the reporter and the run's log listen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hubdump.model import Totals


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`held` is why the first request waits, '' when it does not."""

    run: str
    portal: int
    dump: str
    types: tuple[str, ...]
    rate: str
    held: str = ""


@dataclass(frozen=True, slots=True)
class TypeStarted:
    """`resumed` when an earlier run was cut short within this type; `stored` records are already there."""

    type: str
    engagement: str
    resumed: bool = False
    stored: int = 0


@dataclass(frozen=True, slots=True)
class PageCommitted:
    """A page and its cursor are on disk; `records`, `associations` and `past_values` are those of this page."""

    type: str
    purpose: str
    records: int = 0
    associations: int = 0
    past_values: int = 0


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """A call failed and is tried again; `at` is the instant of the failure (ISO), `until` when it is given up."""

    template: str
    status: int
    text: str
    attempt: int
    wait_s: float
    at: str
    until: str
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class TypeCompleted:
    """All records and associations of a type are on disk; `changed` when they differ from the last round."""

    type: str
    engagement: str
    totals: Totals
    fresh_at: str


@dataclass(frozen=True, slots=True)
class TypeFailed:
    type: str
    engagement: str
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TypeAbsent:
    """HubSpot does not know this type in this portal: nothing is missing."""

    type: str


@dataclass(frozen=True, slots=True)
class ItemsCommitted:
    """An answer with items of a collection, and its cursor, are on disk."""

    collection: str
    items: int


@dataclass(frozen=True, slots=True)
class CollectionCompleted:
    """All items of a collection are on disk."""

    collection: str
    items: int
    fresh_at: str


@dataclass(frozen=True, slots=True)
class CollectionFailed:
    collection: str
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class FileFetched:
    """The bytes of one of HubSpot's files are on disk."""

    id: str
    bytes: int


@dataclass(frozen=True, slots=True)
class FileWritten:
    path: str
    records: int


@dataclass(frozen=True, slots=True)
class Noted:
    """Something a person should know that stops nothing: a moved file, a loose mode, a slow HubSpot."""

    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TypeSummary:
    """One line of the summary; `fresh_at` and `proved_at` are ISO instants or None.

    `counted` is how many records HubSpot counts against its limits, None where it was not asked.
    """

    records: int = 0
    archived: int = 0
    associations: int = 0
    failed: int = 0
    fresh_at: str | None = None
    proved_at: str | None = None
    counted: int | None = None
    past_values: int = 0


@dataclass(frozen=True, slots=True)
class Associated:
    """Which associations a run read - `all`, those of what `changed`, or `never` - and since what instant each pair of
    types has been read whole (ISO, or None).
    """

    read: str
    whole_at: str | None


@dataclass(frozen=True, slots=True)
class CollectionSummary:
    """What the dump holds of one collection: items, archived ones among them, and those that are gone.

    `unread` says why HubSpot lets nobody read it here, `left_out` whose items could not be read, and why.
    """

    items: int = 0
    archived: int = 0
    gone: int = 0
    fresh_at: str | None = None
    unread: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FetchedSummary:
    """The bytes of HubSpot's files in the dump: of how many `files`, `gone` ones among them, which HubSpot removed.

    `absent` are named by records only, and not at HubSpot or hidden; `failed` others that are not there.
    """

    files: int = 0
    bytes: int = 0
    gone: int = 0
    absent: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last event of a run; `requests` by budget; `bound_s` what HUBSPOT_MAX_REQUESTS_PER_10S cost.

    `timeline` are the requests by budget of each ten seconds, `limits` how many hubdump allows itself in ten;
    `absent` the types that this portal does not have, and why; `excluded` what the user leaves out,
    in his words; `fetched` the bytes of files, None where no run asked for them; `filled` by type how many active
    records there are, and by property how many bear it, as the last load of the DuckDB file found.
    """

    exit: int
    verdict: str
    seconds: float
    requests: Mapping[str, int]
    retries: int
    types: Mapping[str, TypeSummary]
    files: tuple[str, ...] = ()
    next: tuple[str, ...] = field(default=())
    bound_s: float = 0.0
    rate: str = ""
    timeline: Sequence[Mapping[str, int]] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    around: Mapping[str, CollectionSummary] = field(default_factory=dict)
    excluded: Sequence[str] = ()
    fetched: FetchedSummary | None = None
    filled: Mapping[str, tuple[int, Mapping[str, int]]] = field(default_factory=dict)
    associations: Associated | None = None


Event = (
    RunStarted
    | TypeStarted
    | PageCommitted
    | RetryScheduled
    | TypeCompleted
    | TypeFailed
    | TypeAbsent
    | ItemsCommitted
    | CollectionCompleted
    | CollectionFailed
    | FileFetched
    | FileWritten
    | Noted
    | RunEnded
)
Emit = Callable[[Event], None]
