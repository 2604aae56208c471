"""A dump as a source of dlt: `pipeline.run(hubdump.dlt.hubspot().with_resources("contacts"))`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubdump import called, settings
from hubdump.access import folder_of
from hubdump.errors import Exit, HubdumpError, UsageError, installing
from hubdump.model import CUSTOM
from hubdump.targets.dlt_feed import CUSTOM_OBJECTS, Feed, How, source
from hubdump.targets.tables import read_for

if TYPE_CHECKING:
    from dlt.extract import DltSource


def hubspot(
    dump: str | Path | None = None, *, extract: bool = True, hard_delete: bool = False, **wishes: Any
) -> DltSource:
    """The tables of a dump as resources: object types, `associations`, `owners`, `pipelines` and all that is around.

    The dump is brought up to date first, by `hubdump.run` with these wishes, for the resources that are selected;
    not with `extract=False`. Where that does not end complete nothing is sent. Records are merged on `id`; what is
    archived or gone stays as a row that says so, but with `hard_delete`.
    """
    _installed()
    folder = folder_of(settings.load(HUBDUMP_DIR=dump).dump, sandbox=wishes.get("sandbox") is not None)

    def update(tables: Sequence[str]) -> None:
        only = () if len(tables) == len(feed.named) else _words(tables)
        ended = called.run(folder, **{"only": only, **wishes})
        if ended.exit != Exit.COMPLETE:
            hint = "To load what the dump has: hubspot(..., extract=False)"
            raise HubdumpError(f"{ended.verdict} {' '.join(ended.next)} Nothing was loaded.", hint)

    feed = Feed(folder, update if extract else None, How(hard_delete))
    return source(feed)


def _installed() -> None:
    if missing := [name for name in ("dlt", "pyarrow") if find_spec(name) is None]:
        raise UsageError(
            f"{' and '.join(missing)} is not installed. Install: pip install 'hubdump[dlt]'",
            installing("hubdump[dlt]"),
        )


def _words(tables: Sequence[str]) -> tuple[str, ...]:
    """What `--only` is to say for these tables; nothing for those that are about whatever is read."""
    return tuple(CUSTOM if word == CUSTOM_OBJECTS else word for word in read_for(tables))
