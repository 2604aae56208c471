"""Whether a record that differs is wrong here, or was only changed since: nobody is accused on a list's word alone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hubdump.model import State
from hubdump.store.reader import StoredState
from hubdump.verify.portal import Present


class Kind(StrEnum):
    """How a record is at HubSpot and here."""

    SAME = "the same"
    SINCE = "changed since the run"
    PURGED = "archived, and deleted for good since"
    MISSING = "missing here"
    STALE = "older here"
    NEWER = "newer here than at HubSpot"
    ACTIVE = "archived or gone here, active at HubSpot"
    ARCHIVED = "active or gone here, archived at HubSpot"
    EXTRA = "only here"
    OTHER = "of the same version, with other values here"
    UNREADABLE = "not given by HubSpot"


ACCUSED = (Kind.MISSING, Kind.STALE, Kind.NEWER, Kind.ACTIVE, Kind.ARCHIVED, Kind.EXTRA, Kind.OTHER)


def kind_of(
    there: Present | str, here: StoredState | None, fresh_us: int, moved_us: Mapping[int, int]
) -> Kind:
    """What to think of a record; `moved_us` says when those that others were merged into changed."""
    if isinstance(there, str):
        return Kind.UNREADABLE
    held = here if here and here.state in {State.ACTIVE, State.ARCHIVED} else None
    if there.state is State.GONE:
        if held is None:
            return Kind.SAME
        return Kind.PURGED if held.state is State.ARCHIVED else Kind.EXTRA
    if there.state is State.MERGED:
        merged_since = there.into is not None and moved_us.get(there.into, fresh_us + 1) > fresh_us
        if held is None:
            return Kind.SAME
        return Kind.SINCE if merged_since else Kind.EXTRA
    if held and (held.state, held.updated_us) == (there.state, there.updated_us):
        return Kind.SAME
    if there.moved_us > fresh_us:
        return Kind.SINCE
    if here is None:
        return Kind.MISSING
    if here.state is not there.state:
        return Kind.ACTIVE if there.state is State.ACTIVE else Kind.ARCHIVED
    return Kind.STALE if (there.updated_us or 0) > (here.updated_us or 0) else Kind.NEWER
