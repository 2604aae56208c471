"""Event -> the lines that say it: the old script's words where its users grep for them (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from hubdump.events import (
    Associated,
    CollectionCompleted,
    CollectionFailed,
    Event,
    FetchedSummary,
    FileFetched,
    FileWritten,
    ItemsCommitted,
    Noted,
    PageCommitted,
    RetryScheduled,
    RunEnded,
    RunStarted,
    TypeAbsent,
    TypeCompleted,
    TypeFailed,
    TypeStarted,
    TypeSummary,
)
from hubdump.extract.plan import Linking
from hubdump.model import Totals
from hubdump.printable import clean

TEXT_CHARS_MAX = 200
_JOINED = "\xa0"  # a space at which no line breaks
# From this failure of one request on, a person wants to know how long it will go on.
UNTIL_FROM_ATTEMPT = 3
# More types than this are counted, not named.
NAMED_MAX = 12
LINE_CHARS_MAX = 79


def lines(event: Event) -> list[str]:
    """What a log says of an event, clean; nothing for a page."""
    return [clean(line) for line in _lines(event)]


def _lines(event: Event) -> list[str]:
    match event:
        case RunStarted():
            return _started(event)
        case TypeStarted():
            return [_extracting(event)]
        case RetryScheduled():
            return [_retry(event)]
        case TypeCompleted() | CollectionCompleted():
            return _completed(event)
        case TypeFailed() | CollectionFailed():
            return _failed(event)
        case FileWritten():
            return [f"Wrote {event.path} ({event.records:,} records)"]
        case Noted():
            return [event.text, *_hint(event.hint)]
        case PageCommitted() | TypeAbsent() | ItemsCommitted() | FileFetched():
            return []
        case RunEnded():
            return list(summary(event))


def _started(event: RunStarted) -> list[str]:
    rate = event.rate if event.rate == "auto" else f"at most {event.rate} requests in 10 s"
    names = ", ".join(event.types) or "nothing: all is complete"
    if len(event.types) > NAMED_MAX:
        names = f"{len(event.types)} types"
    return [f"Run {event.run} of portal {event.portal} into {event.dump} ({rate})", f"To read: {names}"]


def _extracting(event: TypeStarted) -> str:
    again = f" (continuing: {event.stored:,} records are there)" if event.resumed else ""
    kind = f"{event.engagement} engagements" if event.engagement else event.type
    return f"Extracting {kind}{again}"


def _failed(event: TypeFailed | CollectionFailed) -> list[str]:
    name = _name(event.engagement, event.type) if isinstance(event, TypeFailed) else event.collection
    return [f"{name} is incomplete: {event.reason}", *_hint(event.hint)]


def page_line(event: PageCommitted) -> str:
    """A page, for those who asked for every one."""
    return (
        f"Committed {event.type} {event.purpose}: {event.records} records, {event.associations} associations, "
        f"{event.past_values} past values"
    )


def summary(event: RunEnded) -> Iterator[str]:
    """How a run ended, as plain lines."""
    yield ""
    shown = with_a_row(event)
    wide = max(15, *(len(name) + 1 for name in shown)) if shown else 15
    yield (
        f"{'type':<{wide}}{'records':>9}{'archived':>10}{'associations':>14}{'failed':>8}  {'fresh at':<21} proved at"
    )
    for name, of in shown.items():
        numbers = f"{of.records:>9,}{of.archived:>10,}{of.associations:>14,}{of.failed:>8}"
        yield f"{name:<{wide}}{numbers}  {of.fresh_at or 'not complete':<21} {of.proved_at or 'never'}"
    records, archived, links, failed = totals(event)
    yield f"{'all':<{wide}}{records:>9,}{archived:>10,}{links:>14,}{failed:>8}"
    yield ""
    yield from closing(event)


def with_a_row(event: RunEnded) -> dict[str, TypeSummary]:
    """The types that have a line of their own: those with something in them, or not complete; and those named alone."""
    if len(event.types) <= NAMED_MAX:
        return dict(event.types)
    return {name: of for name, of in event.types.items() if not _is_empty(of)}


def _is_empty(of: TypeSummary) -> bool:
    return bool(of.fresh_at) and not (of.records or of.archived or of.associations or of.failed)


def _told(title: str, names: Iterable[str]) -> Iterator[str]:
    """Names in as many lines as they need."""
    if text := ", ".join(names):
        for line in wrap(f"{title}: {text}", LINE_CHARS_MAX, subsequent_indent="  ", break_long_words=False):
            yield line.replace(_JOINED, " ")


def totals(event: RunEnded) -> tuple[int, int, int, int]:
    """Active and archived records, associations and failed ones of all types."""
    types = event.types.values()
    return (
        sum(t.records for t in types),
        sum(t.archived for t in types),
        sum(t.associations for t in types),
        sum(t.failed for t in types),
    )


def closing(event: RunEnded) -> Iterator[str]:
    """What a summary says below its table."""
    yield from _told("nothing in", (name for name in event.types if name not in with_a_row(event)))
    yield from _told("around the records", _items(event))
    if event.fetched is not None:
        yield fetched_line(event.fetched)
    unread = [name for name, of in event.around.items() if of.unread]
    yield from _told("not in this portal", [*event.absent, *unread])
    yield from _told("excluded", event.excluded)
    if event.associations is not None:
        yield from associations_lines(event.associations)
    sent = sum(event.requests.values())
    by_budget = ", ".join(f"{name} {number}" for name, number in event.requests.items())
    again = {0: "no retry", 1: "1 retry"}.get(event.retries, f"{event.retries} retries")
    yield f"{sent} requests ({by_budget}), {again}, {event.seconds:.1f} s"
    if event.bound_s > 0.05 and event.rate != "auto":
        yield (
            f"HUBSPOT_MAX_REQUESTS_PER_10S={event.rate} held requests back for {event.bound_s:.1f} s; "
            "auto would have saved them"
        )
    if past := {name: of.past_values for name, of in event.types.items() if of.past_values}:
        listed = ", ".join(f"{name} {number:,}" for name, number in past.items())
        yield f"{sum(past.values()):,} past values of properties ({listed})"
    for path in event.files:
        yield f"The data is in {clean(path)}"
    yield f"{clean(event.verdict)} (exit {event.exit})"
    for line in event.next:
        yield f"{'hint' if event.exit else 'next'}: {clean(line)}"


def one_line(event: RunEnded) -> str:
    """How a run ended, for who wants no more: whole, with what is there and up to when; else its verdict."""
    fresh = [of.fresh_at for of in event.types.values() if of.fresh_at]
    if event.exit or not fresh:
        return clean(event.verdict)
    records, _, links, _ = totals(event)
    return (
        f"{clean(event.verdict)}: {records:,} records and {links:,} associations, fresh at {min(fresh)};"
        f" {sum(event.requests.values()):,} requests, {event.seconds:.0f} s"
    )


def associations_lines(of: Associated) -> Iterator[str]:
    """As of when the associations are, where not all of them were read just now."""
    as_of = (
        f"all of them were last read at {of.whole_at}"
        if of.whole_at
        else "the dump does not have all of them"
    )
    if of.read == Linking.NEVER:
        yield f"associations: not read, as you say (--associations never); {as_of}"
    elif of.read == Linking.CHANGED:
        yield f"associations: read of what changed; {as_of} or later"


def fetched_line(of: FetchedSummary) -> str:
    """What there is of the bytes of HubSpot's files."""
    gone = f", {of.gone:,} of them no longer named by HubSpot" if of.gone else ""
    absent = f"; {of.absent:,} not at HubSpot, or hidden" if of.absent else ""
    failed = f"; {of.failed:,} failed" if of.failed else ""
    return f"bytes of {of.files:,} files ({of.bytes / 1e6:,.1f} MB){gone}{absent}{failed}"


