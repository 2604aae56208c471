"""hubdump load --as-of RUN: a dump of its own, in the dump, of what records and associations were after a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from hubdump import checking
from hubdump.clock import instant_text
from hubdump.events import Emit, Noted
from hubdump.manifest import NAME, SCHEMA
from hubdump.seal import STORE
from hubdump.store import as_of
from hubdump.store.database import disk_errors
from hubdump.store.past import Run
from hubdump.store.reader import Reader
from hubdump.targets.export import Wanted
from hubdump.targets.written import put_in_place, replacing
from hubdump.version import __version__

FOLDER = "as-of"


def load_as_of(dump: Path, word: str, asked: Callable[[Path], Wanted], emit: Emit) -> None:
    """Fill targets with what a run left, in a folder named by it; `asked` are those of that folder.

    UsageError where there is no such run, or where nobody knows any more what it left.
    """
    with closing(Reader(dump / STORE)) as reader:
        run, portal = reader.past.run(word), reader.meta("portal")
    folder = dump / FOLDER / run.name
    wanted = asked(folder)
    _make(dump / STORE, run, folder / STORE)
    _write_manifest(folder, run, portal)
    emit(
        Noted(
            f"{folder} has records and associations as run {run.told} left them; what properties there "
            "are, and what is around them - owners, pipelines, lists, ... - is as it is now."
        )
    )
    checking.load_again(folder, wanted, emit)


def dumps_in(dump: Path) -> Iterator[Path]:
    """The dumps as of runs that were made of a dump."""
    yield from (path.parent for path in sorted((dump / FOLDER).glob(f"*/{STORE}")))


def _make(source: Path, run: Run, target: Path) -> None:
    """Write the store, unless it is there: what a run left does not change."""
    if target.exists():
        return
    new = target.with_name(f".{target.name}.new")
    with disk_errors(new):
        for left in new.parent.glob(f"{new.name}*"):
            left.unlink()
    as_of.write(source, run, new)
    put_in_place(new, target)


def _write_manifest(folder: Path, run: Run, portal: str) -> None:
    ended = instant_text(run.ended_us) if run.ended_us else None
    content = {"schema": SCHEMA, "hubdump": __version__, "portal": portal}
    content |= {"as_of": {"run": run.name, "began": instant_text(run.began_us), "ended": ended}}
    with replacing(folder / NAME) as draft:
        draft.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
