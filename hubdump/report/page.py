"""What report.html says: one file, nothing fetched from anywhere, all of it escaped by the template's library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from hubdump.errors import EXIT_MEANINGS, Exit
from hubdump.events import RunEnded, TypeSummary
from hubdump.printable import clean
from hubdump.report.drawing import pictures
from hubdump.report.told import Told
from hubdump.version import __version__
from hubdump.wording import fetched_line

# A page that a phone shows at once: what would make it longer is counted instead.
PROPERTIES_MAX = 25
TYPES_FILLED_MAX = 40
TEXT_CHARS_MAX = 600
LINES_MAX = 60


@dataclass(frozen=True, slots=True)
class Fill:
    """How well the properties of a type are filled: the `shown` best of them, and counts of the others."""

    type: str
    records: int
    properties: int
    full: int
    empty: int
    shown: tuple[tuple[str, float], ...]


def page(told: Told, manifest: Mapping[str, Any]) -> str:
    """The report of a run that came to its end, as HTML."""
    assert told.ended is not None
    ended = told.ended
    return _TEMPLATE.render(
        version=__version__,
        portal=told.started.portal if told.started else manifest.get("portal", ""),
        run=manifest.get("run", ""),
        ended=ended,
        meaning=EXIT_MEANINGS[Exit(ended.exit)],
        verdict=_cut(ended.verdict),
        types={name: of for name, of in ended.types.items() if not _nothing(of) or name in told.failed},
        counted=any(of.counted is not None for of in ended.types.values()),
        nothing=[name for name, of in ended.types.items() if _nothing(of) and name not in told.failed],
        around={name: of for name, of in ended.around.items() if not of.unread},
        unread=[name for name, of in ended.around.items() if of.unread],
        fetched=fetched_line(ended.fetched) if ended.fetched else "",
        pictures=pictures(ended.timeline, ended.limits),
        causes=told.causes.most_common(20),
        unreadable=list(_unreadable(told, manifest)),
        notes=[(_cut(note.text), note.hint) for note in told.notes],
        fills=list(_fills(ended))[:TYPES_FILLED_MAX],
        beliefs={
            name: state for name, state in dict(manifest.get("beliefs", {})).items() if state != "assumed"
        },
    )


def _nothing(of: TypeSummary) -> bool:
    """Whether a type was read whole and has no record."""
    return not (of.records or of.archived or of.failed) and of.fresh_at is not None


def _unreadable(told: Told, manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What could not be read: where, what, and why; what to do stands with the verdict."""
    for name, failed in list(told.failed.items())[:LINES_MAX]:
        yield name, "not read whole", _cut(" ".join(filter(None, (failed.reason, failed.hint))))
    for name, found in dict(manifest.get("quarantined", {})).items():
        ids = [str(one["id"] or "without an id") for one in found]
        more = f" and {len(ids) - 10} more (manifest.json)" if len(ids) > 10 else ""
        yield name, ", ".join(ids[:10]) + more, _cut(found[0]["reason"])


def _fills(ended: RunEnded) -> Iterator[Fill]:
    for type_, (records, of) in ended.filled.items():
        if records:
            shares = sorted(((name, 100 * n / records) for name, n in of.items()), key=lambda one: -one[1])
            used = [one for one in shares if one[1] > 0]
            full = sum(share == 100 for _, share in used)
            yield Fill(
                type_, records, len(shares), full, len(shares) - len(used), tuple(used[:PROPERTIES_MAX])
            )


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARS_MAX else text[:TEXT_CHARS_MAX] + " ..."


def _number(value: float) -> str:
    return f"{value:,}"


def _instant(text: str) -> str:
    """An ISO instant as people read it; another text as it is."""
    return f"{text[:10]} {text[11:19]}" if text.endswith("Z") else text


def _shown(value: Any) -> Any:
    """What a template prints: no control character, and no lone surrogate, which no file could hold."""
    return clean(value).encode("utf-8", "replace").decode() if type(value) is str else value


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("hubdump.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"number": _number, "instant": _instant}
    return environment.get_template("report.html.j2")


# Understanding it takes longer than filling it.
_TEMPLATE = _template()
