"""hubdump: pg_dump for HubSpot."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hubdump.version import __version__

if TYPE_CHECKING:
    from hubdump import dlt
    from hubdump.api import extract_with_search_filter
    from hubdump.called import run
    from hubdump.opened import open  # noqa: A004 - `hubdump.open` says what it does

__all__ = ["__version__", "dlt", "extract_with_search_filter", "open", "run"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: importing the HTTP library here would slow `hubdump --help` down.
    if name == "extract_with_search_filter":
        from hubdump.api import extract_with_search_filter

        return extract_with_search_filter
    if name == "open":
        from hubdump import opened

        return opened.open
    if name == "run":
        from hubdump import called

        return called.run
    if name == "dlt":
        return import_module("hubdump.dlt")
    raise AttributeError(f"module 'hubdump' has no attribute {name!r}")
