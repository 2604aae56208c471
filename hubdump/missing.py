"""What a run has to say at its end: what is missing, and how to have it or to do without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hubdump.around import COLLECTIONS, LeftOut
from hubdump.errors import HubdumpError, Incomplete, ScopeMissing, is_forbidden
from hubdump.model import Quarantine

NAMED_MAX = 5


def what_is_missing(
    failed: Mapping[str, Incomplete],
    failures: Mapping[str, Sequence[Quarantine]],
    out: Mapping[str, Sequence[LeftOut]],
    exclude: Sequence[str] = (),
) -> HubdumpError | None:
    """None where nothing is. `failed` are types and collections, and why; `failures` single records by type, `out`
    parents by collection; `exclude` the words by which the user leaves something out already.
    """
    if failed:
        told = "; ".join(f"{name}: {error.message}" for name, error in failed.items())
        return Incomplete(f"Incomplete: {told}", "\n".join(_hints(failed, exclude)))
    named = [_named(name, found) for name, found in failures.items() if found]
    named += [
        f"{name} of {', '.join(one.parent for one in lost[:NAMED_MAX])} ({lost[0].reason})"
        for name, found in out.items()
        if (lost := [one for one in found if one.failed])
    ]
    if named:
        return Incomplete(
            f"Incomplete: HubSpot fails to give {'; '.join(named)}; manifest.json names all. The rest is there.",
            "Run again: it asks for them anew. If they fail for days, send HubSpot's support the ids.",
        )
    return None


def any_hint(failed: Mapping[str, Incomplete]) -> str:
    """The first there is."""
    return next((error.hint for error in failed.values() if error.hint), "")


def is_unreadable(error: Incomplete) -> bool:
    """Whether nothing of a type may be read, not only where its associations lead."""
    return is_forbidden(error) and not (isinstance(error, ScopeMissing) and error.of)


def _hints(failed: Mapping[str, Incomplete], exclude: Sequence[str]) -> Iterator[str]:
    """How to have what the token may not read, and the line that says for good to do without it; else any hint."""
    forbidden = {name: error for name, error in failed.items() if is_forbidden(error)}
    lacking = [error for error in forbidden.values() if isinstance(error, ScopeMissing)]
    if scopes := sorted({scope for error in lacking for scope in error.scopes}):
        yield f"Add {', '.join(scopes)} to the service key in HubSpot (Development > Keys), then run again."
    elif hint := any_hint(failed):
        yield hint
    if forbidden:
        words = dict.fromkeys([*exclude, *_words(forbidden)])
        named = ", ".join(f'"{word}"' for word in words)
        yield f"To go on without, write into hubdump.toml: exclude = [{named}]"


def _words(forbidden: Mapping[str, Incomplete]) -> Iterator[str]:
    """What `exclude` calls what cannot be read; a collection goes with the one it hangs on."""
    parents = {row.name: row.parent for row in COLLECTIONS}
    for name, error in forbidden.items():
        if isinstance(error, ScopeMissing) and error.of:
            yield from error.of
        elif parents.get(name) not in forbidden:
            yield name


def _named(type_: str, found: Sequence[Quarantine]) -> str:
    """The records of a type that could not be read, the first few by id, and why the first was not."""
    ids = list(dict.fromkeys(str(one.id) if one.id > 0 else "without an id" for one in found))
    more = f" and {len(ids) - NAMED_MAX} more" if len(ids) > NAMED_MAX else ""
    return f"{type_} {', '.join(ids[:NAMED_MAX])}{more} ({found[0].purpose}: {found[0].reason})"
