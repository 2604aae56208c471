"""The sandbox as a process of its own, for as long as a measurement asks it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def served(*flags: str) -> Iterator[str]:
    """`hubdump sandbox` with these flags, as long as it is needed; its URL."""
    command = [sys.executable, "-m", "hubdump.sandbox", "--json", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own program
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
