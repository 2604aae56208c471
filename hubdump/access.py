"""Where HubSpot and the dump are: as the settings say, or the embedded portal and a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubdump import embedded, settings
from hubdump.extract.bearer import Credentials
from hubdump.extract.exchange import Patience
from hubdump.session import Access
from hubdump.settings import Settings


@contextmanager
def reached_portal(
    sandbox: bool, portal: str, faults: str, latency_ms: int
) -> Iterator[tuple[str | None, Credentials | None]]:
    """Where HubSpot is: the embedded portal with its own token, or what the settings say."""
    if not sandbox:
        yield None, None
        return
    with embedded.sandbox(portal, faults, latency_ms) as found:
        yield found


def folder_of(chosen: Path | None, *, sandbox: bool) -> Path:
    """The folder of the dump; a trial never meets that of a real portal."""
    return chosen or Path("data-sandbox" if sandbox else "data")


def access_of(chosen: Settings, credentials: Credentials | None, record: Path | None = None) -> Access:
    """How HubSpot is reached, with these credentials or those of the settings."""
    patience = Patience(chosen.give_up_after_s, chosen.max_retries)
    return Access(
        chosen.base_url,
        credentials or settings.credentials(),
        chosen.number,
        patience,
        record,
        chosen.share,
        chosen.daily_reserve,
    )
