"""A HubSpot portal on 127.0.0.1, to test integrations against. Imports nothing else of hubdump's."""

from __future__ import annotations

from collections.abc import Callable

from hubdump.sandbox.beliefs import BELIEFS
from hubdump.sandbox.config import TIERS, SandboxConfig, SandboxError
from hubdump.sandbox.core import Core
from hubdump.sandbox.embedding import Emulated, Sandbox
from hubdump.sandbox.faults import FAULTS
from hubdump.sandbox.in_process import InProcess
from hubdump.sandbox.portals import PORTALS

__all__ = [
    "BELIEFS", "FAULTS", "PORTALS", "TIERS", "Core", "Emulated", "InProcess", "Sandbox", "SandboxConfig",
    "SandboxError", "serve",
]  # fmt: skip


def serve(
    config: SandboxConfig, port: int, on_ready: Callable[[int], None], *, stop_on_stdin_eof: bool = False
) -> None:
    """Serve a portal; see hubdump.sandbox.server. The HTTP library is loaded only now."""
    from hubdump.sandbox import server

    server.serve(config, port, on_ready, stop_on_stdin_eof=stop_on_stdin_eof)
