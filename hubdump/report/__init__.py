"""report.html: how a run ended and what the dump holds, for people to look at."""

from __future__ import annotations

from hubdump.report.report import Report

__all__ = ["Report"]