def _items(event: RunEnded) -> Iterator[str]:
    """Each collection and how many items of it there are."""
    return (f"{name}{_JOINED}{of.items:,}" for name, of in event.around.items() if not of.unread)


def _completed(event: TypeCompleted | CollectionCompleted) -> list[str]:
    if isinstance(event, CollectionCompleted):
        return [f"Completed {event.collection}: {event.items:,} items"]
    of = event.totals
    if not event.engagement and of == Totals():
        return []  # one line at the end names all of them
    name = _name(event.engagement, event.type)
    told = [f"Completed {name} - Success: {of.records}, Failed: {of.failed}, Total: {of.records + of.failed}"]
    if of.without and event.engagement:  # the others' associations may be read from the other side
        told.append(f"Without associations: {of.without}")
    return told


def _retry(event: RetryScheduled) -> str:
    said = f"HTTP {event.status}" if event.status else "No answer"
    text = clean(event.text)[:TEXT_CHARS_MAX]
    id_ = f" [{event.correlation_id}]" if event.correlation_id else ""
    until = f", until {event.until}" if event.attempt >= UNTIL_FROM_ATTEMPT else ""
    return (
        f"{said} from {event.template}: {text}{id_} - will retry with backoff "
        f"(failure {event.attempt}, in {event.wait_s:.1f} s{until})"
    )


def _name(engagement: str, type_: str) -> str:
    return engagement or type_.upper()


def _hint(hint: str) -> list[str]:
    return [f"hint: {hint}"] if hint else []
