"""hubdump: pg_dump for HubSpot."""

from __future__ import annotations

from typing import Any

from hubdump.version import __version__

__all__ = ["__version__", "extract_with_search_filter"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: importing the HTTP library here would slow `hubdump --help` down.
    if name == "extract_with_search_filter":
        from hubdump.api import extract_with_search_filter

        return extract_with_search_filter
    raise AttributeError(f"module 'hubdump' has no attribute {name!r}")
