"""Every fact about HubSpot that is not sure, as a switch: the best-evidenced value is the default.

docs/beliefs.md says of each what was believed, on what evidence, and what would settle it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hubdump.sandbox.config import SandboxError

WORST = "worst"
_NUMBER_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Belief:
    """One switch: its default, what is worse for a client, and the values allowed (none: numbers from `least`)."""

    what: str
    default: str
    worst: str
    values: tuple[str, ...] = ()
    least: int = 0

    def allows(self, value: str) -> bool:
        """Whether the switch can be set to this."""
        if self.values:
            return value in self.values
        return value.removeprefix("-").isdecimal() and self.least <= int(value[:9]) <= _NUMBER_MAX

    @property
    def allowed(self) -> str:
        return " or ".join(self.values) or f"a whole number from {self.least} to {_NUMBER_MAX}"


def _one_of(what: str, *values: str, worst: str) -> Belief:
    return Belief(what, values[0], worst, values)


def _number(what: str, default: int, worst: int, least: int = 0) -> Belief:
    return Belief(what, str(default), str(worst), least=least)


LISTS = {
    "list-after": _one_of(
        "`after` of a list: the id a page begins with, the number of records before it, or opaque",
        "next-id", "position", "opaque", worst="position",
    ),
    "list-after-any-id": _one_of(
        "whether `after` may be any number; else one that no page gave is refused, leads to an empty last page, or "
        "to the list's start", "yes", "no", "empty", "start", worst="no",
    ),
    "list-cursor": _one_of(
        "what `paging.next.after` holds: the last id and one, or the next record's", "last-plus-one",
        "next-record", worst="next-record",
    ),
    "list-order": _one_of("order of a list: ids as numbers, or as text", "id", "text", worst="text"),
    "list-max": _number("most records in a page of a list", 100, 50, 1),
    "list-over-max": _one_of("a larger limit is refused, or cut", "refused", "capped", worst="capped"),
    "lists-count-over-max": _one_of(
        "more than 500 lists are asked for: refused, or 500 given", "cut", "refused", worst="refused"
    ),
    "list-lag-s": _number("seconds until a list shows a change", 0, 5),
    "new-ids": _one_of("whether new records get larger ids", "ascending", "anywhere", worst="anywhere"),
}  # fmt: skip
SEARCH = {
    "search-max": _number("most records in a page of a search", 200, 100, 1),
    "search-order": _one_of("how search sorts hs_object_id", "number", "text", worst="text"),
    "search-filter": _one_of("how search compares hs_object_id", "number", "text", worst="text"),
    "search-lag-s": _number("seconds until a change is found by search", 0, 60),
    "search-empty-pages": _number("every n-th page of a search is empty but not the last", 0, 2),
    "search-total": _one_of("whether `total` goes beyond 10,000", "whole", "capped", worst="capped"),
    "search-body": _one_of(
        "what may have 3,000 characters: the `query` of a search, or its whole body", "query", "whole",
        worst="whole",
    ),
    "search-at-epoch": _one_of("a search since 1970-01-01: 500, or found", "500", "found", worst="500"),
    "contacts-hs-lastmodified": _one_of(
        "hs_lastmodifieddate of contacts: never filled, or like the others", "empty", "filled", worst="empty"
    ),
    "refusal-texts": _one_of(
        "what over-limit refusals say: which limit, or nothing in particular", "specific", "generic",
        worst="generic",
    ),
}  # fmt: skip
ASSOCIATIONS = {
    "association-page": _number("targets of one input in a page", 500, 2, 1),
    "association-inputs": _number("most inputs of a batch of associations", 1000, 100, 1),
    "association-order": _one_of("order of a batch's results", "shuffled", "aligned", worst="shuffled"),
    "inline-associations-max": _number("associations of one type inside a record", 100, 2, 1),
    "dated-to-object-id": _one_of("toObjectId in dated versions", "text", "number", worst="number"),
    "v3-associations-after": _one_of(
        "whether v3 follows `after` of an input", "ignored", "followed", worst="ignored"
    ),
    "one-way-pairs": _one_of("whether some pairs are found from one side only", "yes", "no", worst="yes"),
    "labels-show-one-way": _one_of(
        "whether a pair that is stored one way has labels on the other side too", "no", "yes", worst="yes"
    ),
    "association-edits-move-modified": _one_of(
        "whether association edits move the modified time", "no", "yes", worst="no"
    ),
}
AROUND = {
    "items-after": _one_of(
        "what a cursor of owners, forms, emails, workflows stands for: the last item read, or how many went before",
        "key", "position", worst="position",
    ),
    "owners-max": _number("most owners in a page", 500, 100, 1),
    "archived-forms": _one_of(
        "whether archived forms are listed apart only, or among the others too", "apart", "mixed", worst="mixed"
    ),
    "form-submissions-max": _number("most submissions in a page", 50, 20, 1),
    "submission-ids": _one_of("whether submissions have a conversionId", "yes", "no", worst="no"),
    "comment-submissions": _one_of(
        "submissions of a form for comments of a blog: listed like others, or 404", "listed", "404", worst="404"
    ),
    "statuses-of-nobody": _one_of(
        "an email without any status: an entry without statuses, or none", "empty", "absent", worst="absent"
    ),
    "files-offset-max": _number("most files that a search leads to, 0 for all", 10_000, 100),
    "signed-url-for-public": _one_of(
        "whether a signed URL is given for a file that is public", "yes", "no", worst="no"
    ),
    "events-order": _one_of("order of events: the newest first, or only roughly", "newest", "roughly",
                            worst="roughly"),
    "events-end": _one_of(
        "whether endTimestamp belongs to the range", "inclusive", "exclusive", worst="exclusive"
    ),
    "events-lag-s": _number("seconds until a new submission, event or change of a subscription is listed", 0, 60),
}  # fmt: skip
RECORDS = {
    "batch-order": _one_of("order of a batch read's results", "aligned", "shuffled", worst="shuffled"),
    "dated-partial-status": _one_of(
        "status of a batch with errors in dated versions", "207", "200", worst="200"
    ),
    "dates": _one_of("how createdAt and updatedAt are written", "iso", "epoch-ms", worst="epoch-ms"),
    "fraction-digits": _one_of(
        "digits of a second's fraction: as many as needed, or always so many", "varies", "0", "3", "6",
        worst="6",
    ),
    "history-max": _number("most values in a property's history, 0 for all", 0, 20),
    "usage-counts-archived": _one_of(
        "whether limits/records counts archived rows", "no", "yes", worst="yes"
    ),
    "merge-id": _one_of(
        "whether a merge of contacts or companies makes a new id", "new", "primary", worst="new"
    ),
    "library-disabled": _one_of(
        "records of a type that is not switched on in the object library: refused, not found, or none",
        "403", "404", "empty", worst="404",
    ),
    "archived-values": _one_of(
        "values of archived properties that are asked for by name: left out, given, or the request is refused",
        "omitted", "come", "refused", worst="refused",
    ),
    "gone-type": _one_of(
        "a type that was there and is not any more: not found, or its name is not understood", "404", "400",
        worst="400",
    ),
    "tier-refusal": _one_of(
        "what the portal's tier lacks: refused without naming a scope, or not found", "403", "404", worst="404"
    ),
    "generic-engagements": _one_of(
        "whether the generic engagements object answers", "yes", "no", worst="yes"
    ),
}  # fmt: skip
BUDGETS = {
    "association-budget": _one_of(
        "whether associations have a budget of their own", "separate", "shared", worst="shared"
    ),
    "search-budget": _one_of(
        "whether searches are counted in the general budget too", "separate", "shared", worst="shared"
    ),
    "window": _one_of(
        "how requests in 10 s are counted: by seconds, to the instant, or from full spans", "sliding",
        "exact", "fixed", worst="exact",
    ),
    "refusals-fill-window": _one_of(
        "whether a refused request counts in its window", "no", "yes", worst="yes"
    ),
    "remaining-jumps": _one_of(
        "whether Remaining jumps, as with several counters behind a balancer", "no", "yes", worst="yes"
    ),
    "burst-headers-on-search": _one_of(
        "whether search answers bear the burst headers", "no", "yes", worst="yes"
    ),
    "daily-headers-on-search": _one_of(
        "whether search answers bear the daily headers", "yes", "no", worst="no"
    ),
    "headers-on-associations": _one_of(
        "whether association answers bear the burst headers", "no", "yes", worst="yes"
    ),
    "retry-after-on-429": _one_of("whether a 429 bears Retry-After", "no", "yes", worst="no"),
}  # fmt: skip
EDGE = {
    "url-chars-max": _number("characters of a URL from which on the edge answers 414", 16_200, 8_000),
    "body-of-414": _one_of("what a 414 says", "html", "empty", worst="empty"),
    "edge-bodies": _one_of("what 502 to 526 say: HTML, or Cloudflare's short text", "html", "text",
                           worst="text"),
    "date-skew-s": _number("seconds by which the Date header is ahead", 0, -90, -_NUMBER_MAX),
    "scopes": _one_of("whether scopes are enforced", "enforced", "ignored", worst="enforced"),
    "association-scopes": _one_of(
        "which sides' scopes associations need", "both", "either", worst="both"
    ),
    "emails-without-scope": _one_of(
        "emails without sales-email-read: refused, or without their content", "refused", "redacted",
        worst="redacted",
    ),
    "sensitive-without-scope": _one_of(
        "sensitive values asked for without their scope: the request is refused, or they are left out",
        "refused", "omitted", worst="omitted",
    ),
    "usage-for-service-keys": _one_of(
        "whether a service key may read the daily usage", "yes", "no", worst="no"
    ),
}  # fmt: skip
BELIEFS: dict[str, Belief] = LISTS | SEARCH | ASSOCIATIONS | AROUND | RECORDS | BUDGETS | EDGE


class Beliefs:
    """The switches of one sandbox: texts as `name=value`, or `worst` for all; later ones win.

    SandboxError names a switch that is not there, or the values one can have.
    """

    def __init__(self, chosen: Iterable[str] = ()) -> None:
        self._values = {name: belief.default for name, belief in BELIEFS.items()}
        for text in chosen:
            if text == WORST:
                self._values = {name: belief.worst for name, belief in BELIEFS.items()}
            else:
                self._set(*text.partition("=")[::2])

    def _set(self, name: str, value: str) -> None:
        belief = BELIEFS.get(name)
        if belief is None:
            raise SandboxError(f"there is no belief '{name}'; there are: {WORST}, {', '.join(BELIEFS)}")
        if not belief.allows(value):
            raise SandboxError(f"belief {name} is '{value}', but must be {belief.allowed}")
        self._values[name] = value

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def number(self, name: str) -> int:
        return int(self._values[name])

    def as_dict(self) -> Mapping[str, str]:
        """Every switch as it stands."""
        return dict(self._values)
