"""Compares two recordings, a real portal's and the sandbox's: what one answers and the other never does."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from hubdump.catalog import STANDARD
from hubdump.errors import Exit, UsageError
from hubdump.record import shapes
from hubdump.record.recorder import Exchanged, read

Key = tuple[str, str, int]
_NAMES = {
    "{custom}",
    *(name for type_ in STANDARD.types for name in (type_.name, type_.singular, type_.type_id)),
}


def differences(real: Sequence[Exchanged], emulated: Sequence[Exchanged]) -> Iterator[str]:
    """One line for each thing that differs, by method, path and status, where both sides answered so."""
    theirs, ours = _by_key(real), _by_key(emulated)
    for key in sorted(theirs.keys() & ours.keys()):
        yield from _headers(key, theirs[key], ours[key])
        yield from _shapes(key, theirs[key], ours[key])


def unprovoked(real: Sequence[Exchanged], emulated: Sequence[Exchanged]) -> Iterator[str]:
    """One line for each kind of answer that was recorded and that the sandbox had no cause to give."""
    for key in sorted(_by_key(real).keys() - _by_key(emulated).keys()):
        yield f"{_told(key)}: recorded, not provoked here"


def main(real: str, emulated: str) -> int:
    """Print the differences; 0 when there are none, 3 when there are."""
    try:
        theirs, ours = read(Path(real)), read(Path(emulated))
    except UsageError as error:
        sys.stderr.write(f"{error.message}\nhint: {error.hint}\n")
        return Exit.USAGE
    found = list(differences(theirs, ours))
    for line in (*unprovoked(theirs, ours), *found):
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{len(found)} differences between {real} and the sandbox\n")
    return Exit.INCOMPLETE if found else Exit.COMPLETE


def _by_key(found: Sequence[Exchanged]) -> dict[Key, list[Exchanged]]:
    keyed: dict[Key, list[Exchanged]] = {}
    for one in found:
        keyed.setdefault((one.method, _any_type(one.path), one.status), []).append(one)
    return keyed


def _any_type(path: str) -> str:
    """A path whatever the object type: a list is a list."""
    return "/".join("{type}" if segment in _NAMES else segment for segment in path.split("/"))


def _headers(key: Key, theirs: Sequence[Exchanged], ours: Sequence[Exchanged]) -> Iterator[str]:
    real, emulated = ({name for one in side for name in one.headers} for side in (theirs, ours))
    for name in sorted(real ^ emulated):
        yield f"{_told(key)}: header {name} only {'recorded' if name in real else 'in the sandbox'}"
    bodies = sorted({one.form for one in theirs} - {one.form for one in ours})
    for form in bodies:
        yield f"{_told(key)}: a body of {form} only recorded"


def _shapes(key: Key, theirs: Sequence[Exchanged], ours: Sequence[Exchanged]) -> Iterator[str]:
    real, emulated = (shapes.merged(one.answer for one in side) for side in (theirs, ours))
    for path in sorted(real.keys() | emulated.keys()):
        there, here = real.get(path, set()), emulated.get(path, set())
        if not here or not there:
            yield f"{_told(key)}: {path} only {'recorded' if there else 'in the sandbox'}"
        elif there - here:
            yield f"{_told(key)}: {path} is {_kinds(there)}, in the sandbox only {_kinds(here)}"


def _told(key: Key) -> str:
    method, path, status = key
    return f"{method} {path} {status}"


def _kinds(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:3]))
